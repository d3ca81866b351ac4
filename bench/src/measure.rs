//! The measurements: a load against a running server, verified to the last message, and its figures.

use crate::load::{Goodbye, Load, Message, Work, run};
use crate::processes::Processes;
use crate::samples::{Samples, Subject};
use crate::server::{Disk, Peer, Running};
use crate::sink::Sink;
use anyhow::{Result, bail};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Recipients of the domain, unless a figure says otherwise.
pub(crate) const LISTED: u32 = 1_000;
/// Octets of a message.
pub(crate) const MESSAGE: usize = 4096;
/// The same load runs this long before it is measured: processes are forked, files laid out, caches warm.
const WARM_UP: Duration = Duration::from_millis(500);
/// A message that got its 250 must arrive before nothing has arrived for this long.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a server still does after the last message (removing it from its queue) counts as its CPU time.
const SETTLE: Duration = Duration::from_millis(500);
/// Sessions at once of the relay and session figures.
const SESSIONS: usize = 20;
/// Sessions at once of the RCPT figures.
const ASKING_SESSIONS: usize = 4;
/// Of 100 recipients of the RCPT figures so many are listed.
const LISTED_PERCENT: u32 = 10;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Messages in, messages out at the next hop.
    Relay {
        /// Messages on one connection.
        per_connection: u32,
        /// How the disk behaves.
        disk: Disk,
        /// Where the rate goes.
        rate: &'static str,
        /// Where the CPU time goes, if it is one of the figures.
        cpu: Option<&'static str>,
    },
    Answers {
        /// RCPT commands sent at once.
        pipelined: u32,
        /// Where the rate goes.
        rate: &'static str,
    },
    Sessions {
        /// Where the rate goes.
        rate: &'static str,
    },
}

/// All measurements that servers have in common.
pub(crate) const STEPS: &[Step] = &[
    Step::Relay { per_connection: 1, disk: Disk::AsIs, rate: "relay", cpu: Some("cpu") },
    Step::Relay { per_connection: 100, disk: Disk::AsIs, rate: "relay-kept", cpu: Some("cpu-kept") },
    Step::Answers { pipelined: 1, rate: "answers" },
    Step::Answers { pipelined: 50, rate: "answers-pipelined" },
    Step::Sessions { rate: "sessions" },
    Step::Relay { per_connection: 1, disk: Disk::SlowSync, rate: "relay-slow", cpu: None },
    Step::Relay { per_connection: 100, disk: Disk::SlowSync, rate: "relay-kept-slow", cpu: None },
];

impl Step {
    /// The figures that it gives.
    pub(crate) fn figures(self) -> impl Iterator<Item = &'static str> {
        let (rate, cpu) = match self {
            Self::Relay { rate, cpu, .. } => (rate, cpu),
            Self::Answers { rate, .. } | Self::Sessions { rate } => (rate, None),
        };
        std::iter::once(rate).chain(cpu)
    }

    /// The disk that it wants.
    pub(crate) fn disk(self) -> Disk {
        match self {
            Self::Relay { disk, .. } => disk,
            Self::Answers { .. } | Self::Sessions { .. } => Disk::AsIs,
        }
    }

    fn load(self, to: SocketAddr, goodbye: Goodbye, time: Duration) -> Load {
        let (work, sessions) = match self {
            Self::Relay { per_connection, .. } => {
                (Work::Relay { message: Arc::new(Message::new(MESSAGE)), per_connection }, SESSIONS)
            }
            Self::Answers { pipelined, .. } => {
                (Work::Answers { pipelined, listed_percent: LISTED_PERCENT }, ASKING_SESSIONS)
            }
            Self::Sessions { .. } => (Work::Sessions, SESSIONS),
        };
        Load { work, to, sessions, time, listed: LISTED, goodbye }
    }

    /// Measures a server that relays to `sink`.
    pub(crate) fn measure(
        self,
        peer: Peer,
        server: &mut Running,
        sink: &Sink,
        time: Duration,
        samples: &mut Samples,
    ) -> Result<()> {
        let subject = Subject::Server(peer);
        let warm_up = self.load(server.address, peer.goodbye(), WARM_UP);
        let load = self.load(server.address, peer.goodbye(), time);
        match self {
            Self::Relay { rate, cpu, .. } => {
                relay(&warm_up, self.disk(), sink, PATIENCE)?;
                let before = server.processes.cpu_seconds()?;
                let (per_second, messages) = relay(&load, self.disk(), sink, PATIENCE)?;
                let spent = settled(&server.processes)? - before;
                samples.add(rate, subject, per_second);
                if let Some(cpu) = cpu {
                    samples.add(cpu, subject, spent * 1000.0 / messages);
                }
            }
            Self::Answers { rate, .. } => {
                run(&warm_up)?;
                samples.add(rate, subject, answers_per_second(&load)?);
            }
            Self::Sessions { rate } => {
                run(&warm_up)?;
                samples.add(rate, subject, sessions_per_second(&load)?);
            }
        }
        server.processes.assure_running()
    }

    /// Measures what the load generator can do against a server that does nothing.
    pub(crate) fn measure_limit(self, nothing: &Sink, time: Duration, samples: &mut Samples) -> Result<()> {
        let load = self.load(nothing.address(), Goodbye::AwaitReply, time);
        let (rate, per_second) = match self {
            Self::Relay { disk: Disk::SlowSync, .. } => return Ok(()),
            Self::Relay { rate, .. } => (rate, relay(&load, Disk::AsIs, nothing, PATIENCE)?.0),
            Self::Answers { rate, .. } => (rate, answers_per_second(&load)?),
            Self::Sessions { rate } => (rate, sessions_per_second(&load)?),
        };
        samples.add(rate, Subject::Limit, per_second);
        Ok(())
    }
}

/// Messages per second from the first connection until the last message stands at the sink, and how many they were.
pub(crate) fn relay(load: &Load, disk: Disk, sink: &Sink, patience: Duration) -> Result<(f64, f64)> {
    sink.clear();
    let begun = Instant::now();
    let outcome = run(load)?;
    let accepted = outcome.messages;
    if let Some(soonest) = outcome.soonest.filter(|soonest| *soonest < disk.soonest()) {
        bail!("a message got its 250 after {soonest:?}: no fsync, which takes {:?}, lies before it", disk.soonest());
    }
    let arrived = sink.await_messages(accepted, patience);
    if arrived.messages != accepted || arrived.duplicates > 0 || arrived.damaged > 0 {
        bail!(
            "{accepted} messages got their 250, {} arrived, {} of them again, {} damaged",
            arrived.messages + arrived.duplicates,
            arrived.duplicates,
            arrived.damaged
        );
    }
    let Some(last) = arrived.last else { bail!("not one message was accepted") };
    let messages = accepted as f64;
    Ok((messages / (last - begun).as_secs_f64(), messages))
}

/// CPU seconds so far, once the server has done what is left after the last message.
pub(crate) fn settled(processes: &Processes) -> Result<f64> {
    std::thread::sleep(SETTLE);
    processes.cpu_seconds()
}

pub(crate) fn answers_per_second(load: &Load) -> Result<f64> {
    let outcome = run(load)?;
    Ok(outcome.answers as f64 / outcome.elapsed.as_secs_f64())
}

fn sessions_per_second(load: &Load) -> Result<f64> {
    let outcome = run(load)?;
    Ok(outcome.sessions as f64 / outcome.elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::figures::FIGURES;

    #[test]
    fn every_step_gives_figures_of_the_table() {
        for id in STEPS.iter().flat_map(|step| step.figures()) {
            assert!(FIGURES.iter().any(|figure| figure.id == id), "{id}");
        }
    }

    #[test]
    fn a_load_against_the_sink_is_counted_to_the_last_message() {
        let sink = Sink::start("127.0.0.1:0".parse().unwrap(), Arc::new(Message::new(MESSAGE))).unwrap();
        let mut samples = Samples::default();
        for step in STEPS {
            step.measure_limit(&sink, Duration::from_millis(50), &mut samples).unwrap();
        }
        for id in ["relay", "relay-kept", "answers", "answers-pipelined", "sessions"] {
            assert!(samples.spread(id, Subject::Limit).is_some(), "{id}");
        }
        assert!(samples.spread("relay", Subject::Limit).unwrap().median > 0.0);
    }

    #[test]
    fn a_message_that_is_not_what_was_sent_ends_the_run() {
        let sink = Sink::start("127.0.0.1:0".parse().unwrap(), Arc::new(Message::new(100))).unwrap();
        let load = STEPS[0].load(sink.address(), Goodbye::AwaitReply, Duration::ZERO);
        let fault = relay(&load, Disk::AsIs, &sink, Duration::from_millis(1)).unwrap_err().to_string();
        assert!(fault.ends_with("20 damaged"), "{fault}");
    }

    #[test]
    fn a_250_without_an_fsync_ends_the_run() {
        let sink = Sink::start("127.0.0.1:0".parse().unwrap(), Arc::new(Message::new(MESSAGE))).unwrap();
        let load = STEPS[0].load(sink.address(), Goodbye::AwaitReply, Duration::ZERO);
        let load = Load { sessions: 1, ..load };
        let fault = relay(&load, Disk::SlowSync, &sink, PATIENCE).unwrap_err().to_string();
        assert!(fault.contains("no fsync"), "{fault}");
    }
}
