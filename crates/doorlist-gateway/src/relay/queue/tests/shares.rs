//! Who gets a connection when there are not enough for all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::bench::{Bench, route, settings};
use super::simulation::{Manner, World};
use super::*;
use doorlist_core::access::CustomerId;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Domain `n` belongs to customer `customer_of(n)`.
fn bench(connections_max: usize, domains: u32, customer_of: impl Fn(u32) -> u32) -> Bench {
    let routes = (0..domains).map(|n| DomainRoute { customer: Some(CustomerId(customer_of(n))), ..route(n) });
    Bench::of(settings(connections_max), routes)
}

/// No limit is exceeded, and what is counted is what there is.
fn counts_are_right(queue: &Queue) {
    let max = queue.settings.connections_max;
    assert!(queue.connections() <= max, "{} of {max}", queue.connections());
    let mut held: HashMap<_, usize> = HashMap::new();
    let mut of: HashMap<_, usize> = HashMap::new();
    for (id, destination, customer) in queue.pool.all() {
        *held.entry(customer).or_default() += usize::from(!queue.pool.is_leaving(id));
        *of.entry(destination).or_default() += 1;
    }
    for (customer, held) in held {
        assert_eq!(queue.pool.held(customer), held, "{customer:?}");
    }
    for (id, line) in &queue.destinations {
        assert_eq!(line.connections, of.get(id).copied().unwrap_or(0));
        assert!(line.connections <= queue.settings.per_destination_max);
        assert!(line.connecting <= line.connections);
    }
    let claims = queue.destinations.values().filter(|line| line.claim.is_some()).count();
    assert_eq!(claims, queue.pool.claims());
}

#[test]
fn dead_destinations_of_one_customer_leave_a_place_to_a_customer_that_has_none() {
    let mut bench = bench(500, 1_001, |n| u32::from(n == 1_000));
    (0..1_000).for_each(|n| _ = bench.admit(&[n]));
    assert_eq!(bench.opened().len(), 475, "half of the reserve is for those that hold less");
    bench.admit(&[1_000]);
    assert_eq!(bench.opened(), [bench.destination(1_000)]);
}

#[test]
fn a_destination_that_has_none_finds_a_place_beside_destinations_that_have_many() {
    let mut world = World::new(500, vec![(1, Manner::Well); 27]);
    for n in 0..26 {
        (0..2_000).for_each(|_| world.arrives(secs(0), n));
    }
    world.arrives(secs(2), 26);
    world.run(secs(2), &mut |_| {});
    assert_eq!(world.bench.queue.connections(), 451, "a tenth is a reserve");
    world.run(secs(3), &mut |world| counts_are_right(&world.bench.queue));
    assert_eq!(world.delays(|n| n == 26), [millis(25)]);
}

#[test]
fn who_waits_takes_the_place_of_the_longest_idle_connection_at_once() {
    let mut world = World::new(10, vec![(1, Manner::Well); 11]);
    for n in 0..11 {
        world.arrives(millis(100) * n, n);
    }
    world.run(millis(1_200), &mut |world| counts_are_right(&world.bench.queue));
    assert!(world.delays(|_| true).into_iter().all(|delay| delay <= millis(30)), "{:?}", world.delivered);
    let kept: Vec<DestinationId> = world.bench.queue.pool.all().map(|(_, destination, _)| destination).collect();
    assert!(!kept.contains(&world.bench.destination(0)) && kept.contains(&world.bench.destination(2)));
}

#[test]
fn the_figure_has_no_edge_between_one_destination_and_ten_thousand() {
    for destinations in [1, 24, 240, 300, 460, 600, 2_400, 10_000] {
        let mut world = World::new(500, vec![(1, Manner::Well); destinations as usize]);
        for message in 0..destinations.max(2_400) {
            world.arrives(secs(0), message % destinations);
        }
        world.run(secs(4), &mut |_| {});
        assert_eq!(world.delivered.len(), destinations.max(2_400) as usize, "{destinations} destinations");
        let longest = world.delays(|_| true).into_iter().max().unwrap();
        assert!(longest < secs(2), "{destinations} destinations: {longest:?}");
    }
}

#[test]
fn a_customer_above_its_share_gives_connections_back_after_their_messages() {
    let mut world = World::new(100, (0..20).map(|n| (u32::from(n >= 10), Manner::Well)).collect());
    for n in 0..20 {
        let begin = if n < 10 { secs(0) } else { secs(1) };
        (0..4_000).for_each(|_| world.arrives(begin, n));
    }
    let held = |world: &World, customer| world.bench.queue.pool.held(Some(CustomerId(customer)));
    world.run(millis(999), &mut |_| {});
    assert_eq!((held(&world, 0), held(&world, 1)), (90, 0), "while nobody else waits it may have all");
    world.run(millis(2_000), &mut |world| counts_are_right(&world.bench.queue));
    assert!(held(&world, 0).abs_diff(held(&world, 1)) <= 10, "{} {}", held(&world, 0), held(&world, 1));
}

#[test]
fn more_busy_destinations_than_places_take_turns() {
    let mut world = World::new(10, vec![(1, Manner::Well); 40]);
    for n in 0..40 {
        (0..3_000).for_each(|_| world.arrives(secs(0), n));
    }
    world.run(secs(6), &mut |world| counts_are_right(&world.bench.queue));
    let served: HashSet<u32> = world.delivered.iter().map(|(domain, _)| *domain).collect();
    assert_eq!(served.len(), 40);
}

#[test]
fn a_connection_without_progress_ends_for_others_but_not_behind_the_final_dot() {
    for (manner, in_time) in [(Manner::Silent, true), (Manner::SilentBehindDot, false)] {
        // One customer alone, so that no share is kept for anybody.
        let mut world = World::new(10, (0..21).map(|n| (1, if n < 20 { manner } else { Manner::Well })).collect());
        (0..21).for_each(|n| world.arrives(millis(n.into()), n));
        world.run(secs(21), &mut |world| counts_are_right(&world.bench.queue));
        assert_eq!(world.delays(|n| n == 20).len(), usize::from(in_time), "{manner:?}");
        assert_eq!(world.duplicates, 0);
        world.run(secs(3_600), &mut |_| {});
        let most = world.openings.values().max().unwrap();
        assert!(*most <= 8, "a dead one backs off: {most} attempts in an hour");
    }
}

#[test]
fn a_slow_server_of_one_customer_does_not_end_for_the_many_of_another() {
    let mut bench = bench(10, 30, |n| u32::from(n == 29));
    bench.admit(&[29]);
    let slow = bench.connection(bench.destination(29));
    (0..29).for_each(|n| _ = bench.admit(&[n]));
    bench.queue.stalled(slow, true, bench.at());
    assert!(!bench.queue.must_leave(slow), "the others hold more");
    let dead = bench.connection(bench.destination(0));
    bench.queue.stalled(dead, true, bench.at());
    assert!(bench.queue.must_leave(dead), "but their own");
}

#[test]
fn a_destination_that_goes_silent_gets_no_more_connections() {
    let mut bench = Bench::new(1);
    (0..100).for_each(|_| _ = bench.admit(&[0]));
    let destination = bench.destination(0);
    bench.queue.opened(destination, bench.at());
    let open: Vec<ConnectionId> = bench.queue.pool.all().map(|(id, ..)| id).collect();
    assert_eq!(open.len(), 5);
    (0..4).for_each(|_| bench.queue.opened(destination, bench.at()));
    for id in &open {
        assert!(matches!(bench.queue.work(*id, bench.at()), ConnectionTask::Carry(_)));
        bench.queue.stalled(*id, false, bench.at());
    }
    for (id, left) in open.iter().zip([4, 3, 2, 2]) {
        bench.queue.closed(*id, bench.at());
        assert_eq!(bench.queue.connections(), left);
    }
}

#[test]
fn limits_that_are_lowered_hold_for_what_comes() {
    let mut bench = bench(100, 200, |_| 1);
    (0..200).for_each(|n| _ = bench.admit(&[n]));
    assert_eq!(bench.opened().len(), 95);
    bench.queue.set_settings(settings(10));
    for n in 0..91 {
        bench.close(bench.destination(n));
    }
    assert_eq!(bench.queue.connections(), 9);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// One customer's servers are hostile; the others' are well. Whatever the order of events: no limit is exceeded, no
    /// count is wrong, no connection ends behind the final dot, and every message to a server that is well gets there,
    /// no matter how the hostile ones behave. From three places on: hostile servers may hold two, one after the other, each
    /// for as long as it may before it gives way.
    #[test]
    fn nobody_starves_whatever_a_customers_servers_do(
        max in 3usize..60,
        behind_dot in any::<bool>(),
        owners in proptest::collection::vec(1u32..5, 1..30),
        hostile in 0usize..80,
        messages in proptest::collection::vec((0u64..20_000, any::<prop::sample::Index>(), 1u32..8), 1..80),
    ) {
        let manner = if behind_dot { Manner::SilentBehindDot } else { Manner::Silent };
        let wells = owners.len();
        let servers: Vec<(u32, Manner)> =
            owners.into_iter().map(|customer| (customer, Manner::Well)).chain(vec![(0, manner); hostile]).collect();
        let mut world = World::new(max, servers.clone());
        let mut expected = 0;
        for (millisecond, which, times) in messages {
            let domain = which.index(servers.len()) as u32;
            (0..times).for_each(|_| world.arrives(millis(millisecond), domain));
            expected += if (domain as usize) < wells { times as usize } else { 0 };
        }
        world.run(secs(40), &mut |world| counts_are_right(&world.bench.queue));
        prop_assert_eq!(world.duplicates, 0);
        let delays = world.delays(|domain| (domain as usize) < wells);
        prop_assert_eq!(delays.len(), expected);
        let longest = delays.into_iter().max().unwrap_or_default();
        prop_assert!(longest < secs(8), "{:?} of {}", longest, max);
    }
}
