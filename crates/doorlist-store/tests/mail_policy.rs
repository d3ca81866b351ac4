//! What tenants set about their mail, on both engines: whoever writes it shows it before the answer, another handle takes
//! it up within its polls, and accounts, aliases and domains that change places keep the right policy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
#[path = "story/hand.rs"]
mod hand;

use doorlist_core::access::Access;
use doorlist_core::change::{Change, DomainChange, Source};
use doorlist_core::domain::DomainId;
use doorlist_core::list::{AddressId, Match};
use doorlist_core::mail_policy::SpamTreatment;
use doorlist_core::sender_rules::{Judgment, Sender};
use doorlist_core::time::Timestamp;
use doorlist_store::logins::{KeyOwner, KeyTerms, Logins, NewKey};
use doorlist_store::mail_policy::{RuleOwner, RuleRefused, SENDER_RULES_MAX};
use doorlist_store::tenants::{AccountSettingsPatch, ContactFields, ContactOwner, Query};
use doorlist_store::{RecipientStore, StoreUrl, Tenants};
use doorlist_testbed::postgres::Cluster;
use hand::{address, alias, apply, domain, mailbox, name};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use std::time::{Duration, Instant};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

#[tokio::test(flavor = "multi_thread")]
async fn policies_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(StoreUrl::Sqlite(folder.path().join("state"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(StoreUrl::Postgres(cluster.url("policies").unwrap())).await;
}

async fn tell(url: StoreUrl) {
    let here = RecipientStore::open(&url).await.unwrap();
    let there = RecipientStore::open(&url).await.unwrap();
    let following = tokio::spawn({
        let there = there.clone();
        async move { there.follow().await }
    });
    let set = vec![
        hand::added("example.test", "Maple"),
        hand::added("other.test", "Oak"),
        mailbox("ann@example.test"),
        mailbox("bob@example.test"),
        alias("annie@example.test", "ann"),
    ];
    apply(&here, set).await;
    assert_eq!(*here.policies(), Default::default(), "nobody has set anything");
    rules_are_written(&here).await;
    same(&here, &there).await;
    sizes(&here).await;
    same(&here, &there).await;
    spam_is_tagged_or_refused(&here, &there).await;
    aliases_change_places(&here, &there).await;
    what_an_account_had_goes_with_it(&here, &there).await;
    what_an_account_has_stays_under_its_former_name(&here, &there).await;
    contacts_are_followed(&here, &there).await;
    accounts_and_domains_go(&here, &there).await;
    following.abort();
    let again = RecipientStore::open(&url).await.unwrap();
    assert_eq!(again.policies(), there.policies());
}

/// Waits until the other handle shows the same; by its polls, or told.
async fn same(here: &RecipientStore, there: &RecipientStore) {
    let begun = Instant::now();
    while here.policies() != there.policies() || here.snapshot().version() != there.snapshot().version() {
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}\n{:?}", here.policies(), there.policies());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(begun.elapsed() < Duration::from_millis(2500), "took {:?}", begun.elapsed());
}

fn found(here: &RecipientStore, text: &str) -> (DomainId, Match) {
    let (list, address) = (here.snapshot(), address(text));
    let domain = list.domain(address.domain()).unwrap();
    (domain.id, list.lookup(domain, &address))
}

fn account_id(here: &RecipientStore, text: &str) -> AddressId {
    found(here, text).1.address_id().unwrap()
}

fn judged(here: &RecipientStore, to: &str, from: &str) -> Option<Judgment> {
    let (domain, matched) = found(here, to);
    here.policies().judge(domain, matched, &Sender::from_path(from))
}

fn size_max(here: &RecipientStore, to: &str) -> Option<u64> {
    let (domain, matched) = found(here, to);
    here.policies().message_max(domain, matched)
}

async fn add(here: &RecipientStore, of: RuleOwner, sender: &str, allow: bool) -> Result<u32, RuleRefused> {
    here.add_sender_rule(of, &sender.parse().unwrap(), allow, NOW).await.unwrap()
}

async fn rules_are_written(here: &RecipientStore) {
    let of_domain = RuleOwner::Domain(found(here, "ann@example.test").0);
    let of_ann = RuleOwner::Account(account_id(here, "ann@example.test"));
    let spam = add(here, of_domain, "@Spam.test", false).await.unwrap();
    assert_eq!(judged(here, "ann@example.test", "x@spam.test"), Some(Judgment::Blocked), "shown at once");
    assert_eq!(judged(here, "bob+x@example.test", "x@spam.test"), Some(Judgment::Blocked));
    let friend = add(here, of_ann, "friend@spam.test", true).await.unwrap();
    assert!(friend > spam, "numbers are never given twice");
    assert_eq!(judged(here, "ann@example.test", "friend@spam.test"), Some(Judgment::Allowed));
    assert_eq!(judged(here, "annie@example.test", "friend@spam.test"), Some(Judgment::Allowed));
    assert_eq!(judged(here, "bob@example.test", "friend@spam.test"), Some(Judgment::Blocked));

    assert_eq!(add(here, of_domain, "spam.test", true).await, Err(RuleRefused::Taken));
    let annie = RuleOwner::Account(account_id(here, "annie@example.test"));
    for nobody in [annie, RuleOwner::Account(AddressId(9_999)), RuleOwner::Domain(DomainId(9_999))] {
        assert_eq!(add(here, nobody, "spam.test", true).await, Err(RuleRefused::NoOwner), "{nobody:?}");
    }

    assert!(here.put_sender_rule(spam, true, NOW).await.unwrap());
    assert_eq!(judged(here, "bob@example.test", "x@spam.test"), Some(Judgment::Allowed));
    assert!(here.put_sender_rule(spam, false, NOW).await.unwrap());
    assert!(!here.put_sender_rule(9_999, true, NOW).await.unwrap());
    let shop = add(here, of_domain, ".shop.test", false).await.unwrap();
    assert_eq!(here.remove_sender_rules(&[shop, 9_999]).await.unwrap(), 1);
    assert_eq!(judged(here, "bob@example.test", "x@shop.test"), None);

    let view = Tenants::of(here).seen_by(&Access::operator());
    let page = view.sender_rules(&Query { limit: 10, ..Query::default() }).await.unwrap();
    let rules: Vec<_> = page.rows.iter().map(|placed| (placed.row.sender.as_str(), placed.row.allow)).collect();
    assert_eq!(rules, [("spam.test", false), ("friend@spam.test", true)]);
}

async fn sizes(here: &RecipientStore) {
    let change = |octets| vec![domain("example.test", DomainChange::MessageMax(octets))];
    apply(here, change(Some(5_000))).await;
    assert_eq!(size_max(here, "annie@example.test"), Some(5_000));
    assert_eq!(judged(here, "bob@example.test", "x@spam.test"), Some(Judgment::Blocked), "its rules are still there");
    limit(here, "ann@example.test", Some(100)).await;
    assert_eq!(size_max(here, "annie@example.test"), Some(100));
    assert_eq!(size_max(here, "bob@example.test"), Some(5_000));
    assert_eq!(size_max(here, "postmaster@example.test"), Some(5_000));
    apply(here, change(None)).await;
    assert_eq!(size_max(here, "bob@example.test"), None);
}

/// The setting is in the change log, and its undo takes it back.
async fn spam_is_tagged_or_refused(here: &RecipientStore, there: &RecipientStore) {
    let id = found(here, "ann@example.test").0;
    let shown = |store: RecipientStore| async move { store.domain(&name("example.test")).await.unwrap().unwrap().spam };
    assert_eq!((here.policies().spam(id), shown(here.clone()).await), (SpamTreatment::Tag, SpamTreatment::Tag));
    let change = vec![domain("example.test", DomainChange::Spam(SpamTreatment::Refuse))];
    let made = apply(here, change.clone()).await.change_id.unwrap();
    assert_eq!(apply(here, change).await.change_id, None, "it is so already");
    assert_eq!((here.policies().spam(id), shown(here.clone()).await), (SpamTreatment::Refuse, SpamTreatment::Refuse));
    assert_eq!(judged(here, "bob@example.test", "x@spam.test"), Some(Judgment::Blocked), "its rules are still there");
    same(here, there).await;
    let undo = here.plan_undo(made, &hand::actor(), Some("undo")).await.unwrap();
    apply(here, vec![Change::Plan { id: undo.id.unwrap() }]).await;
    assert_eq!((here.policies().spam(id), shown(here.clone()).await), (SpamTreatment::Tag, SpamTreatment::Tag));
    same(here, there).await;
}

async fn limit(here: &RecipientStore, account: &str, message_max: Option<u64>) {
    let patch = AccountSettingsPatch { message_max: Some(message_max), ..AccountSettingsPatch::default() };
    Tenants::of(here).put_account_settings(account_id(here, account), &patch, NOW).await.unwrap();
}

async fn aliases_change_places(here: &RecipientStore, there: &RecipientStore) {
    let to = |text: &str, account: &str| Change::Reassign {
        address: address(text),
        to: hand::local(account),
        source: Source::Hand,
    };
    // A new alias of an account that set something, and one that goes over to another.
    apply(here, vec![alias("a.lee@example.test", "ann")]).await;
    assert_eq!(size_max(here, "a.lee@example.test"), Some(100));
    apply(here, vec![hand::veto("annie@example.test"), alias("annie@example.test", "bob")]).await;
    assert_eq!(size_max(here, "annie@example.test"), None);
    same(here, there).await;
    assert_eq!(size_max(there, "annie@example.test"), None);
    assert_eq!(size_max(there, "a.lee@example.test"), Some(100));
    // The account itself becomes an alias of one that set nothing.
    apply(here, vec![to("ann@example.test", "bob")]).await;
    for former in ["ann@example.test", "ann+x@example.test", "a.lee@example.test"] {
        assert_eq!(size_max(here, former), None, "{former}");
    }
    same(here, there).await;
    assert_eq!(size_max(there, "ann+x@example.test"), None);
    limit(here, "bob@example.test", Some(7)).await;
    assert_eq!(size_max(here, "a.lee@example.test"), Some(7));
    same(here, there).await;
}

/// A rule, a limit and a key of this hash.
async fn settle(here: &RecipientStore, account: &str, hash: &str) -> AddressId {
    let id = account_id(here, account);
    add(here, RuleOwner::Account(id), "list.test", false).await.unwrap();
    limit(here, account, Some(9)).await;
    let terms = KeyTerms::default();
    let key = NewKey { hash, prefix: "key", name: "", terms: &terms, grants: &[], maker: &terms, by: "test" };
    Logins::of(here).add_key(KeyOwner::Account(id), &key, NOW).await.unwrap().unwrap();
    id
}

/// A new name, taken back and taken again: it is the same account.
async fn what_an_account_has_stays_under_its_former_name(here: &RecipientStore, there: &RecipientStore) {
    let (kim, tim) = ("kim@example.test", "tim@example.test");
    apply(here, vec![mailbox(kim), alias("k@example.test", "kim")]).await;
    let id = settle(here, kim, "hash of kim").await;
    let mut change = apply(here, vec![Change::Rename { address: address(kim), to: hand::local("tim") }]).await;
    for name in [kim, tim, kim] {
        let undo = here.plan_undo(change.change_id.unwrap(), &hand::actor(), Some("undone")).await.unwrap();
        change = apply(here, vec![Change::Plan { id: undo.id.unwrap() }]).await;
        same(here, there).await;
        for recipients in [here, there] {
            assert_eq!(account_id(recipients, name), id);
            for to in [name, "k@example.test"] {
                let policy = (judged(recipients, to, "x@list.test"), size_max(recipients, to));
                assert_eq!(policy, (Some(Judgment::Blocked), Some(9)), "{to}");
            }
        }
        let key = Logins::of(here).key("hash of kim").await.unwrap().unwrap();
        assert_eq!(key.owner, KeyOwner::Account(id));
    }
    apply(here, vec![hand::veto(kim)]).await;
}

/// An address that is an account again begins anew, by whatever way it ceased to be one.
async fn what_an_account_had_goes_with_it(here: &RecipientStore, there: &RecipientStore) {
    let zoe = "zoe@example.test";
    let logins = Logins::of(here);
    let settle = async || settle(here, zoe, "hash of zoe").await;
    let begins_anew = async |way: &str| {
        assert_eq!((judged(here, zoe, "x@list.test"), size_max(here, zoe)), (None, None), "{way}");
        same(here, there).await;
        assert_eq!((judged(there, zoe, "x@list.test"), size_max(there, zoe)), (None, None), "{way}");
        assert_eq!(logins.key("hash of zoe").await.unwrap(), None, "{way}");
    };
    apply(here, vec![mailbox(zoe)]).await;
    let id = settle().await;
    apply(here, vec![hand::veto(zoe)]).await;
    let added = apply(here, vec![mailbox(zoe)]).await;
    assert_eq!(account_id(here, zoe), id, "it is the same row");
    begins_anew("a veto, and added again").await;

    settle().await;
    let undo = here.plan_undo(added.change_id.unwrap(), &hand::actor(), Some("undone")).await.unwrap();
    apply(here, vec![Change::Plan { id: undo.id.unwrap() }]).await;
    apply(here, vec![mailbox(zoe)]).await;
    begins_anew("undone, and added again").await;

    settle().await;
    apply(here, vec![Change::Withdraw { address: address(zoe), source: Source::Hand }]).await;
    apply(here, vec![mailbox(zoe)]).await;
    begins_anew("withdrawn, and added again").await;
}

async fn contacts_are_followed(here: &RecipientStore, there: &RecipientStore) {
    let tenants = Tenants::of(here);
    let id = found(here, "bob@example.test").0;
    let told = |recipients: &RecipientStore| recipients.policies().technical_contact(id).map(ToString::to_string);
    let contact =
        |email: &str| ContactFields { email: email.to_owned(), is_technical: true, ..ContactFields::default() };
    let customer = customer_of(here, "example.test").await;
    let oak = customer_of(here, "other.test").await;
    tenants.add_contact(ContactOwner::Customer, oak, &contact("tech@oak.test"), NOW).await.unwrap().unwrap();
    let maple =
        tenants.add_contact(ContactOwner::Customer, customer, &contact("tech@maple.test"), NOW).await.unwrap().unwrap();
    assert_eq!(told(here).as_deref(), Some("tech@maple.test"));
    same(here, there).await;
    apply(here, vec![domain("example.test", DomainChange::Customer("Oak".to_owned()))]).await;
    assert_eq!(told(here).as_deref(), Some("tech@oak.test"), "it moved to another customer");
    same(here, there).await;
    let own =
        tenants.add_contact(ContactOwner::Domain, id.0, &contact("tech@example.test"), NOW).await.unwrap().unwrap();
    assert_eq!(told(here).as_deref(), Some("tech@example.test"));
    tenants.put_contact(own, &contact("other@example.test"), NOW).await.unwrap();
    assert_eq!(told(here).as_deref(), Some("other@example.test"));
    tenants.put_contact(own, &contact("no address"), NOW).await.unwrap();
    assert_eq!(told(here), None);
    apply(here, vec![domain("example.test", DomainChange::Hold(true))]).await;
    tenants.remove_contact(own).await.unwrap();
    assert_eq!(told(here).as_deref(), Some("tech@oak.test"));
    tenants.remove_contact(maple).await.unwrap();
    same(here, there).await;
}

async fn customer_of(here: &RecipientStore, domain: &str) -> u32 {
    let view = Tenants::of(here).seen_by(&Access::operator());
    view.domain_of_name(&name(domain)).await.unwrap().unwrap().row.customer.0
}

async fn accounts_and_domains_go(here: &RecipientStore, there: &RecipientStore) {
    let id = found(here, "bob@example.test").0;
    apply(here, vec![domain("example.test", DomainChange::Remove)]).await;
    assert!(here.policies().domain(id).is_none());
    let set = vec![hand::added("example.test", "Maple"), mailbox("bob@example.test")];
    apply(here, set).await;
    assert_eq!(judged(here, "bob@example.test", "x@spam.test"), None, "a new domain of that name has no old rules");
    assert_eq!(size_max(here, "bob@example.test"), None);
    here.show_policies().await;
    // What went with the domain goes from memory with the next change of policies.
    limit(here, "bob@example.test", Some(8)).await;
    there.show_policies().await;
    same(here, there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_has_so_many_rules_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let here = RecipientStore::open(&StoreUrl::Sqlite(folder.path().to_owned())).await.unwrap();
    apply(&here, vec![hand::added("example.test", "Maple"), mailbox("ann@example.test")]).await;
    let (domain, _) = found(&here, "ann@example.test");
    add(&here, RuleOwner::Domain(domain), "s0.test", false).await.unwrap();
    // The rest of them straight into the file; more than one page is read.
    let many = format!(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {}) \
         INSERT INTO sender_rule (id, domain_id, sender, allow, created, updated) \
         SELECT 1000000 + x, {}, 's' || x || '.test', FALSE, 0, 0 FROM n",
        SENDER_RULES_MAX - 1,
        domain.0
    );
    let url = format!("sqlite://{}", folder.path().join("directory.db").display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(many)).execute(&mut connection).await.unwrap();
    assert_eq!(add(&here, RuleOwner::Domain(domain), "one.more.test", false).await, Err(RuleRefused::Full));
    let ann = RuleOwner::Account(account_id(&here, "ann@example.test"));
    add(&here, ann, "one.more.test", false).await.unwrap();
    assert_eq!(here.policies().domain(domain).unwrap().rules.len(), SENDER_RULES_MAX as usize);
    assert_eq!(judged(&here, "ann@example.test", "x@s9999.test"), Some(Judgment::Blocked));
}
