//! A source's list against the store's rows, both in byte order: what is so already, what has to be looked at by the
//! rules, and what the source has no more. Whoever is neither on the list nor claimed as anybody's odd alias needs no
//! rule: that is nearly all of a first import.

use super::{Coverage, SourcePlan};
use crate::db::{Bind, Db, Read};
use crate::directory::draft::{Draft, says};
use crate::directory::held::{Held, Home};
use crate::directory::packed;
use crate::directory::rows::{BATCH, to_json};
use crate::error::StoreError;
use doorlist_core::address::LocalPart;
use doorlist_core::change::Source;
use doorlist_core::shrink_guard::GRACE;
use doorlist_core::source_rows::{PackedRows, Place, SourceRow};
use doorlist_core::time::Timestamp;
use std::sync::Arc;

/// A row of the source, compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not on the list, and nothing speaks against it.
    Absent,
    /// The source says so already.
    Same,
    /// The rules decide.
    ByRule,
}

/// Every row of the source, and what it has no more.
pub(super) struct Compared {
    /// One for each row of the source's list.
    pub(super) states: Vec<State>,
    /// Rows that the rules look at are in hand already.
    pub(super) draft: Draft,
    /// Claimed by the source before and not in its list.
    pub(super) gone: Vec<LocalPart>,
    /// The same, and their grace is over, or there is none.
    pub(super) expired: Vec<LocalPart>,
    /// Claims of the source, those in grace apart; `None`: not all of the domain was read.
    pub(super) size: Option<u64>,
}

/// Reads what the list has of a domain, as far as the source's list concerns it.
pub(super) async fn compare(
    db: &Db,
    home: &Arc<Home>,
    plan: &SourcePlan<'_>,
    listed: u64,
    now: Timestamp,
) -> Result<Compared, StoreError> {
    let rows = &plan.list.rows;
    let mut comparison = Comparison {
        home,
        plan,
        now,
        found: Compared {
            states: vec![State::Absent; rows.len()],
            draft: Draft::default(),
            gone: Vec::new(),
            expired: Vec::new(),
            size: None,
        },
    };
    if matches!(plan.coverage, Coverage::Whole | Coverage::Ended) || rows.len() as u64 >= listed / 4 {
        comparison.all(db, listed).await?;
    } else {
        comparison.named(db).await?;
    }
    if let Coverage::Entries(keys) = plan.coverage {
        comparison.entries(db, keys).await?;
    }
    comparison.take_targets();
    Ok(comparison.found)
}

struct Comparison<'a> {
    home: &'a Arc<Home>,
    plan: &'a SourcePlan<'a>,
    now: Timestamp,
    found: Compared,
}

impl Comparison<'_> {
    fn rows(&self) -> &PackedRows {
        &self.plan.list.rows
    }

    /// Reads the whole domain, page by page.
    async fn all(&mut self, mut db: &Db, listed: u64) -> Result<(), StoreError> {
        self.found.size = Some(0);
        if listed == 0 {
            return Ok(());
        }
        let (mut at, mut after) = (0, String::new());
        loop {
            let page = packed::page(&mut db, self.home, &after, None, BATCH).await?;
            let full = page.len() >= BATCH;
            if let Some((last, _)) = page.last() {
                after = last.as_str().to_owned();
            }
            self.merge(&mut at, page);
            if !full {
                return Ok(());
            }
        }
    }

    /// Reads the named addresses only: they are few in a long list.
    async fn named(&mut self, mut db: &Db) -> Result<(), StoreError> {
        let mut at = 0;
        let rows = &self.plan.list.rows;
        for first in (0..rows.len()).step_by(BATCH) {
            let chunk = first..rows.len().min(first + BATCH);
            let locals: Vec<_> = chunk.map(|at| LocalPart::from_canonical(rows.local(at))).collect();
            let mut found = packed::by_name(&mut db, self.home, &locals.iter().collect::<Vec<_>>()).await?;
            found.sort_by(|a, b| a.0.cmp(&b.0));
            self.merge(&mut at, found);
        }
        Ok(())
    }

    /// Rows of the store, in order; `at` is where the source's rows have been compared up to.
    fn merge(&mut self, at: &mut usize, found: Vec<(LocalPart, Held)>) {
        for (local, held) in found {
            while *at < self.rows().len() && self.rows().local(*at) < local.as_str() {
                *at += 1;
            }
            let wanted = *at < self.rows().len() && self.rows().local(*at) == local.as_str();
            self.look(wanted.then_some(*at), local, held);
        }
    }

    fn look(&mut self, wanted: Option<usize>, local: LocalPart, held: Held) {
        let claim = held.claims.iter().find(|claim| claim.source == *self.plan.source);
        let counts = claim.is_some_and(|claim| claim.missing_since.is_none());
        if let Some(size) = &mut self.found.size {
            *size += u64::from(counts);
        }
        match (wanted, claim) {
            (Some(at), Some(_)) if self.is_so_already(at, &held) => {
                self.found.states[at] = State::Same;
            }
            (Some(at), _) => {
                self.found.states[at] = State::ByRule;
                self.found.draft.take(self.home, &local, Some(held));
            }
            (None, Some(_)) if self.plan.coverage == Coverage::Ended => {
                self.found.expired.push(local.clone());
                self.found.draft.take(self.home, &local, Some(held));
            }
            (None, Some(claim)) if self.plan.coverage == Coverage::Whole => {
                match claim.missing_since {
                    None => self.found.gone.push(local.clone()),
                    Some(since) if self.now >= since + GRACE => self.found.expired.push(local.clone()),
                    Some(_) => return,
                }
                self.found.draft.take(self.home, &local, Some(held));
            }
            (None, _) => {}
        }
    }

    fn is_so_already(&self, at: usize, held: &Held) -> bool {
        self.rows().get(at).is_some_and(|row| so_already(&row, held, self.plan.source))
    }

    /// Addresses of these entries that the source has no more.
    async fn entries(&mut self, mut db: &Db, keys: &[Box<str>]) -> Result<(), StoreError> {
        // CROSS JOIN keeps SQLite to this order: few keys first, then what they find.
        const SQL: &str = "
            SELECT a.local FROM json_each($1) AS k CROSS JOIN claim AS c CROSS JOIN claim_source AS s
            CROSS JOIN address AS a
            WHERE c.entry_key = CAST(k.value ->> 0 AS TEXT) AND s.id = c.source_id AND s.name = $2
              AND a.id = c.address_id AND a.domain_id = $3 AND c.missing_since IS NULL";
        let source = self.plan.source.to_string();
        for keys in keys.chunks(BATCH) {
            let json = to_json(&keys.iter().map(|key| [key]).collect::<Vec<_>>())?;
            let binds = [Bind::Text(&json), Bind::Text(&source), Bind::Int(self.home.id.0.into())];
            for row in db.rows(SQL, &binds).await? {
                let local = LocalPart::from_canonical(row.text(0)?);
                if self.plan.list.find(&local).is_none() {
                    self.found.gone.push(local);
                }
            }
        }
        Ok(())
    }

    /// An alias that is new leads to an account that is new with it, or the rules look at both.
    fn take_targets(&mut self) {
        for at in 0..self.rows().len() {
            let (state, Some(target)) = (self.found.states[at], self.plan.list.rows.target(at)) else { continue };
            let target = self.plan.list.rows.find(target);
            let fresh = target.is_some_and(|target| self.found.states[target] == State::Absent);
            match (state, target) {
                (State::Same, _) => {}
                (State::Absent, _) if fresh => {}
                (_, Some(target)) if fresh => self.found.states[target] = State::ByRule,
                _ => self.found.states[at] = State::ByRule,
            }
        }
    }
}

/// The source's claim stands as the row says it, and the address stands as the claim says it.
fn so_already(row: &SourceRow, held: &Held, source: &Source) -> bool {
    let key = match &row.place {
        Place::Entry(entry) => entry.key.as_deref(),
        Place::Line(_) | Place::Item(_) => None,
    };
    let Some(claim) = held.claims.iter().find(|claim| claim.source == *source) else { return false };
    claim.structure == row.structure
        && claim.missing_since.is_none()
        && claim.key.as_deref() == key
        && says(&row.structure, held)
}
