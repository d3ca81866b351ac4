//! Counting the rows of a plan: for people, for limits, and for the domains' own counts. Must not know SQL.

use super::{EXAMPLES_MAX, PlanRow};
use crate::directory::held::Home;
use crate::directory::log::Difference;
use crate::directory::outcome::{Applied, NOTES_MAX, Note};
use crate::directory::records::AddressRecord;
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::domain::DomainId;
use doorlist_core::list::{Kind, Standing};
use doorlist_core::shrink_guard::Operations;
use std::collections::BTreeMap;

/// The counts so far.
#[derive(Debug, Default)]
pub(in crate::directory) struct Tally {
    pub(super) applied: Applied,
    pub(super) operations: Operations,
    pub(super) examples: Vec<PlanRow>,
    /// How many mailboxes, aliases, lists and vetoes each domain has more.
    pub(super) differences: BTreeMap<DomainId, Difference>,
    /// What kinds of rows there are: statements for others need not run.
    pub(super) aliases: bool,
    pub(super) existing: bool,
    /// A number goes with one name and comes with another.
    pub(super) renames: bool,
}

impl Tally {
    /// A row that differs.
    pub(super) fn row(
        &mut self,
        home: &Home,
        local: &LocalPart,
        before: Option<&AddressRecord>,
        after: Option<&AddressRecord>,
    ) {
        let listed = |record: Option<&AddressRecord>| record.is_some_and(|record| record.standing != Standing::Vetoed);
        match (listed(before), listed(after)) {
            (false, true) => self.added(after),
            (true, false) => self.removed(before),
            _ => self.applied.changed += 1,
        }
        self.aliases |= after.is_some_and(|record| record.kind == Kind::Alias);
        self.existing |= before.is_some();
        let difference = self.differences.entry(home.id).or_default();
        for (record, sign) in [(before, -1), (after, 1)] {
            if let Some(count) = record.and_then(|record| difference.get_mut(counted_as(record))) {
                *count += sign;
            }
        }
        if self.examples.len() < EXAMPLES_MAX {
            let address = Address::new(local.clone(), home.name.clone());
            self.examples.push(PlanRow { address, before: before.cloned(), after: after.cloned() });
        }
    }

    fn added(&mut self, record: Option<&AddressRecord>) {
        self.applied.added += 1;
        match record.map(|record| record.kind) {
            Some(Kind::Alias) => self.operations.aliases_add += 1,
            _ => self.operations.accounts_add += 1,
        }
    }

    fn removed(&mut self, record: Option<&AddressRecord>) {
        self.applied.removed += 1;
        self.delete(record.map(|record| record.kind));
    }

    /// An address goes, now or after the grace.
    pub(super) fn delete(&mut self, kind: Option<Kind>) {
        match kind {
            Some(Kind::Alias) => self.operations.aliases_delete += 1,
            _ => self.operations.accounts_delete += 1,
        }
    }

    pub(super) fn note(&mut self, notes: Vec<Note>) {
        let room = NOTES_MAX - self.applied.notes.len();
        self.applied.notes_omitted += notes.len().saturating_sub(room) as u64;
        self.applied.notes.extend(notes.into_iter().take(room));
    }
}

/// Which of a domain's four counts a row is in.
fn counted_as(record: &AddressRecord) -> usize {
    match (record.standing, record.kind) {
        (Standing::Vetoed, _) => 3,
        (_, Kind::Mailbox) => 0,
        (_, Kind::Alias) => 1,
        (_, Kind::List) => 2,
    }
}
