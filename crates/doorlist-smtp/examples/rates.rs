//! How fast the server side of the language is, without sockets: `cargo run --release -p doorlist-smtp --example rates`.
//!
//! Prints the median of five rounds: RCPT lines a second, and message bytes a second for short and long lines.

#![allow(clippy::disallowed_methods, reason = "the library has no clock; what measures it needs one")]

use doorlist_smtp::server::{Event, Session, SessionConfig};
use std::time::Instant;

const ROUNDS: usize = 5;
/// As much as a session reads from its socket at once.
const SEGMENT: usize = 64 << 10;

fn main() {
    let recipients: Vec<u8> =
        (0..2_000_000).flat_map(|n| format!("RCPT TO:<user{n}@example.test>\r\n").into_bytes()).collect();
    println!("RCPT lines a second: {:.1} million", rate(|| commands(&recipients)) / 1e6);
    for line_len in [40, 76, 998] {
        let message = format!("{}\r\n", "x".repeat(line_len)).repeat((256 << 20) / (line_len + 2));
        println!("message bytes a second, lines of {line_len}: {:.2} GB", rate(|| body(message.as_bytes())) / 1e9);
    }
}

/// What `work` counts, a second.
fn rate(mut work: impl FnMut() -> usize) -> f64 {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work() as f64 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}

/// A session in a transaction that takes any number of recipients.
fn session() -> Session {
    let mut session =
        Session::new(SessionConfig { recipients_max: usize::MAX, size_max: u64::MAX, ..SessionConfig::default() });
    let mut input = &b"EHLO c.example.test\r\nMAIL FROM:<s@example.test>\r\n"[..];
    while let Some(event) = session.next(&mut input) {
        if matches!(event, Event::Mail(_)) {
            session.mail_accepted();
        }
    }
    session
}

fn commands(lines: &[u8]) -> usize {
    let mut session = session();
    for segment in lines.chunks(SEGMENT) {
        let mut input = segment;
        while let Some(event) = session.next(&mut input) {
            if matches!(event, Event::Rcpt(_)) {
                session.rcpt_accepted();
            }
        }
    }
    session.recipients()
}

fn body(message: &[u8]) -> usize {
    let mut session = session();
    session.rcpt_accepted();
    session.data_accepted();
    let mut len = 0;
    for segment in message.chunks(SEGMENT) {
        let mut input = segment;
        while let Some(event) = session.next(&mut input) {
            if let Event::Body(bytes) = event {
                len += bytes.len();
            }
        }
    }
    len
}
