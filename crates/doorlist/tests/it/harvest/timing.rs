//! H02: inside a measure, text, code and time of an answer say nothing about the recipient.

use super::statistics::{Difference, Timed, percentile, planted};
use super::{ATTACKED, FLAGGED, answer, ask, attack, guess, source};
use crate::client::Client;
use crate::random::Random;
use crate::server::{Server, Settings};
use crate::sink::{Manners, Sink};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Sessions side by side, which is what an attacker has who is slowed; fewer than a fifth of all that may be open, so that
/// each answer waits.
const SESSIONS: u64 = 700;
const SESSIONS_MAX: &str = "5000";
/// With them, more than 10,000 answers.
const PROBES_PER_SESSION: u64 = 15;
/// Those of an attack, each session from a source of its own.
const PROBES_IN_ATTACK: u64 = 5;
const LISTED: usize = 50;
/// Names that nobody lists, but a domain's own server has.
const SERVERS_OWN: usize = 600;
/// Domains whose unlisted names others ask for meanwhile, each with a server of its own, which hears of at most 600 new
/// names a minute.
const ASKED_DOMAINS: usize = 10;
/// Sources that ask for them side by side.
const ASKING: u32 = 3;
/// Sources that ask for them in turn; addresses of this machine end behind them.
const ASKING_IN_TURN: u32 = 30_000;
/// New names of one source that its server is asked for within a minute.
const NAMES_PER_SOURCE: usize = 10;

/// What becomes of a name when nothing is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Listed,
    OfServer,
    Nobodys,
}

/// The times of answers in a random order of all kinds. All say the same.
fn probe(client: &mut Client, seed: u64, probes: u64, expected: &str) -> Vec<(Kind, Duration)> {
    let mut random = Random::new(seed * 2 + 1_000_003);
    let mut times = Vec::new();
    for number in 0..probes {
        let (kind, name) = match random.below(4) {
            0 | 1 => (Kind::Listed, format!("user{}", random.below(LISTED))),
            2 => (Kind::OfServer, format!("own{}", random.below(SERVERS_OWN))),
            _ => (Kind::Nobodys, format!("nobody{seed}-{number}")),
        };
        let command = format!("RCPT TO:<{name}@example.test>");
        let began = Instant::now();
        assert_eq!(client.ask(&command, ""), expected, "{kind:?}");
        times.push((kind, began.elapsed()));
    }
    times
}

fn session(smtp: SocketAddr, from: IpAddr) -> Client {
    let mut client = Client::connect_from(from, smtp);
    client.hello();
    client.ask("MAIL FROM:<friend@sender.example.test>", "250");
    client
}

/// All sessions side by side.
fn probe_all(
    server: &Server,
    from: impl Fn(u64) -> IpAddr + Sync,
    probes: u64,
    expected: &str,
) -> Vec<(Kind, Duration)> {
    let (smtp, from) = (server.smtp(), &from);
    std::thread::scope(|scope| {
        let run = |seed| scope.spawn(move || probe(&mut session(smtp, from(seed)), seed, probes, expected));
        let sessions: Vec<_> = (0..SESSIONS).map(run).collect();
        sessions.into_iter().flat_map(|session| session.join().unwrap()).collect()
    })
}

/// Nobody can tell one kind from the others, and would have been found out by a difference that is a part of what the
/// answers spread anyway.
fn assert_alike(what: &str, times: &[(Kind, Duration)]) {
    for kind in [Kind::Listed, Kind::Nobodys] {
        let times: Vec<Timed> = times.iter().map(|(of, time)| (*of == kind, *time)).collect();
        let difference = Difference::of(&times);
        let spread = percentile(&times, 75) - percentile(&times, 25);
        let median = percentile(&times, 50);
        println!("{what}, {kind:?} of {}: {difference:?}; median {median:?}, spread {spread:?}", times.len());
        assert!(!difference.tells(), "{what}: {kind:?} can be told: {difference:?}");
        let planted = Difference::of(&planted(&times, spread / 2));
        assert!(planted.tells(), "{what}: a difference of half of {spread:?} is not found: {planted:?}");
    }
}

fn settings() -> Settings {
    Settings::default().set("smtp.sessions_max", SESSIONS_MAX).set("smtp.sessions_per_address_max", "2000")
}

fn listed() -> Vec<String> {
    (0..LISTED).map(|n| format!("user{n}")).collect()
}

fn enforcing() -> Server {
    let server = Server::with(settings());
    let names = listed();
    server.protect("example.test", Sink::start().address(), &names.iter().map(String::as_str).collect::<Vec<_>>());
    server
}

#[test]
fn a_flagged_source_cannot_tell_listed_from_unlisted() {
    let server = enforcing();
    guess(&server, source(1), "example.test", "guess", 25);
    assert_alike("flagged", &probe_all(&server, |_| source(1), PROBES_PER_SESSION, FLAGGED));
}

#[test]
fn neither_can_anybody_in_an_attack() {
    let server = enforcing();
    attack(&server, "example.test");
    let times = probe_all(&server, |seed| source(2000 + seed as u32), PROBES_IN_ATTACK, ATTACKED);
    assert_alike("attack", &times);
}

/// A server that has its own names beside those that are listed.
fn server_of(domain: &str, listed: &[String]) -> Sink {
    let own = (0..SERVERS_OWN).map(|n| format!("own{n}"));
    let known = own.chain(listed.iter().cloned()).map(|name| format!("{name}@{domain}")).collect();
    Sink::with(Manners { known: Some(known), ..Manners::default() })
}

/// Protects a domain whose server is asked for who is on no list, and is trusted.
fn ask_server_of(server: &Server, domain: &str, listed: &[String]) -> Sink {
    let sink = server_of(domain, listed);
    server.done(&["domain", "add", domain, "--server", &sink.address().to_string()]);
    let addresses: Vec<String> = listed.iter().map(|name| format!("{name}@{domain}")).collect();
    let words = ["account", "add"].into_iter().chain(addresses.iter().map(String::as_str));
    server.done(&words.collect::<Vec<_>>());
    let probed = server.done(&["domain", "probe", domain]);
    assert!(probed.contains("trusted: its answers about unlisted recipients are used"), "{probed}");
    sink
}

/// The times of answers to a source that nothing is known of: unlisted recipients are asked for.
fn probe_unflagged(server: &Server) -> Vec<Timed> {
    let mut times = Vec::new();
    for number in 0..5_u32 {
        let mut client = session(server.smtp(), source(3000 + number));
        for name in 0..NAMES_PER_SOURCE {
            for (is_listed, name) in
                [(true, format!("user{name}")), (false, format!("own{}", number as usize * NAMES_PER_SOURCE + name))]
            {
                let began = Instant::now();
                client.ask(&format!("RCPT TO:<{name}@example.test>"), "250 2.1.5");
                times.push((is_listed, began.elapsed()));
            }
        }
    }
    times
}

#[test]
fn nor_can_it_while_servers_are_asked_for_others() {
    let server = Server::with(settings());
    let sink = ask_server_of(&server, "example.test", &listed());
    let others: Vec<Sink> =
        (0..ASKED_DOMAINS).map(|n| ask_server_of(&server, &format!("asked{n}.test"), &["user".to_owned()])).collect();
    // Without a measure the wait for the server can be seen: this test would see it.
    let unflagged = Difference::of(&probe_unflagged(&server));
    assert!(unflagged.tells(), "{unflagged:?}");

    server.protect("enforced.test", sink.address(), &["ann"]);
    guess(&server, source(1), "enforced.test", "guess", 25);
    assert_eq!(answer(&server, source(1), "user1@example.test"), FLAGGED);
    let asked = || others.iter().map(|sink| sink.asked().len()).sum::<usize>();
    let (of_example, of_others, is_over) = (sink.asked().len(), asked(), AtomicBool::new(false));
    let times = std::thread::scope(|scope| {
        for asking in 0..ASKING {
            let (server, is_over) = (&server, &is_over);
            scope.spawn(move || ask_for_others(server, asking, is_over));
        }
        let times = probe_all(&server, |_| source(1), PROBES_PER_SESSION, FLAGGED);
        is_over.store(true, Ordering::Relaxed);
        times
    });
    let asked = asked() - of_others;
    println!("{asked} recipients were asked for meanwhile");
    assert!(asked > 500, "only {asked} recipients were asked for meanwhile");
    assert_eq!(sink.asked().len(), of_example, "nobody is asked for a flagged source");
    assert_alike("flagged, while servers are asked", &times);
}

/// Mail for names that are on no list, from ever new sources, until the other side is done.
fn ask_for_others(server: &Server, asking: u32, is_over: &AtomicBool) {
    for round in 0.. {
        let number = asking + round * ASKING;
        let name = |domain: usize| format!("own{}@asked{domain}.test", number as usize % SERVERS_OWN);
        let names: Vec<String> = (0..ASKED_DOMAINS.min(NAMES_PER_SOURCE)).map(name).collect();
        ask(
            server.smtp(),
            source(4000 + number % ASKING_IN_TURN),
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        if is_over.load(Ordering::Relaxed) {
            return;
        }
    }
}
