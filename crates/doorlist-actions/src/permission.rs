//! Who may run which request: the operator on the machine every one; whoever comes with a key those that may travel, on
//! domains that the key sees or changes.

use crate::action::Reach;
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use crate::request::Request;
use crate::services::Services;
use doorlist_core::access::{Grant, Permission, Scope};
use doorlist_core::address::DomainName;

/// What a request reaches, looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Each of these must be the caller's; never empty. `None`: only an operator may ask so, since it is of all domains, or
    /// of one that is gone.
    pub domains: Option<Vec<DomainName>>,
    /// Whether it changes nothing at all.
    pub looks: bool,
}

impl Actions {
    /// Whether the caller may send commands at all. To be asked before the command is read.
    ///
    /// # Errors
    /// [`ActionError::Forbidden`] for an email account's key, and for one whose grants are gone.
    pub fn may_command(&self) -> Result<(), ActionError> {
        let is_of_lists = |grant: &Grant| !matches!(grant.scope, Scope::Account(_));
        if self.caller().account.is_none() && self.access().grants.iter().any(is_of_lists) {
            return Ok(());
        }
        Err(ActionError::Forbidden)
    }

    /// Refuses a change back that brings, moves or switches domains or their names to whoever is not the operator: undo is
    /// no way around what is asked of those who add or remove a domain, or give it to another customer.
    pub(crate) fn may_move_domains(&self, moves: bool) -> Result<(), ActionError> {
        if !moves || self.is_operator() {
            return Ok(());
        }
        let message = "undoing this change would add, remove, move, activate or deactivate a domain or a domain \
                       alias: only the operator may undo it; nothing was changed";
        Err(ActionError::new(ErrorKind::Refused, message))
    }

    /// Whether the caller reaches what a request reaches.
    pub(crate) async fn may_run(&self, request: &Request) -> Result<(), ActionError> {
        if self.caller().on_machine {
            return Ok(());
        }
        if request.reach() == Reach::Seen {
            return self.may_command();
        }
        let reached = self.services.reach_of(request).await?;
        match (self.may_reach(&reached).await, request.reach()) {
            // Whose a number is that is not the caller's, and whether there is one, is not told.
            (Err(_), Reach::Plan { id, .. }) if !self.sees_all_of(&reached).await? => Err(unseen("plan", id.0)),
            (Err(_), Reach::Change { id, .. }) if !self.sees_all_of(&reached).await? => Err(unseen("change", id)),
            (may, _) => may,
        }
    }

    /// Whether the caller sees all domains that a request reaches.
    async fn sees_all_of(&self, reached: &Reached) -> Result<bool, ActionError> {
        let Some(domains) = &reached.domains else { return Ok(self.access().sees_all()) };
        for name in domains {
            if self.view().domain_of_name(name).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn may_reach(&self, reached: &Reached) -> Result<(), ActionError> {
        let Some(domains) = &reached.domains else {
            let all = self.access().sees_all() && (reached.looks || self.is_operator());
            return if all { Ok(()) } else { Err(ActionError::Forbidden) };
        };
        for name in domains {
            let Some(domain) = self.view().domain_of_name(name).await? else {
                // Whose it is, or whether it exists at all, is none of the caller's business.
                return Err(ActionError::new(ErrorKind::NotFound, format!("{name} is not a domain of yours")));
            };
            // An account's key has no business with its domain's list.
            let permission = self.access().on(&domain.lineage);
            if permission < Permission::Change && !(reached.looks && permission == Permission::See) {
                return Err(ActionError::Forbidden);
            }
        }
        Ok(())
    }
}

impl Services {
    /// Domains by their own names where the request says a domain alias, and those of the change or plan that it names by
    /// number. A domain that does not exist stays as it was written.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the request does not travel or names nothing; [`ErrorKind::Store`].
    pub async fn reach_of(&self, request: &Request) -> Result<Reached, ActionError> {
        let recipients = &self.recipients;
        match request.reach() {
            Reach::Machine => {
                let message = "this command only works on the server's own machine; nothing was done";
                Err(ActionError::new(ErrorKind::Usage, message))
            }
            Reach::Domains { names, looks } => {
                let list = recipients.snapshot();
                let own_name = |name: DomainName| list.domain(&name).map_or(name, |domain| domain.name.clone());
                let mut names: Vec<DomainName> = names.into_iter().map(own_name).collect();
                names.sort_unstable();
                names.dedup();
                if names.is_empty() {
                    return Err(ActionError::new(ErrorKind::Usage, "give at least one address; nothing was done"));
                }
                Ok(Reached { domains: Some(names), looks })
            }
            Reach::Change { id, looks } => Ok(Reached { domains: recipients.domains_of_change(id).await?, looks }),
            Reach::Plan { id, looks } => {
                let domain = recipients.domain_of_plan(id).await?;
                Ok(Reached { domains: domain.map(|name| vec![name]), looks })
            }
            Reach::Seen => Ok(Reached { domains: None, looks: true }),
        }
    }
}

fn unseen(what: &str, id: u64) -> ActionError {
    ActionError::new(ErrorKind::NotFound, format!("there is no {what} {id} of your domains"))
}
