//! The full state of a domain, pushed by an identity system or an agent.

use super::parts::{PartWish, PushAnswer};
use super::reader::{PushContent, PushReader, PushState};
use crate::actions::Actions;
use crate::apply_source::Then;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
use std::time::Duration;

/// In this time only so many pushes of one domain are taken (`api.pushes_per_12h`).
pub const PUSH_WINDOW: Duration = Duration::from_hours(12);

/// A push as the API takes it.
#[derive(Debug)]
pub struct PushWish {
    pub domain: DomainName,
    /// The accounts, all of them or those of this part, and how many changes may be made.
    pub state: PushState,
    /// Only show what would come of it.
    pub is_test: bool,
    /// Which part of which push this is.
    pub part: Option<PushPartOf>,
}

/// A part of a push: its number, of how many, and the word that names the push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushPartOf {
    pub push: String,
    /// Position in octets, counted from 1.
    pub part: u32,
    pub parts: u32,
}

impl Actions {
    /// Takes the state over, or shows what would come of it. A test is not counted; a push in parts counts once.
    ///
    /// # Errors
    /// When the caller may not change the domain, it came too often, or names no address of the domain.
    pub async fn push(&self, wish: PushWish) -> Result<PushAnswer, ActionError> {
        let domain = self.may_be_pushed(&wish.domain).await?;
        let is_first = wish.part.as_ref().is_none_or(|part| part.part == 1);
        if !wish.is_test && is_first {
            self.may_push(&domain).await?;
        }
        let PushWish { state: PushState { content, limits }, is_test, part, .. } = wish;
        let actions = self.clone();
        let job = async move {
            match (content, part) {
                (PushContent::Part(items), Some(PushPartOf { push, part, parts })) => {
                    let wish = PartWish { domain, push, part, parts, items, limits, apply: !is_test, reason: None };
                    Box::pin(actions.push_part(wish)).await
                }
                (PushContent::Whole(reading), None) => {
                    let then = if is_test { Then::Show } else { Then::Apply };
                    let report = Box::pin(actions.push_at_once(reading, limits, then)).await?;
                    Ok(PushAnswer::Done(Box::new(report)))
                }
                _ => Err(ActionError::new(ErrorKind::Usage, "a part of a push is read as a part")),
            }
        };
        // What has been read is not refused for want of room.
        self.services.work.for_those_who_wait().run(job).await?
    }

    /// Reads what is pushed of a domain, whole or a part of it, while it comes in.
    ///
    /// # Errors
    /// When there is no such domain.
    pub async fn push_reader(&self, domain: &DomainName, is_part: bool) -> Result<PushReader, ActionError> {
        let content = match is_part {
            true => PushContent::Part(Vec::new()),
            false => PushContent::Whole(self.services.push_reading(domain).await?),
        };
        Ok(PushReader::of(content))
    }

    /// Whether the caller may push this domain; its own name. To be asked before what is pushed is read.
    ///
    /// # Errors
    /// When there is none that the caller can see, or the caller may only look at it.
    pub async fn may_be_pushed(&self, domain: &DomainName) -> Result<DomainName, ActionError> {
        let found = self.view().domain_of_name(domain).await?;
        Ok(self.editable(found)?.row().name.clone())
    }

    async fn may_push(&self, domain: &DomainName) -> Result<(), ActionError> {
        let now = self.now();
        let pushed = self.services.book.runs_since("push", domain, now - PUSH_WINDOW).await?;
        if pushed.len() < self.services.pushes_max as usize {
            return Ok(());
        }
        // The oldest that counts makes room when it is out of the window.
        let oldest = pushed.first().copied().unwrap_or(now);
        let message = format!(
            "{domain} was pushed {} times within 12 hours, and at most {} are taken (api.pushes_per_12h); with \
             test_run=1 nothing is counted",
            pushed.len(),
            self.services.pushes_max
        );
        Err(ActionError::Limit { message, again: (oldest + PUSH_WINDOW).since(now) })
    }
}
