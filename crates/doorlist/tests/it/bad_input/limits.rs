//! S14 to S17 and S26 to S29: too much, too long, too slow, too many. The answer is a limit's, the memory is bounded.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::{ANN, at_work, only_an_honest_message_comes_out};
use crate::client::{Client, wait_until};
use crate::server::{Server, Settings};

/// Resident memory of the server in KiB.
fn resident_kib(server: &mut Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process().pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).expect("a number").parse().unwrap()
}

/// Files of bodies that are being received, or belong to queued messages.
fn bodies(server: &Server) -> usize {
    std::fs::read_dir(server.state().join("spool/bodies")).map_or(0, Iterator::count)
}

#[test]
fn s14_endless_command_line() {
    let (mut server, sink) = at_work(Settings::default());
    let mut client = Client::greeted(server.smtp());
    client.ask(&format!("NOOP {}", "x".repeat(2_041)), "250 2.0.0");
    client.ask(&format!("NOOP {}", "x".repeat(2_042)), "500 5.5.2");
    client.ask(&format!("MAIL FROM:<{}@sender.example.test>", "x".repeat(1_000_000)), "500 5.5.2");
    client.ask("NOOP", "250 2.0.0");
    let before = resident_kib(&mut server);
    // Hangs up behind the first mebibyte of a hundred.
    let piece = vec![b'x'; 1 << 20];
    let sent = (0..100).take_while(|_| client.try_send(&piece).is_ok()).count();
    assert!(sent < 100, "the server has read it all");
    if let Some(reply) = client.reply() {
        assert!(reply.starts_with("421 4.5.2"), "{reply}");
    }
    let after = resident_kib(&mut server);
    assert!(after < before + 8 * 1024, "{before} KiB before, {after} KiB after");
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s15_long_body_lines_pass_unchanged_up_to_a_mebibyte() {
    let (server, sink) = at_work(Settings::default());
    let mut client = Client::greeted(server.smtp());
    let line = "x".repeat(1 << 20);
    assert!(client.mail(ANN, &format!("Message-ID: <1@test>\r\n\r\n{line}x")).starts_with("550 5.5.2"));
    for length in [998, 999, 100_000, 1 << 20] {
        let reply = client.mail(ANN, &format!("Message-ID: <{length}@test>\r\n\r\n{}", &line[..length]));
        assert!(reply.starts_with("250 2.0.0"), "{length}: {reply}");
    }
    for taken in sink.wait_for(4) {
        let length: usize = taken.id().trim_end_matches("@test").parse().unwrap();
        let end = format!("Message-ID: <{length}@test>\r\n\r\n{}\r\n", &line[..length]);
        assert!(taken.text().ends_with(&end), "{length}");
    }
}

#[test]
fn s16_header_sections_without_end() {
    let (server, sink) = at_work(Settings::default());
    let mut client = Client::greeted(server.smtp());
    let cases = [
        ("a section over 256 KiB", "X-Pad: 0123456789abcdef\r\n".repeat(11_000), "552 5.3.4"),
        ("one field over 256 KiB", format!("X-Pad: {}\r\n", "x ".repeat(150_000)), "552 5.3.4"),
        ("a million Received", "Received: x\r\n".repeat(1_000_000), "554 5.4.6"),
        ("51 Received", "Received: x\r\n".repeat(51), "554 5.4.6"),
        ("10,000 small fields", "X: y\r\n".repeat(10_000), "250 2.0.0"),
        ("one field of 200 KiB", format!("X-Pad: {}\r\n", "x".repeat(200 << 10)), "250 2.0.0"),
    ];
    for (name, header, begin) in &cases {
        let reply = client.mail(ANN, &format!("{header}Subject: {name}\r\n\r\nbody"));
        assert!(reply.starts_with(begin), "{name}: {reply}");
    }
    let taken = sink.wait_for(2);
    for (name, header, _) in &cases[4..] {
        let end = format!("{header}Subject: {name}\r\n\r\nbody\r\n");
        assert!(taken.iter().any(|taken| taken.text().ends_with(&end)), "{name}");
    }
}

#[test]
fn s17_a_message_over_the_limit_is_read_to_its_end_and_holds_no_space() {
    let (mut server, sink) = at_work(Settings::default().set("smtp.message_max", "1 MiB"));
    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<a@sender.example.test> SIZE=1048577", "552 5.3.4");
    let before = resident_kib(&mut server);
    let line = format!("{}\r\n", "x".repeat(1_022));
    for start in ["Subject: large\r\n\r\n", "", "Subject: a bare\rCR\r\n\r\n"] {
        client.begin_data(ANN);
        client.send(start);
        for _ in 0..64 {
            client.send(line.repeat(1024));
        }
        assert_eq!(bodies(&server), 0, "the file of a refused message is gone before its end");
        client.send(".\r\n");
        client.expect("55");
    }
    let after = resident_kib(&mut server);
    assert!(after < before + 16 * 1024, "{before} KiB before, {after} KiB after");
    client.ask("QUIT", "221 ");
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s26_half_a_message_is_no_message() {
    let (mut server, sink) = at_work(Settings::default());
    for how in ["closed", "half-closed", "reset"] {
        let mut client = Client::greeted(server.smtp());
        client.begin_data(ANN);
        client.send("Subject: half\r\n\r\n");
        client.send("This is the way it begins and never ends.\r\n".repeat(20_000));
        match how {
            "half-closed" => {
                client.half_close();
                client.closed();
            }
            "reset" => client.reset(),
            _ => drop(client),
        }
    }
    wait_until("three lost connections are logged", Duration::from_secs(20), || {
        server.log().matches("lost connection").count() == 3
    });
    wait_until("their files are gone", Duration::from_secs(20), || bodies(&server) == 0);
    assert!(resident_kib(&mut server) < 256 * 1024);
    assert!(server.metric("doorlist_smtp_sessions_opened_total") >= 3.0);
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s27_who_is_silent_or_drips_is_closed() {
    let settings = Settings::default().set("smtp.idle", "1 s").set("smtp.data_rate_window", "1 s");
    let (server, sink) = at_work(settings.set("smtp.session_max", "20 s"));
    // Silent.
    let mut client = Client::greeted(server.smtp());
    client.expect("421 4.4.2");
    client.closed();
    // Single octets of a command do not keep it alive.
    let begin = Instant::now();
    let mut client = Client::greeted(server.smtp());
    while client.try_send("N").is_ok() && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(begin.elapsed() < Duration::from_secs(10), "single octets keep a session open");
    // A message at 20 octets a second.
    let mut client = Client::greeted(server.smtp());
    client.begin_data(ANN);
    while client.try_send("x\r\n").is_ok() && begin.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(150));
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "a dripping message keeps a session open");
    wait_until("all three are logged", Duration::from_secs(10), || server.log().matches("timeout after ").count() >= 3);
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s27_no_session_is_endless() {
    let (server, _sink) = at_work(Settings::default().set("smtp.session_max", "2 s"));
    let mut client = Client::greeted(server.smtp());
    let begin = Instant::now();
    loop {
        if client.try_send("NOOP\r\n").is_err() {
            break;
        }
        match client.reply() {
            Some(reply) if reply.starts_with("250 ") => std::thread::sleep(Duration::from_millis(100)),
            Some(reply) => {
                assert!(reply.starts_with("421 4.4.2"), "{reply}");
                break;
            }
            None => break,
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "the session goes on");
    }
}

#[test]
fn s28_sessions_are_limited_in_all_and_from_one_address() {
    let settings = Settings::default().set("smtp.sessions_per_address_max", "5").set("smtp.sessions_max", "8");
    let (server, sink) = at_work(settings);
    let from = |last: u8| IpAddr::from(Ipv4Addr::new(127, 1, 0, last));
    let open = |address: IpAddr, count: usize| -> Vec<Client> {
        (0..count)
            .map(|_| {
                let mut client = Client::connect_from(address, server.smtp());
                client.hello();
                client
            })
            .collect()
    };
    let refused = |address: IpAddr, begin: &str| {
        let mut client = Client::connect_from(address, server.smtp());
        client.expect(begin);
        client.closed();
    };
    let five = open(from(1), 5);
    refused(from(1), "421 4.7.0");
    let three = open(from(2), 3);
    refused(from(3), "421 4.3.2");
    drop((five, three));
    wait_until("their places are free again", Duration::from_secs(20), || {
        Client::connect_from(from(1), server.smtp()).reply().is_some_and(|reply| reply.starts_with("220 "))
    });
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s28_two_thousand_connections_from_one_address_leave_room_for_others() {
    let (server, sink) = at_work(Settings::default());
    let stranger = IpAddr::from(Ipv4Addr::new(127, 1, 0, 66));
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..2_000 {
        let mut client = Client::connect_from(stranger, server.smtp());
        match client.reply() {
            Some(reply) if reply.starts_with("220 ") => held.push(client),
            Some(reply) => {
                assert!(reply.starts_with("421 4.7.0"), "{reply}");
                refused += 1;
            }
            None => panic!("closed without a word"),
        }
    }
    assert_eq!((held.len(), refused), (50, 1_950));
    only_an_honest_message_comes_out(&server, &sink);
}

#[test]
fn s29_messages_in_many_sessions_do_not_fill_the_memory() {
    const SESSIONS: usize = 100;
    let settings = Settings::default().set("smtp.sessions_per_address_max", "1000");
    let (mut server, sink) = at_work(settings);
    let line = format!("{}\r\n", "x".repeat(1_022)).repeat(1_024);
    let mut clients: Vec<Client> = (0..SESSIONS).map(|_| Client::greeted(server.smtp())).collect();
    for client in &mut clients {
        client.begin_data(ANN);
        client.send("Subject: many\r\n\r\n");
    }
    let mut most = 0;
    for _ in 0..3 {
        clients.iter_mut().for_each(|client| client.send(&line));
        most = most.max(resident_kib(&mut server));
    }
    assert!(most < 256 * 1024, "{most} KiB resident with {SESSIONS} open messages of 3 MiB");
    let mut accepted = 0;
    for mut client in clients {
        client.send(".\r\n");
        let reply = client.reply().expect("an answer");
        assert!(reply.starts_with("250 2.0.0") || reply.starts_with("452 4.3.1"), "{reply}");
        accepted += usize::from(reply.starts_with("250 "));
    }
    assert!(accepted > 0);
    assert!(sink.wait_for(accepted).iter().all(|taken| taken.wire.len() > 3 << 20));
}
