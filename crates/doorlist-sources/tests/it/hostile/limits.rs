//! Too much, too long, too slow (L06).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

#[test]
fn l06_entries_without_end() {
    let mut terms = terms();
    terms.sizes.entries_max = 100_000;
    let stream = |request: &Request| {
        let id = request.id;
        Do::Stream(Box::new((0..10_000_000).map(move |number| person(id, number))))
    };
    assert_eq!(fault(&terms, stream), ReadFault::TooManyEntries { max: 100_000 });
    terms.sizes.page_max = 1 << 20;
    assert_eq!(fault(&terms, stream), ReadFault::PageTooLarge { max: 1 << 20 });
    let references = |request: &Request| {
        let id = request.id;
        Do::Stream(Box::new((0..10_000_000).map(move |_| reference(id, "ldap://a"))))
    };
    assert_eq!(fault(&terms, references), ReadFault::PageTooLarge { max: 1 << 20 });
}

#[test]
fn l06_an_entry_of_a_million_values() {
    let large = fault(&terms(), |request| {
        let values: Vec<String> = (0..1_000_000).map(|n| format!("smtp:n{n}@example.test")).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        Do::Send(entry(request.id, "cn=x", &[("proxyAddresses", &values)]))
    });
    assert!(matches!(large, ReadFault::Protocol(BerFault::TooLarge { .. })), "{large}");
    // As many as fit into an entry, all of them bad.
    let address = serve(|request| {
        is_of_tree(request).then(|| {
            let values = vec!["x"; 120_000];
            Do::Send([entry(request.id, "cn=x", &[("proxyAddresses", &values)]), done(request.id, 0, None)].concat())
        })
    });
    let read = read_from(&plain(address), &terms()).unwrap();
    assert_eq!((read.problems.len(), read.problems_total), (10_000, 120_000));
}

#[test]
fn l06_a_server_that_answers_slowly() {
    let mut terms = terms();
    terms.times.answer = Duration::from_millis(300);
    let trickle = fault(&terms, |request| {
        let bytes = [person(request.id, 1), done(request.id, 0, None)].concat();
        Do::Slowly(bytes, Duration::from_millis(30))
    });
    assert_eq!(trickle, ReadFault::TooSlow, "bytes come, but no whole message");
    let silent = fault(&terms, |request| Do::Send(person(request.id, 1)));
    assert_eq!(silent, ReadFault::TooSlow, "nothing comes any more");

    terms.times.whole = Duration::from_secs(1);
    let steady = fault(&terms, |request| {
        let id = request.id;
        let people = (0..10_000).map(move |number| {
            std::thread::sleep(Duration::from_millis(20));
            person(id, number)
        });
        Do::Stream(Box::new(people))
    });
    assert_eq!(steady, ReadFault::TimeUp, "messages come for ever");
}

#[test]
fn a_server_that_says_nothing_at_all() {
    let mut terms = terms();
    terms.times.answer = Duration::from_millis(200);
    terms.times.handshake = Duration::from_millis(200);
    let error = read_from(&plain(greet(b"")), &terms).unwrap_err();
    assert_eq!((error.stage, error.fault), (Stage::Bind, ReadFault::TooSlow));
    for tls in [DirectoryTls::Ldaps, DirectoryTls::StartTls] {
        let mut connection = plain(greet(b""));
        connection.servers[0].tls = tls;
        let error = read_from(&connection, &terms).unwrap_err();
        assert_eq!((error.stage, error.fault), (Stage::Tls, ReadFault::TooSlow));
    }
}
