//! How many distinct names a domain was asked for within a sliding window, ten minutes or a day: exactly while they are few,
//! by a sketch beyond (linear counting), so that an attack takes a few kilobytes of memory however many names it tries.

use crate::time::Timestamp;

/// Minutes of the short window, with the current one.
pub const WINDOW_MINUTES: i64 = 10;
/// Hours of the long window, with the current one.
pub const WINDOW_HOURS: i64 = 24;
/// Names of ten minutes.
pub type NamesOfMinutes = NameCount<60, WINDOW_MINUTES>;
/// Names of a day.
pub type NamesOfDay = NameCount<3600, WINDOW_HOURS>;
/// Names that are kept one by one; [`super::domain::ELEVATED_FLOOR`] is below.
const EXACT_MAX: usize = 64;
/// Cells of the sketch, an octet each. Its estimate of 150 names is off by 2 % (standard deviation), of 10,000 by less, of
/// 20,000 by 4 %; it ends near 34,000.
const CELLS: usize = 4096;
/// Slots are kept in a cell as a number from 1 to this one; 0 is an empty cell.
const STAMPS: i64 = 255;

/// Counts distinct names within a window of `SLOTS` slots of `SECONDS` each, with the current one.
#[derive(Clone, Debug, Default)]
pub struct NameCount<const SECONDS: i64, const SLOTS: i64> {
    /// The slot of the last change, since the epoch.
    slot: i64,
    names: Vec<(u32, i64)>,
    /// Beyond [`EXACT_MAX`] names: for each cell, the slot of its last name.
    cells: Option<Box<[u8]>>,
    /// Cells whose name is within the window.
    live: usize,
}

impl<const SECONDS: i64, const SLOTS: i64> NameCount<SECONDS, SLOTS> {
    /// Counts a name, by its fingerprint.
    pub fn note(&mut self, name: u32, now: Timestamp) {
        self.advance(now);
        let slot = self.slot;
        match &mut self.cells {
            Some(cells) => {
                if let Some(cell) = cells.get_mut(cell_of(name)) {
                    self.live += usize::from(*cell == 0);
                    *cell = stamp(slot);
                }
            }
            None => {
                match self.names.iter_mut().find(|(known, _)| *known == name) {
                    Some(known) => known.1 = slot,
                    None => self.names.push((name, slot)),
                }
                if self.names.len() > EXACT_MAX {
                    self.sketch();
                }
            }
        }
    }

    /// Distinct names within the window.
    pub fn count(&mut self, now: Timestamp) -> u32 {
        self.advance(now);
        if self.cells.is_none() {
            return u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        }
        let empty = (CELLS - self.live.min(CELLS - 1)) as f64;
        (CELLS as f64 * (CELLS as f64 / empty).ln()).round() as u32
    }

    /// The same names by the slot of their last use, the newest slot first: together at least as many as [`Self::count`]
    /// says, but for rounding.
    pub fn by_slot(&mut self, now: Timestamp) -> Vec<u32> {
        let count = self.count(now);
        let mut slots = vec![0u32; usize::try_from(SLOTS).unwrap_or(0)];
        let mut add = |age: i64| {
            if let Some(slot) = usize::try_from(age).ok().and_then(|age| slots.get_mut(age)) {
                *slot += 1;
            }
        };
        let slot = self.slot;
        match &self.cells {
            None => self.names.iter().for_each(|(_, noted)| add(slot - noted)),
            Some(cells) => cells.iter().filter(|cell| **cell != 0).for_each(|cell| add(age(slot, *cell))),
        }
        if self.cells.is_some() && self.live > 0 {
            // A cell stands for more than one name when many are full.
            let names_per_cell = f64::from(count) / self.live as f64;
            slots.iter_mut().for_each(|slot| *slot = (f64::from(*slot) * names_per_cell).ceil() as u32);
        }
        slots
    }

    fn sketch(&mut self) {
        let mut cells = vec![0; CELLS].into_boxed_slice();
        for (name, slot) in std::mem::take(&mut self.names) {
            if let Some(cell) = cells.get_mut(cell_of(name)) {
                *cell = stamp(slot);
            }
        }
        self.live = cells.iter().filter(|cell| **cell != 0).count();
        self.cells = Some(cells);
    }

    /// Forgets what is out of the window, once a slot. A clock that is set back by little stands still here.
    fn advance(&mut self, now: Timestamp) {
        let slot = now.as_secs().div_euclid(SECONDS);
        let passed = slot - self.slot;
        if passed < -SLOTS {
            // Set back by more than a window: nothing that was counted is of this time.
            *self = Self { slot, ..Self::default() };
        }
        if passed <= 0 {
            return;
        }
        self.slot = slot;
        self.names.retain(|(_, noted)| slot - noted < SLOTS);
        let Some(cells) = &mut self.cells else { return };
        // So long after the last name no stamp means what it did.
        let all = passed >= STAMPS - SLOTS;
        for cell in cells.iter_mut().filter(|cell| **cell != 0) {
            if all || age(slot, *cell) >= SLOTS {
                *cell = 0;
            }
        }
        self.live = cells.iter().filter(|cell| **cell != 0).count();
        if self.live == 0 {
            self.cells = None;
        }
    }
}

fn cell_of(name: u32) -> usize {
    // Fingerprints are even already; their lowest bits do.
    name as usize % CELLS
}

/// How many slots ago the last name of a cell came.
fn age(slot: i64, cell: u8) -> i64 {
    (i64::from(stamp(slot)) - i64::from(cell)).rem_euclid(STAMPS)
}

fn stamp(slot: i64) -> u8 {
    u8::try_from(slot.rem_euclid(STAMPS) + 1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::time::Duration;

    /// Spreads numbers as a hash function does.
    fn spread(name: u32) -> u32 {
        let mut z = u64::from(name).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z >> 32) as u32
    }

    proptest! {
        #[test]
        fn it_counts_like_a_plain_set(
            notes in proptest::collection::vec((0u32..3000, 0u64..1200), 1..1500), start in 1_700_000_000i64..1_700_030_000,
        ) {
            let (mut count, mut plain) = (NamesOfMinutes::default(), HashMap::new());
            let mut now = Timestamp::from_secs(start);
            for (name, pause) in notes {
                // Mostly bursts, and pauses of hours.
                now = now + Duration::from_secs(if pause > 1190 { pause * 15 } else { pause / 300 });
                count.note(spread(name), now);
                let minute = now.as_secs() / 60;
                plain.insert(name, minute);
                let expected = plain.values().filter(|noted| minute - **noted < WINDOW_MINUTES).count() as f64;
                let got = f64::from(count.count(now));
                let allowed = if expected <= 64.0 && count.cells.is_none() { 0.0 } else { 4.0 + expected * 0.1 };
                prop_assert!((got - expected).abs() <= allowed, "{got} instead of {expected}");
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let (mut count, start) = (NamesOfMinutes::default(), Timestamp::from_secs(1_700_000_000));
        for name in 0..100_000 {
            count.note(spread(name), start);
        }
        assert!(count.count(start) > 20_000, "{}", count.count(start));
        let later = start + Duration::from_mins(11);
        assert_eq!((count.count(later), count.cells.is_some()), (0, false));
    }

    /// The long window slides by hours: a name counts in the hour of its last use, for a day.
    #[test]
    fn a_day_slides_by_the_hour() {
        let (mut count, start, hour) =
            (NamesOfDay::default(), Timestamp::from_secs(1_700_006_400), Duration::from_hours(1));
        for name in 0..2400 {
            count.note(spread(name), start + hour * (name / 100));
        }
        let now = start + hour * 23;
        let near = |got: u32, wanted: u32| got.abs_diff(wanted) * 20 <= wanted;
        assert!(near(count.count(now), 2400), "{}", count.count(now));
        let slots = count.by_slot(now);
        // Names that share a cell stand for the later one's hour.
        assert!(slots.len() == 24 && slots.iter().all(|names| names.abs_diff(100) <= 40), "{slots:?}");
        assert!(near(slots.iter().sum(), 2400), "{slots:?}");
        assert!(near(count.count(now + hour * 12), 1200), "{}", count.count(now + hour * 12));
        assert_eq!(count.count(now + hour * 24), 0);
    }
}
