//! Writes what is new behind the answers, and reads what other nodes and commands wrote. Nothing here is on the path of an
//! answer; while the store is away, this node goes on with what it knows.

use super::domains::TickedDomains;
use super::{HarvestDefence, NOTES_MAX, lock};
use crate::clock;
use crate::journal::FieldValue;
use doorlist_core::domain::DomainId;
use doorlist_core::harvest::Block;
use doorlist_core::harvest::source::FLAG_LONGEST;
use doorlist_core::time::Timestamp;
use doorlist_store::StoreError;
use doorlist_store::harvest::{FlagRow, HarvestNews, HarvestNotes};
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often notes are written and read: all nodes see them within twice that time.
const EVERY: Duration = Duration::from_millis(1_500);
/// How far the clocks of nodes may differ: what was written so long ago is read again.
const CLOCKS_DIFFER_MAX: Duration = Duration::from_secs(30);
/// How often what holds no more is forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Writes and reads until the gateway is gone.
pub(super) async fn run(defence: Weak<HarvestDefence>, mut read_until: Timestamp) {
    let (mut swept, mut is_away) = (Instant::now(), false);
    loop {
        sleep(EVERY).await;
        let Some(defence) = defence.upgrade() else { return };
        defence.tick().await;
        match defence.share(read_until).await {
            Ok(until) => (read_until, is_away) = (until, false),
            Err(error) => {
                // Told once, until it is there again.
                if !std::mem::replace(&mut is_away, true) {
                    let why = error.to_string();
                    defence.tell("cannot share the state of the harvest defence;", &[("why", FieldValue::Str(&why))]);
                }
            }
        }
        if swept.elapsed() >= SWEEP_EVERY {
            swept = Instant::now();
            defence.sweep();
        }
    }
}

impl HarvestDefence {
    /// Takes what the store has; gives the time from which on there may be news.
    pub(super) async fn restore(&self) -> Timestamp {
        let now = clock::now();
        match self.store.news(Timestamp::default(), now).await {
            Ok(news) => {
                self.adopt(news, now);
                now - CLOCKS_DIFFER_MAX
            }
            Err(error) => {
                let why = error.to_string();
                self.tell("cannot read the state of the harvest defence;", &[("why", FieldValue::Str(&why))]);
                Timestamp::default()
            }
        }
    }

    /// Writes what is new, and nothing else: for the end.
    pub(crate) async fn write_notes(&self) -> Result<(), StoreError> {
        let notes = std::mem::take(&mut *lock(&self.notes));
        if notes.is_empty() {
            return Ok(());
        }
        let written = self.store.write(&notes, self.node, clock::now()).await;
        if written.is_err() {
            self.put_back(notes);
        }
        written
    }

    async fn share(&self, since: Timestamp) -> Result<Timestamp, StoreError> {
        self.write_notes().await?;
        let now = clock::now();
        let news = self.store.news(since, now).await?;
        self.adopt(news, now);
        Ok(now - CLOCKS_DIFFER_MAX)
    }

    /// Keeps notes that the store did not take for the next time.
    fn put_back(&self, mut old: HarvestNotes) {
        let mut notes = lock(&self.notes);
        for (source, flag) in old.flags.drain().take(NOTES_MAX.saturating_sub(notes.flags.len())) {
            notes.flags.entry(source).or_insert(flag);
        }
        for (key, day) in old.days.drain().take(NOTES_MAX.saturating_sub(notes.days.len())) {
            notes.days.entry(key).and_modify(|known| known.add(&day)).or_insert(day);
        }
        for (domain, row) in old.domains.drain() {
            notes.domains.entry(domain).or_insert(row);
        }
        let room = NOTES_MAX.saturating_sub(notes.events.len());
        notes.events.extend(old.events.drain(..).take(room));
    }

    fn adopt(&self, news: HarvestNews, now: Timestamp) {
        let (pending_flags, pending_days) = {
            let notes = lock(&self.notes);
            (notes.flags.clone(), notes.days.clone())
        };
        let mut is_changed = false;
        for flag in news.flags.iter().filter(|flag| !pending_flags.contains_key(&flag.source)) {
            is_changed |= self.adopt_flag(flag, now);
        }
        for (source, mut day) in news.days {
            // What this node has not written yet is not in the row.
            if let Some(more) = pending_days.get(&(source, day.day)) {
                day.add(more);
            }
            self.good_records.replace(source, day, now);
        }
        for (row, order) in &news.domains {
            if row.node == self.node {
                self.domains.restore(row, now);
            }
            if self.domains.adopt(row, *order, self.node, now) {
                self.note_state(row.domain, now);
            }
        }
        is_changed |= self.adopt_blocks(news.blocks);
        if is_changed {
            self.generation.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn adopt_flag(&self, flag: &FlagRow, now: Timestamp) -> bool {
        if flag.until <= flag.noted {
            lock(&self.networks).release(flag.source);
            return self.sources.release(flag.source, now);
        }
        // Beyond, it says nothing about the next one.
        if flag.until + FLAG_LONGEST < now {
            return false;
        }
        let is_new = self.sources.adopt(flag.source, flag.until, flag.flags, now);
        if is_new {
            lock(&self.networks).flag(flag.source, flag.until, now);
        }
        is_new
    }

    fn adopt_blocks(&self, blocks: Vec<Block>) -> bool {
        let is_new = **self.blocks.load() != blocks;
        if is_new {
            self.blocks.store(Arc::new(blocks));
        }
        is_new
    }

    /// Notes the state of a domain, to be written.
    pub(super) fn note_state(&self, domain: DomainId, now: Timestamp) {
        if let Some(row) = self.domains.row(domain, self.node, now) {
            lock(&self.notes).domains.insert(domain, row);
        }
    }

    async fn tick(&self) {
        let now = clock::now();
        let TickedDomains { rows, changed, signs } = self.domains.tick(self.node, now);
        {
            let mut notes = lock(&self.notes);
            notes.domains.extend(rows.into_iter().map(|row| (row.domain, row)));
        }
        for change in changed {
            self.tell_of_state(change, now).await;
        }
        for sign in signs {
            self.tell_of_sign(sign, now).await;
        }
        if !self.is_any_attacked() {
            lock(&self.retries).clear();
        }
    }

    fn sweep(&self) {
        let now = clock::now();
        self.sources.sweep(now);
        self.good_records.sweep(now);
        lock(&self.networks).sweep(now);
        let list = self.parts.people.recipients.snapshot();
        let ours: HashSet<DomainId> = list.domains().values().map(|domain| domain.id).collect();
        self.domains.keep(|domain| ours.contains(&domain));
    }
}
