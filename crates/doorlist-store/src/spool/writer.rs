//! Who writes, and when. A batch is whatever waits when a commit begins, so the busier the gateway, the more messages
//! share an fsync. Where commits take long, several run side by side, each in a lane with a file of its own: a sender
//! then waits for one fsync, not for the one before it too. This module must not know what a commit costs, or where it
//! goes.

mod lane;

use super::shared::SpoolShared;
use lane::{Finished, LaneOpener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

pub(super) use lane::SpoolEngine;

/// Commits that run side by side, and files that take messages. More are opened when they are needed first.
pub(super) const LANES_MAX: usize = 6;
/// Commits beside the first lane's begin at least so far apart, so that each finds company: a fast disk is done by then.
const PACE: Duration = Duration::from_micros(500);
/// So long settlements wait for a message to share its commit. After a crash their messages are delivered once more.
const SETTLE_PAUSE: Duration = Duration::from_millis(25);
/// After a failed commit, settlements are tried again after this time; a new message tries at once.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// After a lane could not be opened (no room, no file handles), the next try comes after this time.
const OPEN_PAUSE: Duration = Duration::from_mins(1);

/// Writes until the spool is closed and everything is written.
pub(super) async fn run(shared: Arc<SpoolShared>, engines: Vec<SpoolEngine>, ended: watch::Sender<bool>) {
    let mut writers = Writers::new(shared, engines);
    while !writers.is_done() {
        writers.hand_out();
        writers.wait().await;
    }
    writers.close().await;
    ended.send_replace(true);
}

/// The lanes, and what they are doing.
struct Writers {
    shared: Arc<SpoolShared>,
    lanes: Vec<Lane>,
    running: JoinSet<Finished>,
    opener: Option<LaneOpener>,
    /// When the last commit began.
    begun: Instant,
    /// When settlements have waited long enough.
    settle_at: Option<Instant>,
    /// A commit failed: nothing is written for settlements alone before.
    retry_at: Option<Instant>,
    /// A lane is being opened, or could not be: no other is before.
    open_at: Option<Instant>,
    /// When to look again, whatever happens.
    alarm: Option<Instant>,
    given_up: bool,
}

/// A file that takes messages.
struct Lane {
    generation: u32,
    /// `None` while a commit runs.
    engine: Option<SpoolEngine>,
}

impl Lane {
    fn new(engine: SpoolEngine) -> Self {
        Self { generation: engine.current(), engine: Some(engine) }
    }
}

impl Writers {
    fn new(shared: Arc<SpoolShared>, engines: Vec<SpoolEngine>) -> Self {
        Self {
            shared,
            opener: engines.first().and_then(SpoolEngine::opener),
            lanes: engines.into_iter().map(Lane::new).collect(),
            running: JoinSet::new(),
            begun: Instant::now(),
            settle_at: None,
            retry_at: None,
            open_at: None,
            alarm: None,
            given_up: false,
        }
    }

    fn is_done(&self) -> bool {
        let index = self.shared.index();
        self.running.is_empty() && (self.given_up || (index.is_closing() && index.is_idle()))
    }

    /// Begins the commits that are due now.
    fn hand_out(&mut self) {
        let now = Instant::now();
        self.alarm = None;
        if self.given_up {
            return;
        }
        // First, since there may always be a message that waits for the lane.
        self.check(now);
        self.accept(now);
        self.settle(now);
    }

    /// Messages go into a commit at once where the first lane is free, else into another lane, not too soon after the
    /// last.
    fn accept(&mut self, now: Instant) {
        // More may wait than one batch takes.
        while self.shared.index().has_waiting() {
            match self.lanes.iter().position(|lane| lane.engine.is_some()) {
                Some(0) => self.begin(0, now),
                _ if now < self.begun + PACE => return self.look_again(self.begun + PACE),
                Some(free) => self.begin(free, now),
                None => return self.open(now),
            }
        }
    }

    /// Nobody waits for settlements alone: they wait for the next message, so that its fsync serves them too, but not
    /// for long.
    fn settle(&mut self, now: Instant) {
        let (due, urgent) = {
            let index = self.shared.index();
            let current = self.current();
            let has_due = |(at, lane): (usize, &Lane)| {
                let due = index.has_due(lane.generation) || (at == 0 && index.has_due_outside(&current));
                (lane.engine.is_some() && due).then_some(at)
            };
            (self.lanes.iter().enumerate().filter_map(has_due).collect::<Vec<_>>(), index.is_urgent())
        };
        if due.is_empty() {
            self.settle_at = None;
            return;
        }
        let pause = if urgent { Duration::ZERO } else { SETTLE_PAUSE };
        let at = self.settle_at.map_or(now + pause, |at| at.min(now + pause));
        let at = self.retry_at.map_or(at, |retry| at.max(retry));
        if now < at {
            self.settle_at = Some(at);
            self.look_again(at);
            return;
        }
        self.settle_at = None;
        for lane in due {
            self.begin(lane, now);
        }
    }

    /// Makes a write of its own when somebody asks whether one is possible; and now and then as long as none was.
    fn check(&mut self, now: Instant) {
        if !self.shared.is_check_asked() {
            if !self.shared.is_away() || self.shared.index().is_closing() {
                return;
            }
            let at = *self.retry_at.get_or_insert(now + RETRY_PAUSE);
            if now < at {
                return self.look_again(at);
            }
        }
        if let Some(engine) = self.lanes.first_mut().and_then(|first| first.engine.take()) {
            let asked = self.shared.take_check();
            self.running.spawn(lane::check(Arc::clone(&self.shared), engine, asked));
        }
    }

    fn begin(&mut self, lane: usize, now: Instant) {
        let current = self.current();
        let Some(engine) = self.lanes[lane].engine.take() else { return };
        let mut index = self.shared.index();
        let batch = index.take(self.lanes[lane].generation);
        // The first lane settles in the files that take no messages any more.
        let closed = if lane == 0 { index.take_closed(&current) } else { None };
        drop(index);
        self.begun = now;
        self.running.spawn(lane::write(Arc::clone(&self.shared), lane, engine, batch, closed));
    }

    /// Opens another lane; what waits for it goes into the next one that is free.
    fn open(&mut self, now: Instant) {
        if self.lanes.len() >= LANES_MAX || self.open_at.is_some_and(|at| now < at) {
            return;
        }
        if let Some(opener) = self.opener.clone() {
            self.open_at = Some(now + OPEN_PAUSE);
            self.running.spawn(lane::open(opener));
        }
    }

    fn look_again(&mut self, at: Instant) {
        self.alarm = Some(self.alarm.map_or(at, |alarm| alarm.min(at)));
    }

    /// The files that take messages.
    fn current(&self) -> Vec<u32> {
        self.lanes.iter().map(|lane| lane.generation).collect()
    }

    /// Waits until a commit ends, something arrives, or it is time.
    async fn wait(&mut self) {
        let alarm = self.alarm;
        let time = async {
            match alarm {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(finished) = self.running.join_next() => self.take_back(finished),
            () = self.shared.wake.notified() => {}
            () = time => {}
        }
    }

    fn take_back(&mut self, finished: Result<Finished, JoinError>) {
        match finished {
            Ok(Finished::Wrote { lane, engine, failed }) => {
                self.lanes[lane] = Lane::new(engine);
                self.retry_at = failed.then(|| Instant::now() + RETRY_PAUSE);
                self.given_up |= failed && self.shared.index().is_closing();
            }
            Ok(Finished::Opened(engine)) => {
                self.lanes.push(Lane::new(engine));
                self.open_at = None;
            }
            // The others go on; `open_at` says when it is tried again.
            Ok(Finished::NotOpened) => {}
            Err(ended) => {
                self.shared.mark(&lane::broken(&ended));
                // Whoever asks for a flush from here on is told at once: nobody writes any more.
                let mut index = self.shared.index();
                index.close();
                index.abandon();
                drop(index);
                self.given_up = true;
            }
        }
    }

    async fn close(self) {
        self.shared.index().abandon();
        for engine in self.lanes.into_iter().filter_map(|lane| lane.engine) {
            engine.close().await;
        }
    }
}
