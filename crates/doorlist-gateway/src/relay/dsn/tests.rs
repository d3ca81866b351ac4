#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn report<'a>(failed: &'a [(&'a str, &'a str)], headers: &'a [u8]) -> BounceInput<'a> {
    let now = Timestamp::from_secs(1_795_446_437);
    BounceInput {
        hostname: "gw.example.test",
        id: QueueId::new(now, 1, 1),
        original: QueueId::new(now, 1, 0),
        sender: "alice@sender.example.test",
        failed,
        headers,
        arrived: Timestamp::from_secs(1_795_446_000),
        now,
    }
}

#[test]
fn a_bounce_of_two_recipients() {
    let failed = [
        (
            "nobody@example.test",
            "5.1.1 host mx.example.test[192.0.2.1] said: 550 5.1.1 <nobody@example.test>: there is no such user here (in \
             reply to RCPT TO command)",
        ),
        ("late@example.test", "4.4.1 connect to mx.example.test[192.0.2.1]:25: Connection refused"),
    ];
    let text = String::from_utf8(report(&failed, b"Subject: hello\r\nFrom: alice\r\n").message()).unwrap();
    let id = QueueId::new(Timestamp::from_secs(1_795_446_437), 1, 0).to_string();
    for line in [
        "To: <alice@sender.example.test>",
        "From: Mail Delivery System <MAILER-DAEMON@gw.example.test>",
        "Date: Mon, 23 Nov 2026 15:07:17 +0000",
        "Auto-Submitted: auto-replied",
        "Reporting-MTA: dns; gw.example.test",
        &format!("X-Doorlist-Queue-ID: {id}"),
        "Arrival-Date: Mon, 23 Nov 2026 15:00:00 +0000",
        "Final-Recipient: rfc822; nobody@example.test",
        "Action: failed",
        "Status: 5.1.1",
        "Remote-MTA: dns; mx.example.test",
        "Diagnostic-Code: smtp; 550 5.1.1 <nobody@example.test>: there is no such user",
        "    here",
        "Status: 4.4.1",
        "Diagnostic-Code: x-doorlist; connect to mx.example.test[192.0.2.1]:25:",
        "Content-Type: text/rfc822-headers",
        "Subject: hello",
    ] {
        assert!(text.split("\r\n").any(|found| found == line), "{line:?} is not in\n{text}");
    }
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "only CRLF ends a line");
    assert!(text.lines().all(|line| line.len() <= 100));
}

#[test]
fn the_boundary_is_not_in_the_headers() {
    let plain = report(&[], b"").boundary();
    let headers = format!("Subject: {plain}\r\n--{plain}--\r\n");
    let bounce = report(&[], headers.as_bytes());
    let boundary = bounce.boundary();
    assert!(!headers.contains(&boundary));
    let text = String::from_utf8(bounce.message()).unwrap();
    assert_eq!(text.matches(&format!("\r\n--{boundary}\r\n")).count(), 3);
    assert!(text.ends_with(&format!("\r\n--{boundary}--\r\n")));
}

#[test]
fn addresses_beyond_ascii_use_the_types_made_for_them() {
    let failed = [("jürgen@example.test", "5.6.7 the message needs SMTPUTF8, which the server does not offer")];
    let text = String::from_utf8(report(&failed, "Subject: grüße\r\n".as_bytes()).message()).unwrap();
    for part in [
        "Content-Type: message/global-delivery-status\r\n",
        "Content-Type: message/global-headers\r\n",
        "Final-Recipient: utf-8; jürgen@example.test\r\n",
        "Status: 5.6.7\r\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}
