//! The mode of a domain: what becomes of unlisted recipients.

use super::set::{DomainPatch, Enforcement};
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
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
    /// The domain's name, typed once more: needed to enforce an empty list.
    pub confirmed: Option<DomainName>,
}

impl Action for DomainMode {
    type Answer = Applied;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    /// Enforces a list, softly at first. An empty list would refuse everybody: then the name must be typed once more.
    async fn run(self, actions: &Actions) -> Result<Applied, ActionError> {
        let Self { name, mode, now, confirmed } = self;
        if mode != ModeWish::Enforce {
            return Err(not_yet(mode));
        }
        if confirmed.as_ref() != Some(&name)
            && let Some(warning) = actions.empty_list_warning(&name).await?
        {
            let message = format!(
                "{warning}. Nothing was changed. Add or import accounts first, or confirm with the domain's name"
            );
            return Err(ActionError::new(ErrorKind::Unconfirmed, message));
        }
        let enforcement = Some(if now { Enforcement::Full } else { Enforcement::Soft });
        actions.set_domain(&name, &DomainPatch { enforcement, ..DomainPatch::default() }).await
    }
}

impl Actions {
    /// What enforcing the list of this domain would do while it is empty; `None` if it is not. Where nobody can be asked
    /// for a confirmation, this is said behind the change.
    ///
    /// # Errors
    /// When the store fails, or there is no such domain.
    pub async fn empty_list_warning(&self, name: &DomainName) -> Result<Option<String>, ActionError> {
        let counts = self.services.domain_details(name).await?.summary.counts;
        let is_empty = counts.mailboxes + counts.aliases + counts.lists == 0;
        let text = || format!("the list of {name} is empty: enforcing it would reject all mail except for postmaster");
        Ok(is_empty.then(text))
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
