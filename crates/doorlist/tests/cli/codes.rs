//! Failures: their exit codes, and that they say what to do.

use super::run::Place;
use doorlist_testbed::ports;
use std::io::Read;
use std::process::Stdio;

#[test]
fn a_mistake_in_the_settings_is_a_configuration_error() {
    let place = Place::new();
    let file = place.file("doorlist.toml", "[smtp]\nlisen = \"127.0.0.1:25\"\n");
    for command in ["serve", "config check", "domain list", "doctor"] {
        let ran = place.run(&format!("{command} --config {}", file.display()));
        assert_eq!(ran.code, 78, "{command}");
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("doorlist.toml:2: unknown setting smtp.lisen; did you mean smtp.listen?"), "{ran:?}");
    }
    let ran = place.run(&format!("doctor --config {}", file.display()));
    assert!(ran.out.starts_with("FAIL  config ") && ran.out.contains("ok    hostname"), "the rest is checked: {ran:?}");
    let ran = place.run("config check --set smtp.idle=1 --set smtp.lisen=x --set smtp.drain=2");
    assert_eq!((ran.code, ran.err.lines().count()), (78, 4), "all at once: {ran:?}");
    assert_eq!(place.run("config check --set smtp.idle=1").code, 78);
    assert_eq!(place.run("config check --config /nonexistent/x.toml").code, 78);
    assert!(!place.state().exists(), "nothing was begun");
    assert_eq!(place.run("config check").code, 0);
}

#[test]
fn a_command_does_not_make_a_gateway_by_mistake() {
    let place = Place::new();
    for line in ["domain list", "check a@b.test", "account add a@b.test", "queue list", "log"] {
        let ran = place.run(line);
        assert_eq!(ran.code, 66, "{line}: {ran:?}");
        assert!(ran.err.contains("does not exist: run the command in the folder of the server"), "{ran:?}");
    }
    assert!(!place.state().exists());
}

#[test]
fn what_is_not_there_is_named() {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    let cases = [
        (66, "import /nonexistent/staff.txt --domain example.test", "cannot read /nonexistent/staff.txt"),
        (3, "account list --domain other.test", "other.test is not a domain of this gateway"),
        (3, "account remove alice@example.test", "alice@example.test is not on the list"),
        (1, "domain add example.test --server 127.0.0.1:1", "example.test is already a domain"),
        (4, "domain mode example.test enforce", "the list of example.test is empty"),
        (64, "log --action lost", "unknown action `lost`"),
        (64, "log --since yesterday", "invalid time `yesterday`"),
        (69, "log --follow", "no server is running"),
        (3, "changes show 99", "change 99 does not exist"),
        (64, "alias add ann@example.test hx@example.test", "give only the part before the @: hx"),
        (64, "account add *@example.test", "a list has no catch-all"),
        (64, "alias add ann@example.test *", "a list has no catch-all"),
        (1, "domain alias add example.org.test example.test", "is an alias of example.test already: the domain comes"),
        (3, "account remove gone@example.test", "gone@example.test was removed by a person already"),
        (4, "domain mode example.test enforce --confirm exmaple.test", "exmaple.test is not the name of the domain"),
        (78, "config check --set smtp.listen=", "smtp.listen: name at least one address"),
    ];
    place.done("domain alias add example.test example.org.test");
    place.done("account add gone@example.test");
    place.done("account remove gone@example.test");
    for (code, line, text) in cases {
        let ran = place.run(line);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert!(ran.err.contains(text), "{line}: {ran:?}");
    }
    place.done("domain mode example.test enforce --confirm example.test");
}

#[test]
fn lists_without_an_entry_say_so() {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    for (line, text) in [
        ("source list", "no sources. Add one:"),
        ("sync history office", "office has not been synced"),
        ("plan list", "no plans"),
        ("contact list", "no technical contacts"),
        ("apikey list", "no API keys. Create one:"),
        ("account list --domain example.test", "no accounts of example.test"),
    ] {
        let ran = place.run(line);
        assert!(ran.code == 0 && ran.out.is_empty() && ran.err.contains(text), "{line}: {ran:?}");
        assert_eq!(place.done(&format!("{line} --json")), "", "{line}");
    }
}

#[test]
fn an_empty_variable_names_no_file() {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    let run = |line: &str, value: &str| {
        let mut command = place.command(line.split_whitespace());
        let names = ["DOORLIST_CONFIG", "DOORLIST_SERVER", "DOORLIST_KEY_FILE", "DOORLIST_CA_FILE"];
        command.envs(names.map(|name| (name, value))).output().unwrap()
    };
    assert_eq!(run("account list --domain example.test", "").status.code(), Some(0));
    let wrong = run("account list", "/nonexistent/x.toml");
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(wrong.status.code() == Some(64) && !said.contains("--config"), "{said}");
}

#[test]
fn a_file_of_another_domain_is_one_sentence() {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    let rows: String = (1..=300).map(|n| format!("user{n}@contoso.test\n")).collect();
    let file = place.file("wrong.csv", &format!("mail\n{rows}"));
    let ran = place.run(&format!("import {} --domain example.test --apply", file.display()));
    assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (65, "", 1), "{ran:?}");
    assert!(ran.err.contains("contoso.test 300. Nothing was changed"), "{ran:?}");
}

#[test]
fn passwords_are_not_printed() {
    let place = Place::new();
    let file = place.file("doorlist.toml", "store.url = \"postgres://u:s3cret@127.0.0.1:1/none\"\n");
    for command in
        ["config show --origin", "config show --json", "serve", "domain add example.test --server 127.0.0.1:1"]
    {
        let ran = place.run(&format!("{command} --config {}", file.display()));
        assert!(!format!("{ran:?}").contains("s3cret"), "{command}: {ran:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    let names: String = (0..20_000).map(|n| format!("user{n}\n")).collect();
    let file = place.file("staff.txt", &names);
    place.done(&format!("import {} --domain example.test --apply", file.display()));
    let mut child = place
        .command(["export", "--domain", "example.test"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut head = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut head).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn the_doctor_finds_what_fails() {
    let place = Place::new();
    let lines = |line: &str| -> Vec<serde_json::Value> {
        place.run(line).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let level = |findings: &[serde_json::Value], check: &str| -> String {
        let found = findings.iter().find(|finding| finding["check"] == check);
        found.map(|finding| finding["level"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert_eq!(level(&lines("doctor --json"), "state"), "warn");
    assert_eq!(place.run("doctor").code, 0, "nothing is wrong before the start");

    let taken = std::net::TcpListener::bind(("127.0.0.1", ports::free().unwrap())).unwrap();
    let address = taken.local_addr().unwrap();
    place.done(&format!("domain add example.test --server {address}"));
    let findings = lines("doctor --json");
    assert_eq!(level(&findings, "server"), "warn");
    assert_eq!(level(&findings, "next hop"), "warn", "it says nothing: {findings:?}");
    assert_eq!(level(&findings, "mx"), "warn");
    let in_use = format!("--set web.listen={address}");
    assert_eq!(level(&lines(&format!("doctor --json {in_use}")), "port"), "fail");
    drop(taken);
    let ran = place.run("doctor");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("FAIL  next hop") && ran.out.contains("-> check that the server is running"), "{ran:?}");
}

#[test]
fn a_server_that_is_the_gateway_itself_is_a_loop_before_mail_is_in_it() {
    let place = Place::new();
    let own = format!("127.0.0.1:{}", ports::free().unwrap());
    let set = format!("--set smtp.listen={own}");
    let ran = place.run(&format!("domain add example.test --server {own} {set}"));
    assert!(ran.code == 0 && ran.err.contains("warning: ") && ran.err.contains("mail loops back"), "{ran:?}");
    let ran = place.run(&format!("doctor {set}"));
    let todo = "-> doorlist domain set example.test --server HOST";
    assert!(ran.code == 1 && ran.out.contains("mail loops back") && ran.out.contains(todo), "{ran:?}");
}

/// Answers one client after another as an LMTP server does, until the listener is gone or the client says nothing.
fn speaks_lmtp(listener: &std::net::TcpListener) {
    use std::io::{BufRead, BufReader, Write};
    while let Ok((mut stream, _)) = listener.accept() {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut say = |text: &str| stream.write_all(text.as_bytes());
        let mut said = say("220 mail.example.test LMTP ready\r\n");
        while let (Ok(()), Some(Ok(line))) = (&said, lines.next()) {
            said = match line.as_str() {
                "STOP" => return,
                line if line.starts_with("LHLO") => say("250 mail.example.test\r\n"),
                _ => say("500 5.5.1 unknown command\r\n"),
            };
        }
    }
}

#[test]
fn a_server_of_another_protocol_is_named_when_it_is_added() {
    use std::io::Write;
    let place = Place::new();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let lmtp = std::thread::spawn(move || speaks_lmtp(&listener));
    for line in [
        format!("domain add example.test --server {address}"),
        format!("domain set example.test --server {address} --server 127.0.0.1:1:20"),
    ] {
        let ran = place.run(&line);
        assert_eq!(ran.code, 0, "{ran:?}");
        let told = ran.err.lines().filter(|line| line.starts_with("warning: ")).count();
        assert!(told == 1 && ran.err.contains("speaks LMTP, not SMTP"), "{ran:?}");
    }
    let ran = place.run("doctor");
    assert!(ran.code == 1 && ran.out.contains("but takes no mail: "), "{ran:?}");
    std::net::TcpStream::connect(address).unwrap().write_all(b"STOP\r\n").unwrap();
    lmtp.join().unwrap();
}

#[test]
fn commands_that_cannot_travel_say_so() {
    let place = Place::new();
    for line in ["domain list --server https://a.test", "queue list --server=https://a.test", "doctor --key-file x"] {
        let ran = place.run(line);
        assert_eq!(ran.code, 64, "{line}: {ran:?}");
        assert!(ran.err.contains("only check, account, alias, import"), "{line}: {ran:?}");
    }
    let key = place.file("key", "agent@example.test:s3cret");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let key = key.display();
    for (code, line, text) in [
        (64, "account list --domain example.test --server https://a.test".to_owned(), "requires --key-file"),
        (64, format!("changes list --server http://a.test --key-file {key}"), "--allow-http"),
        (66, "plan list --server https://a.test --key-file /nonexistent/key".to_owned(), "/nonexistent/key"),
        (69, format!("export --domain example.test --server http://127.0.0.1:1 --key-file {key}"), "Nothing was done"),
    ] {
        let ran = place.run(&line);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert!(ran.err.contains(text) && !ran.err.contains("s3cret"), "{line}: {ran:?}");
    }
    let mut command = place.command(["domain", "list"]);
    let ran = command.env("DOORLIST_SERVER", "https://a.test").output().unwrap();
    assert_eq!(ran.status.code(), Some(64), "a list that was not meant is left alone: {ran:?}");
    assert!(!place.state().exists(), "nothing of this machine was looked at");
}

#[test]
fn an_agent_needs_its_file() {
    let place = Place::new();
    assert_eq!(place.run("agent --once").code, 64);
    assert_eq!(place.run("agent --config /nonexistent/agent.toml").code, 66);
    let file = place.file("agent.toml", "servr = \"https://a.test\"\n");
    let ran = place.run(&format!("agent --config {} --once", file.display()));
    assert!(ran.code == 78 && ran.err.contains("servr") && ran.err.contains("agent.toml"), "{ran:?}");
    let ran = place.run(&format!("agent --config {} --set web.listen=", file.display()));
    assert_eq!(ran.code, 64, "{ran:?}");
}
