//! One message of the trial for one recipient, who sends it, and how it comes again when it is deferred.

use super::chance::Chance;
use doorlist_core::address::LocalPart;
use doorlist_core::policy::Reason;
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// The first wait of a sender that is deferred; each further one is twice as long.
const RETRY_FIRST: Duration = Duration::from_mins(5);
const RETRY_LONGEST: Duration = Duration::from_mins(68);
/// A sender gives up after this time.
const RETRY_LIFETIME: Duration = Duration::from_hours(5 * 24);
/// Addresses that a large provider sends from, in one network.
const PROVIDER_ADDRESSES: usize = 16;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrialKind {
    Clean,
    Newsletter,
    /// Good mail that no scanner could judge.
    Unchecked,
    /// A bounce for mail that the recipient truly sent.
    Bounce,
    /// Clean mail to a name that does not exist.
    Typo,
    /// A bounce for mail in a forged name.
    Backscatter,
    Spam,
    /// Spam that the scanner takes for clean.
    MissedSpam,
}

impl TrialKind {
    pub(crate) fn verdict(self) -> ContentVerdict {
        match self {
            TrialKind::Clean
            | TrialKind::Newsletter
            | TrialKind::Bounce
            | TrialKind::Typo
            | TrialKind::Backscatter
            | TrialKind::MissedSpam => ContentVerdict::Clean,
            TrialKind::Unchecked => ContentVerdict::Unchecked,
            TrialKind::Spam => ContentVerdict::Spam,
        }
    }

    /// Mail that its recipient wants: none of it may be refused.
    pub(crate) fn is_wanted(self) -> bool {
        matches!(self, TrialKind::Clean | TrialKind::Newsletter | TrialKind::Unchecked | TrialKind::Bounce)
    }

    /// Wanted mail that teaches.
    pub(crate) fn is_clean(self) -> bool {
        matches!(self, TrialKind::Clean | TrialKind::Newsletter)
    }

    /// Whether its sender is a mail server that comes again.
    pub(crate) fn comes_again(self) -> bool {
        !matches!(self, TrialKind::Spam | TrialKind::MissedSpam)
    }
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MailClient {
    pub(crate) address: IpAddr,
    /// Each attempt comes from any address of its network.
    is_provider: bool,
}

impl MailClient {
    /// A client with one address, by its number in 10.0.0.0/8.
    pub(crate) fn at(block: usize, number: usize) -> Self {
        let octet = |number: usize| u8::try_from(number % 250).unwrap_or(0) + 1;
        let address = Ipv4Addr::new(10, octet(block), octet(number / 250), octet(number));
        Self { address: address.into(), is_provider: false }
    }

    /// Any address of a large provider.
    pub(crate) fn of_provider(provider: usize, chance: &mut Chance) -> Self {
        let host = u8::try_from(chance.below(PROVIDER_ADDRESSES)).unwrap_or(0) + 1;
        let network = u8::try_from(provider % 250).unwrap_or(0);
        Self { address: Ipv4Addr::new(10, 255, network, host).into(), is_provider: true }
    }

    /// A machine of a botnet, by its number in 172.16.0.0/12.
    pub(crate) fn bot(number: u64) -> Self {
        let bits = 0xac10_0000 | (u32::try_from(number & 0x000f_ffff).unwrap_or(0));
        Self { address: Ipv4Addr::from_bits(bits).into(), is_provider: false }
    }

    /// Where the same sender comes from the next time.
    fn again(self, chance: &mut Chance) -> Self {
        match self.address {
            IpAddr::V4(address) if self.is_provider => Self::of_provider(usize::from(address.octets()[2]), chance),
            _ => self,
        }
    }
}

/// A message for one recipient.
#[derive(Clone, Debug)]
pub(crate) struct TrialMessage {
    /// When it is tried now, and when it was tried first.
    pub(crate) at: Timestamp,
    pub(crate) first: Timestamp,
    pub(crate) attempts: u32,
    pub(crate) organisation: usize,
    /// As it is written in the recipient's address.
    pub(crate) local: LocalPart,
    /// The true address that it is for.
    pub(crate) place: Option<usize>,
    pub(crate) client: MailClient,
    /// The reverse path; empty for the null sender.
    pub(crate) sender: Arc<str>,
    /// One message to two recipients has one.
    pub(crate) message_id: Arc<str>,
    pub(crate) kind: TrialKind,
    /// Why it was deferred first.
    pub(crate) deferred_by: Option<Reason>,
}

impl TrialMessage {
    /// The next attempt of a sender that was deferred; `None`: it gives up, or never comes again.
    pub(crate) fn again(mut self, chance: &mut Chance) -> Option<Self> {
        let wait = RETRY_FIRST.saturating_mul(1 << self.attempts.min(8)).min(RETRY_LONGEST);
        self.attempts += 1;
        self.at = self.at + wait;
        self.client = self.client.again(chance);
        (self.kind.comes_again() && self.at.since(self.first) < RETRY_LIFETIME).then_some(self)
    }
}

/// What happens at a time of the trial.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Mail(TrialMessage),
    /// The next guess of one source of an attack.
    Guess {
        attack: usize,
        source: usize,
    },
}

/// Something that happens at a time; what was planned first comes first.
#[derive(Clone, Debug)]
pub(crate) struct TrialEvent {
    pub(crate) at: Timestamp,
    pub(crate) number: u64,
    pub(crate) what: Happening,
}

impl PartialEq for TrialEvent {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for TrialEvent {}

impl PartialOrd for TrialEvent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest, as a heap wants it.
impl Ord for TrialEvent {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}
