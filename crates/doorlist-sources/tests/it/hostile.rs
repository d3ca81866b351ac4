//! Servers that break, lie or attack (L02, L04, L06, L07, L08, L14): each read ends with an error of its own, soon and in
//! little memory, and no word of theirs gets into ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod limits;
mod network;
mod paging;
mod script;

use crate::reading::{connection, read_with, rows, simple, terms};
use doorlist_core::connection::{DirectoryConnection, DirectoryTls, Preset};
use doorlist_sources::{BerFault, DirectoryRead, LdapRefusal, ReadError, ReadFault, ReadMode, ReadTerms, Stage};
use script::{BIND, Do, EXTENDED, Request, SEARCH, done, entry, greet, message, person, reference, result, serve, tlv};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// No read of a hostile server may take longer on a machine that does much else.
const SOON: Duration = Duration::from_secs(20);

fn plain(address: SocketAddr) -> DirectoryConnection {
    let url = format!("ldap://{address}");
    let mut connection = connection(&url, DirectoryTls::Plain, simple("cn=reader"), Preset::Generic);
    connection.limits.page_entries = 10;
    connection
}

fn read_from(connection: &DirectoryConnection, terms: &ReadTerms) -> Result<DirectoryRead, ReadError> {
    let began = Instant::now();
    let read = read_with(connection, "a password", ReadMode::Full, terms);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    if let Err(error) = &read {
        assert!(!error.to_string().contains("script"), "{error}");
    }
    read
}

/// The fault of a search that is answered by `script`.
fn fault(terms: &ReadTerms, mut script: impl FnMut(&Request) -> Do + Send + 'static) -> ReadFault {
    let address = serve(move |request| is_of_tree(request).then(|| script(request)));
    let error = read_from(&plain(address), terms).unwrap_err();
    assert_eq!(error.stage, Stage::Search);
    error.fault
}

fn is_of_tree(request: &Request) -> bool {
    request.kind == SEARCH && request.has(&[0x0a, 1, 2])
}

#[test]
fn l08_an_error_after_entries_is_an_error() {
    for (code, refusal) in [
        (1, LdapRefusal::BindFirst),
        (3, LdapRefusal::TimeLimit),
        (4, LdapRefusal::SizeLimit),
        (11, LdapRefusal::AdminLimit),
        (32, LdapRefusal::NoBase),
        (50, LdapRefusal::Rights),
        (51, LdapRefusal::Busy),
        (80, LdapRefusal::Other { code: 80 }),
    ] {
        let found = fault(&terms(), move |request| {
            Do::Send([person(request.id, 1), person(request.id, 2), done(request.id, code, None)].concat())
        });
        assert_eq!(found, ReadFault::Refused(refusal));
    }
}

#[test]
fn l08_a_connection_that_is_lost_in_page_7_of_20() {
    let found = fault(&terms(), |request| {
        let page: Vec<u8> = (0..10).flat_map(|number| person(request.id, request.page * 10 + number)).collect();
        if request.page == 6 {
            return Do::Last(page[..page.len() / 2].to_vec());
        }
        Do::Send([page, done(request.id, 0, Some(&request.page.to_be_bytes()))].concat())
    });
    assert_eq!(found, ReadFault::Lost);
}

#[test]
fn l06_answers_to_what_was_not_asked() {
    let wrong = |answer: fn(u32) -> Vec<u8>| fault(&terms(), move |request| Do::Send(answer(request.id)));
    assert_eq!(wrong(|id| person(id + 1, 1)), ReadFault::WrongAnswer);
    assert_eq!(wrong(|id| done(id - 1, 0, None)), ReadFault::WrongAnswer, "the answer to the question before");
    assert_eq!(wrong(|_| person(0, 1)), ReadFault::WrongAnswer);
    assert_eq!(wrong(|id| result(id, 0x61, 0, b"")), ReadFault::WrongAnswer, "a bind's answer to a search");
    assert_eq!(wrong(|_| result(0, 0x78, 52, b"<script>")), ReadFault::Ended, "a notice of disconnection");
    let progress = |id: u32| message(id, &tlv(0x79, &[]), &[]).repeat(101);
    assert_eq!(wrong(progress), ReadFault::WrongAnswer, "intermediate responses without end");
}

#[test]
fn l06_what_is_no_ldap() {
    let broken =
        |bytes: Vec<u8>| fault(&terms(), move |request| Do::Send([person(request.id, 1), bytes.clone()].concat()));
    let nested = |levels: usize| (0..levels).fold(Vec::new(), |inner, _| tlv(0x30, &inner));
    for (bytes, expected) in [
        (b"\x30\x84\x40\x00\x00\x00\x02\x01\x02".to_vec(), BerFault::TooLarge { length: (1 << 30) + 6, max: 1 << 20 }),
        (b"\x30\x84\x80\x00\x00\x00".to_vec(), BerFault::TooLarge { length: (1 << 31) + 6, max: 1 << 20 }),
        (b"\x30\x80\x02\x01\x02".to_vec(), BerFault::IndefiniteLength),
        (nested(10_000), BerFault::TooDeep),
        (b"\x30\x05\x02\x84\x7f\xff\xff".to_vec(), BerFault::Overrun),
        (tlv(0x30, b"\x02\x01\xff\x65\x07\x0a\x01\x00\x04\x00\x04\x00"), BerFault::Number),
        (b"HTTP/1.1 400 Bad Request\r\n<script>".to_vec(), BerFault::NotAMessage),
        (tlv(0x30, b"\x04\x01a\x04\x01b"), BerFault::Shape),
    ] {
        assert_eq!(broken(bytes), ReadFault::Protocol(expected));
    }
}

#[test]
fn another_service_at_the_port() {
    for greeting in [b"220 mail.example.test ESMTP <script>\r\n".as_slice(), b"SSH-2.0-x\r\n", b"-ERR unknown\r\n"] {
        let error = read_from(&plain(greet(greeting)), &terms()).unwrap_err();
        assert_eq!((error.stage, error.fault), (Stage::Bind, ReadFault::Protocol(BerFault::NotAMessage)));
    }
}

#[test]
fn l04_a_bind_that_is_refused_says_why() {
    let bind = |code: u8, text: &'static [u8]| {
        let address =
            serve(move |request| (request.kind == BIND).then(|| Do::Send(result(request.id, 0x61, code, text))));
        let error = read_from(&plain(address), &terms()).unwrap_err();
        assert_eq!(error.stage, Stage::Bind);
        error
    };
    let refused = |code, text| match bind(code, text).fault {
        ReadFault::Refused(refusal) => refusal,
        other => panic!("{other}"),
    };
    let error = bind(8, b"00002028: LdapErr: DSID-0C09033C, <script>");
    assert!(error.to_string().ends_with("use ldaps:// or StartTLS"), "{error}");
    assert_eq!(refused(13, b""), LdapRefusal::Encrypt);
    assert_eq!(refused(48, b""), LdapRefusal::BindKind);
    assert_eq!(refused(53, b""), LdapRefusal::BindKind);
    let active_directory = |data: &'static [u8]| refused(49, data);
    assert_eq!(
        active_directory(b"80090308: LdapErr: DSID-0C0904D0, comment: AcceptSecurityContext error, data 52e, v4563"),
        LdapRefusal::Credentials
    );
    assert_eq!(
        active_directory(b"80090308: LdapErr: DSID-0C0904D0, comment: x, data 533, v4563"),
        LdapRefusal::AccountState
    );
    assert_eq!(
        active_directory(b"80090308: LdapErr: DSID-0C0904D0, comment: x, data 773, v4563"),
        LdapRefusal::PasswordExpired
    );
    assert_eq!(active_directory(b"data \xff"), LdapRefusal::Credentials);
}

#[test]
fn start_tls_that_is_refused_or_spoken_behind() {
    let start_tls = |answer: fn(u32) -> Vec<u8>| {
        let address = serve(move |request| {
            assert_ne!(request.kind, BIND, "nothing is said unencrypted");
            (request.kind == EXTENDED).then(|| Do::Send(answer(request.id)))
        });
        let mut connection = plain(address);
        connection.servers[0].tls = DirectoryTls::StartTls;
        let error = read_from(&connection, &terms()).unwrap_err();
        assert_eq!(error.stage, Stage::Tls);
        error.fault
    };
    assert_eq!(start_tls(|id| result(id, 0x78, 2, b"<script>")), ReadFault::StartTlsRefused);
    assert_eq!(start_tls(|id| result(id, 0x61, 0, b"")), ReadFault::WrongAnswer);
    let behind = |id| [result(id, 0x78, 0, b""), result(id + 1, 0x61, 0, b"")].concat();
    assert_eq!(start_tls(behind), ReadFault::StartTlsInjection);
    assert_eq!(start_tls(|id| [result(id, 0x78, 0, b""), b"\x30".to_vec()].concat()), ReadFault::StartTlsInjection);
    assert_eq!(start_tls(|_| b"500 <script>\r\n".to_vec()), ReadFault::Protocol(BerFault::NotAMessage));
}

#[test]
fn l02_references_are_counted_and_no_more() {
    let address = serve(|request| {
        is_of_tree(request).then(|| {
            let references = reference(request.id, "ldap://127.0.0.1:1/\x1b[2J<script>").repeat(50_000);
            Do::Send([references, person(request.id, 1), done(request.id, 0, None)].concat())
        })
    });
    let read = read_from(&plain(address), &terms()).unwrap();
    assert_eq!((read.entries, read.references, read.reference_urls.len()), (1, 50_000, 20));
    assert!(!read.reference_urls[0].contains('\x1b'));
}

#[test]
fn l12_names_in_any_letters() {
    let address = serve(|request| {
        is_of_tree(request).then(|| {
            let person = entry(request.id, "cn=Łukasz Ångström,ou=Ünï", &[("mail", &["łukasz@example.test"])]);
            Do::Send([person, done(request.id, 0, Some(b""))].concat())
        })
    });
    let read = read_from(&plain(address), &terms()).unwrap();
    assert_eq!(read.rows[0].place.to_string(), "cn=Łukasz Ångström,ou=Ünï");
    assert_eq!(read.rows[0].local.as_str(), "łukasz");
}
