//! Reads what nodes and commands wrote.

use super::{
    DELIVERY_DAYS_MAX, DomainStateRow, FLAGS_MAX, FlagRow, HarvestBook, HarvestEvent, HarvestNews, StateOrder,
};
use crate::db::{Read, Row, binds};
use crate::error::StoreError;
use crate::json_rows::from_json;
use doorlist_core::domain::DomainId;
use doorlist_core::harvest::good_record::{DELIVERED_PER_DAY_MAX, UNKNOWN_PER_DAY_MAX};
use doorlist_core::harvest::{AttackState, Block, DeliveryDay};
use doorlist_core::network::SourceKey;
use doorlist_core::time::Timestamp;

impl HarvestBook {
    /// What was written since a moment, and all blocks that hold; since the beginning, the newest of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn news(&self, since: Timestamp, now: Timestamp) -> Result<HarvestNews, StoreError> {
        const FLAGS: &str = "
            SELECT source, flagged_until, flags, unknown_names, known_names, domain_id, noted FROM harvest_flag
            WHERE noted >= $1 ORDER BY noted DESC LIMIT $2";
        const DAYS: &str = "
            SELECT source, day, delivered, unknown_names, entry_low, entry_high FROM harvest_day
            WHERE noted >= $1 ORDER BY noted DESC LIMIT $2";
        const DOMAINS: &str = "
            SELECT domain_id, node, state, since, until, rate, known_since, sums, sums_at, noted, slow_since,
                   hours, ordered, ordered_until
            FROM harvest_domain WHERE noted >= $1";
        let flags = (&self.db).rows(FLAGS, &binds![since, FLAGS_MAX]).await?;
        let days = (&self.db).rows(DAYS, &binds![since, DELIVERY_DAYS_MAX]).await?;
        let domains = (&self.db).rows(DOMAINS, &binds![since]).await?;
        Ok(HarvestNews {
            flags: flags.iter().map(flag).collect::<Result<_, _>>()?,
            days: days.iter().map(day).collect::<Result<_, _>>()?,
            domains: domains.iter().map(|row| Ok((domain(row)?, order(row)?))).collect::<Result<_, StoreError>>()?,
            blocks: self.blocks(now).await?,
        })
    }

    /// Flags that hold, those that end last first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn flagged(&self, now: Timestamp, limit: u32) -> Result<Vec<FlagRow>, StoreError> {
        const SQL: &str = "
            SELECT source, flagged_until, flags, unknown_names, known_names, domain_id, noted FROM harvest_flag
            WHERE flagged_until > $1 ORDER BY flagged_until DESC, source LIMIT $2";
        (&self.db).rows(SQL, &binds![now, limit]).await?.iter().map(flag).collect()
    }

    /// How many flags hold.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn flagged_count(&self, now: Timestamp) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM harvest_flag WHERE flagged_until > $1";
        Ok((&self.db).value::<u64>(SQL, &binds![now]).await?.unwrap_or(0))
    }

    /// The states of domains that nodes noted: of one domain, or of all that are not normal or show the sign of a slow
    /// attack.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn states(&self, of: Option<DomainId>) -> Result<Vec<DomainStateRow>, StoreError> {
        const OF_ONE: &str = "
            SELECT domain_id, node, state, since, until, rate, known_since, sums, sums_at, noted, slow_since, hours
            FROM harvest_domain
            WHERE domain_id = $1 ORDER BY node";
        const OF_ALL: &str = "
            SELECT domain_id, node, state, since, until, rate, known_since, sums, sums_at, noted, slow_since, hours
            FROM harvest_domain
            WHERE state <> 'normal' OR slow_since IS NOT NULL ORDER BY since DESC, domain_id, node LIMIT 1000";
        let rows = match of {
            Some(id) => (&self.db).rows(OF_ONE, &binds![id]).await?,
            None => (&self.db).rows(OF_ALL, &binds![]).await?,
        };
        rows.iter().map(domain).collect()
    }

    /// Blocks that hold, those that end last first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn blocks(&self, now: Timestamp) -> Result<Vec<Block>, StoreError> {
        const SQL: &str = "
            SELECT network, until, reason, made_by, made FROM harvest_block WHERE until > $1
            ORDER BY until DESC, network";
        let rows = (&self.db).rows(SQL, &binds![now]).await?;
        let block = |row: &Row| {
            let network = row.text(0)?.parse();
            Ok(Block {
                network: network
                    .map_err(|_| StoreError::corrupt("harvest_block", row.text(0).unwrap_or_default().to_owned()))?,
                until: row.get(1)?,
                reason: row.get(2)?,
                by: row.get(3)?,
                made: row.get(4)?,
            })
        };
        rows.iter().map(block).collect()
    }

    /// The last events, of a domain if one is given, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn events(&self, of: Option<DomainId>, limit: u32) -> Result<Vec<HarvestEvent>, StoreError> {
        const SQL: &str = "
            SELECT at, event, subject, domain_id, detail FROM harvest_event
            WHERE CAST($1 AS BIGINT) IS NULL OR domain_id = $1 ORDER BY at DESC, number DESC LIMIT $2";
        let of = of.map(|domain| i64::from(domain.0));
        let rows = (&self.db).rows(SQL, &binds![of, limit]).await?;
        let event = |row: &Row| {
            Ok(HarvestEvent {
                at: row.get(0)?,
                event: row.get(1)?,
                subject: row.get(2)?,
                domain: domain_or_null(row, 3)?,
                detail: row.get(4)?,
            })
        };
        rows.iter().map(event).collect()
    }
}

fn flag(row: &Row) -> Result<FlagRow, StoreError> {
    Ok(FlagRow {
        source: source(row)?,
        until: row.get(1)?,
        flags: u8::try_from(row.int(2)?).unwrap_or(u8::MAX),
        unknown: row.get(3)?,
        known: row.get(4)?,
        domain: domain_or_null(row, 5)?,
        noted: row.get(6)?,
    })
}

fn day(row: &Row) -> Result<(SourceKey, DeliveryDay), StoreError> {
    let small = |at: usize, max: u16| Ok::<_, StoreError>(u16::try_from(row.int(at)?).unwrap_or(max).min(max));
    let all = DeliveryDay {
        day: small(1, u16::MAX)?,
        delivered: small(2, DELIVERED_PER_DAY_MAX)?,
        unknown: small(3, UNKNOWN_PER_DAY_MAX)?,
        entries: (small(4, u16::MAX)?, small(5, u16::MAX)?),
    };
    Ok((source(row)?, all))
}

fn domain(row: &Row) -> Result<DomainStateRow, StoreError> {
    let state = match row.text(2)? {
        "elevated" => AttackState::Elevated,
        "attack" => AttackState::Attack,
        _ => AttackState::Normal,
    };
    Ok(DomainStateRow {
        domain: row.get(0)?,
        node: row.get(1)?,
        state,
        since: row.get(3)?,
        until: row.get(4)?,
        rate: row.get(5)?,
        known_since: row.get(6)?,
        sums: from_json(row.text(7)?, "harvest_domain")?,
        sums_at: row.get(8)?,
        noted: row.get(9)?,
        slow_since: row.int_or_null(10)?.map(Timestamp::from_millis),
        hours: from_json(row.text(11)?, "harvest_domain")?,
    })
}

fn order(row: &Row) -> Result<StateOrder, StoreError> {
    Ok(StateOrder { at: row.get(12)?, until: row.int_or_null(13)?.map(Timestamp::from_millis) })
}

fn source(row: &Row) -> Result<SourceKey, StoreError> {
    let text = row.text(0)?;
    text.parse().map_err(|_| StoreError::corrupt("harvest_flag", text.to_owned()))
}

fn domain_or_null(row: &Row, at: usize) -> Result<Option<DomainId>, StoreError> {
    Ok(row.int_or_null(at)?.and_then(|id| u32::try_from(id).ok()).map(DomainId))
}
