#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! The index against a plain map: whatever comes in whatever order, with failing commits in between, what is written in
//! the end is what was said last.

use super::*;
use crate::spool::body::Ration;
use doorlist_core::time::Timestamp;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Accept,
    Done(prop::sample::Index),
    Progress(prop::sample::Index, u32),
    /// A commit in the current generation, and whether it succeeds.
    Commit(bool),
    /// A commit in a closed one.
    CommitClosed(bool),
    NextGeneration,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Accept),
        3 => any::<prop::sample::Index>().prop_map(Step::Done),
        4 => (any::<prop::sample::Index>(), any::<u32>()).prop_map(|(which, n)| Step::Progress(which, n)),
        4 => prop::bool::weighted(0.8).prop_map(Step::Commit),
        2 => prop::bool::weighted(0.8).prop_map(Step::CommitClosed),
        1 => Just(Step::NextGeneration),
    ];
    prop::collection::vec(step, 0..80)
}

fn accept(number: u64) -> (Accept, oneshot::Receiver<Result<Option<MessageBody>, SpoolError>>) {
    let (answer, answered) = oneshot::channel();
    let body = Held::Row(Ration::read(vec![0; 10]));
    let body_seal = BodySeal { size: 10, checksum: 0, apart: None };
    let id = QueueId::from_u64(number);
    (Accept { id, text: String::new(), seal: 0, body, body_seal, answer }, answered)
}

fn progress(attempts: u32) -> Progress {
    Progress { attempts, next_attempt: Timestamp::from_secs(0), hold: false, recipients: Vec::new() }
}

/// What a disk would hold: generation and the last progress with its revision.
type Disk = BTreeMap<QueueId, (u32, Option<(u32, String)>)>;

fn commit(index: &mut Index, disk: &mut Disk, batch: &Batch, succeeds: bool) {
    if !succeeds {
        index.failed(batch);
        return;
    }
    for accept in &batch.accepts {
        disk.insert(accept.id, (batch.generation, None));
    }
    for step in &batch.steps {
        if let Some((generation, state)) = disk.get_mut(&step.id) {
            assert_eq!(*generation, batch.generation, "in the file where its row is");
            *state = Some((step.revision, step.text.clone()));
        }
    }
    for gone in &batch.gone {
        let (generation, _) = disk.remove(&gone.id).expect("a row goes once");
        assert_eq!(generation, batch.generation);
    }
    index.committed(batch);
}

proptest! {
    #[test]
    fn what_is_written_in_the_end_is_what_was_said_last(steps in steps()) {
        let (mut index, mut disk, mut current) = (Index::default(), Disk::new(), 1);
        let mut said: BTreeMap<QueueId, Option<u32>> = BTreeMap::new();
        let mut number = 0;
        let pick = |which: prop::sample::Index, said: &BTreeMap<QueueId, Option<u32>>| {
            (!said.is_empty()).then(|| *said.keys().nth(which.index(said.len())).unwrap())
        };
        for step in steps {
            match step {
                Step::Accept => {
                    number += 1;
                    // The answer is not looked at here: the writer's task gives it.
                    index.wait(accept(number).0).unwrap();
                }
                Step::Done(which) => {
                    if let Some(id) = pick(which, &said) {
                        said.remove(&id);
                        index.settle(id, Settlement::Done);
                    }
                }
                Step::Progress(which, n) => {
                    if let Some(id) = pick(which, &said) {
                        said.insert(id, Some(n));
                        index.settle(id, Settlement::Progress(progress(n)));
                    }
                }
                Step::Commit(succeeds) => {
                    let batch = index.take(current);
                    if succeeds {
                        said.extend(batch.accepts.iter().map(|accept| (accept.id, None)));
                    }
                    commit(&mut index, &mut disk, &batch, succeeds);
                }
                Step::CommitClosed(succeeds) => {
                    if let Some(batch) = index.take_closed(current) {
                        commit(&mut index, &mut disk, &batch, succeeds);
                    }
                }
                Step::NextGeneration => current += 1,
            }
            let listed: Vec<_> = index.page(None, usize::MAX).into_iter().map(|(id, _)| id).collect();
            prop_assert_eq!(&listed, &said.keys().copied().collect::<Vec<_>>());
            for (id, last) in &said {
                let seen = index.unwritten(*id).map(|progress| progress.attempts);
                let written = disk[id].1.as_ref().map(|(revision, _)| *revision);
                // Either memory has the last word, or the row is the one that the index knows to be the newest.
                prop_assert!(seen == *last && seen.is_some() || written.unwrap_or(0) == index.entry(*id).unwrap().revision);
            }
        }
        while let Some(batch) = index.take_closed(current) {
            commit(&mut index, &mut disk, &batch, true);
        }
        let batch = index.take(current);
        said.extend(batch.accepts.iter().map(|accept| (accept.id, None)));
        commit(&mut index, &mut disk, &batch, true);
        prop_assert!(index.take(current).is_empty() && index.take_closed(current).is_none());
        let written: Vec<_> = disk.iter().map(|(id, (_, state))| (*id, state.clone().map(|(_, text)| text))).collect();
        let wanted: Vec<_> =
            said.iter().map(|(id, last)| (*id, last.map(|n| record::encode_progress(&progress(n))))).collect();
        prop_assert_eq!(written, wanted);
        for generation in 1..=current {
            let rows = disk.values().filter(|(number, _)| *number == generation).count();
            prop_assert_eq!(index.is_empty(generation), rows == 0);
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
