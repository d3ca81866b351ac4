//! Domains whose trial begins: their first message was accepted. Kept in memory until the change is made; one that is lost
//! with a crash begins with the next message.

use super::RecipientStore;
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Domains that wait; more begin with a later message.
const WAITING_MAX: usize = 10_000;

/// The first messages of domains, and when they were accepted.
#[derive(Debug, Default)]
pub(super) struct FirstMessages(Mutex<BTreeMap<DomainId, Timestamp>>);

impl RecipientStore {
    /// A message was accepted for a domain whose trial has not begun.
    pub fn note_first_message(&self, domain: DomainId, now: Timestamp) {
        let mut waiting = self.shared.first_messages.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING_MAX {
            waiting.entry(domain).or_insert(now);
        }
    }

    /// Takes the domains that wait for their trial.
    pub fn take_first_messages(&self) -> BTreeMap<DomainId, Timestamp> {
        std::mem::take(&mut *self.shared.first_messages.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
