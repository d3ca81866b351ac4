//! The counts of a plan: for people, for limits, and for the domains' own counts.

use super::address_state::{AddressState, DraftAddress, ListDomain};
use super::counts::CountDifference;
use super::outcome::Applied;
use super::plan::{EXAMPLES_MAX, PlanRow, Planned, Shrunken};
use super::record::AddressRecord;
use crate::address::{Address, LocalPart};
use crate::domain::DomainId;
use crate::list::{EntryKind, Standing};
use crate::shrink_guard::Operations;
use std::collections::BTreeMap;

/// The counts so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As the change log counts.
    pub applied: Applied,
    pub operations: Operations,
    examples: Vec<PlanRow>,
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
        self.applied.count_address(listed(before), listed(after));
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
        if self.examples.len() < EXAMPLES_MAX {
            let address = Address::new(local.clone(), domain.name.clone());
            self.examples.push(PlanRow { address, before: before.cloned(), after: after.cloned() });
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

    /// The plan in numbers, made on this version of the list. Its examples are handed over.
    pub fn planned(&mut self, base: u64, shrinking: Shrunken) -> Planned {
        self.applied.version = base;
        Planned {
            id: None,
            base,
            operations: self.operations,
            shrinking,
            examples: std::mem::take(&mut self.examples),
            applied: self.applied.clone(),
        }
    }
}
