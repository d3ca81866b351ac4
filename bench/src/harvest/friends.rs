//! Senders with a good record, who name listed recipients of all domains at a steady pace, each answer timed.

use super::attackers::Guest;
use super::setup::{Target, friend, listed_of};
use anyhow::{Context as _, Result, anyhow, ensure};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

/// Sessions that run at once.
const SESSIONS: u32 = 4;
/// Recipients of a session, and between two of them.
const RECIPIENTS: u32 = 20;
const PACE: Duration = Duration::from_millis(5);

/// The senders while they work.
pub(super) struct Friends {
    ended: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<Vec<f64>>>>,
}

impl Friends {
    /// So many sources, recipients of so many domains.
    pub(super) fn begin(target: &Target, sources: u32, domains: u32) -> Self {
        let (ended, to) = (Arc::new(AtomicBool::new(false)), target.address);
        let start = |first| {
            let ended = Arc::clone(&ended);
            spawn(move || send(to, (first..sources).step_by(SESSIONS as usize).cycle(), domains, &ended))
        };
        let threads = (0..SESSIONS).map(start).collect();
        Self { ended, threads }
    }

    /// The times of all answers in milliseconds.
    pub(super) fn end(self) -> Result<Vec<f64>> {
        self.ended.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for thread in self.threads {
            all.extend(thread.join().map_err(|_| anyhow!("a sender broke off"))??);
        }
        Ok(all)
    }
}

fn send(to: SocketAddr, sources: impl Iterator<Item = u32>, domains: u32, ended: &AtomicBool) -> Result<Vec<f64>> {
    let (mut times, mut domain) = (Vec::new(), 0);
    for source in sources {
        let mut guest = Guest::connect(to, friend(source))?.context("a sender's session was ended")?;
        for _ in 0..RECIPIENTS {
            if ended.load(Ordering::Relaxed) {
                return Ok(times);
            }
            domain = (domain + 1) % domains;
            let line = format!("RCPT TO:<{}>", listed_of(domain));
            let begun = Instant::now();
            let reply = guest.say(&line)?.context("a sender's session was ended")?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            ensure!(reply.starts_with("250"), "{line}: {reply:?}");
            sleep(PACE);
        }
        guest.say("QUIT")?;
    }
    Ok(times)
}
