//! Tenants and what belongs to them, as the API shows it: resellers, customers, domains, accounts, aliases, servers,
//! contacts, branding, admins. Read through a [`View`] that was made for a caller and shows nothing else; written here as
//! far as it is not the list (only [`RecipientStore::apply`] changes the list). Must not know HTTP, nor who may change what.
//!
//! | module | what it is |
//! |---|---|
//! | `columns`, `query` | by what each list is found and ordered, and what it is asked for |
//! | `table` | a page of a list: filters, order, scope, put together as SQL |
//! | `resources` | the small tables, each once |
//! | `accounts`, `names`, `page_anchors` | accounts and aliases: pages of a list of millions at any depth, and text found in it |
//! | `count_cache` | how many of them each domain has, in memory |
//! | `owners` | rows of customers and branding, and how tables name an owner |
//! | `writing`, `contacts` | tenants added, changed and removed |
//! | `removed` | customers that come back when their removal is undone |
//! | `logs` | change log and plans |
//! | `settings` | what an account has beside its address |
//! | `verification` | domains that are wanted and not yet verified |
//! | `sight` | what a view shows, as SQL |

mod accounts;
mod columns;
mod contacts;
mod count_cache;
mod logs;
mod names;
pub(crate) mod owners;
mod page_anchors;
mod query;
pub(crate) mod removed;
mod resources;
mod settings;
mod sight;
mod table;
mod verification;
mod writing;

pub use accounts::{AccountRow, AliasRow};
pub use columns::{
    AccountColumn, AdminColumn, AliasColumn, BrandingColumn, ContactColumn, CustomerColumn, DomainAliasColumn,
    DomainColumn, DomainNameColumn, ListColumn, MailServerColumn, ResellerColumn, SenderRuleColumn, UnknownColumn,
};
pub use contacts::{ContactFields, ContactOwner};
pub use owners::OPERATOR;
pub(crate) use owners::scope_columns;
pub use query::{Lookup, Order, PAGE_ROWS_MAX, Query, QueryValue, RowFilter};
pub use resources::{
    AdminRow, BrandingRow, ContactRow, CustomerRow, DomainAliasRow, DomainNameRow, DomainRow, MailServerRow,
    ResellerRow, SenderRuleRow,
};
pub use settings::{AccountSettings, AccountSettingsPatch};
pub(crate) use table::pattern;
pub use table::{Page, Placed};
pub use verification::VERIFICATIONS_MAX;
pub use writing::{CustomerFields, CustomerPatch, CustomerRefused, NameTaken, ResellerFields};

use crate::db::{Db, Tx};
use crate::error::StoreError;
use crate::recipients::RecipientStore;
use count_cache::DomainCounts;
use doorlist_core::access::Access;
use names::SearchTexts;
use page_anchors::PageAnchors;
use std::sync::Arc;

/// The tenants, in the store of the list. A clone is another handle on the same.
#[derive(Clone)]
pub struct Tenants {
    pub(crate) db: Db,
    /// Shows what is written here, if mail is judged by it.
    recipients: RecipientStore,
    names: Arc<SearchTexts>,
    counts: Arc<DomainCounts>,
    places: Arc<PageAnchors>,
}

impl Tenants {
    /// Those who have this list.
    pub fn of(recipients: &RecipientStore) -> Self {
        let (db, recipients) = (recipients.db().clone(), recipients.clone());
        Self { db, recipients, names: Arc::default(), counts: Arc::default(), places: Arc::default() }
    }

    /// Commits what mail is judged by, or who is told, and shows it before whoever wrote it goes on.
    async fn commit_policy(&self, tx: Tx) -> Result<(), StoreError> {
        tx.commit().await?;
        self.recipients.show_policies().await;
        Ok(())
    }

    /// What a caller may see.
    pub fn seen_by(&self, access: &Access) -> View {
        View { tenants: self.clone(), access: access.clone() }
    }
}

/// Tenants as one caller sees them: what may not be seen is not there.
#[derive(Clone)]
pub struct View {
    tenants: Tenants,
    access: Access,
}

impl View {
    /// Whose eyes these are.
    pub fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) fn db(&self) -> &Db {
        &self.tenants.db
    }

    fn names(&self) -> &SearchTexts {
        &self.tenants.names
    }

    fn counts(&self) -> &DomainCounts {
        &self.tenants.counts
    }

    fn places(&self) -> &PageAnchors {
        &self.tenants.places
    }
}
