#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

const OWN: &str = "gw.example.test";

fn scan(message: &[u8]) -> (Vec<u8>, HeaderScan) {
    let mut scan = HeaderScan::new(HeaderLimits::default(), OWN.into());
    let mut out = Vec::new();
    scan.push(message, &mut out);
    scan.finish(&mut out);
    (out, scan)
}

fn verdict(message: &[u8]) -> Option<HeaderFault> {
    scan(message).1.verdict()
}

#[test]
fn s36_what_is_odd_passes_unchanged() {
    for message in [
        "From: a\r\nFrom: b\r\nDate: x\r\nDate: y\r\n\r\nbody\r\n",
        "Subject: a\r\n b\r\n\tc\r\n \r\n d\r\n\r\n",
        "From : a\r\nX-Empty:\r\n\r\n",
        "From: a\r\n>From b Mon Nov 30 04:12:00 2026\r\nno field at all\r\n\r\n",
        "From: a\r\nno empty line\r\n",
        "\r\nonly a body\r\n",
        "Subject: =?utf-8?q?a=0D=0Ab=00?=\r\n\r\n",
        "From:\u{e9} raw\r\n\r\n",
        "",
    ] {
        assert_eq!(scan(message.as_bytes()).0, message.as_bytes(), "{message:?}");
    }
    let folded = format!("Subject: a\r\n{}\r\nbody", " b\r\n".repeat(10_000));
    assert_eq!(scan(folded.as_bytes()).0, folded.as_bytes());
}

#[test]
fn no_first_line_continues_the_field_in_front_of_it() {
    for (message, expected, mbox_lines) in [
        (" begins with a fold\r\nFrom: a\r\n", "\r\n begins with a fold\r\nFrom: a\r\n", 0),
        ("\t\r\nFrom: a\r\n\r\nbody\r\n", "\r\n\t\r\nFrom: a\r\n\r\nbody\r\n", 0),
        ("no field at all\r\n\r\n", "\r\nno field at all\r\n\r\n", 0),
        ("two words: a\r\n", "\r\ntwo words: a\r\n", 0),
        (": a\r\n", "\r\n: a\r\n", 0),
        ("caf\u{e9}: a\r\n", "\r\ncaf\u{e9}: a\r\n", 0),
        ("From a@b.test Mon Nov 30 04:12:00 2026\r\nFrom: a\r\n\r\n", "From: a\r\n\r\n", 1),
        (">From a Mon Nov 30\r\n>>From b\r\nTo: c\r\n\r\nFrom d\r\n", "To: c\r\n\r\nFrom d\r\n", 2),
        ("From a Mon Nov 30 04:12:00 2026\r\n folded\r\n", "\r\n folded\r\n", 1),
        ("From a Mon Nov 30 04:12:00 2026\r\n\r\nbody\r\n", "\r\nbody\r\n", 1),
        ("From a", "", 1),
        ("Authentication-Results: gw.example.test; none\r\nno field\r\nTo: b\r\n", "\r\nno field\r\nTo: b\r\n", 0),
        ("Authentication-Results: gw.example.test; none\r\n folded\r\n\r\nbody\r\n", "\r\nbody\r\n", 0),
        ("Authentication-Results: gw.example.test; none\r\n>From a Mon\r\nTo: b\r\n", "To: b\r\n", 1),
    ] {
        let (out, scan) = scan(message.as_bytes());
        assert_eq!(
            (String::from_utf8(out).unwrap().as_str(), scan.mbox_lines()),
            (expected, mbox_lines),
            "{message:?}"
        );
    }
}

#[test]
fn s37_fields_in_our_name_are_taken_out() {
    for forged in [
        "Authentication-Results: gw.example.test; spf=pass\r\n",
        "authentication-results:GW.Example.Test\r\n",
        "Authentication-Results : gw.example.test;\r\n spf=pass;\r\n\tdkim=pass\r\n",
        "Authentication-Results:\r\n gw.example.test 1; none\r\n",
        "Authentication-Results: (a (nested\\)) comment) gw.example.test(x); none\r\n",
        "Authentication-Results: \"gw.example\\.test\"; none\r\n",
        "Authentication-Results: \"gw.example\r\n .test \"; none\r\n",
        "Authentication-Results: gw.example.test.; none\r\n",
        "Authentication-Results: (no end gw.example.test; none\r\n",
        "Authentication-Results: \"no end; none\r\n",
        "X-Doorlist-Verdict: clean\r\n",
        "x-doorlist-verdict :\r\n clean\r\n",
    ] {
        let message = format!("From: a\r\n{forged}To: b\r\n\r\n{forged}");
        let expected = format!("From: a\r\nTo: b\r\n\r\n{forged}");
        let (out, _) = scan(message.as_bytes());
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn s37_nothing_can_hide_a_forged_field() {
    for hider in ["no field\r\n", ">From x\r\n", " fold of nothing\r\n", ":\r\n"] {
        let message = format!("From: a\r\n{hider}Authentication-Results: {OWN}; spf=pass\r\n\r\n");
        assert_eq!(scan(message.as_bytes()).0, format!("From: a\r\n{hider}\r\n").into_bytes());
        // In front of all fields it begins the body, in which nobody looks for one.
        let message = format!("{hider}Authentication-Results: {OWN}; spf=pass\r\n\r\n");
        let (out, _) = scan(message.as_bytes());
        assert!(out.starts_with(b"\r\n") || !out.windows(OWN.len()).any(|it| it == OWN.as_bytes()), "{hider:?}");
    }
}

#[test]
fn others_may_say_what_they_like() {
    for field in [
        "Authentication-Results: other.example.test; spf=pass (gw.example.test)\r\n",
        "Authentication-Results: gw.example.test.evil.test; none\r\n",
        "Authentication-Results: agw.example.test; none\r\n",
        "ARC-Authentication-Results: i=1; gw.example.test; spf=pass\r\n",
        "X-Authentication-Results: gw.example.test\r\n",
        "X-Spam-Flag: NO\r\n",
        "X-Other-Verdict: clean\r\n",
        "X-Doorlist-Verdicts: many\r\n",
    ] {
        let message = format!("{field}\r\n");
        assert_eq!(scan(message.as_bytes()).0, message.as_bytes(), "{field}");
    }
}

#[test]
fn s16_a_header_section_has_256_kib() {
    let just = format!("X: {}\r\n\r\n", "a".repeat((256 << 10) - "X: \r\n\r\n".len()));
    assert_eq!(scan(just.as_bytes()).0, just.as_bytes());
    assert_eq!(verdict(format!("a{just}").as_bytes()), Some(HeaderFault::TooLarge));
    assert_eq!(verdict("X: y\r\n".repeat(50_000).as_bytes()), Some(HeaderFault::TooLarge));
    assert_eq!(verdict("endless".repeat(50_000).as_bytes()), Some(HeaderFault::TooLarge));
    assert_eq!(verdict("X: y\r\n".repeat(10_000).as_bytes()), None);
}

#[test]
fn s16_a_hostile_header_is_not_kept() {
    let mut scan = HeaderScan::new(HeaderLimits::default(), OWN.into());
    let mut out = Vec::new();
    for _ in 0..10_000 {
        scan.push(&[b'x'; 1_000], &mut out);
    }
    assert!(scan.held.len() <= 256 << 10);
    assert!(out.is_empty());
}

#[test]
fn s32_fifty_hops_and_no_more() {
    let hops = |count: usize| format!("{}\r\nReceived: in the body\r\n", "received: from a\r\n by b\r\n".repeat(count));
    assert_eq!(verdict(hops(50).as_bytes()), None);
    assert_eq!(verdict(hops(51).as_bytes()), Some(HeaderFault::TooManyHops));
    assert_eq!(verdict("Received: a\r\n".repeat(51).as_bytes()), Some(HeaderFault::TooManyHops));
}

#[test]
fn s21_a_nul_in_the_header_is_a_fault_and_in_the_body_none() {
    assert_eq!(verdict(b"Subject: a\0b\r\n\r\n"), Some(HeaderFault::Nul));
    assert_eq!(verdict(b"Subject: a\r\n\r\na\0b\r\n"), None);
}

#[test]
fn the_first_message_id_is_noted() {
    for (message, id) in [
        ("Message-ID: <1@a.test>\r\n\r\n", Some("<1@a.test>")),
        ("message-id:\r\n <1@a.test>\r\n (comment)\r\n\r\n", Some("<1@a.test>")),
        ("Message-Id: <1@a.test>\r\nMESSAGE-ID: <2@a.test>\r\n\r\n", Some("<1@a.test>")),
        ("Message-ID:\r\nMessage-ID: <2@a.test>\r\n\r\n", Some("<2@a.test>")),
        ("Message-ID: not in brackets\r\n\r\n", Some("not")),
        ("Subject: a\r\n\r\nMessage-ID: <1@a.test>\r\n", None),
        ("X-Message-ID: <1@a.test>\r\n\r\n", None),
    ] {
        assert_eq!(scan(message.as_bytes()).1.message_id(), id, "{message:?}");
    }
    let long = format!("Message-ID: <{}>\r\n\r\n", "x".repeat(MESSAGE_ID_MAX));
    assert_eq!(scan(long.as_bytes()).1.message_id(), None);
    assert_eq!(scan(b"Message-ID: <\xff>\r\n\r\n").1.message_id(), None);
}
