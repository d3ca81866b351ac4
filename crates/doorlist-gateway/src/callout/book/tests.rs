#![allow(clippy::unwrap_used)]

use super::*;
use doorlist_core::verification::RouteControl;
use proptest::prelude::*;
use std::net::Ipv4Addr;

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const DOMAIN: DomainId = DomainId(1);

fn name() -> DomainName {
    "example.test".parse().unwrap()
}

fn servers() -> Vec<RouteServer> {
    vec![("mail.example.test".into(), 25)]
}

fn local(number: u32) -> LocalPart {
    LocalPart::parse(format!("n{number}").as_bytes()).unwrap()
}

fn source(number: u32) -> SourceKey {
    SourceKey::from(std::net::IpAddr::from(Ipv4Addr::from(0xc633_6400 + number)))
}

fn ask(book: &mut Book, number: u32, from: u32, now: Timestamp) -> (Asking, bool) {
    let (address, servers) = (Address::new(local(number), name()), servers());
    let (source, class, share) = (source(from), SourceClass::Ordinary, ProbeShare::ALONE);
    book.ask(
        &CalloutQuestion { address: &address, domain: DOMAIN, servers: &servers, source, class, may_ask: true, share },
        now,
    )
}

proptest! {
    /// Whoever waits is answered when the names that wait have been worked off, there is one worker at a time, and no more
    /// names wait than may.
    #[test]
    fn who_waits_is_answered(steps in prop::collection::vec((0_u8..5, 0_u32..40, 0_u32..60), 1..300)) {
        let (mut book, mut now, mut working) = (Book::default(), START, false);
        let mut waiting: Vec<watch::Receiver<Option<Knowledge>>> = Vec::new();
        let mut batch: Vec<LocalPart> = Vec::new();
        let work_off = |book: &mut Book, batch: &mut Vec<LocalPart>, answer: ServerAnswer, now: Timestamp| {
            for local in batch.drain(..) {
                book.answered((DOMAIN, &name()), &local, (servers().first(), answer), now);
            }
        };
        for (what, number, more) in steps {
            match what {
                0..=2 => {
                    let (asking, starts) = ask(&mut book, number, more, now);
                    prop_assert!(!(starts && working), "one worker at a time");
                    working |= starts;
                    if let Asking::Wait(answer) = asking {
                        waiting.push(answer);
                    }
                }
                3 if working => {
                    let answer = [ServerAnswer::Exists, ServerAnswer::NoSuchUser, ServerAnswer::Undecided][more as usize % 3];
                    work_off(&mut book, &mut batch, answer, now);
                    batch = book.next((DOMAIN, &name()));
                    prop_assert!(batch.len() <= NAMES_PER_SESSION);
                    working = !batch.is_empty();
                }
                _ => now = now + Duration::from_secs(more.into()),
            }
        }
        while working {
            work_off(&mut book, &mut batch, ServerAnswer::Undecided, now);
            batch = book.next((DOMAIN, &name()));
            working = !batch.is_empty();
        }
        prop_assert!(waiting.iter().all(|answer| answer.borrow().is_some()));
    }
}

#[test]
fn a_name_is_asked_for_once_however_many_ask() {
    let mut book = Book::default();
    let (first, starts) = ask(&mut book, 1, 1, START);
    assert!(starts);
    let (second, starts) = ask(&mut book, 1, 2, START);
    assert!(!starts);
    let (Asking::Wait(first), Asking::Wait(second)) = (first, second) else { panic!("both wait") };
    assert_eq!(book.next((DOMAIN, &name())), [local(1)]);
    book.answered((DOMAIN, &name()), &local(1), (servers().first(), ServerAnswer::Exists), START);
    assert_eq!((*first.borrow(), *second.borrow()), (Some(Knowledge::Exists), Some(Knowledge::Exists)));
    assert!(book.next((DOMAIN, &name())).is_empty());
    assert!(matches!(ask(&mut book, 1, 3, START), (Asking::Known(Knowledge::Exists), false)), "it is known now");
}

#[test]
fn what_the_store_knows_is_not_asked_for() {
    let mut book = Book::default();
    let (Asking::Wait(answer), true) = ask(&mut book, 1, 1, START) else { panic!("it waits") };
    assert_eq!(book.next((DOMAIN, &name())), [local(1)]);
    let known = VerificationRecord { exists: true, at: START - Duration::from_hours(1) };
    let route = Route { random: Some(RouteControl { taken: true, at: START }), ..Route::new(START) };
    book.read((DOMAIN, &name()), vec![(local(1), known)], vec![(servers()[0].clone(), route)], START);
    assert!(book.settle_known((DOMAIN, &name()), &local(1), &servers(), START));
    assert_eq!(*answer.borrow(), Some(Knowledge::Exists));
    assert_eq!(book.route(&name(), &servers()[0], START).trust(START), RouteTrust::AcceptsAll);
    assert!(book.take_notes().is_empty(), "nothing of it is new");
}

#[test]
fn a_word_that_proves_nothing_is_not_kept() {
    let mut book = Book::default();
    let refuse = |book: &mut Book| {
        book.answered((DOMAIN, &name()), &local(1), (servers().first(), ServerAnswer::NoSuchUser), START)
    };
    book.begin_with(&name(), DOMAIN);
    assert_eq!(refuse(&mut book), Knowledge::Undecided);
    assert!(book.take_notes().is_empty());
    book.delivered(&Address::new(local(2), name()), DOMAIN, &servers()[0], START);
    let (asking, _) = ask(&mut book, 1, 1, START);
    assert!(matches!(asking, Asking::Wait(_)), "it is asked anew when the server is believed");
    assert_eq!(refuse(&mut book), Knowledge::AbsentOnNewRoute);
    assert_eq!(book.take_notes().records.len(), 1);
    // A valid record is not overwritten by a server that refuses everybody.
    book.answered((DOMAIN, &name()), &local(3), (servers().first(), ServerAnswer::Exists), START);
    book.with_route((DOMAIN, &name()), &servers()[0], START, |route| route.known_answered(false, START));
    book.answered((DOMAIN, &name()), &local(3), (servers().first(), ServerAnswer::NoSuchUser), START);
    assert!(matches!(ask(&mut book, 3, 1, START), (Asking::Known(Knowledge::Exists), false)));
}

#[test]
fn a_refusal_behind_the_acceptance_speaks_against_the_address() {
    let mut book = Book::default();
    let (one, two) = (Address::new(local(1), name()), Address::new(local(2), name()));
    book.delivered(&two, DOMAIN, &servers()[0], START);
    for (is_no_such_user, expected) in [(false, None), (true, Some(Knowledge::AbsentOnNewRoute))] {
        book.answered((DOMAIN, &name()), &local(1), (servers().first(), ServerAnswer::Exists), START);
        assert!(matches!(ask(&mut book, 1, 1, START), (Asking::Known(Knowledge::Exists), false)));
        book.refused(&one, DOMAIN, &servers()[0], is_no_such_user, START);
        match (ask(&mut book, 1, 1, START), expected) {
            ((Asking::Wait(_), _), None) => {}
            ((Asking::Known(known), _), Some(expected)) => assert_eq!(known, expected),
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_domain_under_another_number_begins_anew() {
    let mut book = Book::default();
    let address = Address::new(local(1), name());
    book.delivered(&address, DOMAIN, &servers()[0], START);
    assert_eq!(book.known(&name()), Some(local(1)));
    assert_eq!(book.take_notes().routes.len(), 1);
    book.delivered(&address, DOMAIN, &servers()[0], START + Duration::from_secs(1));
    assert!(book.take_notes().is_empty(), "not noted again at each delivery");
    let (Asking::Wait(answer), true) = ask(&mut book, 1, 1, START) else { panic!("it waits") };
    book.begin_with(&name(), DomainId(2));
    // What the former servers say now is of nobody.
    book.answered((DOMAIN, &name()), &local(1), (servers().first(), ServerAnswer::Exists), START);
    book.with_route((DOMAIN, &name()), &servers()[0], START, |route| route.known_answered(true, START));
    assert!(book.take_notes().is_empty() && book.routes(&name()).is_empty());
    assert!(answer.borrow().is_none() && book.next((DOMAIN, &name())).is_empty());
    assert_eq!(book.known(&name()), None);
    book.sweep(|_| false, START);
    assert!(book.names.is_empty());
}

#[test]
fn the_sender_that_worked_comes_first() {
    let (mut book, server) = (Book::default(), servers()[0].clone());
    let all = ["ops@example.test".to_owned(), String::new()];
    assert_eq!(book.senders(&server, &all), all);
    book.note_sender(&server, "", false, &all);
    assert_eq!(book.senders(&server, &all), [String::new(), all[0].clone()]);
    book.note_sender(&server, "", true, &all);
    assert_eq!(book.senders(&server, &all), all);
    book.note_sender(&server, &all[0], true, &all);
    assert_eq!(book.senders(&server, &all), [String::new(), all[0].clone()]);
    book.note_sender(&server, "", true, &all[1..]);
    assert_eq!(book.senders(&server, &all[1..]), [String::new()], "there is no other one");
    assert!(book.may_tell(&server, START) && !book.may_tell(&server, START));
    assert!(book.may_tell(&server, START + TOLD_EVERY));
}
