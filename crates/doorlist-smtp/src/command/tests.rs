#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

#[test]
fn verbs_are_words_in_any_case() {
    for (line, verb, arguments) in [
        ("MAIL FROM:<>", Verb::Mail, " FROM:<>"),
        ("rcpt\tTO:<>", Verb::Rcpt, "\tTO:<>"),
        ("eHlO c", Verb::Ehlo, " c"),
        ("DATA", Verb::Data, ""),
        ("starttls ", Verb::StartTls, " "),
        ("xforward NAME=x", Verb::NotImplemented, " NAME=x"),
        ("Get / HTTP/1.1", Verb::Http, " / HTTP/1.1"),
        ("GET", Verb::Unknown, ""),
        ("STARTTLSX", Verb::Unknown, ""),
        ("MAIL:", Verb::Unknown, ""),
        (" NOOP", Verb::Unknown, " NOOP"),
        ("", Verb::Unknown, ""),
    ] {
        assert_eq!(split(line.as_bytes()), (verb, arguments.as_bytes()), "{line:?}");
    }
}

#[test]
fn a_path_is_taken_apart_where_its_parts_meet() {
    for (path, local, domain, source_route) in [
        ("a@b.test", "a", "b.test", false),
        ("@x.test:a@b.test", "a", "b.test", true),
        ("@x.test,@[IPv6:::1]:a@b.test", "a", "b.test", true),
        ("a@b.test@c.test", "a@b.test", "c.test", false),
        (r#""a@b>"@c.test"#, r#""a@b>""#, "c.test", false),
        (r#""a\"@b"@c.test"#, r#""a\"@b""#, "c.test", false),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]", false),
        ("postmaster", "postmaster", "", false),
    ] {
        let line = format!(" To: <{path}> ");
        let rcpt = RcptTo::parse(line.as_bytes(), false).unwrap();
        let written = path.split_once(':').filter(|_| source_route).map_or(path, |_| "a@b.test");
        let expected =
            RcptTo { path: written.as_bytes(), local: local.as_bytes(), domain: domain.as_bytes(), source_route };
        assert_eq!(rcpt, expected, "{path}");
    }
}

#[test]
fn a_path_may_stand_without_brackets() {
    for (arguments, local, domain) in [
        ("To:a@b.test", "a", "b.test"),
        ("TO: \t a@b.test ", "a", "b.test"),
        ("TO:\"a b>\"@b.test", "\"a b>\"", "b.test"),
        ("TO:a@b@c.test", "a@b", "c.test"),
        ("TO:a@[192.0.2.1]", "a", "[192.0.2.1]"),
        ("TO:postmaster", "postmaster", ""),
    ] {
        let rcpt = RcptTo::parse(arguments.as_bytes(), false).unwrap();
        assert_eq!((rcpt.local, rcpt.domain), (local.as_bytes(), domain.as_bytes()), "{arguments}");
        assert!(!rcpt.source_route);
        let (_, written) = arguments.split_once(':').unwrap();
        assert_eq!(rcpt.path, written.trim().as_bytes());
    }
    let mail = MailFrom::parse(b"FROM: a@b.test SIZE=7 BODY=8BITMIME").unwrap();
    assert_eq!((mail.path, mail.size, mail.eight_bit), (&b"a@b.test"[..], Some(7), true));
    let longest = format!("{}@b.test", "x".repeat(PATH_MAX - "@b.test".len()));
    assert!(RcptTo::parse(format!("TO:{longest}").as_bytes(), false).is_ok());
    for (arguments, reply) in [
        ("TO:", Reply::BadArguments),
        ("TO:a", Reply::BadRecipientSyntax),
        ("TO:a@b.test>", Reply::BadRecipientSyntax),
        ("TO:a@", Reply::BadRecipientSyntax),
        ("TO:@x.test:a@b.test", Reply::BadRecipientSyntax),
        ("TO:a@b.test,c@b.test", Reply::BadRecipientSyntax),
        ("TO:\"a@b.test", Reply::BadRecipientSyntax),
        (&format!("TO:x{longest}"), Reply::BadRecipientSyntax),
    ] {
        assert_eq!(RcptTo::parse(arguments.as_bytes(), false), Err(reply), "{arguments}");
    }
}

#[test]
fn a_helo_name_is_what_is_printable() {
    let longest = "x".repeat(HELO_NAME_MAX);
    for name in ["c.example.test", "[192.0.2.1]", "[IPv6:::1]", "under_score", "x", "two words", "caf\u{e9}", &longest]
    {
        assert_eq!(helo_name(format!(" {name} ").as_bytes()), Ok(name.as_bytes()));
    }
    assert_eq!(helo_name(b" \xff\xfe"), Ok(&b"\xff\xfe"[..]));
    let too_long = "x".repeat(HELO_NAME_MAX + 1);
    for name in ["", " ", "a\tb", "a\u{7f}", "\u{1b}[31mred", &too_long] {
        assert_eq!(helo_name(name.as_bytes()), Err(Reply::BadArguments), "{name:?}");
    }
}
