//! Numbers of rows, one sequence for each kind of row: given one at a time, and never twice.

use crate::db::{FromColumns, Read, Tx, binds};
use crate::error::StoreError;

/// The next number of a kind; it is given once.
pub(crate) async fn take_number<T: for<'r> FromColumns<'r>>(tx: &mut Tx, what: &'static str) -> Result<T, StoreError> {
    const NEXT: &str = "
        INSERT INTO next_number (what, next) VALUES ($1, 2)
        ON CONFLICT (what) DO UPDATE SET next = next_number.next + 1";
    tx.execute(NEXT, &binds![what]).await?;
    let number = tx.value("SELECT next - 1 FROM next_number WHERE what = $1", &binds![what]).await?;
    number.ok_or_else(|| StoreError::corrupt("next_number", format!("{what} is gone")))
}

/// Lets one at a time add rows of a kind, or give them names, until its transaction ends: who comes second finds what the
/// first one wrote.
pub(crate) async fn lock_numbers(tx: &mut Tx, what: &'static str) -> Result<(), StoreError> {
    tx.row("SELECT next FROM next_number WHERE what = $1 FOR UPDATE", &binds![what]).await.map(drop)
}
