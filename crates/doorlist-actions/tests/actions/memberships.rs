//! Somebody whom two tenants add: neither sees the other, nothing happens without the login's word, and what a tenant is
//! answered is the same whether there is such a login or not.

use crate::day::Day;
use crate::tenancy::{actions_of, admin, domain, key, operator};
use doorlist_actions::{ActionError, Actions, AdminCreate, AdminOf, NewAdmin, Password};
use doorlist_actions::{MembershipAccept, MembershipDecline, MembershipList, Response};
use doorlist_core::access::{CustomerId, LoginId, Scope};
use doorlist_store::logins::{OFFER_TERM, OFFERS_MAX};
use doorlist_store::tenants::{AdminRow, Query};
use std::time::Duration;

const X: &str = "x@example.test";

fn new(email: &str) -> NewAdmin {
    NewAdmin::of(email)
}

/// Two customers; the login is an admin of the first one, by whose key it comes.
async fn two(day: &Day) -> (Actions, (Actions, CustomerId), (Actions, CustomerId), Actions) {
    let ops = operator(day).await;
    let (a, b) = (admin(day, &ops, "a").await, admin(day, &ops, "b").await);
    domain(&ops, "two.test", b.1).await.unwrap();
    let id = a.0.create_admin(Scope::Customer(a.1), &new(X)).await.unwrap().row.id;
    let own = a.0.admin_key(Scope::Customer(a.1), id).await.unwrap();
    let x = actions_of(day, X, &own).await.unwrap();
    (ops, a, b, x)
}

async fn seen(actions: &Actions, scope: Scope) -> Vec<AdminRow> {
    let page = actions.view().admins(scope, &Query { limit: 10, ..Query::default() }).await.unwrap();
    page.rows.into_iter().map(|placed| placed.row).collect()
}

/// A role and a password that the operator gives are for the login that has the name alone: a tenant's own login of that
/// name gets nothing of another scope.
#[tokio::test]
async fn what_the_operator_gives_goes_to_no_other_tenants_login() {
    let day = Day::begin().await;
    let (_, (ann, a), (bob, b), x) = Box::pin(two(&day)).await;
    let of_bob = bob.create_admin(Scope::Customer(b), &new(X)).await.unwrap().row.id;
    // The login that had the name first goes; that of the other tenant stays.
    ann.remove_admin(Scope::Customer(a), x.caller().login_id.unwrap()).await.unwrap();
    let email = X.parse().unwrap();
    let password = Some(Password::new("correct horse\n".to_owned()));
    let operator = AdminCreate { email, of: AdminOf::Customer("a".to_owned()), auditor: false, password };
    day.ask(operator.clone()).await.unwrap();
    let logins = day.services.logins.logins_named(X, 9).await.unwrap();
    assert_eq!(logins.iter().map(|login| login.is_of_tenant).collect::<Vec<_>>(), [false, true]);
    assert_eq!((logins[0].grants[0].grant.scope, logins[0].grants.len()), (Scope::Customer(a), 1));
    assert_eq!((logins[1].id, logins[1].grants.len(), &logins[1].password), (of_bob, 1, &None));
    assert_eq!(logins[0].password.as_deref(), Some("hash of password correct horse"));

    // Once more, of everything and with another password: the same login.
    let password = Some(Password::new("battery staple".to_owned()));
    day.ask(AdminCreate { of: AdminOf::Everything, password, ..operator }).await.unwrap();
    let logins = day.services.logins.logins_named(X, 9).await.unwrap();
    assert_eq!((logins.len(), logins[0].grants.len()), (2, 2));
    assert_eq!(logins[0].password.as_deref(), Some("hash of password battery staple"));
}

#[tokio::test]
async fn a_tenant_is_answered_alike_whether_the_login_is_there_or_not() {
    let day = Day::begin().await;
    let (_, (ann, a), (bob, b), x) = Box::pin(two(&day)).await;
    let of_b = Scope::Customer(b);
    day.world.pass(Duration::from_secs(60));
    let mut told = Vec::new();
    for email in [X, "fresh@example.test"] {
        let made = bob.create_admin(of_b, &new(email)).await.unwrap().row;
        let again = bob.create_admin(of_b, &new(email)).await.unwrap().row;
        assert_eq!(made, again, "who is an admin stays it");
        let key = bob.admin_key(of_b, made.id).await.unwrap();
        let actions = actions_of(&day, email, &key).await.unwrap();
        let sees = actions.view().domains(&Query { limit: 10, ..Query::default() }).await.unwrap().total;
        let listed = seen(&bob, of_b).await.into_iter().find(|row| row.email == email).unwrap();
        let shape = |row: &AdminRow| (row.username == email, row.active, row.created, row.last_login, row.scope);
        told.push((shape(&made), shape(&listed), sees, actions.memberships().await.unwrap()));
        assert_ne!(made.id, x.caller().login_id.unwrap());
    }
    assert_eq!(told[0], told[1]);
    // Neither the one nor the other shows in the other's life.
    assert_eq!(seen(&ann, Scope::Customer(a)).await.len(), 2);
    assert_eq!(x.view().domains(&Query { limit: 10, ..Query::default() }).await.unwrap().total, 0);
    bob.remove_admin(of_b, seen(&bob, of_b).await.iter().find(|row| row.email == X).unwrap().id).await.unwrap();
    assert_eq!(seen(&ann, Scope::Customer(a)).await.len(), 2);
}

#[tokio::test]
async fn a_name_that_is_not_an_address_is_nobody_elses_either() {
    let day = Day::begin().await;
    let (_, (ann, a), (bob, b), _) = Box::pin(two(&day)).await;
    let named = |email: &str| NewAdmin { username: Some("helper".to_owned()), ..new(email) };
    let of_ann = ann.create_admin(Scope::Customer(a), &named("h@a.test")).await.unwrap().row;
    let of_bob = bob.create_admin(Scope::Customer(b), &named("h@b.test")).await.unwrap().row;
    assert_eq!((of_ann.username.as_str(), of_bob.username.as_str()), ("helper", "helper"));
    let key = bob.admin_key(Scope::Customer(b), of_bob.id).await.unwrap();
    assert!(actions_of(&day, "helper", &key).await.is_some());
    // Whose it is, is told to those who see it.
    let taken = ann.create_admin(Scope::Customer(a), &named("other@a.test")).await;
    assert!(matches!(taken, Err(ActionError::Invalid { field: "username", .. })), "{taken:?}");
}

#[tokio::test]
async fn a_membership_is_nothing_until_the_login_accepts_it() {
    let day = Day::begin().await;
    let (ops, (ann, a), (bob, b), x) = Box::pin(two(&day)).await;
    let of_bob = bob.create_admin(Scope::Customer(b), &new(X)).await.unwrap().row.id;
    let offered = x.memberships().await.unwrap();
    assert_eq!((offered.len(), offered[0].id, offered[0].of.as_str()), (1, of_bob, "b"));
    let all = async || {
        let all = key(&day, X, |wish| wish.name = "all".to_owned()).await;
        let actions = actions_of(&day, X, &all).await.unwrap();
        actions.view().domains(&Query { limit: 10, ..Query::default() }).await.unwrap().total
    };
    assert_eq!(all().await, 0, "the operator's key for the login has no part of it");
    for other in [&ann, &bob, &ops] {
        assert_eq!(other.accept_membership(of_bob).await, Err(ActionError::NotFound));
        assert!(other.memberships().await.unwrap().is_empty());
    }
    let short = key(&day, X, |wish| (wish.name, wish.days) = ("short".to_owned(), Some(1))).await;
    let short = actions_of(&day, X, &short).await.unwrap();
    assert_eq!(short.accept_membership(of_bob).await, Err(ActionError::BeyondKey));

    let before = seen(&bob, Scope::Customer(b)).await;
    x.accept_membership(of_bob).await.unwrap();
    assert_eq!(seen(&bob, Scope::Customer(b)).await, before, "the tenant is not told");
    assert_eq!(x.view().domains(&Query { limit: 10, ..Query::default() }).await.unwrap().total, 0, "who knows its key");
    assert_eq!(all().await, 1);
    assert_eq!(x.memberships().await.unwrap()[0].offered_until, None);
    // Its first tenant lets it go; what it has of the other stays.
    ann.remove_admin(Scope::Customer(a), x.caller().login_id.unwrap()).await.unwrap();
    assert_eq!(all().await, 1);
    bob.remove_admin(Scope::Customer(b), of_bob).await.unwrap();
    assert!(day.services.logins.login(X).await.unwrap().is_none(), "nothing is left of it");
}

#[tokio::test]
async fn a_membership_is_declined_or_given_back_and_offers_end() {
    let day = Day::begin().await;
    let (_, _, (bob, b), x) = Box::pin(two(&day)).await;
    let of_bob = bob.create_admin(Scope::Customer(b), &new(X)).await.unwrap().row.id;
    let rows = |response| match response {
        Ok(Response::Memberships(rows)) => rows,
        other => panic!("{other:?}"),
    };
    let accepted = rows(day.ask(MembershipAccept { login: X.to_owned(), id: of_bob }).await);
    assert_eq!(accepted[0].offered_until, None);
    assert_eq!(rows(day.ask(MembershipList { login: X.to_owned() }).await), accepted);
    assert!(rows(day.ask(MembershipDecline { login: X.to_owned(), id: of_bob }).await).is_empty());
    assert_eq!(x.accept_membership(of_bob).await, Err(ActionError::NotFound));
    assert_eq!(seen(&bob, Scope::Customer(b)).await.len(), 2, "the tenant has its admin");

    bob.remove_admin(Scope::Customer(b), of_bob).await.unwrap();
    let second = bob.create_admin(Scope::Customer(b), &new(X)).await.unwrap().row.id;
    x.decline_membership(second).await.unwrap();
    bob.remove_admin(Scope::Customer(b), second).await.unwrap();
    let third = bob.create_admin(Scope::Customer(b), &new(X)).await.unwrap().row.id;
    day.world.pass(OFFER_TERM);
    assert!(x.memberships().await.unwrap().is_empty());
    assert_eq!(x.accept_membership(third).await, Err(ActionError::NotFound));
    assert_eq!(x.accept_membership(LoginId(999_999)).await, Err(ActionError::NotFound));
}

#[tokio::test]
async fn a_login_has_so_many_offers_and_no_more() {
    let day = Day::begin().await;
    let (ops, _, _, x) = Box::pin(two(&day)).await;
    for number in 0..=OFFERS_MAX {
        let (other, id) = admin(&day, &ops, &format!("c{number}")).await;
        other.create_admin(Scope::Customer(id), &new(X)).await.unwrap();
    }
    assert_eq!(x.memberships().await.unwrap().len(), OFFERS_MAX as usize);
}
