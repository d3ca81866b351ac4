//! Pages and ranges that do not end, and odd ones that do (L06, L07).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn people(request: &Request, from: u32, count: u32) -> Vec<u8> {
    (from..from + count).flat_map(|number| person(request.id, number)).collect()
}

#[test]
fn l07_pages_without_end() {
    let small = || {
        let mut terms = terms();
        terms.sizes.entries_max = 5_000;
        terms
    };
    let same =
        fault(&small(), |request| Do::Send([people(request, 0, 10), done(request.id, 0, Some(b"again"))].concat()));
    assert_eq!(same, ReadFault::EndlessPages, "the same page for ever");
    let cookies = fault(&small(), |request| {
        Do::Send([people(request, 0, 10), done(request.id, 0, Some(&request.page.to_be_bytes()))].concat())
    });
    assert_eq!(cookies, ReadFault::EndlessPages, "the same page under other cookies");
    let empty = fault(&small(), |request| Do::Send(done(request.id, 0, Some(&request.page.to_be_bytes()))));
    assert_eq!(empty, ReadFault::EndlessPages, "empty pages");
    let tiny = fault(&small(), |request| {
        Do::Send([people(request, request.page, 1), done(request.id, 0, Some(b"x"))].concat())
    });
    assert_eq!(tiny, ReadFault::EndlessPages, "pages of one entry");
    let new = fault(&small(), |request| {
        Do::Send([people(request, request.page * 10, 10), done(request.id, 0, Some(b"x"))].concat())
    });
    assert_eq!(new, ReadFault::TooManyEntries { max: 5_000 }, "new entries for ever");
    let cookie = fault(&small(), |request| Do::Send(done(request.id, 0, Some(&vec![7; 1_000_000]))));
    assert_eq!(cookie, ReadFault::EndlessPages, "a cookie of 1 MB");
    let cookie = fault(&small(), |request| Do::Send(done(request.id, 0, Some(&vec![7; 2_000_000]))));
    assert!(matches!(cookie, ReadFault::Protocol(BerFault::TooLarge { .. })), "a cookie of 2 MB");
}

#[test]
fn one_cookie_for_all_pages_is_fine_while_they_go_on() {
    // Samba and 389 Directory Server number their searches, not their pages.
    let address = serve(|request| {
        is_of_tree(request).then(|| {
            let cookie: &[u8] = if request.page == 4 { b"" } else { b"0" };
            Do::Send([people(request, request.page * 10, 10), done(request.id, 0, Some(cookie))].concat())
        })
    });
    assert_eq!(read_from(&plain(address), &terms()).unwrap().entries, 50);
}

#[test]
fn a_server_that_does_not_page_may_send_all() {
    let address = serve(|request| {
        is_of_tree(request).then(|| Do::Send([people(request, 0, 5_000), done(request.id, 0, None)].concat()))
    });
    let read = read_from(&plain(address), &terms()).unwrap();
    assert_eq!((read.entries, read.unpaged), (5_000, false));
}

/// Answers the search with the control for paged results, and the one without it.
fn refusing(with: u8, without: u8, count: u32) -> SocketAddr {
    serve(move |request| {
        is_of_tree(request).then(|| match request.has(b"1.2.840.113556.1.4.319") {
            true => Do::Send(done(request.id, with, None)),
            false => Do::Send([people(request, 0, count), done(request.id, without, None)].concat()),
        })
    })
}

/// Result codes 53, 11 and 12 to a control that is not critical: OpenLDAP's size.prtotal=disabled, and others.
#[test]
fn a_server_that_refuses_the_control_is_read_once_without_it() {
    for code in [11, 12, 53] {
        let read = read_from(&plain(refusing(code, 0, 25)), &terms()).unwrap();
        assert_eq!((read.entries, read.unpaged), (25, true), "{code}");
    }
    let report = crate::reading::test(&plain(refusing(53, 0, 2)), "a password");
    let said = &report.steps.last().unwrap().detail;
    assert!(said.contains("2 entries") && said.contains("refuses paged results (RFC 2696)"), "{said}");
}

#[test]
fn a_refusal_of_the_control_names_the_control() {
    let refused = |with, without| read_from(&plain(refusing(with, without, 3)), &terms()).unwrap_err();
    for (with, without, refusal) in [
        (53, 4, LdapRefusal::SizeLimit),
        (53, 53, LdapRefusal::Unwilling),
        (12, 12, LdapRefusal::Control),
        (11, 11, LdapRefusal::AdminLimit),
        (11, 3, LdapRefusal::TimeLimit),
    ] {
        let error = refused(with, without);
        assert_eq!(error.fault, ReadFault::Unpaged(refusal), "{with}, {without}");
        assert!(error.to_string().contains("paged results (RFC 2696)"), "{error}");
    }
    for code in [11, 12, 53] {
        let later = fault(&terms(), move |request| match request.page {
            0 => Do::Send([people(request, 0, 10), done(request.id, 0, Some(b"x"))].concat()),
            _ => Do::Send(done(request.id, code, None)),
        });
        assert!(matches!(later, ReadFault::NextPage(_)) && later.to_string().contains("paged results"), "{later}");
        assert!(code == 11 || !later.to_string().contains("filter"), "{later}");
    }
    let first_of_some = fault(&terms(), |request| match request.page {
        0 => Do::Send(done(request.id, 53, None)),
        _ => Do::Send([people(request, 0, 10), done(request.id, 0, Some(b"x"))].concat()),
    });
    assert_eq!(first_of_some, ReadFault::WrongAnswer, "a part must not look whole");
    let other = refused(18, 0);
    assert_eq!(other.fault, ReadFault::Refused(LdapRefusal::BadFilter), "the filter is asked for once");
}

/// An entry with `proxyAddresses` in the range that was asked for; `to` is the end of the range, None for the last one.
fn ranged(id: u32, from: u32, to: Option<u32>, count: u32) -> Vec<u8> {
    let to = to.map_or("*".to_owned(), |to| to.to_string());
    let values: Vec<String> = (from..from + count).map(|n| format!("smtp:n{n}@example.test")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let name = format!("proxyAddresses;range={from}-{to}");
    let attributes = [("mail", ["anna@example.test"].as_slice()), ("proxyAddresses", &[]), (&name, &values)];
    [entry(id, "cn=anna", &attributes), done(id, 0, Some(b""))].concat()
}

/// Where the asked range begins.
fn asked(request: &Request) -> Option<u32> {
    let text = String::from_utf8_lossy(&request.bytes).into_owned();
    text.split_once(";range=")?.1.split_once('-')?.0.parse().ok()
}

fn with_ranges(next: fn(u32, u32) -> Vec<u8>) -> Result<DirectoryRead, ReadError> {
    let address = serve(move |request| match asked(request) {
        Some(from) => Some(Do::Send(next(request.id, from))),
        None if is_of_tree(request) => Some(Do::Send(ranged(request.id, 0, Some(1_499), 1_500))),
        None => None,
    });
    let mut terms = terms();
    terms.sizes.values_max = 10_000;
    read_from(&plain(address), &terms)
}

#[test]
fn values_in_ranges_are_put_together() {
    let read = with_ranges(|id, from| match from {
        1_500 => ranged(id, from, Some(2_999), 1_500),
        _ => ranged(id, from, None, 7),
    });
    let read = read.unwrap();
    assert_eq!((read.entries, read.rows.len()), (1, 1 + 3_007));
}

/// An attribute under two descriptions (RFC 4512 §2.5), both in ranges: each is fetched to its end.
#[test]
fn values_in_ranges_under_several_descriptions() {
    let address = serve(|request| {
        let id = request.id;
        let asks = |name: &str| request.has(format!("{name}-*").as_bytes());
        let (rest, english) = (("proxyAddresses;range=1-*", "b"), ("proxyAddresses;range=1-*;lang-en", "d"));
        let values = if asks("proxyAddresses;lang-en;range=1") {
            vec![english]
        } else if asks("proxyAddresses;range=1") {
            vec![("proxyAddresses;lang-en;range=0-0", "c"), rest]
        } else if is_of_tree(request) {
            vec![("proxyAddresses;range=0-0;lang-en", "c"), ("proxyAddresses;range=0-0", "a"), ("mail;x-work", "w")]
        } else {
            return None;
        };
        let values: Vec<_> = values.into_iter().map(|(name, local)| (name, format!("{local}@example.test"))).collect();
        let texts: Vec<_> = values.iter().map(|(name, text)| (*name, [text.as_str()])).collect();
        let attributes: Vec<(&str, &[&str])> = texts.iter().map(|(name, text)| (*name, text.as_slice())).collect();
        Some(Do::Send([entry(id, "cn=anna", &attributes), done(id, 0, Some(b""))].concat()))
    });
    let read = read_from(&plain(address), &terms()).unwrap();
    assert_eq!(rows(&read), ["a -> w", "b -> w", "c -> w", "d -> w", "w"]);
}

#[test]
fn l06_values_without_end() {
    let failed = |next| with_ranges(next).unwrap_err().fault;
    let endless = failed(|id, from| ranged(id, from, Some(from + 1_499), 1_500));
    assert!(matches!(endless, ReadFault::TooManyValues { max: 10_000, .. }), "{endless}");
    assert_eq!(failed(|id, from| ranged(id, from, Some(from), 1)), ReadFault::EndlessValues, "one value a question");
    assert_eq!(failed(|id, _| ranged(id, 0, Some(1_499), 1_500)), ReadFault::EndlessValues, "not where it was asked");
    assert_eq!(failed(|id, from| ranged(id, from, Some(from - 1), 0)), ReadFault::EndlessValues, "backwards");
    assert_eq!(failed(|id, _| done(id, 0, None)), ReadFault::EndlessValues, "the entry has gone");
    assert_eq!(failed(|id, _| done(id, 32, None)), ReadFault::Refused(LdapRefusal::NoBase));
    let much = failed(|id, from| ranged(id, from, None, 60_000));
    assert!(matches!(much, ReadFault::Protocol(BerFault::TooLarge { .. })), "{much}");
}
