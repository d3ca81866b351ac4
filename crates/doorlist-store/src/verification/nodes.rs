//! Signs of life of the nodes that ask servers, by the clock of the store: those of nodes may differ.

use super::VerificationBook;
use crate::db::{Db, Read, binds};
use crate::error::StoreError;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::Heartbeats;

impl VerificationBook {
    /// Leaves this node's sign of life, and reads those of all others. `None`: the store is a file of this node alone.
    ///
    /// # Errors
    /// When the store fails; nothing was written then.
    pub async fn heartbeat(&self, node: u16) -> Result<Option<Heartbeats>, StoreError> {
        const TIME: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        const NODES: &str = "SELECT node, heard, joined FROM probe_node";
        const WRITE: &str = "
            INSERT INTO probe_node (node, heard, joined) VALUES ($1, $2, $3)
            ON CONFLICT (node) DO UPDATE SET heard = excluded.heard, joined = excluded.joined";
        if matches!(self.db, Db::Sqlite { .. }) {
            return Ok(None);
        }
        let mut tx = self.db.begin().await?;
        // Of two nodes that start at once, one sees the other.
        tx.execute("LOCK TABLE probe_node IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
        let now = Timestamp::from_millis(tx.value::<i64>(TIME, &[]).await?.unwrap_or_default());
        let mut beats = Heartbeats { own: None, others: Vec::new(), now };
        for row in &tx.rows(NODES, &[]).await? {
            let (of, heard): (u16, Timestamp) = (row.get(0)?, Timestamp::from_millis(row.int(1)?));
            match of == node {
                true => beats.own = Some((heard, Timestamp::from_millis(row.int(2)?))),
                false => beats.others.push((of, heard)),
            }
        }
        tx.execute(WRITE, &binds![node, now, beats.joined()]).await?;
        tx.commit().await?;
        Ok(Some(beats))
    }
}
