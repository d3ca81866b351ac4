//! A chain on both engines: what it takes up is counted, and its beginning moves.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::{Audit, AuditEntry, AuditSize, AuditStart};
use crate::db::Db;
use crate::recipients::RecipientStore;
use doorlist_core::access::{CustomerId, Scope};
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;
use doorlist_testbed::postgres::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_counted_and_begins_later_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    is_counted_and_begins_later(Db::open_sqlite(&folder.path().join("directory.db")).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_counted_and_begins_later_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    is_counted_and_begins_later(Db::open_postgres(&cluster.url("audit").unwrap()).await.unwrap()).await;
}

fn entry(number: u64, tenant: &str) -> AuditEntry {
    AuditEntry {
        number,
        time: Timestamp::from_secs(1_800_000_000),
        entry: format!("{{\"path\":\"/\u{e9}/{number}\"}}"),
        seal: format!("seal {number}"),
        tenant: tenant.to_owned(),
    }
}

async fn is_counted_and_begins_later(db: Db) {
    let audit = Audit::of(&RecipientStore::load(db).await.unwrap());
    let entries: Vec<_> = (1..=9).map(|number| entry(number, if number < 4 { "customer 7" } else { "" })).collect();
    audit.append(2, &entries[..5]).await.unwrap();
    audit.append(2, &entries[5..]).await.unwrap();
    audit.append(3, &entries[..1]).await.unwrap();
    assert!(audit.append(2, &entries[8..]).await.is_err(), "a number is given once");
    let size = |node, tenant: &str, entries: &[AuditEntry]| AuditSize {
        node,
        tenant: tenant.to_owned(),
        octets: entries.iter().map(AuditEntry::octets).sum(),
    };
    let sizes = async || {
        let mut sizes = audit.sizes().await.unwrap();
        sizes.sort_by_key(|size| (size.node, size.tenant.clone()));
        sizes
    };
    let other = size(3, "customer 7", &entries[..1]);
    assert_eq!(sizes().await, [size(2, "", &entries[3..]), size(2, "customer 7", &entries[..3]), other.clone()]);
    assert_eq!(audit.start(2).await.unwrap(), None);
    for number in [3, 6] {
        let start = AuditStart { number, seal: format!("seal {number}"), mark: "mark".to_owned() };
        audit.take_out(2, &start).await.unwrap();
        assert_eq!(audit.start(2).await.unwrap(), Some(start));
    }
    assert_eq!(audit.after(2, 0, 2).await.unwrap(), entries[6..8]);
    assert_eq!(audit.last(2).await.unwrap().as_ref(), entries.last());
    assert_eq!(sizes().await, [size(2, "", &entries[6..]), other.clone()]);
    audit.forget(2).await.unwrap();
    assert_eq!((audit.last(2).await.unwrap(), audit.start(2).await.unwrap()), (None, None));
    assert_eq!(sizes().await, [other]);
    let [customer, gone] = [Scope::Customer(CustomerId(7)), Scope::Domain(DomainId(9))];
    assert_eq!((audit.customer_of(customer).await.unwrap(), audit.customer_of(gone).await.unwrap()), (Some(7), None));
}
