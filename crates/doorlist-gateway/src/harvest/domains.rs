//! The states of domains: what this node counts, and what other nodes say.

use super::lock;
use arc_swap::ArcSwap;
use doorlist_core::domain::DomainId;
use doorlist_core::harvest::slow::SLOW_FLOOR;
use doorlist_core::harvest::{AttackRecord, AttackState, Baseline, SlowAttack, SourceRating};
use doorlist_core::time::Timestamp;
use doorlist_store::harvest::{DomainStateRow, StateOrder};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Unknown names of a day from which on they are written each hour, for the time behind a restart; fewer change little.
const HOURS_WRITTEN_FROM: u32 = SLOW_FLOOR / 10;

#[derive(Default)]
pub(super) struct DomainStates {
    book: Mutex<StateBook>,
    /// Domains that are not normal, for readers without a lock.
    published: ArcSwap<HashMap<DomainId, AttackState>>,
    attacked: AtomicUsize,
    /// Domains that show the sign of a slow attack here.
    slow: AtomicUsize,
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
    /// Whether people know of a slow attack.
    told_slow: bool,
    /// The hour in which its row was written last, since the epoch.
    written: i64,
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

/// A slow attack that people do not know of yet, or the end of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChangedSign {
    pub(super) domain: DomainId,
    pub(super) is_there: bool,
    /// Distinct unknown names of a day.
    pub(super) names: u32,
    /// What is usual for the domain in a day; 0 while that is not known.
    pub(super) usual: u32,
}

/// What came of it that time passed.
#[derive(Debug, Default)]
pub(super) struct TickedDomains {
    /// What is to be written.
    pub(super) rows: Vec<DomainStateRow>,
    /// People are to be told of these.
    pub(super) changed: Vec<ChangedState>,
    pub(super) signs: Vec<ChangedSign>,
}

impl OwnState {
    fn new(record: AttackRecord) -> Self {
        let (told, told_slow) = (record.state(), record.slow().since().is_some());
        Self { record, ordered: Timestamp::default(), told, told_slow, written: 0 }
    }

    fn row(&mut self, domain: DomainId, node: u16, now: Timestamp) -> DomainStateRow {
        let record = &mut self.record;
        self.written = hour(now);
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
            slow_since: record.slow().since(),
            hours: record.hours(now),
            noted: now,
        }
    }

    /// The change of its state that people do not know of.
    fn untold_state(&mut self, domain: DomainId, now: Timestamp) -> Option<ChangedState> {
        let (state, before) = (self.record.state(), self.told);
        self.told = state;
        let (rate, until) = (self.record.rate(now), self.record.until());
        (state != before).then_some(ChangedState { domain, before, now: state, rate, until })
    }

    /// The same for a slow attack.
    fn untold_sign(&mut self, domain: DomainId, now: Timestamp) -> Option<ChangedSign> {
        let is_there = self.record.slow().since().is_some();
        let is_new = is_there != std::mem::replace(&mut self.told_slow, is_there);
        let (names, usual) = (self.record.names_of_day(now), self.record.baseline().per_day(now) as u32);
        is_new.then_some(ChangedSign { domain, is_there, names, usual })
    }

    /// Whether an hour began whose predecessor's names are to be kept over a restart.
    fn has_hour_to_write(&mut self, now: Timestamp) -> bool {
        self.written != hour(now) && self.record.names_of_day(now) >= HOURS_WRITTEN_FROM
    }
}

fn hour(now: Timestamp) -> i64 {
    now.as_secs().div_euclid(3600)
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

    /// How many domains show the sign of a slow attack here.
    pub(super) fn slow(&self) -> u64 {
        self.slow.load(Ordering::Relaxed) as u64
    }

    /// Counts an unknown name that a source of this rating asked for. True if the state changed.
    pub(super) fn note(&self, domain: DomainId, name: u32, rating: SourceRating, now: Timestamp) -> bool {
        let mut book = lock(&self.book);
        let is_first = !book.own.contains_key(&domain);
        let own = book.own.entry(domain).or_insert_with(|| OwnState::new(AttackRecord::new(now)));
        let changed = own.record.note(name, rating, now);
        if changed {
            self.publish(&book, now);
        }
        changed || is_first
    }

    /// Lets time pass; gives the rows that are to be written, and the changes that people are to be told of.
    pub(super) fn tick(&self, node: u16, now: Timestamp) -> TickedDomains {
        let mut book = lock(&self.book);
        let mut ticked = TickedDomains::default();
        for (domain, own) in &mut book.own {
            let is_new_day = own.record.add_to_baseline(now);
            let is_changed = own.record.tick(now);
            let sign = own.untold_sign(*domain, now);
            if is_changed || is_new_day || sign.is_some() || own.has_hour_to_write(now) {
                ticked.rows.push(own.row(*domain, node, now));
            }
            ticked.changed.extend(own.untold_state(*domain, now));
            ticked.signs.extend(sign);
        }
        self.slow.store(book.own.values().filter(|own| own.told_slow).count(), Ordering::Relaxed);
        book.others.retain(|_, (_, until)| now < *until);
        self.publish(&book, now);
        ticked
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
        record.resume_slow(SlowAttack::restored(&row.hours, row.sums_at, row.slow_since));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const START: Timestamp = Timestamp::from_secs(1_800_000_000);
    const DOMAIN: DomainId = DomainId(7);
    const NODE: u16 = 1;

    /// Asks for a hundred new names within each of some hours, and lets time pass behind each hour.
    fn guess(
        states: &DomainStates,
        from: Timestamp,
        hours: std::ops::Range<u32>,
        all: &mut TickedDomains,
    ) -> Timestamp {
        let mut now = from;
        for name in hours.start * 100..hours.end * 100 {
            now = now + Duration::from_secs(36);
            states.note(DOMAIN, name.wrapping_mul(0x9e37_79b9), SourceRating::Ordinary, now);
            if name % 100 == 99 {
                let ticked = states.tick(NODE, now);
                all.rows.extend(ticked.rows);
                all.changed.extend(ticked.changed);
                all.signs.extend(ticked.signs);
            }
        }
        now
    }

    #[test]
    fn a_slow_attack_is_told_once_and_outlives_a_restart() {
        let (states, mut all) = (DomainStates::default(), TickedDomains::default());
        let now = guess(&states, START, 0..8, &mut all);
        assert!(all.signs.is_empty() && states.slow() == 0, "{all:?}");
        assert!(all.rows.len() >= 7, "each hour is written: {}", all.rows.len());
        // A restart in the middle goes on with what was counted, and tells nothing twice.
        let second = DomainStates::default();
        second.restore(all.rows.last().unwrap(), now);
        let now = guess(&second, now, 8..26, &mut all);
        let [sign] = all.signs[..] else { panic!("{:?}", all.signs) };
        assert!(sign.is_there && sign.domain == DOMAIN && sign.names.abs_diff(1000) < 100, "{sign:?}");
        assert_eq!((second.slow(), second.state(DOMAIN), all.changed.len()), (1, AttackState::Normal, 0));
        let third = DomainStates::default();
        third.restore(all.rows.last().unwrap(), now);
        let ticked = third.tick(NODE, now);
        assert!(ticked.signs.is_empty() && third.slow() == 1, "{ticked:?}");
        // A day later nothing is left of it.
        let ticked = third.tick(NODE, now + Duration::from_hours(24));
        assert!(!ticked.signs[0].is_there && ticked.rows[0].slow_since.is_none() && third.slow() == 0, "{ticked:?}");
    }
}
