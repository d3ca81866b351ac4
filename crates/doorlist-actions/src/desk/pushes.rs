//! The full state of a domain, pushed by an identity system or an agent.

use super::{Desk, DeskError};
use crate::guarded::Then;
use crate::push::{PushItem, PushReport};
use doorlist_core::address::DomainName;
use doorlist_core::shrink_guard::OperationLimits;
use std::time::Duration;

/// In this time only so many pushes of one domain are taken (`api.pushes_per_12h`).
pub const PUSH_WINDOW: Duration = Duration::from_hours(12);

impl Desk {
    /// Takes the state over, or shows what would come of it. A test is not counted.
    ///
    /// # Errors
    /// When the caller may not change the domain, it came too often, or names no address of the domain.
    pub async fn push(&self, domain: &DomainName, items: &[PushItem], is_test: bool) -> Result<PushReport, DeskError> {
        let found = self.view().domain_of_name(domain).await?;
        let domain = self.editable(found)?;
        let name = &domain.row().name;
        if !is_test {
            self.may_push(name).await?;
        }
        let then = if is_test { Then::Show } else { Then::Apply };
        Ok(self.office.push(name, items, OperationLimits::default(), then, &self.actor()).await?)
    }

    async fn may_push(&self, domain: &DomainName) -> Result<(), DeskError> {
        let now = (self.office.clock)();
        let pushed = self.office.book.runs_since("push", domain, now - PUSH_WINDOW).await?;
        if pushed.len() < self.office.pushes_max as usize {
            return Ok(());
        }
        // The oldest that counts makes room when it is out of the window.
        let oldest = pushed.first().copied().unwrap_or(now);
        let message = format!(
            "{domain} was pushed {} times within 12 hours, and at most {} are taken (api.pushes_per_12h); with \
             test_run=1 nothing is counted",
            pushed.len(),
            self.office.pushes_max
        );
        Err(DeskError::Limit { message, again: (oldest + PUSH_WINDOW).since(now) })
    }
}
