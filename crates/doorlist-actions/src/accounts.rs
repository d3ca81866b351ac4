//! Actions on accounts and aliases. Must not know how the list is stored.

use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use crate::response::AccountReport;
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::{Actor, Change, Source, Structure};
use doorlist_core::list::{Kind, Standing};
use doorlist_store::directory::{AccountDetails, AccountFilter, Applied, PAGE_MAX, Refusal};

/// Addresses that one command may name; longer lists are a file's.
pub const ADDRESSES_MAX: usize = 10_000;
/// Addresses that a line of the change log names before it counts the rest.
const NAMED_MAX: usize = 3;

impl Office {
    /// Lists accounts by hand; an address that was vetoed before is freed.
    pub(crate) async fn account_add(
        &self,
        addresses: Vec<Address>,
        list: bool,
        actor: &Actor,
    ) -> Result<Applied, ActionError> {
        check_count(addresses.len())?;
        let summary = format!("{} added: {}", if list { "distribution list" } else { "account" }, named(&addresses));
        let structure = if list { Structure::DistributionList } else { Structure::Mailbox };
        let claim = |address| Change::Claim { address, structure: structure.clone(), source: Source::Hand };
        self.apply(addresses.into_iter().map(claim).collect(), summary, actor).await
    }

    /// Removes accounts, and with each its aliases, by hand.
    pub(crate) async fn account_remove(&self, addresses: Vec<Address>, actor: &Actor) -> Result<Applied, ActionError> {
        self.must_be(&addresses, false).await?;
        let summary = format!("account removed: {}", named(&addresses));
        self.veto(addresses, summary, actor).await
    }

    /// Lists further local parts of an account by hand.
    pub(crate) async fn alias_add(
        &self,
        account: Address,
        locals: Vec<LocalPart>,
        actor: &Actor,
    ) -> Result<Applied, ActionError> {
        check_count(locals.len())?;
        let aliases: Vec<_> = locals.into_iter().map(|local| Address::new(local, account.domain().clone())).collect();
        let summary = format!("alias of {account} added: {}", named(&aliases));
        let structure = Structure::AliasOf(account.local().clone());
        let claim = |address| Change::Claim { address, structure: structure.clone(), source: Source::Hand };
        self.apply(aliases.into_iter().map(claim).collect(), summary, actor).await
    }

    /// Removes aliases by hand.
    pub(crate) async fn alias_remove(&self, addresses: Vec<Address>, actor: &Actor) -> Result<Applied, ActionError> {
        self.must_be(&addresses, true).await?;
        let summary = format!("alias removed: {}", named(&addresses));
        self.veto(addresses, summary, actor).await
    }

    pub(crate) async fn account_show(&self, address: &Address) -> Result<AccountDetails, ActionError> {
        let details = self.directory.account(address).await?;
        details.ok_or_else(|| Refusal::NotListed { address: address.clone() }.into())
    }

    /// An address with its claims, and when each of their sources was last read.
    pub(crate) async fn account_report(&self, address: &Address) -> Result<AccountReport, ActionError> {
        let details = self.account_show(address).await?;
        let mut last_seen = Vec::new();
        for claim in &details.entry.record.claims {
            let source = claim.source.to_string();
            if let Some(at) = self.book.last_seen(&source, details.entry.address.domain()).await? {
                last_seen.push((source, at));
            }
        }
        Ok(AccountReport { details, last_seen })
    }

    pub(crate) async fn account_list(&self, filter: &AccountFilter) -> Result<Vec<AccountDetails>, ActionError> {
        if filter.limit == 0 || filter.limit > PAGE_MAX {
            return Err(ActionError::new(ErrorKind::Usage, format!("the page size must be 1 to {PAGE_MAX}")));
        }
        self.domain_show(&filter.domain).await?;
        Ok(self.directory.accounts(filter).await?)
    }

    async fn veto(&self, addresses: Vec<Address>, summary: String, actor: &Actor) -> Result<Applied, ActionError> {
        self.apply(addresses.into_iter().map(|address| Change::Veto { address }).collect(), summary, actor).await
    }

    /// Refuses before anything is done if one of them is not listed, or an alias is called an account, or the reverse.
    async fn must_be(&self, addresses: &[Address], alias: bool) -> Result<(), ActionError> {
        check_count(addresses.len())?;
        for address in addresses {
            let record = self.account_show(address).await?.entry.record;
            if record.standing == Standing::Vetoed {
                return Err(Refusal::NotListed { address: address.clone() }.into());
            }
            let is_alias = record.kind == Kind::Alias;
            if is_alias != alias {
                let (is, other) = if is_alias { ("an alias", "alias") } else { ("an account", "account") };
                let message = format!("{address} is {is}; use `{other} remove`. Nothing was changed");
                return Err(ActionError::new(ErrorKind::Refused, message));
            }
        }
        Ok(())
    }
}

fn check_count(count: usize) -> Result<(), ActionError> {
    if (1..=ADDRESSES_MAX).contains(&count) {
        return Ok(());
    }
    let message = format!("give 1 to {ADDRESSES_MAX} addresses; for a longer list use `import`");
    Err(ActionError::new(ErrorKind::Usage, message))
}

fn named(addresses: &[Address]) -> String {
    let mut text = addresses.iter().take(NAMED_MAX).map(Address::to_string).collect::<Vec<_>>().join(", ");
    if let Some(more) = addresses.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
