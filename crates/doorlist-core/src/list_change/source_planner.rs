//! What follows from a source's list: claims, claims that go missing or are withdrawn, renames. The caller loads the rows
//! that each step needs.

use super::address_state::ListDomain;
use super::comparison::RowState;
use super::draft::{Claim, ClaimOrigin, Draft};
use super::plan::SourcePlan;
use super::record::{AddressRecord, ClaimRecord};
use super::refusal::Refusal;
use super::tally::Tally;
use crate::address::LocalPart;
use crate::change::{Source, Structure};
use crate::list::{AddressId, EntryKind, Standing};
use crate::source_rows::{RowPosition, SourceRow};
use crate::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// Parts a file's name from the place in it.
const PLACE_SEPARATOR: &str = ", ";
/// What a file without a name is called.
const STANDARD_INPUT: &str = "standard input";

/// A plan that is being made.
#[derive(Debug)]
pub struct SourcePlanner<'a> {
    plan: &'a SourcePlan<'a>,
    domain: Arc<ListDomain>,
    by: &'a str,
    now: Timestamp,
    /// The rows that the rules look at.
    pub draft: Draft,
    /// The counts so far.
    pub tally: Tally,
    /// New rows are numbered downwards from here; they get their own numbers when the plan is applied.
    next_number: u32,
    lost: u64,
}

impl<'a> SourcePlanner<'a> {
    /// Begins with the rows that the comparison loaded; `by` is who brings the source.
    pub fn new(
        plan: &'a SourcePlan<'a>,
        domain: &Arc<ListDomain>,
        (by, now): (&'a str, Timestamp),
        draft: Draft,
    ) -> Self {
        let domain = Arc::clone(domain);
        Self { plan, domain, by, now, draft, tally: Tally::new(plan.examples_max), next_number: u32::MAX, lost: 0 }
    }

    /// Of what the source has no more: accounts whose entry has another address now, with that address. The rows of `gone`
    /// must be loaded.
    pub fn renamed(&self, gone: &[LocalPart]) -> HashMap<LocalPart, LocalPart> {
        if gone.is_empty() {
            return HashMap::new();
        }
        let rows = &self.plan.list.rows;
        let accounts = (0..rows.len()).filter(|at| rows.target(*at).is_none());
        let key = |at: usize| rows.entry(at)?.key.as_deref();
        let now: HashMap<&str, &str> = accounts.filter_map(|at| Some((key(at)?, rows.local(at)))).collect();
        let to = |local: &LocalPart| {
            let claims = &self.draft.state(&self.domain, local)?.claims;
            let claim = claims.iter().find(|claim| claim.source == *self.plan.source)?;
            let was_account = !matches!(claim.structure, Structure::AliasOf(_));
            now.get(claim.key.as_deref()?).filter(|_| was_account).map(|local| LocalPart::from_canonical(local))
        };
        gone.iter().filter_map(|local| Some((local.clone(), to(local)?))).collect()
    }

    /// The rows of the source that the rules decide on, by their index: accounts first, then the aliases that lead to them.
    /// What an entry is called now is looked at by the rules, too: its former address will lead there.
    pub fn rows_by_rule(
        &mut self,
        states: &mut [RowState],
        renamed: &HashMap<LocalPart, LocalPart>,
    ) -> (Vec<usize>, Vec<usize>) {
        for to in renamed.values() {
            if let Some(at) = self.plan.list.find(to).filter(|at| states[*at] == RowState::Absent) {
                states[at] = RowState::ByRule;
            }
        }
        let by_rule = (0..states.len()).filter(|at| states[*at] == RowState::ByRule);
        let (aliases, accounts) = by_rule.partition(|at| self.plan.list.rows.target(*at).is_some());
        (accounts, aliases)
    }

    /// Claims the address of a row. It and what it leads to must be loaded with their relations.
    ///
    /// # Errors
    /// None that a source meets today: only the wishes of people are refused.
    pub fn claim(&mut self, row: &SourceRow) -> Result<(), Refusal> {
        let place = self.place(row);
        let at = ClaimOrigin { now: self.now, by: self.by, place: Some(&place), key: key(row) };
        let (structure, source, switched_off) = (&row.structure, self.plan.source, row.switched_off);
        let next = &mut self.next_number;
        let mut fresh = || {
            *next -= 1;
            Ok(AddressId(*next))
        };
        self.draft.claim(&self.domain, &row.local, Claim { structure, source, at, switched_off }, &mut fresh)
    }

    fn place(&self, row: &SourceRow) -> String {
        match self.plan.file {
            Some(file) => format!("{file}{PLACE_SEPARATOR}{}", row.place),
            None => row.place.to_string(),
        }
    }

    /// What the source has no more: with grace it is marked, else its claim goes at once.
    pub fn let_go(&mut self, gone: &[LocalPart], renamed: &HashMap<LocalPart, LocalPart>) {
        let source = self.plan.source;
        for local in gone {
            if let Some(to) = renamed.get(local) {
                self.draft.mark_renamed(&self.domain, local, to, source, self.now);
                continue;
            }
            self.lost += 1;
            self.note_other_file(local);
            if source.has_grace() {
                let kind = self.draft.state(&self.domain, local).map(|state| state.kind);
                self.tally.count_gone(kind);
                self.draft.mark_missing(&self.domain, local, source, self.now);
            } else {
                self.draft.withdraw(&self.domain, local, source);
            }
        }
    }

    /// A source of files is a name that several may share: the address may be of another one.
    fn note_other_file(&mut self, local: &LocalPart) {
        let claims = self.draft.before(&self.domain, local).map(|state| state.claims.as_slice()).unwrap_or_default();
        let claim = claims.iter().find(|claim| claim.source == *self.plan.source);
        let (Source::File(_), Some(claim)) = (self.plan.source, claim) else { return };
        let file = claim.place.as_deref().and_then(|place| place.rsplit_once(PLACE_SEPARATOR)).map(|(file, _)| file);
        if file != self.plan.file {
            self.tally.count_other_file(file.unwrap_or(STANDARD_INPUT));
        }
    }

    /// Counts rows of the source that change nothing; those that the rules looked at are counted by them.
    pub fn count_same(&mut self, states: &[RowState]) {
        let is_same = |at: usize| states.get(at) == Some(&RowState::Same);
        let same = states.iter().filter(|state| **state == RowState::Same).count();
        // Something else of the plan changes them, such as the removal of their account.
        let changed = self.draft.changed().filter(|address| self.plan.list.find(&address.local).is_some_and(is_same));
        self.tally.applied.same += same.saturating_sub(changed.count()) as u64;
    }

    /// Withdraws the source's claims on addresses whose grace is over.
    pub fn withdraw(&mut self, expired: &[LocalPart]) {
        for local in expired {
            self.draft.withdraw(&self.domain, local, self.plan.source);
        }
    }

    /// Addresses that the source would lose.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// An address that no rule has to look at, as it will stand.
    pub fn new_record(&self, row: &SourceRow) -> AddressRecord {
        let (kind, account) = match &row.structure {
            Structure::Mailbox => (EntryKind::Mailbox, None),
            Structure::DistributionList => (EntryKind::List, None),
            Structure::AliasOf(account) => (EntryKind::Alias, Some(account.clone())),
        };
        let claim = ClaimRecord {
            source: self.plan.source.clone(),
            structure: row.structure.clone(),
            since: self.now,
            by: self.by.to_owned(),
            place: Some(self.place(row)),
            key: key(row).map(str::to_owned),
            missing_since: None,
        };
        let standing = if row.switched_off { Standing::SwitchedOff } else { Standing::Active };
        AddressRecord { kind, account, standing, claims: vec![claim], veto: None }
    }
}

/// What names the row's entry in a directory for good.
fn key(row: &SourceRow) -> Option<&str> {
    match &row.place {
        RowPosition::Entry(entry) => entry.key.as_deref(),
        RowPosition::Line(_) | RowPosition::Item(_) => None,
    }
}
