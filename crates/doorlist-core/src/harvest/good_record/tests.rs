//! A good record against a plain list of all deliveries.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

const DAY: Duration = Duration::from_hours(24);
const START: Timestamp = Timestamp::from_secs(1_700_006_400);

fn record(deliveries: &[(u32, u16)]) -> GoodRecord {
    let mut record = GoodRecord::default();
    for (day, entry) in deliveries {
        record.add(&DeliveryDay::delivery(START + DAY * *day, *entry));
    }
    record
}

#[test]
fn three_clean_deliveries_on_two_days_to_two_entries_are_good() {
    let is_good = |deliveries: &[(u32, u16)]| record(deliveries).is_good(START + DAY * 3);
    assert!(is_good(&[(0, 1), (0, 2), (1, 1)]));
    assert!(!is_good(&[(0, 1), (1, 2)]), "two deliveries");
    assert!(!is_good(&[(0, 1), (0, 2), (0, 3)]), "one day");
    assert!(!is_good(&[(0, 1), (1, 1), (2, 1)]), "one entry");
}

#[test]
fn ten_unknown_names_cost_one_and_days_fade() {
    let mut good = record(&[(0, 1), (0, 2), (1, 1), (1, 2)]);
    let now = START + DAY * 2;
    let ask = |good: &mut GoodRecord, times: u32| {
        (0..times).for_each(|_| {
            good.add(&DeliveryDay::unknown_name(now));
        });
    };
    ask(&mut good, 19);
    assert!(good.is_good(now));
    ask(&mut good, 1);
    assert!(!good.is_good(now), "twenty cost two of four");
    let fresh = record(&[(0, 1), (0, 2), (1, 1)]);
    assert!(fresh.is_good(START + DAY * 29) && !fresh.is_good(START + DAY * 30));
    assert!(fresh.is_stale(START + DAY * 31) && !fresh.is_stale(START + DAY * 30));
}

#[test]
fn a_day_that_is_full_says_nothing_new() {
    let mut record = GoodRecord::default();
    let one = DeliveryDay::delivery(START, 1);
    assert!((0..DELIVERED_PER_DAY_MAX).all(|_| record.add(&one)));
    assert!(!record.add(&one) && record.add(&DeliveryDay::delivery(START, 2)));
}

proptest! {
    /// In any order, and with days of several nodes added together.
    #[test]
    fn it_is_good_exactly_when_the_plain_rule_says_so(
        mut events in proptest::collection::vec((0u32..60, 0u16..4, 0u8..8), 0..80), later in 0u32..20,
    ) {
        events.sort_by_key(|event| event.0);
        let mut record = GoodRecord::default();
        let mut plain = Vec::new();
        for (day, entry, kind) in &events {
            let now = START + DAY * *day;
            let more = if *kind == 0 { DeliveryDay::unknown_name(now) } else { DeliveryDay::delivery(now, *entry) };
            record.add(&more);
            plain.push((*day, (*kind > 0).then_some(*entry)));
        }
        let today = events.last().map_or(0, |event| event.0) + later;
        let counts: Vec<_> = plain.iter().filter(|(day, _)| today - day < 30).collect();
        let delivered: Vec<_> = counts.iter().filter_map(|(day, entry)| entry.map(|entry| (*day, entry))).collect();
        let unknown = counts.len() - delivered.len();
        let days: HashSet<_> = delivered.iter().map(|(day, _)| day).collect();
        let entries: HashSet<_> = delivered.iter().map(|(_, entry)| entry).collect();
        let expected = delivered.len().saturating_sub(unknown / 10) >= 3 && days.len() >= 2 && entries.len() >= 2;
        prop_assert_eq!(record.is_good(START + DAY * today), expected);
        prop_assert!(record.heap_octets() <= 31 * size_of::<DeliveryDay>());
    }
}
