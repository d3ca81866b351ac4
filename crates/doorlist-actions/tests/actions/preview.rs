//! What is looked at before a list is enforced: who would be refused, who was asked for, and how complete the list is.

use crate::day::{Day, NOW, addresses, name};
use doorlist_actions::{
    AccountAdd, AccountRemove, DomainCompleteness, DomainMode, DomainPreview, DomainUnlisted, ErrorKind, ModeWish,
    PreviewReport, Response,
};
use doorlist_core::change::{Actor, Change, ChangeSet, Source, Structure, Via};
use doorlist_core::preview::{AskedOutcome as O, PreviewGroup};
use doorlist_core::verdict::ContentVerdict as V;

fn enforce(confirmed: bool) -> DomainMode {
    let confirmed = confirmed.then(|| name("example.test"));
    DomainMode { name: name("example.test"), mode: ModeWish::Enforce, days: None, now: false, confirmed }
}

async fn preview(day: &Day, days: u16) -> PreviewReport {
    let look = DomainPreview { name: name("example.test"), days };
    let Response::Preview(report) = day.ask(look).await.unwrap() else { panic!() };
    report
}

fn named(report: &PreviewReport) -> Vec<(PreviewGroup, String)> {
    report.recipients.iter().map(|it| (it.group, it.address.to_string())).collect()
}

async fn add(day: &Day, texts: &[&str]) {
    day.done(AccountAdd { addresses: addresses(texts), list: false }).await;
}

/// A message that the domain's server took.
fn delivered(day: &Day, recipient: &str, verdict: V, at: i64) {
    day.asked(recipient, "a@one.test", O::Confirmed, at);
    day.note(recipient, "a@one.test", O::Received, Some(verdict), at);
    day.note(recipient, "a@one.test", O::Taken, Some(verdict), at);
}

#[tokio::test]
async fn a_list_that_lacks_real_recipients_is_enforced_only_by_who_types_its_name() {
    let day = Day::with_a_domain().await;
    add(&day, &["ann@example.test"]).await;
    for (address, verdict, at) in [
        ("jobs@example.test", V::Unchecked, 5),
        ("jobs@example.test", V::Spam, 6),
        ("info@example.test", V::Clean, 3),
        ("sales@example.test", V::Spam, 0),
        // On the list by now, removed by a person, or long ago.
        ("ann@example.test", V::Clean, 0),
        ("gone@example.test", V::Clean, 0),
        ("old@example.test", V::Clean, -15 * 86_400),
    ] {
        delivered(&day, address, verdict, at);
    }
    day.asked("maybe@example.test", "", O::Undecided, 1);
    day.asked("absent@example.test", "a@one.test", O::Absent, 1);
    add(&day, &["gone@example.test"]).await;
    day.done(AccountRemove { addresses: addresses(&["gone@example.test"]) }).await;

    let report = preview(&day, 14).await;
    let (real, undecided) = (PreviewGroup::LooksReal, PreviewGroup::Undecided);
    let row = |group, text: &str| (group, format!("{text}@example.test"));
    assert_eq!(named(&report), [row(real, "info"), row(real, "jobs"), row(undecided, "maybe")]);
    let counts: Vec<_> = report.groups.into_iter().collect();
    let refused = PreviewGroup::RefusedAnyway;
    assert_eq!(counts, [(real, 2), (undecided, 1), (PreviewGroup::SpamOnly, 1), (refused, 2)]);
    assert_eq!(preview(&day, 30).await.count(real), 3, "the older one, too");
    day.refused(DomainPreview { name: name("example.test"), days: 0 }, ErrorKind::Usage, 64, "one day").await;

    let why = "2 recipients of example.test that are not on the list look real";
    day.refused(enforce(false), ErrorKind::Unconfirmed, 4, why).await;
    day.done(enforce(true)).await;
    add(&day, &["info@example.test", "jobs@example.test"]).await;
    // Who is undecided, spam or refused anyway is no reason to ask.
    day.done(enforce(false)).await;
}

#[tokio::test]
async fn who_got_mail_and_is_listed_no_more_looks_real() {
    let day = Day::with_a_domain().await;
    let recipients = &day.services.recipients;
    let apply = async |changes| {
        let set = ChangeSet { changes, summary: "by a directory".to_owned() };
        recipients.apply(&set, &Actor { name: "lab".to_owned(), via: Via::System }, None).await.unwrap();
    };
    let (source, who) = (Source::Directory("lab".to_owned()), addresses(&["bob@example.test", "zoe@example.test"]));
    let claim = |address| Change::Claim { address, structure: Structure::Mailbox, source: source.clone() };
    apply(who.iter().cloned().map(claim).collect()).await;
    let list = recipients.snapshot();
    let domain = list.domain(&name("example.test")).unwrap();
    for address in &who {
        let id = list.lookup(domain, address).address_id().unwrap();
        recipients.last_mail().note(id, NOW, address == &who[0]);
    }
    assert_eq!(named(&preview(&day, 14).await), []);
    apply(who.iter().cloned().map(|address| Change::Withdraw { address, source: source.clone() }).collect()).await;
    // One is asked for again, by a source that guesses.
    day.asked("zoe@example.test", "a@one.test", O::Absent, 5);
    let report = preview(&day, 14).await;
    let real = PreviewGroup::LooksReal;
    assert_eq!(named(&report), [(real, "bob@example.test".to_owned()), (real, "zoe@example.test".to_owned())]);
    assert_eq!(report.groups.into_iter().collect::<Vec<_>>(), [(real, 2)]);
    let [bob, zoe] = &report.recipients[..] else { panic!() };
    assert!(bob.listed_clean_mail.is_some() && zoe.listed_mail.is_some() && zoe.listed_clean_mail.is_none());
    day.refused(enforce(false), ErrorKind::Unconfirmed, 4, "look real").await;
}

#[tokio::test]
async fn whoever_was_asked_for_and_is_unlisted_is_listed_by_how_often() {
    let day = Day::with_a_domain().await;
    for (recipient, sender, times) in [
        ("info@example.test", "a@one.test", 2),
        ("info@example.test", "b@two.test", 1),
        ("jobs@example.test", "", 1),
        ("ann@example.test", "a@one.test", 3),
    ] {
        (0..times).for_each(|at| day.asked(recipient, sender, O::Undecided, at));
    }
    day.asked("old@example.test", "a@one.test", O::Undecided, -15 * 86_400);
    add(&day, &["ann@example.test"]).await;
    let look = |days, limit| DomainUnlisted { name: name("example.test"), days, limit };
    let Response::Unlisted(report) = day.ask(look(14, 10)).await.unwrap() else { panic!() };
    let said: Vec<_> =
        report.recipients.iter().map(|it| (it.address.to_string(), it.times, it.sender_domains.join(","))).collect();
    let row = |address: &str, times, senders: &str| (address.to_owned(), times, senders.to_owned());
    assert_eq!(said, [row("info@example.test", 3, "one.test,two.test"), row("jobs@example.test", 1, "")]);
    assert_eq!((report.total, report.unnamed), (2, 0));
    let Response::Unlisted(report) = day.ask(look(30, 1)).await.unwrap() else { panic!() };
    assert_eq!((report.total, report.recipients.len()), (3, 1), "the older one, too; the most asked for is shown");
    day.refused(look(0, 10), ErrorKind::Usage, 64, "one day").await;
}

#[tokio::test]
async fn a_list_is_as_complete_as_its_clean_mail_says() {
    let day = Day::with_a_domain().await;
    let look = || DomainCompleteness { name: name("example.test"), days: 14 };
    let of_all = async || day.services.completeness_of_all(14).await.unwrap();
    let Response::Completeness(report) = day.ask(look()).await.unwrap() else { panic!() };
    assert_eq!((report.completeness.per_mille(), report.missing_total), (None, 0));
    for at in 0..120 {
        day.note("", "a@one.test", O::Listed, Some(V::Clean), at);
        day.note("", "a@one.test", O::Listed, Some(V::Spam), at);
    }
    for (address, times) in [("info@example.test", 2), ("jobs@example.test", 1), ("ann@example.test", 2)] {
        (0..times).for_each(|at| delivered(&day, address, V::Clean, at));
    }
    delivered(&day, "sales@example.test", V::Spam, 0);
    add(&day, &["ann@example.test"]).await;
    let Response::Completeness(report) = day.ask(look()).await.unwrap() else { panic!() };
    let missing: Vec<_> = report.missing.iter().map(|it| (it.address.to_string(), it.clean)).collect();
    assert_eq!(missing, [("info@example.test".to_owned(), 2), ("jobs@example.test".to_owned(), 1)]);
    let share = report.completeness;
    assert_eq!((share.listed, share.clean, share.to_string().as_str()), (122, 125, "97.6 %"));
    let all = of_all().await;
    assert_eq!((all.domains, all.incomplete, all.lowest), (1, 1, Some(960)), "by the list as it was");
}
