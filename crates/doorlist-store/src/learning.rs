//! What mail teaches about lists: candidates with their evidence, by which delivery an address was added, and the notices of
//! trials. Must not know when an address is added; the list itself is changed by
//! [`RecipientStore::apply`](crate::RecipientStore::apply) alone.

mod counting;
mod plus_controls;
mod trials;

pub use counting::CountedDelivery;
pub use plus_controls::NextPlusControl;
pub use trials::ToldTrial;

use crate::db::{Db, Read, Row, binds};
use crate::error::StoreError;
use crate::json_rows::{from_json, keys, to_json, write_rows};
use crate::recipients::RecipientStore;
use doorlist_core::address::LocalPart;
use doorlist_core::domain::DomainId;
use doorlist_core::learning::{Candidate, CandidateState, Evidence};
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// By which delivery an address was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedAddress {
    pub local: LocalPart,
    /// When it was added.
    pub learned: Timestamp,
    /// Clean messages that were taken for it by then.
    pub messages: u64,
    pub evidence: Evidence,
}

/// What mail teaches, in a store.
#[derive(Clone)]
pub struct LearningBook {
    db: Db,
}

impl LearningBook {
    /// For the store of this list.
    pub fn of(recipients: &RecipientStore) -> Self {
        Self { db: recipients.db().clone() }
    }

    /// Domains with candidates that may be added.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn waiting_domains(&self) -> Result<Vec<DomainId>, StoreError> {
        let sql = "SELECT DISTINCT domain_id FROM candidate WHERE state IN ('waiting', 'proven') ORDER BY domain_id";
        (&self.db).list(sql, &[]).await
    }

    /// Candidates of a domain in this state: of those that wait for their day, the ones with the most messages come first,
    /// so that the list has soon what most mail goes to; of others, those with the oldest evidence. The limit is the
    /// domain's own: a domain with many keeps no other one waiting.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn waiting(
        &self,
        domain: DomainId,
        state: CandidateState,
        limit: u32,
    ) -> Result<Vec<Candidate>, StoreError> {
        const OLDEST_FIRST: &str = "
            SELECT c.domain_id, c.local, c.state, c.messages, c.senders, c.first_seen, c.last_seen, c.evidence
            FROM candidate AS c WHERE c.state = $1 AND c.domain_id = $2 ORDER BY c.last_seen LIMIT $3";
        const MOST_MAIL_FIRST: &str = "
            SELECT c.domain_id, c.local, c.state, c.messages, c.senders, c.first_seen, c.last_seen, c.evidence
            FROM candidate AS c WHERE c.state = $1 AND c.domain_id = $2
            ORDER BY c.messages DESC, c.last_seen, c.local LIMIT $3";
        // The index gives the oldest ones. Who waits for a day is sorted, and only when the day has room.
        let sql = if state == CandidateState::Proven { MOST_MAIL_FIRST } else { OLDEST_FIRST };
        let rows = (&self.db).rows(sql, &binds![state.word(), domain, limit]).await?;
        rows.iter().map(|row| Ok(read(row)?.1)).collect()
    }

    /// The candidates of a domain that are for a person to decide on, or that wait: those with the most messages first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn candidates(
        &self,
        domain: DomainId,
        with_ignored: bool,
        limit: u32,
    ) -> Result<Vec<Candidate>, StoreError> {
        let sql = "SELECT c.domain_id, c.local, c.state, c.messages, c.senders, c.first_seen, c.last_seen, c.evidence
                   FROM candidate AS c WHERE c.domain_id = $1 AND (c.state <> 'ignored' OR $2)
                   ORDER BY c.messages DESC, c.last_seen DESC, c.local LIMIT $3";
        let rows = (&self.db).rows(sql, &binds![domain, with_ignored, limit]).await?;
        rows.iter().map(|row| Ok(read(row)?.1)).collect()
    }

    /// These candidates of a domain; those that are none are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, domain: DomainId, locals: &[LocalPart]) -> Result<Vec<Candidate>, StoreError> {
        let sql = "SELECT c.domain_id, c.local, c.state, c.messages, c.senders, c.first_seen, c.last_seen, c.evidence
                   FROM json_each($1) AS k CROSS JOIN candidate AS c
                   WHERE c.domain_id = $2 AND c.local = CAST(k.value ->> 0 AS TEXT) ORDER BY c.local";
        let locals = keys(locals.iter().map(LocalPart::as_str))?;
        let rows = (&self.db).rows(sql, &binds![&locals, domain]).await?;
        rows.iter().map(|row| Ok(read(row)?.1)).collect()
    }

    /// Writes what became of candidates. One that has got more mail meanwhile keeps its counts.
    ///
    /// # Errors
    /// When the store fails; nothing was written then.
    pub async fn decide(&self, domain: DomainId, candidates: &[Candidate]) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE candidate SET state = CAST(k.value ->> 2 AS TEXT), evidence = CAST(k.value ->> 3 AS TEXT)
            FROM json_each($1) AS k
            WHERE candidate.domain_id = CAST(k.value ->> 0 AS BIGINT) AND candidate.local = CAST(k.value ->> 1 AS TEXT)";
        let row = |candidate: &Candidate| {
            let evidence = to_json(&candidate.evidence)?;
            Ok(json!([domain.0, candidate.local.as_str(), candidate.state.word(), evidence]))
        };
        let rows = candidates.iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
        let mut tx = self.db.begin().await?;
        write_rows(&mut tx, SQL, &rows).await?;
        tx.commit().await
    }

    /// Forgets candidates.
    ///
    /// # Errors
    /// When the store fails; nothing was forgotten then.
    pub async fn forget(&self, domain: DomainId, locals: &[LocalPart]) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        write_rows(&mut tx, FORGET, &names(domain, locals)).await?;
        tx.commit().await
    }

    /// Keeps by which delivery addresses were added; `candidates` are those that gave it, which are none any more. Of an
    /// address that was added before, the first evidence stays.
    ///
    /// # Errors
    /// When the store fails; nothing was written then.
    pub async fn learned(
        &self,
        domain: DomainId,
        added: &[LearnedAddress],
        candidates: &[LocalPart],
    ) -> Result<(), StoreError> {
        const LEARNED: &str = "
            INSERT INTO learned_address (domain_id, local, learned, messages, evidence)
            SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS TEXT), CAST(value ->> 2 AS BIGINT),
                   CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS TEXT)
            FROM json_each($1) WHERE true
            ON CONFLICT (domain_id, local) DO NOTHING";
        let row = |address: &LearnedAddress| {
            let LearnedAddress { local, learned, messages, evidence } = address;
            Ok(json!([domain.0, local.as_str(), learned.as_millis(), messages, to_json(evidence)?]))
        };
        let rows = added.iter().map(row).collect::<Result<Vec<_>, StoreError>>()?;
        let mut tx = self.db.begin().await?;
        write_rows(&mut tx, LEARNED, &rows).await?;
        write_rows(&mut tx, FORGET, &names(domain, candidates)).await?;
        tx.commit().await
    }

    /// How many addresses of a domain were added since.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn learned_since(&self, domain: DomainId, since: Timestamp) -> Result<u64, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM learned_address WHERE domain_id = $1 AND learned >= $2";
        let count: Option<i64> = (&self.db).value(SQL, &binds![domain, since]).await?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    /// By which delivery an address was added, if one did.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn evidence(&self, domain: DomainId, local: &LocalPart) -> Result<Option<LearnedAddress>, StoreError> {
        const SQL: &str = "SELECT learned, messages, evidence FROM learned_address WHERE domain_id = $1 AND local = $2";
        let Some(row) = (&self.db).row(SQL, &binds![domain, local.as_str()]).await? else { return Ok(None) };
        Ok(Some(LearnedAddress {
            local: local.clone(),
            learned: row.get(0)?,
            messages: row.int(1)?.unsigned_abs(),
            evidence: from_json(row.text(2)?, "learned_address")?,
        }))
    }
}

const FORGET: &str = "
    DELETE FROM candidate WHERE (domain_id, local) IN
        (SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS TEXT) FROM json_each($1))";

/// Candidates beyond the number of a domain: those with the fewest messages go, the oldest first.
const TRIM: &str = "
    DELETE FROM candidate WHERE domain_id = $1 AND local IN
        (SELECT c.local FROM candidate AS c WHERE c.domain_id = $1 AND c.state IN ('seen', 'ignored')
         ORDER BY c.messages DESC, c.last_seen DESC, c.local LIMIT $3 OFFSET $2)";
/// The same of those that wait to be added.
const TRIM_WAITING: &str = "
    DELETE FROM candidate WHERE domain_id = $1 AND local IN
        (SELECT c.local FROM candidate AS c WHERE c.domain_id = $1 AND c.state IN ('waiting', 'proven')
         ORDER BY c.messages DESC, c.last_seen DESC, c.local LIMIT $3 OFFSET $2)";

fn names(domain: DomainId, locals: &[LocalPart]) -> Vec<Value> {
    locals.iter().map(|local| json!([domain.0, local.as_str()])).collect()
}

fn read(row: &Row) -> Result<(DomainId, Candidate), StoreError> {
    let state = match row.text(2)? {
        "waiting" => CandidateState::Waiting,
        "proven" => CandidateState::Proven,
        "seen" => CandidateState::Seen,
        "ignored" => CandidateState::Ignored,
        other => return Err(StoreError::corrupt("candidate", format!("state {other:?}"))),
    };
    let candidate = Candidate {
        local: LocalPart::from_canonical(row.text(1)?),
        state,
        messages: row.int(3)?.unsigned_abs(),
        senders: from_json(row.text(4)?, "candidate")?,
        first_seen: row.get(5)?,
        last_seen: row.get(6)?,
        evidence: from_json(row.text(7)?, "candidate")?,
    };
    Ok((row.get(0)?, candidate))
}
