//! Numbers of rows, one sequence for each kind of row: given one at a time, and never twice.

use crate::db::{Bind, Read, Tx};
use crate::error::StoreError;

/// The next number of a kind; it is given once.
pub(crate) async fn take_number(tx: &mut Tx, what: &'static str) -> Result<i64, StoreError> {
    const NEXT: &str = "
        INSERT INTO next_number (what, next) VALUES ($1, 2)
        ON CONFLICT (what) DO UPDATE SET next = next_number.next + 1";
    tx.execute(NEXT, &[Bind::Text(what)]).await?;
    let row = tx.row("SELECT next - 1 FROM next_number WHERE what = $1", &[Bind::Text(what)]).await?;
    row.map_or(Ok(1), |row| row.int(0))
}
