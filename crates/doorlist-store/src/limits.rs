//! How many rows one owner has at most: a tenant that writes as fast as it may must not fill the store that all share. Each
//! limit is looked at in the transaction that writes, behind a lock that lets one writer count at a time.

use crate::db::{Bind, Read, Tx};
use crate::error::StoreError;

/// Contacts of one reseller, customer, domain or account.
pub const CONTACTS_MAX: u32 = 100;
/// Keys of one login: each tenant that it serves has one without a name, beside those with a name.
pub const LOGIN_KEYS_MAX: u32 = 100;
/// Keys of one email account.
pub const ACCOUNT_KEYS_MAX: u32 = 20;
/// Logins with a role in one scope: a reseller, a customer, a domain, or everything.
pub const ADMINS_MAX: u32 = 200;
/// Customers of one reseller, but the operator's own.
pub const CUSTOMERS_MAX: u32 = 10_000;
/// Links for files of one domain, those that were used within the last 30 days among them.
pub const UPLOAD_LINKS_MAX: u32 = 1_000;
/// Names under which files of one domain were brought in.
pub const SOURCE_NAMES_MAX: u32 = 100;
/// Names of sources in the whole store; a name stays when its domain goes.
pub const SOURCE_NAMES_OF_ALL_MAX: u32 = 1_000_000;

/// How much one customer has at most; whoever has more already keeps it, and adds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomerLimits {
    pub domains: u64,
    /// Addresses on the lists of all of them, aliases and vetoed ones among them.
    pub addresses: u64,
}

impl Default for CustomerLimits {
    fn default() -> Self {
        Self { domains: 10_000, addresses: 5_000_000 }
    }
}

/// There are as many as there may be. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit of {limit} {what} is reached; remove some first. Nothing was changed")]
pub struct Full {
    /// Of what, and of whom: `contacts of this customer`.
    pub what: &'static str,
    pub limit: u32,
}

impl Full {
    /// Whether there is room for one more. `count` reads `$1`, the owner, and `$2`, how many rows are looked at, at most.
    pub(crate) async fn unless_room(
        self,
        tx: &mut Tx,
        count: &'static str,
        owner: impl Into<Bind<'static>>,
    ) -> Result<Result<(), Full>, StoreError> {
        let rows: Option<u32> = tx.value(count, &[owner.into(), self.limit.into()]).await?;
        Ok(if rows < Some(self.limit) { Ok(()) } else { Err(self) })
    }
}

#[cfg(test)]
mod tests;
