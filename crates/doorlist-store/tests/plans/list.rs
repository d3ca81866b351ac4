//! A domain's list as one line of text, and back: `ann`, `team*` (a list), `info>ann` (an alias), `ann!` (switched off),
//! `ann#` (vetoed). Claims stand behind a slash: `ann/hand,file:staff`; one in grace ends in `?`.

use crate::hand::{actor, local, name};
use doorlist_core::change::{Change, ChangeSet, Source, Structure};
use doorlist_core::list::{EntryKind, Standing};
use doorlist_core::source_rows::{EntryPlace, NormalizedRows, RowPosition, SourceRow, normalize};
use doorlist_core::time::Timestamp;
use doorlist_store::RecipientStore;
use doorlist_store::recipients::{Applied, ChangeRow, Coverage, EXAMPLES_MAX, PlanRow, Planned, RowChange, SourcePlan};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows of a source; `ann=k1` is the entry with the key k1.
pub(crate) fn rows(text: &str) -> NormalizedRows {
    let rows = text.split_whitespace().zip(1..).map(|(word, line)| {
        let (word, key) = word.split_once('=').map_or((word, None), |(word, key)| (word, Some(key)));
        let (name, structure) = match word.split_once('>') {
            Some((name, of)) => (name, Structure::AliasOf(local(of))),
            None if word.ends_with('*') => (word.trim_end_matches('*'), Structure::DistributionList),
            None => (word, Structure::Mailbox),
        };
        let place = match key {
            None => RowPosition::Line(line),
            Some(key) => {
                let dn = format!("cn={name},dc=example,dc=test").into();
                RowPosition::Entry(Arc::new(EntryPlace { key: Some(key.into()), dn }))
            }
        };
        SourceRow { local: local(name), structure, switched_off: false, place }
    });
    normalize(rows.collect())
}

/// What a source says of a domain, and what it means.
pub(crate) struct Said<'a> {
    pub(crate) domain: &'a str,
    pub(crate) source: Source,
    pub(crate) rows: &'a str,
    pub(crate) coverage: Coverage<'a>,
    /// Days after the beginning of the story.
    pub(crate) day: u64,
}

/// Plans it without staging.
pub(crate) async fn look(recipients: &RecipientStore, said: &Said<'_>) -> Planned {
    plan(recipients, said, None).await
}

pub(crate) async fn plan(recipients: &RecipientStore, said: &Said<'_>, stage: Option<&str>) -> Planned {
    let (domain, list) = (name(said.domain), rows(said.rows));
    let plan = SourcePlan {
        domain: &domain,
        source: &said.source,
        list: &list,
        coverage: said.coverage,
        file: Some("staff.csv"),
        examples_max: EXAMPLES_MAX,
    };
    let now = Timestamp::from_secs(1_800_000_000) + Duration::from_hours(24 * said.day);
    recipients.plan_source_at(&plan, &actor(), stage, now).await.unwrap()
}

fn change_of(row: &ChangeRow) -> RowChange {
    match row {
        ChangeRow::Address { before, after, .. } => RowChange::of(before.as_ref(), after.as_ref()),
        ChangeRow::Domain { .. } => panic!("a source changes no domain"),
    }
}

/// Plans it, applies the plan, and holds what was written against what was planned.
pub(crate) async fn take(recipients: &RecipientStore, said: &Said<'_>) -> Applied {
    let looked = look(recipients, said).await;
    let planned = plan(recipients, said, Some("a source")).await;
    assert_eq!(looked.applied, planned.applied, "a plan is the same, staged or not");
    let Some(id) = planned.id else {
        assert!(!planned.applied.changes_something());
        return planned.applied;
    };
    let rows = recipients.plan_rows(id, None, 1_000).await.unwrap().0;
    let changes: Vec<RowChange> = rows.iter().map(change_of).collect();
    assert!(changes.is_sorted(), "what goes is shown first: {changes:?}");
    let shown: Vec<RowChange> = planned.examples.iter().map(PlanRow::change).collect();
    assert_eq!(shown, changes, "all of a short plan is shown");
    let counted: Vec<u64> = RowChange::ALL.iter().map(|change| planned.applied.rows_of(*change)).collect();
    let staged = RowChange::ALL.iter().map(|change| changes.iter().filter(|other| *other == change).count() as u64);
    assert_eq!(counted, staged.collect::<Vec<_>>(), "counts are those of the rows");
    let set = ChangeSet { changes: vec![Change::Plan { id }], summary: "a source".to_owned() };
    let applied = recipients.apply(&set, &actor(), None).await.unwrap();
    assert_eq!((applied.version, applied.change_id), (planned.base + 1, Some(planned.base + 1)));
    shows_the_store(recipients).await;
    applied
}

pub(crate) async fn undo(recipients: &RecipientStore, change: u64) -> Applied {
    let planned = recipients.plan_undo(change, &actor(), Some("undone")).await.unwrap();
    let Some(id) = planned.id else { return planned.applied };
    let set = ChangeSet { changes: vec![Change::Plan { id }], summary: "undone".to_owned() };
    let applied = recipients.apply(&set, &actor(), None).await.unwrap();
    shows_the_store(recipients).await;
    applied
}

/// The list of a domain as text.
pub(crate) async fn list(recipients: &RecipientStore, domain: &str) -> String {
    let mut words = Vec::new();
    for entry in recipients.addresses(&name(domain), None, 10_000).await.unwrap() {
        let record = entry.record;
        let mut word = entry.address.local().to_string();
        match (record.kind, record.standing) {
            (_, Standing::Vetoed) => word.push('#'),
            (EntryKind::Alias, _) => word.push_str(&format!(">{}", record.account.unwrap())),
            (EntryKind::List, _) => word.push('*'),
            (EntryKind::Mailbox, _) => {}
        }
        if record.standing == Standing::SwitchedOff {
            word.push('!');
        }
        let claim = |claim: &doorlist_store::recipients::ClaimRecord| {
            format!("{}{}", claim.source, if claim.missing_since.is_some() { "?" } else { "" })
        };
        let claims: Vec<_> = record.claims.iter().map(claim).collect();
        if !claims.is_empty() {
            word.push_str(&format!("/{}", claims.join(",")));
        }
        words.push(word);
    }
    words.join(" ")
}

/// The list in memory has every row of the store and no other, and each domain counts its own right.
pub(crate) async fn shows_the_store(recipients: &RecipientStore) {
    let snapshot = recipients.snapshot();
    let mut rows = 0;
    for summary in recipients.domains().await.unwrap() {
        let mut counts = doorlist_store::recipients::ListCounts::default();
        for entry in recipients.addresses(&summary.name, None, 10_000).await.unwrap() {
            let known = snapshot.entry(summary.id, entry.address.local().as_str());
            let known = known.map(|known| (known.id, known.kind, known.standing));
            assert_eq!(known, Some((entry.id, entry.record.kind, entry.record.standing)), "{}", entry.address);
            match (entry.record.standing, entry.record.kind) {
                (Standing::Vetoed, _) => counts.vetoed += 1,
                (_, EntryKind::Mailbox) => counts.mailboxes += 1,
                (_, EntryKind::Alias) => counts.aliases += 1,
                (_, EntryKind::List) => counts.lists += 1,
            }
            rows += 1;
        }
        assert_eq!(summary.counts, counts, "{}", summary.name);
    }
    assert_eq!(snapshot.addresses(), rows);
}

/// Waits until a handle that follows has taken up what the other wrote.
pub(crate) async fn catches_up(behind: &RecipientStore, ahead: &RecipientStore) {
    let begun = Instant::now();
    while behind.snapshot().version() < ahead.snapshot().version() {
        assert!(begun.elapsed() < Duration::from_secs(5), "a follower is behind for more than five seconds");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
