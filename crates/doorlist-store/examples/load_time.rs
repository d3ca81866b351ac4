//! How long a store with many addresses takes to open, what one more address costs, and how fast a file is imported.
//!
//! `cargo run --release -p doorlist-store --example load_time -- [FOLDER] [ADDRESSES] [IMPORTED]`
//!
//! The list is made by one SQL statement in a new folder (or found there from an earlier run), so that the measurement
//! does not wait for an import of ten million rows.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{
    Actor, Change, ChangeSet, DomainChange, MailServer, NamedBy, ServerTls, Source, Structure, Via,
};
use doorlist_core::source_rows::{NormalizedRows, RowPosition, SourceRow, normalize};
use doorlist_store::recipients::{Coverage, SourcePlan};
use doorlist_store::{RecipientStore, StoreUrl};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use std::path::{Path, PathBuf};
use std::time::Instant;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "load_time-data".to_owned()));
    let addresses: u64 = arguments.next().map_or(10_000_000, |text| text.parse().expect("a number of addresses"));
    let imported: usize = arguments.next().map_or(100_000, |text| text.parse().expect("a number of addresses"));
    let url = StoreUrl::Sqlite(folder.clone());
    if !folder.join("directory.db").exists() {
        timed("made the list", make(&url, &folder, addresses)).await;
    }
    let recipients = timed("opened and loaded", RecipientStore::open(&url)).await.unwrap();
    let snapshot = recipients.snapshot();
    println!(
        "{} addresses, {:.2} bytes each",
        snapshot.addresses(),
        snapshot.bytes() as f64 / snapshot.addresses() as f64
    );
    let round = snapshot.version();
    for n in 0..3 {
        let one = set(vec![mailbox(&format!("one{n}-{round}@big.test"), Source::Hand)]);
        timed("added one address", recipients.apply(&one, &actor(), None)).await.unwrap();
    }
    println!("{imported} rows:");
    let list = rows(imported);
    for source in ["staff", "staff", "second"] {
        println!("from {source}:");
        let (domain, source) = (name("other.test"), Source::File(source.to_owned()));
        let plan = SourcePlan {
            domain: &domain,
            source: &source,
            list: &list,
            coverage: Coverage::Whole,
            file: Some("staff.csv"),
            examples_max: 0,
        };
        timed("planned", Box::pin(recipients.plan_source(&plan, &actor(), None))).await.unwrap();
        let staged =
            timed("planned and staged", Box::pin(recipients.plan_source(&plan, &actor(), Some("")))).await.unwrap();
        let Some(id) = staged.id else { continue };
        let by_hand = tokio::spawn(adds_by_hand(recipients.clone()));
        let applied =
            timed("applied", recipients.apply(&set(vec![Change::Plan { id }]), &actor(), None)).await.unwrap();
        by_hand.abort();
        let (change, ann) = (applied.change_id.unwrap(), actor());
        let undo = recipients.plan_undo(change, &ann, Some(""));
        let undo = timed("planned and staged its undo", undo).await.unwrap().id.unwrap();
        let undone =
            timed("undone", recipients.apply(&set(vec![Change::Plan { id: undo }]), &actor(), None)).await.unwrap();
        let redo = recipients.plan_undo(undone.change_id.unwrap(), &actor(), Some("")).await.unwrap().id.unwrap();
        recipients.apply(&set(vec![Change::Plan { id: redo }]), &actor(), None).await.unwrap();
    }
    let gone = set(vec![Change::Domain { name: name("other.test"), change: DomainChange::Remove }]);
    timed("removed the domain", recipients.apply(&gone, &actor(), None)).await.unwrap();
    recipients.apply(&set(vec![added("other.test")]), &actor(), None).await.unwrap();
}

async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = work.await;
    println!("{what}: {:.3} s", begun.elapsed().as_secs_f64());
    done
}

async fn make(url: &StoreUrl, folder: &Path, addresses: u64) {
    let recipients = RecipientStore::open(url).await.unwrap();
    recipients.apply(&set(vec![added("big.test"), added("other.test")]), &actor(), None).await.unwrap();
    drop(recipients);
    let options = SqliteConnectOptions::new().filename(folder.join("directory.db")).pragma("cache_size", "-262144");
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {addresses})");
    for sql in [
        format!(
            "{numbers} INSERT INTO address (id, domain_id, local, kind, standing) SELECT i, 1, printf('person.%08d', i), 0, 0 FROM n"
        ),
        "INSERT INTO claim_source VALUES (1, 'file:staff')".to_owned(),
        format!("{numbers} INSERT INTO claim (address_id, source_id, kind, since) SELECT i, 1, 0, 0 FROM n"),
        format!("UPDATE domain SET mailboxes = {addresses} WHERE id = 1"),
        format!("UPDATE list_state SET next_address = {addresses} + 1"),
    ] {
        sqlx::query(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    }
    pool.close().await;
}

/// Adds an address now and then, until it is ended; says how long one had to wait.
async fn adds_by_hand(recipients: RecipientStore) {
    for n in 0.. {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let one = set(vec![mailbox(&format!("hand{n}@big.test"), Source::Hand)]);
        let begun = Instant::now();
        let _ = recipients.apply(&one, &actor(), None).await;
        if begun.elapsed().as_millis() > 100 {
            println!("  an address by hand took {:.3} s", begun.elapsed().as_secs_f64());
        }
    }
}

/// Three rows in ten are aliases.
fn rows(count: usize) -> NormalizedRows {
    let local = |text: String| LocalPart::parse(text.as_bytes()).expect("a local part");
    let row = |n: usize| SourceRow {
        local: local(format!("new{n}.person")),
        structure: if n % 10 < 3 {
            Structure::AliasOf(local(format!("new{}.person", n / 10 * 10 + 5)))
        } else {
            Structure::Mailbox
        },
        switched_off: false,
        place: RowPosition::Line(u32::try_from(n).unwrap_or(u32::MAX)),
    };
    normalize((0..count).map(row).collect())
}

fn set(changes: Vec<Change>) -> ChangeSet {
    ChangeSet { changes, summary: "measured".to_owned() }
}

fn actor() -> Actor {
    Actor { name: "load_time".to_owned(), via: Via::Command }
}

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn mailbox(text: &str, source: Source) -> Change {
    Change::Claim { address: text.parse::<Address>().unwrap(), structure: Structure::Mailbox, source }
}

fn added(domain: &str) -> Change {
    let server = MailServer {
        host: "192.0.2.1".to_owned(),
        port: 25,
        preference: 10,
        tls: ServerTls::Opportunistic,
        xforward: false,
        named_by: NamedBy::Machine,
    };
    let change = DomainChange::Add { customer: "measured".to_owned(), servers: vec![server] };
    Change::Domain { name: name(domain), change }
}
