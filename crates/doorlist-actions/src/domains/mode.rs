//! The mode of a domain: what becomes of unlisted recipients.

use super::set::{DomainPatch, Enforcement};
use super::unlisted::ENFORCE_LOOK_DAYS;
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
use doorlist_core::policy::Verdict;
use doorlist_store::recipients::Applied;
use serde::{Deserialize, Serialize};

/// A mode as a person names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeWish {
    /// Ask the domain's own server and learn.
    Learn,
    /// Ask the domain's own server.
    Monitor,
    /// Accept mail only for mailboxes in the list.
    Enforce,
}

/// Changes the mode of a domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DomainMode {
    pub name: DomainName,
    pub mode: ModeWish,
    /// Without the soft period.
    pub now: bool,
    /// The domain's name, typed once more: needed to enforce an empty list, or one that lacks recipients.
    pub confirmed: Option<DomainName>,
}

impl Action for DomainMode {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    /// Enforces a list, softly at first. If that would concern recipients that were asked for of late, or the list is
    /// empty, the name must be typed once more.
    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        let Self { name, mode, now, confirmed } = self;
        if mode != ModeWish::Enforce {
            return Err(not_yet(mode));
        }
        if confirmed.as_ref() != Some(&name)
            && let Some(warning) = actions.enforce_warning(&name).await?
        {
            let message = format!(
                "{warning}. Nothing was changed. Add or import accounts first, or confirm with the domain's name \
                 (--confirm {name})"
            );
            return Err(ActionError::new(ErrorKind::Unconfirmed, message));
        }
        let enforcement = Some(if now { Enforcement::Full } else { Enforcement::Soft });
        actions.set_domain(&name, &DomainPatch { enforcement, ..DomainPatch::default() }).await
    }
}

impl Actions {
    /// What somebody should know before the list of this domain is enforced: it is empty, or recipients were deferred as
    /// unlisted of late; `None` if there is nothing. Where nobody can be asked for a confirmation, this is said behind the
    /// change.
    ///
    /// # Errors
    /// When the store fails, or there is no such domain.
    pub async fn enforce_warning(&self, name: &DomainName) -> Result<Option<String>, ActionError> {
        let empty = self.empty_list_warning(name).await?;
        let deferred = self.asked_in_vain(name, ENFORCE_LOOK_DAYS, &[Verdict::Defer]).await?.total();
        let asked = (deferred > 0).then(|| {
            let (recipients, are) = if deferred == 1 { ("recipient", "is") } else { ("recipients", "are") };
            format!(
                "{deferred} {recipients} of {name} that {are} not on the list {were} deferred in the last \
                 {ENFORCE_LOOK_DAYS} days (doorlist domain unlisted {name})",
                were = if deferred == 1 { "was" } else { "were" },
            )
        });
        let said: Vec<String> = empty.into_iter().chain(asked).collect();
        Ok((!said.is_empty()).then(|| said.join("; ")))
    }

    /// The part of it that holds as long as the list is enforced: it is empty.
    ///
    /// # Errors
    /// When the store fails, or there is no such domain.
    pub async fn empty_list_warning(&self, name: &DomainName) -> Result<Option<String>, ActionError> {
        let is_empty = self.services.domain_details(name).await?.summary.counts.listed() == 0;
        Ok(is_empty.then(|| {
            format!(
                "the list of {name} is empty: enforced, it defers all mail except for postmaster until it has an entry, \
                 and for 72 hours after that unlisted recipients are deferred"
            )
        }))
    }
}

fn not_yet(wish: ModeWish) -> ActionError {
    let mode = if wish == ModeWish::Learn { "learn" } else { "monitor" };
    let message = format!(
        "mode {mode} is not available in this version. Nothing was changed: until its list is enforced, a domain \
         defers unlisted recipients and loses no mail"
    );
    ActionError::new(ErrorKind::Unavailable, message)
}
