//! Who has a role on this Doorlist: shown and taken away by the operator on the machine.

use super::AdminOf;
use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_store::logins::RoleRow;
use serde::{Deserialize, Serialize};

/// Roles of one answer.
const ROLES_PAGE: u32 = 1_000;

/// Lists roles of logins in the order in which they were given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminList {
    /// Only those of logins of this name.
    pub login: Option<String>,
    /// After the role of this number.
    pub after: Option<u64>,
}

impl Action for AdminList {
    type Answer = Vec<RoleRow>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<RoleRow>, ActionError> {
        let roles = actions.services.logins.roles(self.login.as_deref(), self.after.unwrap_or(0), ROLES_PAGE).await?;
        match &self.login {
            Some(login) if roles.is_empty() && self.after.is_none() => Err(no_admin(login)),
            _ => Ok(roles),
        }
    }
}

/// Takes roles of logins of one name away; a login without one goes with its keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminRemove {
    pub login: String,
    /// Only this role; `None`: every one.
    pub of: Option<AdminOf>,
}

impl Action for AdminRemove {
    /// The roles that it had.
    type Answer = Vec<RoleRow>;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    async fn run(self, actions: &Actions) -> Result<Vec<RoleRow>, ActionError> {
        let scope = match &self.of {
            Some(of) => Some(actions.scope_of(of).await?),
            None => None,
        };
        let logins = &actions.services.logins;
        let mut roles = logins.roles(Some(&self.login), 0, ROLES_PAGE).await?;
        roles.retain(|role| scope.is_none_or(|scope| role.grant.scope == scope));
        if roles.is_empty() {
            return Err(no_admin(&self.login));
        }
        for role in &roles {
            logins.revoke(role.login_id, role.grant.scope).await?;
        }
        Ok(roles)
    }
}

fn no_admin(login: &str) -> ActionError {
    let message = format!("{login} has no such role; `doorlist admin list` shows all admins");
    ActionError::new(ErrorKind::NotFound, message)
}
