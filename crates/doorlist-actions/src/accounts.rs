//! Email accounts: listed and removed by hand and over the API, one or many at once, and what is set for each.

mod add;
mod confirm;
mod remove;
mod settings;
mod show;
mod timeline;
mod unlisted;

pub use add::{AccountAdd, BulkAdded, NewAccount};
pub use confirm::AccountConfirm;
pub use remove::AccountRemove;
pub use settings::AccountPatch;
pub use show::{AccountList, AccountReport, AccountShow};
pub use timeline::{TIMELINE_MAX, TimelineEntry, TimelineEvent};

pub(crate) use remove::{Removed, remove};
pub(crate) use show::account_details;

use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::change::Structure;

/// Addresses of one request; longer lists are a file's.
pub const ADDRESSES_MAX: usize = 10_000;
/// Addresses that a line of the change log names before it counts the rest.
const NAMED_MAX: usize = 3;

pub(crate) fn check_count(count: usize) -> Result<(), ActionError> {
    if (1..=ADDRESSES_MAX).contains(&count) {
        return Ok(());
    }
    let message = format!("give 1 to {ADDRESSES_MAX} addresses; for a longer list use `import`");
    Err(ActionError::new(ErrorKind::Usage, message))
}

/// Refuses `*`, by which people mean a catch-all: the list has none.
pub(crate) fn no_catch_all<'a>(locals: impl IntoIterator<Item = &'a LocalPart>) -> Result<(), ActionError> {
    if locals.into_iter().all(|local| local.as_str() != "*") {
        return Ok(());
    }
    let message =
        "a list has no catch-all: `*` would be a recipient of that name. Add each recipient; nothing was changed";
    Err(ActionError::new(ErrorKind::Usage, message))
}

/// The same for a field of the API.
pub(crate) fn check_field(field: &'static str, count: usize) -> Result<(), ActionError> {
    if (1..=ADDRESSES_MAX).contains(&count) {
        return Ok(());
    }
    Err(ActionError::invalid(field, format!("name 1 to {ADDRESSES_MAX} of them")))
}

/// Addresses as a line of the change log names them.
pub(crate) fn named(addresses: &[Address]) -> String {
    let mut text = addresses.iter().take(NAMED_MAX).map(Address::to_string).collect::<Vec<_>>().join(", ");
    if let Some(more) = addresses.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn structure(is_list: bool) -> Structure {
    if is_list { Structure::DistributionList } else { Structure::Mailbox }
}
