//! Writes what a node noted. Rows of a later time stay; days add up.

use super::{HarvestBook, HarvestNotes};
use crate::error::StoreError;
use crate::json_rows::{to_json, write_rows};
use doorlist_core::time::Timestamp;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

const FLAGS: &str = "
    INSERT INTO harvest_flag (source, flagged_until, flags, unknown_names, known_names, domain_id, noted)
    SELECT CAST(value ->> 0 AS TEXT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
           CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT),
           CAST(value ->> 6 AS BIGINT)
    FROM json_each($1) WHERE true
    ON CONFLICT (source) DO UPDATE SET
        flagged_until = excluded.flagged_until, flags = excluded.flags, unknown_names = excluded.unknown_names,
        known_names = excluded.known_names, domain_id = excluded.domain_id, noted = excluded.noted
    WHERE harvest_flag.noted <= excluded.noted";

const DAYS: &str = "
    INSERT INTO harvest_day (source, day, delivered, unknown_names, entry_low, entry_high, noted)
    SELECT CAST(value ->> 0 AS TEXT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
           CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT),
           CAST(value ->> 6 AS BIGINT)
    FROM json_each($1) WHERE true
    ON CONFLICT (source, day) DO UPDATE SET
        delivered = harvest_day.delivered + excluded.delivered,
        unknown_names = harvest_day.unknown_names + excluded.unknown_names,
        entry_low = CASE WHEN excluded.entry_low < harvest_day.entry_low THEN excluded.entry_low
                         ELSE harvest_day.entry_low END,
        entry_high = CASE WHEN excluded.entry_high > harvest_day.entry_high THEN excluded.entry_high
                          ELSE harvest_day.entry_high END,
        noted = excluded.noted";

const DOMAINS: &str = "
    INSERT INTO harvest_domain (domain_id, node, state, since, until, rate, known_since, sums, sums_at, ordered, noted,
                                slow_since, hours)
    SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS TEXT),
           CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT),
           CAST(value ->> 6 AS BIGINT), CAST(value ->> 7 AS TEXT), CAST(value ->> 8 AS BIGINT), 0,
           CAST(value ->> 9 AS BIGINT), CAST(value ->> 10 AS BIGINT), CAST(value ->> 11 AS TEXT)
    FROM json_each($1) WHERE true
    ON CONFLICT (domain_id, node) DO UPDATE SET
        state = excluded.state, since = excluded.since, until = excluded.until, rate = excluded.rate,
        known_since = excluded.known_since, sums = excluded.sums, sums_at = excluded.sums_at, noted = excluded.noted,
        slow_since = excluded.slow_since, hours = excluded.hours";

const EVENTS: &str = "
    INSERT INTO harvest_event (at, node, number, event, subject, domain_id, detail)
    SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
           CAST(value ->> 3 AS TEXT), CAST(value ->> 4 AS TEXT), CAST(value ->> 5 AS BIGINT), CAST(value ->> 6 AS TEXT)
    FROM json_each($1) WHERE true
    ON CONFLICT (at, node, number) DO NOTHING";

/// Tells events of one millisecond apart.
static EVENT_NUMBER: AtomicU64 = AtomicU64::new(0);

impl HarvestBook {
    /// Writes notes of a node.
    ///
    /// # Errors
    /// When the store fails; nothing was written then.
    pub async fn write(&self, notes: &HarvestNotes, node: u16, now: Timestamp) -> Result<(), StoreError> {
        let flags = notes.flags.values().map(|flag| {
            json!([
                flag.source.to_string(),
                flag.until.as_millis(),
                flag.flags,
                flag.unknown,
                flag.known,
                flag.domain.map(|domain| domain.0),
                flag.noted.as_millis()
            ])
        });
        let days = notes.days.iter().map(|((source, day), added)| {
            let (low, high) = added.entries;
            json!([source.to_string(), day, added.delivered, added.unknown, low, high, now.as_millis()])
        });
        let mut domains = Vec::with_capacity(notes.domains.len());
        for row in notes.domains.values() {
            domains.push(json!([
                row.domain.0,
                node,
                row.state.word(),
                row.since.as_millis(),
                row.until.as_millis(),
                row.rate,
                row.known_since.as_millis(),
                to_json(&row.sums)?,
                row.sums_at.as_millis(),
                now.as_millis(),
                row.slow_since.map(Timestamp::as_millis),
                to_json(&row.hours)?
            ]));
        }
        let (flags, days): (Vec<Value>, Vec<Value>) = (flags.collect(), days.collect());
        let events: Vec<Value> = notes.events.iter().map(|event| event_row(event, node)).collect();
        let mut tx = self.db.begin().await?;
        write_rows(&mut tx, FLAGS, &flags).await?;
        write_rows(&mut tx, DAYS, &days).await?;
        write_rows(&mut tx, DOMAINS, &domains).await?;
        write_rows(&mut tx, EVENTS, &events).await?;
        tx.commit().await
    }

    /// Writes one event of a command.
    pub(super) async fn write_event(&self, event: &super::HarvestEvent, node: u16) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        write_rows(&mut tx, EVENTS, &[event_row(event, node)]).await?;
        tx.commit().await
    }
}

fn event_row(event: &super::HarvestEvent, node: u16) -> Value {
    let number = EVENT_NUMBER.fetch_add(1, Ordering::Relaxed);
    let domain = event.domain.map(|domain| domain.0);
    json!([event.at.as_millis(), node, number, event.event, event.subject, domain, event.detail])
}
