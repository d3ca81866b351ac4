//! H02: inside a measure, text, code and time of an answer say nothing about the recipient.

use super::{ATTACKED, FLAGGED, attack, guess, source};
use crate::client::Client;
use crate::random::Random;
use crate::server::{Server, Settings};
use crate::sink::Sink;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// Sessions side by side; fewer than a fifth of all sessions, so that each answer waits.
const SESSIONS: u64 = 100;
const PROBES_PER_SESSION: u64 = 6;
/// Standard deviations by which the ranks of the two kinds may differ: by chance once in 15,000 runs.
const DEVIATION_MAX: f64 = 4.0;

/// The times of answers to listed and to unlisted recipients, in a random order. All say the same.
fn probe(smtp: SocketAddr, from: IpAddr, seed: u64, expected: &str) -> Vec<(bool, f64)> {
    let mut random = Random::new(seed * 2);
    let mut client = Client::connect_from(from, smtp);
    client.hello();
    client.ask("MAIL FROM:<friend@sender.example.test>", "250");
    let mut times = Vec::new();
    for number in 0..PROBES_PER_SESSION {
        let is_listed = random.below(2) == 0;
        let name = if is_listed { format!("user{}", random.below(50)) } else { format!("nobody{seed}-{number}") };
        let command = format!("RCPT TO:<{name}@example.test>");
        let began = Instant::now();
        assert_eq!(client.ask(&command, ""), expected, "{name}");
        times.push((is_listed, began.elapsed().as_secs_f64()));
    }
    times
}

fn probe_all(server: &Server, from: impl Fn(u64) -> IpAddr + Sync, expected: &str) -> Vec<(bool, f64)> {
    let (smtp, from) = (server.smtp(), &from);
    std::thread::scope(|scope| {
        let sessions: Vec<_> =
            (0..SESSIONS).map(|seed| scope.spawn(move || probe(smtp, from(seed), seed, expected))).collect();
        sessions.into_iter().flat_map(|session| session.join().unwrap()).collect()
    })
}

/// How far the ranks of listed recipients are from those of unlisted ones, in standard deviations (Mann and Whitney).
fn deviation(mut times: Vec<(bool, f64)>) -> f64 {
    times.sort_by(|a, b| a.1.total_cmp(&b.1));
    let listed = times.iter().filter(|(is_listed, _)| *is_listed).count() as f64;
    let unlisted = times.len() as f64 - listed;
    let ranks: f64 =
        times.iter().zip(1..).filter(|((is_listed, _), _)| *is_listed).map(|(_, rank)| f64::from(rank)).sum();
    let u = ranks - listed * (listed + 1.0) / 2.0;
    let spread = (listed * unlisted * (listed + unlisted + 1.0) / 12.0).sqrt();
    (u - listed * unlisted / 2.0) / spread
}

fn server() -> Server {
    let server = Server::with(Settings::default().set("smtp.sessions_per_address_max", "500"));
    let names: Vec<String> = (0..50).map(|n| format!("user{n}")).collect();
    server.protect("example.test", Sink::start().address(), &names.iter().map(String::as_str).collect::<Vec<_>>());
    server
}

#[test]
fn a_flagged_source_cannot_tell_listed_from_unlisted() {
    let server = server();
    guess(&server, source(1), "example.test", "guess", 25);
    let times = probe_all(&server, |_| source(1), FLAGGED);
    let deviation = deviation(times);
    println!("flagged: {deviation:.2} standard deviations");
    assert!(deviation.abs() < DEVIATION_MAX, "{deviation}");
}

#[test]
fn neither_can_anybody_in_an_attack() {
    let server = server();
    attack(&server, "example.test");
    let times = probe_all(&server, |seed| source(2000 + seed as u32), ATTACKED);
    let deviation = deviation(times);
    println!("attack: {deviation:.2} standard deviations");
    assert!(deviation.abs() < DEVIATION_MAX, "{deviation}");
}
