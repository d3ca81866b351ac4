//! What a change does to the list: claims, vetoes, aliases, domains, a source's whole list, and the undo of all of them.
//!
//! The rules work on rows that the caller loaded and writes nothing: load what a change needs, let the rules change it,
//! write what differs. This module must not know how rows are loaded or kept.
//!
//! | module | what it is |
//! |---|---|
//! | `record` | an address or a domain as the change log keeps it |
//! | `address_state`, `draft` | addresses while changes to them are worked out, and the rules of claims and vetoes |
//! | `domain_rules` | the rules of domains, their names and their servers |
//! | `plan`, `comparison`, `source_planner`, `tally` | a source's list against the list: what follows, in numbers and rows |
//! | `row_change` | what becomes of an address, and which rows a plan shows first |
//! | `undo` | what goes back with a change, addresses apart |
//! | `counts` | how many addresses a domain has, and how a change moves the numbers |
//! | `outcome`, `note`, `refusal` | what came of a change, what to know of it, or why it is refused |

mod address_state;
mod comparison;
mod counts;
mod domain_rules;
mod draft;
mod note;
mod outcome;
mod plan;
mod record;
mod refusal;
mod row_change;
mod source_planner;
mod tally;
#[cfg(test)]
mod tests;
mod undo;

pub use address_state::{AddressState, DraftAddress, ListDomain};
pub use comparison::{Compared, RowState, SourceComparison};
pub use counts::{CountDifference, ListCounts};
pub use domain_rules::{
    CUSTOMER_NAME_MAX, DOMAIN_ALIASES_MAX, SERVERS_MAX, change as change_domain, check_name, check_removal, new_domain,
};
pub use draft::{Claim, ClaimOrigin, Draft, NewNumber, RowsNeeded, Undone, sort_claims};
pub use note::Note;
pub use outcome::{Applied, NOTES_MAX};
pub use plan::{Coverage, EXAMPLES_LIMIT, EXAMPLES_MAX, PlanRow, Planned, Shrunken, SourcePlan};
pub use record::{AddressRecord, ClaimRecord, DomainRecord, SMTP_PORT, VetoRecord};
pub use refusal::Refusal;
pub use row_change::RowChange;
pub use source_planner::SourcePlanner;
pub use tally::Tally;
pub use undo::{DomainUndo, PlannedDomain, has_renames, name_servers_anew};
