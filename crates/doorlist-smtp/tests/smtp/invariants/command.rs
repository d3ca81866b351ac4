//! Paths: the parts make up the whole, an address that is printed and sent again is the same address.

use super::segments;
use doorlist_core::policy::Recipient;
use doorlist_smtp::command::{self, MailFrom, PATH_MAX, RcptTo};

pub fn check(input: &[u8]) {
    let (choice, line) = segments::choice(input);
    let smtp_utf8 = choice & 1 != 0;
    let (_verb, arguments) = command::split(line);
    assert!(line.ends_with(arguments));
    if let Ok(rcpt) = RcptTo::parse(arguments, smtp_utf8) {
        check_rcpt(rcpt, smtp_utf8);
    }
    if let Ok(mail) = MailFrom::parse(arguments) {
        assert!(mail.path.len() <= PATH_MAX);
        assert!(!mail.path.iter().any(u8::is_ascii_control));
        let behind: &[u8] = if mail.smtp_utf8 { b"> SMTPUTF8" } else { b">" };
        let again = [b"FROM:<", mail.path, behind].concat();
        assert_eq!(MailFrom::parse(&again).map(|again| again.path), Ok(mail.path));
    }
    if let Ok(name) = command::helo_name(arguments) {
        assert!(!name.is_empty() && !name.iter().any(u8::is_ascii_control));
    }
}

fn check_rcpt(rcpt: RcptTo<'_>, smtp_utf8: bool) {
    let at: &[u8] = if rcpt.domain.is_empty() { b"" } else { b"@" };
    assert_eq!(rcpt.path, [rcpt.local, at, rcpt.domain].concat());
    assert!(!rcpt.local.is_empty() && rcpt.path.len() <= PATH_MAX);
    assert!(!rcpt.path.iter().any(u8::is_ascii_control));
    // RFC 5321 §4.1.3: only an address literal may hold one.
    assert!(rcpt.domain.starts_with(b"[") || !rcpt.domain.contains(&b'@'));
    assert!(rcpt.path.is_ascii() || (smtp_utf8 && std::str::from_utf8(rcpt.path).is_ok()));

    let again = [b"TO:<", rcpt.path, b">"].concat();
    assert_eq!(RcptTo::parse(&again, smtp_utf8), Ok(RcptTo { source_route: false, ..rcpt }));

    if let Ok(Recipient::Address(address)) = Recipient::from_path(rcpt.local, rcpt.domain, rcpt.source_route) {
        let printed = address.to_string();
        if printed.len() <= PATH_MAX {
            let line = format!("TO:<{printed}>");
            let parsed = RcptTo::parse(line.as_bytes(), true).expect("a canonical address is a path");
            let same = Recipient::from_path(parsed.local, parsed.domain, false);
            assert_eq!(same, Ok(Recipient::Address(address)));
        }
    }
}
