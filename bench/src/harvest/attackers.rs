//! Attackers: many sessions side by side, each from a source of its own, that name recipients and note what they are told.

use super::setup::Target;
use super::{NAMES, NETWORK_SOURCES, ONE_EXISTS_OF, SOURCES};
use crate::load::{DOMAIN, listed};
use anyhow::{Context as _, Result, anyhow};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{Builder, scope, sleep};
use std::time::{Duration, Instant};

/// No answer that is waited for comes later.
const REPLY_MAX: Duration = Duration::from_secs(60);
/// Stack of a thread with one session.
const STACK: usize = 256 * 1024;

/// Where the guesses come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sources {
    /// All addresses in one /24.
    Network,
    /// Each source in a /24 of its own.
    Many,
}

impl Sources {
    fn address(self, session: u32) -> Ipv4Addr {
        match self {
            Self::Network => Ipv4Addr::new(10, 1, 1, u8::try_from(session % NETWORK_SOURCES + 1).unwrap_or(u8::MAX)),
            Self::Many => {
                let [.., high, low] = (session % SOURCES).to_be_bytes();
                Ipv4Addr::new(10, 100 + high, low, 1)
            }
        }
    }
}

/// An attack on the load's domain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Campaign {
    pub(super) sources: Sources,
    pub(super) guesses: u32,
    /// Sessions that run at once.
    pub(super) sessions: usize,
    pub(super) names_per_session: u32,
    /// Guesses a second; `None`: as fast as answers come.
    pub(super) pace: Option<u32>,
}

/// What an attacker has learnt, and how.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Learnt {
    guesses: u32,
    /// Existing names that got their 250; each is named once.
    existing: u32,
    refused: u32,
    deferred: u32,
    /// Guesses whose session was closed in place of an answer.
    closed: u32,
}

impl Learnt {
    /// Existing names that were learnt, for 1,000 guesses.
    pub(super) fn per_thousand(&self) -> f64 {
        f64::from(self.existing) * 1000.0 / f64::from(self.guesses.max(1))
    }

    /// Guesses that were answered as if there were no attack.
    pub(super) fn until_recognised(&self) -> u32 {
        self.existing + self.refused
    }

    fn add(mut self, more: Self) -> Self {
        self.guesses += more.guesses;
        self.existing += more.existing;
        self.refused += more.refused;
        self.deferred += more.deferred;
        self.closed += more.closed;
        self
    }
}

/// Whether the name of a guess exists: one of twenty, at another place among them each time.
fn exists(guess: u32) -> bool {
    guess % ONE_EXISTS_OF == guess / ONE_EXISTS_OF % ONE_EXISTS_OF
}

/// The name of a guess. No name comes twice.
fn name(guess: u32) -> String {
    match exists(guess) {
        true => listed(guess / ONE_EXISTS_OF),
        false => format!("x{guess:08}.name@{DOMAIN}"),
    }
}

impl Campaign {
    /// Guesses until all names were named once.
    pub(super) fn run(&self, target: &Target) -> Result<Learnt> {
        let (next, begun) = (AtomicU32::new(0), Instant::now());
        let worker = || -> Result<Learnt> {
            let mut learnt = Learnt::default();
            loop {
                let first = next.fetch_add(self.names_per_session, Ordering::Relaxed);
                if first >= self.guesses {
                    return Ok(learnt);
                }
                if let Some(pace) = self.pace {
                    sleep((begun + Duration::from_secs(1) * first / pace).saturating_duration_since(Instant::now()));
                }
                let names = first..self.guesses.min(first + self.names_per_session);
                let source = self.sources.address(first / self.names_per_session);
                learnt = learnt.add(session(target.address, source, names).context("an attacker's session")?);
            }
        };
        scope(|scope| {
            let start = |_| Builder::new().stack_size(STACK).spawn_scoped(scope, worker);
            let workers = (0..self.sessions).map(start).collect::<std::io::Result<Vec<_>>>()?;
            workers.into_iter().try_fold(Learnt::default(), |all, worker| {
                Ok(all.add(worker.join().map_err(|_| anyhow!("an attacker broke off"))??))
            })
        })
    }
}

/// One session; names behind its end are guesses all the same only if they were asked for.
fn session(to: SocketAddr, source: Ipv4Addr, guesses: std::ops::Range<u32>) -> Result<Learnt> {
    let mut learnt = Learnt::default();
    let Some(mut guest) = Guest::connect(to, source)? else {
        // Its first name would have been the next thing to say.
        return Ok(Learnt { guesses: 1, closed: 1, ..learnt });
    };
    for guess in guesses {
        learnt.guesses += 1;
        let reply = guest.say(&format!("RCPT TO:<{}>", name(guess)))?;
        match reply.as_deref().and_then(|reply| reply.get(..1)) {
            Some("2") if exists(guess) => learnt.existing += 1,
            Some("5") => learnt.refused += 1,
            Some("4") if !reply.as_deref().is_some_and(|reply| reply.starts_with("421")) => learnt.deferred += 1,
            None | Some("4") => {
                learnt.closed += 1;
                return Ok(learnt);
            }
            Some(_) => return Err(anyhow!("{}: {reply:?}", name(guess))),
        }
    }
    guest.say("QUIT")?;
    Ok(learnt)
}

/// A session of a client behind a peer that tells its address, in a transaction.
pub(super) struct Guest(BufReader<TcpStream>);

impl Guest {
    /// Up to the answer to MAIL. `None`: the server ended it before.
    pub(super) fn connect(to: SocketAddr, source: Ipv4Addr) -> Result<Option<Self>> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_MAX))?;
        let mut guest = Self(BufReader::new(stream));
        let proxied = format!("PROXY TCP4 {source} {} 4711 {}", to.ip(), to.port());
        for line in [proxied.as_str(), "EHLO load.test", "MAIL FROM:<sender@src.example>"] {
            match guest.say(line)? {
                Some(reply) if reply.starts_with('2') => {}
                Some(reply) if !reply.starts_with("421") => return Err(anyhow!("{line}: {reply:?}")),
                _ => return Ok(None),
            }
        }
        Ok(Some(guest))
    }

    /// The last line of the reply to this line. `None`: the connection was closed in place of it.
    pub(super) fn say(&mut self, line: &str) -> Result<Option<String>> {
        if self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).is_err() {
            return Ok(None);
        }
        loop {
            let mut reply = String::new();
            match self.0.read_line(&mut reply) {
                Ok(0) => return Ok(None),
                Ok(_) if reply.as_bytes().get(3) == Some(&b'-') => {}
                Ok(_) => return Ok(Some(reply)),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error).with_context(|| format!("no answer to {line}")),
            }
        }
    }
}

const _: () = assert!(NAMES <= SOURCES, "each source names one");

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn sources_are_as_many_as_they_are_said_to_be() {
        let distinct = |sources: Sources| (0..30_000).map(|n| sources.address(n)).collect::<HashSet<_>>();
        assert_eq!(distinct(Sources::Network).len(), 100);
        let many = distinct(Sources::Many);
        let networks: HashSet<[u8; 3]> = many.iter().map(|address| [0, 1, 2].map(|at| address.octets()[at])).collect();
        assert_eq!((many.len(), networks.len()), (10_000, 10_000));
    }

    #[test]
    fn the_yield_is_of_the_names_that_exist() {
        let learnt = Learnt { guesses: 2_000, existing: 100, refused: 1_900, ..Learnt::default() };
        assert_eq!((0..2_000).filter(|guess| exists(*guess)).count(), 100);
        assert_eq!(learnt.add(learnt).per_thousand(), 50.0);
        assert_eq!((name(21), name(20)), (listed(1), "x00000020.name@example.test".to_owned()));
    }
}
