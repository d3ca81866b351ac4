//! Builds a list of N made-up addresses (10 million unless told) and prints its bytes per address, the look-up times in
//! this process, and what one added address costs: `cargo run --release -p doorlist-core --example list_lookup [N]`.
#![allow(clippy::disallowed_methods, clippy::expect_used, reason = "a measurement reads the clock and may stop")]

use doorlist_core::domain::DomainId;
use doorlist_core::list::{AddressId, Entry, EntryKind, ListUpdates, Seed, Snapshot, SnapshotBuilder, Standing};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LOOKUPS: u32 = 1_000_000;
const ADDED: u32 = 200;

fn main() {
    let count: u32 = std::env::args().nth(1).map_or(10_000_000, |n| n.parse().expect("a number of addresses"));
    let start = Instant::now();
    let list = build(count);
    let built = start.elapsed();
    let (hit50, hit99) = lookups(&list, count, "u");
    let (miss50, miss99) = lookups(&list, count, "x");
    let added = add(list.clone(), count);
    println!(
        "addresses={count} bytes_per_address={:.2} build_s={:.2} hit_ns_p50={hit50} hit_ns_p99={hit99} \
         miss_ns_p50={miss50} miss_ns_p99={miss99} add_one_us_p50={}",
        list.bytes() as f64 / f64::from(count),
        built.as_secs_f64(),
        added.as_micros(),
    );
}

fn build(count: u32) -> Snapshot {
    let mut builder = SnapshotBuilder::new(Seed(*b"a measured seed!"), count as usize);
    for n in 0..count {
        builder.push(DomainId(1), &format!("u{n:08}.name"), EntryKind::Mailbox, Standing::Active, AddressId(n));
    }
    builder.build(1, Arc::default()).expect("no collision under this seed")
}

/// p50 and p99 in nanoseconds, names in an order that no cache foresees. The clock itself costs about 25 ns of each.
fn lookups(list: &Snapshot, count: u32, prefix: &str) -> (u128, u128) {
    let mut times = Vec::with_capacity(LOOKUPS as usize);
    let mut n = 1u32;
    for _ in 0..LOOKUPS {
        n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let name = format!("{prefix}{:08}.name", n % count);
        let start = Instant::now();
        let found = list.entry(DomainId(1), &name);
        times.push(start.elapsed());
        assert_eq!(found.is_some(), prefix == "u");
    }
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default().as_nanos();
    (at(50), at(99))
}

/// Median time of making the next snapshot with one address more.
fn add(mut list: Snapshot, count: u32) -> Duration {
    let mut times = Vec::new();
    for n in 0..ADDED {
        let entry = Some(Entry { kind: EntryKind::Mailbox, standing: Standing::Active, id: AddressId(count + n) });
        let mut updates = ListUpdates::new(list.seed());
        updates.push(DomainId(1), &format!("added{n}"), entry);
        let start = Instant::now();
        list = list.with(u64::from(n) + 2, updates, None).expect("no collision under this seed");
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
