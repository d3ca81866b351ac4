//! What a key does, whose login it is, and what tenants who share a login can do to each other.

use crate::day::{Day, name};
use crate::desk::{account, admin, desk_of, domain, key, operator};
use doorlist_actions::desk::{Credentials, DeskError, NewAdmin};
use doorlist_actions::{AdminOf, NewApiKey, Request};
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
