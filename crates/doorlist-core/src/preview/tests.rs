#![allow(clippy::unwrap_used)]

use super::*;
use crate::address::{Address, LocalPart, SubAddressing};
use crate::domain::{BounceAddresses, DomainId, Mode, ProtectedDomain};
use crate::list::{AddressId, DomainTable, EntryKind, Match, Seed, Snapshot, SnapshotBuilder, Standing};
use crate::policy::{Recipient, ReturnPath, SourceStanding, decide};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
use AskedOutcome as O;
use AskingSource as S;
use ContentVerdict as V;

/// Source, outcome and verdict of one note.
type Step = (S, O, V);

fn history(steps: &[Step]) -> RecipientHistory {
    let mut history = RecipientHistory::default();
    for (source, outcome, verdict) in steps {
        history.add(*source, *outcome, *verdict, 1, NOW);
    }
    history
}

#[test]
fn each_history_has_its_group() {
    let none = V::Unchecked;
    let at_rcpt = |source, outcome| (source, outcome, none);
    let [confirmed, absent, undecided] =
        [O::Confirmed, O::Absent, O::Undecided].map(|outcome| at_rcpt(S::Ordinary, outcome));
    let [received, taken] = [O::Received, O::Taken].map(|outcome| move |verdict| (S::Ordinary, outcome, verdict));
    let guessed = at_rcpt(S::Guessing, O::Undecided);
    let flagged = at_rcpt(S::Flagged, O::Undecided);
    use PreviewGroup::{Guessing, LooksReal, RefusedAnyway, SpamOnly, Undecided};
    let cases: &[(&[Step], PreviewGroup)] = &[
        (&[confirmed, received(V::Clean), taken(V::Clean)], LooksReal),
        (&[confirmed, received(V::Unchecked), taken(V::Unchecked)], LooksReal),
        (&[confirmed, received(V::Suspect), taken(V::Suspect)], LooksReal),
        (&[confirmed, received(V::Spam), taken(V::Spam), received(V::Limit), taken(V::Limit)], LooksReal),
        (&[guessed, flagged, received(V::Clean), taken(V::Clean)], LooksReal),
        (&[confirmed, received(V::Spam), taken(V::Spam)], SpamOnly),
        (&[confirmed, received(V::Virus)], SpamOnly),
        // What waits for the domain's server may be real.
        (&[confirmed, received(V::Clean)], Undecided),
        (&[guessed, received(V::Clean)], Undecided),
        (&[confirmed, received(V::Spam), received(V::Clean)], Undecided),
        (&[undecided], Undecided),
        (&[confirmed], Undecided),
        (&[guessed, undecided], Undecided),
        (&[absent, confirmed], Undecided),
        (&[at_rcpt(S::Ordinary, O::Refused)], Undecided),
        (&[], Undecided),
        (&[guessed], Guessing),
        (&[flagged], Guessing),
        (&[at_rcpt(S::Guessing, O::Absent)], Guessing),
        (&[guessed, received(V::Spam), taken(V::Spam)], Guessing),
        (&[absent], RefusedAnyway),
        (&[absent, guessed, undecided], RefusedAnyway),
    ];
    for (steps, group) in cases {
        assert_eq!(history(steps).group(), *group, "{steps:?}");
    }
}

#[test]
fn counts_end_at_their_largest_value() {
    let mut history = RecipientHistory::default();
    for _ in 0..3 {
        history.add(S::Ordinary, O::Confirmed, V::Unchecked, u64::MAX, NOW);
        history.add(S::Ordinary, O::Taken, V::Clean, u64::from(u32::MAX), NOW);
    }
    assert_eq!((history.asked, history.confirmed, history.taken.good()), (u32::MAX, u32::MAX, u32::MAX));
}

/// A list of one domain, with what was done to each local part.
#[derive(Clone, Debug, Default)]
struct Entries(BTreeMap<&'static str, (EntryKind, Standing)>);

impl Entries {
    fn list(&self, mode: Mode) -> Snapshot {
        let mut builder = SnapshotBuilder::new(Seed([7; 16]), 16);
        let domain = ProtectedDomain {
            id: DomainId(1),
            name: "example.test".parse().unwrap(),
            mode,
            active: true,
            hold: false,
            sub_addressing: SubAddressing { plus: true, minus: false },
            accept_abuse: true,
            bounce_addresses: BounceAddresses::default(),
            fall_back: false,
            plus_refused: false,
        };
        let mut domains = DomainTable::new();
        domains.insert(domain.name.clone(), Arc::new(domain));
        for (number, (local, (kind, standing))) in (1..).zip(&self.0) {
            let local = LocalPart::parse(local.as_bytes()).unwrap();
            builder.push(DomainId(1), local.as_str(), *kind, *standing, AddressId(number));
        }
        builder.build(1, Arc::new(domains)).unwrap()
    }
}

const LOCALS: [&str; 8] =
    ["ann", "bob", "ann+shop", "zoe+x", "abuse", "postmaster", "prvs=1234567890=ann", "prvs=1234567890=zoe"];

/// A message or an attempt: for whom, whether from the null sender, from which class of source, and how far it came.
#[derive(Clone, Debug)]
struct Mail {
    local: &'static str,
    is_null: bool,
    source: S,
    server_says: O,
    verdict: V,
}

fn mails() -> impl Strategy<Value = Vec<Mail>> {
    let mail = (
        proptest::sample::select(&LOCALS[..]),
        any::<bool>(),
        proptest::sample::select(&S::ALL[..]),
        proptest::sample::select(&[O::Confirmed, O::Absent, O::Undecided][..]),
        proptest::sample::select(&V::ALL[..]),
    );
    let mail = mail.prop_map(|(local, is_null, source, server_says, verdict)| Mail {
        local,
        is_null,
        source,
        server_says,
        verdict,
    });
    proptest::collection::vec(mail, 0..40)
}

fn entries() -> impl Strategy<Value = Entries> {
    let standing = proptest::sample::select(&[Standing::Active, Standing::SwitchedOff, Standing::Vetoed][..]);
    let entry = (proptest::sample::select(&["ann", "bob", "zoe", "ann+shop", "abuse"][..]), standing);
    let entry = entry.prop_map(|(local, standing)| (local, (EntryKind::Mailbox, standing)));
    proptest::collection::btree_map(entry.clone().prop_map(|(local, _)| local), entry.prop_map(|(_, it)| it), 0..5)
        .prop_map(Entries)
}

fn address(local: &str) -> Address {
    format!("{local}@example.test").parse().unwrap()
}

fn decide_on(list: &Snapshot, local: &str, is_null: bool) -> Decision {
    let sender = if is_null { ReturnPath::Null } else { ReturnPath::Address };
    decide(&Recipient::Address(address(local)), list, sender, SourceStanding::Normal, NOW)
}

proptest! {
    /// What the gateway notes while a list is not enforced, previewed by a later list, against the same mail played again
    /// to that list enforced. What was listed when its mail came is known by its own name.
    #[test]
    fn a_preview_names_whom_enforcing_refuses(mails in mails(), before in entries(), after in entries()) {
        let list = before.list(Mode::Monitor);
        let mut asked = BTreeMap::<&str, (RecipientHistory, bool)>::new();
        let mut listed = BTreeSet::new();
        for mail in &mails {
            let decision = decide_on(&list, mail.local, mail.is_null);
            if !matches!(decision.matched, Match::Unlisted | Match::Vetoed(_)) {
                listed.insert(mail.local);
                continue;
            }
            let (history, is_null) = asked.entry(mail.local).or_insert((RecipientHistory::default(), true));
            *is_null &= mail.is_null;
            let outcome = if decision.reason == Reason::Undecided { mail.server_says } else { O::Refused };
            history.add(mail.source, outcome, V::Unchecked, 1, NOW);
            if outcome == O::Confirmed {
                history.add(S::Ordinary, O::Received, mail.verdict, 1, NOW);
                history.add(S::Ordinary, O::Taken, mail.verdict, 1, NOW);
            }
        }
        let list = after.list(Mode::Monitor);
        let named: BTreeSet<&str> = asked
            .iter()
            .filter(|(local, (history, is_null))| preview(&decide_on(&list, local, *is_null), history).is_some())
            .map(|(local, _)| *local)
            .collect();
        let enforced = after.list(Mode::enforce(None));
        let refused: BTreeSet<&str> = mails
            .iter()
            .filter(|mail| decide_on(&enforced, mail.local, mail.is_null).verdict == Verdict::Reject)
            .map(|mail| mail.local)
            .filter(|local| asked.contains_key(local) || !listed.contains(local))
            .collect();
        prop_assert_eq!(named, refused);
    }
}
