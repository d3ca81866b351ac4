#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::super::capabilities::SizeOffer;
use super::super::reply_parser::ReplyParser;
use super::*;
use proptest::prelude::*;

const PLAIN: TransactionOffer<'static> = TransactionOffer {
    sender: "a@example.test",
    size: 10,
    eight_bit: false,
    smtp_utf8: SmtpUtf8::Unused,
    xforward: None,
    reset: false,
};

fn reply(text: &str) -> ServerReply {
    ReplyParser::default().next(&mut format!("{text}\r\n").as_bytes()).unwrap().unwrap()
}

/// Leads a transaction through a dialogue of `S: ` and `C: ` lines (`|` is a line's end, `*** body` the body).
fn lead(
    server: &Capabilities,
    offer: &TransactionOffer<'_>,
    recipients: &[&str],
    dialogue: &str,
) -> (Transaction, Step) {
    let mut out = Vec::new();
    let mut transaction = Transaction::start(server, offer, recipients.iter().copied(), &mut out).unwrap();
    let mut step = Step::Continue;
    for line in dialogue.lines().map(str::trim) {
        if let Some(client) = line.strip_prefix("C: ") {
            assert_eq!(String::from_utf8_lossy(&out).replace("\r\n", "|").trim_end_matches('|'), client);
            out.clear();
        } else if let Some(server) = line.strip_prefix("S: ") {
            step = transaction.reply(reply(server), &mut out);
        } else if line == "*** body" {
            assert_eq!(step, Step::SendBody);
        }
    }
    assert!(out.is_empty(), "said besides: {}", String::from_utf8_lossy(&out));
    (transaction, step)
}

fn results(transaction: &Transaction) -> Vec<String> {
    let shown = |index| match transaction.result(index) {
        Some((reply, command)) => format!("{reply} to {command}"),
        None => "unknown".to_owned(),
    };
    (0..transaction.refusals.len()).map(shown).collect()
}

fn pipelining() -> Capabilities {
    Capabilities { pipelining: true, size: Some(SizeOffer { limit: Some(100) }), ..Default::default() }
}

#[test]
fn pipelined_with_a_mixed_result() {
    let (transaction, step) = lead(
        &pipelining(),
        &PLAIN,
        &["b@example.test", "c@example.test", "d@example.test"],
        "C: MAIL FROM:<a@example.test> SIZE=10|RCPT TO:<b@example.test>|RCPT TO:<c@example.test>|RCPT TO:<d@example.test>|DATA
         S: 250 ok
         S: 550 5.1.1 unknown
         S: 250 ok
         S: 450 4.2.1 later
         S: 354 go
         *** body
         S: 250 2.0.0 taken",
    );
    assert_eq!(step, Step::Done { reset: false });
    assert_eq!(
        results(&transaction),
        [
            "550 5.1.1 unknown to RCPT TO command",
            "250 2.0.0 taken to end of DATA command",
            "450 4.2.1 later to RCPT TO command"
        ]
    );
}

#[test]
fn stepwise_without_pipelining() {
    let (transaction, step) = lead(
        &Capabilities::default(),
        &TransactionOffer { reset: true, ..PLAIN },
        &["b@example.test"],
        "C: RSET
         S: 250 ok
         C: MAIL FROM:<a@example.test>
         S: 250 ok
         C: RCPT TO:<b@example.test>
         S: 250 ok
         C: DATA
         S: 354 go
         *** body
         S: 451 4.3.0 disk",
    );
    assert_eq!(step, Step::Done { reset: false });
    assert_eq!(results(&transaction), ["451 4.3.0 disk to end of DATA command"]);
}

#[test]
fn stepwise_stops_where_nothing_can_follow() {
    let (transaction, step) = lead(
        &Capabilities::default(),
        &PLAIN,
        &["b@example.test"],
        "C: MAIL FROM:<a@example.test>
         S: 550 5.7.1 not you",
    );
    assert_eq!(step, Step::Done { reset: false });
    assert_eq!(results(&transaction), ["550 5.7.1 not you to MAIL FROM command"]);
    let (transaction, step) = lead(
        &Capabilities::default(),
        &PLAIN,
        &["b@example.test"],
        "C: MAIL FROM:<a@example.test>
         S: 250 ok
         C: RCPT TO:<b@example.test>
         S: 550 no",
    );
    assert_eq!(step, Step::Done { reset: true });
    assert_eq!(results(&transaction), ["550 no to RCPT TO command"]);
}

#[test]
fn data_for_nobody_is_ended_with_a_lone_dot() {
    let (transaction, step) = lead(
        &pipelining(),
        &PLAIN,
        &["b@example.test"],
        "C: MAIL FROM:<a@example.test> SIZE=10|RCPT TO:<b@example.test>|DATA
         S: 250 ok
         S: 550 5.1.1 unknown
         S: 354 go
         C: .
         S: 554 no valid recipients",
    );
    assert_eq!(step, Step::Done { reset: false });
    assert_eq!(results(&transaction), ["550 5.1.1 unknown to RCPT TO command"]);
}

#[test]
fn a_refused_sender_speaks_for_all_recipients() {
    let (transaction, step) = lead(
        &pipelining(),
        &PLAIN,
        &["b@example.test"],
        "C: MAIL FROM:<a@example.test> SIZE=10|RCPT TO:<b@example.test>|DATA
         S: 451 4.7.1 later
         S: 503 sequence
         S: 503 sequence",
    );
    assert_eq!(step, Step::Done { reset: true });
    assert_eq!(results(&transaction), ["451 4.7.1 later to MAIL FROM command"]);
}

#[test]
fn a_421_at_any_stage_is_the_result_of_all_that_are_not_refused_yet() {
    let stages = ["S: 250 ok", "S: 550 no", "S: 250 ok", "S: 354 go"];
    let commands = ["MAIL FROM", "RCPT TO", "RCPT TO", "DATA", "end of DATA"];
    for (before, command) in commands.iter().enumerate() {
        let dialogue = format!(
            "C: MAIL FROM:<a@example.test> SIZE=10|RCPT TO:<b@example.test>|RCPT TO:<c@example.test>|DATA\n{}\nS: 421 bye",
            stages[..before].join("\n")
        );
        let (transaction, step) = lead(&pipelining(), &PLAIN, &["b@example.test", "c@example.test"], &dialogue);
        assert_eq!(step, Step::Broken);
        let first =
            if before < 2 { format!("421 bye to {command} command") } else { "550 no to RCPT TO command".into() };
        assert_eq!(results(&transaction), [first, format!("421 bye to {command} command")]);
    }
}

#[test]
fn data_answered_with_a_2xx_breaks_the_connection() {
    let (transaction, step) = lead(
        &pipelining(),
        &PLAIN,
        &["b@example.test"],
        "C: MAIL FROM:<a@example.test> SIZE=10|RCPT TO:<b@example.test>|DATA
         S: 250 ok
         S: 250 ok
         S: 250 what",
    );
    assert_eq!((step, results(&transaction)), (Step::Broken, vec!["unknown".to_owned()]));
}

#[test]
fn parameters_are_sent_where_they_are_offered() {
    let offers =
        |eight_bit_mime, smtp_utf8| Capabilities { pipelining: true, eight_bit_mime, smtp_utf8, ..Default::default() };
    for (server, smtp_utf8, parameters) in [
        (offers(true, true), SmtpUtf8::Required, " BODY=8BITMIME SMTPUTF8"),
        (offers(true, true), SmtpUtf8::Preferred, " BODY=8BITMIME SMTPUTF8"),
        (offers(true, true), SmtpUtf8::Unused, " BODY=8BITMIME"),
        (offers(true, false), SmtpUtf8::Preferred, " BODY=8BITMIME"),
        (offers(false, false), SmtpUtf8::Preferred, ""),
    ] {
        let offer = TransactionOffer { eight_bit: true, smtp_utf8, ..PLAIN };
        let mut out = Vec::new();
        Transaction::start(&server, &offer, ["b@example.test"].into_iter(), &mut out).unwrap();
        let sent = String::from_utf8(out).unwrap();
        assert_eq!(sent.lines().next().unwrap(), format!("MAIL FROM:<a@example.test>{parameters}"));
    }
}

#[test]
fn what_cannot_be_sent_leaves_no_trace_on_the_wire() {
    for (offer, recipient, why) in [
        (TransactionOffer { smtp_utf8: SmtpUtf8::Required, ..PLAIN }, "b@example.test", Unsendable::SmtpUtf8),
        (TransactionOffer { size: 101, ..PLAIN }, "b@example.test", Unsendable::TooLarge { size: 101, limit: 100 }),
        (TransactionOffer { sender: "a\r\nDATA", ..PLAIN }, "b@example.test", Unsendable::Path),
        (PLAIN, "b@example.test>\r\nRCPT TO:<c@example.test", Unsendable::Path),
    ] {
        let mut out = Vec::new();
        let fault = Transaction::start(&pipelining(), &offer, [recipient].into_iter(), &mut out).unwrap_err();
        assert_eq!((fault, out.len()), (why, 0));
    }
}

#[test]
fn xforward_goes_in_front_and_its_refusal_is_no_refusal_of_the_mail() {
    let mut server = pipelining();
    server.xforward = crate::client::XForwardAttributes::from_words(["HELO"].into_iter());
    let client = XForward { helo: "mail.example.test", ..Default::default() };
    let (transaction, step) = lead(
        &server,
        &TransactionOffer { xforward: Some(client), ..PLAIN },
        &["b@example.test"],
        "C: XFORWARD HELO=mail.example.test|MAIL FROM:<a@example.test> SIZE=10|RCPT TO:<b@example.test>|DATA
         S: 550 insufficient authorization
         S: 250 ok
         S: 250 ok
         S: 354 go
         *** body
         S: 250 taken",
    );
    assert_eq!(step, Step::Done { reset: false });
    assert_eq!(results(&transaction), ["250 taken to end of DATA command"]);
}

proptest! {
    /// Whatever a server answers, the transaction ends after at most one reply for each command, and nobody counts as
    /// served whose RCPT was not accepted.
    #[test]
    fn any_replies_lead_to_an_end(codes in proptest::collection::vec(200u16..600, 16), pipelining: bool, count in 1usize..5) {
        let server = Capabilities { pipelining, ..Default::default() };
        let recipients: Vec<String> = (0..count).map(|n| format!("r{n}@example.test")).collect();
        let mut out = Vec::new();
        let mut transaction =
            Transaction::start(&server, &PLAIN, recipients.iter().map(String::as_str), &mut out).unwrap();
        let (mut step, mut used) = (Step::Continue, 0);
        while matches!(step, Step::Continue | Step::SendBody) {
            step = transaction.reply(reply(&codes[used].to_string()), &mut out);
            used += 1;
        }
        prop_assert!(used <= count + 3);
        for index in 0..count {
            let delivered = transaction.result(index).is_some_and(|(reply, _)| reply.is_positive());
            let accepted = used > index + 1 && codes[0] / 100 == 2 && codes[index + 1] / 100 == 2;
            prop_assert!(!delivered || accepted, "recipient {} of {:?}", index, &codes[..used]);
        }
    }
}
