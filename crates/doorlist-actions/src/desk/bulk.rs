//! Many accounts at once: one change for all of them, which `changes undo` takes back as a whole.

use super::{Desk, DeskError, Editable};
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Change, Source, Structure};
use doorlist_core::domain::DomainId;
use doorlist_core::list::AddressId;
use doorlist_store::tenants::AccountRow;

/// Accounts of one request.
pub const BULK_MAX: usize = 10_000;

/// What became of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkAdded {
    /// New on the list.
    pub added: u64,
    /// There already.
    pub already_listed: u64,
}

impl Desk {
    /// New accounts of a domain; what is listed already stays as it is.
    ///
    /// # Errors
    /// When they are none or too many, or the caller may not.
    pub async fn mass_add(&self, domain: DomainId, locals: &[LocalPart]) -> Result<BulkAdded, DeskError> {
        check("localparts", locals.len())?;
        let domain = self.domain_to_change(domain).await?;
        let name = &domain.row().name;
        let claim = |local: &LocalPart| Change::Claim {
            address: Address::new(local.clone(), name.clone()),
            structure: Structure::Mailbox,
            source: Source::Api,
        };
        // What somebody calls an alias stays one: only names that are not there are added.
        let listed = self.office.directory.listed_among(name, locals).await?;
        let new: Vec<Change> = locals.iter().filter(|local| !listed.contains(*local)).map(claim).collect();
        if new.is_empty() {
            return Ok(BulkAdded { added: 0, already_listed: locals.len() as u64 });
        }
        let summary = format!("{} accounts of {name} added", new.len());
        let added = self.apply(new, summary).await?.added;
        Ok(BulkAdded { added, already_listed: locals.len() as u64 - added.min(locals.len() as u64) })
    }

    /// Accounts go, each with its aliases; whom the caller cannot see is passed over. How many went.
    ///
    /// # Errors
    /// When they are none or too many, or the caller may not change one of them: then none goes.
    pub async fn mass_delete(&self, ids: &[AddressId]) -> Result<u64, DeskError> {
        check("id__in", ids.len())?;
        let accounts = self.view().accounts_by_id(ids).await?;
        for account in &accounts {
            self.may_change(&account.lineage.parent())?;
        }
        if accounts.is_empty() {
            return Err(DeskError::Bad("none of these email accounts exists; nothing was changed".to_owned()));
        }
        let changes: Vec<Change> =
            accounts.iter().map(|account| Change::Veto { address: account.row.address() }).collect();
        let count = changes.len() as u64;
        self.apply(changes, format!("{count} accounts removed")).await?;
        Ok(count)
    }

    /// Accounts become aliases of another one, with their own aliases. Every address is accepted at every moment.
    ///
    /// # Errors
    /// When one of them is not an account of the same domain, or a directory says what it is: then none is changed.
    pub async fn users_to_alias(&self, to: &Editable<AccountRow>, accounts: &[AddressId]) -> Result<(), DeskError> {
        check("accounts", accounts.len())?;
        let found = self.view().accounts_by_id(accounts).await?;
        let target = to.row();
        for id in accounts {
            let Some(account) = found.iter().find(|account| account.row.id == *id) else {
                return Err(DeskError::invalid("accounts", format!("there is no email account {}", id.0)));
            };
            self.may_change(&account.lineage.parent())?;
            if account.row.domain != target.domain {
                let message = format!("{} is not of the domain {}", account.row.address(), target.domain_name);
                return Err(DeskError::invalid("accounts", message));
            }
        }
        let reassign = |account: &doorlist_store::tenants::Placed<AccountRow>| Change::Reassign {
            address: account.row.address(),
            to: target.local.clone(),
            source: Source::Api,
        };
        let summary = format!("{} accounts are aliases of {} now", found.len(), target.address());
        self.apply(found.iter().map(reassign).collect(), summary).await?;
        Ok(())
    }
}

fn check(field: &'static str, count: usize) -> Result<(), DeskError> {
    if (1..=BULK_MAX).contains(&count) {
        return Ok(());
    }
    Err(DeskError::invalid(field, format!("name 1 to {BULK_MAX} of them")))
}
