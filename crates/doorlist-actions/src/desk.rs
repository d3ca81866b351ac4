//! What a caller of the API does: the same actions as a command's, each behind the question whether this caller may. A
//! [`Desk`] is made for one caller; what the caller may not see is not found, and what may be changed has the type
//! [`Editable`], which only the desk makes. Must not know HTTP, JSON or how fields are called outside.
//!
//! | module | what it is |
//! |---|---|
//! | `identity` | from a key to a caller |
//! | `tenants`, `domains`, `servers`, `accounts`, `aliases`, `people`, `admins` | the nouns |
//! | `bulk` | many accounts at once |
//! | `proof` | whose domain it is |

mod accounts;
mod admins;
mod aliases;
mod bulk;
mod commands;
mod domains;
mod error;
mod identity;
mod people;
mod proof;
mod pushes;
mod rules;
mod servers;
mod tenants;

pub use accounts::{AccountPatch, NewAccount};
pub use admins::NewAdmin;
pub use bulk::{BULK_MAX, BulkAdded};
pub use domains::{DomainPatch, NewDomain};
pub use doorlist_store::mail_policy::RuleOwner;
pub use error::DeskError;
pub use identity::{Caller, Credentials};
pub use proof::{PROOF_NAME, PROOF_WORD};
pub use pushes::{PUSH_WINDOW, PushPartOf, PushWish};
pub use rules::NewSenderRule;
pub use servers::{NewServer, ServerPatch};

use crate::office::Office;
use crate::work_pool::WorkPool;
use doorlist_core::access::{Access, KeyTerms, Lineage, Permission};
use doorlist_core::change::{Actor, Change, ChangeSet, NamedBy, Via};
use doorlist_store::directory::{Applied, ApplyError};
use doorlist_store::tenants::{Placed, View};

/// The list may move while a change to it is put together; so often it is put together again.
const TRIES: usize = 5;

/// The office as one caller has it.
#[derive(Clone)]
pub struct Desk {
    office: Office,
    view: View,
    caller: Caller,
}

/// An object that this caller may change.
#[derive(Debug)]
pub struct Editable<T>(Placed<T>);

impl<T> Editable<T> {
    /// The object as it is.
    pub fn row(&self) -> &T {
        &self.0.row
    }

    fn lineage(&self) -> &Lineage {
        &self.0.lineage
    }
}

impl Desk {
    /// For this caller.
    pub fn of(office: &Office, caller: Caller) -> Self {
        Self { view: office.tenants.seen_by(&caller.access), office: office.clone(), caller }
    }

    /// What the caller sees.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Who it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The threads for what is heavy.
    pub fn work(&self) -> &WorkPool {
        &self.office.work
    }

    fn access(&self) -> &Access {
        &self.caller.access
    }

    fn actor(&self) -> Actor {
        Actor { name: self.caller.login.clone(), via: Via::Api }
    }

    /// An object that was found, for changing it.
    ///
    /// # Errors
    /// When there is none that the caller can see, or the caller may only look at it.
    pub fn editable<T>(&self, found: Option<Placed<T>>) -> Result<Editable<T>, DeskError> {
        let placed = found.ok_or(DeskError::NotFound)?;
        self.may_change(&placed.lineage)?;
        Ok(Editable(placed))
    }

    /// An object that was found, for taking it away: who may change what it stands under may do that.
    ///
    /// # Errors
    /// As [`Desk::editable`].
    pub fn removable<T>(&self, found: Option<Placed<T>>) -> Result<Editable<T>, DeskError> {
        let placed = found.ok_or(DeskError::NotFound)?;
        self.may_change(&placed.lineage.parent())?;
        Ok(Editable(placed))
    }

    /// Whether what the level above decides about this object is the caller's to say.
    pub fn speaks_for_above<T>(&self, placed: &Placed<T>) -> bool {
        self.may_change(&placed.lineage.parent()).is_ok()
    }

    fn may_change(&self, lineage: &Lineage) -> Result<(), DeskError> {
        match self.access().on(lineage) {
            Permission::Change => Ok(()),
            Permission::See | Permission::Nothing => Err(DeskError::Forbidden),
        }
    }

    /// Whether the caller's key covers credentials of these terms: with it nothing beyond them is made, renewed or revoked.
    ///
    /// # Errors
    /// [`DeskError::BeyondKey`] when it does not.
    fn may_make(&self, terms: &KeyTerms) -> Result<(), DeskError> {
        if self.caller.terms.covers(terms) { Ok(()) } else { Err(DeskError::BeyondKey) }
    }

    /// Whether the caller runs this Doorlist.
    pub fn is_operator(&self) -> bool {
        self.access().on(&Lineage::default()) == Permission::Change
    }

    /// As whom the caller names mail servers.
    fn names_as(&self) -> NamedBy {
        if self.is_operator() { NamedBy::Operator } else { NamedBy::Tenant }
    }

    async fn apply(&self, changes: Vec<Change>, summary: String) -> Result<Applied, DeskError> {
        Ok(self.office.apply(changes, summary, &self.actor()).await?)
    }

    /// Applies changes that were put together from what the list was at `base`; `None` if it moved since, and they must be
    /// put together again.
    async fn apply_on(
        &self,
        base: u64,
        changes: Vec<Change>,
        summary: &str,
        tried: usize,
    ) -> Result<Option<Applied>, DeskError> {
        let set = ChangeSet { changes, summary: summary.to_owned() };
        match self.office.directory.apply(&set, &self.actor(), Some(base)).await {
            Err(ApplyError::Moved { .. }) if tried < TRIES => Ok(None),
            other => Ok(Some(other.map_err(crate::error::ActionError::from)?)),
        }
    }

    /// The version that changes are put together on.
    async fn base(&self) -> Result<u64, DeskError> {
        Ok(self.office.directory.version().await?)
    }
}
