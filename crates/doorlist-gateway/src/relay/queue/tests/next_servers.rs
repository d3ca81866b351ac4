//! Recipients that go on with the servers that are left of a destination.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::bench::{Bench, route};
use super::*;

/// The servers `mx{n}`, as what is left of a destination.
pub(super) fn rest(n: u32) -> DestinationKey {
    DestinationKey::of_rest(&route(n).servers).unwrap()
}

#[test]
fn a_failed_recipient_goes_on_with_the_rest_of_the_servers_in_the_same_attempt() {
    let mut bench = Bench::new(2);
    let (id, _) = bench.admit(&[0, 0, 1]);
    let first = bench.destination(0);
    let job = bench.queue.next_part(first).unwrap();
    let outcome = |verdict| RecipientOutcome { verdict, status: EnhancedCode::new(4, 3, 0), reply: "said".to_owned() };
    let outcomes = [AttemptVerdict::Delivered, AttemptVerdict::NextServer].map(outcome);
    bench.queue.finish(first, &job.part, &outcomes, Some(&rest(7)), bench.at());
    let settled = bench.settled();
    let [(_, Settlement::Progress(progress))] = &settled[..] else { panic!("{settled:?}") };
    assert_eq!(
        (progress.attempts, &progress.recipients[0]),
        (0, &RecipientState::Delivered),
        "a crash makes no duplicate"
    );
    let next = bench.queue.by_key[&rest(7)];
    let job = bench.queue.next_part(next).unwrap();
    assert_eq!((job.part.recipients.clone(), job.part.primary), (vec![1], Some(first)));
    bench.queue.finish(next, &job.part, &[outcome(AttemptVerdict::Deferred)], None, bench.at());
    bench.carry(bench.destination(1), AttemptVerdict::Delivered);
    assert_eq!(bench.queue.look(id, bench.now).unwrap().progress.attempts, 1);
    bench.pass(Duration::from_mins(6));
    assert_eq!(bench.carry(first, AttemptVerdict::Delivered), Some(id), "the next attempt begins at the front");
    assert_eq!(bench.queue.len(), 0);
}

#[test]
fn servers_that_are_left_and_cannot_be_reached_end_the_attempt() {
    let mut bench = Bench::new(1);
    let (first, _) = bench.admit(&[0]);
    let own = bench.destination(0);
    let fails = |bench: &mut Bench| {
        let job = bench.queue.next_part(own).unwrap();
        let verdict = AttemptVerdict::NextServer;
        let outcome = RecipientOutcome { verdict, status: EnhancedCode::new(4, 3, 0), reply: "said".to_owned() };
        bench.queue.finish(own, &job.part, &[outcome], Some(&rest(7)), bench.at());
    };
    fails(&mut bench);
    let next = bench.queue.by_key[&rest(7)];
    assert_eq!(bench.opened(), [own, next]);
    assert_eq!(bench.queue.look(first, bench.now).unwrap().progress.attempts, 0);
    bench.queue.open_failed(next, "4.4.1 refused", bench.at());
    bench.close(next);
    let state = bench.queue.look(first, bench.now).unwrap();
    assert_eq!((state.progress.attempts, state.next_attempt.is_some()), (1, true));
    assert_eq!(state.progress.recipients, [RecipientState::Deferred { reply: "4.3.0 said".to_owned() }]);
    let (second, _) = bench.admit(&[0]);
    fails(&mut bench);
    assert_eq!(bench.queue.look(second, bench.now).unwrap().progress.attempts, 1, "it is known to be away");
    assert_eq!(bench.queue.take_effects().parked.len(), 2);
}

#[test]
fn while_the_first_servers_break_mail_goes_to_the_rest() {
    let mut bench = Bench::new(1);
    for _ in 0..10 {
        bench.admit(&[0]);
    }
    let own = bench.destination(0);
    for _ in 0..5 {
        bench.queue.opened(own, bench.at());
    }
    for _ in 0..3 {
        bench.queue.broke(own, "4.4.2 lost", Some(&rest(7)), bench.at());
        bench.close(own);
    }
    bench.close(own);
    bench.close(own);
    let next = bench.queue.by_key[&rest(7)];
    assert_eq!((bench.queue.destinations[&own].ready.len(), bench.queue.destinations[&next].ready.len()), (0, 10));
    let (id, _) = bench.admit(&[0]);
    for _ in 0..10 {
        assert_ne!(bench.carry(next, AttemptVerdict::Delivered), Some(id));
    }
    assert_eq!(bench.carry(next, AttemptVerdict::Delivered), Some(id), "what comes later, too");
    assert_eq!(bench.queue.len(), 0);
    bench.opened();
    bench.pass(Duration::from_mins(6));
    bench.admit(&[0]);
    assert_eq!(bench.opened(), [own], "after a while the first ones are tried again");
}

#[test]
fn a_part_of_a_domain_that_is_held_or_moved_meanwhile_does_not_go_on() {
    for change in [DomainRoute { hold: true, ..route(0) }, DomainRoute { servers: route(5).servers, ..route(0) }] {
        let mut bench = Bench::new(1);
        let (id, _) = bench.admit(&[0]);
        let own = bench.destination(0);
        let job = bench.queue.next_part(own).unwrap();
        bench.routes.insert(DomainId(0), Arc::new(change));
        bench.queue.set_routes(&Arc::new(bench.routes.clone()), bench.at());
        let verdict = AttemptVerdict::NextServer;
        let outcome = RecipientOutcome { verdict, status: EnhancedCode::new(4, 3, 0), reply: "said".to_owned() };
        bench.queue.finish(own, &job.part, &[outcome], Some(&rest(7)), bench.at());
        assert!(bench.queue.look(id, bench.now).unwrap().next_attempt.is_some());
        assert_eq!(bench.opened(), [own]);
    }
}
