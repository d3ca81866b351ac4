//! What deliveries showed of recipients that are on no list, from the commit that settles their message until somebody has
//! counted it: a crash between the two loses nothing. Must not know what follows from it.

use super::Spool;
use doorlist_core::address::Address;
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Outcomes that may wait to be counted; of more, no evidence is kept.
pub const OUTCOMES_MAX: usize = 50_000;

/// A message and the place of one of its recipients: nothing has two outcomes.
pub type DeliveryKey = (QueueId, u32);

/// The domain's own server took a message for a recipient that is on no list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryOutcome {
    pub id: QueueId,
    /// The place of the recipient in the envelope.
    pub recipient: u32,
    pub domain: DomainId,
    /// With the name by which it was asked for: the domain's own or a domain alias.
    pub address: Address,
    /// The reverse path as written; empty for the null sender.
    pub sender: Box<str>,
    /// Who took it, as `host:port`.
    pub server: Box<str>,
    /// What it said, as a code: `2.0.0`.
    pub status: Box<str>,
    /// When it said so.
    pub at: Timestamp,
    pub verdict: ContentVerdict,
}

impl DeliveryOutcome {
    pub fn key(&self) -> DeliveryKey {
        (self.id, self.recipient)
    }

    /// The text of its row. Numbers, words and texts always have a JSON form.
    pub(super) fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a row's text.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }
}

impl Spool {
    /// Notes what a delivery showed, before its message is settled: it is on stable storage when that is, and stays until
    /// [`Spool::counted`].
    pub fn teach(&self, outcome: DeliveryOutcome) {
        if self.shared.index().teach(outcome) {
            self.shared.wake.notify_one();
        }
    }

    /// Outcomes on stable storage that nobody has counted yet, up to `limit`.
    pub fn outcomes(&self, limit: usize) -> Vec<Arc<DeliveryOutcome>> {
        self.shared.index().outcomes(limit)
    }

    /// Outcomes that were not kept, since too many waited.
    pub fn outcomes_dropped(&self) -> u64 {
        self.shared.index().outcomes_dropped()
    }

    /// Waits until an outcome is written. One that is written between two calls is not missed.
    pub async fn taught(&self) {
        self.shared.taught.notified().await;
    }

    /// Forgets outcomes that are counted. Where that is lost with a crash they come again.
    pub fn counted(&self, keys: &[DeliveryKey]) {
        if self.shared.index().counted(keys) {
            self.shared.wake.notify_one();
        }
    }
}
