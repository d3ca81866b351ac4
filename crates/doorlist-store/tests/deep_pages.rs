//! Pages at any depth of a long list, while it is changed: the same rows as a walk from the start, on both engines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_core::access::{Access, Grant, Role, Scope};
use doorlist_core::address::LocalPart;
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, Source, Structure, Via};
use doorlist_core::list::AddressId;
use doorlist_store::tenants::{AccountColumn, Lookup, Order, Query, QueryValue, RowFilter, View};
use doorlist_store::{RecipientStore, StoreUrl, Tenants};
use doorlist_testbed::postgres::Cluster;

/// Rows: several stretches of the places that are kept.
const ROWS: usize = 9_000;

#[tokio::test(flavor = "multi_thread")]
async fn deep_pages_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(StoreUrl::Sqlite(folder.path().join("state"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_pages_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(StoreUrl::Postgres(cluster.url("deep").unwrap())).await;
}

async fn apply(recipients: &RecipientStore, changes: Vec<Change>) {
    let actor = Actor { name: "ann".to_owned(), via: Via::Api };
    recipients.apply(&ChangeSet { changes, summary: "pages".to_owned() }, &actor, None).await.unwrap();
}

fn claim(number: usize, structure: Structure) -> Change {
    Change::Claim { address: format!("n{number}@example.test").parse().unwrap(), structure, source: Source::Api }
}

fn veto(number: usize) -> Change {
    Change::Veto { address: format!("n{number}@example.test").parse().unwrap() }
}

async fn tell(url: StoreUrl) {
    let recipients = RecipientStore::open(&url).await.unwrap();
    let customer = "Maple".to_owned();
    let add = DomainChange::Add { customer, servers: Vec::new() };
    let mut changes = vec![Change::Domain { name: "example.test".parse().unwrap(), change: add }];
    changes.extend((0..ROWS).map(|number| claim(number, Structure::Mailbox)));
    apply(&recipients, changes).await;
    let view = Tenants::of(&recipients).seen_by(&Access::operator());
    agree(&view, ROWS).await;
    apply(&recipients, (0..ROWS).filter(|number| number % 7 == 0 || *number < 1_500).map(veto).collect()).await;
    let left = (0..ROWS).filter(|number| number % 7 != 0 && *number >= 1_500).count();
    agree(&view, left).await;
    // Back in the middle of the list, new at its end, and no account any more.
    apply(&recipients, (0..1_000).map(|number| claim(number, Structure::Mailbox)).collect()).await;
    apply(&recipients, (ROWS..ROWS + 3_000).map(|number| claim(number, Structure::Mailbox)).collect()).await;
    let alias = Structure::AliasOf(LocalPart::from_canonical("n8999"));
    apply(&recipients, (ROWS + 3_000..ROWS + 3_010).map(|number| claim(number, alias.clone())).collect()).await;
    agree(&view, left + 4_000).await;
    orders(&view, left + 4_000).await;
    own(&recipients, &view).await;
}

fn within(offset: usize, limit: u32) -> Query<AccountColumn> {
    Query { limit, offset: offset as u64, ..Query::default() }.with(AccountColumn::Domain, QueryValue::Int(1))
}

/// Every page at an offset is what stands there in the list that is read from the start.
async fn agree(view: &View, total: usize) {
    let mut all = Vec::new();
    while all.len() < total {
        let after = all.last().map(|id: &AddressId| u64::from(id.0));
        let page = view.accounts(&Query { after, ..within(all.len(), 1_000) }).await.unwrap();
        assert_eq!(page.total, total as u64);
        assert!(!page.rows.is_empty());
        all.extend(page.rows.iter().map(|placed| placed.row.id));
    }
    assert!(all.is_sorted() && all.len() == total);
    for offset in (0..total + 20).step_by(617).chain([4_095, 4_096, 4_097, 5_119, 5_120, 5_121, total - 1]) {
        let page = view.accounts(&within(offset, 20)).await.unwrap();
        let ids: Vec<AddressId> = page.rows.iter().map(|placed| placed.row.id).collect();
        assert_eq!(ids, all[offset.min(total)..(offset + 20).min(total)], "{offset}");
        assert_eq!(page.total, total as u64);
    }
}

/// An order changes nothing in how many there are.
async fn orders(view: &View, total: usize) {
    for column in [AccountColumn::LocalPart, AccountColumn::Priority, AccountColumn::CreatedAt] {
        let order = vec![Order { column, descending: true }];
        let page = view.accounts(&Query { order, ..within(0, 5) }).await.unwrap();
        assert_eq!((page.rows.len(), page.total), (5, total as u64), "{column:?}");
    }
}

/// An account that sees itself alone, and rows by their numbers.
async fn own(recipients: &RecipientStore, view: &View) {
    let some: Vec<AddressId> =
        view.accounts(&within(4_500, 3)).await.unwrap().rows.iter().map(|placed| placed.row.id).collect();
    let scope = Scope::Account(some[0]);
    let access = Access { grants: vec![Grant { role: Role::Admin, scope }], ..Access::default() };
    let own = Tenants::of(recipients).seen_by(&access);
    let page = own.accounts(&Query { limit: 20, ..Query::default() }).await.unwrap();
    assert_eq!((page.rows.iter().map(|placed| placed.row.id).collect::<Vec<_>>(), page.total), (vec![some[0]], 1));
    assert!(own.account(some[1]).await.unwrap().is_none());
    assert_eq!(own.aliases(&Query { limit: 20, ..Query::default() }).await.unwrap().total, 0);
    let values = some.iter().rev().map(|id| QueryValue::Int(id.0.into())).collect();
    let filter = RowFilter { column: AccountColumn::Id, lookup: Lookup::In, values };
    let page = view.accounts(&Query { filters: vec![filter], limit: 2, ..Query::default() }).await.unwrap();
    assert_eq!((page.rows.len(), page.total), (2, 3));
}
