//! The counts of a plan: for people, for limits, and for the domains' own counts.

use super::address_state::{AddressState, DraftAddress, ListDomain};
use super::counts::CountDifference;
use super::outcome::Applied;
use super::plan::{OTHER_FILES_MAX, PlanRow, Planned, Shrunken};
use super::record::AddressRecord;
use super::row_change::RowChange;
use crate::address::{Address, LocalPart};
use crate::domain::DomainId;
use crate::list::{EntryKind, Standing};
use crate::shrink_guard::Operations;
use std::collections::{BTreeMap, BTreeSet};

/// The counts so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As the change log counts.
    pub applied: Applied,
    pub operations: Operations,
    examples_max: usize,
    /// The first rows of each kind, in the order of [`RowChange::ALL`].
    examples: [Vec<PlanRow>; RowChange::ALL.len()],
    /// Other files whose addresses go.
    other_files: BTreeSet<String>,
    /// By domain; one whose addresses stay has zeros.
    pub differences: BTreeMap<DomainId, CountDifference>,
    /// Some rows are aliases afterwards.
    pub aliases: bool,
    /// Some rows are on the list already.
    pub existing: bool,
    /// Some row's number goes with one name and comes with another.
    pub renames: bool,
}

impl Tally {
    /// Nothing is counted yet; so many rows will be shown.
    pub fn new(examples_max: usize) -> Self {
        Self { examples_max, ..Self::default() }
    }

    /// Counts a row that differs.
    pub fn row(
        &mut self,
        domain: &ListDomain,
        local: &LocalPart,
        before: Option<&AddressRecord>,
        after: Option<&AddressRecord>,
    ) {
        let listed = |record: Option<&AddressRecord>| record.is_some_and(|record| record.standing != Standing::Vetoed);
        let kind = |record: Option<&AddressRecord>| record.map(|record| record.kind);
        self.applied.count_address((local, &domain.name), listed(before), listed(after));
        let change = RowChange::of(before, after);
        match change {
            RowChange::Missing => self.applied.missing += 1,
            RowChange::Kind => self.applied.kinds += 1,
            RowChange::Removed | RowChange::Added | RowChange::Claims => {}
        }
        match (listed(before), listed(after)) {
            (false, true) => self.count_new(kind(after)),
            (true, false) => self.count_gone(kind(before)),
            _ => {}
        }
        self.aliases |= kind(after) == Some(EntryKind::Alias);
        self.existing |= before.is_some();
        let difference = self.differences.entry(domain.id).or_default();
        if let Some(record) = before {
            difference.subtract(record.kind, record.standing);
        }
        if let Some(record) = after {
            difference.add(record.kind, record.standing);
        }
        let examples = &mut self.examples[change as usize];
        if examples.len() < self.examples_max {
            let address = Address::new(local.clone(), domain.name.clone());
            examples.push(PlanRow { address, before: before.cloned(), after: after.cloned() });
        }
    }

    /// Counts an address that differs, and gives what the change log keeps of it.
    pub fn address(&mut self, address: &DraftAddress) -> (Option<AddressRecord>, Option<AddressRecord>) {
        let record = |state: &Option<AddressState>| state.as_ref().map(AddressState::record);
        let (before, after) = (record(&address.before), record(&address.now));
        self.row(&address.domain, &address.local, before.as_ref(), after.as_ref());
        (before, after)
    }

    fn count_new(&mut self, kind: Option<EntryKind>) {
        match kind {
            Some(EntryKind::Alias) => self.operations.aliases_add += 1,
            _ => self.operations.accounts_add += 1,
        }
    }

    /// Counts an address that goes, now or after the grace, as limits count it.
    pub fn count_gone(&mut self, kind: Option<EntryKind>) {
        match kind {
            Some(EntryKind::Alias) => self.operations.aliases_delete += 1,
            _ => self.operations.accounts_delete += 1,
        }
    }

    /// An address of another file of the same source goes.
    pub(super) fn count_other_file(&mut self, file: &str) {
        if self.other_files.len() < OTHER_FILES_MAX && !self.other_files.contains(file) {
            self.other_files.insert(file.to_owned());
        }
    }

    /// The plan in numbers, made on this version of the list. Its examples are handed over.
    pub fn planned(&mut self, base: u64, shrinking: Shrunken) -> Planned {
        self.applied.version = base;
        Planned {
            id: None,
            base,
            operations: self.operations,
            shrinking,
            examples: some_of_each(std::mem::take(&mut self.examples), self.examples_max),
            other_files: std::mem::take(&mut self.other_files),
            applied: self.applied.clone(),
        }
    }
}

/// The first `max` rows. Those that come later keep room for some of theirs.
fn some_of_each(all: [Vec<PlanRow>; RowChange::ALL.len()], max: usize) -> Vec<PlanRow> {
    let kept_of_each = max / 10;
    let mut later: usize = all.iter().map(|rows| rows.len().min(kept_of_each)).sum();
    let mut shown = Vec::new();
    for rows in all {
        later -= rows.len().min(kept_of_each);
        let room = max.saturating_sub(shown.len() + later);
        shown.extend(rows.into_iter().take(room));
    }
    shown
}
