//! Domains: added, shown, set, enforced and removed, with their domain aliases and mail servers.

mod add;
mod alias;
mod asked;
mod completeness;
mod mode;
mod preview;
mod probe;
mod remove;
mod server_setup;
mod servers;
mod set;
mod show;
mod unlisted;
mod verification;

pub use add::{DomainAdd, DomainAdded, NewDomain};
pub use alias::{DomainAliasAdd, DomainAliasRemove};
pub use completeness::{CompletenessOfAll, CompletenessReport, DomainCompleteness, MISSING_MAX, MissingRecipient};
pub use mode::{DomainMode, ModeWish};
pub use preview::{DomainPreview, ENFORCE_LOOK_DAYS, PREVIEW_NAMES_MAX, PreviewReport, PreviewedRecipient};
pub use probe::{DomainProbe, DomainRoutes, RouteStanding, ServerProbe};
pub use remove::DomainRemove;
pub(crate) use remove::remove_all;
pub use server_setup::{ServerSetup, SetupStep};
pub use servers::{NewServer, ServerPatch};
pub use set::{DomainPatch, DomainSet, Enforcement};
pub use show::{DomainList, DomainShow};
pub use unlisted::{DomainUnlisted, UNLISTED_MAX, UnlistedRecipient, UnlistedReport};
pub use verification::{VERIFICATION_NAME, VERIFICATION_WORD};

use crate::actions::{Actions, Editable};
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
use doorlist_core::change::{Change, DomainChange, MailServer};
use doorlist_core::domain::DomainId;
use doorlist_store::recipients::Applied;
use doorlist_store::tenants::DomainRow;

impl Actions {
    /// The domain of this number, for changing what belongs to it.
    pub(crate) async fn domain_to_change(&self, id: DomainId) -> Result<Editable<DomainRow>, ActionError> {
        let found = self.view().domain(id.0).await?;
        let found = found.ok_or(ActionError::NoObject { resource: "domain", id: id.0 })?;
        self.may_change(&found.lineage)?;
        Ok(Editable(found))
    }

    async fn change_domain(
        &self,
        name: &DomainName,
        change: DomainChange,
        summary: String,
    ) -> Result<Applied, ActionError> {
        self.apply(on(name, vec![change]), summary).await
    }

    /// Servers that the caller names, whatever they say of themselves.
    fn named_by_caller(&self, mut servers: Vec<MailServer>) -> Vec<MailServer> {
        servers.iter_mut().for_each(|server| server.named_by = self.names_as());
        servers
    }
}

/// By command a domain is never without servers: mail must have somewhere to go.
fn needs_servers(name: &DomainName, servers: &[MailServer]) -> Result<(), ActionError> {
    if servers.is_empty() {
        return Err(ActionError::new(ErrorKind::Usage, format!("{name} needs at least one mail server")));
    }
    Ok(())
}

fn on(name: &DomainName, changes: Vec<DomainChange>) -> Vec<Change> {
    changes.into_iter().map(|change| Change::Domain { name: name.clone(), change }).collect()
}
