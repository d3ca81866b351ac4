//! A source's list against the store's rows, both in byte order: what is so already, what the rules decide, and what the
//! source has no more. An address that is not on the list, and that nobody claims as an alias of something else, needs no
//! rule: that is nearly all of a first import.

use super::address_state::{AddressState, ListDomain};
use super::draft::{Draft, says};
use super::plan::{Coverage, SourcePlan};
use super::source_planner::key_of;
use crate::address::LocalPart;
use crate::change::Source;
use crate::source_rows::{PackedRows, SourceRow};
use crate::time::Timestamp;
use std::sync::Arc;

/// How a row of the source stands to the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowState {
    /// Not on the list, and nothing speaks against it.
    Absent,
    /// The source says so already.
    Same,
    ByRule,
}

/// Every row of the source, and what it has no more.
#[derive(Debug)]
pub struct Compared {
    /// One for each row of the source's list.
    pub states: Vec<RowState>,
    /// The rows that the rules look at, loaded.
    pub draft: Draft,
    /// Claimed by the source before and not in its list.
    pub gone: Vec<LocalPart>,
    /// The same, and their grace is over, or there is none.
    pub expired: Vec<LocalPart>,
    /// Claims of the source, those in grace apart; `None`: not all of the domain was read.
    pub size: Option<u64>,
}

/// A comparison under way: rows of the store come in the order of their local parts.
#[derive(Debug)]
pub struct SourceComparison<'a> {
    domain: &'a Arc<ListDomain>,
    plan: &'a SourcePlan<'a>,
    now: Timestamp,
    /// The source's rows before this one are compared.
    at: usize,
    found: Compared,
}

impl<'a> SourceComparison<'a> {
    /// Begins; `whole`: all rows of the domain will come, and the source's claims are counted.
    pub fn new(domain: &'a Arc<ListDomain>, plan: &'a SourcePlan<'a>, whole: bool, now: Timestamp) -> Self {
        let found = Compared {
            states: vec![RowState::Absent; plan.list.rows.len()],
            draft: Draft::default(),
            gone: Vec::new(),
            expired: Vec::new(),
            size: whole.then_some(0),
        };
        Self { domain, plan, now, at: 0, found }
    }

    /// Whether all rows of a domain with so many have to be read: what is missing from the source is found in no other way,
    /// and a long list is read faster than it is asked for by name.
    pub fn needs_whole_domain(plan: &SourcePlan<'_>, rows: u64) -> bool {
        matches!(plan.coverage, Coverage::Whole | Coverage::Ended) || plan.list.rows.len() as u64 >= rows / 4
    }

    fn rows(&self) -> &'a PackedRows {
        &self.plan.list.rows
    }

    /// Compares the next rows of the store.
    pub fn merge(&mut self, found: Vec<(LocalPart, AddressState)>) {
        for (local, state) in found {
            while self.at < self.rows().len() && self.rows().local(self.at) < local.as_str() {
                self.at += 1;
            }
            let wanted = self.at < self.rows().len() && self.rows().local(self.at) == local.as_str();
            self.compare(wanted.then_some(self.at), local, state);
        }
    }

    fn compare(&mut self, wanted: Option<usize>, local: LocalPart, state: AddressState) {
        let claim = state.claims.iter().find(|claim| claim.source == *self.plan.source);
        let counts = claim.is_some_and(|claim| claim.missing_since.is_none());
        if let Some(size) = &mut self.found.size {
            *size += u64::from(counts);
        }
        match (wanted, claim) {
            (Some(at), Some(_))
                if self.rows().get(at).is_some_and(|row| is_so_already(&row, &state, self.plan.source)) =>
            {
                self.found.states[at] = RowState::Same;
            }
            (Some(at), _) => {
                self.found.states[at] = RowState::ByRule;
                self.found.draft.load(self.domain, &local, Some(state));
            }
            (None, Some(_)) if self.plan.coverage == Coverage::Ended => {
                self.found.expired.push(local.clone());
                self.found.draft.load(self.domain, &local, Some(state));
            }
            (None, Some(claim)) if self.plan.coverage == Coverage::Whole => {
                match claim.counts_until() {
                    None => self.found.gone.push(local.clone()),
                    Some(until) if self.now >= until => self.found.expired.push(local.clone()),
                    Some(_) => return,
                }
                self.found.draft.load(self.domain, &local, Some(state));
            }
            (None, _) => {}
        }
    }

    /// An address that an entry of the directory had, found by the entry's key.
    pub fn merge_entry(&mut self, local: LocalPart) {
        if self.plan.list.find(&local).is_none() {
            self.found.gone.push(local);
        }
    }

    /// Ends, when all rows of the store have come.
    pub fn finish(mut self) -> Compared {
        self.settle_aliases();
        self.found
    }

    /// An alias that is new leads to an account that is new with it, or the rules look at both.
    fn settle_aliases(&mut self) {
        for at in 0..self.rows().len() {
            let (state, Some(target)) = (self.found.states[at], self.rows().target(at)) else { continue };
            let target = self.rows().find(target);
            let fresh = target.is_some_and(|target| self.found.states[target] == RowState::Absent);
            match (state, target) {
                (RowState::Same, _) => {}
                (RowState::Absent, _) if fresh => {}
                (_, Some(target)) if fresh => self.found.states[target] = RowState::ByRule,
                _ => self.found.states[at] = RowState::ByRule,
            }
        }
    }
}

/// The source's claim stands as the row says it, and the address stands as the claim says it.
fn is_so_already(row: &SourceRow, state: &AddressState, source: &Source) -> bool {
    let Some(claim) = state.claims.iter().find(|claim| claim.source == *source) else { return false };
    claim.structure == row.structure
        && claim.missing_since.is_none()
        && claim.key.as_deref() == key_of(row)
        && says(&row.structure, state)
}
