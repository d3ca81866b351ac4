#![allow(clippy::unwrap_used, clippy::panic)]
//! Which accounts seem to be one person's, by the messages that they get.

use super::*;
use crate::list::AddressId;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const ANN: u32 = 1;
const BOB: u32 = 2;

/// A message with this number from this sender to these addresses.
fn sent(message: u32, sender: u32, to: &[u32]) -> Vec<RecentMessage> {
    let (message, sender) = (format!("<{message}@mail.test>"), format!("news@s{sender}.test"));
    to.iter().map(|address| RecentMessage::of(&message, &sender, AddressId(*address)).unwrap()).collect()
}

/// So many messages to both, each from one of so many senders, and so many to one of them alone.
fn mail(shared: u32, senders: u32, alone: u32) -> Vec<RecentMessage> {
    let both = (0..shared).flat_map(|n| sent(n, n % senders, &[ANN, BOB]));
    let alone = (0..alone).flat_map(|n| sent(1_000 + n, n % senders, &[BOB]));
    let ann = (0..20).flat_map(|n| sent(2_000 + n, n % senders, &[ANN]));
    both.chain(alone).chain(ann).collect()
}

fn found(messages: Vec<RecentMessage>) -> Vec<SharedMail> {
    find_shared_mail(messages, Some)
}

#[test]
fn whoever_gets_the_same_mail_is_one_person() {
    let pair = SharedMail { alias: AddressId(BOB), account: AddressId(ANN), shared: 5, messages: 6, senders: 3 };
    assert_eq!(found(mail(5, 3, 1)), [pair], "5 of 6 are more than 80 %");
    assert_eq!(found(mail(4, 3, 0)), [], "4 are too few");
    assert_eq!(found(mail(8, 3, 2)), [], "8 of 10 are not more than 80 %");
    assert_eq!(found(mail(30, 2, 0)), [], "two senders' domains are too few");
    let no_list = |address: AddressId| (address.0 != ANN).then_some(address);
    assert_eq!(find_shared_mail(mail(5, 3, 1), no_list), [], "a list is no account");
}

#[test]
fn mail_to_many_says_nothing() {
    let to = |addresses: &[u32]| (0..30).flat_map(|n| sent(n, n, addresses)).collect::<Vec<_>>();
    assert_eq!(found(to(&[1, 2, 3])).len(), 2);
    assert_eq!(found(to(&[1, 2, 3, 4])), []);
    let noise = (0..100).flat_map(|n| sent(500 + n, n, &[ANN, 5, 6, 7]));
    assert_eq!(found(mail(5, 3, 1).into_iter().chain(noise).collect()).len(), 1, "nor against");
}

#[test]
fn an_alias_counts_as_its_account_but_among_the_addresses_of_a_message() {
    // 3 is an alias of Ann.
    let account_of = |address: AddressId| Some(if address.0 == 3 { AddressId(ANN) } else { address });
    let to = |addresses: &[u32]| (0..30).flat_map(|n| sent(n, n, addresses)).collect::<Vec<_>>();
    let [pair] = find_shared_mail(to(&[BOB, 3]), account_of)[..] else { panic!() };
    assert_eq!((pair.alias, pair.account, pair.shared), (AddressId(BOB), AddressId(ANN), 30));
    assert_eq!(find_shared_mail(to(&[ANN, 3]), account_of), [], "nobody is an alias of himself");
    assert_eq!(find_shared_mail(to(&[ANN, BOB, 3, 4]), account_of), [], "four addresses, if three accounts");
}

#[test]
fn one_message_id_of_two_senders_is_two_messages() {
    let copied = (0..30).flat_map(|n| [sent(n, n, &[ANN]), sent(n, 100 + n, &[BOB])].concat());
    assert_eq!(found(copied.collect()), []);
}

#[test]
fn bounces_and_mail_without_an_identifier_are_not_counted() {
    assert_eq!(RecentMessage::of("<1@mail.test>", "", AddressId(1)), None);
    assert_eq!(RecentMessage::of(" ", "ann@sender.test", AddressId(1)), None);
    let written = |id: &str, sender: &str| RecentMessage::of(id, sender, AddressId(1)).unwrap();
    assert_eq!(written("<1@mail.test>", "ann@Sender.TEST"), written(" <1@mail.test> ", "bob@sender.test"));
}

/// The same, slowly, by what is wanted.
fn is_expected(messages: &[RecentMessage], pair: &SharedMail) -> bool {
    let mut by_message = BTreeMap::<u64, BTreeMap<AddressId, u64>>::new();
    for one in messages {
        let sender = by_message.entry(one.message).or_default().entry(one.address).or_insert(one.sender);
        *sender = one.sender.min(*sender);
    }
    by_message.retain(|_, to| to.len() <= SHARED_RECIPIENTS_MAX);
    let of = |address| by_message.values().filter(|to| to.contains_key(&address)).count() as u64;
    let senders: Vec<u64> = by_message
        .values()
        .filter_map(|to| to.get(&pair.alias).filter(|sender| to.get(&pair.account) == Some(*sender)).copied())
        .collect();
    let shared = senders.len() as u64;
    let domains = senders.into_iter().collect::<BTreeSet<_>>().len();
    (pair.shared, pair.messages, pair.senders) == (shared, of(pair.alias), domains as u64)
        && of(pair.alias) <= of(pair.account)
        && shared >= SHARED_MIN
        && shared as f64 > 0.8 * of(pair.alias) as f64
        && domains >= SHARED_SENDERS_MIN
}

proptest! {
    /// Whatever is sent: what is suggested has all that it needs, each alias once, and no two are aliases of each other.
    #[test]
    fn every_suggestion_holds_against_a_plain_model(
        mail in proptest::collection::vec(
            (0_u32..40, 0_u32..5, proptest::collection::btree_set(0_u32..5, 1..5)), 0..80
        ),
    ) {
        let messages: Vec<_> = mail
            .iter()
            .flat_map(|(message, sender, to)| sent(*message, *sender, &to.iter().copied().collect::<Vec<_>>()))
            .collect();
        let found = find_shared_mail(messages.clone(), Some);
        for pair in &found {
            prop_assert!(is_expected(&messages, pair), "{pair:?}");
            prop_assert!(!found.iter().any(|other| (other.alias, other.account) == (pair.account, pair.alias)));
        }
        let aliases: BTreeSet<_> = found.iter().map(|pair| pair.alias).collect();
        prop_assert_eq!(aliases.len(), found.len());
    }

    /// A stranger with two domains suggests nothing, whatever he sends.
    #[test]
    fn two_domains_suggest_nothing(
        mail in proptest::collection::vec(
            (0_u32..1_000, 0_u32..2, proptest::collection::btree_set(0_u32..3, 1..4)), 0..200
        ),
    ) {
        let messages = mail.iter().flat_map(|(message, sender, to)| {
            sent(*message, *sender, &to.iter().copied().collect::<Vec<_>>())
        });
        prop_assert_eq!(found(messages.collect()), []);
    }
}
