//! Senders allowed and blocked: rules are put, turned, listed, removed, and `check` asks them.

use crate::day::{Day, addresses, local};
use doorlist_actions::{
    AccountAdd, AccountRemove, AliasAdd, Check, ErrorKind, Response, RulesOf, SenderList, SenderPut, SenderRemove,
    SenderRuleChange, SenderRuleEntry,
};
use doorlist_core::sender_rules::SenderPattern;

async fn put(day: &Day, of: &str, sender: &str, allow: bool) -> SenderRuleChange {
    let put = SenderPut { of: of.parse().unwrap(), sender: sender.parse().unwrap(), allow };
    match day.ask(put).await.unwrap() {
        Response::SenderRule(change) => change,
        other => panic!("{other:?}"),
    }
}

async fn list(day: &Day, of: &str) -> Vec<(String, bool)> {
    match day.ask(SenderList { of: of.parse().unwrap(), offset: 0 }).await.unwrap() {
        Response::SenderRules(rules) => {
            rules.into_iter().map(|SenderRuleEntry { sender, allow, .. }| (sender, allow)).collect()
        }
        other => panic!("{other:?}"),
    }
}

async fn check(day: &Day, to: &str, from: &str) -> &'static str {
    let request = Check { address: to.to_owned(), from: Some(from.to_owned()) };
    match day.ask(request).await.unwrap() {
        Response::Checked(report) => report.decision.reason.word(),
        other => panic!("{other:?}"),
    }
}

async fn with_accounts() -> Day {
    let day = Day::with_a_domain().await;
    let names = addresses(&["ann@example.test", "bob@example.test"]);
    day.done(AccountAdd { addresses: names.clone(), list: false }).await;
    day.done(AliasAdd { account: names[0].clone(), locals: vec![local("annie")] }).await;
    day
}

#[tokio::test]
async fn a_rule_is_put_turned_listed_and_removed() {
    let day = with_accounts().await;
    let change = put(&day, "Example.test", "@Spam.TEST", false).await;
    assert_eq!((change.of.as_str(), change.before, change.now), ("example.test", None, Some(false)));
    assert_eq!(change.sender.to_string(), "spam.test");
    assert_eq!(check(&day, "annie@example.test", "x@spam.test").await, "sender-blocked");
    assert_eq!(check(&day, "nobody@example.test", "x@spam.test").await, "undecided");
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

    let (of, sender) = ("example.test".parse().unwrap(), ".shop.test".parse().unwrap());
    let remove = || SenderRemove { of: RulesOf::clone(&of), sender: SenderPattern::clone(&sender) };
    let Response::SenderRule(gone) = day.ask(remove()).await.unwrap() else { panic!() };
    assert_eq!((gone.before, gone.now), (Some(false), None));
    day.refused(remove(), ErrorKind::NotFound, 3, "no rule for .shop.test").await;
}

#[tokio::test]
async fn rules_belong_to_domains_and_accounts_that_are_there() {
    let day = with_accounts().await;
    let list = |of: &str| SenderList { of: of.parse().unwrap(), offset: 0 };
    day.refused(list("annie@example.test"), ErrorKind::Refused, 1, "has the rules of ann@example.test").await;
    day.refused(list("nobody@example.test"), ErrorKind::NotFound, 3, "nobody@example.test").await;
    day.refused(list("other.test"), ErrorKind::NotFound, 3, "other.test").await;
    day.done(AccountRemove { addresses: addresses(&["bob@example.test"]) }).await;
    day.refused(list("bob@example.test"), ErrorKind::NotFound, 3, "bob@example.test").await;
    assert!("no domain".parse::<RulesOf>().is_err());
}
