//! A row of the change log, read: what a change changed, with what was there before and after.

use super::records::ChangeRow;
use crate::db::Row;
use crate::error::StoreError;
use crate::json_rows::from_json;
use doorlist_core::address::{Address, LocalPart};
use serde::de::DeserializeOwned;

/// Reads place, domain name, address number, local part, before and after, in this order.
pub(super) fn change_row(row: &Row) -> Result<ChangeRow, StoreError> {
    let name = row.get(1)?;
    match (row.get(2)?, row.text_or_null(3)?) {
        (Some(id), Some(local)) => Ok(ChangeRow::Address {
            id,
            address: Address::new(LocalPart::from_canonical(local), name),
            before: recorded(row.text_or_null(4)?)?,
            after: recorded(row.text_or_null(5)?)?,
        }),
        _ => {
            let (before, after) = (recorded(row.text_or_null(4)?)?, recorded(row.text_or_null(5)?)?);
            Ok(ChangeRow::Domain { name, before, after })
        }
    }
}

pub(super) fn recorded<T: DeserializeOwned>(text: Option<&str>) -> Result<Option<T>, StoreError> {
    text.map(|text| from_json(text, "change_row")).transpose()
}
