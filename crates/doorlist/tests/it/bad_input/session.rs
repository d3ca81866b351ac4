//! S18 to S25 and S31: commands out of turn, TLS that is none, bytes that are no text, sessions that lead nowhere.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{ANN, at_work, only_an_honest_message_comes_out};
use crate::client::Client;
use crate::server::{Server, Settings, file_below};

/// Writes these bytes behind the greeting, or behind 220 to STARTTLS, and reads until the server closes.
fn answer_to(server: &Server, starttls: bool, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.smtp()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut line = [0; 512];
    let _greeting = stream.read(&mut line).unwrap();
    if starttls {
        stream.write_all(b"EHLO client.example.test\r\n").unwrap();
        let _extensions = stream.read(&mut line).unwrap();
        stream.write_all(b"STARTTLS\r\n").unwrap();
        let read = stream.read(&mut line).unwrap();
        assert!(line[..read].starts_with(b"220 "), "{}", String::from_utf8_lossy(&line[..read]));
    }
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[test]
fn s18_who_talks_before_the_greeting_is_sent_away_or_heard_in_order() {
    let (server, sink) = at_work(Settings::default());
    for _ in 0..20 {
        let mut client = Client::connect(server.smtp());
        client.send("EHLO client.example.test\r\nMAIL FROM:<a@sender.example.test>\r\nQUIT\r\n");
        let first = client.reply().expect("a first reply");
        if first.starts_with("554 5.5.1") {
            client.closed();
            continue;
        }
        // Its bytes came behind the greeting after all: then they are commands, in their order.
        assert!(first.starts_with("220 "), "{first}");
        client.expect("250 SMTPUTF8");
        client.expect("250 2.1.0");
        client.expect("221 2.0.0");
    }
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s19_what_was_said_in_the_clear_never_counts_inside_tls() {
    let (server, sink) = at_work(Settings::default());
    // In the same segment: refused. In one of its own behind the 220: that is no handshake.
    let mut client = Client::greeted(server.smtp());
    client.send("STARTTLS\r\nMAIL FROM:<attacker@sender.example.test>\r\n");
    client.expect("501 5.5.1");
    client.closed();
    let answer = answer_to(&server, true, b"MAIL FROM:<attacker@sender.example.test>\r\n");
    assert!(!answer.windows(3).any(|reply| reply == b"250"), "{}", String::from_utf8_lossy(&answer));
    // A transaction that began in the clear is gone.
    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<friend@sender.example.test>", "250 ");
    client.ask(&format!("RCPT TO:<{ANN}>"), "250 ");
    client.ask("STARTTLS", "220 ");
    let mut client = client.start_tls(&file_below(&server.state(), "cert.pem").expect("a certificate"));
    client.ask("DATA", "503 5.5.1");
    client.ask("EHLO client.example.test", "250 ");
    client.ask("DATA", "503 5.5.1");
    client.ask("STARTTLS", "503 5.5.1");
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s20_handshakes_that_are_none() {
    let mut server = Server::stopped(Settings::default().set("smtp.handshake", "1 s"));
    let implicit = server.listen_also("tls");
    server.run();
    let sink = super::with_destination(&server, crate::sink::Manners::default());
    // A hello of TLS 1.0 and nothing newer; a record that claims 64 KiB; noise; plain SMTP.
    let old =
        b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x00\x00\x02\x00\x2f\x01\x00";
    let noise = [0x5a; 4096];
    for bytes in [&old[..], b"\x16\x03\x01\xff\xff\x01", &noise, b"QUIT\r\n"] {
        let answer = answer_to(&server, true, bytes);
        assert!(!answer.starts_with(b"2"), "{}", String::from_utf8_lossy(&answer));
    }
    // Silence instead of a handshake, on either port.
    let begin = Instant::now();
    assert_eq!(answer_to(&server, true, b""), b"");
    let mut silent = Client::connect(implicit);
    silent.closed();
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    // A good one on the port that begins with TLS.
    let certificate = file_below(&server.state(), "cert.pem").expect("a certificate");
    let mut client = Client::connect(implicit).start_tls(&certificate);
    client.expect("220 gw.example.test");
    client.ask("EHLO client.example.test", "250 ");
    client.ask("STARTTLS", "503 5.5.1");
    client.ask("QUIT", "221 ");
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s21_a_nul_passes_in_the_body_and_nowhere_else() {
    let (server, sink) = at_work(Settings::default());
    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<fri\0end@sender.example.test>", "501 ");
    assert!(client.mail(ANN, "Subject: no\0thing\r\n\r\nbody").starts_with("550 5.6.0"));
    assert!(client.mail(ANN, "Message-ID: <nul@test>\r\n\r\none\0two\r\n\0\r\n").starts_with("250 2.0.0"));
    let taken = &sink.wait_for(1)[0];
    assert!(taken.message().ends_with(b"Message-ID: <nul@test>\r\n\r\none\0two\r\n\0\r\n\r\n"), "{:?}", taken.text());
}

#[test]
fn s22_bytes_that_are_no_utf_8_stay_bytes_and_the_log_stays_readable() {
    let (mut server, sink) = at_work(Settings::default());
    let mut client = Client::connect(server.smtp());
    client.expect("220 ");
    client.send(b"HELO \xff\xfe\r\n");
    client.expect("250 ");
    client.ask("EHLO \x1b[31mred", "501 ");
    client.ask("EHLO client.example.test", "250 ");
    client.send(b"MAIL FROM:<\xff@sender.example.test>\r\n");
    client.expect("553 5.6.7");
    client.send(b"MAIL FROM:<\xff@sender.example.test> SMTPUTF8\r\n");
    client.expect("501 5.1.7");
    client.ask("MAIL FROM:<a\u{202e}b@sender.example.test> SMTPUTF8", "501 5.1.7");
    client.ask("MAIL FROM:<jürgen@sender.example.test> SMTPUTF8", "250 2.1.0");
    client.ask("RCPT TO:<\"no\u{2028}body\"@example.test>", "5");
    client.ask("RSET", "250 ");
    client.begin_data(ANN);
    client.send(b"Message-ID: <bytes@test>\r\nSubject: \xff\xfe \xe9\r\n\r\n\x80\x81\r\n.\r\n");
    client.expect("250 2.0.0");
    let taken = &sink.wait_for(1)[0];
    let end = b"Subject: \xff\xfe \xe9\r\n\r\n\x80\x81\r\n";
    assert!(taken.message().ends_with(end), "{:?}", taken.text());
    client.ask("QUIT", "221 ");
    server.wait_for_log(&["disconnect from"]);
    let log = server.log();
    let strange = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{202e}');
    assert!(!log.contains(strange), "{:?}", log.lines().find(|line| line.contains(strange)));
}

#[test]
fn s23_sessions_that_lead_nowhere_end() {
    let (server, sink) = at_work(Settings::default());
    for command in ["RSET", "NOOP", "BOGUS", "VRFY ann", "EXPN team", "HELP", "ETRN example.test", "EHLO again"] {
        let mut client = Client::greeted(server.smtp());
        // Ten thousand; the server hangs up behind the hundredth.
        let _ = client.try_send(format!("{command}\r\n").repeat(10_000));
        let mut last = String::new();
        let mut replies = 0;
        while let Some(reply) = client.reply() {
            replies += 1;
            last = reply;
        }
        assert!((100..=101).contains(&replies), "{command}: {replies} replies");
        assert!(last.starts_with("421 4.7.0"), "{command}: {last}");
    }
    for hello in ["GET / HTTP/1.1\r\nHost: gw.example.test\r\n\r\n", "\x16\x03\x01\x02\0\x01\0\x01\u{fc}"] {
        assert!(answer_to(&server, false, hello.as_bytes()).starts_with(b"421 4.7.0"), "{hello:?}");
    }
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s24_a_thousand_duplicates_are_one_delivery_and_a_thousand_more_recipients_come_again() {
    let (server, sink) = at_work(Settings::default());
    let names: Vec<String> = (1..=1_001).map(|n| format!("u{n}@example.test")).collect();
    std::fs::write(server.folder().path().join("names"), names.join("\n")).unwrap();
    server.done(&["import", "names", "--domain", "example.test", "--apply"]);
    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<friend@sender.example.test>", "250 ");
    client.send(format!("RCPT TO:<{ANN}>\r\n").repeat(500) + &"RCPT TO:<\"ANN\"@EXAMPLE.test>\r\n".repeat(500));
    (0..1_000).for_each(|_| drop(client.expect("250 2.1.5")));
    client.ask("DATA", "354 ");
    client.send("Message-ID: <once@test>\r\n\r\n.\r\n");
    client.expect("250 2.0.0");
    assert_eq!(sink.wait_for(1)[0].recipients, ["<ann@example.test>"]);

    client.ask("MAIL FROM:<friend@sender.example.test>", "250 ");
    client.send(names.iter().map(|name| format!("RCPT TO:<{name}>\r\n")).collect::<String>());
    (0..100).for_each(|_| drop(client.expect("250 2.1.5")));
    (100..1_001).for_each(|_| drop(client.expect("452 4.5.3")));
    client.ask("DATA", "354 ");
    client.send("Message-ID: <hundred@test>\r\n\r\n.\r\n");
    client.expect("250 2.0.0");
    let taken = sink.wait_for(2);
    let hundred = taken.iter().find(|taken| taken.id() == "hundred@test").expect("the second message");
    assert_eq!(hundred.recipients.len(), 100);
}

#[test]
fn s25_parameters_of_strangers_go_nowhere() {
    let (server, sink) = at_work(Settings::default());
    let mut client = Client::greeted(server.smtp());
    for parameter in ["AUTH=<>+0AX", "ENVID=x+0D+0A.", "RET=FULL", "REQUIRETLS", "BODY=BINARYMIME", "X=Y"] {
        client.ask(&format!("MAIL FROM:<friend@sender.example.test> {parameter}"), "555 5.5.4");
    }
    client.ask("MAIL FROM:<friend@sender.example.test> BODY=8BITMIME SIZE=100", "250 ");
    client.ask(&format!("RCPT TO:<{ANN}> ORCPT=rfc822;a+0Ab@example.test"), "555 5.5.4");
    client.ask(&format!("RCPT TO:<{ANN}> NOTIFY=NEVER"), "555 5.5.4");
    client.ask(&format!("RCPT TO:<{ANN}>"), "250 ");
    client.ask("DATA", "354 ");
    client.send("Message-ID: <clean@test>\r\n\r\n.\r\n");
    client.expect("250 2.0.0");
    let taken = &sink.wait_for(1)[0];
    assert!(taken.mail.starts_with("<friend@sender.example.test>"), "{taken:?}");
    assert!(["AUTH", "ENVID", "RET"].iter().all(|word| !taken.mail.contains(word)), "{taken:?}");
    assert_eq!(taken.recipients, ["<ann@example.test>"]);
}

#[test]
fn s31_xclient_and_xforward_are_neither_offered_nor_taken() {
    let (server, sink) = at_work(Settings::default());
    let mut client = Client::connect(server.smtp());
    client.expect("220 ");
    client.send("EHLO client.example.test\r\n");
    loop {
        let line = client.line().expect("an extension");
        assert!(!line.to_ascii_uppercase().contains("XCLIENT") && !line.contains("XFORWARD"), "{line}");
        if line.starts_with("250 ") {
            break;
        }
    }
    client.ask("XCLIENT ADDR=192.0.2.1 NAME=spike.example.test", "502 ");
    client.ask("XFORWARD ADDR=192.0.2.1", "502 ");
    client.ask("QUIT", "221 ");
    assert!(!server.log().contains("unknown[192.0.2.1]"));
    only_an_honest_message_comes_out(&server, &sink);
}
