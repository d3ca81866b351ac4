//! A01 to A11: one address has many spellings, and whatever is spelt, RCPT, the command line and an import agree.

use std::time::Duration;

use super::{ANN, at_work};
use crate::client::{Client, wait_until};
use crate::server::{Server, Settings};

/// What `doorlist check` says by its exit code.
fn checked(server: &Server, address: &str) -> &'static str {
    let printed = server.command(&["check", address]);
    match printed.code {
        0 => "250",
        3 => "550",
        4 => "451",
        _ => "501",
    }
}

/// Asks RCPT and `doorlist check` for each of these; both must give the reply's first digits.
#[track_caller]
fn rcpt_and_check_agree(server: &Server, cases: &[(&str, &str)]) {
    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<friend@sender.example.test> SMTPUTF8", "250 ");
    for (address, reply) in cases {
        client.ask(&format!("RCPT TO:<{address}>"), reply);
        assert_eq!(checked(server, address), &reply[..3], "doorlist check {address}");
    }
}

fn unguarded() -> Settings {
    Settings::default().set("guard.enabled", "false")
}

#[test]
fn a01_case_and_trailing_dots() {
    let (server, _sink) = at_work(unguarded());
    rcpt_and_check_agree(
        &server,
        &[
            ("ann@example.test", "250 2.1.5"),
            ("ANN@EXAMPLE.TEST", "250 2.1.5"),
            ("aNn@eXample.teSt", "250 2.1.5"),
            ("ann@example.test.", "501 5.1.3"),
        ],
    );
}

#[test]
fn a02_quotes_that_are_needed_and_quotes_that_are_not() {
    let (server, _sink) = at_work(unguarded());
    server.done(&["account", "add", "\"a b\"@example.test", "\"<script>\"@example.test"]);
    rcpt_and_check_agree(
        &server,
        &[
            ("\"ann\"@example.test", "250 2.1.5"),
            ("\"a\\nn\"@example.test", "250 2.1.5"),
            ("\"a b\"@example.test", "250 2.1.5"),
            ("\"a\\ b\"@example.test", "250 2.1.5"),
            ("\"<script>\"@example.test", "250 2.1.5"),
            ("\"../../etc\"@example.test", "550 5.1.1"),
            ("\"|sh\"@example.test", "550 5.1.1"),
            ("\"$(touch x)\"@example.test", "550 5.1.1"),
            ("\"' or 1=1 --\"@example.test", "550 5.1.1"),
            ("\"\"@example.test", "501 5.1.3"),
        ],
    );
}

#[test]
fn a03_a04_routes_percent_and_bang_are_never_followed() {
    let (server, _sink) = at_work(unguarded());
    server.done(&["account", "add", "100%off@example.test"]);
    rcpt_and_check_agree(
        &server,
        &[
            ("ann%evil.test@example.test", "550 5.7.1"),
            ("evil.test!ann@example.test", "550 5.7.1"),
            ("ann+x%evil.test@example.test", "550 5.7.1"),
            ("ann+!x@example.test", "550 5.7.1"),
            ("\"ann+x@evil.test\"@example.test", "550 5.7.1"),
            ("postmaster+%evil.test@example.test", "550 5.7.1"),
            ("100%off+x@example.test", "550 5.7.1"),
            ("100%off@example.test", "250 2.1.5"),
        ],
    );
    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<friend@sender.example.test>", "250 ");
    client.ask("RCPT TO:<@a.test,@b.test:ann@example.test>", "550 5.7.1");
}

#[test]
fn a05_sub_addresses() {
    let (server, _sink) = at_work(unguarded());
    server.done(&["account", "add", "anne-marie@example.test", "anne@example.test"]);
    let many_tags = format!("ann{}@example.test", "+a".repeat(30));
    let too_many = format!("ann{}@example.test", "+".repeat(1_000));
    rcpt_and_check_agree(
        &server,
        &[
            ("ann+tag@example.test", "250 2.1.5"),
            ("ann+@example.test", "250 2.1.5"),
            ("ann++@example.test", "250 2.1.5"),
            ("+@example.test", "550 5.1.1"),
            ("+ann@example.test", "550 5.1.1"),
            ("anne-marie@example.test", "250 2.1.5"),
            ("ann-tag@example.test", "550 5.1.1"),
            // More than eight look-ups are not made.
            (&many_tags, "550 5.1.1"),
            (&too_many, "501 5.1.3"),
        ],
    );
}

#[test]
fn a06_letters_of_the_world() {
    let (server, _sink) = at_work(unguarded());
    server.done(&["domain", "alias", "add", "example.test", "bücher.example.test"]);
    server.done(&["account", "add", "rené@example.test", "straße@example.test", "ırmak@example.test"]);
    rcpt_and_check_agree(
        &server,
        &[
            ("ann@bücher.example.test", "250 2.1.5"),
            ("ann@xn--bcher-kva.example.test", "250 2.1.5"),
            ("ann@XN--BCHER-KVA.example.test", "250 2.1.5"),
            ("ann@ｅxample.test", "250 2.1.5"),
            ("ann@example。test", "250 2.1.5"),
            ("rené@example.test", "250 2.1.5"),
            ("rene\u{301}@example.test", "250 2.1.5"),
            ("RENÉ@example.test", "250 2.1.5"),
            ("straße@example.test", "250 2.1.5"),
            // Other letters, however alike: other mailboxes.
            ("strasse@example.test", "550 5.1.1"),
            ("irmak@example.test", "550 5.1.1"),
            ("\u{430}nn@example.test", "550 5.1.1"),
            ("\u{17f}traße@example.test", "550 5.1.1"),
            // Those that nobody sees, and those that only become ASCII: none at all.
            ("an\u{200d}n@example.test", "501 5.1.3"),
            ("\u{202e}nna@example.test", "501 5.1.3"),
            ("ann@exam\u{ad}ple.test", "501 5.1.3"),
            ("\u{212a}ate@example.test", "501 5.1.3"),
        ],
    );
    for address in ["an\u{200d}n@example.test", "\u{212a}ate@example.test"] {
        let printed = server.command(&["account", "add", address]);
        assert_ne!(printed.code, 0, "{printed:?}");
    }
    let file = server.folder().path().join("hidden");
    std::fs::write(&file, "\u{feff}bob@example.test\u{200b}\nca\u{200b}rl@example.test\n\u{212a}ate@example.test\n")
        .unwrap();
    server.command(&["import", "hidden", "--domain", "example.test", "--apply"]);
    rcpt_and_check_agree(
        &server,
        &[("bob@example.test", "250 2.1.5"), ("carl@example.test", "550 5.1.1"), ("kate@example.test", "550 5.1.1")],
    );
    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<friend@sen\u{ad}der.example.test> SMTPUTF8", "501 5.1.7");
}

#[test]
fn a07_system_addresses_and_nobody() {
    let (server, _sink) = at_work(unguarded());
    rcpt_and_check_agree(
        &server,
        &[
            ("postmaster", "250 2.1.5"),
            ("postmaster@example.test", "250 2.1.5"),
            ("abuse@example.test", "250 2.1.5"),
            ("", "501 5.1.3"),
            ("ann", "501 5.1.3"),
        ],
    );
}

#[test]
fn a08_lengths_and_odd_names() {
    let (server, _sink) = at_work(unguarded());
    let (long, too_long) = ("l".repeat(64), "l".repeat(65));
    let long = format!("{long}@example.test");
    let too_long = format!("{too_long}@example.test");
    let (tagged, endless) = (format!("first..last+{}@example.test", "t".repeat(200)), "l".repeat(250));
    let endless = format!("{endless}@example.test");
    server.done(&["account", "add", &long, "first..last@example.test"]);
    let label = format!("ann@{}.example.test", "x".repeat(64));
    let domain = format!("ann@{}test", "a.".repeat(126));
    rcpt_and_check_agree(
        &server,
        &[
            (&long, "250 2.1.5"),
            (&too_long, "550 5.1.1"),
            (&tagged, "250 2.1.5"),
            (&endless, "501 5.1.3"),
            ("first..last@example.test", "250 2.1.5"),
            ("last..first@example.test", "550 5.1.1"),
            (&label, "501 5.1.3"),
            (&domain, "501 5.1.3"),
            ("ann@exa_mple.test", "501 5.1.3"),
            ("ann@-example.test", "501 5.1.3"),
        ],
    );
}

#[test]
fn a09_address_literals() {
    let (server, _sink) = at_work(unguarded());
    rcpt_and_check_agree(
        &server,
        &[("ann@[127.0.0.1]", "550 5.7.1"), ("ann@[IPv6:::1]", "550 5.7.1"), ("ann@[256.1.1.1]", "550 5.7.1")],
    );
}

#[test]
fn a10_chains_and_loops_are_refused_when_they_are_written() {
    let (server, sink) = at_work(unguarded());
    server.done(&["alias", "add", "ann@example.test", "annie"]);
    server.done(&["account", "add", "bob@example.test", "carl@example.test"]);
    server.done(&["account", "remove", "carl@example.test"]);
    server.protect("other.test", sink.address(), &["olga"]);
    server.done(&["domain", "alias", "add", "example.test", "alias.test"]);
    let refused: [&[&str]; 8] = [
        &["alias", "add", "annie@example.test", "nan"],
        &["alias", "add", "carl@example.test", "charles"],
        &["alias", "add", "nobody@example.test", "somebody"],
        &["alias", "add", "ann@example.test", "bob"],
        &["alias", "add", "olga@other.test", "olga"],
        &["domain", "alias", "add", "example.test", "other.test"],
        &["domain", "alias", "add", "other.test", "alias.test"],
        &["domain", "add", "alias.test", "--server", "127.0.0.1:25"],
    ];
    let before = server.done(&["export", "--domain", "example.test"]);
    for command in refused {
        let printed = server.command(command);
        assert_eq!(printed.code, 1, "{command:?}: {printed:?}");
        assert!(!printed.talk.is_empty(), "{command:?} says nothing");
    }
    assert_eq!(server.done(&["export", "--domain", "example.test"]), before);
    rcpt_and_check_agree(
        &server,
        &[
            ("annie@example.test", "250 2.1.5"),
            ("ann@alias.test", "250 2.1.5"),
            ("nan@example.test", "550 5.1.1"),
            ("charles@example.test", "550 5.1.1"),
            ("bob@example.test", "250 2.1.5"),
            ("olga@other.test", "250 2.1.5"),
        ],
    );
}

/// Spellings of `n` different names, some with quotes, tags of dots, letters of the world, in changing case.
fn spellings(n: usize) -> Vec<(String, String)> {
    let stems = [
        "ann",
        "o'neil",
        "rené",
        "x=y",
        "a.b",
        "{curly}",
        "\"two words\"",
        "\"at@home\"",
        "jörg",
        "ΣΊΣΥΦΟΣ",
        "n#",
        "~",
    ];
    let spelt = |number: usize| {
        let stem = stems[number % stems.len()];
        match stem.strip_suffix('"') {
            Some(open) => format!("{open}{number}\""),
            None => format!("{stem}{number}"),
        }
    };
    (0..n).map(|number| (spelt(number), spelt(number).to_uppercase())).collect()
}

#[test]
fn a11_import_rcpt_and_export_have_one_canonical_form() {
    let (server, _sink) = at_work(unguarded());
    let spellings = spellings(3_000);
    let file = |name: &str, text: String| std::fs::write(server.folder().path().join(name), text).unwrap();
    file("first", spellings.iter().map(|(first, _)| format!("{first}@example.test\n")).collect());
    file("second", spellings.iter().map(|(_, second)| format!("{second}@EXAMPLE.TEST\n")).collect());
    let plan = server.command(&["import", "first", "--domain", "example.test", "--json"]);
    assert_eq!(plan.code, 2, "a plan that would change something: {plan:?}");
    server.done(&["import", "first", "--domain", "example.test", "--apply"]);
    // The same in other spellings changes nothing, and neither does what was exported.
    let again = server.command(&["import", "second", "--domain", "example.test"]);
    assert_eq!(again.code, 0, "{again:?}");
    let exported = server.done(&["export", "--domain", "example.test", "--format", "json"]);
    let addresses = exported.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let addresses: Vec<String> = addresses.filter_map(|entry| Some(entry["address"].as_str()?.to_owned())).collect();
    assert_eq!(addresses.len(), spellings.len() + 1);
    // Ann was added by hand, and is no address of the file's.
    file("third", addresses.into_iter().filter(|address| address != ANN).collect::<Vec<_>>().join("\n"));
    let again = server.command(&["import", "third", "--domain", "example.test"]);
    assert_eq!(again.code, 0, "{again:?}");

    let mut client = Client::greeted(server.smtp());
    for (hundred, names) in spellings.chunks(50).enumerate() {
        client.ask("MAIL FROM:<friend@sender.example.test> SMTPUTF8", "250 ");
        for (first, second) in names {
            client.ask(&format!("RCPT TO:<{first}@example.test>"), "250 2.1.5");
            client.ask(&format!("RCPT TO:<{second}@example.test>"), "250 2.1.5");
        }
        client.ask("RSET", "250 2.0.0");
        if hundred % 50 == 49 {
            client = Client::greeted(server.smtp());
        }
    }
    wait_until("nothing was queued", Duration::from_secs(5), || server.queue().is_empty());
}
