#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

#[test]
fn a_message_goes_through_a_session() {
    let mut session = Session::new(SessionConfig::default());
    let mut input =
        &b"EHLO c.example.test\r\nMAIL FROM:<s@example.test> SIZE=9\r\nRCPT TO:<r@example.test>\r\nDATA\r\n\
                       Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n"[..];
    assert_eq!(session.next(&mut input), Some(Event::Hello { extended: true, name: b"c.example.test" }));
    let mail = MailFrom { path: b"s@example.test", size: Some(9), eight_bit: false, smtp_utf8: false };
    assert_eq!(session.next(&mut input), Some(Event::Mail(mail)));
    session.mail_accepted();
    let rcpt = RcptTo { path: b"r@example.test", local: b"r", domain: b"example.test", source_route: false };
    assert_eq!(session.next(&mut input), Some(Event::Rcpt(rcpt)));
    session.rcpt_accepted();
    assert_eq!(session.recipients(), 1);
    assert_eq!(session.next(&mut input), Some(Event::Data));
    session.data_accepted();
    assert!(session.in_data());
    assert_eq!(session.next(&mut input), Some(Event::Body(b"Subject: x\r\n\r\n")));
    assert_eq!(session.next(&mut input), Some(Event::Body(b".dot\r\n")));
    assert_eq!(session.next(&mut input), Some(Event::EndOfData(DataEnd::Complete)));
    assert!(!session.in_transaction());
    assert_eq!(session.next(&mut input), Some(Event::Quit));
    assert_eq!(session.next(&mut input), None);
}

fn greeted(config: SessionConfig) -> Session {
    let mut session = Session::new(config);
    let mut input = &b"EHLO c.example.test\r\n"[..];
    assert!(matches!(session.next(&mut input), Some(Event::Hello { .. })));
    session
}

fn only_event<'s, 'i: 's>(session: &'s mut Session, input: &'i [u8]) -> Event<'s> {
    let mut input = input;
    let event = session.next(&mut input).expect("an event");
    assert!(input.is_empty());
    event
}

#[test]
fn s19_tls_starts_from_nothing() {
    let mut session = greeted(SessionConfig { tls_offered: true, ..SessionConfig::default() });
    assert!(matches!(only_event(&mut session, b"MAIL FROM:<s@example.test>\r\n"), Event::Mail(_)));
    session.mail_accepted();
    assert_eq!(only_event(&mut session, b"STARTTLS\r\n"), Event::StartTls);
    session.tls_started();
    assert!(!session.in_transaction());
    let mail = only_event(&mut session, b"MAIL FROM:<s@example.test>\r\n");
    assert_eq!(mail, Event::Reply(Reply::HelloFirst));
    assert!(matches!(only_event(&mut session, b"EHLO c\r\n"), Event::Hello { .. }));
    assert_eq!(only_event(&mut session, b"STARTTLS\r\n"), Event::Reply(Reply::AlreadyTls));
}

#[test]
fn s19_starttls_with_something_behind_it_ends_the_session() {
    for behind in ["NOOP\r\n", "x", "\0"] {
        let mut session = greeted(SessionConfig { tls_offered: true, ..SessionConfig::default() });
        let line = format!("STARTTLS\r\n{behind}");
        let event = only_event(&mut session, line.as_bytes());
        assert_eq!(event, Event::Close(Reply::PipelinedStartTls));
        assert_eq!(session.next(&mut &b"EHLO c\r\n"[..]), None);
    }
}

#[test]
fn s19_a_piece_of_a_line_from_before_tls_is_forgotten() {
    let mut session = greeted(SessionConfig { tls_offered: true, ..SessionConfig::default() });
    assert_eq!(only_event(&mut session, b"STARTTLS\r\n"), Event::StartTls);
    assert_eq!(session.next(&mut &b"RSET\r\nNO"[..4]), None);
    session.tls_started();
    assert!(matches!(only_event(&mut session, b"EHLO c\r\n"), Event::Hello { .. }));
}

#[test]
fn s19_what_counts_against_a_client_counts_on_inside_tls() {
    let mut session = greeted(SessionConfig { tls_offered: true, junk_max: 1, ..SessionConfig::default() });
    assert_eq!(only_event(&mut session, b"NOOP\r\n"), Event::Reply(Reply::Ok));
    session.tls_started();
    assert_eq!(only_event(&mut session, b"NOOP\r\n"), Event::Close(Reply::TooManyErrors));
}

#[test]
fn s14_what_is_kept_of_a_line_is_bounded() {
    let mut session = Session::new(SessionConfig::default());
    for _ in 0..1_000 {
        assert_eq!(session.next(&mut &[b'x'; 1_000][..]), None);
        assert!(session.lines.partial.capacity() <= 4_096);
    }
    for _ in 0..100 {
        session.next(&mut &[b'x'; 1_000][..]);
    }
    assert!(session.closed);
}

#[test]
fn s23_a_tls_record_is_seen_only_where_a_line_begins() {
    let mut session = Session::new(SessionConfig::default());
    assert_eq!(session.next(&mut &[b'x'; 3_000][..]), None);
    assert_eq!(only_event(&mut session, b"\x16\x03\r\n"), Event::Reply(Reply::LineTooLong));
    assert_eq!(session.next(&mut &b"NOOP "[..]), None);
    assert_eq!(only_event(&mut session, b"\x16\x03\r\n"), Event::Reply(Reply::Ok));
    assert_eq!(only_event(&mut session, b"\x16\x03"), Event::Close(Reply::NotSmtp));
}

#[test]
fn a_dropped_transaction_is_told_before_the_answer() {
    let mut session = greeted(SessionConfig::default());
    assert!(matches!(only_event(&mut session, b"MAIL FROM:<>\r\n"), Event::Mail(_)));
    session.mail_accepted();
    // The line comes in two segments, so that nothing is left of it in the input when the answer is due.
    assert_eq!(session.next(&mut &b"RS"[..]), None);
    let mut input = &b"ET\r\n"[..];
    assert_eq!(session.next(&mut input), Some(Event::Reset));
    assert_eq!(session.next(&mut input), Some(Event::Reply(Reply::Ok)));
    assert_eq!(session.next(&mut input), None);
}
