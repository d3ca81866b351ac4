//! Programs of others that read what a server writes: its log and its metrics.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use doorlist_testbed::packages;

use crate::client::Client;
use crate::server::{Server, Settings};
use crate::sink::Sink;

/// A server that readers of Postfix's log take for one, and that has refused everything there is to refuse.
fn with_refusals_of_all_kinds() -> Server {
    let settings = Settings::default()
        .set("log.name", "postfix/smtpd")
        .set("smtp.message_max", "1 MiB")
        .set("smtp.recipients_max", "2")
        .set("smtp.junk_commands_max", "12")
        .set("smtp.sessions_per_address_max", "4");
    let mut server = Server::with(settings);
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann", "bob", "cora"]);
    let mut client = Client::connect(server.smtp());
    client.expect("220 ");
    client.ask("EHLO", "501 ");
    client.ask("MAIL FROM:<a@b.test>", "503 ");
    client.ask("NONSENSE", "500 ");
    client.ask("EHLO client.example.test", "250");
    client.ask("ETRN x", "502 ");
    client.ask("RCPT TO:<ann@example.test>", "503 ");
    client.ask("MAIL FROM:<a@b.test> SIZE=99999999", "552 ");
    client.ask("MAIL FROM:<a b@c.test>", "501 ");
    client.ask("MAIL FROM:<a@b.test>", "250 ");
    client.ask("DATA", "503 ");
    for refused in ["nobody@example.test", "ann@elsewhere.test", "\"a: b\"@example.test"] {
        client.ask(&format!("RCPT TO:<{refused}>"), "550 ");
    }
    client.ask("DATA", "554 ");
    client.ask("RCPT TO:<ann@example.test>", "250 ");
    client.ask("RCPT TO:<bob@example.test>", "250 ");
    client.ask("RCPT TO:<cora@example.test>", "452 ");
    client.ask("DATA", "354 ");
    client.send("Subject: a bare return\r\n\r\na\rb\r\n.\r\n");
    client.expect("550 ");
    // Until it is enough.
    while client.wants("NOOP\r\n", "250 ") {}
    drop(client);
    let mut held: Vec<Client> = Vec::new();
    loop {
        let mut next = Client::connect(server.smtp());
        if next.reply().expect("a greeting").starts_with("421 ") {
            break;
        }
        held.push(next);
        assert!(held.len() <= 4, "there is a limit of sessions");
    }
    drop(held);
    server.wait_for_log(&["reject: END-OF-MESSAGE from "]);
    server.wait_for_log(&["reject: CONNECT from "]);
    server.wait_for_log(&["too many errors after NOOP from "]);
    server
}

fn run(mut command: Command, input: &str) -> (String, String, bool) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(stdout), text(stderr), status.success())
}

#[test]
fn pflogsumm_and_fail2ban_read_the_log_as_postfixs() {
    let server = with_refusals_of_all_kinds();
    let log = server.log();
    let refusals: Vec<&str> = log.lines().filter(|line| line.contains("reject: ")).collect();
    let stages: BTreeSet<&str> = refusals.iter().map(|line| stage(line)).collect();
    let all = ["CONNECT", "DATA", "EHLO", "END-OF-MESSAGE", "MAIL", "RCPT", "UNKNOWN"];
    assert_eq!(stages.into_iter().collect::<Vec<_>>(), all, "{log}");

    let file = server.folder().path().join("log");
    let mut pflogsumm = Command::new("pflogsumm");
    pflogsumm.arg("--smtpd-stats").arg("--verbose-msg-detail").arg(&file);
    let (summary, warnings, done) = run(pflogsumm, "");
    assert!(done && warnings.is_empty(), "{warnings}");
    let counted = format!("  {}   rejected (100%)", refusals.len());
    assert!(summary.contains(&counted), "{counted}: {summary}");
    for words in all.iter().map(|stage| format!("  {stage}\n")) {
        assert!(summary.contains(&words), "{words}: {summary}");
    }
    for line in &refusals {
        assert!(line.contains(" postfix/smtpd["), "{line}");
    }

    let banned = log.lines().filter(|line| {
        ["user unknown;", "Relay access denied;", "too many errors after "].iter().any(|words| line.contains(words))
    });
    let banned = banned.count();
    assert!(banned >= 4, "{log}");
    let found = fail2ban(&file);
    assert!(found.contains(&format!(" {banned} matched")), "{banned}: {found}");
    assert!(found.contains(&Ipv4Addr::LOCALHOST.to_string()), "{found}");
}

/// The word behind `reject:`.
fn stage(line: &str) -> &str {
    let (_, rest) = line.split_once("reject: ").expect("a refusal");
    let (stage, rest) = rest.split_once(' ').expect("a stage");
    assert!(rest.starts_with("from unknown[127.0.0.1]:"), "{line}");
    stage
}

/// What Debian's own filter for Postfix finds in a log.
fn fail2ban(log: &Path) -> String {
    let root = packages::unpacked();
    let mut command = Command::new("/usr/bin/python3");
    command.env("PYTHONPATH", root.join("usr/lib/python3/dist-packages"));
    command.arg(root.join("usr/bin/fail2ban-regex")).arg("--print-all-matched").arg("-v");
    command.arg("-c").arg(root.join("etc/fail2ban")).arg(log).arg(root.join("etc/fail2ban/filter.d/postfix.conf"));
    let (found, trouble, done) = run(command, "");
    assert!(done, "{found}\n{trouble}");
    found
}

/// Fails unless this is well-formed OpenMetrics, and ends as it must.
const OPEN_METRICS: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(sum(1 for _ in text_string_to_metric_families(sys.stdin.read())))";

#[test]
fn prometheus_reads_the_metrics_in_both_formats() {
    let server = with_refusals_of_all_kinds();
    let (status, plain) = server.measures("/metrics");
    assert_eq!(status, 200);
    let mut promtool = Command::new(packages::unpacked().join("usr/bin/promtool"));
    promtool.args(["check", "metrics"]);
    let (said, trouble, done) = run(promtool, &plain);
    assert!(done && said.is_empty() && trouble.is_empty(), "{said}{trouble}\n{plain}");

    let open = server.measures_as("/metrics", "application/openmetrics-text; version=1.0.0");
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", OPEN_METRICS]);
    let (families, trouble, done) = run(python, &open);
    assert!(done, "{trouble}\n{open}");
    let types = plain.lines().filter(|line| line.starts_with("# TYPE ")).count();
    assert_eq!(families.trim(), types.to_string(), "the same families");
}
