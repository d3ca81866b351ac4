//! What each caller may do, whose a domain is, names that change.

use crate::day::{Day, local, name};
use doorlist_actions::{
    AccountPatch, ActionError, Actions, Credentials, DomainPatch, NewAccount, NewAdmin, NewDomain, VERIFICATION_WORD,
};
use doorlist_actions::{
    AdminCreate, AdminOf, ChangesList, ChangesUndo, ErrorKind, ImportRequest, KeyRevoke, NewApiKey, PlanList, Response,
};
use doorlist_core::access::{CustomerId, Scope};
use doorlist_store::tenants::{AccountRow, CustomerFields, CustomerPatch, Placed, ResellerFields, VERIFICATIONS_MAX};
use std::net::IpAddr;

pub(crate) const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

pub(crate) async fn key(day: &Day, login: &str, change: impl Fn(&mut NewApiKey)) -> String {
    let mut wish = NewApiKey {
        login: login.to_owned(),
        name: String::new(),
        read_only: false,
        domains: Vec::new(),
        networks: Vec::new(),
        days: None,
    };
    change(&mut wish);
    match day.ask(Box::new(wish)).await.unwrap() {
        Response::KeyMade(made) => made.key,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn actions_of(day: &Day, login: &str, key: &str) -> Option<Actions> {
    let shown = Credentials { login: Some(login), key, from: Some(HERE) };
    day.services.identify(&shown).await.unwrap().map(|caller| Actions::of(&day.services, caller))
}

pub(crate) async fn operator(day: &Day) -> Actions {
    let (email, of) = ("ops@example.test".parse().unwrap(), AdminOf::Everything);
    day.ask(AdminCreate { email, of, auditor: false, password: None }).await.unwrap();
    let key = key(day, "ops@example.test", |_| {}).await;
    actions_of(day, "ops@example.test", &key).await.unwrap()
}

/// An admin of a customer of his own.
pub(crate) async fn admin(day: &Day, operator: &Actions, customer: &str) -> (Actions, CustomerId) {
    let fields = CustomerFields { name: customer.to_owned(), ..CustomerFields::default() };
    let id = operator.create_customer(fields, None).await.unwrap();
    let email = format!("admin@{customer}.test");
    let new = NewAdmin::of(&email);
    let scope = Scope::Customer(id);
    let made = operator.create_admin(scope, &new).await.unwrap();
    let key = operator.admin_key(scope, made.row.id).await.unwrap();
    (actions_of(day, &email, &key).await.unwrap(), id)
}

pub(crate) async fn domain(actions: &Actions, domain: &str, customer: CustomerId) -> Result<u32, ActionError> {
    let new = NewDomain { name: name(domain), customer, patch: DomainPatch::default() };
    actions.create_domain(&new).await.map(|made| made.row.id.0)
}

pub(crate) async fn account(actions: &Actions, domain: u32, name: &str) -> Placed<AccountRow> {
    let domain = doorlist_core::domain::DomainId(domain);
    let new = NewAccount { domain, local: local(name), patch: AccountPatch::default() };
    actions.create_account(&new).await.unwrap()
}

#[tokio::test]
async fn a_domain_is_the_operators_word_or_proven_and_is_one_tenants() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((ann, a), (bob, b)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);

    let refused = domain(&ann, "one.test", a).await.unwrap_err();
    let ActionError::Invalid { field: "name", message } = refused else { panic!("{refused:?}") };
    let at = message.find(VERIFICATION_WORD).unwrap();
    let record = message[at..].split('"').next().unwrap().to_owned();
    // Somebody else's record proves nothing for another customer.
    day.world.texts.lock().unwrap().insert("_doorlist.one.test".to_owned(), vec![record]);
    assert!(domain(&ann, "one.test", a).await.is_ok());
    assert!(matches!(domain(&bob, "one.test", b).await, Err(ActionError::Invalid { field: "name", .. })));
    assert!(domain(&ops, "two.test", b).await.is_ok());
    assert!(ann.view().domain_of_name(&name("two.test")).await.unwrap().is_none());
    assert!(bob.view().domain_of_name(&name("two.test")).await.unwrap().is_some());
    // Whose customer it would be is not theirs to say.
    assert_eq!(domain(&bob, "three.test", a).await, Err(ActionError::NoObject { resource: "customer", id: a.0 }));
}

/// A name that another tenant adds later brings nothing of the earlier one: no file, no plan, no entry of a log.
#[tokio::test]
async fn a_domain_that_comes_again_is_another() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((_, a), (_, b)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);
    let one = domain(&ops, "one.test", a).await.unwrap();
    let link = async || {
        let wish = ImportRequest { domain: name("one.test"), source: "staff".to_owned(), days: None };
        match day.ask(wish).await.unwrap() {
            Response::UploadRequest(link) => link.token,
            other => panic!("{other:?}"),
        }
    };
    day.services.upload(&link().await, "staff.txt", b"ann\n".to_vec()).await.unwrap();
    let unused = link().await;
    let logs = async || {
        let domain = || Some(name("one.test"));
        let Response::Plans(plans) = day.ask(PlanList { domain: domain(), before: None, limit: 10 }).await.unwrap()
        else {
            panic!()
        };
        let Response::Changes(changes) =
            day.ask(ChangesList { domain: domain(), before: None, limit: 10 }).await.unwrap()
        else {
            panic!()
        };
        (plans.len(), changes.len())
    };
    assert_eq!(logs().await, (1, 1));

    let removed = ops.editable(ops.view().domain(one).await.unwrap()).unwrap();
    ops.remove_domain(&removed).await.unwrap();
    day.world.pass(std::time::Duration::from_secs(1));
    domain(&ops, "one.test", b).await.unwrap();
    assert_eq!(logs().await, (0, 1), "its own beginning");
    assert!(day.services.upload_link(&unused).await.is_err());
    let Response::Plans(plans) = day.ask(PlanList { domain: None, before: None, limit: 10 }).await.unwrap() else {
        panic!()
    };
    assert_eq!(plans[0].state, doorlist_store::recipients::PlanState::Discarded);
}

#[tokio::test]
async fn a_domain_alias_stays_itself_under_another_name_and_of_another_domain() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (_, a) = admin(&day, &ops, "a").await;
    let (one, two) = (domain(&ops, "one.test", a).await.unwrap(), domain(&ops, "two.test", a).await.unwrap());
    let (one, two) = (doorlist_core::domain::DomainId(one), doorlist_core::domain::DomainId(two));
    let made = ops.create_domain_alias(one, &name("other.test"), true).await.unwrap().row;
    let mut last = made.clone();
    for (domain, new_name) in [(one, "renamed.test"), (two, "renamed.test"), (one, "again.test")] {
        let found = ops.editable(ops.view().domain_alias(last.id).await.unwrap()).unwrap();
        last = ops.update_domain_alias(&found, domain, &name(new_name), true).await.unwrap().row;
        let expected = (made.id, made.created, domain, name(new_name));
        assert_eq!((last.id, last.created, last.domain, last.name.clone()), expected);
    }
}

/// What was seen before somebody else's change is not written back over it.
#[tokio::test]
async fn a_field_that_is_not_given_stays_as_others_made_it() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (ann, a) = admin(&day, &ops, "a").await;
    let other = ops.create_reseller(&ResellerFields { name: "other".to_owned(), ..Default::default() }).await.unwrap();
    let seen = ops.editable(ops.view().customer(a.0).await.unwrap()).unwrap();
    let by_ops = ops.editable(ops.view().customer(a.0).await.unwrap()).unwrap();
    let moved = CustomerPatch { reseller: Some(other), name: Some("moved".to_owned()), ..CustomerPatch::default() };
    ops.update_customer(&by_ops, &moved).await.unwrap();
    // A client that sends the whole object sends whose it was, too.
    let whole = CustomerPatch { reseller: Some(seen.row().reseller), allow_branding: Some(true), ..Default::default() };
    ops.update_customer(&seen, &whole).await.unwrap();
    let now = ops.view().customer(a.0).await.unwrap().unwrap().row;
    assert_eq!((now.reseller, now.name.as_str(), now.allow_branding), (other, "moved", true));

    let id = domain(&ops, "one.test", a).await.unwrap();
    let zoe = account(&ops, id, "zoe").await.row.id;
    let seen = ann.editable(ann.view().account(zoe).await.unwrap()).unwrap();
    let limit = AccountPatch { message_max: Some(Some(5)), ..AccountPatch::default() };
    ops.update_account(&ops.editable(ops.view().account(zoe).await.unwrap()).unwrap(), &limit).await.unwrap();
    ann.update_account(&seen, &AccountPatch { priority: Some(3), ..AccountPatch::default() }).await.unwrap();
    let now = ops.view().account(zoe).await.unwrap().unwrap().row;
    assert_eq!((now.message_max, now.priority), (Some(5), Some(3)));
}

#[tokio::test]
async fn a_customer_waits_for_so_many_proofs_and_no_more() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (ann, a) = admin(&day, &ops, "a").await;
    for number in 0..VERIFICATIONS_MAX {
        domain(&ann, &format!("d{number}.test"), a).await.unwrap_err();
    }
    let ActionError::Invalid { message, .. } = domain(&ann, "more.test", a).await.unwrap_err() else { panic!() };
    assert!(message.contains("1000 domains"), "{message}");
    let ActionError::Invalid { message, .. } = domain(&ann, "d7.test", a).await.unwrap_err() else { panic!() };
    assert!(message.contains(VERIFICATION_WORD), "one that waits already is told its token again: {message}");
    day.world.pass(std::time::Duration::from_hours(31 * 24));
    let ActionError::Invalid { message, .. } = domain(&ann, "more.test", a).await.unwrap_err() else { panic!() };
    assert!(message.contains(VERIFICATION_WORD), "{message}");
}

#[tokio::test]
async fn a_new_name_keeps_the_row_and_can_be_undone() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (_, customer) = admin(&day, &ops, "a").await;
    let id = domain(&ops, "one.test", customer).await.unwrap();
    let ann = account(&ops, id, "ann").await.row.id;
    ops.create_alias(ann, &local("a")).await.unwrap();

    let found = ops.editable(ops.view().account(ann).await.unwrap()).unwrap();
    let patch = AccountPatch { local: Some(local("anna")), ..AccountPatch::default() };
    ops.update_account(&found, &patch).await.unwrap();
    let now = ops.view().account(ann).await.unwrap().unwrap().row;
    assert_eq!((now.local, now.aliases), (local("anna"), vec![local("a")]));
    assert_eq!(day.check("ann@one.test").await.0, 4);
    assert_eq!(day.check("anna@one.test").await.0, 0);
    assert_eq!(day.check("a@one.test").await.0, 0);

    let entry = match day.ask(ChangesList { domain: None, before: None, limit: 1 }).await.unwrap() {
        Response::Changes(changes) => changes[0].id,
        other => panic!("{other:?}"),
    };
    day.done(ChangesUndo { id: entry }).await;
    assert_eq!(day.check("ann@one.test").await.0, 0);
    assert_eq!(day.check("anna@one.test").await.0, 4);
    assert_eq!(day.check("a@one.test").await.0, 0);
    assert_eq!(ops.view().account(ann).await.unwrap().unwrap().row.local, local("ann"));
}

#[tokio::test]
async fn accounts_become_aliases_unless_a_directory_says_otherwise() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (_, customer) = admin(&day, &ops, "a").await;
    let id = domain(&ops, "one.test", customer).await.unwrap();
    let (ann, bob) = (account(&ops, id, "ann").await.row.id, account(&ops, id, "bob").await.row.id);
    ops.create_alias(bob, &local("b")).await.unwrap();
    let target = ops.account_to_alias(ann).await.unwrap();
    ops.users_to_alias(&target, &[bob]).await.unwrap();
    let now = ops.view().account(ann).await.unwrap().unwrap().row;
    assert_eq!(now.aliases, vec![local("bob"), local("b")]);
    assert!(ops.view().account(bob).await.unwrap().is_none());
    for address in ["ann@one.test", "bob@one.test", "b@one.test"] {
        assert_eq!(day.check(address).await.0, 0, "{address}");
    }
    let of_itself = ops.users_to_alias(&target, &[ann]).await.map_err(|error| error.kind());
    assert_eq!(of_itself, Err(ErrorKind::Refused));
}

#[tokio::test]
async fn what_was_deleted_is_refused_until_it_is_added_again_and_keeps_nothing() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (_, customer) = admin(&day, &ops, "a").await;
    let id = domain(&ops, "one.test", customer).await.unwrap();
    let ann = account(&ops, id, "ann").await;
    let key = ops.account_key(&ops.editable(Some(ann.clone())).unwrap()).await.unwrap();
    assert!(actions_of(&day, "ann@one.test", &key).await.is_some());
    ops.remove_account(&ops.removable(Some(ann)).unwrap()).await.unwrap();
    assert_eq!(day.check("ann@one.test").await, (3, "vetoed"));
    assert!(actions_of(&day, "ann@one.test", &key).await.is_none());
    account(&ops, id, "ann").await;
    assert_eq!(day.check("ann@one.test").await.0, 0);
    assert!(actions_of(&day, "ann@one.test", &key).await.is_none(), "an old key of a new account");
}

#[tokio::test]
async fn a_mass_of_accounts_is_one_change() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (_, customer) = admin(&day, &ops, "a").await;
    let id = doorlist_core::domain::DomainId(domain(&ops, "one.test", customer).await.unwrap());
    let locals: Vec<_> = (0..500).map(|number| local(&format!("user{number}"))).collect();
    assert_eq!(ops.mass_add(id, &locals).await.unwrap().added, 500);
    let again = ops.mass_add(id, &locals[..10]).await.unwrap();
    assert_eq!((again.added, again.already_listed), (0, 10));
    let changes = match day.ask(ChangesList { domain: None, before: None, limit: 1 }).await.unwrap() {
        Response::Changes(changes) => changes,
        other => panic!("{other:?}"),
    };
    assert_eq!((changes[0].added, changes[0].actor.name.as_str()), (500, "ops@example.test"));
    assert_eq!(day.done(ChangesUndo { id: changes[0].id }).await.removed, 500);
    day.refused(KeyRevoke { id: 99 }, ErrorKind::NotFound, 3, "apikey list").await;
}

#[tokio::test]
async fn what_has_aliases_becomes_none_by_the_word_of_a_file() {
    use doorlist_core::change::{Actor, Change, ChangeSet, Source, Structure, Via};
    let day = Day::with_a_domain().await;
    let claim = |who: &str, structure, source| Change::Claim {
        address: format!("{who}@example.test").parse().unwrap(),
        structure,
        source,
    };
    let file = || Source::File("y".to_owned());
    let alias_of = |who| Structure::AliasOf(local(who));
    let actor = Actor { name: "root".to_owned(), via: Via::Import };
    let apply = async |changes| {
        let set = ChangeSet { changes, summary: String::new() };
        day.services.recipients.apply(&set, &actor, None).await.unwrap()
    };
    apply(vec![
        claim("d", Structure::Mailbox, file()),
        claim("e", Structure::Mailbox, Source::Hand),
        claim("a", alias_of("d"), Source::Hand),
    ])
    .await;
    apply(vec![claim("d", alias_of("e"), file())]).await;
    let leads_to = async |who: &str| {
        let address = format!("{who}@example.test").parse().unwrap();
        day.services.recipients.account(&address).await.unwrap().unwrap().entry.record.account
    };
    assert_eq!(leads_to("d").await, None, "an alias must not lead to an alias");
    assert_eq!(leads_to("a").await, Some(local("d")));
}
