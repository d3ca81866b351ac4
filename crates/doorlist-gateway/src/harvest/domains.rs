//! The states of domains: what this node counts, and what other nodes say.

use super::lock;
use arc_swap::ArcSwap;
use doorlist_core::domain::DomainId;
use doorlist_core::harvest::{AttackRecord, AttackState, Baseline};
use doorlist_core::time::Timestamp;
use doorlist_store::harvest::{DomainStateRow, StateOrder};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub(super) struct DomainStates {
    book: Mutex<StateBook>,
    /// Domains that are not normal, for readers without a lock.
    published: ArcSwap<HashMap<DomainId, AttackState>>,
    attacked: AtomicUsize,
}

/// There is a record for each domain of ours that was ever asked for an unknown name: their number is limited.
#[derive(Default)]
struct StateBook {
    own: HashMap<DomainId, OwnState>,
    /// By domain and node: the state and its end.
    others: HashMap<(DomainId, u16), (AttackState, Timestamp)>,
}

struct OwnState {
    record: AttackRecord,
    /// The last order of a person that was followed.
    ordered: Timestamp,
    /// The state that people know of.
    told: AttackState,
}

/// A state that people do not know of yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChangedState {
    pub(super) domain: DomainId,
    pub(super) before: AttackState,
    pub(super) now: AttackState,
    /// Distinct unknown names within ten minutes.
    pub(super) rate: u32,
    pub(super) until: Timestamp,
}

impl OwnState {
    fn new(record: AttackRecord) -> Self {
        let told = record.state();
        Self { record, ordered: Timestamp::default(), told }
    }

    fn row(&mut self, domain: DomainId, node: u16, now: Timestamp) -> DomainStateRow {
        let record = &mut self.record;
        DomainStateRow {
            domain,
            node,
            state: record.state(),
            since: record.since(),
            until: record.until(),
            rate: record.rate(now),
            known_since: record.baseline().since(),
            sums: record.baseline().sums().to_vec(),
            sums_at: now,
            noted: now,
        }
    }
}

impl DomainStates {
    pub(super) fn is_any_attacked(&self) -> bool {
        self.attacked.load(Ordering::Relaxed) > 0
    }

    pub(super) fn state(&self, domain: DomainId) -> AttackState {
        self.published.load().get(&domain).copied().unwrap_or_default()
    }

    /// How many domains are in this state.
    pub(super) fn count(&self, of: AttackState) -> u64 {
        self.published.load().values().filter(|state| **state == of).count() as u64
    }

    /// Counts an unknown name. True if the state changed.
    pub(super) fn note(&self, domain: DomainId, name: u32, now: Timestamp) -> bool {
        let mut book = lock(&self.book);
        let is_first = !book.own.contains_key(&domain);
        let own = book.own.entry(domain).or_insert_with(|| OwnState::new(AttackRecord::new(now)));
        let changed = own.record.note(name, now);
        if changed {
            self.publish(&book, now);
        }
        changed || is_first
    }

    /// Lets time pass; gives the rows that are to be written, and the changes that people are to be told of.
    pub(super) fn tick(&self, node: u16, now: Timestamp) -> (Vec<DomainStateRow>, Vec<ChangedState>) {
        let mut book = lock(&self.book);
        let (mut rows, mut changed) = (Vec::new(), Vec::new());
        for (domain, own) in &mut book.own {
            let is_new_day = own.record.add_to_baseline(now);
            if own.record.tick(now) || is_new_day {
                rows.push(own.row(*domain, node, now));
            }
            let state = own.record.state();
            if state != own.told {
                let (rate, until) = (own.record.rate(now), own.record.until());
                changed.push(ChangedState { domain: *domain, before: own.told, now: state, rate, until });
                own.told = state;
            }
        }
        book.others.retain(|_, (_, until)| now < *until);
        self.publish(&book, now);
        (rows, changed)
    }

    /// The row of a domain.
    pub(super) fn row(&self, domain: DomainId, node: u16, now: Timestamp) -> Option<DomainStateRow> {
        lock(&self.book).own.get_mut(&domain).map(|own| own.row(domain, node, now))
    }

    /// Forgets domains that are ours no more.
    pub(super) fn keep(&self, is_ours: impl Fn(DomainId) -> bool) {
        let mut book = lock(&self.book);
        book.own.retain(|domain, _| is_ours(*domain));
        book.others.retain(|(domain, _), _| is_ours(*domain));
    }

    /// Takes what this node wrote before a restart.
    pub(super) fn restore(&self, row: &DomainStateRow, now: Timestamp) {
        let mut book = lock(&self.book);
        // What was counted since then stays.
        if book.own.contains_key(&row.domain) {
            return;
        }
        let baseline = Baseline::restored(row.known_since, row.sums_at, &row.sums, now);
        let mut record = AttackRecord::with(baseline, now);
        if row.state != AttackState::Normal && now < row.until {
            record.resume(row.state, row.since, row.until, now);
        }
        book.own.insert(row.domain, OwnState::new(record));
        self.publish(&book, now);
    }

    /// Takes what another node, or a person, said. True if this node's own state is to be written.
    pub(super) fn adopt(&self, row: &DomainStateRow, order: StateOrder, node: u16, now: Timestamp) -> bool {
        let mut book = lock(&self.book);
        let mut is_followed = false;
        if row.node != node {
            let state = if order.until.is_none() && order.at > row.since { AttackState::Normal } else { row.state };
            match state {
                AttackState::Normal => book.others.remove(&(row.domain, row.node)),
                state => book.others.insert((row.domain, row.node), (state, row.until)),
            };
        } else if let Some(own) = book.own.get_mut(&row.domain)
            && order.at > own.ordered
            && order.at >= own.record.since()
        {
            own.ordered = order.at;
            match order.until {
                Some(until) => own.record.extend(until, now),
                None => drop(own.record.release(now)),
            }
            is_followed = true;
        }
        self.publish(&book, now);
        is_followed
    }

    /// The worst of what all nodes say counts.
    fn publish(&self, book: &StateBook, now: Timestamp) {
        let mut all: HashMap<DomainId, AttackState> = HashMap::new();
        let own = book.own.iter().map(|(domain, own)| (*domain, own.record.state()));
        let others = book.others.iter().filter(|(_, (_, until))| now < *until);
        for (domain, state) in own.chain(others.map(|((domain, _), (state, _))| (*domain, *state))) {
            if state != AttackState::Normal {
                let worst = all.entry(domain).or_default();
                *worst = (*worst).max(state);
            }
        }
        if **self.published.load() != all {
            let attacked = all.values().filter(|state| **state == AttackState::Attack).count();
            self.published.store(Arc::new(all));
            self.attacked.store(attacked, Ordering::Relaxed);
        }
    }
}
