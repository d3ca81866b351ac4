//! Mixed requests over several connections: at a given rate, or as many as possible. At a given rate, latency counts
//! from the scheduled time, so that a stalled server cannot hide it.

use super::client::Client;
use super::lists::{Draw, percentile};
use super::tenants::{ACCOUNTS, ACCOUNTS_EACH, BIG, DOMAINS};
use super::writes::{account, add};
use anyhow::Result;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::net::SocketAddr;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

const CONNECTIONS: u32 = 8;

#[derive(Clone, Copy)]
pub(super) enum Until {
    /// For so long, so many in a second.
    Paced(Duration, u32),
    /// For so long, as many as go.
    Most(Duration),
    /// So many, as fast as they go.
    Count(u32),
}

/// What came of it: each request's time in ms.
pub(super) struct Came {
    times: Vec<f64>,
    elapsed: Duration,
}

impl Came {
    pub(super) fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64()
    }

    pub(super) fn percentile(&mut self, percent: usize) -> f64 {
        percentile(&mut self.times, percent)
    }
}

/// Runs the load on this core. The first answer that is none of 200 to 299 ends it.
pub(super) fn run(address: SocketAddr, key: &str, until: Until, name: &str, core: Option<usize>) -> Result<Came> {
    let begun = Instant::now();
    let came: Result<Vec<(Vec<f64>, Duration)>> = scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let mut session = Session::new(Client::new(address, key), format!("{name}.{number}"), number);
                scope.spawn(move || {
                    if let Some(core) = core {
                        stay_on(core)?;
                    }
                    session.run(begun, until, number)?;
                    let elapsed = begun.elapsed();
                    session.tidy()?;
                    Ok((session.times, elapsed))
                })
            })
            .collect();
        let ends = threads.into_iter().map(|it| it.join().unwrap_or_else(|_| anyhow::bail!("a connection broke off")));
        ends.collect()
    });
    let (times, ends): (Vec<_>, Vec<_>) = came?.into_iter().unzip();
    Ok(Came { times: times.concat(), elapsed: ends.into_iter().max().unwrap_or_default() })
}

fn stay_on(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

struct Session {
    client: Client,
    name: String,
    draw: Draw,
    /// Accounts that it added and that are there still.
    added: Vec<u32>,
    made: u32,
    times: Vec<f64>,
}

impl Session {
    fn new(client: Client, name: String, number: u32) -> Self {
        let draw = Draw(u64::from(number) * 1_000_003 + 17);
        Self { client, name, draw, added: Vec::new(), made: 0, times: Vec::new() }
    }

    fn run(&mut self, begun: Instant, until: Until, number: u32) -> Result<()> {
        match until {
            Until::Paced(time, per_second) => {
                for place in (number..).step_by(CONNECTIONS as usize) {
                    let due = begun + Duration::from_secs(1) * place / per_second;
                    if due - begun > time {
                        break;
                    }
                    sleep(due.saturating_duration_since(Instant::now()));
                    self.one()?;
                    self.times.push(due.elapsed().as_secs_f64() * 1e3);
                }
            }
            Until::Most(time) => {
                while begun.elapsed() < time {
                    self.timed()?;
                }
            }
            Until::Count(count) => {
                for _ in 0..count / CONNECTIONS {
                    self.timed()?;
                }
            }
        }
        Ok(())
    }

    /// The list is left as it was.
    fn tidy(&mut self) -> Result<()> {
        while let Some(id) = self.added.pop() {
            self.client.must("DELETE", &account(id), "")?;
        }
        Ok(())
    }

    fn timed(&mut self) -> Result<()> {
        let began = Instant::now();
        self.one()?;
        self.times.push(began.elapsed().as_secs_f64() * 1e3);
        Ok(())
    }

    /// 80 of 100 read, 10 change, 5 add, 5 remove.
    fn one(&mut self) -> Result<()> {
        let (kind, drawn) = (self.draw.next() % 100, self.draw.next());
        // Numbers were given to the small domains' accounts first.
        let id = u32::try_from(2 + u64::from(DOMAINS * ACCOUNTS_EACH) + drawn % u64::from(ACCOUNTS - 1)).unwrap_or(2);
        let list = "/api/v1/email_account/?limit=20&domain=";
        let target = match kind {
            0..30 => account(id),
            30..55 => format!("{list}{BIG}&offset={}", drawn % u64::from(ACCOUNTS)),
            55..80 => format!("{list}{BIG}&localpart=u{:08}.name", drawn % u64::from(ACCOUNTS)),
            80..90 => {
                let body = format!(r#"{{"priority": {}}}"#, drawn % 10);
                return self.client.must("PUT", &account(id), &body).map(drop);
            }
            95..100 if !self.added.is_empty() => {
                let id = self.added.swap_remove(0);
                return self.client.must("DELETE", &account(id), "").map(drop);
            }
            _ => {
                self.made += 1;
                let (id, _) = add(&mut self.client, &format!("mixed.{}.{}", self.name, self.made))?;
                self.added.push(id);
                return Ok(());
            }
        };
        self.client.must("GET", &target, "").map(drop)
    }
}
