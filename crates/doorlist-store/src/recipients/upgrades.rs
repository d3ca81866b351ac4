//! Stores of earlier formats, brought to the newest one: what was in them means the same afterwards.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::handle::{MIGRATIONS, RecipientStore};
use crate::contact_book::{ContactBook, ContactOf, ContactStanding, NoPermit};
use crate::db::{Db, Read};
use crate::logins::Logins;
use crate::migrate::migrate;
use crate::source_book::{SourceBook, SourceHealth};
use doorlist_core::access::{CustomerId, LoginId};
use doorlist_core::change::NamedBy;
use doorlist_core::time::Timestamp;
use doorlist_testbed::postgres::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn early_keys_have_their_logins_grants_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&folder.path().join("directory.db")).await.unwrap();
    early_keys_have_their_logins_grants(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn early_keys_have_their_logins_grants_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    early_keys_have_their_logins_grants(Db::open_postgres(&cluster.url("upgrades").unwrap()).await.unwrap()).await;
}

/// Format 3: grants were not numbered, and a key had whatever its login had.
async fn early_keys_have_their_logins_grants(db: Db) {
    migrate(&db, "directory", &MIGRATIONS[..3]).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let script = "
        INSERT INTO login (id, username, email, active, created) VALUES
            (1, 'ann', 'ann@example.test', TRUE, 0), (2, 'bob', 'bob@example.test', TRUE, 0),
            (3, 'cora', 'cora@example.test', TRUE, 0);
        INSERT INTO login_grant (login_id, role, scope, scope_id, created) VALUES
            (1, 'admin', 'customer', 5, 0), (1, 'admin', 'customer', 6, 0), (2, 'admin', 'all', 0, 0);
        INSERT INTO api_key (id, hash, prefix, login_id, name, limits, created, created_by) VALUES
            (1, 'of ann', 'a', 1, '', '{}', 0, 'test'), (2, 'of bob', 'b', 2, '', '{}', 0, 'test'),
            (3, 'of cora', 'c', 3, '', '{}', 0, 'test');";
    tx.execute_script(script.to_owned()).await.unwrap();
    tx.commit().await.unwrap();

    let logins = Logins::of(&RecipientStore::load(db.clone()).await.unwrap());
    let mut all = Vec::new();
    for (id, hash, grants) in [(1, "of ann", 2), (2, "of bob", 1), (3, "of cora", 0)] {
        let login = logins.login_by_id(LoginId(id)).await.unwrap().unwrap();
        let key = logins.key(hash).await.unwrap().unwrap();
        assert_eq!(login.grants_of(&key).len(), grants, "{hash}");
        all.extend(login.grant_numbers());
    }
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3], "each has a number of its own");
    let row = (&db).row("SELECT next FROM next_number WHERE what = 'login_grant'", &[]).await.unwrap().unwrap();
    assert_eq!(row.int(0).unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn early_mail_servers_are_the_operators_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    early_mail_servers_are_the_operators(Db::open_sqlite(&folder.path().join("directory.db")).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn early_mail_servers_are_the_operators_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    early_mail_servers_are_the_operators(Db::open_postgres(&cluster.url("servers").unwrap()).await.unwrap()).await;
}

/// Format 4: it was not kept who named a mail server.
async fn early_mail_servers_are_the_operators(db: Db) {
    migrate(&db, "directory", &MIGRATIONS[..4]).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let script = "
        INSERT INTO customer (id, reseller_id, name) VALUES (1, 1, 'Maple');
        INSERT INTO domain (id, name, customer_id, mode, active, hold, plus, minus, accept_abuse, changed)
            VALUES (1, 'example.test', 1, 'setting_up', TRUE, FALSE, TRUE, FALSE, TRUE, 0);
        INSERT INTO mail_server (domain_id, place, host, port, preference, tls, xforward, id)
            VALUES (1, 0, '127.0.0.1', 25, 10, 'opportunistic', FALSE, 1);";
    tx.execute_script(script.to_owned()).await.unwrap();
    tx.commit().await.unwrap();
    let recipients = RecipientStore::load(db).await.unwrap();
    let details = recipients.domain(&"example.test".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(details.servers[0].named_by, NamedBy::Machine);
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_that_were_there_have_to_confirm_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&folder.path().join("directory.db")).await.unwrap();
    contacts_that_were_there_have_to_confirm(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_that_were_there_have_to_confirm_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    contacts_that_were_there_have_to_confirm(Db::open_postgres(&cluster.url("contacts").unwrap()).await.unwrap()).await;
}

/// Format 4: nobody was asked. Admins whom the operator made by command count as confirmed; those of tenants do not.
async fn contacts_that_were_there_have_to_confirm(db: Db) {
    migrate(&db, "directory", &MIGRATIONS[..4]).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let script = "
        INSERT INTO customer (id, reseller_id, name) VALUES (5, 1, 'Maple');
        INSERT INTO contact (id, customer_id, email, is_technical, created, updated) VALUES
            (1, 5, 'ann@else.test', TRUE, 0, 0), (2, 5, 'ops@else.test', TRUE, 0, 0),
            (3, 5, 'bob@else.test', TRUE, 0, 0), (4, 5, 'cora@else.test', TRUE, 0, 0);
        INSERT INTO login (id, username, email, password, active, created) VALUES
            (1, 'ops@else.test', 'ops@else.test', NULL, TRUE, 0), (2, 'bob@else.test', 'bob@else.test', 'x', TRUE, 0),
            (3, 'cora@else.test', 'cora@else.test', NULL, TRUE, 0);
        INSERT INTO login_grant (login_id, role, scope, scope_id, created, number) VALUES
            (1, 'admin', 'all', 0, 0, 1), (2, 'admin', 'customer', 5, 0, 2), (3, 'admin', 'customer', 5, 0, 3);";
    tx.execute_script(script.to_owned()).await.unwrap();
    tx.commit().await.unwrap();

    let book = ContactBook::of(&RecipientStore::load(db.clone()).await.unwrap());
    let now = Timestamp::from_secs(1_800_000_000);
    let standings = book.contacts(0, 100).await.unwrap().into_iter().map(|contact| contact.standing);
    let (asks, told) = (ContactStanding::Unconfirmed, ContactStanding::Confirmed);
    assert_eq!(standings.collect::<Vec<_>>(), [asks, told, told, asks]);
    let permit = book.permit_notice(ContactOf::Customer(CustomerId(5)), &"ann@else.test".parse().unwrap(), now).await;
    assert_eq!(permit.unwrap().map(drop), Err(NoPermit::Unconfirmed));
    let to_ask = book.contacts_to_ask(0, 100, now).await.unwrap();
    let to_ask = to_ask.iter().filter(|contact| contact.standing == asks);
    assert_eq!(to_ask.map(|contact| contact.address.as_str()).collect::<Vec<_>>(), ["ann@else.test", "cora@else.test"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn early_sources_know_their_last_good_reading_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&folder.path().join("directory.db")).await.unwrap();
    early_sources_know_their_last_good_reading(db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn early_sources_know_their_last_good_reading_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    early_sources_know_their_last_good_reading(Db::open_postgres(&cluster.url("health").unwrap()).await.unwrap()).await;
}

/// Format 9: how readings went stood in their history alone.
async fn early_sources_know_their_last_good_reading(db: Db) {
    migrate(&db, "directory", &MIGRATIONS[..9]).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let script = "
        INSERT INTO customer (id, reseller_id, name) VALUES (1, 1, 'Maple');
        INSERT INTO domain (id, name, customer_id, mode, active, hold, plus, minus, accept_abuse, changed)
            VALUES (1, 'example.test', 1, 'setting_up', TRUE, FALSE, TRUE, FALSE, TRUE, 0);
        INSERT INTO connection (name, domain_id, settings, next_run) VALUES ('lab', 1, '{}', 0), ('office', 1, '{}', 0);
        INSERT INTO source_run (id, source, domain_name, began, ended, outcome, lost, size, report) VALUES
            (1, 'directory:office', 'example.test', 10, 11, 'applied', 0, 0, '{}'),
            (2, 'directory:office', 'example.test', 20, 21, 'same', 0, 0, '{}'),
            (3, 'directory:office', 'example.test', 30, 31, 'failed', 0, 0, '{}'),
            (4, 'directory:office', 'other.test', 40, 41, 'same', 0, 0, '{}'),
            (5, 'file:lab', 'example.test', 50, 51, 'applied', 0, 0, '{}');";
    tx.execute_script(script.to_owned()).await.unwrap();
    tx.commit().await.unwrap();
    let book = SourceBook::of(&RecipientStore::load(db).await.unwrap());
    let health = book.connections().await.unwrap().into_iter().map(|connection| connection.health);
    let known = |last_good| SourceHealth { last_good, ..SourceHealth::default() };
    assert_eq!(health.collect::<Vec<_>>(), [known(None), known(Some(Timestamp::from_millis(20)))]);
}
