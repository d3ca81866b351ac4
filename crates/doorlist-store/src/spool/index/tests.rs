#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! The index against a plain map: whatever comes in whatever order, with failing commits in between, what is written in
//! the end is what was said last.

use super::*;
use crate::spool::body::Ration;
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Batches that run side by side: of two generations that take messages, and of one that takes none any more.
const LANES: usize = 3;
const CLOSED: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    Accept,
    Done(prop::sample::Index),
    Progress(prop::sample::Index, u32),
    /// A delivery showed something.
    Teach(prop::sample::Index),
    /// The first outcomes are counted.
    Count(usize),
    /// A batch begins in a lane where none runs.
    Begin(usize),
    /// It ends, and whether it succeeds.
    End(usize, bool),
    /// Someone waits until everything is written.
    Flush,
    NextGeneration(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Accept),
        3 => any::<prop::sample::Index>().prop_map(Step::Done),
        4 => (any::<prop::sample::Index>(), any::<u32>()).prop_map(|(which, n)| Step::Progress(which, n)),
        2 => any::<prop::sample::Index>().prop_map(Step::Teach),
        1 => (0..4_usize).prop_map(Step::Count),
        6 => (0..LANES).prop_map(Step::Begin),
        6 => (0..LANES, prop::bool::weighted(0.8)).prop_map(|(lane, succeeds)| Step::End(lane, succeeds)),
        1 => Just(Step::Flush),
        1 => (0..CLOSED).prop_map(Step::NextGeneration),
    ];
    prop::collection::vec(step, 0..120)
}

fn accept(number: u64) -> (Accept, oneshot::Receiver<Result<Option<MessageBody>, SpoolError>>) {
    let (answer, answered) = oneshot::channel();
    let body = HeldBody::Row(Ration::read(vec![0; 10]));
    let body_seal = BodySeal { size: 10, checksum: 0, apart: None };
    let id = QueueId::from_u64(number);
    (Accept { id, text: String::new(), seal: 0, body, body_seal, answer }, answered)
}

fn outcome(id: QueueId) -> DeliveryOutcome {
    DeliveryOutcome {
        id,
        recipient: 0,
        domain: DomainId(1),
        address: "ann@example.test".parse().unwrap(),
        sender: "".into(),
        server: "192.0.2.1:25".into(),
        status: "2.1.5".into(),
        at: Timestamp::from_secs(0),
        verdict: ContentVerdict::Clean,
    }
}

fn progress(attempts: u32) -> Progress {
    Progress { attempts, next_attempt: Timestamp::from_secs(0), hold: false, recipients: Vec::new() }
}

/// What a disk would hold: generation and the last progress with its revision.
type Disk = BTreeMap<QueueId, (u32, Option<(u32, String)>)>;

/// Someone waits, and what must be written by then: that a row is gone (`None`), or its progress of at least so new.
type Flushing = (oneshot::Receiver<Result<(), SpoolError>>, Vec<(QueueId, Option<u32>)>);

/// The index, what it makes of a disk, and what it was told.
#[derive(Default)]
struct World {
    index: Index,
    disk: Disk,
    /// The generations of the rows of outcomes.
    outcomes: BTreeMap<DeliveryKey, u32>,
    /// Outcomes that were said and not counted.
    taught: BTreeSet<DeliveryKey>,
    delivered: BTreeSet<QueueId>,
    said: BTreeMap<QueueId, Option<u32>>,
    accepted: u64,
    current: [u32; CLOSED],
    generations: u32,
    running: [Option<CommitBatch>; LANES],
    flushing: Vec<Flushing>,
}

impl World {
    fn new() -> Self {
        Self { current: [1, 2], generations: 2, ..Self::default() }
    }

    fn pick(&self, which: prop::sample::Index) -> Option<QueueId> {
        (!self.said.is_empty()).then(|| *self.said.keys().nth(which.index(self.said.len())).unwrap())
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Accept => {
                self.accepted += 1;
                // The answer is not looked at here: the writer's task gives it.
                self.index.wait(accept(self.accepted).0).unwrap();
            }
            Step::Done(which) => {
                if let Some(id) = self.pick(which) {
                    self.said.remove(&id);
                    self.index.settle(id, Settlement::Done);
                }
            }
            Step::Progress(which, n) => {
                if let Some(id) = self.pick(which) {
                    self.said.insert(id, Some(n));
                    self.index.settle(id, Settlement::Progress(progress(n)));
                }
            }
            Step::Teach(which) => {
                // Each recipient is delivered once between two starts.
                if let Some(id) = self.pick(which).filter(|id| self.delivered.insert(*id)) {
                    self.index.teach(outcome(id));
                    self.taught.insert((id, 0));
                }
            }
            Step::Count(limit) => {
                let keys: Vec<DeliveryKey> = self.index.outcomes(limit).iter().map(|outcome| outcome.key()).collect();
                self.index.counted(&keys);
                self.taught.retain(|key| !keys.contains(key));
            }
            Step::Begin(lane) => self.begin(lane),
            Step::End(lane, succeeds) => self.end(lane, succeeds),
            Step::Flush => self.flush(),
            // A generation is closed between two commits.
            Step::NextGeneration(lane) if self.running[lane].is_none() => {
                self.generations += 1;
                self.current[lane] = self.generations;
            }
            Step::NextGeneration(_) => {}
        }
    }

    fn begin(&mut self, lane: usize) {
        if self.running[lane].is_none() {
            self.running[lane] = match lane {
                CLOSED => self.index.take_closed(&self.current),
                _ => Some(self.index.take(self.current[lane])),
            };
        }
    }

    fn end(&mut self, lane: usize, succeeds: bool) {
        let Some(batch) = self.running[lane].take() else { return };
        if !succeeds {
            self.index.failed(&batch, &SpoolError::Away("a try".to_owned()));
            return;
        }
        for accept in &batch.accepts {
            self.said.insert(accept.id, None);
            self.disk.insert(accept.id, (batch.generation, None));
        }
        for step in &batch.steps {
            if let Some((generation, state)) = self.disk.get_mut(&step.id) {
                assert_eq!(*generation, batch.generation, "in the file where its row is");
                *state = Some((step.revision, step.text.clone()));
            }
        }
        for key in &batch.counted {
            assert_eq!(self.outcomes.remove(key), Some(batch.generation), "a row goes from the file where it is");
        }
        for outcome in &batch.taught {
            self.outcomes.entry(outcome.key()).or_insert(batch.generation);
        }
        for gone in &batch.gone {
            let waits = self.taught.contains(&(gone.id, 0));
            assert!(!waits || self.outcomes.contains_key(&(gone.id, 0)), "an outcome is there before its message goes");
            let (generation, _) = self.disk.remove(&gone.id).expect("a row goes once");
            assert_eq!(generation, batch.generation);
        }
        self.index.committed(&batch);
    }

    fn flush(&mut self) {
        let (told, answer) = oneshot::channel();
        let wanted = self.disk.keys().map(|id| (*id, self.index.entry(*id).map(|entry| entry.revision))).collect();
        self.index.flush(told);
        self.flushing.push((answer, wanted));
    }

    /// Whoever was told that everything is written was told the truth.
    fn check_flushes(&mut self) {
        let disk = &self.disk;
        self.flushing.retain_mut(|(answer, wanted)| match answer.try_recv() {
            Ok(Ok(())) => {
                for (id, revision) in wanted {
                    let written = disk.get(id).map(|(_, state)| state.as_ref().map_or(0, |(revision, _)| *revision));
                    assert!(written.is_none_or(|written| revision.is_some_and(|wanted| written >= wanted)));
                }
                false
            }
            Ok(Err(_)) => false,
            Err(oneshot::error::TryRecvError::Empty) => true,
            Err(oneshot::error::TryRecvError::Closed) => panic!("somebody was forgotten"),
        });
    }

    fn check(&mut self) {
        self.check_flushes();
        let listed: Vec<_> = self.index.page(None, usize::MAX).into_iter().map(|(id, _)| id).collect();
        assert_eq!(listed, self.said.keys().copied().collect::<Vec<_>>());
        for (id, last) in &self.said {
            let seen = self.index.unwritten(*id).map(|progress| progress.attempts);
            let written = self.disk[id].1.as_ref().map(|(revision, _)| *revision);
            // Either memory has the last word, or the row is the one that the index knows to be the newest.
            let newest = self.index.entry(*id).unwrap().revision;
            assert!(seen == *last && seen.is_some() || written.unwrap_or(0) == newest);
        }
    }

    /// Everything that is left is written.
    fn finish(&mut self) {
        (0..LANES).for_each(|lane| self.end(lane, true));
        while let Some(batch) = self.index.take_closed(&self.current) {
            self.running[CLOSED] = Some(batch);
            self.end(CLOSED, true);
        }
        for lane in 0..CLOSED {
            self.begin(lane);
            self.end(lane, true);
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_in_the_end_is_what_was_said_last(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            world.check();
        }
        world.finish();
        world.check();
        prop_assert!(world.flushing.is_empty(), "everybody who waited was answered");
        prop_assert!(world.index.is_idle());
        let written = world.disk.iter().map(|(id, (_, state))| (*id, state.clone().map(|(_, text)| text)));
        let wanted = world.said.iter().map(|(id, last)| (*id, last.map(|n| record::encode_progress(&progress(n)))));
        prop_assert_eq!(written.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
        prop_assert_eq!(world.outcomes.keys().copied().collect::<BTreeSet<_>>(), world.taught);
        for generation in 1..=world.generations {
            let rows = world.disk.values().filter(|(number, _)| *number == generation).count()
                + world.outcomes.values().filter(|number| **number == generation).count();
            prop_assert_eq!(world.index.is_empty(generation), rows == 0);
        }
    }
}

#[test]
fn a_commit_has_limits() {
    let mut index = Index::default();
    for number in 0..WAITING_MAX as u64 {
        index.wait(accept(number).0).unwrap();
    }
    let refused = index.wait(accept(0).0).unwrap_err();
    assert!(matches!(refused, SpoolError::Busy(WAITING_MAX)));
    assert_eq!(index.take(1).accepts.len(), BATCH_MESSAGES_MAX);
}

#[test]
fn messages_that_lie_far_apart_are_read_apart() {
    let mut index = Index::default();
    for number in 0..100 {
        index.add(QueueId::from_u64(number), IndexEntry { generation: 0, revision: 0 }, None);
    }
    let ids: Vec<QueueId> = [0, 1, 10, 20, 50, 59, 1_000].map(QueueId::from_u64).into();
    let runs = index.runs(&ids);
    let runs: Vec<Vec<u64>> = runs.iter().map(|run| run.iter().map(|(id, _)| id.as_u64()).collect()).collect();
    assert_eq!(runs, [vec![0, 1, 10], vec![20], vec![50, 59]], "eight others lie between at most");
}
