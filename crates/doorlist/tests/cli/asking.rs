//! Commands that look before they leap: what would refuse or remove asks first, and says how it is undone.

use super::run::{Place, Server, Smtp};

fn with_accounts(accounts: &str) -> Place {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    place.done(&format!("account add {accounts}"));
    place
}

#[test]
fn what_takes_more_than_one_address_away_needs_a_word() {
    let place = with_accounts("ann@example.test bob@example.test cora@example.test dora@example.test");
    place.done("alias add ann@example.test annie a.lee");
    let old = place.file("old.txt", "ann\nbob\ncora\ndora\neve\nfred\ngina\nhugo\n");
    let new = place.file("new.txt", "ann\nbob\ncora\ndora\neve\nfred\n");
    let (old, new) = (old.display(), new.display());
    place.done(&format!("import {old} --domain example.test --source staff --apply"));
    let mirror = format!("import {new} --domain example.test --source staff --mirror --apply");
    let lines = [
        ("account remove ann@example.test".to_owned(), "1 account with 2 aliases"),
        ("account remove bob@example.test cora@example.test".to_owned(), "2 accounts with all their aliases"),
        ("alias remove annie@example.test a.lee@example.test".to_owned(), "2 aliases"),
        (mirror, "removes 2 addresses of example.test"),
        ("changes undo 2".to_owned(), "change 2 added 4 addresses"),
        ("domain remove example.test".to_owned(), "removes example.test with 8 accounts, 0 lists, 2 aliases"),
    ];
    for (line, what) in &lines {
        let version = place.done("changes list");
        let ran = place.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{line}: {ran:?}");
        assert!(ran.err.contains(what) && ran.err.contains("confirm with --yes"), "{line}: {ran:?}");
        assert_eq!(place.done("changes list"), version, "nothing was changed");
        if line != "changes undo 2" {
            let ran = place.run(&format!("{line} --yes"));
            assert_eq!(ran.code, 0, "{line}: {ran:?}");
            let undo = ran
                .err
                .lines()
                .find_map(|line| line.split_once("undo it with `doorlist "))
                .unwrap_or_else(|| panic!("{ran:?}"));
            place.done(undo.1.trim_end_matches('`'));
        }
    }
    // One address is removed as it was before.
    place.done("account remove dora@example.test");
    place.done("alias remove annie@example.test");
}

#[test]
fn an_empty_list_says_when_it_will_refuse() {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    let ran = place.run("domain mode example.test enforce");
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.err.contains("is empty") && ran.err.contains("--confirm example.test"), "{ran:?}");
    let said = place.done("domain mode example.test enforce --now --confirm example.test");
    assert!(
        said.contains("recipients get 450 while the list is empty and for 72 hours after its first entry, then 550"),
        "{said}"
    );
    assert!(place.done("status").contains("example.test is enforced, and its list is empty"));
    assert_eq!(place.run("check ann@example.test").code, 4);
    place.done("account add ann@example.test");
    assert_eq!(place.run("check bob@example.test").code, 4);
    let shown = place.done("domain show example.test");
    assert!(shown.contains("unlisted     recipients get 450 until ") && shown.contains(" UTC, then 550"), "{shown}");
    let said = place.done("domain mode example.test enforce --now");
    assert!(said.contains("unlisted recipients get 550"), "{said}");
    assert_eq!(place.run("check bob@example.test").code, 3);
}

#[test]
fn recipients_that_are_missed_are_shown_before_a_list_is_enforced() {
    let place = with_accounts("ann@example.test");
    let server = Server::start(&place);
    for recipient in ["info", "info", "o'neil", "ann"] {
        Smtp::greeted(server.address("SMTP")).say(&format!("RCPT TO:<{recipient}@example.test>"));
    }
    let commands = |ran: &super::run::Ran| {
        let lines = ran.out.lines().filter(|line| line.starts_with("  doorlist"));
        lines.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
    };
    let expected = [
        "doorlist account add info@example.test",
        "doorlist alias add ACCOUNT@example.test info",
        r"doorlist account add 'o'\''neil@example.test'",
        r"doorlist alias add ACCOUNT@example.test 'o'\''neil'",
    ];
    let listed = place.run("domain unlisted example.test");
    assert_eq!(commands(&listed), expected, "{listed:?}");
    assert!(listed.out.contains("info@example.test: 2 times, last 20"), "{listed:?}");
    assert!(listed.out.contains("from client.example.test"), "{listed:?}");
    let previewed = place.run("domain preview example.test");
    assert_eq!(commands(&previewed), expected, "{previewed:?}");
    for text in [
        "  undecided      2 recipients",
        "  looks real     0 recipients",
        "info@example.test: undecided: asked for 2 times",
    ] {
        assert!(previewed.out.contains(text), "{text}: {previewed:?}");
    }
    let lines = |line: &str| -> Vec<serde_json::Value> {
        place.done(line).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let json = lines("domain unlisted example.test --json");
    assert_eq!((json.len(), &json[0]["times"], &json[0]["address"]), (2, &2.into(), &"info@example.test".into()));
    let json = lines("domain preview example.test --json");
    assert_eq!((json.len(), &json[0]["undecided"], &json[1]["group"]), (3, &2.into(), &"undecided".into()));
    assert_eq!(json[1]["add"], "doorlist account add info@example.test");
    let said = place.run("domain completeness example.test");
    assert!(said.out.contains("no clean mail came in the last 14 days"), "{said:?}");

    // Undecided recipients are no reason to ask, but they are told.
    let ran = place.run("domain mode example.test enforce");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("this concerns 2 undecided recipients of the last 14 days"), "{ran:?}");
    place.done("domain mode example.test monitor");
    place.done("alias add ann@example.test info");
    place.done("account add o'neil@example.test");
    Smtp::greeted(server.address("SMTP")).say("RCPT TO:<zoe+news+old@example.test>");
    for line in ["domain unlisted example.test", "domain preview example.test"] {
        let listed = place.run(line);
        let parts =
            ["account add zoe@example.test", "alias add ACCOUNT@example.test zoe", "sub-address of zoe@example.test"];
        assert!(parts.iter().all(|text| listed.out.contains(text)), "{listed:?}");
    }
    place.done("account add zoe@example.test");
    let listed = place.run("domain unlisted example.test");
    assert!(listed.out.is_empty() && listed.err.contains("no recipient"), "{listed:?}");
    let said = place.done("domain mode example.test enforce");
    assert!(said.contains("unlisted recipients get 450 until "), "{said}");
    assert!(server.end().success());
}

#[test]
fn the_queue_is_chosen_from_by_conditions() {
    let place = with_accounts("ann@example.test bob@example.test");
    place.done("domain hold example.test");
    let server = Server::start(&place);
    for recipient in ["ann", "bob"] {
        let mut smtp = Smtp::greeted(server.address("SMTP"));
        smtp.say(&format!("RCPT TO:<{recipient}@example.test>"));
        smtp.say("DATA");
        assert!(smtp.say("Subject: hello\r\n\r\nhi\r\n.").starts_with("250"));
    }
    let count = |line: &str| place.done(line).lines().count();
    assert_eq!(count("queue list"), 2);
    assert!(place.done("queue list").contains(": held with its domain"));
    assert!(place.run("doctor").out.contains("on hold: example.test"));
    assert_eq!(count("queue list --to ann@example.test"), 1);
    assert_eq!(count("queue list --to *@example.test --domain example.test"), 2);
    assert_eq!(count("queue list --older 1h"), 0);
    assert_eq!(count("queue list --reason refused"), 0);
    let summary = place.done("queue summary");
    assert!(summary.lines().nth(1).unwrap().contains("TOTAL      2     2"), "{summary}");
    assert!(summary.lines().nth(2).unwrap().contains("example.test      2     2"), "{summary}");
    for line in ["queue retry", "queue delete --yes", "queue delete --all --to x@example.test --yes"] {
        assert_eq!(place.run(line).code, 64, "{line}");
    }
    assert!(place.done("queue retry --all").contains("2 messages"));
    let ran = place.run("queue delete --to bob@*");
    assert_eq!(ran.code, 64, "{ran:?}");
    assert!(ran.err.contains("1 message: delete them for good") && ran.err.contains("--yes"), "{ran:?}");
    assert!(place.done("queue delete --to bob@* --yes").contains("1 message: deleted"));
    assert_eq!(count("queue list"), 1);
    let me = nix::unistd::User::from_uid(nix::unistd::Uid::current()).unwrap().unwrap().name;
    let log = place.done("log --to bob@* --action deleted");
    assert!(log.contains(&format!("reason=by {me}")), "{log}");
    assert_eq!(count("log --domain example.test --client 127.0.0.1 --to ann@example.test"), 1);
    assert_eq!(count("log --result nothing-of-this"), 0);
    assert!(place.run("log --result nothing-of-this").err.contains("no entry of the mail log matches"));
    assert_eq!(place.run("log --domain other.test").code, 3);
    assert!(place.done("status").contains("running for 0 min"));
    assert!(server.end().success());
}

#[test]
fn several_addresses_are_checked_at_once_and_a_near_domain_is_guessed() {
    let place = with_accounts("ann@example.test");
    assert_eq!(place.run("check ann@example.test bob@example.test").code, 4);
    assert_eq!(place.run("check ann@example.test bob@example.test ann@exmaple.test").code, 3);
    let ran = place.run("check ann@exmaple.test");
    assert!(ran.out.contains("did you mean example.test?"), "{ran:?}");
    assert!(!place.run("check ann@other.test").out.contains("did you mean"));
    let ran = place.run("check ann@example.test no-address bob@example.test");
    assert!(ran.code == 64 && ran.out.contains("bob@example.test: deferred"), "the others are checked: {ran:?}");
}

#[test]
fn admins_and_keys_are_nouns_alike() {
    let place = with_accounts("ann@example.test");
    assert!(place.run("admin list").err.contains("no admins"));
    assert!(place.done("admin create ops@example.test").contains("ops@example.test created"));
    assert!(place.done("admin create ops@example.test").contains("is that already; nothing was changed"));
    place.done("admin create it@example.test --customer example.test --auditor");
    let list = place.done("admin list");
    assert!(list.contains("admin of everything since") && list.contains("auditor of customer example.test"), "{list}");
    assert_eq!(place.done("admin show it@example.test").lines().count(), 1);
    assert_eq!(place.run("admin show nobody@example.test").code, 3);
    place.done("key create ops@example.test");
    assert!(place.done("key show 1").contains("created"));
    assert_eq!(place.run("apikey show 2").code, 3);
    place.done("key remove 1");
    assert_eq!(place.run("admin remove it@example.test --everything").code, 3);
    place.done("admin remove it@example.test --customer example.test");
    assert_eq!(place.done("admin list --json").lines().count(), 1);
}

#[test]
fn shells_and_man_are_served() {
    let place = Place::new();
    assert!(place.done("completion bash").contains("complete -F"));
    assert!(place.done("completion zsh").starts_with("#compdef doorlist"));
    assert!(place.done("completion fish").contains("complete -c doorlist"));
    assert!(place.done("man").contains(".SH NAME"));
    assert!(place.done("man domain mode").contains("confirm"));
    assert_eq!(place.run("man domain enforce").code, 64);
    assert!(!place.state().exists());
}

#[test]
fn an_address_in_use_names_who_has_it() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for (line, setting) in [("serve", "smtp"), ("serve", "web"), ("config check", "metrics")] {
        let ran = place.run(&format!("{line} --set {setting}.listen={address}"));
        assert_eq!(ran.code, 69, "{ran:?}");
        let expected = format!("{setting}.listen: cannot listen on {address}: address in use by");
        assert!(ran.err.contains(&expected) && ran.err.contains(&format!("(pid {})", std::process::id())), "{ran:?}");
    }
    let ran = place.run("config check --set tls.cert=/nonexistent/c.pem --set tls.key=/nonexistent/k.pem");
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(ran.err.contains("/nonexistent/c.pem"), "{ran:?}");
}
