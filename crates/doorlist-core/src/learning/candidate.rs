//! What is kept of an address that gets clean mail, that its server takes, and that is on no list.

use crate::address::{DomainName, LocalPart};
use crate::queue_id::QueueId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Distinct senders of a candidate that are remembered; of more, only that there are more.
pub const SENDERS_KEPT_MAX: usize = 16;
/// Octets of a sender that are remembered.
const SENDER_MAX: usize = 254;

/// What one delivery showed: the domain's server took a clean message for the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The message that was taken.
    pub queue_id: QueueId,
    /// When the server took it.
    pub at: Timestamp,
    /// The name by which the address was asked for: the domain's own or a domain alias.
    pub name: DomainName,
    /// The reverse path as written; empty for the null sender.
    pub sender: Box<str>,
    /// Who took it, as `host:port`.
    pub server: Box<str>,
    /// What it said, as a code: `2.0.0`.
    pub status: Box<str>,
    /// When that server refused a random name, behind the delivery; `None`: not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Timestamp>,
}

impl Evidence {
    /// The domain of the sender, in lower case; `None` for the null sender.
    pub fn sender_domain(&self) -> Option<String> {
        let (_, domain) = self.sender.rsplit_once('@')?;
        Some(domain.to_ascii_lowercase())
    }

    /// Whether the message may add an address. One from the null sender may not: bounces go to addresses that somebody
    /// forged.
    pub fn may_add(&self) -> bool {
        !self.sender.is_empty()
    }
}

/// What becomes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateState {
    /// It may be added by itself: answers of its server are waited for.
    Waiting,
    /// It has everything that an addition needs; only the day is full.
    Proven,
    /// Somebody decides on it.
    Seen,
    /// Somebody has decided that it is not to be shown.
    Ignored,
}

impl CandidateState {
    /// The word in the store and on screen.
    pub fn word(self) -> &'static str {
        match self {
            CandidateState::Waiting => "waiting",
            CandidateState::Proven => "proven",
            CandidateState::Seen => "seen",
            CandidateState::Ignored => "ignored",
        }
    }
}

/// An address that gets clean mail, that its server takes, and that is on no list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub local: LocalPart,
    pub state: CandidateState,
    /// Clean messages that were taken for it.
    pub messages: u64,
    /// Distinct senders, in lower case, up to [`SENDERS_KEPT_MAX`].
    pub senders: Vec<Box<str>>,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The delivery by which it may be added; else the last one.
    pub evidence: Evidence,
}

impl Candidate {
    /// An address of which this is the first evidence. `learns`: the domain is in its trial.
    pub fn new(local: LocalPart, evidence: Evidence, learns: bool) -> Self {
        let state = if learns && evidence.may_add() { CandidateState::Waiting } else { CandidateState::Seen };
        let mut candidate = Self {
            local,
            state,
            messages: 0,
            senders: Vec::new(),
            first_seen: evidence.at,
            last_seen: evidence.at,
            evidence: evidence.clone(),
        };
        candidate.count(&evidence);
        candidate
    }

    /// One more delivery. What waits already waits with the evidence that it has; what somebody ignores stays so.
    pub fn seen(&mut self, evidence: Evidence, learns: bool) {
        self.count(&evidence);
        match self.state {
            CandidateState::Seen if learns && evidence.may_add() => {
                (self.state, self.evidence) = (CandidateState::Waiting, evidence);
            }
            CandidateState::Seen => self.evidence = evidence,
            CandidateState::Waiting | CandidateState::Proven | CandidateState::Ignored => {}
        }
    }

    fn count(&mut self, evidence: &Evidence) {
        self.messages = self.messages.saturating_add(1);
        self.first_seen = self.first_seen.min(evidence.at);
        self.last_seen = self.last_seen.max(evidence.at);
        let sender = evidence.sender.to_lowercase();
        let is_new = !self.senders.iter().any(|known| **known == *sender);
        if is_new && self.senders.len() < SENDERS_KEPT_MAX && sender.len() <= SENDER_MAX {
            self.senders.push(sender.into());
        }
    }

    /// Its senders, as a number: `3`, or `16+` where more are not told apart.
    pub fn senders_text(&self) -> String {
        let more = if self.senders.len() >= SENDERS_KEPT_MAX { "+" } else { "" };
        format!("{}{more}", self.senders.len())
    }
}
