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
fn a_helo_name_is_one_printable_word() {
    for name in ["c.example.test", "[192.0.2.1]", "[IPv6:::1]", "under_score", "x"] {
        assert_eq!(helo_name(format!(" {name} ").as_bytes()), Ok(name.as_bytes()));
    }
    let too_long = "x".repeat(HELO_NAME_MAX + 1);
    for name in ["", " ", "two words", "caf\u{e9}", "a\u{7f}", &too_long] {
        assert_eq!(helo_name(name.as_bytes()), Err(Reply::BadArguments), "{name:?}");
    }
}
