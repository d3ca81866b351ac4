//! Making plans, for whoever asks.

use super::{source, undo};
use crate::recipients::handle::{RecipientStore, now};
use crate::recipients::outcome::ApplyError;
use crate::work_progress::WorkProgress;
use doorlist_core::change::Actor;
use doorlist_core::list_change::{Planned, SourcePlan};
use doorlist_core::time::Timestamp;

impl RecipientStore {
    /// Compares what a source says with the list. With `stage`, the summary of the change to be, the rows are kept to be
    /// applied as [`doorlist_core::change::Change::Plan`].
    ///
    /// # Errors
    /// When the domain is not ours, or the store fails.
    pub async fn plan_source(
        &self,
        plan: &SourcePlan<'_>,
        actor: &Actor,
        stage: Option<&str>,
    ) -> Result<Planned, ApplyError> {
        self.plan_source_at(plan, actor, stage, now()).await
    }

    /// [`RecipientStore::plan_source`] at a given time: grace is counted from there.
    pub async fn plan_source_at(
        &self,
        plan: &SourcePlan<'_>,
        actor: &Actor,
        stage: Option<&str>,
        now: Timestamp,
    ) -> Result<Planned, ApplyError> {
        self.plan_source_counting(plan, actor, stage, now, &WorkProgress::default()).await
    }

    /// [`RecipientStore::plan_source_at`], which says meanwhile how far it is.
    pub async fn plan_source_counting(
        &self,
        plan: &SourcePlan<'_>,
        actor: &Actor,
        stage: Option<&str>,
        now: Timestamp,
        progress: &WorkProgress,
    ) -> Result<Planned, ApplyError> {
        let planned = source::plan(self.db(), plan, actor, stage, now, progress).await;
        progress.begin(0);
        planned
    }

    /// The inverse of a change: each address and domain as it was before, unless it was changed again since.
    ///
    /// # Errors
    /// When there is no such change, it is older than [`UNDO_MAX`](undo::UNDO_MAX), or the store fails.
    pub async fn plan_undo(&self, change: u64, actor: &Actor, stage: Option<&str>) -> Result<Planned, ApplyError> {
        self.plan_undo_at(change, actor, stage, now()).await
    }

    /// [`RecipientStore::plan_undo`] at a given time: a change's age is counted up to there.
    pub async fn plan_undo_at(
        &self,
        change: u64,
        actor: &Actor,
        stage: Option<&str>,
        now: Timestamp,
    ) -> Result<Planned, ApplyError> {
        undo::plan(self, change, actor, stage, now).await
    }
}
