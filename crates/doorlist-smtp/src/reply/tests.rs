#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use doorlist_core::list::Match;
use doorlist_core::policy::Verdict;
use std::collections::HashSet;

#[test]
fn every_line_is_one_whole_ascii_line_that_matches_its_parts() {
    for &reply in Reply::ALL {
        let line = std::str::from_utf8(reply.line()).unwrap();
        assert_eq!(line, format!("{reply}\r\n"));
        assert_eq!(line, format!("{}\r\n", reply.as_str()));
        assert!(line.len() <= 512, "{line}");
        assert!(line.trim_end().bytes().all(|b| (b' '..=b'~').contains(&b)), "{line:?}");
    }
}

#[test]
fn enhanced_codes_are_of_the_class_of_their_reply() {
    for &reply in Reply::ALL {
        match reply.enhanced() {
            Some(enhanced) => assert_eq!(u16::from(enhanced.class), reply.code() / 100, "{reply}"),
            None => assert_eq!(reply.code(), 354, "{reply} needs an enhanced code"),
        }
    }
}

#[test]
fn no_reply_stands_twice() {
    let lines: HashSet<_> = Reply::ALL.iter().map(|reply| reply.line()).collect();
    assert_eq!(lines.len(), Reply::ALL.len());
}

#[test]
fn enhanced_codes_print_as_they_parse() {
    for text in ["2.0.0", "4.7.0", "5.1.10", "5.999.999"] {
        assert_eq!(EnhancedCode::parse(text.as_bytes()).unwrap().to_string(), text);
    }
    for text in ["", "5", "5.1", "5.1.", "5..1", "3.0.0", "5.1.1 ", "5.1.1000", "5.a.1", "05.1.1"] {
        assert_eq!(EnhancedCode::parse(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn ehlo_offers_starttls_only_outside_tls() {
    let mut out = Vec::new();
    ehlo("gw.example.test", &Extensions { size_max: 52_428_800, tls: true }, &mut out);
    let expected = "250-gw.example.test\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-STARTTLS\r\n\
                    250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);

    let mut out = Vec::new();
    ehlo("gw.example.test", &Extensions { size_max: 1, tls: false }, &mut out);
    assert!(!String::from_utf8(out).unwrap().contains("STARTTLS"));
}

#[test]
fn lines_with_a_name_in_them() {
    let mut out = Vec::new();
    greeting("gw.example.test", &mut out);
    hello("gw.example.test", &mut out);
    queued("0F3KZ", &mut out);
    let expected = "220 gw.example.test ESMTP Doorlist\r\n250 gw.example.test\r\n250 2.0.0 Ok: queued as 0F3KZ\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

/// What the documentation promises for every reason, in its own words.
#[test]
fn recipients_are_answered_as_documented() {
    for (reason, answer) in [
        (Reason::Listed, "250 2.1.5"),
        (Reason::SubAddress, "250 2.1.5"),
        (Reason::System, "250 2.1.5"),
        (Reason::SwitchedOff, "550 5.2.1"),
        (Reason::Vetoed, "550 5.1.1"),
        (Reason::Unlisted, "550 5.1.1"),
        (Reason::UnlistedSoft, "450 4.1.1"),
        (Reason::Undecided, "451 4.1.1"),
        (Reason::DomainInactive, "550 5.1.2"),
        (Reason::RelayDenied, "550 5.7.1"),
        (Reason::SourceFlagged, "451 4.7.1"),
        (Reason::UnderAttack, "451 4.7.1"),
    ] {
        // The reason alone decides; the rest of a decision explains it.
        let verdict = Verdict::Accept;
        let decision = Decision { verdict, reason, matched: Match::Unlisted, domain: None, in_enforce: verdict };
        assert!(Reply::to_rcpt(&decision).to_string().starts_with(answer), "{reason:?}");
    }
}
