//! Every page of help, as it is printed.

use super::run::Place;

const PAGES: &[&str] = &[
    "",
    "serve",
    "check",
    "domain",
    "domain add",
    "domain remove",
    "domain set",
    "domain mode",
    "domain unlisted",
    "domain preview",
    "domain completeness",
    "domain alias",
    "domain alias add",
    "account",
    "account add",
    "account remove",
    "account list",
    "alias",
    "alias add",
    "import",
    "export",
    "changes",
    "changes list",
    "changes undo",
    "queue",
    "queue list",
    "queue summary",
    "queue retry",
    "queue delete",
    "log",
    "status",
    "admin",
    "admin remove",
    "apikey",
    "completion",
    "man",
    "sender",
    "sender block",
    "sender allow",
    "sender list",
    "harvest",
    "harvest status",
    "harvest sources",
    "harvest block",
    "harvest release",
    "harvest extend",
    "config",
    "config show",
    "doctor",
    "plan",
    "agent",
];

#[test]
fn help_is_as_it_was_read_last() {
    let place = Place::new();
    let mut all = String::new();
    for page in PAGES {
        let text = place.done(&format!("{page} --help"));
        all.push_str(&format!("$ doorlist {page} --help\n{text}\n"));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let place = Place::new();
    let lines = [
        "",
        "domain",
        "serve me",
        "domain add example.test",
        "domain mode example.test accept",
        "queue retry",
        "queue show x",
        "account add not-an-address",
        "preview example.test",
        "import x.txt",
    ];
    for line in lines {
        let ran = place.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{line}");
        assert!(!ran.err.is_empty(), "{line}");
    }
    assert!(place.done("--version").starts_with("doorlist "));
}
