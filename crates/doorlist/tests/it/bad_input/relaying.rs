//! S32 to S38: what must not be relayed, not come back, and not be touched on its way.

use std::time::Duration;

use super::{ANN, at_work, only_an_honest_message_comes_out, with_destination};
use crate::client::{Client, wait_until};
use crate::name_server::authenticating;
use crate::server::{Server, Settings};
use crate::sink::{Manners, Sink};

/// Every form in which a stranger may ask for somebody behind us.
const FOREIGN: [&str; 37] = [
    "victim@foreign.test",
    "victim@FOREIGN.TEST",
    "ann@sub.example.test",
    "ann@example.test.attacker.test",
    "ann@xexample.test",
    "ann@test",
    "ann@localhost",
    "ann@gw.example.test",
    "ann@xn--example-9d0b.test",
    "ann@[127.0.0.1]",
    "ann@[IPv6:::1]",
    "ann@[IPv6:::ffff:127.0.0.1]",
    "ann@[256.1.1.1]",
    "ann@[example.test]",
    "ann@[]",
    "victim%foreign.test@example.test",
    "victim%foreign.test%other.test@example.test",
    "%@example.test",
    "foreign.test!victim@example.test",
    "other.test!foreign.test!victim@example.test",
    "!@example.test",
    "foreign.test!victim%other.test@example.test",
    "\"victim@foreign.test\"@example.test",
    "\"victim%foreign.test\"@example.test",
    "\"foreign.test!victim\"@example.test",
    "\"ann\\@foreign.test\"@example.test",
    "victim@foreign.test@example.test",
    "ann@example.test@foreign.test",
    "\"ann@example.test\"@foreign.test",
    "@foreign.test:ann@example.test",
    "@example.test:victim@foreign.test",
    "@example.test:ann@example.test",
    "@foreign.test,@other.test:ann@example.test",
    "@[127.0.0.1]:ann@example.test",
    "@foreign.test:victim%other.test@example.test",
    "postmaster@foreign.test",
    "abuse@gw.example.test",
];

#[test]
fn s33_no_spelling_makes_us_an_open_relay() {
    let (server, sink) = at_work(Settings::default().set("guard.enabled", "false"));
    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<friend@sender.example.test>", "250 ");
    for path in FOREIGN {
        let reply = client.ask(&format!("RCPT TO:<{path}>"), "5");
        assert!(reply.starts_with("550 5.7.1 ") || reply.starts_with("501 5.1.3 "), "{path}: {reply}");
    }
    for path in ["ann@example.test.", "victim@foreign.test.", "", "ann@", "@example.test", "ann@example.test@"] {
        client.ask(&format!("RCPT TO:<{path}>"), "501 5.1.3");
    }
    client.ask("DATA", "554 5.5.1");
    client.ask("QUIT", "221 ");
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s32_a_server_that_is_ourselves_gets_nothing() {
    let server = Server::start();
    server.protect("example.test", server.smtp(), &["ann"]);
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <loop@test>\r\n\r\n").starts_with("250 2.0.0"));
    wait_until("the loop is told", Duration::from_secs(20), || server.log().contains("loops back"));
    assert_eq!(server.queue().len(), 1, "the message waits for a better server");
    assert_eq!(server.metric("doorlist_messages_accepted_total"), 1.0, "it did not come in again");
}

#[test]
fn s34_a_bounce_is_never_bounced() {
    let bounces = Sink::start();
    let (server, sink) =
        at_work(authenticating(Settings::default().set("relay.outbound", bounces.address().to_string())));
    sink.behave(Manners { recipient: Some("550 5.1.1 gone".to_owned()), ..Manners::default() });
    let mut client = Client::greeted(server.smtp());
    for path in ["", "friend@sender.example.test"] {
        client.ask(&format!("MAIL FROM:<{path}>"), "250 ");
        client.ask(&format!("RCPT TO:<{ANN}>"), "250 ");
        client.ask("DATA", "354 ");
        client.send("Subject: refused later\r\n\r\n.\r\n");
        client.expect("250 2.0.0");
    }
    // The second one's bounce is there; the first one has none, and stays for the admin.
    let taken = bounces.wait_for(1);
    assert_eq!(taken[0].recipients, ["<friend@sender.example.test>"]);
    wait_until("one message is left", Duration::from_secs(20), || server.queue().len() == 1);
    assert_eq!(server.queue()[0]["sender"], "");
    assert_eq!(bounces.taken().len(), 1);
}

#[test]
fn s34_what_no_server_takes_is_refused_and_not_bounced() {
    let bounces = Sink::start();
    let server = Server::with(authenticating(Settings::default().set("relay.outbound", bounces.address().to_string())));
    let sink = with_destination(&server, Manners { without_smtp_utf8: true, ..Manners::default() });
    server.done(&["account", "add", "jürgen@example.test"]);
    let mut client = Client::greeted(server.smtp());
    let begin = |client: &mut Client, sender: &str| {
        client.ask("RSET", "250 ");
        client.ask(&format!("MAIL FROM:<{sender}> SMTPUTF8"), "250 ");
    };
    // Whether it can be delivered is known to nobody yet.
    begin(&mut client, "friend@sender.example.test");
    client.ask("RCPT TO:<jürgen@example.test>", "250 2.1.5");
    client.ask("DATA", "354 ");
    client.ask("Subject: first\r\n\r\n.", "250 2.0.0");
    assert_eq!(bounces.wait_for(1)[0].recipients, ["<friend@sender.example.test>"]);
    // Now it is, and only who needs it is refused.
    begin(&mut client, "friend@sender.example.test");
    for (recipient, reply) in [
        ("jürgen@example.test", "553 5.6.7"),
        ("JÜRGEN+x@example.test", "553 5.6.7"),
        ("günter@example.test", "550 5.1.1"),
        ("postmaster+ü@example.test", "250 2.1.5"),
        (ANN, "250 2.1.5"),
    ] {
        client.ask(&format!("RCPT TO:<{recipient}>"), reply);
    }
    begin(&mut client, "jürgen@sender.example.test");
    client.ask(&format!("RCPT TO:<{ANN}>"), "553 5.6.7");
    client.ask("RCPT TO:<postmaster@example.test>", "250 2.1.5");
    // Letters in the header alone need nothing but eight bits.
    begin(&mut client, "friend@sender.example.test");
    client.ask(&format!("RCPT TO:<{ANN}>"), "250 2.1.5");
    client.ask("DATA", "354 ");
    client.ask("Subject: grüße\r\n\r\n.", "250 2.0.0");
    let taken = &sink.wait_for(1)[0];
    assert_eq!(
        (&*taken.mail, &*taken.recipients[0]),
        ("<friend@sender.example.test> BODY=8BITMIME", "<ann@example.test>")
    );
    wait_until("the queue is empty", Duration::from_secs(20), || server.queue().is_empty());
    assert_eq!(bounces.taken().len(), 1);
}

#[test]
fn s35_a_refusal_by_the_destination_is_told_once_with_headers_only() {
    let bounces = Sink::start();
    let (server, sink) =
        at_work(authenticating(Settings::default().set("relay.outbound", bounces.address().to_string())));
    for refusal in [
        Manners { recipient: Some("550 5.1.1 host secret.internal says no".to_owned()), ..Manners::default() },
        Manners { message: Some("554 5.6.0 do not like it".to_owned()), ..Manners::default() },
    ] {
        sink.behave(refusal);
        let mut client = Client::greeted(server.smtp());
        let message = "From: friend@sender.example.test\r\nSubject: the subject line\r\n\r\nthe secret text";
        assert!(client.mail(ANN, message).starts_with("250 2.0.0"));
    }
    for bounce in bounces.wait_for(2) {
        assert!(bounce.mail.starts_with("<>"), "{bounce:?}");
        assert_eq!(bounce.recipients, ["<friend@sender.example.test>"]);
        let text = bounce.text();
        for part in [
            "multipart/report",
            "message/delivery-status",
            "Action: failed",
            "Final-Recipient: rfc822;",
            "the subject line",
        ] {
            assert!(text.to_lowercase().contains(&part.to_lowercase()), "{part} is missing in\n{text}");
        }
        assert!(!text.contains("the secret text"), "{text}");
    }
    wait_until("the queue is empty", Duration::from_secs(20), || server.queue().is_empty());
    assert_eq!(sink.taken().len(), 0);
}

#[test]
fn s35_a_flood_of_refusals_is_no_flood_of_bounces() {
    let bounces = Sink::start();
    let (server, sink) =
        at_work(authenticating(Settings::default().set("relay.outbound", bounces.address().to_string())));
    sink.behave(Manners { recipient: Some("550 5.1.1 gone".to_owned()), ..Manners::default() });
    let mut client = Client::greeted(server.smtp());
    for _ in 0..15 {
        assert!(client.mail(ANN, "Subject: again\r\n\r\n").starts_with("250 2.0.0"));
    }
    bounces.wait_for(10);
    wait_until("five are kept for the admin", Duration::from_secs(20), || {
        server.queue().iter().filter(|entry| entry["recipients"][0]["state"] == "failed").count() == 5
    });
    assert_eq!(bounces.taken().len(), 10, "ten bounces an hour to one sender domain");
}

#[test]
fn s36_headers_full_of_tricks_pass_byte_for_byte() {
    let (server, sink) = at_work(Settings::default());
    let boundary = "b".repeat(2_048);
    let folded = format!("X-Fold: a\r\n{}", " b\r\n".repeat(10_000));
    let nested: String =
        (0..10_000).map(|n| format!("--{n}\r\nContent-Type: multipart/mixed; boundary={n}0\r\n\r\n")).collect();
    let messages = [
        "From: a@a.test\r\nFrom: b@b.test\r\nSubject: 1\r\nSubject: 2\r\nDate: never\r\nDate: now\r\n\r\nbody"
            .to_owned(),
        "Subject: nobody sent this\r\n\r\n".to_owned(),
        format!("{folded}\r\nbody"),
        "Subject: =?utf-8?q?a=0D=0AX-Evil:=20b=00?=\r\n\r\nbody".to_owned(),
        format!(
            "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary={boundary}\r\n\r\n--{boundary}x\r\n"
        ),
        format!("Content-Type: multipart/mixed; boundary=0\r\n\r\n{nested}"),
        "no header at all, and no empty line".to_owned(),
        "X-No-Space:a\r\n\tfolded by a tab\r\n : a name of nothing\r\n\r\n".to_owned(),
        "\r\nonly a body".to_owned(),
    ];
    let mut client = Client::greeted(server.smtp());
    for message in &messages {
        assert!(client.mail(ANN, message).starts_with("250 2.0.0"), "{message:.100}");
    }
    let taken = sink.wait_for(messages.len());
    for message in &messages {
        let whole = format!("{message}\r\n");
        let found = taken.iter().any(|taken| {
            let came = taken.message();
            let top = came.strip_suffix(whole.as_bytes()).map(|top| String::from_utf8_lossy(top).into_owned());
            top.is_some_and(|top| top.starts_with("Received: from ") && top.matches("\r\nX-").count() == 0)
        });
        assert!(found, "changed, or not there: {whole:.200}");
    }
}

#[test]
fn s37_nobody_else_speaks_in_our_name() {
    let (server, sink) = at_work(Settings::default());
    let mut client = Client::greeted(server.smtp());
    let kept = "Received: from forged.example.test by gw.example.test; yesterday\r\n\
        Authentication-Results: other.example.test; spf=pass\r\nX-Spam-Flag: NO\r\n";
    let forged = "Authentication-Results: gw.example.test; spf=pass\r\n\
        authentication-results: GW.EXAMPLE.TEST;\r\n\tdkim=pass\r\n\
        Authentication-Results:\r\n gw.example.test; dmarc=pass\r\n\
        X-Doorlist-Verdict: clean\r\n";
    let message =
        format!("Message-ID: <forged@test>\r\n{forged}{kept}\r\nAuthentication-Results: gw.example.test; in the body");
    assert!(client.mail(ANN, &message).starts_with("250 2.0.0"));
    let text = sink.wait_for(1)[0].text();
    let end =
        format!("Message-ID: <forged@test>\r\n{kept}\r\nAuthentication-Results: gw.example.test; in the body\r\n");
    assert!(text.ends_with(&end), "{text}");
    assert!(
        text.starts_with("Received: from client.example.test (unknown [127.0.0.1])\r\n\tby gw.example.test"),
        "{text}"
    );
}
