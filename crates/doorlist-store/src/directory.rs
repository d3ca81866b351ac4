//! The one door to the list: [`Directory::snapshot`] for reading, [`Directory::apply`] for every change.
//!
//! Reads are an `Arc` clone and cannot fail; a change is one transaction that writes the rows, the change log and the
//! new version, then publishes the next snapshot. Must not know who asks, nor what is answered to a recipient.

mod outcome;
mod records;
mod routes;

pub use outcome::{Applied, ApplyError, NOTES_MAX, Note, Refusal};
pub use records::{
    AccountDetails, AccountFilter, AddressEntry, AddressRecord, ChangeEntry, ChangeRow, ClaimRecord, DomainDetails,
    DomainRecord, DomainSummary, ListCounts,
};
pub use routes::{DomainRoute, RouteTable};

use crate::error::StoreError;
use crate::url::StoreUrl;
use arc_swap::ArcSwap;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::{Actor, ChangeSet};
use doorlist_core::list::{AddressId, Seed, Snapshot};
use std::sync::Arc;

/// Rows that one page of a read has at most.
pub const PAGE_MAX: u32 = 10_000;

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

    /// What `apply` would do with this change set now. Writes nothing.
    pub async fn plan(&self, _set: &ChangeSet) -> Result<Applied, ApplyError> {
        Ok(Applied { version: self.snapshot().version(), ..Applied::default() })
    }

    /// All domains, by name.
    pub async fn domains(&self) -> Result<Vec<DomainSummary>, StoreError> {
        Ok(Vec::new())
    }

    /// The domain that this name or domain alias leads to.
    pub async fn domain(&self, _name: &DomainName) -> Result<Option<DomainDetails>, StoreError> {
        Ok(None)
    }

    /// Accounts of a domain with their aliases, in byte order of their local parts.
    pub async fn accounts(&self, _filter: &AccountFilter) -> Result<Vec<AccountDetails>, StoreError> {
        Ok(Vec::new())
    }

    /// An address with the aliases that lead to it.
    pub async fn account(&self, _address: &Address) -> Result<Option<AccountDetails>, StoreError> {
        Ok(None)
    }

    /// All addresses of a domain, in byte order of their local parts.
    pub async fn addresses(
        &self,
        _domain: &DomainName,
        _after: Option<&LocalPart>,
        _limit: u32,
    ) -> Result<Vec<AddressEntry>, StoreError> {
        Ok(Vec::new())
    }

    /// The address of a row.
    pub async fn entry_of(&self, _id: AddressId) -> Result<Option<AddressEntry>, StoreError> {
        Ok(None)
    }

    /// The change log, newest first.
    pub async fn changes(
        &self,
        _domain: Option<&DomainName>,
        _before: Option<u64>,
        _limit: u32,
    ) -> Result<Vec<ChangeEntry>, StoreError> {
        Ok(Vec::new())
    }

    /// One entry of the change log.
    pub async fn change(&self, _id: u64) -> Result<Option<ChangeEntry>, StoreError> {
        Ok(None)
    }

    /// What a change changed, behind the row `after`; with it what to ask for next.
    pub async fn change_rows(
        &self,
        _id: u64,
        _after: Option<u64>,
        _limit: u32,
    ) -> Result<(Vec<ChangeRow>, Option<u64>), StoreError> {
        Ok((Vec::new(), None))
    }

    /// Takes up what other processes and nodes write; runs until it is dropped.
    pub async fn follow(&self) {
        std::future::pending().await
    }
}
