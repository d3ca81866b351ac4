//! What an engine may do to a store: be away, cut connections, be newer than we are, be readable for strangers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{
    Actor, Change, ChangeSet, DomainChange, MailServer, NamedBy, PlanId, ServerTls, Source, Structure, Via,
};
use doorlist_core::source_rows::{RowPosition, SourceRow, normalize};
use doorlist_store::recipients::{ApplyError, Coverage, SourcePlan};
use doorlist_store::{RecipientStore, StoreError, StoreUrl};
use doorlist_testbed::postgres::Cluster;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

fn mailbox(text: &str) -> Change {
    Change::Claim { address: text.parse().unwrap(), structure: Structure::Mailbox, source: Source::Hand }
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
    let change = DomainChange::Add { customer: "Maple".to_owned(), servers: vec![server] };
    Change::Domain { name: domain.parse().unwrap(), change }
}

async fn apply(recipients: &RecipientStore, changes: Vec<Change>) -> Result<u64, ApplyError> {
    let actor = Actor { name: "ann".to_owned(), via: Via::Command };
    let set = ChangeSet { changes, summary: "engines".to_owned() };
    recipients.apply(&set, &actor, None).await.map(|applied| applied.version)
}

fn is_listed(recipients: &RecipientStore, text: &str) -> bool {
    let (list, address) = (recipients.snapshot(), text.parse::<Address>().unwrap());
    let domain = list.domain(address.domain()).unwrap();
    list.entry(domain.id, address.local().as_str()).is_some()
}

/// A plan that waits: this address is new.
async fn staged(recipients: &RecipientStore, local: &str) -> PlanId {
    let list = normalize(vec![SourceRow {
        local: LocalPart::parse(local.as_bytes()).unwrap(),
        structure: Structure::Mailbox,
        switched_off: false,
        place: RowPosition::Line(1),
    }]);
    let (domain, source) = ("example.test".parse().unwrap(), Source::File("staff".to_owned()));
    let plan = SourcePlan {
        domain: &domain,
        source: &source,
        list: &list,
        coverage: Coverage::Part,
        file: None,
        examples_max: 0,
    };
    let actor = Actor { name: "ann".to_owned(), via: Via::Import };
    recipients.plan_source(&plan, &actor, Some("staged")).await.unwrap().id.unwrap()
}

/// Waits for something that another task brings about.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "waited too long until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// D07: the database goes away, comes back, and cuts connections. The list in memory answers all the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_stops_changes_and_nothing_else() {
    let mut cluster = Cluster::start().unwrap();
    let url = StoreUrl::Postgres(cluster.url("away").unwrap());
    let writer = RecipientStore::open(&url).await.unwrap();
    let reader = RecipientStore::open(&url).await.unwrap();
    let following = tokio::spawn({
        let reader = reader.clone();
        async move { reader.follow().await }
    });
    apply(&writer, vec![added("example.test"), mailbox("ann@example.test")]).await.unwrap();
    until("the follower has it", || reader.snapshot().version() == 1).await;
    assert_eq!(reader.away_since(), None);

    let plan = staged(&writer, "zoe").await;
    cluster.kill().unwrap();
    let error = apply(&writer, vec![Change::Plan { id: plan }]).await.unwrap_err();
    assert!(matches!(error, ApplyError::Store(_)), "{error}");
    let begun = Instant::now();
    let error = apply(&writer, vec![mailbox("bob@example.test")]).await.unwrap_err();
    assert!(matches!(error, ApplyError::Store(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(15), "a change waits {:?} for a dead database", begun.elapsed());
    until("the follower notices", || reader.away_since().is_some()).await;
    assert!(is_listed(&reader, "ann@example.test") && is_listed(&writer, "ann@example.test"));

    cluster.start_again().unwrap();
    apply(&writer, vec![mailbox("cara@example.test")]).await.unwrap();
    assert!(!is_listed(&writer, "zoe@example.test"));
    apply(&writer, vec![Change::Plan { id: plan }]).await.unwrap();
    assert!(is_listed(&writer, "zoe@example.test"), "what was staged is still there");
    until("the follower catches up", || is_listed(&reader, "cara@example.test")).await;
    assert!(!is_listed(&reader, "bob@example.test"), "what was refused was not kept");
    until("the follower is at ease", || reader.away_since().is_none()).await;

    let cut =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'away' AND pid <> pg_backend_pid()";
    cluster.sql("away", cut).unwrap();
    // The first statement on a cut connection may fail; the change then was not made, and the next try goes through.
    if apply(&writer, vec![mailbox("dan@example.test")]).await.is_err() {
        apply(&writer, vec![mailbox("dan@example.test")]).await.unwrap();
    }
    until("the follower listens again", || is_listed(&reader, "dan@example.test")).await;
    following.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_a_newer_version_is_left_alone() {
    let cluster = Cluster::start().unwrap();
    let url = StoreUrl::Postgres(cluster.url("newer").unwrap());
    drop(RecipientStore::open(&url).await.unwrap());
    cluster.sql("newer", "UPDATE doorlist_format SET format = 99 WHERE part = 'directory'").unwrap();
    match RecipientStore::open(&url).await.map(drop) {
        Err(StoreError::TooNew { found: 99, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_may_start_on_an_empty_database_at_once() {
    let cluster = Cluster::start().unwrap();
    let url = StoreUrl::Postgres(cluster.url("both").unwrap());
    let (left, right) = tokio::join!(RecipientStore::open(&url), RecipientStore::open(&url));
    assert_eq!(left.unwrap().snapshot().version(), right.unwrap().snapshot().version());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_files_are_the_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let recipients = RecipientStore::open(&StoreUrl::Sqlite(state.clone())).await.unwrap();
    apply(&recipients, vec![added("example.test")]).await.unwrap();
    assert_eq!(std::fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    let files: Vec<_> = std::fs::read_dir(&state).unwrap().map(|file| file.unwrap()).collect();
    assert!(files.len() >= 2, "the file and its log");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.db");
    std::fs::write(&file, b"this is a letter, not a database".repeat(100)).unwrap();
    let error = RecipientStore::open(&StoreUrl::Sqlite(folder.path().to_owned())).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("not a database"), "{error}");
    assert!(std::fs::read(&file).unwrap().starts_with(b"this is a letter"));
}
