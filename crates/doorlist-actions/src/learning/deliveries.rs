//! Outcomes of deliveries become candidates: each is counted once, and goes from the spool when it is.

use super::Learner;
use crate::error::ActionError;
use doorlist_core::learning::Evidence;
use doorlist_core::list::{Match, Snapshot};
use doorlist_core::verdict::ContentVerdict;
use doorlist_store::LearningBook;
use doorlist_store::learning::CountedDelivery;
use doorlist_store::spool::{DeliveryKey, DeliveryOutcome};

/// Outcomes that are counted in one transaction.
const BATCH: usize = 500;

impl Learner {
    /// Counts everything that waits.
    pub(super) async fn count_deliveries(&self) -> Result<(), ActionError> {
        let book = LearningBook::of(&self.services.recipients);
        loop {
            let outcomes = self.spool.outcomes(BATCH);
            if outcomes.is_empty() {
                return Ok(());
            }
            let list = self.services.recipients.snapshot();
            let deliveries: Vec<_> = outcomes.iter().filter_map(|outcome| counted(outcome, &list)).collect();
            book.count(&deliveries, self.now()).await?;
            let keys: Vec<DeliveryKey> = outcomes.iter().map(|outcome| outcome.key()).collect();
            self.spool.counted(&keys);
            // Where it cannot be written now, the outcomes come again after a crash, and are known then.
            if self.spool.flush().await.is_ok() {
                let counted: Vec<DeliveryKey> = deliveries.iter().map(|delivery| delivery.key).collect();
                book.forget_counted(&counted).await?;
            }
        }
    }
}

/// What counts of an outcome: a clean message for an address of a domain that is ours, which is still on no list.
fn counted(outcome: &DeliveryOutcome, list: &Snapshot) -> Option<CountedDelivery> {
    let DeliveryOutcome { domain: id, address, sender, server, status, at, verdict, .. } = outcome;
    let domain = list.domain(address.domain()).filter(|domain| domain.id == *id)?;
    if *verdict != ContentVerdict::Clean || list.lookup(domain, address) != Match::Unlisted {
        return None;
    }
    Some(CountedDelivery {
        key: outcome.key(),
        domain: domain.id,
        local: address.local().clone(),
        evidence: Evidence {
            queue_id: outcome.id,
            at: *at,
            name: address.domain().clone(),
            sender: sender.clone(),
            server: server.clone(),
            status: status.clone(),
            control: None,
        },
        learns: domain.mode.learns(*at),
    })
}
