//! S28: more sessions than there are places. Whoever has none finds one, and whoever leads nowhere makes room.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::{ANN, at_work, only_an_honest_message_comes_out};
use crate::client::{Client, wait_until};
use crate::server::{Server, Settings};

fn address(nth: usize) -> IpAddr {
    Ipv4Addr::new(127, 1, 0, u8::try_from(nth).unwrap()).into()
}

/// A session from there, or what it was told instead.
fn session(nth: usize, server: &Server) -> Result<Client, String> {
    let mut client = Client::connect_from(address(nth), server.smtp());
    let said = client.reply().expect("a greeting");
    if said.starts_with("220 ") { Ok(client) } else { Err(said) }
}

#[test]
fn s28_the_last_tenth_is_for_addresses_that_have_none() {
    let settings = Settings::default().set("smtp.sessions_max", "100").set("smtp.sessions_per_address_max", "10");
    let (server, sink) = at_work(settings);
    let mut held = Vec::new();
    for nth in (1..=20).cycle().take(200) {
        match session(nth, &server) {
            Ok(client) => held.push(client),
            Err(said) => assert!(said.starts_with("421 4.3.2"), "{said}"),
        }
    }
    assert_eq!(held.len(), 90, "twenty addresses that have some");
    only_an_honest_message_comes_out(&server, &sink);
    for nth in 21..=30 {
        held.push(session(nth, &server).expect("an address that has none"));
        assert!(session(nth, &server).is_err_and(|said| said.starts_with("421 4.3.2")), "its second");
    }
    assert!(session(31, &server).is_err());
}

#[test]
fn s28_idle_sessions_make_room_and_noop_does_not_prolong_them() {
    let settings = Settings::default().set("smtp.sessions_max", "10").set("smtp.idle_crowded", "1 s");
    let (server, sink) = at_work(settings);
    let mut idle: Vec<Client> = (1..=9).map(|nth| session(nth, &server).unwrap()).collect();
    let mut busy = session(10, &server).unwrap();
    busy.ask("EHLO client.example.test", "250 ");
    let begin = Instant::now();
    // More than eight are too many.
    let mut closed = 0;
    while closed < 2 {
        assert!(begin.elapsed() < Duration::from_secs(40), "{closed} have made room");
        idle.retain_mut(|client| {
            let said = client.try_send("NOOP\r\n").ok().and_then(|()| client.reply());
            let stays = said.as_ref().is_some_and(|said| said.starts_with("250 "));
            assert!(stays || said.is_none_or(|said| said.starts_with("421 4.4.2")));
            closed += usize::from(!stays);
            stays
        });
        assert!(busy.mail(ANN, "Message-ID: <busy@test>\r\n\r\n").starts_with("250 2.0.0"), "it makes progress");
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(server.log().contains("timeout after "));
    drop((idle, busy));
    wait_until("mail comes out", Duration::from_secs(20), || !sink.taken().is_empty());
}

#[test]
fn s28_behind_a_proxy_sessions_count_by_the_client_and_ipv6_by_its_network() {
    let mut server = Server::stopped(Settings::default().set("smtp.sessions_per_address_max", "2"));
    let behind = server.listen_also("proxy_from=127.0.0.1");
    server.run();
    let open = |client: &str| {
        let family = if client.contains(':') { "TCP6" } else { "TCP4" };
        let local = if client.contains(':') { "::1" } else { "127.0.0.1" };
        let mut session = Client::connect(behind);
        session.send(format!("PROXY {family} {client} {local} 4660 25\r\n"));
        let said = session.reply().expect("a greeting");
        (said, session)
    };
    let mut held = Vec::new();
    for client in ["2001:db8::1", "2001:db8::2", "192.0.2.1", "::ffff:192.0.2.1", "2001:db8:0:1::1"] {
        let (said, session) = open(client);
        assert!(said.starts_with("220 "), "{client}: {said}");
        held.push(session);
    }
    for client in ["2001:db8::3", "192.0.2.1", "::ffff:192.0.2.1"] {
        let (said, _) = open(client);
        assert!(said.starts_with("421 4.7.0"), "{client}: {said}");
    }
}
