//! Plays scripts. A script has a client's lines (`C`, ended by CRLF; `\0`, `\n`, `\r` and `\xHH` mean what they mean in
//! Rust) and, below each, the beginning of everything that happens (`S`).
//!
//! The owner of the session accepts everybody whose path does not begin with `no`.

use super::invariants::session::{Item, run};
use doorlist_smtp::server::SessionConfig;
use std::fmt::Write;

/// Plays a script in one segment and in segments of one byte.
pub(super) fn play(config: SessionConfig, script: &str) {
    let (mut wire, mut expected) = (Vec::new(), Vec::new());
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_at(1) {
            ("C", text) => {
                wire.extend(unescape(text.strip_prefix(' ').unwrap_or(text)));
                wire.extend(b"\r\n");
            }
            ("S", text) => expected.push(text.trim().to_owned()),
            _ => panic!("neither C nor S: {line}"),
        }
    }
    for segment_len in [wire.len(), 1] {
        let items = run(config, wire.chunks(segment_len), false);
        let found: Vec<String> = items.iter().map(show).collect();
        let matches = found.len() == expected.len() && found.iter().zip(&expected).all(|(f, e)| f.starts_with(&**e));
        assert!(matches, "script:\n{script}\nfound, in segments of {segment_len}:\n{}", found.join("\n"));
    }
}

/// The same with the default limits.
pub(super) fn play_default(script: &str) {
    play(SessionConfig::default(), script);
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend(before.bytes());
        let (code, len) = match after.as_bytes()[0] {
            b'0' => (0, 1),
            b'n' => (b'\n', 1),
            b'r' => (b'\r', 1),
            b'x' => (u8::from_str_radix(&after[1..3], 16).unwrap(), 3),
            _ => (b'\\', 0),
        };
        bytes.push(code);
        rest = &after[len..];
    }
    bytes.extend(rest.bytes());
    bytes
}

fn show(item: &Item) -> String {
    match item {
        Item::Reply(reply) => reply.to_string(),
        Item::Close(reply) => format!("{reply} (closed)"),
        Item::Hello(extended, name) => {
            format!("{} {}", if *extended { "ehlo" } else { "helo" }, name.escape_ascii())
        }
        Item::Mail(path, size, eight_bit, smtp_utf8) => {
            let mut text = format!("mail <{}>", path.escape_ascii());
            if let Some(size) = size {
                write!(text, " size={size}").unwrap();
            }
            text + if *eight_bit { " 8bit" } else { "" } + if *smtp_utf8 { " utf8" } else { "" }
        }
        Item::Rcpt(path) => format!("rcpt <{}>", path.escape_ascii()),
        Item::Data => "data".into(),
        Item::Message(end, body) => format!("message {end:?} {}", body.escape_ascii()),
        Item::StartTls => "starttls".into(),
        Item::Reset => "reset".into(),
        Item::Quit => "quit".into(),
    }
}
