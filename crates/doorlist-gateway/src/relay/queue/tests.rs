#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
mod next_servers;
mod shares;
mod simulation;

use super::*;
use bench::{Bench, START, route};
use doorlist_core::access::CustomerId;
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::recipients::{DomainRoute, RouteTable};
use doorlist_store::spool::Progress;
use next_servers::rest;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn a_delivered_message_leaves_at_once() {
    let mut bench = Bench::new(1);
    let (id, admission) = bench.admit(&[0]);
    let destination = bench.destination(0);
    assert_eq!((admission, bench.opened()), (Admission::Admitted, vec![destination]));
    bench.queue.opened(destination, bench.at());
    assert_eq!(bench.carry(destination, AttemptVerdict::Delivered), Some(id));
    assert_eq!(bench.settled(), [(id, Settlement::Done)]);
    assert_eq!((bench.queue.len(), bench.queue.take_effects().removed), (0, vec![id]));
}

#[test]
fn a_message_to_several_destinations_is_done_when_all_are() {
    let mut bench = Bench::new(2);
    let (id, _) = bench.admit(&[0, 1, 0]);
    let (first, second) = (bench.destination(0), bench.destination(1));
    bench.carry(first, AttemptVerdict::Delivered);
    let settled = bench.settled();
    let [(_, Settlement::Progress(progress))] = &settled[..] else { panic!("{settled:?}") };
    let delivered = RecipientState::Delivered;
    assert_eq!(progress.recipients, [delivered.clone(), RecipientState::Pending, delivered]);
    bench.carry(second, AttemptVerdict::Delivered);
    assert_eq!(bench.settled(), [(id, Settlement::Done)]);
}

#[test]
fn a_deferred_message_comes_again_on_the_schedule() {
    let mut bench = Bench::new(1);
    let (id, _) = bench.admit(&[0]);
    let destination = bench.destination(0);
    for minutes in [5, 7] {
        bench.carry(destination, AttemptVerdict::Deferred);
        bench.pass(Duration::from_mins(minutes) - Duration::from_secs(1));
        assert_eq!(bench.carry(destination, AttemptVerdict::Deferred), None, "before {minutes} minutes are over");
        bench.pass(Duration::from_secs(31));
    }
    assert_eq!(bench.queue.look(id, bench.now).unwrap().progress.attempts, 2);
    bench.now = START + RetrySchedule::inbound().lifetime;
    bench.carry(destination, AttemptVerdict::Deferred);
    let effects = bench.queue.take_effects();
    assert_eq!(effects.reports[0].failed, [(0, "4.0.0 said".to_owned())], "its lifetime is over");
    bench.queue.reported(id, &[0], &[], bench.at());
    assert_eq!(bench.settled().pop(), Some((id, Settlement::Done)));
}

#[test]
fn what_nobody_was_told_stays_in_the_spool_but_not_in_memory() {
    let mut bench = Bench::new(1);
    let (id, _) = bench.admit(&[0]);
    bench.carry(bench.destination(0), AttemptVerdict::Failed);
    assert_eq!(bench.queue.take_effects().reports.len(), 1);
    bench.queue.reported(id, &[], &[], bench.at());
    let settled = bench.settled();
    let [(_, Settlement::Progress(progress))] = &settled[..] else { panic!("{settled:?}") };
    assert!(matches!(progress.recipients[..], [RecipientState::Failed { .. }]));
    assert_eq!(bench.queue.len(), 0);
}

#[test]
fn a_dead_destination_costs_one_connection_on_the_schedule() {
    let mut bench = Bench::new(2);
    for _ in 0..50 {
        bench.admit(&[0]);
    }
    let dead = bench.destination(0);
    assert_eq!(bench.opened(), [dead], "one goes ahead");
    for (probe, wait_secs) in [300, 450, 675, 1012, 1518].into_iter().enumerate() {
        bench.queue.open_failed(dead, "4.4.1 refused", bench.at());
        bench.close(dead);
        assert_eq!(bench.queue.take_effects().parked.len(), if probe == 0 { 50 } else { 0 }, "told once");
        bench.pass(Duration::from_secs(wait_secs - 1));
        assert_eq!(bench.opened(), []);
        bench.pass(Duration::from_secs(2));
        assert_eq!(bench.opened(), [dead]);
    }
    bench.admit(&[1]);
    let alive = bench.destination(1);
    assert_eq!(bench.opened(), [alive], "another one is not delayed");
}

#[test]
fn an_attempt_by_hand_does_not_put_off_the_planned_one() {
    let mut bench = Bench::new(1);
    let (id, _) = bench.admit(&[0]);
    let dead = bench.destination(0);
    assert_eq!(bench.opened(), [dead]);
    bench.queue.open_failed(dead, "4.4.1 refused", bench.at());
    bench.close(dead);
    let planned = |bench: &Bench| bench.queue.look(id, bench.now).unwrap().next_attempt;
    let first = planned(&bench);
    for _ in 0..5 {
        bench.pass(Duration::from_secs(1));
        assert!(bench.queue.retry(id, bench.at()));
        assert_eq!(bench.opened(), [dead]);
        bench.queue.open_failed(dead, "4.4.1 refused", bench.at());
        bench.close(dead);
        assert_eq!(planned(&bench), first);
    }
    bench.pass(Duration::from_secs(310));
    assert_eq!(bench.opened(), [dead], "as it was planned");

    // The same where the server answers, and defers the message.
    let mut bench = Bench::new(1);
    let (id, _) = bench.admit(&[0]);
    let slow = bench.destination(0);
    bench.carry(slow, AttemptVerdict::Deferred);
    let state = |bench: &Bench| {
        let state = bench.queue.look(id, bench.now).unwrap();
        (state.next_attempt, state.progress.attempts)
    };
    let first = state(&bench);
    for _ in 0..5 {
        bench.pass(Duration::from_secs(1));
        assert!(bench.queue.retry(id, bench.at()));
        bench.carry(slow, AttemptVerdict::Deferred);
        assert_eq!(state(&bench), first);
    }
    bench.pass(Duration::from_secs(310));
    bench.carry(slow, AttemptVerdict::Deferred);
    assert_eq!(state(&bench).1, 2);
}

#[test]
fn a_returning_destination_is_drained_from_one_connection_doubling_per_twenty_successes() {
    let mut bench = Bench::new(1);
    for _ in 0..200 {
        bench.admit(&[0]);
    }
    let destination = bench.destination(0);
    bench.queue.open_failed(destination, "4.4.1 refused", bench.at());
    bench.close(destination);
    bench.pass(Duration::from_mins(6));
    bench.queue.opened(destination, bench.at());
    let mut most = Vec::new();
    for _ in 0..5 {
        for _ in 0..20 {
            bench.carry(destination, AttemptVerdict::Delivered);
        }
        most.push(bench.queue.connections());
    }
    assert_eq!(most, [2, 4, 8, 16, 20]);
}

#[test]
fn a_lost_connection_narrows_the_window_and_three_in_a_row_close_it() {
    let mut bench = Bench::new(1);
    for _ in 0..100 {
        bench.admit(&[0]);
    }
    let destination = bench.destination(0);
    bench.queue.opened(destination, bench.at());
    assert_eq!(bench.queue.connections(), 5);
    for connections in [4, 3, 2] {
        bench.queue.broke(destination, "4.4.2 lost", None, bench.at());
        bench.close(destination);
        assert_eq!(bench.queue.connections(), connections);
    }
    assert!(bench.queue.destinations[&destination].down().is_some());
}

#[test]
fn a_hold_of_a_domain_takes_effect_and_so_does_its_release() {
    let mut bench = Bench::new(1);
    bench.admit(&[0]);
    let destination = bench.destination(0);
    let hold = |bench: &mut Bench, hold| {
        bench.routes.insert(DomainId(0), Arc::new(DomainRoute { hold, ..route(0) }));
        bench.queue.set_routes(&Arc::new(bench.routes.clone()), bench.at());
    };
    hold(&mut bench, true);
    bench.admit(&[0]);
    assert_eq!(bench.carry(destination, AttemptVerdict::Delivered), None);
    hold(&mut bench, false);
    assert!(bench.carry(destination, AttemptVerdict::Delivered).is_some());
    assert!(bench.carry(destination, AttemptVerdict::Delivered).is_some());
    assert_eq!(bench.queue.len(), 0);
}

#[test]
fn new_servers_take_what_waits_for_the_old_ones() {
    let mut bench = Bench::new(1);
    bench.admit(&[0]);
    let old = bench.destination(0);
    bench.admit(&[0]);
    bench.carry(old, AttemptVerdict::Deferred);
    bench.queue.open_failed(old, "4.4.1 refused", bench.at());
    let moved = DomainRoute { servers: route(7).servers, ..route(0) };
    bench.routes.insert(DomainId(0), Arc::new(moved));
    bench.queue.set_routes(&Arc::new(bench.routes.clone()), bench.at());
    let new = bench.destination(0);
    assert_ne!(old, new);
    assert!(
        bench.carry(new, AttemptVerdict::Delivered).is_some() && bench.carry(new, AttemptVerdict::Delivered).is_some()
    );
    assert_eq!(bench.queue.len(), 0);
    bench.close(old);
    bench.close(new);
    bench.queue.prune();
    assert!(bench.queue.destinations.is_empty() && bench.queue.by_key.is_empty());
}

#[test]
fn a_domain_without_a_route_waits_for_one() {
    let mut bench = Bench::new(1);
    bench.routes.clear();
    bench.queue.set_routes(&Arc::new(RouteTable::new()), bench.at());
    bench.admit(&[0]);
    let effects = bench.queue.take_effects();
    assert!(matches!(&effects.settle[..], [(_, Settlement::Progress(progress))] if progress.attempts == 1));
    assert!(effects.parked[0].1.starts_with("4.4.4 "), "{effects:?}");
    bench.routes.insert(DomainId(0), Arc::new(route(0)));
    bench.queue.set_routes(&Arc::new(bench.routes.clone()), bench.at());
    assert!(bench.carry(bench.destination(0), AttemptVerdict::Delivered).is_some());
}

#[test]
fn d11_dead_destinations_leave_room_for_the_others() {
    let mut bench = Bench::new(1_000);
    bench.queue.settings.active_max = 10_000;
    assert_eq!(bench.admitted(0, 50_000), 2_500, "the first may take half of the first half");
    assert_eq!(bench.admitted(1, 50_000), 1_250, "the next half of the rest");
    assert_eq!(bench.queue.refill(1_000), None, "there is no room for those who wait in the spool");
    for n in 2..20 {
        assert_eq!(bench.admitted(n, 50), 50);
    }
    let second = bench.destination(1);
    while bench.carry(second, AttemptVerdict::Delivered).is_some() {}
    assert!(bench.queue.take_effects().refill, "it is said at once");
    let refilled = bench.queue.refill(1_000).unwrap();
    assert_eq!(refilled[0], QueueId::from_u64(51_251), "only what has room: the first is as dead as before");
    assert!(refilled.len() > 500);
}

#[test]
fn no_customer_fills_the_memory_however_many_dead_destinations_it_has() {
    let routes = (0..1_002).map(|n| DomainRoute { customer: Some(CustomerId(u32::from(n >= 1_000))), ..route(n) });
    let mut bench = Bench::of(bench::settings(500), routes);
    bench.queue.settings.active_max = 10_000;
    for n in 0..1_000 {
        bench.admitted(n, if n < 20 { 5_000 } else { 150 });
    }
    assert!((7_400..=7_500).contains(&bench.queue.len()), "{}", bench.queue.len());
    assert_eq!(bench.admitted(1_000, 500), 500, "of another customer");
    let live = bench.destination(1_000);
    assert!(bench.admitted(1_000, 5_000) < 1_000);
    let mut delivered = 0;
    while bench.carry(live, AttemptVerdict::Delivered).is_some() {
        delivered += 1;
    }
    assert!(delivered > 1_000 && bench.queue.take_effects().refill);
    let refilled = bench.queue.refill(10_000).unwrap();
    assert_eq!(refilled[0].as_u64(), bench.next - (5_500 - delivered), "the oldest of those that stayed in the spool");
}

#[test]
fn what_left_while_the_spool_was_read_does_not_come_back() {
    let mut bench = Bench::new(1);
    bench.queue.begin_reading();
    let (id, _) = bench.admit(&[0]);
    bench.carry(bench.destination(0), AttemptVerdict::Delivered);
    bench.next = id.as_u64();
    assert_eq!(bench.admit(&[0]), (id, Admission::Known));
    bench.queue.end_reading();
}

#[test]
fn a_withdrawn_part_is_void_even_if_its_message_comes_back() {
    let mut bench = Bench::new(1);
    let (id, _) = bench.admit(&[0]);
    let destination = bench.destination(0);
    assert!(bench.queue.hold(id, bench.at()) && bench.queue.release(id, bench.at()));
    assert_eq!(bench.queue.destinations[&destination].ready.len(), 2);
    assert_eq!(bench.carry(destination, AttemptVerdict::Delivered), Some(id));
    assert_eq!(bench.carry(destination, AttemptVerdict::Delivered), None);
}

#[test]
fn a_person_holds_releases_retries_and_deletes() {
    let mut bench = Bench::new(1);
    let (id, _) = bench.admit(&[0]);
    let destination = bench.destination(0);
    assert!(bench.queue.hold(id, bench.at()));
    assert!(matches!(&bench.settled()[..], [(_, Settlement::Progress(Progress { hold: true, .. }))]));
    assert_eq!(bench.carry(destination, AttemptVerdict::Delivered), None);
    assert!(bench.queue.release(id, bench.at()));
    assert_eq!(bench.carry(destination, AttemptVerdict::Deferred), Some(id));
    assert!(bench.queue.retry(id, bench.at()));
    let job = bench.queue.next_part(destination).unwrap();
    assert!(bench.queue.delete(id), "while it is under way");
    assert_eq!(bench.queue.len(), 1);
    bench.queue.give_back(destination, job.part, bench.at());
    assert_eq!(bench.settled().pop(), Some((id, Settlement::Done)));
    assert_eq!(bench.queue.len(), 0);
    assert!(!bench.queue.delete(id));
}

/// What is left of a destination: nothing, or servers that are those of no domain. Of them, nothing is left.
fn rest_of(bench: &Bench, destination: DestinationId, n: u32) -> Option<DestinationKey> {
    const FIRST_REST: u32 = 100;
    let is_rest = |n| bench.queue.by_key.get(&rest(FIRST_REST + n)) == Some(&destination);
    (n > 1 && !(0..6).any(is_rest)).then(|| rest(FIRST_REST + n))
}

proptest! {
    /// Whatever happens to connections and messages, each message is in exactly one place: it waits, is under way, is
    /// deferred, or has left; and the counts of connections and messages agree with that.
    #[test]
    fn nothing_is_lost_and_nothing_is_counted_twice(steps in proptest::collection::vec((0u8..12, 0u32..6, 0u32..6), 1..120)) {
        let mut bench = Bench::new(6);
        let (mut open, mut jobs): (Vec<DestinationId>, Vec<(DestinationId, Job)>) = (Vec::new(), Vec::new());
        for (what, n, m) in steps {
            let destination = bench.queue.by_domain.get(&DomainId(n)).map(|place| place.destination);
            open.extend(bench.opened());
            let at = bench.at();
            match (what, destination) {
                (0..=2, _) if n == m => { bench.admit(&[n]); }
                (0..=2, _) => { bench.admit(&[n, m]); }
                (3, Some(id)) if open.contains(&id) => bench.queue.opened(id, at),
                (4, Some(id)) if open.contains(&id) => {
                    bench.queue.open_failed(id, "4.4.1 no", at);
                    bench.close(id);
                    open.remove(open.iter().position(|x| *x == id).unwrap());
                }
                (5, Some(id)) if open.contains(&id) => jobs.extend(bench.queue.next_part(id).map(|job| (id, job))),
                (6 | 7, _) if !jobs.is_empty() => {
                    let (id, job) = jobs.remove(m as usize % jobs.len());
                    let rest = rest_of(&bench, id, n);
                    let verdict = [
                        AttemptVerdict::Delivered, AttemptVerdict::Deferred, AttemptVerdict::Failed,
                        AttemptVerdict::Untried, AttemptVerdict::Stepwise, AttemptVerdict::NextServer,
                    ][m as usize];
                    let outcome = RecipientOutcome { verdict, status: EnhancedCode::new(4, 0, 0), reply: String::new() };
                    bench.queue.finish(id, &job.part, &vec![outcome; job.part.recipients.len()], rest.as_ref(), at);
                }
                (10, _) if !jobs.is_empty() => {
                    let (id, job) = jobs.remove(m as usize % jobs.len());
                    bench.queue.give_back(id, job.part, at);
                }
                (11, _) if !open.is_empty() => {
                    let id = open.remove(m as usize % open.len());
                    let rest = rest_of(&bench, id, n);
                    bench.queue.broke(id, "4.4.2 lost", rest.as_ref(), at);
                    bench.close(id);
                }
                (8, _) => bench.pass(Duration::from_mins(u64::from(m) * 4)),
                (9, _) => {
                    let hold = m == 0;
                    bench.routes.insert(DomainId(n), Arc::new(DomainRoute { hold, ..route(n + m) }));
                    let routes = Arc::new(bench.routes.clone());
                    bench.queue.set_routes(&routes, at);
                }
                _ => {}
            }
            // A round may end wherever the last of its parts does.
            for report in std::mem::take(&mut bench.queue.effects.reports) {
                bench.queue.reported(report.id, &[report.failed[0].0], &[], at);
            }
            open.extend(bench.opened());
            let queue = &bench.queue;
            let lines = || queue.destinations.values().flat_map(|d| d.ready.iter()).chain(&queue.held);
            for (id, entry) in &queue.messages {
                prop_assert_eq!(entry.waiting, lines().filter(|part| part.id == *id).count());
                prop_assert_eq!(entry.out, jobs.iter().filter(|(_, job)| job.part.id == *id).count());
                prop_assert!(entry.waiting + entry.out > 0 || entry.next_attempt.is_some(), "stuck: {:?}", entry);
            }
            prop_assert_eq!(queue.connections(), open.len());
            prop_assert_eq!(queue.destinations.values().map(|d| d.connections).sum::<usize>(), open.len());
            prop_assert_eq!(queue.destinations.values().filter(|d| d.claim.is_some()).count(), queue.pool.claims());
            prop_assert_eq!(queue.destinations.values().map(|d| d.messages).sum::<usize>(), queue.messages.len());
            prop_assert_eq!(queue.by_customer.values().sum::<usize>(), queue.messages.len());
        }
    }
}
