//! The list in the database: [`RecipientStore::snapshot`] reads it, [`RecipientStore::apply`] alone changes it.
//!
//! Reads are an `Arc` clone and cannot fail; a change is one transaction that writes the rows, the change log and the
//! new version, then publishes the next snapshot. What a change does to the list is decided by the rules of
//! [`doorlist_core::list_change`]; here rows are loaded for them, and what differs is written. Must not know who asks, nor
//! what is answered to a recipient. Modules below import each other by their own names, never by way of this one.
//!
//! | module | what it is |
//! |---|---|
//! | `handle` | the handle that everybody holds |
//! | `work`, `log` | one transaction of changes, and its change log |
//! | `rows`, `packed`, `related_rows` | the SQL of addresses, written and read, and which rows a change loads |
//! | `domain_rows`, `domain_parts` | the SQL of domains |
//! | `codes`, `log_rows` | columns as the rules know them, and rows of the change log |
//! | `account_data` | what an account has beside its address, and loses with it |
//! | `room` | how much one customer may have, and how many names of sources a domain |
//! | `load`, `publish`, `updates`, `follow`, `version` | the list in memory: built, replaced, mended, kept up with other processes |
//! | `plan` | changes of many rows: found out, staged, applied, undone |
//! | `first_messages` | domains whose trial begins |
//! | `damage` | a database that is lost or damaged stops the start |
//! | `read`, `changes`, `whose` | what people ask |

mod account_data;
mod changes;
mod codes;
mod damage;
mod domain_parts;
mod domain_rows;
mod first_messages;
mod follow;
mod handle;
mod load;
mod log;
mod log_rows;
mod outcome;
mod packed;
mod plan;
mod publish;
mod read;
mod records;
mod related_rows;
mod removed_sources;
mod room;
mod routes;
mod rows;
mod soft_period;
mod updates;
#[cfg(test)]
mod upgrades;
mod version;
mod whose;
mod work;

pub(crate) use codes::{address_id, domain_id, domain_name};
pub use doorlist_core::list_change::{
    AddressRecord, Applied, CUSTOMER_NAME_MAX, ClaimRecord, Coverage, DOMAIN_ALIASES_MAX, DomainRecord, EXAMPLES_LIMIT,
    EXAMPLES_MAX, ListCounts, NOTES_MAX, Note, PlanRow, Planned, Refusal, RowChange, SERVERS_MAX, Shrunken, SourcePlan,
    VetoRecord,
};
pub use handle::{BegunPlan, RecipientStore};
pub use outcome::ApplyError;
pub(crate) use plan::read_plans;
pub use plan::{PlanEntry, PlanState, UNDO_MAX};
pub use records::{
    AccountDetails, AccountFilter, AddressChange, AddressEntry, AddressMail, ChangeEntry, ChangeRow, DomainDetails,
    DomainSummary, PAGE_MAX, WithoutMail,
};
pub use routes::{DomainRoute, RouteTable};
pub(crate) use version::version;
pub use work::CHANGES_MAX;
