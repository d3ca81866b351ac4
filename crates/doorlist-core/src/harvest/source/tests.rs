//! The thresholds of a source against a plain model, and that nothing grows.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
const ORDINARY: SourceRating = SourceRating::Ordinary;

fn guess(record: &mut SourceRecord, names: std::ops::Range<u32>, now: Timestamp) -> Option<Timestamp> {
    names.filter_map(|n| record.note(NameMatch::Unknown(n), ORDINARY, now).flagged_until).next()
}

#[test]
fn twenty_five_unknown_flag_for_an_hour_then_for_two() {
    let mut record = SourceRecord::default();
    assert_eq!(guess(&mut record, 0..24, START), None);
    assert_eq!(guess(&mut record, 0..24, START), None, "repeats count once");
    assert_eq!(guess(&mut record, 24..25, START), Some(START + FLAG_FIRST));
    assert_eq!(record.flagged_until(START), Some(START + FLAG_FIRST));
    let later = START + FLAG_FIRST;
    assert_eq!(record.flagged_until(later), None);
    assert_eq!(guess(&mut record, 100..125, later), Some(later + FLAG_FIRST * 2));
    let mut now = later;
    for _ in 0..10 {
        now = now + FLAG_LONGEST;
        let _ = guess(&mut record, 0..25, now);
    }
    assert_eq!(record.flagged_until(now), Some(now + FLAG_LONGEST));
    let much_later = now + FLAG_LONGEST * 3;
    assert!(record.is_stale(much_later));
    assert_eq!(guess(&mut record, 0..25, much_later), Some(much_later + FLAG_FIRST), "it counts as new");
}

/// One name a minute, and a right one among eight.
#[test]
fn h01_a_slow_dictionary_is_flagged_within_half_an_hour() {
    for right in [None, Some(8)] {
        let (mut record, mut now) = (SourceRecord::default(), START);
        let mut flagged = None;
        for name in 0..31 {
            now = now + Duration::from_mins(1);
            let is_known = right.is_some_and(|right| name % right == 0);
            let name = if is_known { NameMatch::Known(name) } else { NameMatch::Unknown(name) };
            flagged = flagged.or(record.note(name, ORDINARY, now).flagged_until);
        }
        assert!(flagged.is_some(), "{right:?}");
    }
}

#[test]
fn known_names_speak_for_a_source_up_to_a_hundred_unknown() {
    let mut record = SourceRecord::default();
    for row in 0..20 {
        record.note(NameMatch::Known(row), ORDINARY, START);
    }
    assert_eq!(guess(&mut record, 0..99, START), None);
    assert!(guess(&mut record, 99..100, START).is_some());
}

#[test]
fn a_good_record_allows_ten_times_as_much_and_a_large_provider_all() {
    let mut flagged_at = [ORDINARY, SourceRating::GoodRecord, SourceRating::LargeProvider].map(|rating| {
        let mut record = SourceRecord::default();
        (1..=2000u32).find(|n| record.note(NameMatch::Unknown(*n), rating, START).flagged_until.is_some())
    });
    flagged_at.sort();
    assert_eq!(flagged_at, [None, Some(25), Some(250)]);
}

#[test]
fn names_leave_the_window_after_an_hour() {
    let mut record = SourceRecord::default();
    assert_eq!(guess(&mut record, 0..24, START), None);
    assert_eq!(guess(&mut record, 24..48, START + WINDOW), None);
    assert_eq!(record.counts(START + WINDOW), (24, 0));
}

#[test]
fn a_flag_of_another_node_holds_and_a_release_ends_it() {
    let mut record = SourceRecord::default();
    guess(&mut record, 0..20, START);
    record.adopt(START + FLAG_FIRST, 3, START);
    assert_eq!(record.flagged_until(START), Some(START + FLAG_FIRST));
    record.adopt(START + FLAG_FIRST / 2, 1, START);
    assert_eq!((record.flagged_until(START), record.flags()), (Some(START + FLAG_FIRST), 3));
    record.release();
    assert_eq!(record.flagged_until(START), None);
    // One that is over by now makes the next one longer.
    record.adopt(START, 1, START);
    assert_eq!(guess(&mut record, 0..25, START), Some(START + FLAG_FIRST * 2));
}

#[test]
fn a_record_is_compact() {
    assert_eq!(size_of::<SourceRecord>(), 24);
    let mut record = SourceRecord::default();
    record.note(NameMatch::Unknown(1), ORDINARY, START);
    record.note(NameMatch::Known(1), ORDINARY, START);
    assert_eq!(record.heap_octets(), 0);
    guess(&mut record, 1..24, START);
    assert!(record.heap_octets() > 0);
    guess(&mut record, 24..60, START);
    assert!(record.flagged_until(START).is_some());
    assert_eq!(record.heap_octets(), 0, "a flag takes nothing");
}

/// The rules as behaviour.md has them, with everything kept.
#[derive(Default)]
struct PlainSource {
    last_use: HashMap<(bool, u32), i64>,
    flagged_until: Option<i64>,
    flags: u32,
}

impl PlainSource {
    fn is_new(&self, known: bool, name: u32, now: i64) -> bool {
        let is_flagged = self.flagged_until.is_some_and(|until| now < until);
        !is_flagged && self.last_use.get(&(known, name)).is_none_or(|at| now - at >= 3600)
    }

    fn note(&mut self, known: bool, name: u32, good: bool, now: i64) -> bool {
        if self.flagged_until.is_some_and(|until| now < until) {
            return false;
        }
        self.last_use.insert((known, name), now);
        let count = |of: bool| self.last_use.iter().filter(|((k, _), at)| *k == of && now - **at < 3600).count();
        let (unknown, known_names, factor) = (count(false), count(true), if good { 10 } else { 1 });
        let guesses = unknown >= 100 * factor || (unknown >= 25 * factor && known_names * 5 < unknown);
        if known || !guesses {
            return false;
        }
        if self.flagged_until.is_none_or(|until| now - until > 24 * 3600) {
            self.flags = 0;
        }
        self.flagged_until = Some(now + (3600 << self.flags.min(5)).min(24 * 3600));
        self.flags += 1;
        self.last_use.clear();
        true
    }
}

proptest! {
    #[test]
    fn it_flags_exactly_when_the_plain_rules_do(
        notes in proptest::collection::vec((0u8..4, 0u32..160, 0i64..400), 0..900), good: bool,
    ) {
        let (mut record, mut model, mut now) = (SourceRecord::default(), PlainSource::default(), 1_700_000_000);
        let rating = if good { SourceRating::GoodRecord } else { ORDINARY };
        for (kind, name, pause) in notes {
            // Mostly bursts, with a pause now and then.
            now += if pause > 390 { pause * 20 } else { pause / 40 };
            let named = if kind == 0 { NameMatch::Known(name) } else { NameMatch::Unknown(name) };
            let is_new = model.is_new(kind == 0, name, now);
            let noted = record.note(named, rating, Timestamp::from_secs(now));
            // Of known names only so many are remembered: beyond, nobody can tell whether one is new.
            let known = model.last_use.keys().filter(|(is_known, _)| *is_known).count();
            if kind != 0 || known < KNOWN_KEPT_MAX * rating.factor() as usize {
                prop_assert_eq!(noted.is_new, is_new);
            }
            prop_assert_eq!(noted.flagged_until.is_some(), model.note(kind == 0, name, good, now));
            prop_assert_eq!(record.flagged_until(Timestamp::from_secs(now)).map(|until| until.as_secs()),
                model.flagged_until.filter(|until| now < *until));
        }
    }

    #[test]
    fn memory_is_bounded_and_time_may_jump(
        notes in proptest::collection::vec((any::<bool>(), 0u32..500, -7200i64..7200), 0..600),
    ) {
        let mut record = SourceRecord::default();
        for (known, name, jump) in notes {
            let now = Timestamp::from_secs(1_700_000_000 + jump);
            let named = if known { NameMatch::Known(name) } else { NameMatch::Unknown(name) };
            record.note(named, ORDINARY, now);
            prop_assert!(record.marks().len() < UNKNOWN_MAX + KNOWN_KEPT_MAX);
            prop_assert!(record.heap_octets() <= 1_100, "{}", record.heap_octets());
        }
    }
}
