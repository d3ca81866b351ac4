//! Contacts: who is asked, what the mail says, what its link does, and what the operator says instead.

use crate::day::{Day, NOW, addresses, name};
use crate::tenancy::{admin, domain, operator};
use doorlist_actions::{
    AccountAdd, AdminCreate, AdminOf, ContactConfirm, ContactConfirmed, ContactList, ContactStanding, ErrorKind,
    KnownContact, Response,
};
use doorlist_actions::{Actions, NewAdmin};
use doorlist_core::access::{CustomerId, Scope};
use doorlist_core::address::Address;
use doorlist_store::contact_book::{ContactOf, NoPermit};
use doorlist_store::tenants::{ContactFields, ContactOwner, CustomerPatch};
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const OUTSIDE: &str = "victim@else.test";

fn technical(email: &str) -> ContactFields {
    ContactFields { email: email.to_owned(), is_technical: true, ..ContactFields::default() }
}

impl Day {
    /// Whom mails were sent to since this was last asked, and what they said.
    fn mails(&self) -> Vec<(Vec<Address>, String)> {
        self.world.told.lock().unwrap().drain(..).map(|(to, _, text)| (to, text)).collect()
    }

    async fn may_tell(&self, customer: CustomerId, to: &str) -> Result<(), NoPermit> {
        let of = ContactOf::Customer(customer);
        let permit = self.services.contacts.permit_notice(of, &to.parse().unwrap(), self.world.now()).await;
        permit.unwrap().map(drop)
    }

    async fn contacts(&self, unconfirmed: bool) -> Vec<KnownContact> {
        match self.ask(ContactList { unconfirmed, after: 0 }).await.unwrap() {
            Response::Contacts(page) => page.contacts,
            other => panic!("{other:?}"),
        }
    }
}

async fn contact(actions: &Actions, customer: CustomerId, email: &str) {
    actions.create_contact(ContactOwner::Customer, customer.0, &technical(email)).await.unwrap();
}

/// The token in the one link of a mail.
fn token(text: &str) -> String {
    let (_, rest) = text.split_once("https://mx.example.test/contact/").unwrap_or_else(|| panic!("no link: {text}"));
    rest.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn an_outside_contact_gets_one_mail_that_asks_and_its_link_confirms_once() {
    let day = Day::begin().await;
    let boss = operator(&day).await;
    let (tenant, customer) = admin(&day, &boss, "maple").await;
    contact(&tenant, customer, OUTSIDE).await;
    let [(to, text)] = day.mails().try_into().unwrap();
    assert_eq!(to, addresses(&[OUTSIDE]));
    assert!(text.contains("The customer \"maple\"\nof the mail gateway at https://mx.example.test\n"), "{text}");
    assert_eq!(text.matches("://").count(), 2, "no link but ours: {text}");
    for _ in 0..90 {
        assert_eq!(day.may_tell(customer, OUTSIDE).await, Err(NoPermit::Unconfirmed));
        contact(&tenant, customer, OUTSIDE).await;
        day.services.sweep().await.unwrap();
    }
    assert!(day.mails().is_empty(), "one mail in all");

    let token = token(&text);
    let asked = day.services.confirmation_link(&token).await.unwrap();
    assert_eq!((asked.address.to_string().as_str(), asked.customer.as_str()), (OUTSIDE, "maple"));
    assert_eq!(day.may_tell(customer, OUTSIDE).await, Err(NoPermit::Unconfirmed), "looking confirms nothing");
    day.services.confirm_by_link(&token).await.unwrap();
    assert_eq!(day.may_tell(customer, OUTSIDE).await, Ok(()));
    for used in [&token, "nonsense"] {
        assert_eq!(day.services.confirm_by_link(used).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(day.services.confirmation_link(used).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn only_technical_contacts_outside_of_the_own_domains_are_asked_and_a_name_is_cleaned() {
    let day = Day::begin().await;
    let boss = operator(&day).await;
    let (tenant, customer) = admin(&day, &boss, "maple").await;
    let id = domain(&boss, "maple.test", customer).await.unwrap();
    day.done(AccountAdd { addresses: addresses(&["it@maple.test"]), list: false }).await;
    let bill = ContactFields { is_technical: false, ..technical(OUTSIDE) };
    tenant.create_contact(ContactOwner::Customer, customer.0, &bill).await.unwrap();
    for email in ["it@maple.test", "unlisted@maple.test", "postmaster@maple.test"] {
        tenant.create_contact(ContactOwner::Domain, id, &technical(email)).await.unwrap();
    }
    assert!(day.mails().is_empty());
    let patch =
        CustomerPatch { name: Some("Win <b>now</b> at http://evil.test/".to_owned()), ..CustomerPatch::default() };
    let found = boss.view().customer(customer.0).await.unwrap();
    boss.update_customer(&boss.editable(found).unwrap(), &patch).await.unwrap();
    tenant.create_contact(ContactOwner::Domain, id, &technical(OUTSIDE)).await.unwrap();
    let [(_, text)] = day.mails().try_into().unwrap();
    assert!(text.starts_with("The customer \"Win b now b at http evil[.]test\"\nof the mail gateway"), "{text}");
}

#[tokio::test]
async fn who_was_there_before_or_let_the_link_run_out_is_asked_by_the_sweep() {
    let day = Day::begin().await;
    let boss = operator(&day).await;
    let (_, customer) = admin(&day, &boss, "maple").await;
    // As an upgrade finds it: nobody asked when it was written.
    let tenants = &day.services.tenants;
    tenants.add_contact(ContactOwner::Customer, customer.0, &technical(OUTSIDE), NOW).await.unwrap().unwrap();
    let mut mails = 0;
    for _ in 0..100 {
        day.services.sweep().await.unwrap();
        mails += day.mails().len();
        day.world.pass(DAY);
    }
    assert_eq!(mails, 3, "three in all");
    let contacts = day.contacts(true).await;
    assert_eq!((contacts[0].address.as_str(), contacts[0].standing), (OUTSIDE, ContactStanding::Unconfirmed));
    assert!(contacts[0].asked.is_some());

    let confirm = |address: &str| ContactConfirm { address: address.parse().unwrap() };
    day.refused(confirm("nobody@else.test"), ErrorKind::NotFound, 3, "nothing was confirmed").await;
    let confirmed = Response::ContactConfirmed(ContactConfirmed { customers: 1 });
    assert_eq!(day.ask(confirm(OUTSIDE)).await, Ok(confirmed));
    assert_eq!(day.may_tell(customer, OUTSIDE).await, Ok(()));
    let contacts = day.contacts(true).await;
    assert!(contacts.is_empty(), "{contacts:?}");
    let contacts = day.contacts(false).await;
    assert_eq!(contacts[0].standing, ContactStanding::Confirmed);
}

#[tokio::test]
async fn without_a_name_for_links_nobody_is_asked() {
    let mut day = Day::begin().await;
    Arc::make_mut(&mut day.services).web_base = None;
    let boss = operator(&day).await;
    let (tenant, customer) = admin(&day, &boss, "maple").await;
    contact(&tenant, customer, OUTSIDE).await;
    day.services.sweep().await.unwrap();
    assert!(day.mails().is_empty());
    assert_eq!(day.may_tell(customer, OUTSIDE).await, Err(NoPermit::Unconfirmed));
}

#[tokio::test]
async fn an_admin_counts_as_confirmed_by_the_operators_word_and_not_by_a_tenants() {
    let day = Day::begin().await;
    let boss = operator(&day).await;
    let (tenant, customer) = admin(&day, &boss, "maple").await;
    assert_eq!(day.may_tell(customer, "admin@maple.test").await, Ok(()), "made by an operator");
    let (_, other) = admin(&day, &boss, "oak").await;
    assert_eq!(day.may_tell(other, "admin@maple.test").await, Err(NoPermit::Unconfirmed), "of another customer");
    domain(&boss, "maple.test", customer).await.unwrap();
    for (email, of) in [
        ("one@else.test", AdminOf::Customer("maple".to_owned())),
        ("two@else.test", AdminOf::Domain(name("maple.test"))),
        ("three@else.test", AdminOf::Everything),
    ] {
        let email_of = email.parse().unwrap();
        day.ask(AdminCreate { email: email_of, of, auditor: false, password: None }).await.unwrap();
        assert_eq!(day.may_tell(customer, email).await, Ok(()), "{email}");
    }
    let new = NewAdmin::of(OUTSIDE);
    tenant.create_admin(Scope::Customer(customer), &new).await.unwrap();
    assert_eq!(day.may_tell(customer, OUTSIDE).await, Err(NoPermit::Unconfirmed));
}
