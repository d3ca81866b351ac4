//! Against servers that hang up, lie, flood and keep silent.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::canned::{Act, Canned, TIMES, answer, pushed, secret, settings, whole_request};
use super::*;
use doorlist_actions::{PushItem, PushReport};
use doorlist_core::shrink_guard::OperationLimits;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

const DONE: &str = r#"{"done":{"answer":"discarded","with":7}}"#;
const PLAN: &str = r#"{"action":"plan_discard","id":7}"#;

async fn ask(canned: &Canned, times: RemoteTimeouts) -> Result<Response, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let remote = Remote::open(&settings(folder.path(), canned.url()), times).unwrap();
    remote.command(&serde_json::from_str(PLAN).unwrap()).await
}

#[track_caller]
fn failed(answered: Result<Response, Failure>, exit: Exit, word: &str) {
    let failure = answered.unwrap_err();
    let why = format!("{:#}", failure.error);
    assert_eq!(failure.exit, exit, "{why}");
    assert!(why.contains(word), "{word:?} is not in {why:?}");
    assert!(!why.contains("s3cret"), "{why}");
}

#[tokio::test]
async fn a_command_travels_as_over_the_control_socket() {
    let canned = Canned::start(vec![answer(200, "", DONE)]);
    assert_eq!(ask(&canned, TIMES).await.unwrap(), serde_json::from_str(&DONE[8..DONE.len() - 1]).unwrap());
    let heard = canned.end().remove(0);
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /api/v1/command/ HTTP/1.1\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    for line in
        ["authorization: apikey agent@example.test:s3cret", "content-type: application/json", "host: 127.0.0.1:"]
    {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert_eq!(body, PLAN);
}

#[tokio::test]
async fn what_the_office_refuses_is_told_as_here() {
    for (status, kind, exit) in
        [(400, "usage", 64), (404, "not_found", 3), (409, "refused", 1), (409, "unconfirmed", 4)]
    {
        let body = format!(r#"{{"failed":{{"kind":"{kind}","message":"plan 7 is no more"}}}}"#);
        let canned = Canned::start(vec![answer(status, "", &body)]);
        failed(ask(&canned, TIMES).await, Exit::of_action(exit), "plan 7 is no more");
    }
    // Not asked again: on the machine itself it would not be, either.
    let busy = answer(503, "Retry-After: 0\r\n", r#"{"failed":{"kind":"store","message":"the store is away"}}"#);
    let canned = Canned::start(vec![busy]);
    failed(ask(&canned, TIMES).await, Exit::of_action(75), "the store is away");
    assert_eq!(canned.end().len(), 1);
}

#[tokio::test]
async fn other_answers_are_explained() {
    for (status, headers, body, exit, word) in [
        (401, "", "", Exit::NO_PERMISSION, "rejected the key"),
        (403, "", "", Exit::NO_PERMISSION, "does not allow this command"),
        (404, "", "<html>", Exit::UNAVAILABLE, "it is not a Doorlist"),
        (403, "", r#"{"error":"not yours"}"#, Exit::NO_PERMISSION, "nothing was done. Its answer: not yours"),
        (408, "", "too slow\n", Exit::LATER, "slower than 64 KiB per second; nothing was done: split the file"),
        (
            413,
            "",
            "",
            Exit::of_action(65),
            "at most 64 MiB, a proxy in front of it perhaps less; nothing was done: split",
        ),
        (429, "Retry-After: 3600\r\n", "", Exit::LATER, "try again in 3600 s"),
        (
            400,
            "",
            r#"{"error":"the body is no JSON"}"#,
            Exit::FAILURE,
            "status 400); nothing was done. Its answer: the body",
        ),
        (400, "", r#"{"error":{"of":["another shape"]}}"#, Exit::FAILURE, "nothing was done"),
        (503, "", "", Exit::LATER, "try again later"),
        (500, "", r#"{"error_message":"x"}"#, Exit::LATER, "the command may have been executed"),
        (418, "", "", Exit::FAILURE, "status 418"),
        (301, "Location: http://127.0.0.1:1/\r\n", "", Exit::CONFIG, "not followed"),
        (307, "Location: http://127.0.0.1:1/\r\n", DONE, Exit::CONFIG, "not followed"),
        (200, "", "<html>", Exit::UNAVAILABLE, "an answer that this version does not understand"),
        (
            200,
            "",
            r#"{"done":{"answer":"something new","with":1}}"#,
            Exit::UNAVAILABLE,
            "that this version does not understand",
        ),
        (200, "", r#"{"done":{"answer""#, Exit::UNAVAILABLE, "the command may have been executed"),
        (409, "", DONE, Exit::FAILURE, "status 409"),
    ] {
        let canned = Canned::start(vec![answer(status, headers, body)]);
        failed(ask(&canned, TIMES).await, exit, word);
        assert_eq!(canned.end().len(), 1, "{status}: asked once");
    }
}

/// Whatever stands there: it reaches a terminal as text, and has an end.
#[tokio::test]
async fn what_the_other_side_says_is_shown_as_text() {
    let long = "x".repeat(100_000);
    for (status, body) in [
        (403, r#"{"error":"\u001b]0;a\u0007\u009bB@@"}"#.replace("@@", &long)),
        (500, r#"{"error_message":"\u001b]0;a\u0007\u009bB@@"}"#.replace("@@", &long)),
        (400, r#"{"failed":{"kind":"data","message":"\u001b]0;a\u0007\u009bB@@"}}"#.replace("@@", &long)),
    ] {
        let canned = Canned::start(vec![answer(status, "", &body)]);
        let why = format!("{:#}", ask(&canned, TIMES).await.unwrap_err().error);
        assert!(why.contains(r"\u{1b}]0;a\u{7}\u{9b}Bxxx") && !why.contains(char::is_control), "{status}: {why}");
        assert!(why.len() < 1_500, "{status}: {}", why.len());
    }
}

/// Before anything is sent.
#[tokio::test]
async fn what_is_more_than_the_api_takes_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = Canned::start(Vec::new());
    let remote = Remote::open(&settings(folder.path(), nobody.url()), TIMES).unwrap();
    let import = |octets| {
        Box::new(doorlist_actions::ImportFile {
            domain: "example.test".parse().unwrap(),
            source: None,
            name: None,
            file: vec![b'x'; octets].into(),
            format: None,
            columns: Vec::new(),
            mirror: false,
            clean: false,
            examples_max: 0,
            apply: true,
            reason: None,
        })
        .into()
    };
    let too_large = remote.command(&import(doorlist_web::LARGE_BODY_MAX)).await;
    failed(too_large, Exit::of_action(65), "accepts at most 64 MiB; nothing was done: split the file");
    nobody.thread_end();
    let small = remote.command(&import(doorlist_web::LARGE_BODY_MAX - 1024)).await;
    failed(small, Exit::UNAVAILABLE, "cannot reach");
}

/// Wherever the line is cut, a command neither seems done nor is sent twice.
#[tokio::test]
async fn a_command_that_is_cut_is_not_repeated() {
    let Act::Say(whole) = answer(200, "", DONE) else { panic!() };
    for octets in 0..whole.len() {
        let canned = Canned::start(vec![Act::Say(whole[..octets].to_vec())]);
        failed(ask(&canned, TIMES).await, Exit::LATER, "the command may have been executed");
        assert_eq!(canned.end().len(), 1, "cut after {octets}");
    }
    for octets in [0, 1, 10, 100] {
        let canned = Canned::start(vec![Act::HangUpAfter(octets)]);
        failed(ask(&canned, TIMES).await, Exit::LATER, "the command may have been executed");
        assert_eq!(canned.end().len(), 1, "cut after {octets} of the request");
    }
    // An answer without a length ends where the line does: it must be an answer nevertheless.
    let canned = Canned::start(vec![Act::Say(b"HTTP/1.1 200 X\r\n\r\n{\"done\":{\"answer\":\"dis".to_vec())]);
    failed(ask(&canned, TIMES).await, Exit::UNAVAILABLE, "the command may have been executed");
}

#[tokio::test]
async fn silence_and_floods_have_an_end() {
    let canned = Canned::start(vec![Act::KeepSilent]);
    let hasty = RemoteTimeouts { answer: Duration::from_millis(100), ..TIMES };
    failed(ask(&canned, hasty).await, Exit::LATER, "no complete answer");
    let canned = Canned::start(vec![Act::Flood(exchange::ANSWER_MAX + 1)]);
    failed(ask(&canned, TIMES).await, Exit::UNAVAILABLE, "is larger than 64 MiB");
    // It claims more than it will ever send.
    let canned = Canned::start(vec![Act::Say(b"HTTP/1.1 200 X\r\nContent-Length: 99999999999\r\n\r\n".to_vec())]);
    failed(ask(&canned, TIMES).await, Exit::LATER, "closed the connection before it answered");
}

#[tokio::test]
async fn a_command_that_was_not_taken_is_asked_again() {
    let later = answer(429, "Retry-After: 0\r\n", "");
    let canned = Canned::start(vec![later.clone(), later.clone(), answer(200, "", DONE)]);
    ask(&canned, TIMES).await.unwrap();
    assert_eq!(canned.end().len(), 3);
    let canned = Canned::start(vec![later.clone(), later.clone(), later]);
    failed(ask(&canned, TIMES).await, Exit::LATER, "because of a rate limit");
    assert_eq!(canned.end().len(), 3, "and not for ever");
    let nobody = Canned::start(Vec::new());
    let address = nobody.url();
    nobody.thread_end();
    let folder = tempfile::tempdir().unwrap();
    let remote = Remote::open(&settings(folder.path(), address), TIMES).unwrap();
    failed(remote.command(&serde_json::from_str(PLAN).unwrap()).await, Exit::UNAVAILABLE, "Nothing was done");
}

/// Pushes four accounts in parts of two.
async fn push(canned: &Canned) -> Result<(PushReport, usize), Failure> {
    let folder = tempfile::tempdir().unwrap();
    let remote = Remote::open(&settings(folder.path(), canned.url()), TIMES).unwrap();
    let items: Vec<PushItem> =
        ["ann", "bob", "cara", "dora"].map(|name| PushItem { email: name.to_owned(), ..PushItem::default() }).into();
    let push = OutgoingPush {
        domain: &"example.test".parse().unwrap(),
        items: &items,
        limits: OperationLimits::default(),
        test_run: false,
        size: PushSize { items: 2, octets: 1 << 20 },
    };
    remote.push(&push).await
}

fn taken(have: u32) -> Act {
    answer(202, "", &format!(r#"{{"have":{have},"parts":2}}"#))
}

/// The query of a request without the name of the push, which is handed back apart.
fn query(heard: &str) -> (String, String) {
    let query = heard.split([' ', '?']).nth(2).unwrap_or_default();
    let name = query.split('&').find_map(|pair| pair.strip_prefix("push=")).unwrap_or_default();
    (query.replace(name, "NAME"), name.to_owned())
}

#[tokio::test]
async fn a_push_goes_in_parts_under_one_name() {
    let canned = Canned::start(vec![taken(1), pushed(|plan| plan.applied.added = 4)]);
    let (report, parts) = push(&canned).await.unwrap();
    assert_eq!((report.plan.applied.added, parts), (4, 2));
    let heard = canned.end();
    let (first, name) = query(&heard[0]);
    assert_eq!(first, "domain=example.test&test_run=0&push=NAME&part=1&parts=2");
    assert_eq!(query(&heard[1]), ("domain=example.test&test_run=0&push=NAME&part=2&parts=2".to_owned(), name.clone()));
    assert!(name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
    assert!(heard[1].contains(r#"{"items":[{"email":"cara","aliases":[]},{"email":"dora","aliases":[]}],"limits":{"#));
    let again = Canned::start(vec![taken(1), pushed(|_| {})]);
    push(&again).await.unwrap();
    assert_ne!(query(&again.end()[0]).1, name, "the next push has another name");
}

/// A part may come again, so whatever happens to it, it is sent again; each time under the same name.
#[tokio::test]
async fn a_push_that_is_cut_goes_on() {
    let Act::Say(whole) = taken(1) else { panic!() };
    let cuts = [Act::HangUpAfter(0), Act::HangUpAfter(150), Act::Say(Vec::new()), Act::Say(whole[..30].to_vec())];
    let refusals = [500, 502, 503, 429].map(|status| answer(status, "", ""));
    for act in cuts.into_iter().chain(refusals) {
        let canned = Canned::start(vec![act.clone(), taken(1), act.clone(), pushed(|_| {})]);
        push(&canned).await.unwrap();
        let names: Vec<_> = canned.end().iter().map(|heard| query(heard).1).filter(|name| name.len() == 32).collect();
        assert!(names.windows(2).all(|two| two[0] == two[1]), "{act:?}: {names:?}");
        // And not for ever.
        let canned = Canned::start(vec![taken(1), act.clone(), act.clone(), act.clone()]);
        let failure = push(&canned).await.unwrap_err();
        assert_eq!(failure.exit, Exit::LATER, "{act:?}: {:#}", failure.error);
        assert_eq!(canned.end().len(), 4, "{act:?}");
    }
}

#[tokio::test]
async fn a_push_that_is_refused_or_forgotten_says_so() {
    for (act, exit, word) in [
        (taken(1), Exit::LATER, "has 1 of 2 parts"),
        (answer(401, "", ""), Exit::NO_PERMISSION, "rejected the key"),
        (answer(429, "Retry-After: 43200\r\n", ""), Exit::LATER, "in 43200 s"),
        (
            answer(429, "Retry-After: 43200\r\n", r#"{"error":"50 times (api.pushes_per_12h)"}"#),
            Exit::LATER,
            "in 43200 s. Its answer: 50 times (api.pushes_per_12h)",
        ),
        (answer(408, "", ""), Exit::LATER, "the list there is unchanged"),
        (answer(413, "", "<html>"), Exit::of_action(65), "raise its limit to 1 MiB"),
        (answer(302, "Location: https://a.test/\r\n", ""), Exit::CONFIG, "not followed"),
        (answer(200, "", "[]"), Exit::UNAVAILABLE, "the list there is unchanged"),
        (answer(400, "", r#"{"failed":{"kind":"data","message":"too many"}}"#), Exit::of_action(65), "too many"),
    ] {
        let canned = Canned::start(vec![taken(1), act]);
        let failure = push(&canned).await.unwrap_err();
        let why = format!("{:#}", failure.error);
        assert!(failure.exit == exit && why.contains(word), "{word}: {why}");
        assert_eq!(canned.end().len(), 2);
    }
}

#[test]
fn a_key_is_read_from_a_file_of_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let open = |settings: &RemoteSettings| match Remote::open(settings, TIMES) {
        Ok(_) => panic!("opened"),
        Err(failure) => (failure.exit, format!("{:#}", failure.error)),
    };
    let settings = settings(folder.path(), "https://a.test".to_owned());
    for text in ["s3cret", ":s3cret", "agent:", "agent:s3 cret", "agent:s3cret\nother:s3cret", "agent:s3cré\u{7}t", ""]
    {
        std::fs::write(&settings.key_file, text).unwrap();
        let (exit, why) = open(&settings);
        assert!(exit == Exit::CONFIG && why.contains("LOGIN:KEY") && !why.contains("s3c"), "{text:?}: {why}");
    }
    std::fs::write(&settings.key_file, "agent:s3cret").unwrap();
    for mode in [0o644, 0o604, 0o620, 0o666] {
        std::fs::set_permissions(&settings.key_file, std::fs::Permissions::from_mode(mode)).unwrap();
        let (exit, why) = open(&settings);
        assert!(exit == Exit::NO_PERMISSION && why.contains("chmod 600"), "{mode:o}: {why}");
    }
    std::fs::remove_file(&settings.key_file).unwrap();
    assert_eq!(open(&settings).0, Exit::NO_INPUT);
    let key = ApiKey::read(&secret(folder.path(), "key", "agent:s3cret\r\n")).unwrap();
    assert_eq!(format!("{key:?} {:?}", key.header()), "ApiKey Sensitive");
    assert_eq!(key.header(), "ApiKey agent:s3cret");
}

/// A certificate of an authority of one's own is believed when that authority is named, and not before.
#[tokio::test]
async fn certificates_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let mut stream =
                rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            // A client that does not believe it goes away.
            if whole_request(&mut stream).is_ok() {
                let Act::Say(octets) = answer(200, "", DONE) else { return };
                stream.write_all(&octets).unwrap();
                stream.conn.send_close_notify();
                stream.flush().unwrap();
            }
        }
    });
    let request: Request = serde_json::from_str(PLAN).unwrap();
    let mut settings = settings(folder.path(), format!("https://localhost:{port}"));
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, made.cert.pem()).unwrap();
    settings.ca_file = Some(authority.clone());
    Remote::open(&settings, TIMES).unwrap().command(&request).await.unwrap();
    let other_name = RemoteSettings { url: format!("https://127.0.0.1:{port}"), ..settings.clone() };
    failed(Remote::open(&other_name, TIMES).unwrap().command(&request).await, Exit::UNAVAILABLE, "not trusted");
    let other = rcgen::generate_simple_self_signed(vec!["other.test".to_owned()]).unwrap();
    std::fs::write(&authority, other.cert.pem()).unwrap();
    failed(Remote::open(&settings, TIMES).unwrap().command(&request).await, Exit::UNAVAILABLE, "--ca-file");
    std::fs::write(&authority, "no certificate").unwrap();
    assert!(Remote::open(&settings, TIMES).is_err());
}
