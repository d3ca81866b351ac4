//! Parts of pushes: kept, counted, forgotten; and whose a change is.

use crate::hand::{added, apply};
use doorlist_core::address::DomainName;
use doorlist_core::time::Timestamp;
use doorlist_store::source_book::{PUSHES_OPEN_MAX, PartKept, PushPart};
use doorlist_store::{RecipientStore, SourceBook};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

fn part<'a>(domain: &'a DomainName, push: &'a str, part: u32, body: &'a str) -> PushPart<'a> {
    PushPart { domain, push, part, parts: 2, actor: "agent", body }
}

pub(crate) async fn parts_are_kept_and_forgotten(recipients: &RecipientStore) {
    let book = SourceBook::of(recipients);
    let (domain, other): (DomainName, DomainName) = ("parts.test".parse().unwrap(), "nowhere.test".parse().unwrap());
    apply(recipients, vec![added("parts.test", "Maple")]).await;
    let start = Timestamp::from_secs(1_800_000_000);
    let keep = async |part: PushPart<'_>, minutes: u32| {
        let now = start + minutes * MINUTE;
        book.keep_part(&part, now, now - 60 * MINUTE).await.unwrap()
    };
    assert_eq!(keep(part(&other, "p", 1, "x"), 0).await, PartKept::NoDomain);
    assert_eq!(keep(part(&domain, "p", 2, "two"), 0).await, PartKept::Have(1));
    assert_eq!(keep(part(&domain, "p", 2, "two"), 0).await, PartKept::Have(1));
    assert_eq!(keep(part(&domain, "p", 2, "else"), 0).await, PartKept::OtherContent);
    assert_eq!(keep(PushPart { actor: "b", ..part(&domain, "p", 1, "x") }, 0).await, PartKept::OfAnother);
    assert_eq!(keep(PushPart { parts: 3, ..part(&domain, "p", 1, "x") }, 0).await, PartKept::OtherCount(2));
    assert_eq!(keep(part(&domain, "q", 1, "later"), 1).await, PartKept::Have(1));
    assert_eq!(keep(part(&domain, "p", 1, "one"), 2).await, PartKept::Have(2));
    assert_eq!(book.part_bodies(&domain, "p").await.unwrap(), ["one", "two"]);
    book.end_push(&part(&domain, "p", 0, "came of it"), true, start + 2 * MINUTE).await.unwrap();
    assert_eq!(keep(part(&domain, "p", 1, "one"), 3).await, PartKept::Ended("came of it".to_owned()));
    assert_eq!(keep(part(&domain, "q", 2, "x"), 3).await, PartKept::Have(2), "it began later");
    book.end_push(&part(&domain, "q", 0, "that, too"), true, start + 3 * MINUTE).await.unwrap();
    assert_eq!(keep(part(&domain, "p", 1, "one"), 4).await, PartKept::Have(1), "one outcome is kept");
    for (push, minute) in ["a", "b", "c", "d"].into_iter().zip(5..) {
        assert_eq!(keep(part(&domain, push, 1, "x"), minute).await, PartKept::Have(1));
    }
    assert_eq!(PUSHES_OPEN_MAX, 4);
    assert_eq!(keep(part(&domain, "p", 2, "two"), 9).await, PartKept::Have(1), "the oldest had to go");
    assert_eq!(keep(part(&domain, "d", 2, "x"), 9).await, PartKept::Have(2));
    book.forget_push(&domain, Some("d")).await.unwrap();
    assert_eq!(keep(part(&domain, "d", 2, "x"), 9).await, PartKept::Have(1));
    book.forget_push(&domain, None).await.unwrap();
    assert_eq!(keep(part(&domain, "d", 1, "x"), 9).await, PartKept::Have(1));
    assert_eq!(keep(part(&domain, "d", 2, "x"), 70).await, PartKept::Have(1), "an hour is over");
    book.forget_pushes(start + 100 * MINUTE).await.unwrap();
    assert!(book.part_bodies(&domain, "d").await.unwrap().is_empty());

    let change = recipients.snapshot().version();
    assert_eq!(recipients.domains_of_change(change).await.unwrap(), Some(vec![domain]));
    assert_eq!(recipients.domains_of_change(u64::MAX).await.unwrap(), None);
    assert_eq!(recipients.domain_of_plan(doorlist_core::change::PlanId(u64::MAX)).await.unwrap(), None);
}
