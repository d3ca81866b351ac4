//! The commands of `doorlist --server`: those that may travel, for domains that the caller may see or change.

use super::{Desk, DeskError};
use crate::error::{ActionError, ErrorKind};
use crate::remote::{Reach, Reached, reach};
use crate::request::Request;
use crate::response::Response;
use crate::uploads::LINK_TERM;
use doorlist_core::access::{Grant, KeyLimits, KeyTerms, Permission, Scope};
use std::time::Duration;

impl Desk {
    /// Whether the caller may give commands at all. To be asked before the command is read.
    ///
    /// # Errors
    /// When it is an email account, or has nothing any more.
    pub fn may_command(&self) -> Result<(), DeskError> {
        let is_of_lists = |grant: &Grant| !matches!(grant.scope, Scope::Account(_));
        if self.caller().account.is_none() && self.access().grants.iter().any(is_of_lists) {
            return Ok(());
        }
        Err(DeskError::Forbidden)
    }

    /// Does what a command asks, if it may travel and the caller may do it.
    ///
    /// # Errors
    /// As the command's action has them, and when the caller may not.
    pub async fn command(&self, request: Request) -> Result<Response, DeskError> {
        let reached = self.office.reach_of(&request).await.map_err(DeskError::Failed)?;
        match (self.may_reach(&reached).await, reach(&request)) {
            // Whose a number is that is not the caller's, and whether there is one, is not told.
            (Err(_), Reach::Plan { id, .. }) if !self.sees_all_of(&reached).await? => return Err(unseen("plan", id.0)),
            (Err(_), Reach::Change { id, .. }) if !self.sees_all_of(&reached).await? => {
                return Err(unseen("change", id));
            }
            (may, _) => may?,
        }
        self.may_undo(&request).await?;
        self.may_send_link(&request).await?;
        self.office.run(request, &self.actor()).await.map_err(DeskError::Failed)
    }

    /// Whoever undoes does not get around what the desk asks of those who bring a domain or a name, remove it, or give it
    /// to another customer.
    async fn may_undo(&self, request: &Request) -> Result<(), DeskError> {
        let directory = &self.office.directory;
        let is_more = match request {
            _ if self.is_operator() => false,
            Request::ChangesUndo { id } => directory.undo_gives_domains(*id).await?,
            Request::PlanApply { id, .. } => directory.plan_gives_domains(*id).await?,
            _ => false,
        };
        if is_more {
            let message = "undoing this change would add, remove, move, activate or deactivate a domain or a domain \
                           alias: only the operator may undo it; nothing was changed";
            return Err(DeskError::Failed(ActionError::new(ErrorKind::Refused, message)));
        }
        Ok(())
    }

    /// A link that takes a file is good from everywhere until its term is over.
    async fn may_send_link(&self, request: &Request) -> Result<(), DeskError> {
        let Request::ImportRequest { domain, days, .. } = request else { return Ok(()) };
        let id = self.office.domain_show(domain).await?.summary.id;
        let term = days.map_or(LINK_TERM, |days| Duration::from_hours(24 * u64::from(days)));
        let limits = KeyLimits { domains: Some(vec![id]), ..KeyLimits::default() };
        self.may_make(&KeyTerms { limits, expires: Some((self.office.clock)() + term) })
    }

    /// Whether the caller sees all domains that a request reaches.
    async fn sees_all_of(&self, reached: &Reached) -> Result<bool, DeskError> {
        let Some(domains) = &reached.domains else { return Ok(self.access().sees_all()) };
        for name in domains {
            if self.view().domain_of_name(name).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn may_reach(&self, reached: &Reached) -> Result<(), DeskError> {
        let Some(domains) = &reached.domains else {
            let all = self.access().sees_all() && (reached.looks || self.is_operator());
            return if all { Ok(()) } else { Err(DeskError::Forbidden) };
        };
        for name in domains {
            let Some(domain) = self.view().domain_of_name(name).await? else {
                // Whose it is, or whether it is there at all, is none of the caller's business.
                let message = format!("{name} is not a domain of yours");
                return Err(DeskError::Failed(ActionError::new(ErrorKind::NotFound, message)));
            };
            // An account's key has no business with its domain's list.
            let permission = self.access().on(&domain.lineage);
            if permission < Permission::Change && !(reached.looks && permission == Permission::See) {
                return Err(DeskError::Forbidden);
            }
        }
        Ok(())
    }
}

fn unseen(what: &str, id: u64) -> DeskError {
    let message = format!("there is no {what} {id} of your domains");
    DeskError::Failed(ActionError::new(ErrorKind::NotFound, message))
}
