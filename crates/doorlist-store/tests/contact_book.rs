//! To whom our own mail may go, on both engines and with a clock of the test's own: who has to confirm, how, and how many
//! mails each address, customer and domain gets at most, over all handles and restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[allow(dead_code)]
#[path = "story/hand.rs"]
mod hand;

use doorlist_core::access::{Access, CustomerId, Scope};
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;
use doorlist_store::contact_book::{
    CONFIRMATION_GAP, CONFIRMATION_TERM, CONFIRMATIONS_KEPT, CONFIRMATIONS_PER_ADDRESS_MAX,
    CONFIRMATIONS_PER_CUSTOMER_MAX, COPIES_PER_DOMAIN_MAX, ContactOf, ContactStanding, DAY, HOUR,
    NOTICES_PER_ADDRESS_MAX, NOTICES_PER_CUSTOMER_MAX, NoPermit,
};
use doorlist_store::tenants::{ContactFields, ContactOwner};
use doorlist_store::{ContactBook, RecipientStore, StoreUrl, Tenants};
use doorlist_testbed::postgres::Cluster;
use hand::{address, alias, apply, mailbox, name, veto};
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const MOMENT: Duration = Duration::from_millis(1);
const OUTSIDE: &str = "ann@outside.test";

#[tokio::test(flavor = "multi_thread")]
async fn contacts_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    tell(StoreUrl::Sqlite(folder.path().join("state"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    tell(StoreUrl::Postgres(cluster.url("contacts").unwrap())).await;
}

/// Two customers, each with a domain.
struct Scene {
    recipients: RecipientStore,
    book: ContactBook,
    maple: (CustomerId, DomainId),
    oak: (CustomerId, DomainId),
}

async fn tell(url: StoreUrl) {
    let recipients = RecipientStore::open(&url).await.unwrap();
    let mut set = vec![hand::added("maple.test", "Maple"), hand::added("oak.test", "Oak")];
    set.extend((0..CONFIRMATIONS_PER_CUSTOMER_MAX).map(|n| hand::added(&format!("d{n}.test"), &format!("C{n}"))));
    set.extend([mailbox("bob@maple.test"), alias("rob@maple.test", "bob"), mailbox("gone@maple.test")]);
    apply(&recipients, set).await;
    apply(&recipients, vec![veto("gone@maple.test")]).await;
    let (maple, oak) = (owner(&recipients, "maple.test").await, owner(&recipients, "oak.test").await);
    let scene = Scene { book: ContactBook::of(&recipients), recipients, maple, oak };
    own_addresses_are_told_if_they_are_listed(&scene).await;
    an_outside_address_is_told_when_it_has_confirmed_for_that_customer(&scene).await;
    a_link_is_good_once_and_for_its_term(&scene).await;
    confirmation_mails_are_few_for_an_address(&scene, &url).await;
    confirmation_mails_are_few_for_a_customer(&scene).await;
    notices_are_few(&scene, &url).await;
    copies_are_few(&scene).await;
    the_operator_confirms(&scene).await;
    two_handles_do_not_both_take_the_last_place(&scene, &url).await;
    what_is_over_is_forgotten(&scene).await;
}

async fn owner(recipients: &RecipientStore, domain: &str) -> (CustomerId, DomainId) {
    let view = Tenants::of(recipients).seen_by(&Access::operator());
    let row = view.domain_of_name(&name(domain)).await.unwrap().unwrap().row;
    (row.customer, row.id)
}

impl Scene {
    /// Whether a notice about Maple's domain may go there.
    async fn may_tell(&self, to: &str, now: Timestamp) -> Result<(), NoPermit> {
        let permit = self.book.permit_notice(ContactOf::Domain(self.maple.1), &address(to), now).await.unwrap();
        permit.map(|permit| assert_eq!(*permit.address(), address(to)))
    }

    async fn may_ask(&self, of: CustomerId, to: &str, token: &str, now: Timestamp) -> Result<(), NoPermit> {
        self.book.permit_confirmation(of, &address(to), token, now).await.unwrap().map(drop)
    }
}

async fn own_addresses_are_told_if_they_are_listed(scene: &Scene) {
    for listed in ["bob@maple.test", "rob@maple.test", "bob+notices@maple.test"] {
        assert_eq!(scene.may_tell(listed, NOW).await, Ok(()), "{listed}");
        assert_eq!(scene.may_ask(scene.maple.0, listed, "t", NOW).await, Err(NoPermit::NothingToConfirm), "{listed}");
    }
    let elsewhere = "bob+x%outside.test@maple.test";
    for unlisted in ["nobody@maple.test", "gone@maple.test", "postmaster@maple.test", elsewhere] {
        assert_eq!(scene.may_tell(unlisted, NOW).await, Err(NoPermit::Unlisted), "{unlisted}");
        assert_eq!(scene.may_ask(scene.maple.0, unlisted, "t", NOW).await, Err(NoPermit::Unlisted), "{unlisted}");
    }
    let of_another = scene.book.permit_notice(ContactOf::Customer(scene.oak.0), &address("bob@maple.test"), NOW).await;
    assert_eq!(of_another.unwrap().map(drop), Err(NoPermit::Unconfirmed), "another customer's domain is outside");
    let gone = scene.book.permit_notice(ContactOf::Domain(DomainId(9_999)), &address(OUTSIDE), NOW).await;
    assert_eq!(gone.unwrap().map(drop), Err(NoPermit::NoCustomer));
}

async fn an_outside_address_is_told_when_it_has_confirmed_for_that_customer(scene: &Scene) {
    assert_eq!(scene.may_tell(OUTSIDE, NOW).await, Err(NoPermit::Unconfirmed));
    assert_eq!(scene.may_ask(scene.maple.0, "Ann@Outside.test", "first", NOW).await, Ok(()));
    assert_eq!(scene.may_ask(scene.maple.0, OUTSIDE, "again", NOW).await, Err(NoPermit::Asked));
    assert_eq!(scene.may_tell(OUTSIDE, NOW).await, Err(NoPermit::Unconfirmed), "asked is not confirmed");
    let asked = scene.book.asked("first", NOW).await.unwrap().unwrap();
    assert_eq!((asked.address, asked.customer.as_str()), (address(OUTSIDE), "Maple"));
    assert_eq!(scene.may_tell(OUTSIDE, NOW).await, Err(NoPermit::Unconfirmed), "looking is not confirming");
    assert!(scene.book.confirm_by_link("first", NOW).await.unwrap());
    assert_eq!(scene.may_tell(OUTSIDE, NOW).await, Ok(()));
    let of_oak = scene.book.permit_notice(ContactOf::Customer(scene.oak.0), &address(OUTSIDE), NOW).await.unwrap();
    assert_eq!(of_oak.map(drop), Err(NoPermit::Unconfirmed), "for one customer is not for another");
}

async fn a_link_is_good_once_and_for_its_term(scene: &Scene) {
    assert!(!scene.book.confirm_by_link("first", NOW).await.unwrap(), "once");
    assert_eq!(scene.book.asked("first", NOW).await.unwrap(), None);
    assert!(!scene.book.confirm_by_link("nonsense", NOW).await.unwrap());
    scene.may_ask(scene.maple.0, "late@outside.test", "late", NOW).await.unwrap();
    let end = NOW + CONFIRMATION_TERM;
    assert!(scene.book.asked("late", end - MOMENT).await.unwrap().is_some());
    assert!(scene.book.asked("late", end).await.unwrap().is_none());
    assert!(!scene.book.confirm_by_link("late", end).await.unwrap());
    assert_eq!(scene.may_tell("late@outside.test", end).await, Err(NoPermit::Unconfirmed));
}

/// One a day and three in all, whoever asks, tags included, and after a restart.
async fn confirmation_mails_are_few_for_an_address(scene: &Scene, url: &StoreUrl) {
    let mut sent = Vec::new();
    for hours in 0..24 * 15 {
        let (now, n) = (NOW + HOUR * hours, hours % CONFIRMATIONS_PER_CUSTOMER_MAX);
        let of = owner(&scene.recipients, &format!("d{n}.test")).await.0;
        let to = format!("victim+{hours}@outside.test");
        match scene.may_ask(of, &to, &format!("v{hours}"), now).await {
            Ok(()) => sent.push(now),
            Err(why) => assert!(matches!(why, NoPermit::AddressLimit | NoPermit::Asked), "{why}"),
        }
    }
    assert_eq!(sent.len(), CONFIRMATIONS_PER_ADDRESS_MAX as usize);
    assert!(sent.windows(2).all(|pair| pair[1].since(pair[0]) >= CONFIRMATION_GAP));
    let restarted = ContactBook::of(&RecipientStore::open(url).await.unwrap());
    let later = NOW + DAY * 100;
    let asked = restarted.permit_confirmation(scene.oak.0, &address("victim@outside.test"), "r", later).await;
    assert_eq!(asked.unwrap().map(drop), Err(NoPermit::AddressLimit));
}

async fn confirmation_mails_are_few_for_a_customer(scene: &Scene) {
    let mut asked = 0;
    for n in 0..100 {
        let now = NOW + DAY * 2 + MOMENT * n;
        match scene.may_ask(scene.oak.0, &format!("c{n}@outside.test"), &format!("c{n}"), now).await {
            Ok(()) => asked += 1,
            Err(why) => assert_eq!(why, NoPermit::CustomerLimit),
        }
    }
    assert_eq!(asked, CONFIRMATIONS_PER_CUSTOMER_MAX);
    assert_eq!(scene.may_ask(scene.oak.0, "next@outside.test", "n", NOW + DAY * 3 + MOMENT * 99).await, Ok(()));
}

async fn notices_are_few(scene: &Scene, url: &StoreUrl) {
    let later = NOW + DAY * 10;
    let allowed = |n| scene.may_tell(if n % 2 == 0 { OUTSIDE } else { "ann+x@outside.test" }, later);
    let tagged = address("ann+x@outside.test");
    scene.book.confirm_by_operator(&tagged, Scope::Customer(scene.maple.0), later).await.unwrap();
    let mut count = 0;
    for n in 0..150 {
        count += u32::from(allowed(n).await.is_ok());
    }
    assert_eq!(count, NOTICES_PER_ADDRESS_MAX);
    let restarted = ContactBook::of(&RecipientStore::open(url).await.unwrap());
    let by_operator = restarted.permit_operators_notice(&address(OUTSIDE), later).await.unwrap();
    assert_eq!(by_operator.map(drop), Err(NoPermit::AddressLimit), "whoever it is that tells");
    assert_eq!(scene.may_tell(OUTSIDE, later + DAY - MOMENT).await, Err(NoPermit::AddressLimit));
    assert_eq!(scene.may_tell(OUTSIDE, later + DAY).await, Ok(()));

    let mut accounts = Vec::new();
    for n in 0..2 * NOTICES_PER_CUSTOMER_MAX {
        accounts.push(mailbox(&format!("m{n}@maple.test")));
    }
    apply(&scene.recipients, accounts).await;
    let hour = NOW + DAY * 20;
    let mut told = 0;
    for n in 0..2 * NOTICES_PER_CUSTOMER_MAX {
        told += u32::from(scene.may_tell(&format!("m{n}@maple.test"), hour).await.is_ok());
    }
    assert_eq!(told, NOTICES_PER_CUSTOMER_MAX, "no customer fills its server, or takes the notices of others");
    assert_eq!(scene.may_tell("bob@maple.test", hour + HOUR).await, Ok(()));
}

async fn copies_are_few(scene: &Scene) {
    let operator = address("ops@outside.test");
    let mut count = 0;
    for _ in 0..150 {
        count += u32::from(scene.book.permit_copy(scene.maple.1, &operator, NOW).await.unwrap().is_ok());
    }
    assert_eq!(count, COPIES_PER_DOMAIN_MAX);
    assert!(scene.book.permit_copy(scene.oak.1, &operator, NOW).await.unwrap().is_ok(), "of each domain");
    assert!(scene.book.permit_copy(scene.maple.1, &operator, NOW + HOUR).await.unwrap().is_ok());
    assert!(scene.book.permit_operators_notice(&operator, NOW).await.unwrap().is_ok(), "copies are no notices");
}

async fn the_operator_confirms(scene: &Scene) {
    let tenants = Tenants::of(&scene.recipients);
    let contact =
        |email: &str| ContactFields { email: email.to_owned(), is_technical: true, ..ContactFields::default() };
    tenants
        .add_contact(ContactOwner::Customer, scene.maple.0.0, &contact("tech@else.test"), NOW)
        .await
        .unwrap()
        .unwrap();
    tenants.add_contact(ContactOwner::Domain, scene.oak.1.0, &contact("tech@else.test"), NOW).await.unwrap().unwrap();
    tenants.add_contact(ContactOwner::Customer, scene.oak.0.0, &contact("bob@oak.test"), NOW).await.unwrap().unwrap();
    tenants.add_contact(ContactOwner::Domain, scene.maple.1.0, &contact("bob@maple.test"), NOW).await.unwrap().unwrap();
    let bill = ContactFields { is_technical: false, ..contact("bill@else.test") };
    tenants.add_contact(ContactOwner::Customer, scene.maple.0.0, &bill, NOW).await.unwrap().unwrap();
    let standings = async || -> Vec<(String, ContactStanding)> {
        let known = scene.book.contacts(0, 100).await.unwrap();
        known.into_iter().map(|contact| (contact.address, contact.standing)).collect()
    };
    let at = |email: &str, standing| (email.to_owned(), standing);
    let expected = |outside| {
        vec![
            at("tech@else.test", outside),
            at("tech@else.test", outside),
            at("bob@oak.test", ContactStanding::Unlisted),
            at("bob@maple.test", ContactStanding::Own),
        ]
    };
    assert_eq!(standings().await, expected(ContactStanding::Unconfirmed));
    let to_ask = scene.book.contacts_to_ask(0, 100, NOW).await.unwrap();
    assert_eq!(to_ask.iter().filter(|contact| contact.standing == ContactStanding::Unconfirmed).count(), 2);
    assert_eq!(scene.book.confirm_for_all_who_name(&address("nobody@else.test"), NOW).await.unwrap(), 0);
    assert_eq!(scene.book.confirm_for_all_who_name(&address("Tech@else.test"), NOW).await.unwrap(), 2);
    assert_eq!(standings().await, expected(ContactStanding::Confirmed));
    assert!(scene.book.contacts_to_ask(0, 100, NOW).await.unwrap().iter().all(|one| one.address != "tech@else.test"));
    let of_third = owner(&scene.recipients, "d0.test").await;
    let of_third = scene.book.permit_notice(ContactOf::Domain(of_third.1), &address("tech@else.test"), NOW).await;
    assert_eq!(of_third.unwrap().map(drop), Err(NoPermit::Unconfirmed), "who names it later is not meant");
}

async fn two_handles_do_not_both_take_the_last_place(scene: &Scene, url: &StoreUrl) {
    let other = ContactBook::of(&RecipientStore::open(url).await.unwrap());
    let (to, later) = (address("race@outside.test"), NOW + DAY * 30);
    let ask = async |book: &ContactBook| {
        let mut count = 0;
        for _ in 0..NOTICES_PER_ADDRESS_MAX {
            count += u32::from(book.permit_operators_notice(&to, later).await.unwrap().is_ok());
        }
        count
    };
    let (here, there) = tokio::join!(ask(&scene.book), ask(&other));
    assert_eq!(here + there, NOTICES_PER_ADDRESS_MAX);
}

async fn what_is_over_is_forgotten(scene: &Scene) {
    let much_later = NOW + CONFIRMATIONS_KEPT + DAY * 100;
    assert_eq!(scene.may_tell(OUTSIDE, much_later).await, Ok(()));
    scene.book.forget(much_later).await.unwrap();
    assert_eq!(scene.may_tell(OUTSIDE, much_later).await, Err(NoPermit::Unconfirmed), "no contact has it any more");
    let (of_maple, tech) = (ContactOf::Domain(scene.maple.1), address("tech@else.test"));
    let of_maple = scene.book.permit_notice(of_maple, &tech, much_later).await;
    assert_eq!(of_maple.unwrap().map(drop), Ok(()), "a contact has it still");
    assert_eq!(scene.may_ask(scene.oak.0, "victim@outside.test", "again", much_later).await, Ok(()));
}
