//! What a key does, whose login it is, and what tenants who share a login can do to each other.

use crate::day::{Day, name};
use crate::tenancy::{account, actions_of, admin, domain, key, operator};
use doorlist_actions::{AccountPatch, ActionError, Credentials, NewAdmin};
use doorlist_actions::{AdminCreate, AdminOf, ImportRequest, NewApiKey, Password};
use doorlist_core::access::Scope;
use doorlist_store::tenants::Query;

#[tokio::test]
async fn a_key_does_what_it_is_for_and_no_more() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (_, customer) = admin(&day, &ops, "a").await;
    let id = domain(&ops, "one.test", customer).await.unwrap();
    domain(&ops, "two.test", customer).await.unwrap();

    let looking = key(&day, "ops@example.test", |wish| (wish.read_only, wish.name) = (true, "look".to_owned())).await;
    let looking = actions_of(&day, "ops@example.test", &looking).await.unwrap();
    assert_eq!(domain(&looking, "three.test", customer).await, Err(ActionError::Forbidden));
    assert_eq!(looking.view().domains(&Query { limit: 10, ..Query::default() }).await.unwrap().total, 2);

    let one = |wish: &mut NewApiKey| (wish.domains, wish.name) = (vec![name("one.test")], "one".to_owned());
    let one = actions_of(&day, "ops@example.test", &key(&day, "ops@example.test", one).await).await.unwrap();
    assert_eq!(one.view().domains(&Query { limit: 10, ..Query::default() }).await.unwrap().total, 1);
    account(&one, id, "ann").await;
    assert_eq!(
        domain(&one, "three.test", customer).await,
        Err(ActionError::NoObject { resource: "customer", id: customer.0 })
    );

    let elsewhere = |wish: &mut NewApiKey| wish.networks = vec!["192.0.2.0/24".parse().unwrap()];
    let elsewhere = key(&day, "ops@example.test", elsewhere).await;
    assert!(actions_of(&day, "ops@example.test", &elsewhere).await.is_none());
    let short = key(&day, "ops@example.test", |wish| wish.days = Some(1)).await;
    assert!(actions_of(&day, "ops@example.test", &short).await.is_some());
    assert!(actions_of(&day, "other@example.test", &short).await.is_none(), "a key of another login");
    day.world.pass(std::time::Duration::from_hours(24));
    assert!(actions_of(&day, "ops@example.test", &short).await.is_none(), "a key that has ended");
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
        let Some(actions) = actions_of(&day, "x@example.test", key).await else { return (false, false) };
        (actions.view().domain(one).await.unwrap().is_some(), actions.view().domain(two).await.unwrap().is_some())
    };

    let new = NewAdmin::of("x@example.test");
    let x = ann.create_admin(of_a, &new).await.unwrap().row.id;
    let early = ann.admin_key(of_a, x).await.unwrap();
    // The operator's word makes one login an admin of both.
    assert_eq!(ops.create_admin(of_b, &new).await.unwrap().row.id, x);
    assert_eq!(sees(&early).await, (true, false), "what came later is not the key's");
    let of_bob = bob.admin_key(of_b, x).await.unwrap();
    assert_eq!((sees(&early).await, sees(&of_bob).await), ((true, false), (false, true)), "a key of each tenant");
    let own = actions_of(&day, "x@example.test", &early).await.unwrap().admin_key(of_a, x).await.unwrap();
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
        day.ask(AdminCreate { email, of, auditor, password: None }).await.unwrap();
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
    let (of_a, of_b) = (Scope::Customer(a), Scope::Customer(b));
    let new = |active| NewAdmin { email: "x@example.test".to_owned(), username: None, active: Some(active) };
    let x = ann.create_admin(of_a, &new(false)).await.unwrap().row.id;
    let of_bob = ops.create_admin(of_b, &new(true)).await.unwrap().row;
    assert_eq!((of_bob.id, of_bob.active), (x, true));
    let key = bob.admin_key(of_b, x).await.unwrap();
    assert!(actions_of(&day, "x@example.test", &key).await.is_some());
    let barred = ann.admin_key(of_a, x).await.unwrap();
    assert!(actions_of(&day, "x@example.test", &barred).await.is_none());
    ann.create_admin(of_a, &new(true)).await.unwrap();
    assert!(actions_of(&day, "x@example.test", &barred).await.is_some());
    // Whoever removes the admin of one leaves the other.
    ann.remove_admin(of_a, x).await.unwrap();
    assert!(actions_of(&day, "x@example.test", &barred).await.is_none());
    assert!(actions_of(&day, "x@example.test", &key).await.is_some());
    // An address is nobody's login name but its holder's.
    let taken = NewAdmin { username: Some("Victim@b.test".to_owned()), ..new(true) };
    let refused = ann.create_admin(of_a, &taken).await;
    assert!(matches!(refused, Err(ActionError::Invalid { field: "username", .. })), "{refused:?}");
}

/// Every kind of limit with everything that makes, renews or revokes credentials: nothing comes of it that is good for
/// more than the key itself, and no other key goes.
#[tokio::test]
async fn a_limited_key_makes_renews_and_revokes_nothing_beyond_its_limits() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (ann, a) = admin(&day, &ops, "a").await;
    let id = domain(&ops, "one.test", a).await.unwrap();
    let (of_a, bob) = (Scope::Customer(a), account(&ops, id, "bob").await);
    let new = |email: &str, active| NewAdmin { email: email.to_owned(), username: None, active: Some(active) };
    let itself = ann.create_admin(of_a, &new("admin@a.test", true)).await.unwrap().row.id;
    let other = ann.create_admin(of_a, &new("other@a.test", true)).await.unwrap().row.id;
    let main = ops.admin_key(of_a, itself).await.unwrap();
    let bobs = ops.account_key(&ops.editable(Some(bob.clone())).unwrap()).await.unwrap();

    type Limit = fn(&mut NewApiKey);
    let limits: [(&str, Limit); 3] = [
        ("days", |wish| wish.days = Some(1)),
        ("networks", |wish| wish.networks = vec!["127.0.0.0/8".parse().unwrap()]),
        ("domains", |wish| wish.domains = vec![name("one.test")]),
    ];
    for (called, limit) in limits {
        let key = key(&day, "admin@a.test", |wish| {
            wish.name = called.to_owned();
            limit(wish);
        });
        let key = key.await;
        let actions = actions_of(&day, "admin@a.test", &key).await.unwrap();
        let beyond = |result: Result<(), ActionError>, what: &str| {
            let is_refused =
                matches!(result, Err(ActionError::BeyondKey | ActionError::NotFound | ActionError::Forbidden));
            assert!(is_refused, "{what} with a key limited by {called}: {result:?}");
        };
        beyond(actions.admin_key(of_a, itself).await.map(drop), "its own key without limits goes");
        beyond(actions.create_admin(of_a, &new("new@a.test", true)).await.map(drop), "an admin is made");
        beyond(actions.create_admin(of_a, &new("other@a.test", false)).await.map(drop), "an admin is barred");
        beyond(actions.remove_admin(of_a, other).await, "an admin goes");
        let found = actions.editable(actions.view().account(bob.row.id).await.unwrap()).unwrap();
        beyond(actions.account_key(&found).await.map(drop), "an account's key without limits goes");
        let link = ImportRequest { domain: name("one.test"), source: "staff".to_owned(), days: Some(90) };
        let password =
            AccountPatch { password: Some(Password::new("a long password".to_owned())), ..AccountPatch::default() };
        if called == "domains" {
            // These reach no further than the domain.
            actions.update_account(&found, &password).await.unwrap();
            actions.run(link).await.unwrap();
        } else {
            beyond(actions.update_account(&found, &password).await, "a password is set");
            beyond(actions.run(link).await.map(drop), "a link is made");
        }
        assert!(
            actions_of(&day, "admin@a.test", &main).await.is_some()
                && actions_of(&day, "bob@one.test", &bobs).await.is_some()
        );
    }
    // What it makes has its own limits.
    let short = key(&day, "admin@a.test", |wish| (wish.name, wish.days) = ("short".to_owned(), Some(1))).await;
    let short = actions_of(&day, "admin@a.test", &short).await.unwrap();
    let made = short.admin_key(of_a, other).await.unwrap();
    assert!(actions_of(&day, "other@a.test", &made).await.is_some());
    let renewed = short.admin_key(of_a, other).await.unwrap();
    day.world.pass(std::time::Duration::from_hours(24));
    assert!(
        actions_of(&day, "other@a.test", &made).await.is_none()
            && actions_of(&day, "other@a.test", &renewed).await.is_none()
    );
}

#[tokio::test]
async fn a_key_for_a_network_makes_keys_for_that_network() {
    let day = Day::begin().await;
    let ops = operator(&day).await;
    let (_, a) = admin(&day, &ops, "a").await;
    let near = key(&day, "admin@a.test", |wish| {
        (wish.name, wish.networks) = ("near".to_owned(), vec!["127.0.0.0/8".parse().unwrap()]);
    });
    let near = actions_of(&day, "admin@a.test", &near.await).await.unwrap();
    let new = NewAdmin::of("other@a.test");
    let other = ops.create_admin(Scope::Customer(a), &new).await.unwrap().row.id;
    let made = near.admin_key(Scope::Customer(a), other).await.unwrap();
    let elsewhere = Credentials { login: None, key: &made, from: Some("192.0.2.1".parse().unwrap()) };
    assert!(day.services.identify(&elsewhere).await.unwrap().is_none());
    assert!(actions_of(&day, "other@a.test", &made).await.is_some());
}
