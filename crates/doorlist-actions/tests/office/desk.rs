//! The desk: what each caller may do, whose a domain is, names that change, and the audit.

use crate::day::{Day, local, name};
use doorlist_actions::desk::{
    AccountPatch, Credentials, Desk, DeskError, DomainPatch, NewAccount, NewAdmin, NewDomain, PROOF_WORD,
};
use doorlist_actions::{AdminOf, AuditEvent, ErrorKind, NewApiKey, Request, Response};
use doorlist_core::access::{CustomerId, Scope};
use doorlist_store::tenants::{AccountRow, CustomerFields, Placed, Query};
use std::net::IpAddr;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

async fn key(day: &Day, login: &str, change: impl Fn(&mut NewApiKey)) -> String {
    let mut wish = NewApiKey {
        login: login.to_owned(),
        name: String::new(),
        read_only: false,
        domains: Vec::new(),
        networks: Vec::new(),
        days: None,
    };
    change(&mut wish);
    match day.ask(Request::KeyCreate(Box::new(wish))).await.unwrap() {
        Response::KeyMade(made) => made.key,
        other => panic!("{other:?}"),
    }
}

async fn desk_of(day: &Day, login: &str, key: &str) -> Option<Desk> {
    let shown = Credentials { login: Some(login), key, from: Some(HERE) };
    day.office.identify(&shown).await.unwrap().map(|caller| Desk::of(&day.office, caller))
}

async fn operator(day: &Day) -> Desk {
    let (email, of) = ("ops@example.test".parse().unwrap(), AdminOf::Everything);
    day.ask(Request::AdminCreate { email, of, auditor: false, password: None }).await.unwrap();
    let key = key(day, "ops@example.test", |_| {}).await;
    desk_of(day, "ops@example.test", &key).await.unwrap()
}

/// An admin of a customer of his own.
async fn admin(day: &Day, operator: &Desk, customer: &str) -> (Desk, CustomerId) {
    let fields = CustomerFields { name: customer.to_owned(), ..CustomerFields::default() };
    let id = operator.create_customer(fields, None).await.unwrap();
    let email = format!("admin@{customer}.test");
    let new = NewAdmin { email: email.clone(), username: None, active: true };
    let scope = Scope::Customer(id);
    let made = operator.create_admin(scope, &new).await.unwrap();
    let key = operator.admin_key(scope, made.row.id).await.unwrap();
    (desk_of(day, &email, &key).await.unwrap(), id)
}

async fn domain(desk: &Desk, domain: &str, customer: CustomerId) -> Result<u32, DeskError> {
    let new = NewDomain { name: name(domain), customer, patch: DomainPatch::default() };
    desk.create_domain(&new).await.map(|made| made.row.id.0)
}

async fn account(desk: &Desk, domain: u32, name: &str) -> Placed<AccountRow> {
    let domain = doorlist_core::domain::DomainId(domain);
    let new = NewAccount { domain, local: local(name), patch: AccountPatch::default() };
    desk.create_account(&new).await.unwrap()
}

#[tokio::test]
async fn a_domain_is_the_operators_word_or_proven_and_is_one_tenants() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((ann, a), (bob, b)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);

    let refused = domain(&ann, "one.test", a).await.unwrap_err();
    let DeskError::Invalid { field: "name", message } = refused else { panic!("{refused:?}") };
    let at = message.find(PROOF_WORD).unwrap();
    let record = message[at..].split('"').next().unwrap().to_owned();
    // Somebody else's record proves nothing for another customer.
    day.world.texts.lock().unwrap().insert("_doorlist.one.test".to_owned(), vec![record]);
    assert!(domain(&ann, "one.test", a).await.is_ok());
    assert!(matches!(domain(&bob, "one.test", b).await, Err(DeskError::Invalid { field: "name", .. })));
    assert!(domain(&ops, "two.test", b).await.is_ok());
    assert!(ann.view().domain_of_name(&name("two.test")).await.unwrap().is_none());
    assert!(bob.view().domain_of_name(&name("two.test")).await.unwrap().is_some());
    // Whose customer it would be is not theirs to say.
    assert_eq!(domain(&bob, "three.test", a).await, Err(DeskError::NoObject { noun: "customer", id: a.0 }));
}

#[tokio::test]
async fn a_key_does_what_it_is_for_and_no_more() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (_, customer) = admin(&day, &ops, "a").await;
    let id = domain(&ops, "one.test", customer).await.unwrap();
    domain(&ops, "two.test", customer).await.unwrap();

    let looking = key(&day, "ops@example.test", |wish| (wish.read_only, wish.name) = (true, "look".to_owned())).await;
    let looking = desk_of(&day, "ops@example.test", &looking).await.unwrap();
    assert_eq!(domain(&looking, "three.test", customer).await, Err(DeskError::Forbidden));
    assert_eq!(looking.view().domains(&Query { limit: 10, ..Query::default() }).await.unwrap().total, 2);

    let one = |wish: &mut NewApiKey| (wish.domains, wish.name) = (vec![name("one.test")], "one".to_owned());
    let one = desk_of(&day, "ops@example.test", &key(&day, "ops@example.test", one).await).await.unwrap();
    assert_eq!(one.view().domains(&Query { limit: 10, ..Query::default() }).await.unwrap().total, 1);
    account(&one, id, "ann").await;
    assert_eq!(
        domain(&one, "three.test", customer).await,
        Err(DeskError::NoObject { noun: "customer", id: customer.0 })
    );

    let elsewhere = |wish: &mut NewApiKey| wish.networks = vec!["192.0.2.0/24".parse().unwrap()];
    let elsewhere = key(&day, "ops@example.test", elsewhere).await;
    assert!(desk_of(&day, "ops@example.test", &elsewhere).await.is_none());
    let short = key(&day, "ops@example.test", |wish| wish.days = Some(1)).await;
    assert!(desk_of(&day, "ops@example.test", &short).await.is_some());
    assert!(desk_of(&day, "other@example.test", &short).await.is_none(), "a key of another login");
    day.world.pass(std::time::Duration::from_hours(24));
    assert!(desk_of(&day, "ops@example.test", &short).await.is_none(), "a key that has ended");
}

/// A name that another tenant adds later brings nothing of the earlier one: no file, no plan, no entry of a log.
#[tokio::test]
async fn a_domain_that_comes_again_is_another() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((_, a), (_, b)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);
    let one = domain(&ops, "one.test", a).await.unwrap();
    let link = async || {
        let wish = Request::ImportRequest { domain: name("one.test"), source: "staff".to_owned(), days: None };
        match day.ask(wish).await.unwrap() {
            Response::UploadRequest(link) => link.token,
            other => panic!("{other:?}"),
        }
    };
    day.office.upload(&link().await, "staff.txt", b"ann\n").await.unwrap();
    let unused = link().await;
    let logs = async || {
        let domain = || Some(name("one.test"));
        let Response::Plans(plans) =
            day.ask(Request::PlanList { domain: domain(), before: None, limit: 10 }).await.unwrap()
        else {
            panic!()
        };
        let Response::Changes(changes) =
            day.ask(Request::ChangesList { domain: domain(), before: None, limit: 10 }).await.unwrap()
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
    assert!(day.office.upload_link(&unused).await.is_err());
    let Response::Plans(plans) = day.ask(Request::PlanList { domain: None, before: None, limit: 10 }).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(plans[0].state, doorlist_store::directory::PlanState::Discarded);
}

/// Who makes a key of a login knows it. What others grant the login is not that key's.
#[tokio::test]
async fn a_key_has_what_those_could_give_who_know_it() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((ann, a), (bob, b)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);
    let (one, two) = (domain(&ops, "one.test", a).await.unwrap(), domain(&ops, "two.test", b).await.unwrap());
    let (of_a, of_b) = (Scope::Customer(a), Scope::Customer(b));
    let sees = async |key: &str| {
        let Some(desk) = desk_of(&day, "x@example.test", key).await else { return (false, false) };
        (desk.view().domain(one).await.unwrap().is_some(), desk.view().domain(two).await.unwrap().is_some())
    };

    let new = NewAdmin { email: "x@example.test".to_owned(), username: None, active: true };
    let x = ann.create_admin(of_a, &new).await.unwrap().row.id;
    let early = ann.admin_key(of_a, x).await.unwrap();
    bob.create_admin(of_b, &new).await.unwrap();
    assert_eq!(sees(&early).await, (true, false), "what came later is not the key's");
    let of_bob = bob.admin_key(of_b, x).await.unwrap();
    assert_eq!((sees(&early).await, sees(&of_bob).await), ((true, false), (false, true)), "a key of each tenant");
    let own = desk_of(&day, "x@example.test", &early).await.unwrap().admin_key(of_a, x).await.unwrap();
    assert_eq!((sees(&early).await, sees(&own).await), ((false, false), (true, false)), "its own, no more than before");
    let both = ops.admin_key(of_b, x).await.unwrap();
    assert_eq!(
        (sees(&own).await, sees(&of_bob).await, sees(&both).await),
        ((false, false), (false, false), (true, true))
    );
    ann.admin_key(of_a, x).await.unwrap();
    assert_eq!(sees(&both).await, (false, true), "a new key takes what it has from the former one");

    // Made an auditor, or what it is already, it has the same key; raised to an admin, it needs another.
    let made_again = async |auditor| {
        let of = AdminOf::Customer("b".to_owned());
        let email = "x@example.test".parse().unwrap();
        day.ask(Request::AdminCreate { email, of, auditor, password: None }).await.unwrap();
        sees(&both).await
    };
    assert_eq!(made_again(false).await, (false, true));
    assert_eq!(made_again(true).await, (false, true));
    assert_eq!(made_again(false).await, (false, false));
}

/// What one tenant says of a login is said of its own admin alone.
#[tokio::test]
async fn nobody_bars_the_admin_of_another() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let ((ann, a), (bob, b)) = (admin(&day, &ops, "a").await, admin(&day, &ops, "b").await);
    let new = |active| NewAdmin { email: "x@example.test".to_owned(), username: None, active };
    let x = ann.create_admin(Scope::Customer(a), &new(false)).await.unwrap().row.id;
    let of_bob = bob.create_admin(Scope::Customer(b), &new(true)).await.unwrap().row;
    assert_eq!((of_bob.id, of_bob.active), (x, true));
    let key = bob.admin_key(Scope::Customer(b), x).await.unwrap();
    assert!(desk_of(&day, "x@example.test", &key).await.is_some());
    let barred = ann.admin_key(Scope::Customer(a), x).await.unwrap();
    assert!(desk_of(&day, "x@example.test", &barred).await.is_none());
    ann.create_admin(Scope::Customer(a), &new(true)).await.unwrap();
    assert!(desk_of(&day, "x@example.test", &barred).await.is_some());
    // An address is nobody's login name but its holder's.
    let taken = NewAdmin { username: Some("Victim@b.test".to_owned()), ..new(true) };
    let refused = ann.create_admin(Scope::Customer(a), &taken).await;
    assert!(matches!(refused, Err(DeskError::Invalid { field: "username", .. })), "{refused:?}");
}

#[tokio::test]
async fn a_limited_key_makes_no_key_with_less_limits() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (ann, a) = admin(&day, &ops, "a").await;
    let limits = |wish: &mut NewApiKey| {
        (wish.name, wish.days, wish.networks) = ("short".to_owned(), Some(1), vec!["127.0.0.0/8".parse().unwrap()]);
    };
    let short = key(&day, "admin@a.test", limits).await;
    let short = desk_of(&day, "admin@a.test", &short).await.unwrap();
    let itself = NewAdmin { email: "admin@a.test".to_owned(), username: None, active: true };
    let id = ann.create_admin(Scope::Customer(a), &itself).await.unwrap().row.id;
    let made = short.admin_key(Scope::Customer(a), id).await.unwrap();
    let elsewhere = Credentials { login: None, key: &made, from: Some("192.0.2.1".parse().unwrap()) };
    assert!(day.office.identify(&elsewhere).await.unwrap().is_none());
    assert!(desk_of(&day, "admin@a.test", &made).await.is_some());
    day.world.pass(std::time::Duration::from_hours(24));
    assert!(desk_of(&day, "admin@a.test", &made).await.is_none());
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

    let entry = match day.ask(Request::ChangesList { domain: None, before: None, limit: 1 }).await.unwrap() {
        Response::Changes(changes) => changes[0].id,
        other => panic!("{other:?}"),
    };
    day.done(Request::ChangesUndo { id: entry }).await;
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
    assert!(matches!(ops.users_to_alias(&target, &[ann]).await, Err(DeskError::Invalid { .. })), "of itself");
}

#[tokio::test]
async fn what_was_deleted_is_refused_until_it_is_added_again_and_keeps_nothing() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (_, customer) = admin(&day, &ops, "a").await;
    let id = domain(&ops, "one.test", customer).await.unwrap();
    let ann = account(&ops, id, "ann").await;
    let key = ops.account_key(&ops.editable(Some(ann.clone())).unwrap()).await.unwrap();
    assert!(desk_of(&day, "ann@one.test", &key).await.is_some());
    ops.remove_account(&ops.removable(Some(ann)).unwrap()).await.unwrap();
    assert_eq!(day.check("ann@one.test").await, (3, "vetoed"));
    assert!(desk_of(&day, "ann@one.test", &key).await.is_none());
    account(&ops, id, "ann").await;
    assert_eq!(day.check("ann@one.test").await.0, 0);
    assert!(desk_of(&day, "ann@one.test", &key).await.is_none(), "an old key of a new account");
}

#[tokio::test]
async fn the_audit_tells_whether_it_is_whole() {
    let day = Day::begin().await;
    let event = |status| AuditEvent {
        time: day.world.now(),
        client: HERE,
        login: Some("ops\n2 forged".to_owned()),
        key: None,
        method: "POST".to_owned(),
        path: "/api/v1/domain/".to_owned(),
        status,
    };
    day.office.audit_append(&[event(201), event(400)]).await.unwrap();
    day.office.audit_append(&[event(204)]).await.unwrap();
    let lines = match day.ask(Request::AuditList { before: None, limit: 10 }).await.unwrap() {
        Response::AuditLines(lines) => lines,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        lines.iter().map(|line| (line.number, line.event.status)).collect::<Vec<_>>(),
        [(3, 204), (2, 400), (1, 201)]
    );
    let verdict = |response| match response {
        Response::AuditVerified(verdict) => (verdict.lines, verdict.broken_at),
        other => panic!("{other:?}"),
    };
    assert_eq!(verdict(day.ask(Request::AuditVerify).await.unwrap()), (3, None));
    // A line that nobody sealed.
    let forged = doorlist_store::audit::AuditEntry {
        number: 4,
        time: day.world.now(),
        entry: serde_json::to_string(&event(200)).unwrap(),
        hash: "made up".to_owned(),
    };
    day.office.audit.append(0, &[forged]).await.unwrap();
    day.office.audit_append(&[event(201)]).await.unwrap();
    assert_eq!(verdict(day.ask(Request::AuditVerify).await.unwrap()), (5, Some(4)));
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
    let changes = match day.ask(Request::ChangesList { domain: None, before: None, limit: 1 }).await.unwrap() {
        Response::Changes(changes) => changes,
        other => panic!("{other:?}"),
    };
    assert_eq!((changes[0].added, changes[0].actor.name.as_str()), (500, "ops@example.test"));
    assert_eq!(day.done(Request::ChangesUndo { id: changes[0].id }).await.removed, 500);
    day.refused(Request::KeyRevoke { id: 99 }, ErrorKind::NotFound, 3, "apikey list").await;
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
        day.office.directory.apply(&set, &actor, None).await.unwrap()
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
        day.office.directory.account(&address).await.unwrap().unwrap().entry.record.account
    };
    assert_eq!(leads_to("d").await, None, "an alias must not lead to an alias");
    assert_eq!(leads_to("a").await, Some(local("d")));
}
