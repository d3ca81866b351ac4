//! Learning: lists that grow from the mail itself. Nobody asks for it: the server looks now and then. What a delivery
//! showed is counted first, then decided on, and what is added goes by the one way that every change of a list goes.
//!
//! Each step may be repeated: a crash behind any of them loses nothing and adds nothing twice. The spool keeps an outcome
//! until it is counted, the store knows which ones are, and a candidate waits until its address is on the list.
//!
//! | module | what it is |
//! |---|---|
//! | `deliveries` | outcomes of deliveries become candidates |
//! | `additions` | candidates that have what it needs are added |
//! | `plus_controls` | whether the domain's server takes `user+tag` |
//! | `questions` | what else the domain's server is asked for |
//! | `trials` | the clock of a domain's trial, and its notices |

mod additions;
mod deliveries;
mod plus_controls;
mod questions;
mod trials;

use crate::error::ActionError;
use crate::services::Services;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Actor, Via};
use doorlist_core::domain::{DomainId, Mode};
use doorlist_core::time::Timestamp;
use doorlist_store::{LearningBook, Spool};
use questions::Questions;
use std::time::Duration;

/// One node at a time adds addresses; another, or the same one behind a crash, may begin after this time, which is harmless.
const LEASE: Duration = Duration::from_secs(30);

/// Learns from one spool. It remembers what servers were asked of late, so that none is asked too often.
pub struct Learner {
    services: Services,
    spool: Spool,
    questions: Questions,
    /// The last domain that a look decided on: the next look begins behind it.
    last: Option<DomainId>,
}

/// What was added to a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    pub domain: DomainName,
    pub addresses: u64,
}

impl Learner {
    /// Learns from the deliveries of this spool.
    pub fn new(services: Services, spool: Spool) -> Self {
        Self { services, spool, questions: Questions::default(), last: None }
    }

    /// Waits until there is something to learn from.
    pub async fn taught(&self) {
        self.spool.taught().await;
    }

    /// Counts what deliveries showed, begins trials, and adds what may be added.
    ///
    /// # Errors
    /// When the store fails; the next look goes on from there.
    pub async fn look(&mut self) -> Result<Vec<Learned>, ActionError> {
        self.begin_trials().await?;
        self.count_deliveries().await?;
        // Looked at first: where nothing waits, nothing is written.
        let book = LearningBook::of(&self.services.recipients);
        let waiting = book.waiting_domains().await?;
        if waiting.is_empty() || !self.leads("learning").await? {
            return Ok(Vec::new());
        }
        self.add_addresses(waiting).await
    }

    /// Tells of trials that end, and ends them. Gives a sentence for each that ended or began.
    ///
    /// # Errors
    /// When the store fails; the next look goes on from there.
    pub async fn look_at_trials(&self) -> Result<Vec<String>, ActionError> {
        let list = self.services.recipients.snapshot();
        let has_trials = list.domains().values().any(|domain| matches!(domain.mode, Mode::Learn { .. }));
        if !has_trials || !self.leads("trials").await? {
            return Ok(Vec::new());
        }
        self.tell_of_trials().await
    }

    /// Whether this node is the one that does it now.
    async fn leads(&self, what: &str) -> Result<bool, ActionError> {
        Ok(self.services.book.take_lease(what, &self.services.node, self.now(), LEASE).await?)
    }

    fn now(&self) -> Timestamp {
        self.services.now()
    }
}

/// Who stands in the change log for what mail teaches.
fn actor() -> Actor {
    Actor { name: "learning".to_owned(), via: Via::Learning }
}
