//! Laws of the list: the same changes give the same list, whether they come one by one or in one go, and whether it is
//! looked up in memory or loaded anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{
    Actor, Change, ChangeSet, DomainChange, MailServer, NamedBy, PlanId, ServerTls, Source, Structure, Via,
};
use doorlist_core::list::{EntryKind, Standing};
use doorlist_core::source_rows::{RowPosition, SourceRow, normalize};
use doorlist_store::recipients::{AddressRecord, Applied, ApplyError, Coverage, Planned, SourcePlan};
use doorlist_store::{RecipientStore, StoreUrl};
use proptest::prelude::*;
use proptest::sample::select;
use std::path::Path;

const DOMAINS: [&str; 2] = ["one.test", "two.test"];
const LOCALS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn address() -> impl Strategy<Value = Address> {
    (select(&LOCALS[..]), select(&DOMAINS[..])).prop_map(|(local, domain)| format!("{local}@{domain}").parse().unwrap())
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        2 => Just(Source::Hand),
        1 => Just(Source::File("x".to_owned())),
        1 => Just(Source::File("y".to_owned())),
        1 => Just(Source::File("z".to_owned())),
    ]
}

fn structure() -> impl Strategy<Value = Structure> {
    prop_oneof![
        2 => Just(Structure::Mailbox),
        1 => Just(Structure::DistributionList),
        3 => select(&LOCALS[..]).prop_map(|of| Structure::AliasOf(LocalPart::parse(of.as_bytes()).unwrap())),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => (address(), structure(), source())
            .prop_map(|(address, structure, source)| Change::Claim { address, structure, source }),
        3 => (address(), source()).prop_map(|(address, source)| Change::Withdraw { address, source }),
        1 => address().prop_map(|address| Change::Veto { address }),
        1 => (address(), any::<bool>()).prop_map(|(address, active)| Change::SetActive { address, active }),
    ]
}

/// A row without what may differ: its number and the dates of its claims.
type Seen = (EntryKind, Option<LocalPart>, Standing, Vec<(Source, Structure)>);

fn seen(record: AddressRecord) -> Seen {
    let claims = record.claims.into_iter().map(|claim| (claim.source, claim.structure)).collect();
    (record.kind, record.account, record.standing, claims)
}

/// Every address as the store has it; on the way it is held against the list in memory.
async fn look(recipients: &RecipientStore) -> Vec<(Address, Seen)> {
    let snapshot = recipients.snapshot();
    let mut all = Vec::new();
    for domain in DOMAINS.map(|domain| domain.parse::<DomainName>().unwrap()) {
        let id = snapshot.domain(&domain).unwrap().id;
        let rows = recipients.addresses(&domain, None, 100).await.unwrap();
        for local in LOCALS {
            let row = rows.iter().find(|row| row.address.local().as_str() == local);
            let stored = row.map(|row| (row.id, row.record.kind, row.record.standing));
            let known = snapshot.entry(id, local).map(|entry| (entry.id, entry.kind, entry.standing));
            assert_eq!(known, stored, "{local}@{domain}");
        }
        // An alias leads to a listed account in one step.
        for row in
            rows.iter().filter(|row| row.record.kind == EntryKind::Alias && row.record.standing != Standing::Vetoed)
        {
            let account = rows.iter().find(|other| Some(other.address.local()) == row.record.account.as_ref());
            let account = account.unwrap_or_else(|| panic!("{} is an alias of nobody", row.address));
            assert!(account.record.kind != EntryKind::Alias && account.record.standing != Standing::Vetoed);
        }
        all.extend(rows.into_iter().map(|row| (row.address, seen(row.record))));
    }
    assert_eq!(snapshot.addresses(), all.len());
    all
}

/// A folder whose files wait for no disk, where there is one: many cases in seconds. The laws are about rows.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

async fn open(folder: &Path) -> RecipientStore {
    let recipients = RecipientStore::open(&StoreUrl::Sqlite(folder.to_owned())).await.unwrap();
    if recipients.snapshot().version() == 0 {
        let server = MailServer {
            host: "192.0.2.1".to_owned(),
            port: 25,
            preference: 10,
            tls: ServerTls::Opportunistic,
            xforward: false,
            named_by: NamedBy::Machine,
        };
        let add = |domain: &str| Change::Domain {
            name: domain.parse().unwrap(),
            change: DomainChange::Add { customer: "Maple".to_owned(), servers: vec![server.clone()] },
        };
        apply(&recipients, DOMAINS.map(add).to_vec()).await.unwrap();
    }
    recipients
}

fn actor() -> Actor {
    Actor { name: "law".to_owned(), via: Via::System }
}

async fn apply(recipients: &RecipientStore, changes: Vec<Change>) -> Result<(), ApplyError> {
    let set = ChangeSet { changes, summary: String::new() };
    recipients.apply(&set, &actor(), None).await.map(drop)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn one_by_one_in_one_go_and_loaded_anew_are_the_same(changes in prop::collection::vec(change(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = in_memory();
            let (single, whole) = (folder.path().join("single"), folder.path().join("whole"));
            let one_by_one = open(&single).await;
            let mut accepted = Vec::new();
            for change in changes {
                match apply(&one_by_one, vec![change.clone()]).await {
                    Ok(()) => accepted.push(change),
                    Err(ApplyError::Refused(_)) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            let in_one_go = open(&whole).await;
            apply(&in_one_go, accepted).await.unwrap();
            let expected = look(&one_by_one).await;
            prop_assert_eq!(&expected, &look(&in_one_go).await);
            prop_assert_eq!(&expected, &look(&open(&single).await).await);
            Ok(())
        })?;
    }

    /// A plan does what it says, and its inverse brings every row back as it was: number, claims, dates.
    #[test]
    fn what_is_undone_was_never_there(
        changes in prop::collection::vec(change(), 0..25),
        said in prop::collection::vec((select(&LOCALS[..]), structure()), 0..8),
        source in source(),
        whole in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = in_memory();
            let recipients = open(folder.path()).await;
            for change in changes {
                let _ = apply(&recipients, vec![change]).await;
            }
            let one = DOMAINS[0].parse::<DomainName>().unwrap();
            let before = recipients.addresses(&one, None, 100).await.unwrap();
            let rows = said.into_iter().map(|(local, structure)| SourceRow {
                local: LocalPart::parse(local.as_bytes()).unwrap(),
                structure,
                switched_off: false,
                place: RowPosition::Item(1),
            });
            let list = normalize(rows.collect());
            let coverage = if whole { Coverage::Whole } else { Coverage::Part };
            let plan = SourcePlan { domain: &one, source: &source, list: &list, coverage, file: None, examples_max: 0 };
            // A person's word may be refused, one by one; a plan is what other sources say.
            let planned = recipients.plan_source(&plan, &actor(), Some("planned")).await;
            let Ok(Planned { id: Some(id), applied, .. }) = planned else { return Ok(()) };
            let done = take(&recipients, id).await;
            prop_assert_eq!((applied.added, applied.changed, applied.removed), (done.added, done.changed, done.removed));
            look(&recipients).await;
            let undo = recipients.plan_undo(done.change_id.unwrap(), &actor(), Some("undone")).await.unwrap();
            let undone = take(&recipients, undo.id.unwrap()).await;
            prop_assert_eq!((undone.added, undone.removed), (done.removed, done.added));
            prop_assert_eq!(undone.notes, []);
            look(&recipients).await;
            prop_assert_eq!(recipients.addresses(&one, None, 100).await.unwrap(), before);
            Ok(())
        })?;
    }
}

async fn take(recipients: &RecipientStore, id: PlanId) -> Applied {
    let set = ChangeSet { changes: vec![Change::Plan { id }], summary: String::new() };
    recipients.apply(&set, &actor(), None).await.unwrap()
}
