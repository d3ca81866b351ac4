//! Memberships that other tenants offer to a login: accepted or declined by its holder over the API, or by the operator for
//! them.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::access::{KeyTerms, LoginId};
use doorlist_store::logins::MembershipRow;
use serde::{Deserialize, Serialize};

/// Lists what a login is offered, and what it has accepted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MembershipList {
    pub login: String,
}

impl Action for MembershipList {
    type Answer = Vec<MembershipRow>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<MembershipRow>, ActionError> {
        let login = login_named(actions, &self.login).await?;
        Ok(actions.services.logins.memberships(login, actions.now()).await?)
    }
}

/// Accepts a membership for a login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MembershipAccept {
    pub login: String,
    /// The number of the membership.
    pub id: LoginId,
}

impl Action for MembershipAccept {
    /// What the login is offered and what it has accepted, afterwards.
    type Answer = Vec<MembershipRow>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<MembershipRow>, ActionError> {
        let login = login_named(actions, &self.login).await?;
        accept(actions, login, self.id).await.map_err(|error| none_such(error, &self.login))?;
        Ok(actions.services.logins.memberships(login, actions.now()).await?)
    }
}

/// Declines a membership for a login, or gives it back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MembershipDecline {
    pub login: String,
    /// The number of the membership.
    pub id: LoginId,
}

impl Action for MembershipDecline {
    /// What the login is offered and what it has accepted, afterwards.
    type Answer = Vec<MembershipRow>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<MembershipRow>, ActionError> {
        let login = login_named(actions, &self.login).await?;
        decline(actions, login, self.id).await.map_err(|error| none_such(error, &self.login))?;
        Ok(actions.services.logins.memberships(login, actions.now()).await?)
    }
}

impl Actions {
    /// What the caller's own login is offered, and what it has accepted.
    pub async fn memberships(&self) -> Result<Vec<MembershipRow>, ActionError> {
        let Some(login) = self.caller().login_id else { return Ok(Vec::new()) };
        Ok(self.services.logins.memberships(login, self.now()).await?)
    }

    /// Accepts a membership for the caller's own login. A key that it has already does no more by it.
    ///
    /// # Errors
    /// [`ActionError::NotFound`] without such an offer, [`ActionError::BeyondKey`] where the key is limited.
    pub async fn accept_membership(&self, id: LoginId) -> Result<(), ActionError> {
        accept(self, self.caller().login_id.ok_or(ActionError::NotFound)?, id).await
    }

    /// Declines a membership for the caller's own login, or gives it back.
    ///
    /// # Errors
    /// As [`Actions::accept_membership`].
    pub async fn decline_membership(&self, id: LoginId) -> Result<(), ActionError> {
        decline(self, self.caller().login_id.ok_or(ActionError::NotFound)?, id).await
    }
}

async fn accept(actions: &Actions, login: LoginId, id: LoginId) -> Result<(), ActionError> {
    actions.may_make(&KeyTerms::default())?;
    let done = actions.services.logins.accept_membership(login, id, actions.now()).await?;
    done.then_some(()).ok_or(ActionError::NotFound)
}

async fn decline(actions: &Actions, login: LoginId, id: LoginId) -> Result<(), ActionError> {
    actions.may_make(&KeyTerms::default())?;
    let done = actions.services.logins.decline_membership(login, id).await?;
    done.then_some(()).ok_or(ActionError::NotFound)
}

async fn login_named(actions: &Actions, login: &str) -> Result<LoginId, ActionError> {
    let found = actions.services.logins.login(login).await?;
    let missing =
        || ActionError::new(ErrorKind::NotFound, format!("login {login} does not exist; nothing was changed"));
    found.map(|found| found.id).ok_or_else(missing)
}

fn none_such(error: ActionError, login: &str) -> ActionError {
    let message = format!(
        "{login} has no such membership; `doorlist admin memberships {login}` shows its \
                           memberships"
    );
    if error == ActionError::NotFound { ActionError::new(ErrorKind::NotFound, message) } else { error }
}
