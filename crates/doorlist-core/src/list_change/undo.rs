//! What an undo does beside the addresses: which domains go back, who counts as naming the servers that come back with
//! them, and which rows change their name.

use super::counts::ListCounts;
use super::draft::Draft;
use super::record::DomainRecord;
use crate::address::DomainName;
use crate::change::{NamedBy, Via};
use crate::domain::DomainId;
use crate::list::AddressId;
use std::collections::BTreeSet;

/// What becomes of a domain when a change to it is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainUndo {
    /// It is as it was before the change already.
    Unchanged,
    /// It was changed again since, or has a list by now: it stays as it is.
    ChangedSince,
    /// It goes back to what it was.
    Restore,
}

impl DomainUndo {
    /// Judges a domain: as it is `now` with its list, as it was `before` the change, and as the change left it. It goes back
    /// if nobody changed it since; one that the change added goes only while its list is empty.
    pub fn of(
        now: Option<(&DomainRecord, &ListCounts)>,
        before: Option<&DomainRecord>,
        after: Option<&DomainRecord>,
    ) -> Self {
        let is = |record: Option<&DomainRecord>| match (now, record) {
            (Some((now, _)), Some(record)) => now.is_same_as(record),
            (now, record) => now.is_none() && record.is_none(),
        };
        let removes_a_list = before.is_none() && now.is_some_and(|(_, counts)| counts.listed() > 0);
        if is(before) {
            DomainUndo::Unchanged
        } else if !is(after) || removes_a_list {
            DomainUndo::ChangedSince
        } else {
            DomainUndo::Restore
        }
    }
}

/// Servers that come back to a domain are named by whoever brings them back: an operator's word that was withdrawn since
/// does not return by a tenant's hand.
pub fn name_servers_anew(now: &DomainRecord, restored: &mut DomainRecord, via: Via) {
    let by = if via == Via::Command { NamedBy::Machine } else { NamedBy::Tenant };
    for server in restored.servers.iter_mut().filter(|server| !now.servers.contains(server)) {
        server.named_by = server.named_by.min(by);
    }
}

/// Whether a row's number goes with one name and comes with another.
pub fn has_renames(draft: &Draft) -> bool {
    let (mut gone, mut new) = (BTreeSet::<AddressId>::new(), Vec::new());
    for address in draft.addresses() {
        match (&address.before, &address.now) {
            (Some(before), None) => drop(gone.insert(before.id)),
            (None, Some(now)) => new.push(now.id),
            _ => {}
        }
    }
    new.iter().any(|id| gone.contains(id))
}

/// What a plan does to a domain, its list apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDomain {
    pub id: DomainId,
    pub name: DomainName,
    /// What it is; `None`: the plan adds it.
    pub before: Option<DomainRecord>,
    /// What it would be; `None`: the plan removes it.
    pub after: Option<DomainRecord>,
}

impl PlannedDomain {
    /// The names that it loses: its own, or aliases.
    pub fn names_lost(&self) -> BTreeSet<&DomainName> {
        self.names(self.before.as_ref()).difference(&self.names(self.after.as_ref())).copied().collect()
    }

    /// The names that it gets.
    pub fn names_gained(&self) -> BTreeSet<&DomainName> {
        self.names(self.after.as_ref()).difference(&self.names(self.before.as_ref())).copied().collect()
    }

    fn names<'a>(&'a self, record: Option<&'a DomainRecord>) -> BTreeSet<&'a DomainName> {
        record.into_iter().flat_map(|record| std::iter::once(&self.name).chain(&record.domain_aliases)).collect()
    }

    /// Whether it would come, go, get a name or another customer, or be switched on or off: that is for the level above the
    /// domain's own admins to decide.
    pub fn is_for_the_level_above(&self) -> bool {
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return true };
        (&before.customer, before.customer_id) != (&after.customer, after.customer_id)
            || before.active != after.active
            || !self.names_gained().is_empty()
    }

    /// The same change the other way round.
    #[must_use]
    pub fn inverse(self) -> Self {
        Self { before: self.after, after: self.before, ..self }
    }
}
