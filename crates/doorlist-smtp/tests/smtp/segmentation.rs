//! The same events for any segmentation: whole dialogues made at random, valid and invalid, cut at random.

use super::invariants;
use proptest::prelude::*;

/// Pieces of which dialogues are made; some fit together, most do not.
const PIECES: &[&str] = &[
    "EHLO c.example.test\r\n",
    "HELO c\r\n",
    "EHLO\r\n",
    "MAIL FROM:<s@example.test>\r\n",
    "MAIL FROM:<> SIZE=10\r\n",
    "mail from: <no@example.test> BODY=8BITMIME SMTPUTF8\r\n",
    "MAIL FROM:<s@example.test> SIZE=99999999999999999999\r\n",
    "RCPT TO:<r@example.test>\r\n",
    "RCPT TO:<no@example.test>\r\n",
    "rcpt to:<\"a b\"@example.test>\r\n",
    "RCPT TO:<@a.test,@b.test:r@example.test>\r\n",
    "RCPT TO:<r@[192.0.2.1]>\r\n",
    "RCPT TO:<é@example.test>\r\n",
    "RCPT TO:<>\r\n",
    "DATA\r\n",
    "Subject: x\r\n\r\ntext\r\n",
    ".\r\n",
    "..\r\n",
    "\r\n.\r\n",
    ".",
    "\r",
    "\n",
    "\n.\n",
    "\0",
    "\r\n",
    "x",
    "RSET\r\n",
    "NOOP\r\n",
    "NOOP\n",
    "VRFY a\r\n",
    "EXPN a\r\n",
    "HELP\r\n",
    "QUIT\r\n",
    "STARTTLS\r\n",
    "GET / HTTP/1.1\r\n",
    "\u{16}\u{3}\u{1}",
    "AUTH PLAIN\r\n",
    "BDAT 3 LAST\r\n",
    "NOOP \r x\r\n",
    "NOOP \0\r\n",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

/// A transaction that reaches DATA, so that bodies are met often enough.
const OPENING: &str = "EHLO c\r\nMAIL FROM:<s@example.test>\r\nRCPT TO:<r@example.test>\r\nDATA\r\n";

fn dialogue() -> impl Strategy<Value = Vec<u8>> {
    let pieces = proptest::collection::vec(proptest::sample::select(PIECES), 0..40);
    (any::<u8>(), any::<bool>(), pieces).prop_map(|(choice, open, pieces)| {
        let opening = if open { OPENING } else { "" };
        [&[choice], opening.as_bytes(), pieces.concat().as_bytes()].concat()
    })
}

/// Messages of those bytes that matter, dense with almost-ends.
fn message() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::sample::select(&b"\r\r\r\n\n\n...\0a"[..]), 0..40)
}

/// Header sections with much of what is looked at.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let pieces = proptest::sample::select(
        &[
            "Received: a\r\n",
            "Authentication-Results: gw.test; spf=pass\r\n",
            "x-doorlist-VERDICT : clean\r\n folded\r\n",
            "authentication-results : (c) \"GW.test\";\r\n",
            "Authentication-Results:\r\n gw.test;\r\n\tspf=pass\r\n",
            "Authentication-Results: other.test;\r\n",
            "Message-ID: <a@b>\r\n",
            "Message-ID:\r\n <c@d>\r\n",
            " fold\r\n",
            "no field\r\n",
            "\r\n",
            "\0",
            "x",
            ":",
            "\n",
        ][..],
    );
    (any::<u8>(), proptest::collection::vec(pieces, 0..16))
        .prop_map(|(choice, pieces)| [&[choice], pieces.concat().as_bytes()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn s12_a_session_does_the_same_however_its_bytes_are_cut(input in dialogue()) {
        invariants::session::check(&input);
    }

    #[test]
    fn s12_a_message_is_read_as_the_slow_reader_reads_it(choice in any::<u8>(), message in message(), ended in any::<bool>()) {
        let end: &[u8] = if ended { b"\r\n.\r\nRSET\r\n" } else { b"" };
        invariants::data_reader::check(&[&[choice], &message[..], end].concat());
    }

    #[test]
    fn a_header_section_is_read_the_same_however_it_is_cut(input in header()) {
        invariants::header_scan::check(&input);
    }

    #[test]
    fn paths_keep_their_laws(choice in any::<u8>(), path in r#"[@:,.a"\\ \[\]><é%!]{0,12}"#, word in "TO|FROM") {
        invariants::command::check(&[&[choice], format!("RCPT {word}:<{path}>").as_bytes()].concat());
    }
}
