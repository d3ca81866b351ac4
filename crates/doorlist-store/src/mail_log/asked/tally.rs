//! Sums up what was asked for until it is written, so that a recipient that is asked for a thousand times costs one row.
//! Pure: times are those of the notes.

use super::super::day::Day;
use super::{AskedNote, HOUR, SENDER_DOMAINS_MAX, add_sender, sender_domain};
use crate::mail_log::asked::tables::{outcome_number, source_number, verdict_number};
use std::collections::{BTreeMap, btree_map};

/// Rows that wait to be written; with so many of them it is time.
const ROWS_MAX: usize = 20_000;

/// What was asked for since it was written last.
#[derive(Debug, Default)]
pub(in crate::mail_log) struct AskedTally {
    days: BTreeMap<Day, AskedDay>,
    /// Rows of all days.
    rows: usize,
}

/// The part of one day, in the order of the tables' keys: two nodes that write at once lock rows in the same order.
#[derive(Debug, Default)]
pub(in crate::mail_log) struct AskedDay {
    pub(super) names: BTreeMap<NameKey, NameSum>,
    pub(super) hours: BTreeMap<HourKey, u64>,
    /// How many notes it holds.
    pub(in crate::mail_log) notes: u64,
}

/// Numbers of source, outcome and verdict.
pub(super) type OutcomeKey = (i64, i64, i64);
/// Domain and recipient, with the outcome.
pub(super) type NameKey = ((i64, Box<str>), OutcomeKey);
/// Domain and hour since 1970, with the outcome.
pub(super) type HourKey = ((i64, i64), OutcomeKey);

/// What is kept of a name.
#[derive(Debug, Default)]
pub(super) struct NameSum {
    pub(super) times: u64,
    /// In milliseconds since 1970.
    pub(super) last: i64,
    pub(super) senders: Vec<Box<str>>,
}

impl AskedTally {
    pub(in crate::mail_log) fn add(&mut self, note: AskedNote) {
        let AskedNote { time, domain, recipient, source, outcome, verdict, sender } = note;
        let kind = (source_number(source), outcome_number(outcome), verdict_number(verdict));
        let day = self.days.entry(Day::of(time)).or_default();
        day.notes += 1;
        let hour = time.as_secs().div_euclid(HOUR.as_secs().cast_signed());
        match day.hours.entry(((domain.0.into(), hour), kind)) {
            btree_map::Entry::Occupied(mut there) => *there.get_mut() += 1,
            btree_map::Entry::Vacant(new) => {
                new.insert(1);
                self.rows += 1;
            }
        }
        let Some(recipient) = recipient else { return };
        let sum = match day.names.entry(((domain.0.into(), recipient), kind)) {
            btree_map::Entry::Occupied(there) => there.into_mut(),
            btree_map::Entry::Vacant(new) => {
                self.rows += 1;
                new.insert(NameSum::default())
            }
        };
        sum.times += 1;
        sum.last = sum.last.max(time.as_millis());
        if sum.senders.len() < SENDER_DOMAINS_MAX {
            add_sender(&mut sum.senders, &sender_domain(&sender));
        }
    }

    pub(in crate::mail_log) fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Whether it is to be written at once.
    pub(in crate::mail_log) fn is_full(&self) -> bool {
        self.rows >= ROWS_MAX
    }

    /// What there is, by day.
    pub(in crate::mail_log) fn take(&mut self) -> BTreeMap<Day, AskedDay> {
        self.rows = 0;
        std::mem::take(&mut self.days)
    }
}
