//! Everything that a person or a script can do, for one caller. [`Actions::run`] takes a request of any surface; the API's
//! objects have methods of their own, which end in the same changes. What the caller may not see is not found, and what
//! may be changed has the type [`Editable`], which is made here alone.

use crate::caller::Caller;
use crate::error::ActionError;
use crate::request::Request;
use crate::response::Response;
use crate::services::Services;
use crate::work_pool::WorkPool;
use doorlist_core::access::{Access, KeyTerms, Lineage, Permission};
use doorlist_core::change::{Actor, Change, ChangeSet, NamedBy};
use doorlist_core::time::Timestamp;
use doorlist_store::recipients::{Applied, ApplyError};
use doorlist_store::tenants::{Placed, View};
use std::sync::Arc;

/// A change is put together again so often if the list changes meanwhile.
const TRIES: usize = 5;

/// The actions of one caller.
#[derive(Clone)]
pub struct Actions {
    pub(crate) services: Arc<Services>,
    caller: Arc<Caller>,
    view: View,
}

/// An object that this caller may change.
#[derive(Debug)]
pub struct Editable<T>(pub(crate) Placed<T>);

impl<T> Editable<T> {
    /// The object as it is.
    pub fn row(&self) -> &T {
        &self.0.row
    }

    pub(crate) fn lineage(&self) -> &Lineage {
        &self.0.lineage
    }
}

impl Actions {
    /// The actions of this caller.
    pub fn of(services: &Arc<Services>, caller: Caller) -> Self {
        let view = services.tenants.seen_by(&caller.access);
        Self { services: Arc::clone(services), caller: Arc::new(caller), view }
    }

    /// The objects that the caller sees.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// For whom they act.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The threads for heavy work.
    pub fn work(&self) -> &WorkPool {
        &self.services.work
    }

    /// Does what a request asks, if the caller may; on the threads for heavy work where it is heavy.
    ///
    /// # Errors
    /// What the action itself says, [`ActionError::Forbidden`], or [`ErrorKind::Busy`](crate::ErrorKind::Busy) when the
    /// queue for heavy work is full.
    pub async fn run(&self, request: impl Into<Request>) -> Result<Response, ActionError> {
        let request = request.into();
        self.may_run(&request).await?;
        if !request.is_heavy() {
            return request.run(self).await;
        }
        let actions = self.clone();
        self.services.work.run(async move { request.run(&actions).await }).await?
    }

    /// The moment of what is asked for.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.services.now()
    }

    pub(crate) fn access(&self) -> &Access {
        &self.caller.access
    }

    pub(crate) fn actor(&self) -> Actor {
        self.caller.actor()
    }

    /// An object that was found, for changing it.
    ///
    /// # Errors
    /// [`ActionError::NotFound`], or [`ActionError::Forbidden`] where the caller may only look at it.
    pub fn editable<T>(&self, found: Option<Placed<T>>) -> Result<Editable<T>, ActionError> {
        let placed = found.ok_or(ActionError::NotFound)?;
        self.may_change(&placed.lineage)?;
        Ok(Editable(placed))
    }

    /// An object that was found, for removing it: whoever may change what it stands under may do that.
    ///
    /// # Errors
    /// As [`Actions::editable`].
    pub fn removable<T>(&self, found: Option<Placed<T>>) -> Result<Editable<T>, ActionError> {
        let placed = found.ok_or(ActionError::NotFound)?;
        self.may_change(&placed.lineage.parent())?;
        Ok(Editable(placed))
    }

    /// Whether the caller decides what the level above decides about this object.
    pub fn speaks_for_above<T>(&self, placed: &Placed<T>) -> bool {
        self.may_change(&placed.lineage.parent()).is_ok()
    }

    pub(crate) fn may_change(&self, lineage: &Lineage) -> Result<(), ActionError> {
        match self.access().on(lineage) {
            Permission::Change => Ok(()),
            Permission::See | Permission::Nothing => Err(ActionError::Forbidden),
        }
    }

    /// Whether the caller's key covers credentials of these terms: with it nothing beyond them is made, renewed or revoked.
    pub(crate) fn may_make(&self, terms: &KeyTerms) -> Result<(), ActionError> {
        if self.caller.terms.covers(terms) { Ok(()) } else { Err(ActionError::BeyondKey) }
    }

    /// Whether the caller operates this Doorlist.
    pub fn is_operator(&self) -> bool {
        self.access().on(&Lineage::default()) == Permission::Change
    }

    /// As whom the caller names mail servers.
    pub(crate) fn names_as(&self) -> NamedBy {
        match (self.caller.on_machine, self.is_operator()) {
            (true, _) => NamedBy::Machine,
            (false, true) => NamedBy::Operator,
            (false, false) => NamedBy::Tenant,
        }
    }

    /// Every change of the list goes through here, or through [`Actions::apply_on`].
    pub(crate) async fn apply(&self, changes: Vec<Change>, summary: String) -> Result<Applied, ActionError> {
        Ok(self.services.recipients.apply(&ChangeSet { changes, summary }, &self.actor(), None).await?)
    }

    /// Applies changes that were put together from the list at version `base`; `None` if it has changed since, and they
    /// must be put together again.
    pub(crate) async fn apply_on(
        &self,
        base: u64,
        changes: Vec<Change>,
        summary: &str,
        tried: usize,
    ) -> Result<Option<Applied>, ActionError> {
        let set = ChangeSet { changes, summary: summary.to_owned() };
        match self.services.recipients.apply(&set, &self.actor(), Some(base)).await {
            Err(ApplyError::Moved { .. }) if tried < TRIES => Ok(None),
            other => Ok(Some(other?)),
        }
    }

    /// The version that changes are put together on.
    pub(crate) async fn base(&self) -> Result<u64, ActionError> {
        Ok(self.services.recipients.version().await?)
    }
}
