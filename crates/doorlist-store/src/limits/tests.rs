//! Each limit on both engines: rows up to it are put into the store, the next one is refused and nothing of it is written,
//! another owner is free, and so is this one as soon as there is room again.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use crate::db::Db;
use crate::logins::{KeyOwner, Logins, NewKey};
use crate::recipients::{ApplyError, Coverage, RecipientStore, Refusal, SourcePlan};
use crate::source_book::{SourceBook, UploadLink};
use crate::tenants::{ContactFields, ContactOwner, CustomerFields, CustomerPatch, Tenants};
use doorlist_core::access::{CustomerId, Grant, KeyTerms, LoginId, ResellerId, Role, Scope};
use doorlist_core::address::LocalPart;
use doorlist_core::change::{Actor, Change, ChangeSet, DomainChange, Source, Structure, Via};
use doorlist_core::list::AddressId;
use doorlist_core::source_rows::{RowPosition, SourceRow, normalize};
use doorlist_core::time::Timestamp;
use doorlist_testbed::postgres::Cluster;

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

/// Resellers 1 (the operator), 2 and 3; customers 1 and 2 with the domains `one.test` and `two.test` of the same numbers,
/// and an account and a login in each.
const SCENE: &str = "
    INSERT INTO reseller (id, name) VALUES (2, 'Oak'), (3, 'Elm');
    INSERT INTO customer (id, reseller_id, name) VALUES (1, 2, 'One'), (2, 3, 'Two');
    INSERT INTO domain (id, name, customer_id, mode, active, hold, plus, minus, accept_abuse, changed) VALUES
        (1, 'one.test', 1, 'monitor', TRUE, FALSE, TRUE, FALSE, TRUE, 0),
        (2, 'two.test', 2, 'monitor', TRUE, FALSE, TRUE, FALSE, TRUE, 0);
    INSERT INTO address (id, domain_id, local, kind, standing) VALUES (1, 1, 'ann', 0, 0), (2, 2, 'bob', 0, 0);
    INSERT INTO login (id, username, email, active, created) VALUES (1, 'ann', 'ann@one.test', TRUE, 0),
        (2, 'bob', 'bob@two.test', TRUE, 0);
    UPDATE next_number SET next = 3 WHERE what IN ('reseller', 'customer', 'login');
    UPDATE list_state SET next_domain = 3, next_address = 3;";

/// What somebody wants one more of.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Contact(ContactOwner),
    LoginKey,
    AccountKey,
    /// For a login that is there, and for a new one.
    Admin,
    NewAdmin,
    Customer,
    /// One that is given to the reseller by another.
    GivenCustomer,
    Link,
    SourceName,
    Domain,
    GivenDomain,
    Address,
}

struct Limit {
    wanted: Wanted,
    /// How many of the owner with the number 1 there are put, `{n}` of them with the numbers `x`.
    fill: &'static str,
    number: u32,
    /// Makes room for one.
    free: &'static str,
    /// What the refusal says.
    says: &'static str,
}

const LIMITS: &[Limit] = &[
    Limit {
        wanted: Wanted::Contact(ContactOwner::Reseller),
        fill: "INSERT INTO contact (id, reseller_id, email, created, updated) SELECT 1000 + x, 1, '', 0, 0 FROM n",
        number: CONTACTS_MAX,
        free: "DELETE FROM contact WHERE id = 1001",
        says: "100 contacts of this reseller",
    },
    Limit {
        wanted: Wanted::Contact(ContactOwner::Customer),
        fill: "INSERT INTO contact (id, customer_id, email, created, updated) SELECT 1000 + x, 1, '', 0, 0 FROM n",
        number: CONTACTS_MAX,
        free: "DELETE FROM contact WHERE id = 1001",
        says: "100 contacts of this customer",
    },
    Limit {
        wanted: Wanted::Contact(ContactOwner::Domain),
        fill: "INSERT INTO contact (id, domain_id, email, created, updated) SELECT 1000 + x, 1, '', 0, 0 FROM n",
        number: CONTACTS_MAX,
        free: "DELETE FROM contact WHERE id = 1001",
        says: "100 contacts of this domain",
    },
    Limit {
        wanted: Wanted::Contact(ContactOwner::Account),
        fill: "INSERT INTO contact (id, address_id, email, created, updated) SELECT 1000 + x, 1, '', 0, 0 FROM n",
        number: CONTACTS_MAX,
        free: "DELETE FROM contact WHERE id = 1001",
        says: "100 contacts of this email account",
    },
    Limit {
        wanted: Wanted::LoginKey,
        fill: "INSERT INTO api_key (id, hash, prefix, login_id, name, limits, created, created_by)
               SELECT 1000 + x, 'h' || x, '', 1, 'k' || x, '{}', 0, '' FROM n",
        number: LOGIN_KEYS_MAX,
        free: "DELETE FROM api_key WHERE id = 1001",
        says: "100 keys of this login",
    },
    Limit {
        wanted: Wanted::AccountKey,
        fill: "INSERT INTO api_key (id, hash, prefix, address_id, name, limits, created, created_by)
               SELECT 1000 + x, 'h' || x, '', 1, 'k' || x, '{}', 0, '' FROM n",
        number: ACCOUNT_KEYS_MAX,
        free: "DELETE FROM api_key WHERE id = 1001",
        says: "20 keys of this email account",
    },
    Limit { wanted: Wanted::Admin, fill: ADMINS, number: ADMINS_MAX, free: FEWER_ADMINS, says: "200 admins" },
    Limit { wanted: Wanted::NewAdmin, fill: ADMINS, number: ADMINS_MAX, free: FEWER_ADMINS, says: "200 admins" },
    Limit {
        wanted: Wanted::Customer,
        fill: CUSTOMERS,
        number: CUSTOMERS_MAX - 1,
        free: FEWER_CUSTOMERS,
        says: "10000 customers of this reseller",
    },
    Limit {
        wanted: Wanted::GivenCustomer,
        fill: CUSTOMERS,
        number: CUSTOMERS_MAX - 1,
        free: FEWER_CUSTOMERS,
        says: "10000 customers of this reseller",
    },
    Limit {
        wanted: Wanted::Link,
        fill: "INSERT INTO upload_link (token_hash, domain_name, source, made, actor, expires)
               SELECT 'h' || x, 'one.test', '', 0, '', 0 FROM n",
        number: UPLOAD_LINKS_MAX,
        free: "DELETE FROM upload_link WHERE token_hash = 'h1'",
        says: "1000 links for files of this domain",
    },
    Limit {
        wanted: Wanted::SourceName,
        // Two readings of each, and a plan that waits of some.
        fill: "INSERT INTO source_run (id, source, domain_name, began, ended, outcome, lost, size, report)
               SELECT x, 'file:s' || x, 'one.test', 0, 0, 'same', 0, 0, '{}' FROM n WHERE x > 40 UNION ALL
               SELECT 1000 + x, 'file:s' || x, 'one.test', 0, 0, 'same', 0, 0, '{}' FROM n WHERE x > 40;
               INSERT INTO plan (id, domain_name, source, state, base, made, actor, via, summary, outcome, report)
               SELECT x, 'one.test', 'file:s' || x, 'waiting', 0, 0, '', 'import', '', '{}', '{}'
               FROM (WITH RECURSIVE m(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM m WHERE x < 50) SELECT x FROM m) AS m",
        number: SOURCE_NAMES_MAX,
        free: "DELETE FROM source_run WHERE source = 'file:s60'",
        says: "one.test already has the maximum of 100 source names",
    },
    Limit {
        wanted: Wanted::Domain,
        fill: DOMAINS,
        number: SMALL.domains as u32 - 1,
        free: "DELETE FROM domain WHERE id = 1001",
        says: "limit of 5 domains",
    },
    Limit {
        wanted: Wanted::GivenDomain,
        fill: DOMAINS,
        number: SMALL.domains as u32 - 1,
        free: "DELETE FROM domain WHERE id = 1001",
        says: "limit of 5 domains",
    },
    Limit {
        wanted: Wanted::Address,
        // In two domains of the customer.
        fill: "INSERT INTO domain (id, name, customer_id, mode, active, hold, plus, minus, accept_abuse, changed, mailboxes)
               SELECT 1000 + x, 'd' || x || '.test', 1, 'monitor', TRUE, FALSE, TRUE, FALSE, TRUE, 0, x FROM n;
               UPDATE domain SET aliases = 2, vetoed = 4 WHERE id = 1",
        number: 1,
        free: "UPDATE domain SET vetoed = 3 WHERE id = 1",
        says: "limit of 7 addresses",
    },
];

const ADMINS: &str = "
    INSERT INTO login (id, username, email, active, created) SELECT 1000 + x, 'u' || x, '', TRUE, 0 FROM n;
    INSERT INTO login_grant (login_id, role, scope, scope_id, created)
    SELECT id, 'admin', 'customer', 1, 0 FROM login WHERE id > 1000";
const FEWER_ADMINS: &str = "DELETE FROM login_grant WHERE login_id = 1001";
const CUSTOMERS: &str = "INSERT INTO customer (id, reseller_id, name) SELECT 1000 + x, 2, 'c' || x FROM n";
const FEWER_CUSTOMERS: &str = "DELETE FROM customer WHERE id = 1001";
const DOMAINS: &str = "
    INSERT INTO domain (id, name, customer_id, mode, active, hold, plus, minus, accept_abuse, changed)
    SELECT 1000 + x, 'd' || x || '.test', 1, 'monitor', TRUE, FALSE, TRUE, FALSE, TRUE, 0 FROM n";
const SMALL: CustomerLimits = CustomerLimits { domains: 5, addresses: 7 };

struct TestStore {
    db: Db,
    here: RecipientStore,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_owner_has_so_many_and_no_more_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    for (number, limit) in LIMITS.iter().enumerate() {
        check(Db::open_sqlite(&folder.path().join(format!("{number}.db"))).await.unwrap(), limit).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_owner_has_so_many_and_no_more_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    for (number, limit) in LIMITS.iter().enumerate() {
        check(Db::open_postgres(&cluster.url(&format!("limit{number}")).unwrap()).await.unwrap(), limit).await;
    }
}

async fn check(db: Db, limit: &Limit) {
    RecipientStore::load(db.clone()).await.unwrap();
    run(&db, SCENE.to_owned()).await;
    let numbers = format!("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {})", limit.number);
    let (first, rest) = limit.fill.split_once(';').unwrap_or((limit.fill, ""));
    let (into, select) = first.split_once("SELECT").unwrap();
    run(&db, format!("{into} {numbers} SELECT {select}; {rest}")).await;
    let here = RecipientStore::load(db.clone()).await.unwrap().with_limits(SMALL);
    let (store, wanted) = (TestStore { db, here }, limit.wanted);

    let before = store.rows().await;
    let refused = store.one_more(wanted, 1).await.unwrap_err();
    assert!(refused.contains(limit.says) && refused.contains("Nothing was changed"), "{wanted:?}: {refused}");
    assert_eq!(store.rows().await, before, "{wanted:?}: nothing was written");
    store.one_more(wanted, 2).await.unwrap_or_else(|refused| panic!("{wanted:?} of another: {refused}"));
    run(&store.db, limit.free.to_owned()).await;
    store.one_more(wanted, 1).await.unwrap_or_else(|refused| panic!("{wanted:?} with room again: {refused}"));
    store.one_more(wanted, 1).await.unwrap_err();
    if let Wanted::SourceName = wanted {
        store.file(1, "s99").await.unwrap();
    }
}

async fn run(db: &Db, script: String) {
    let mut tx = db.begin().await.unwrap();
    tx.execute_script(script).await.unwrap();
    tx.commit().await.unwrap();
}

impl TestStore {
    /// How many rows there are of everything that the limits are about.
    async fn rows(&self) -> i64 {
        const SQL: &str = "
            SELECT CAST((SELECT COUNT(*) FROM contact) + (SELECT COUNT(*) FROM api_key) + (SELECT COUNT(*) FROM login)
                 + (SELECT COUNT(*) FROM login_grant) + (SELECT SUM(reseller_id) FROM customer)
                 + (SELECT COUNT(*) FROM upload_link) + (SELECT COUNT(*) FROM claim_source)
                 + (SELECT COUNT(*) FROM plan) + (SELECT SUM(customer_id) FROM domain)
                 + (SELECT COUNT(*) FROM address) + (SELECT COUNT(*) FROM change) AS BIGINT)";
        (&self.db).row(SQL, &[]).await.unwrap().unwrap().int(0).unwrap()
    }

    /// One more for the owner with this number.
    async fn one_more(&self, wanted: Wanted, owner: u32) -> Result<(), String> {
        let (tenants, logins) = (Tenants::of(&self.here), Logins::of(&self.here));
        let name = format!("new-{owner}-{}", self.rows().await);
        let is = |full: Full| full.to_string();
        match wanted {
            Wanted::Contact(of) => {
                let added = tenants.add_contact(of, owner, &ContactFields::default(), NOW).await.unwrap();
                added.map(drop).map_err(is)
            }
            Wanted::LoginKey => self.key(KeyOwner::Login(LoginId(owner)), &name).await,
            Wanted::AccountKey => self.key(KeyOwner::Account(AddressId(owner)), &name).await,
            Wanted::Admin => {
                let login = logins.add_login(&name, "", (admin(9), true), NOW).await.unwrap().unwrap();
                let granted = logins.grant_to(login, (admin(owner), true), NOW).await.unwrap().map_err(is);
                logins.revoke(login, Scope::Customer(CustomerId(9))).await.unwrap();
                granted
            }
            Wanted::NewAdmin => {
                logins.add_login(&name, "", (admin(owner), true), NOW).await.unwrap().map(drop).map_err(is)
            }
            Wanted::Customer => {
                let fields = CustomerFields { name, reseller: ResellerId(owner + 1), ..CustomerFields::default() };
                tenants.add_customer(&fields, NOW).await.unwrap().map(drop).map_err(|why| format!("{why}"))
            }
            Wanted::GivenCustomer => {
                // From the operator, who has no such limit.
                let fields = CustomerFields { name, ..CustomerFields::default() };
                let id = tenants.add_customer(&fields, NOW).await.unwrap().unwrap();
                let patch = CustomerPatch { reseller: Some(ResellerId(owner + 1)), ..CustomerPatch::default() };
                let given = tenants.put_customer(id, &patch, NOW).await.unwrap().map_err(|why| format!("{why}"));
                if given.is_err() {
                    tenants.remove_customer(id, NOW).await.unwrap();
                }
                given
            }
            Wanted::Link => {
                let link = UploadLink {
                    token_hash: name,
                    domain: domain(owner),
                    source: String::new(),
                    made: NOW,
                    actor: String::new(),
                    expires: NOW,
                    used: None,
                    plan: None,
                };
                SourceBook::of(&self.here).add_link(&link).await.unwrap().map_err(is)
            }
            Wanted::SourceName => self.file(owner, &name).await,
            Wanted::Domain => {
                let customer = if owner == 1 { "One" } else { "Two" }.to_owned();
                let change = DomainChange::Add { customer, servers: vec![] };
                self.apply(Change::Domain { name: format!("{name}.test").parse().unwrap(), change }).await
            }
            Wanted::GivenDomain => {
                let name: doorlist_core::address::DomainName = format!("{name}.test").parse().unwrap();
                let add = DomainChange::Add { customer: "Other".to_owned(), servers: vec![] };
                let change = DomainChange::Customer(if owner == 1 { "One" } else { "Two" }.to_owned());
                // Both or none.
                let changes = [add, change].map(|change| Change::Domain { name: name.clone(), change });
                self.apply_all(changes.to_vec()).await
            }
            Wanted::Address => {
                let address = format!("{name}@{}", domain(owner)).parse().unwrap();
                self.apply(Change::Claim { address, structure: Structure::Mailbox, source: Source::Api }).await
            }
        }
    }

    async fn key(&self, owner: KeyOwner, name: &str) -> Result<(), String> {
        let (terms, grants) = (KeyTerms::default(), []);
        let key = NewKey { hash: name, prefix: "", name, terms: &terms, grants: &grants, maker: &terms, by: "a test" };
        let added = Logins::of(&self.here).add_key(owner, &key, NOW).await.unwrap();
        added.map(drop).map_err(|why| format!("{why}"))
    }

    /// A file with one address, under this name of a source.
    async fn file(&self, owner: u32, name: &str) -> Result<(), String> {
        let (source, domain) = (Source::File(name.to_owned()), domain(owner));
        let (structure, place) = (Structure::Mailbox, RowPosition::Line(1));
        let row = SourceRow { local: LocalPart::from_canonical("zoe"), structure, place, switched_off: false };
        let (list, coverage) = (&normalize(vec![row]), Coverage::Part);
        let plan = SourcePlan { domain: &domain, source: &source, list, coverage, file: None, examples_max: 0 };
        refusal(self.here.plan_source_at(&plan, &ann(), Some("a test"), NOW).await.map(drop))
    }

    async fn apply(&self, change: Change) -> Result<(), String> {
        self.apply_all(vec![change]).await
    }

    async fn apply_all(&self, changes: Vec<Change>) -> Result<(), String> {
        let set = ChangeSet { changes, summary: "a test".to_owned() };
        refusal(self.here.apply(&set, &ann(), None).await.map(drop))
    }
}

fn refusal(done: Result<(), ApplyError>) -> Result<(), String> {
    match done {
        Err(ApplyError::Refused(refused @ (Refusal::CustomerFull { .. } | Refusal::SourceNamesFull { .. }))) => {
            Err(refused.to_string())
        }
        other => {
            other.unwrap();
            Ok(())
        }
    }
}

fn admin(customer: u32) -> Grant {
    Grant { role: Role::Admin, scope: Scope::Customer(CustomerId(customer)) }
}

fn ann() -> Actor {
    Actor { name: "ann".to_owned(), via: Via::Api }
}

fn domain(number: u32) -> doorlist_core::address::DomainName {
    if number == 1 { "one.test" } else { "two.test" }.parse().unwrap()
}
