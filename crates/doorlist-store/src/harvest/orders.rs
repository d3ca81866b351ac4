//! What a person orders: blocks, releases, and how long the state of a domain goes on. Nodes see it when they read again.

use super::{FLAGS_MAX, FlagRow, HarvestBook, HarvestEvent};
use crate::db::{Read, binds};
use crate::error::StoreError;
use crate::json_rows::keys;
use doorlist_core::domain::DomainId;
use doorlist_core::harvest::{BLOCKS_MAX, Block};
use doorlist_core::network::Network;
use doorlist_core::time::Timestamp;

/// What a release ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// Flags of sources in the network.
    pub flags: u64,
    /// Blocks of this network, or inside it.
    pub blocks: u64,
}

/// A block was not made: there are [`BLOCKS_MAX`] already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit of {BLOCKS_MAX} blocks is reached; release some first")]
pub struct TooManyBlocks;

impl HarvestBook {
    /// Blocks a network; one of the same network is replaced.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn block(&self, block: &Block, node: u16) -> Result<Result<(), TooManyBlocks>, StoreError> {
        const OTHERS: &str = "SELECT COUNT(*) FROM harvest_block WHERE until > $1 AND network <> $2";
        const PUT: &str = "
            INSERT INTO harvest_block (network, until, reason, made_by, made) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (network) DO UPDATE SET
                until = excluded.until, reason = excluded.reason, made_by = excluded.made_by, made = excluded.made";
        let network = block.network.to_string();
        let mut tx = self.db.begin().await?;
        let others = tx.value::<u64>(OTHERS, &binds![block.made, &network]).await?.unwrap_or(0);
        if others >= BLOCKS_MAX as u64 {
            return Ok(Err(TooManyBlocks));
        }
        tx.execute(PUT, &binds![&network, block.until, &block.reason, &block.by, block.made]).await?;
        tx.commit().await?;
        let detail = format!("{} by {}", block.reason, block.by);
        self.write_event(&event(block.made, "blocked", &network, None, detail), node).await?;
        Ok(Ok(()))
    }

    /// Ends the flags of sources in a network, and blocks of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn release(
        &self,
        network: &Network,
        by: &str,
        node: u16,
        now: Timestamp,
    ) -> Result<Released, StoreError> {
        const FLAGS: &str = "
            UPDATE harvest_flag SET flagged_until = $2, flags = 0, noted = $2
            WHERE source IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))";
        const BLOCKS: &str = "
            DELETE FROM harvest_block WHERE network IN (SELECT CAST(value ->> 0 AS TEXT) FROM json_each($1))";
        let flags = self.flagged(now, FLAGS_MAX).await?;
        let is_in = |flag: &&FlagRow| network.contains_peer(flag.source.first_address());
        let sources: Vec<String> = flags.iter().filter(is_in).map(|flag| flag.source.to_string()).collect();
        let blocks = self.blocks(now).await?;
        let blocks = blocks.iter().filter(|block| network.covers(&block.network));
        let blocks: Vec<String> = blocks.map(|block| block.network.to_string()).collect();
        let mut tx = self.db.begin().await?;
        let released = Released {
            flags: tx.execute(FLAGS, &binds![&keys(sources.iter())?, now]).await?,
            blocks: tx.execute(BLOCKS, &binds![&keys(blocks.iter())?]).await?,
        };
        tx.commit().await?;
        if released != Released::default() {
            let event = event(now, "released", &network.to_string(), None, format!("by {by}"));
            self.write_event(&event, node).await?;
        }
        Ok(released)
    }

    /// Lets the state of a domain go on until then, or ends it. False if no node knows the domain.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn order(
        &self,
        (domain, name): (DomainId, &str),
        until: Option<Timestamp>,
        (by, node): (&str, u16),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE harvest_domain SET ordered = $2, ordered_until = $3, noted = $2 WHERE domain_id = $1";
        let mut tx = self.db.begin().await?;
        let nodes = tx.execute(SQL, &binds![domain, now, until]).await?;
        tx.commit().await?;
        if nodes > 0 {
            let word = if until.is_some() { "extended" } else { "released" };
            self.write_event(&event(now, word, name, Some(domain), format!("by {by}")), node).await?;
        }
        Ok(nodes > 0)
    }
}

fn event(at: Timestamp, word: &str, subject: &str, domain: Option<DomainId>, detail: String) -> HarvestEvent {
    HarvestEvent { at, event: word.to_owned(), subject: subject.to_owned(), domain, detail }
}
