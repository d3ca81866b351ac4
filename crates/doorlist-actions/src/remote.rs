//! Which requests may come from another machine, and what each reaches: the domains that it touches, and whether it only
//! looks. Who may reach them is decided by the caller, and must not be known here.

use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use crate::request::Request;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::PlanId;

/// What a request reaches, as far as it says so itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is for the machine itself, and may not travel.
    Here,
    /// These domains, as the request names them.
    Domains {
        /// Which; each of them once.
        names: Vec<DomainName>,
        /// It changes nothing.
        looks: bool,
    },
    /// The domains of a change.
    Change {
        /// Which change.
        id: u64,
        /// It changes nothing.
        looks: bool,
    },
    /// The domain of a plan.
    Plan {
        /// Which plan.
        id: PlanId,
        /// It changes nothing.
        looks: bool,
    },
    /// All domains: for operators. It changes nothing.
    Everything,
}

/// What a request reaches, looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Each of these must be the caller's; never empty. `None`: only an operator may ask so, since it is of all domains, or
    /// of one that is gone.
    pub domains: Option<Vec<DomainName>>,
    /// It changes nothing.
    pub looks: bool,
}

/// What a request reaches. There is no "all others" here: whoever adds a request says where it belongs.
pub fn reach(request: &Request) -> Reach {
    match request {
        Request::AccountAdd { addresses, .. } => of_addresses(addresses.iter(), false),
        Request::AccountRemove { addresses } | Request::AliasRemove { addresses } => {
            of_addresses(addresses.iter(), false)
        }
        Request::AccountShow { address } => of_addresses([address].into_iter(), true),
        Request::AccountList { filter } => of_domain(&filter.domain, true),
        Request::AliasAdd { account, .. } => of_addresses([account].into_iter(), false),
        // One that is not applied looks only: nothing of it is kept.
        Request::Import(import) => of_domain(&import.domain, !import.apply),
        Request::ImportRequest { domain, .. } => of_domain(domain, false),
        Request::Export { domain, .. } => of_domain(domain, true),
        Request::PlanList { domain, .. } | Request::ChangesList { domain, .. } => match domain {
            Some(domain) => of_domain(domain, true),
            None => Reach::Everything,
        },
        Request::PlanShow { id, .. } => Reach::Plan { id: *id, looks: true },
        Request::PlanApply { id, .. } | Request::PlanDiscard { id } => Reach::Plan { id: *id, looks: false },
        Request::ChangesShow { id, .. } => Reach::Change { id: *id, looks: true },
        Request::ChangesUndo { id } => Reach::Change { id: *id, looks: false },
        Request::Check { .. }
        | Request::DomainAdd { .. }
        | Request::DomainList
        | Request::DomainShow { .. }
        | Request::DomainRemove { .. }
        | Request::DomainMode { .. }
        | Request::DomainSet { .. }
        | Request::DomainHold { .. }
        | Request::DomainActive { .. }
        | Request::DomainAliasAdd { .. }
        | Request::DomainAliasRemove { .. }
        | Request::SourcePut(_)
        | Request::SourceList
        | Request::SourceShow { .. }
        | Request::SourceRemove { .. }
        | Request::SyncTest { .. }
        | Request::SyncPreview { .. }
        | Request::SyncRun { .. }
        | Request::SyncHistory { .. }
        | Request::Push { .. }
        | Request::QueueList { .. }
        | Request::QueueShow { .. }
        | Request::QueueOrder { .. }
        | Request::Log { .. }
        | Request::Senders { .. }
        | Request::Contacts { .. }
        | Request::AdminCreate { .. }
        | Request::Membership { .. }
        | Request::KeyCreate(_)
        | Request::KeyList { .. }
        | Request::KeyRevoke { .. }
        | Request::Audit(_) => Reach::Here,
    }
}

fn of_domain(name: &DomainName, looks: bool) -> Reach {
    Reach::Domains { names: vec![name.clone()], looks }
}

fn of_addresses<'a>(addresses: impl Iterator<Item = &'a Address>, looks: bool) -> Reach {
    let mut names: Vec<DomainName> = addresses.map(|address| address.domain().clone()).collect();
    names.sort_unstable();
    names.dedup();
    Reach::Domains { names, looks }
}

impl Office {
    /// What a request reaches: domains by their own names where it says one of their other names, and those of the change
    /// or plan that it names by number. A domain that is not there stays as it was written.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the request may not travel or names nothing, and when the store fails.
    pub async fn reach_of(&self, request: &Request) -> Result<Reached, ActionError> {
        match reach(request) {
            Reach::Here => {
                let message = "this command only works on the server's own machine; nothing was done";
                Err(ActionError::new(ErrorKind::Usage, message))
            }
            Reach::Domains { names, looks } => {
                let list = self.directory.snapshot();
                let own_name = |name: DomainName| list.domain(&name).map_or(name, |domain| domain.name.clone());
                let mut names: Vec<DomainName> = names.into_iter().map(own_name).collect();
                names.sort_unstable();
                names.dedup();
                if names.is_empty() {
                    return Err(ActionError::new(ErrorKind::Usage, "give at least one address; nothing was done"));
                }
                Ok(Reached { domains: Some(names), looks })
            }
            Reach::Change { id, looks } => Ok(Reached { domains: self.directory.domains_of_change(id).await?, looks }),
            Reach::Plan { id, looks } => {
                let domain = self.directory.domain_of_plan(id).await?;
                Ok(Reached { domains: domain.map(|name| vec![name]), looks })
            }
            Reach::Everything => Ok(Reached { domains: None, looks: true }),
        }
    }
}

#[cfg(test)]
mod tests;
