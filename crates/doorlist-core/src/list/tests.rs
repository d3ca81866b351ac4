//! The compact list against a plain map: the same answers after any history of changes.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::{BounceAddresses, DomainId, ProtectedDomain, SubAddressing};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

const SEED: Seed = Seed(*b"0123456789abcdef");

type Model = BTreeMap<(u32, String), Entry>;

fn entry(id: u32, kind: EntryKind, standing: Standing) -> Entry {
    Entry { kind, standing, id: AddressId(id) }
}

fn build(model: &Model) -> Snapshot {
    let mut builder = SnapshotBuilder::new(SEED, model.len());
    for ((domain, local), e) in model {
        builder.push(DomainId(*domain), local, e.kind, e.standing, e.id);
    }
    builder.build(1, Arc::default()).unwrap()
}

fn updates<'a>(seed: Seed, changes: impl IntoIterator<Item = (u32, &'a str, Option<Entry>)>) -> ListUpdates {
    let mut updates = ListUpdates::new(seed);
    for (domain, local, entry) in changes {
        updates.push(DomainId(domain), local, entry);
    }
    updates
}

fn assert_same(snapshot: &Snapshot, model: &Model, absent: &[(u32, String)]) {
    assert_eq!(snapshot.addresses(), model.len());
    for ((domain, local), e) in model {
        assert_eq!(snapshot.entry(DomainId(*domain), local), Some(*e), "{local} in {domain}");
    }
    for (domain, local) in absent {
        assert_eq!(snapshot.entry(DomainId(*domain), local), None, "{local} in {domain}");
    }
}

#[test]
fn a_hundred_and_fifty_thousand_built_at_once_and_grown_in_steps_are_the_same() {
    let rows: Vec<((u32, String), Entry)> = (0..150_000u32)
        .map(|n| {
            (
                (n % 7, format!("user{n}")),
                entry(n, [EntryKind::Mailbox, EntryKind::Alias, EntryKind::List][n as usize % 3], Standing::Active),
            )
        })
        .collect();
    let model: Model = rows.iter().cloned().collect();
    let built = build(&model);
    let mut grown = Snapshot::empty(SEED);
    for (step, chunk) in rows.chunks(9_999).enumerate() {
        let changes = chunk.iter().map(|((domain, local), entry)| (*domain, local.as_str(), Some(*entry)));
        grown = grown.with(step as u64, updates(SEED, changes), None).unwrap();
    }
    let absent: Vec<(u32, String)> = (0..1000).map(|n| (n % 7, format!("nobody{n}"))).collect();
    assert_same(&built, &model, &absent);
    assert_same(&grown, &model, &absent);
    assert!(built.bytes() <= 14 * built.addresses(), "{} bytes", built.bytes());
    assert!(grown.bytes() <= 16 * grown.addresses(), "{} bytes", grown.bytes());
}

#[test]
fn a_snapshot_never_changes_under_its_reader() {
    let old = build(&Model::from([((1, "ann".into()), entry(1, EntryKind::Mailbox, Standing::Active))]));
    let new = old.with(2, updates(SEED, [(1, "ann", None)]), None).unwrap();
    assert!(old.entry(DomainId(1), "ann").is_some() && new.entry(DomainId(1), "ann").is_none());
    assert_eq!((old.addresses(), new.addresses(), new.version()), (1, 0, 2));
}

#[test]
fn two_rows_for_one_hash_are_a_collision_not_a_wrong_answer() {
    let mut builder = SnapshotBuilder::new(SEED, 2);
    builder.push(DomainId(1), "ann", EntryKind::Mailbox, Standing::Active, AddressId(1));
    builder.push(DomainId(1), "ann", EntryKind::Mailbox, Standing::Active, AddressId(2));
    assert_eq!(builder.build(1, Arc::default()).err(), Some(Collision));
    let one = build(&Model::from([((1, "ann".into()), entry(1, EntryKind::Mailbox, Standing::Active))]));
    let other = [(1, "ann", Some(entry(2, EntryKind::Alias, Standing::Active)))];
    assert_eq!(one.with(2, updates(SEED, other), None).err(), Some(Collision));
}

#[test]
fn updates_under_another_seed_are_not_taken_for_other_addresses() {
    let list = build(&Model::from([((1, "ann".into()), entry(1, EntryKind::Mailbox, Standing::Active))]));
    let gone = updates(Seed(*b"fedcba9876543210"), [(1, "ann", None)]);
    assert_eq!(list.with(2, gone, None).err(), Some(Collision));
}

#[test]
fn sub_addresses_follow_the_longest_listed_base() {
    let domain = ProtectedDomain {
        id: DomainId(1),
        name: "example.test".parse().unwrap(),
        mode: crate::domain::Mode::Monitor,
        active: true,
        hold: false,
        sub_addressing: SubAddressing { plus: true, minus: true },
        accept_abuse: true,
        bounce_addresses: BounceAddresses::default(),
        fall_back: false,
        plus_refused: false,
    };
    let list = build(&Model::from([
        ((1, "anne".into()), entry(1, EntryKind::Mailbox, Standing::Active)),
        ((1, "anne-marie".into()), entry(2, EntryKind::Mailbox, Standing::Active)),
        ((1, "bob".into()), entry(3, EntryKind::Mailbox, Standing::SwitchedOff)),
    ]));
    let cases = [
        ("anne-marie", Match::Mailbox(AddressId(2))),
        ("anne-marie+news", Match::SubAddress(AddressId(2))),
        ("anne-louise", Match::SubAddress(AddressId(1))),
        ("bob+news", Match::SwitchedOff(AddressId(3))),
        ("postmaster+x", Match::System),
        ("ABUSE", Match::System),
        ("+anne", Match::Unlisted),
        ("a+b+c+d+e+f+g+h+i+j", Match::Unlisted),
    ];
    for (local, expected) in cases {
        let address = format!("{local}@example.test").parse().unwrap();
        assert_eq!(list.lookup(&domain, &address), expected, "{local}");
    }
}

#[test]
fn of_many_changes_at_once_the_last_of_each_address_counts() {
    let rows: Vec<String> = (0..100_000u32).map(|n| format!("user{n}")).collect();
    let mut changes = updates(
        SEED,
        (0..).zip(&rows).map(|(n, local)| (0, local.as_str(), Some(entry(n, EntryKind::Mailbox, Standing::Active)))),
    );
    // Behind all of them, so in other pieces: every second one goes, and of those every second comes back.
    for (n, local) in (0u32..).zip(&rows).filter(|(n, _)| n % 2 == 0) {
        changes.push(DomainId(0), local, None);
        if n % 4 == 0 {
            changes.push(DomainId(0), local, Some(entry(n, EntryKind::List, Standing::Active)));
        }
    }
    let list = Snapshot::empty(SEED).with(1, changes, None).unwrap();
    assert_eq!(list.addresses(), 75_000);
    for (n, local) in (0u32..).zip(&rows) {
        let expected = match n % 4 {
            0 => Some(entry(n, EntryKind::List, Standing::Active)),
            2 => None,
            _ => Some(entry(n, EntryKind::Mailbox, Standing::Active)),
        };
        assert_eq!(list.entry(DomainId(0), local), expected, "{local}");
    }
}

fn names() -> impl Strategy<Value = (u32, String)> {
    (0u32..3, 0u32..200).prop_map(|(domain, n)| (domain, format!("n{n}")))
}

proptest! {
    #[test]
    fn any_history_gives_what_a_map_gives(steps in proptest::collection::vec(proptest::collection::vec((names(), any::<bool>()), 0..60), 0..12)) {
        let mut ids: HashMap<(u32, String), u32> = HashMap::new();
        let (mut model, mut list, mut touched) = (Model::new(), Snapshot::empty(SEED), Vec::new());
        for (version, step) in steps.into_iter().enumerate() {
            let mut updates = ListUpdates::new(SEED);
            for (name, present) in step {
                let next = ids.len() as u32;
                let id = *ids.entry(name.clone()).or_insert(next);
                let new = present.then(|| entry(id, EntryKind::Alias, Standing::Vetoed));
                match new {
                    Some(e) => drop(model.insert(name.clone(), e)),
                    None => drop(model.remove(&name)),
                }
                updates.push(DomainId(name.0), &name.1, new);
                touched.push(name);
            }
            list = list.with(version as u64, updates, None).unwrap();
        }
        touched.retain(|name| !model.contains_key(name));
        assert_same(&list, &model, &touched);
        assert_same(&build(&model), &model, &touched);
    }
}
