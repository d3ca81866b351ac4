//! Senders allowed and blocked at the office: rules are put, turned, listed, removed, and `check` asks them.

use crate::day::{Day, addresses, local};
use doorlist_actions::{ErrorKind, Request, Response, RulesOf, SenderAction, SenderRuleChange, SenderRuleEntry};

fn request(of: &str, what: SenderAction) -> Request {
    Request::Senders { of: of.parse().unwrap(), what }
}

async fn put(day: &Day, of: &str, sender: &str, allow: bool) -> SenderRuleChange {
    let what = SenderAction::Put { sender: sender.parse().unwrap(), allow };
    match day.ask(request(of, what)).await.unwrap() {
        Response::SenderRule(change) => change,
        other => panic!("{other:?}"),
    }
}

async fn list(day: &Day, of: &str) -> Vec<(String, bool)> {
    match day.ask(request(of, SenderAction::List { offset: 0 })).await.unwrap() {
        Response::SenderRules(rules) => {
            rules.into_iter().map(|SenderRuleEntry { sender, allow, .. }| (sender, allow)).collect()
        }
        other => panic!("{other:?}"),
    }
}

async fn check(day: &Day, to: &str, from: &str) -> &'static str {
    let request = Request::Check { address: to.to_owned(), from: Some(from.to_owned()) };
    match day.ask(request).await.unwrap() {
        Response::Checked(report) => report.decision.reason.word(),
        other => panic!("{other:?}"),
    }
}

async fn with_accounts() -> Day {
    let day = Day::with_a_domain().await;
    let names = addresses(&["ann@example.test", "bob@example.test"]);
    day.done(Request::AccountAdd { addresses: names.clone(), list: false }).await;
    day.done(Request::AliasAdd { account: names[0].clone(), locals: vec![local("annie")] }).await;
    day
}

#[tokio::test]
async fn a_rule_is_put_turned_listed_and_removed() {
    let day = with_accounts().await;
    let change = put(&day, "Example.test", "@Spam.TEST", false).await;
    assert_eq!((change.of.as_str(), change.before, change.now), ("example.test", None, Some(false)));
    assert_eq!(change.sender.to_string(), "spam.test");
    assert_eq!(check(&day, "annie@example.test", "x@spam.test").await, "sender-blocked");
    assert_eq!(check(&day, "nobody@example.test", "x@spam.test").await, "setting-up");
    assert_eq!(check(&day, "ann@example.test", "<>").await, "listed");
    assert_eq!(day.check("ann@example.test").await, (0, "listed"), "without a sender only the list is asked");

    put(&day, "ann@example.test", "x@spam.test", true).await;
    assert_eq!(check(&day, "annie@example.test", "x@spam.test").await, "listed");
    assert_eq!(check(&day, "bob@example.test", "x@spam.test").await, "sender-blocked");
    let turned = put(&day, "example.test", "spam.test", true).await;
    assert_eq!((turned.before, turned.now), (Some(false), Some(true)));
    let same = put(&day, "example.test", "spam.test", true).await;
    assert_eq!((same.before, same.now), (Some(true), Some(true)));
    put(&day, "example.test", ".shop.test", false).await;
    let rules = [("spam.test".to_owned(), true), (".shop.test".to_owned(), false)];
    assert_eq!(list(&day, "example.test").await, rules);
    assert_eq!(list(&day, "ann@example.test").await, [("x@spam.test".to_owned(), true)]);

    let remove = || request("example.test", SenderAction::Remove { sender: ".shop.test".parse().unwrap() });
    let Response::SenderRule(gone) = day.ask(remove()).await.unwrap() else { panic!() };
    assert_eq!((gone.before, gone.now), (Some(false), None));
    day.refused(remove(), ErrorKind::NotFound, 3, "no rule about .shop.test").await;
}

#[tokio::test]
async fn rules_belong_to_domains_and_accounts_that_are_there() {
    let day = with_accounts().await;
    let list = |of: &str| request(of, SenderAction::List { offset: 0 });
    day.refused(list("annie@example.test"), ErrorKind::Refused, 1, "follows the rules of ann@example.test").await;
    day.refused(list("nobody@example.test"), ErrorKind::NotFound, 3, "nobody@example.test").await;
    day.refused(list("other.test"), ErrorKind::NotFound, 3, "other.test").await;
    day.done(Request::AccountRemove { addresses: addresses(&["bob@example.test"]) }).await;
    day.refused(list("bob@example.test"), ErrorKind::NotFound, 3, "bob@example.test").await;
    assert!("no domain".parse::<RulesOf>().is_err());
}
