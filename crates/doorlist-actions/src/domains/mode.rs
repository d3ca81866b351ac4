//! The mode of a domain: what becomes of unlisted recipients.

use super::preview::ENFORCE_LOOK_DAYS;
use super::set::{DomainPatch, Enforcement};
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
use doorlist_core::preview::PreviewGroup;
use doorlist_store::recipients::Applied;
use serde::{Deserialize, Serialize};

/// The days of a trial that nobody says a number for.
const TRIAL_DAYS: u16 = 30;
/// The longest trial that somebody may set.
const LEARN_DAYS_MAX: u16 = 366;

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
    /// How long it learns, from now on; `None`: 30 days. Of use to mode learn alone.
    #[serde(default)]
    pub days: Option<u16>,
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

    /// Enforces a list, softly at first, or ends that. If enforcing would concern recipients that look real, or the list is
    /// empty, the name must be typed once more.
    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        let Self { name, mode, days, now, confirmed } = self;
        match mode {
            ModeWish::Learn => {
                let enforcement = Some(Enforcement::Learn(learning_days(days)?));
                return actions.set_domain(&name, &DomainPatch { enforcement, ..DomainPatch::default() }).await;
            }
            ModeWish::Monitor => {
                let enforcement = Some(Enforcement::Monitor);
                return actions.set_domain(&name, &DomainPatch { enforcement, ..DomainPatch::default() }).await;
            }
            ModeWish::Enforce => {}
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
    /// What somebody should know before the list of this domain is enforced: it is empty, or lacks recipients that look real;
    /// `None` if there is nothing. Where nobody can be asked for a confirmation, this is said behind the
    /// change.
    ///
    /// # Errors
    /// When the store fails, or there is no such domain.
    pub async fn enforce_warning(&self, name: &DomainName) -> Result<Option<String>, ActionError> {
        let empty = self.empty_list_warning(name).await?;
        let preview = self.preview(name, ENFORCE_LOOK_DAYS).await?;
        let real = preview.count(PreviewGroup::LooksReal);
        let real = (real > 0).then(|| {
            let (recipients, are, look) =
                if real == 1 { ("recipient", "is", "looks") } else { ("recipients", "are", "look") };
            format!(
                "{real} {recipients} of {name} that {are} not on the list {look} real: mail for them was delivered in the \
                 last {ENFORCE_LOOK_DAYS} days (doorlist domain preview {name})"
            )
        });
        let said: Vec<String> = empty.into_iter().chain(real).collect();
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

/// A trial that is begun anew has an end.
fn learning_days(days: Option<u16>) -> Result<u16, ActionError> {
    match days.unwrap_or(TRIAL_DAYS) {
        days @ 1..=LEARN_DAYS_MAX => Ok(days),
        other => {
            let message =
                format!("a domain learns for 1 to {LEARN_DAYS_MAX} days, not for {other}. Nothing was changed");
            Err(ActionError::new(ErrorKind::Usage, message))
        }
    }
}
