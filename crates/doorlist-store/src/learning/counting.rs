//! Counting deliveries: each once, whatever crashes between the spool and here.

use super::{LearningBook, TRIM, TRIM_WAITING, read};
use crate::db::{Read, binds};
use crate::error::StoreError;
use crate::json_rows::{to_json, write_rows};
use crate::numbers::lock_numbers;
use crate::spool::DeliveryKey;
use doorlist_core::address::LocalPart;
use doorlist_core::domain::DomainId;
use doorlist_core::learning::{CANDIDATES_MAX, Candidate, Evidence, WAITING_MAX};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Candidates beyond the number of a domain that go at once.
const TRIM_STEP: u32 = 100_000;

/// A clean message that a domain's own server took for an address that is on no list.
#[derive(Clone, Debug)]
pub struct CountedDelivery {
    pub key: DeliveryKey,
    pub domain: DomainId,
    pub local: LocalPart,
    pub evidence: Evidence,
    /// The domain is in its trial.
    pub learns: bool,
}

impl LearningBook {
    /// Adds deliveries to what is known of their addresses; what is counted already is passed over.
    ///
    /// # Errors
    /// When the store fails; nothing was counted then.
    pub async fn count(&self, deliveries: &[CountedDelivery], now: Timestamp) -> Result<(), StoreError> {
        const KNOWN: &str = "
            SELECT o.queue_id, o.recipient FROM json_each($1) AS k CROSS JOIN counted_outcome AS o
            WHERE o.queue_id = CAST(k.value ->> 0 AS BIGINT) AND o.recipient = CAST(k.value ->> 1 AS BIGINT)";
        const COUNTED: &str = "
            INSERT INTO counted_outcome (queue_id, recipient, noted)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT)
            FROM json_each($1) WHERE true
            ON CONFLICT (queue_id, recipient) DO NOTHING";
        const FIND: &str = "
            SELECT c.domain_id, c.local, c.state, c.messages, c.senders, c.first_seen, c.last_seen, c.evidence
            FROM json_each($1) AS k CROSS JOIN candidate AS c
            WHERE c.domain_id = CAST(k.value ->> 0 AS BIGINT) AND c.local = CAST(k.value ->> 1 AS TEXT)";
        const PUT: &str = "
            INSERT INTO candidate (domain_id, local, state, messages, senders, first_seen, last_seen, evidence)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS TEXT), CAST(value ->> 2 AS TEXT),
                   CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS TEXT), CAST(value ->> 5 AS BIGINT),
                   CAST(value ->> 6 AS BIGINT), CAST(value ->> 7 AS TEXT)
            FROM json_each($1) WHERE true
            ON CONFLICT (domain_id, local) DO UPDATE SET
                state = excluded.state, messages = excluded.messages, senders = excluded.senders,
                first_seen = excluded.first_seen, last_seen = excluded.last_seen, evidence = excluded.evidence";
        let mut tx = self.db.begin().await?;
        // Two nodes with mail for one address count one after the other.
        lock_numbers(&mut tx, "candidate").await?;
        let known: Vec<(i64, i64)> = tx.list(KNOWN, &binds![&to_json(&keys_of(deliveries))?]).await?;
        let known: BTreeSet<(i64, i64)> = known.into_iter().collect();
        let mut seen = BTreeSet::new();
        let is_new = |delivery: &&CountedDelivery| {
            let key = number(delivery.key);
            !known.contains(&key) && seen.insert(key)
        };
        let fresh: Vec<&CountedDelivery> = deliveries.iter().filter(is_new).collect();
        let named: Vec<Value> = fresh.iter().map(|one| json!([one.domain.0, one.local.as_str()])).collect();
        let rows = tx.rows(FIND, &binds![&to_json(&named)?]).await?;
        let mut candidates = BTreeMap::<(DomainId, LocalPart), Candidate>::new();
        for row in &rows {
            let (domain, candidate) = read(row)?;
            candidates.insert((domain, candidate.local.clone()), candidate);
        }
        let counted = fresh.iter().map(|one| {
            let (id, recipient) = number(one.key);
            json!([id, recipient, now.as_millis()])
        });
        write_rows(&mut tx, COUNTED, &counted.collect::<Vec<_>>()).await?;
        for CountedDelivery { domain, local, evidence, learns, .. } in fresh {
            candidates
                .entry((*domain, local.clone()))
                .and_modify(|candidate| candidate.seen(evidence.clone(), *learns))
                .or_insert_with(|| Candidate::new(local.clone(), evidence.clone(), *learns));
        }
        let row = |((domain, _), candidate): (&(DomainId, LocalPart), &Candidate)| put_row(*domain, candidate);
        let rows = candidates.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        write_rows(&mut tx, PUT, &rows).await?;
        for domain in candidates.keys().map(|(domain, _)| *domain).collect::<BTreeSet<_>>() {
            tx.execute(TRIM, &binds![domain, CANDIDATES_MAX.cast_signed(), TRIM_STEP]).await?;
            tx.execute(TRIM_WAITING, &binds![domain, WAITING_MAX.cast_signed(), TRIM_STEP]).await?;
        }
        tx.commit().await
    }

    /// The spool has forgotten these outcomes: they cannot come again.
    ///
    /// # Errors
    /// When the store fails; they are forgotten later, by their age.
    pub async fn forget_counted(&self, keys: &[DeliveryKey]) -> Result<(), StoreError> {
        const SQL: &str = "
            DELETE FROM counted_outcome WHERE (queue_id, recipient) IN
                (SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT) FROM json_each($1))";
        let rows: Vec<Value> = keys.iter().map(|key| json!(number(*key))).collect();
        let mut tx = self.db.begin().await?;
        write_rows(&mut tx, SQL, &rows).await?;
        tx.commit().await
    }
}

fn number((id, recipient): DeliveryKey) -> (i64, i64) {
    (QueueId::as_u64(id).cast_signed(), recipient.into())
}

fn keys_of(deliveries: &[CountedDelivery]) -> Vec<(i64, i64)> {
    deliveries.iter().map(|one| number(one.key)).collect()
}

fn put_row(domain: DomainId, candidate: &Candidate) -> Result<Value, StoreError> {
    let Candidate { local, state, messages, senders, first_seen, last_seen, evidence } = candidate;
    let (senders, evidence) = (to_json(senders)?, to_json(evidence)?);
    let (first, last) = (first_seen.as_millis(), last_seen.as_millis());
    Ok(json!([domain.0, local.as_str(), state.word(), messages, senders, first, last, evidence]))
}
