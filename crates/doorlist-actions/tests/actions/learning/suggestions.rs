//! Aliases that mail suggests: from what listed addresses got to the command that joins them.

use crate::day::{Day, NOW, addresses, name};
use doorlist_actions::{AccountAdd, AliasAdd, AliasReason, AliasReassign, AliasSuggest, Response, SuggestedAlias};
use doorlist_core::address::LocalPart;

/// A clean message with this number from one of four domains was accepted for these local parts.
fn accepted(day: &Day, number: usize, to: &[&str]) {
    let recipients = &day.services.recipients;
    let list = recipients.snapshot();
    let domain = list.domain(&name("example.test")).unwrap();
    let listed = to.iter().map(|local| (domain.id, list.entry(domain.id, local).unwrap().id));
    let sender = format!("news@s{}.test", number % 4);
    recipients.recent_messages().note(&format!("<{number}@mail.test>"), &sender, listed, NOW);
}

async fn suggested(day: &Day) -> Vec<SuggestedAlias> {
    let Response::AliasSuggestions(found) = day.ask(AliasSuggest { domain: name("example.test") }).await.unwrap()
    else {
        panic!()
    };
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_with_the_same_mail_are_suggested_with_their_evidence() {
    let day = Day::with_a_domain().await;
    let people = ["j.doe", "john.doe", "boss", "carol", "dave", "erin"].map(|local| format!("{local}@example.test"));
    let people = people.each_ref().map(String::as_str);
    day.done(AccountAdd { addresses: addresses(&people), list: false }).await;
    day.done(AccountAdd { addresses: addresses(&["team@example.test"]), list: true }).await;
    let alias =
        AliasAdd { account: "carol@example.test".parse().unwrap(), locals: vec![LocalPart::parse(b"c").unwrap()] };
    day.done(alias).await;

    for number in 0..40 {
        accepted(&day, number, &["carol", "team"]);
        // More than three addresses, also when one of them is an alias of another.
        accepted(&day, 100 + number, &["dave", "boss", "carol", "j.doe", "erin"]);
    }
    for number in 200..205 {
        accepted(&day, number, &["boss"]);
        accepted(&day, number, &["c"]);
        // The full name gets less mail here.
        accepted(&day, 100 + number, &["john.doe", "j.doe"]);
    }
    accepted(&day, 400, &["boss"]);
    for number in 500..510 {
        accepted(&day, number, &["j.doe"]);
    }
    let shared = |shared, messages| AliasReason::SharedMail { shared, messages, sender_domains: 4 };
    let pair = |alias: &str, account: &str, reasons| SuggestedAlias {
        alias: format!("{alias}@example.test").parse().unwrap(),
        account: format!("{account}@example.test").parse().unwrap(),
        reasons,
    };
    let expected = [
        pair("boss", "carol", vec![shared(5, 6)]),
        pair("john.doe", "j.doe", vec![shared(5, 5), AliasReason::NamePattern]),
    ];
    assert_eq!(suggested(&day).await, expected);

    let (addresses, to) = (vec![expected[0].alias.clone()], expected[0].account.clone());
    day.done(AliasReassign { addresses, to }).await;
    assert_eq!(suggested(&day).await, expected[1..], "what is done is suggested no more");
}
