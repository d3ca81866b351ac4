//! Accounts that get the same messages, told by their Message-IDs: two addresses of one person.

#[cfg(test)]
mod tests;

use crate::list::AddressId;
use siphasher::sip::SipHasher13;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hasher;
use std::time::Duration;

/// Messages that both addresses got, at least.
pub const SHARED_MIN: u64 = 5;
/// They are more than this part of the mail of the address with less mail, in percent.
pub const SHARED_PERCENT: u64 = 80;
/// Domains of senders behind them, at least: one sender alone proves nothing.
pub const SHARED_SENDERS_MIN: usize = 3;
/// Addresses of a domain that one message goes to, at most: mail to more of them says nothing of two.
pub const SHARED_RECIPIENTS_MAX: usize = 3;
/// How long it counts that an address got a message.
pub const RECENT_MESSAGES_TERM: Duration = Duration::from_hours(30 * 24);

/// A clean message that a listed address got. Message-ID and sender are hashes: what is compared needs no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecentMessage {
    /// The hash of its Message-ID.
    pub message: u64,
    pub address: AddressId,
    /// Of the domain of the reverse path.
    pub sender: u64,
}

impl RecentMessage {
    /// `None`: the message has no Message-ID, or comes from the null sender. A bounce goes where somebody forged.
    pub fn of(message_id: &str, sender: &str, address: AddressId) -> Option<Self> {
        let message_id = message_id.trim();
        let (_, domain) = sender.rsplit_once('@')?;
        if message_id.is_empty() {
            return None;
        }
        Some(Self { message: hash(message_id), address, sender: hash(&domain.to_lowercase()) })
    }
}

/// Whoever can make two texts with one hash could as well send one text twice: a key would protect nothing.
fn hash(text: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// An account most of whose mail another account got, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharedMail {
    /// The account with less mail: it could be an alias.
    pub alias: AddressId,
    /// The account that it would belong to.
    pub account: AddressId,
    /// Messages that both got.
    pub shared: u64,
    /// Messages that the alias got.
    pub messages: u64,
    /// Domains of senders of those that both got.
    pub senders: u64,
}

/// Messages that two accounts got, and the domains that sent them.
#[derive(Default)]
struct PairTally {
    shared: u64,
    senders: BTreeSet<u64>,
}

/// Finds accounts that could be aliases, each with the one account that shares most of its mail. `account_of`: the account
/// that an address counts as, itself or the one that has it as alias; `None` of everything that can be no alias, such as a
/// distribution list.
///
/// Cost: the messages are sorted; a message has at most three pairs.
pub fn find_shared_mail(
    mut messages: Vec<RecentMessage>,
    account_of: impl Fn(AddressId) -> Option<AddressId>,
) -> Vec<SharedMail> {
    messages.sort_unstable();
    messages.dedup_by_key(|one| (one.message, one.address));
    let mut totals = HashMap::<AddressId, u64>::new();
    let mut pairs = BTreeMap::<(AddressId, AddressId), PairTally>::new();
    for same in messages.chunk_by(|one, next| one.message == next.message) {
        // Counted before aliases become their accounts: of a message to many, not every address is kept.
        if same.len() > SHARED_RECIPIENTS_MAX {
            continue;
        }
        let accounts: BTreeMap<AddressId, u64> =
            same.iter().filter_map(|one| Some((account_of(one.address)?, one.sender))).collect();
        for (place, (one, sender)) in accounts.iter().enumerate() {
            *totals.entry(*one).or_default() += 1;
            // Somebody else who uses the same Message-ID sends another message.
            for (other, _) in accounts.iter().skip(place + 1).filter(|(_, of_other)| *of_other == sender) {
                let pair = pairs.entry((*one, *other)).or_default();
                pair.shared += 1;
                pair.senders.insert(*sender);
            }
        }
    }
    let total = |address: AddressId| totals.get(&address).copied().unwrap_or(0);
    let mut found = BTreeMap::<AddressId, SharedMail>::new();
    for ((one, other), PairTally { shared, senders }) in pairs {
        // With equally much mail, the one that was listed later.
        let (alias, account) = if total(one) < total(other) { (one, other) } else { (other, one) };
        let messages = total(alias);
        let is_most = shared * 100 > messages * SHARED_PERCENT;
        if shared < SHARED_MIN || !is_most || senders.len() < SHARED_SENDERS_MIN {
            continue;
        }
        let pair = SharedMail { alias, account, shared, messages, senders: senders.len() as u64 };
        let best = found.entry(alias).or_insert(pair);
        if (shared, total(account)) > (best.shared, total(best.account)) {
            *best = pair;
        }
    }
    found.into_values().collect()
}
