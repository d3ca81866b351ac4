//! What an account has beside its address: settings, rules about senders, keys, contacts. A row that is no account any
//! more keeps nothing of it: the next account under its number may be somebody else's. Must not know why it is none.

use crate::db::{Bind, Tx};
use crate::error::StoreError;
use crate::json_rows::to_json;
use serde_json::Value;

/// Of rows whose numbers are given. Mail is judged by the first two.
const OF_THESE: [&str; 4] = [
    "DELETE FROM account_setting WHERE address_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
    "DELETE FROM sender_rule WHERE address_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
    "DELETE FROM api_key WHERE address_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
    "DELETE FROM contact WHERE address_id IN (SELECT CAST(value ->> 0 AS BIGINT) FROM json_each($1))",
];

/// Of rows that a batch of the change log makes aliases, vetoed, or nothing. A row that has another name by now goes on.
macro_rules! of_batch {
    ($table:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE address_id IN (SELECT r.address_id FROM change_row AS r, address AS a
              WHERE r.batch = $1 AND r.local IS NOT NULL AND r.before IS NOT NULL AND a.id = r.address_id
              AND a.local = r.local AND (r.after IS NULL OR r.kind = 1 OR r.standing = 2))"
        )
    };
}
const OF_BATCH: [&str; 4] =
    [of_batch!("account_setting"), of_batch!("sender_rule"), of_batch!("api_key"), of_batch!("contact")];

/// Drops what these rows have; each is an array that begins with the number.
pub(super) async fn drop_of(tx: &mut Tx, rows: &[Value]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    drop_all(tx, OF_THESE, Bind::Text(&to_json(rows)?)).await
}

/// Drops what the rows of a batch have that are to be no accounts.
pub(super) async fn drop_of_batch(tx: &mut Tx, batch: i64) -> Result<(), StoreError> {
    drop_all(tx, OF_BATCH, Bind::Int(batch)).await
}

async fn drop_all(
    tx: &mut Tx,
    [settings, rules, keys, contacts]: [&'static str; 4],
    of: Bind<'_>,
) -> Result<(), StoreError> {
    let policies = tx.execute(settings, &[of]).await? + tx.execute(rules, &[of]).await?;
    if policies > 0 {
        tx.policy_changed().await?;
    }
    tx.execute(keys, &[of]).await?;
    tx.execute(contacts, &[of]).await?;
    Ok(())
}
