//! What is not kept for ever goes: plans that nobody decided on, the oldest of the audit, and all that the store's own rules
//! name. One node at a time does it for all; each trims its own audit. Must not know where rows are.

use crate::audit::AuditTerms;
use crate::error::ActionError;
use crate::pushes::PARTS_WAIT;
use crate::services::Services;
use doorlist_store::Retention;
use doorlist_store::retention::RetentionLimits;
use std::time::Duration;

/// Whoever trims holds this lease; another node may begin after it, which is harmless.
const LEASE: Duration = Duration::from_mins(15);
/// Plans that nobody decided on are thrown away after this time.
const PLANS_WAIT: Duration = Duration::from_hours(30 * 24);
/// A plan that is still being written after this time was left behind by a process that ended.
const STAGING_MAX: Duration = Duration::from_hours(6);

/// Retention times and limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionTerms {
    pub audit: AuditTerms,
    pub store: RetentionLimits,
}

impl Services {
    /// Removes what is beyond its term or size; tells what an operator may want to know, a sentence each.
    ///
    /// # Errors
    /// When the store fails, or exported lines cannot be written; the rest is done the next time.
    pub async fn sweep(&self) -> Result<Vec<String>, ActionError> {
        let now = self.now();
        if self.book.take_lease("sweep", &self.node, now, LEASE).await? {
            self.recipients.sweep_plans(now - PLANS_WAIT, now - STAGING_MAX).await?;
            self.book.forget_pushes(now - PARTS_WAIT).await?;
            Retention::of(&self.recipients).trim(&self.retention.store, now).await?;
            self.contacts.forget(now).await?;
            self.ask_contacts().await?;
            self.audit_forget_nodes().await?;
        }
        self.audit_trim().await
    }
}
