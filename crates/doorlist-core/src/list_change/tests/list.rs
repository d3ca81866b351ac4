//! A list in memory that loads and writes as a store does, for the laws of the rules.

use crate::address::{Address, LocalPart};
use crate::change::{Change, Source, Structure};
use crate::domain::DomainId;
use crate::list::{AddressId, EntryKind};
use crate::list_change::{
    AddressState, Coverage, Draft, EXAMPLES_MAX, ListCounts, ListDomain, Refusal, RowState, RowsNeeded,
    SourceComparison, SourcePlan, SourcePlanner, Tally, Undone,
};
use crate::source_rows::NormalizedRows;
use crate::time::Timestamp;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    pub(super) domain: Arc<ListDomain>,
    pub(super) rows: BTreeMap<LocalPart, AddressState>,
    next: u32,
}

impl List {
    pub(super) fn new() -> Self {
        let domain = ListDomain { id: DomainId(1), name: "example.test".parse().unwrap() };
        Self { domain: Arc::new(domain), rows: BTreeMap::new(), next: 1 }
    }

    /// Applies these changes one after another; what is refused changes nothing.
    pub(super) fn after(changes: &[Change]) -> Self {
        let mut list = Self::new();
        for (change, at) in changes.iter().zip(0..) {
            let _ = list.apply(std::slice::from_ref(change), Timestamp::from_secs(1_700_000_000 + at));
        }
        list
    }

    /// Applies a set of changes as the store does: what they need is loaded, what differs is written.
    pub(super) fn apply(&mut self, changes: &[Change], now: Timestamp) -> Result<Draft, Refusal> {
        let mut draft = Draft::default();
        let needed: Vec<_> = changes.iter().map(RowsNeeded::by).collect();
        let locals = changes.iter().filter_map(|change| Some(change.address()?.local()));
        let locals = locals.chain(needed.iter().filter_map(|needed| needed.other)).collect();
        self.load(&mut draft, locals, needed.iter().any(|needed| needed.all_aliases));
        self.run(draft, changes, now)
    }

    /// The same with every row of the list loaded.
    pub(super) fn apply_with_all_loaded(&mut self, changes: &[Change], now: Timestamp) -> Result<Draft, Refusal> {
        let mut draft = Draft::default();
        let needed = changes.iter().filter_map(|change| RowsNeeded::by(change).other);
        let locals: BTreeSet<_> = changes.iter().filter_map(|change| Some(change.address()?.local())).collect();
        let locals = locals.into_iter().chain(needed).chain(self.rows.keys()).collect();
        self.load(&mut draft, locals, true);
        self.run(draft, changes, now)
    }

    fn run(&mut self, mut draft: Draft, changes: &[Change], now: Timestamp) -> Result<Draft, Refusal> {
        let mut next = self.next;
        let mut fresh = || {
            next += 1;
            Ok(AddressId(next - 1))
        };
        for change in changes {
            draft.apply(&self.domain, change, ("ann", now), &mut fresh)?;
        }
        self.next = next;
        self.write(&draft);
        Ok(draft)
    }

    pub(super) fn load(&self, draft: &mut Draft, locals: BTreeSet<&LocalPart>, all_aliases: bool) {
        let mut concerned: Vec<LocalPart> = locals.into_iter().cloned().collect();
        self.load_named(draft, &concerned);
        let accounts = draft.accounts_to_follow(&self.domain, &concerned, all_aliases);
        let leads = |state: &AddressState| state.account.as_ref().is_some_and(|(id, _)| accounts.contains(id));
        let aliases: Vec<_> = self.rows.iter().filter(|(_, s)| leads(s)).map(|(local, _)| local.clone()).collect();
        self.load_named(draft, &aliases);
        concerned.extend(aliases);
        let targets = draft.targets_to_load(&self.domain, &concerned);
        self.load_named(draft, &targets.into_iter().collect::<Vec<_>>());
    }

    fn load_named(&self, draft: &mut Draft, locals: &[LocalPart]) {
        for local in locals {
            draft.load(&self.domain, local, self.rows.get(local).cloned());
        }
    }

    fn write(&mut self, draft: &Draft) {
        for address in draft.changed() {
            match &address.now {
                Some(state) => drop(self.rows.insert(address.local.clone(), state.clone())),
                None => drop(self.rows.remove(&address.local)),
            }
        }
    }

    /// Undoes what a draft did, as the change log remembers it.
    pub(super) fn undo(&mut self, done: &Draft) -> Draft {
        let undone = done.changed().map(|address| Undone {
            local: address.local.clone(),
            id: address.now.as_ref().or(address.before.as_ref()).unwrap().id,
            before: address.before.as_ref().map(AddressState::record),
            after: address.now.as_ref().map(AddressState::record),
        });
        let undone: Vec<_> = undone.collect();
        let accounts = undone.iter().filter_map(|row| row.before.as_ref()?.account.as_ref());
        let locals = undone.iter().map(|row| &row.local).chain(accounts).collect();
        let mut draft = Draft::default();
        self.load(&mut draft, locals, true);
        draft.restore(&self.domain, &undone);
        self.write(&draft);
        draft
    }

    /// Plans what a source says, and applies the plan.
    pub(super) fn take_over(
        &mut self,
        source: &Source,
        list: &NormalizedRows,
        coverage: Coverage<'_>,
        now: Timestamp,
    ) -> Tally {
        let domain = Arc::clone(&self.domain);
        let examples_max = EXAMPLES_MAX;
        self.take_plan(&SourcePlan { domain: &domain.name, source, list, coverage, file: None, examples_max }, now)
    }

    /// The same of a whole file.
    pub(super) fn take_over_file(
        &mut self,
        source: &Source,
        file: Option<&str>,
        list: &NormalizedRows,
        now: Timestamp,
    ) -> Tally {
        let domain = Arc::clone(&self.domain);
        let (coverage, examples_max) = (Coverage::Whole, EXAMPLES_MAX);
        self.take_plan(&SourcePlan { domain: &domain.name, source, list, coverage, file, examples_max }, now)
    }

    fn take_plan(&mut self, plan: &SourcePlan<'_>, now: Timestamp) -> Tally {
        let (domain, list) = (Arc::clone(&self.domain), plan.list);
        let whole = SourceComparison::needs_whole_domain(plan, self.rows.len() as u64);
        let mut comparison = SourceComparison::new(&domain, plan, whole, now);
        let named = |local: &LocalPart| whole || list.find(local).is_some();
        let found = self.rows.iter().filter(|(local, _)| named(local));
        comparison.merge(found.map(|(local, state)| (local.clone(), state.clone())).collect());
        let mut compared = comparison.finish();
        let mut planner = SourcePlanner::new(plan, &domain, ("ann", now), compared.draft);
        self.load(&mut planner.draft, compared.gone.iter().chain(&compared.expired).collect(), true);
        let renamed = planner.renamed(&compared.gone);
        let (accounts, aliases) = planner.rows_by_rule(&mut compared.states, &renamed);
        for row in accounts.into_iter().chain(aliases).map(|at| list.rows.get(at).unwrap()) {
            let target = match &row.structure {
                Structure::AliasOf(target) => Some(target),
                _ => None,
            };
            self.load(&mut planner.draft, std::iter::once(&row.local).chain(target).collect(), true);
            planner.claim(&row).unwrap();
        }
        planner.let_go(&compared.gone, &renamed);
        planner.withdraw(&compared.expired);
        planner.count_same(&compared.states);
        let mut tally = std::mem::take(&mut planner.tally);
        let absent = list.rows.iter().zip(&compared.states).filter(|(_, state)| **state == RowState::Absent);
        let new: Vec<_> = absent.map(|(row, _)| (row.local.clone(), planner.new_record(&row))).collect();
        for (local, record) in &new {
            tally.row(&domain, local, None, Some(record));
        }
        for (_, address) in planner.draft.changed_in_order() {
            tally.address(address);
        }
        tally.applied.add_findings(&mut planner.draft);
        self.write_plan(&planner.draft, new);
        tally
    }

    /// New rows get their numbers, and aliases those of their accounts.
    fn write_plan(&mut self, draft: &Draft, new: Vec<(LocalPart, crate::list_change::AddressRecord)>) {
        self.write(draft);
        for (local, record) in new {
            let account = record.account.map(|account| (AddressId(0), account));
            let (kind, standing, claims) = (record.kind, record.standing, record.claims);
            let state = AddressState { id: AddressId(0), kind, account, standing, claims, veto: None };
            self.rows.insert(local, state);
        }
        let numbered_in_plan = |id: AddressId| id.0 == 0 || id.0 > u32::MAX / 2;
        for state in self.rows.values_mut().filter(|state| numbered_in_plan(state.id)) {
            state.id = AddressId(self.next);
            self.next += 1;
        }
        let ids: BTreeMap<_, _> = self.rows.iter().map(|(local, state)| (local.clone(), state.id)).collect();
        for state in self.rows.values_mut() {
            if let Some((id, account)) = &mut state.account {
                *id = ids[account];
            }
        }
    }

    pub(super) fn counts(&self) -> ListCounts {
        let mut counts = ListCounts::default();
        for state in self.rows.values() {
            match state.kind {
                _ if !state.is_listed() => counts.vetoed += 1,
                EntryKind::Mailbox => counts.mailboxes += 1,
                EntryKind::Alias => counts.aliases += 1,
                EntryKind::List => counts.lists += 1,
            }
        }
        counts
    }

    pub(super) fn state(&self, name: &str) -> Option<&AddressState> {
        self.rows.get(&local(name))
    }
}

pub(super) fn local(name: &str) -> LocalPart {
    LocalPart::parse(name.as_bytes()).unwrap()
}

pub(super) fn address(name: &str) -> Address {
    Address::new(local(name), "example.test".parse().unwrap())
}

pub(super) fn claim(name: &str, structure: Structure, source: Source) -> Change {
    Change::Claim { address: address(name), structure, source }
}

pub(super) fn alias_of(name: &str) -> Structure {
    Structure::AliasOf(local(name))
}

const NAMES: [&str; 5] = ["ann", "bob", "cora", "dan", "eve"];

pub(super) fn any_local() -> impl Strategy<Value = LocalPart> {
    prop::sample::select(&NAMES).prop_map(local)
}

fn any_address() -> impl Strategy<Value = Address> {
    prop::sample::select(&NAMES).prop_map(address)
}

pub(super) fn any_source() -> impl Strategy<Value = Source> {
    prop_oneof![
        Just(Source::Hand),
        Just(Source::Api),
        Just(Source::Push),
        Just(Source::Learned),
        prop::sample::select(&["head office", "branch"]).prop_map(|name| Source::Directory(name.to_owned())),
        prop::sample::select(&["staff", "old"]).prop_map(|name| Source::File(name.to_owned())),
    ]
}

fn any_wish() -> impl Strategy<Value = Source> {
    prop_oneof![Just(Source::Hand), Just(Source::Api)]
}

pub(super) fn any_structure() -> impl Strategy<Value = Structure> {
    prop_oneof![
        3 => Just(Structure::Mailbox),
        1 => Just(Structure::DistributionList),
        3 => any_local().prop_map(Structure::AliasOf),
    ]
}

pub(super) fn any_claim() -> impl Strategy<Value = Change> {
    (any_address(), any_structure(), any_source()).prop_map(|(address, structure, source)| Change::Claim {
        address,
        structure,
        source,
    })
}

pub(super) fn any_withdrawal() -> impl Strategy<Value = Change> {
    (any_address(), any_source()).prop_map(|(address, source)| Change::Withdraw { address, source })
}

pub(super) fn any_veto() -> impl Strategy<Value = Change> {
    any_address().prop_map(|address| Change::Veto { address })
}

pub(super) fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => any_claim(),
        3 => any_withdrawal(),
        2 => any_veto(),
        1 => (any_address(), any::<bool>()).prop_map(|(address, active)| Change::SetActive { address, active }),
        1 => (any_address(), any_local()).prop_map(|(address, to)| Change::Rename { address, to }),
        1 => (any_address(), any_local(), any_wish())
            .prop_map(|(address, to, source)| Change::Reassign { address, to, source }),
    ]
}

/// Changes that are applied together. A name that one of them gives away is not asked for again by another.
pub(super) fn any_set() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(any_change(), 1..6).prop_filter("a name that is given away comes back", |changes| {
        let given_away = |change: &Change| match change {
            Change::Rename { address, .. } => Some(address.clone()),
            _ => None,
        };
        let given_away: Vec<_> = changes.iter().filter_map(given_away).collect();
        let asked_again = |change: &&Change| {
            !matches!(change, Change::Rename { .. }) && given_away.iter().any(|name| change.address() == Some(name))
        };
        given_away.is_empty() || (given_away.len() == 1 && !changes.iter().any(|change| asked_again(&change)))
    })
}

/// What may have been done to a list before.
pub(super) fn any_history() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(any_change(), 0..14)
}
