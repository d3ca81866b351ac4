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
