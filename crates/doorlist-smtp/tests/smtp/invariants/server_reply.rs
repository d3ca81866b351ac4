//! The client's reading of any server: the same replies for any segmentation, printable, and commands that are lines.

use super::segments;
use doorlist_smtp::client::{Opening, OpeningStep, ReplyError, ReplyParser, ServerReply, TlsUse};

pub fn check(input: &[u8]) {
    let (choice, bytes) = segments::choice(input);
    let (replies, error) = read([bytes]);
    assert_eq!((&replies, &error), by_ref(&read(segments::bytewise(bytes))), "byte by byte");
    assert_eq!((&replies, &error), by_ref(&read(segments::pieces(choice, bytes))), "in pieces");
    for reply in &replies {
        assert!((200..=599).contains(&reply.code()));
        assert!(!reply.to_string().chars().any(char::is_control), "{reply}");
        assert!(reply.enhanced().is_none_or(|_| reply.status().to_string().starts_with(['2', '4', '5'])));
    }
    let tls = [TlsUse::Never, TlsUse::WhenOffered, TlsUse::Always][usize::from(choice % 3)];
    open(tls, replies);
}

fn by_ref(read: &(Vec<ServerReply>, Option<ReplyError>)) -> (&Vec<ServerReply>, &Option<ReplyError>) {
    (&read.0, &read.1)
}

fn read<'a>(segments: impl IntoIterator<Item = &'a [u8]>) -> (Vec<ServerReply>, Option<ReplyError>) {
    let mut parser = ReplyParser::default();
    let mut replies = Vec::new();
    for segment in segments {
        let mut input = segment;
        loop {
            match parser.next(&mut input) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
        assert!(input.is_empty());
    }
    (replies, None)
}

/// Whatever a server answers, what we say is whole lines, and encryption that is required is never done without.
fn open(tls: TlsUse, replies: Vec<ServerReply>) {
    let mut opening = Opening::new("gw.example.test", tls, true);
    let mut encrypted = false;
    for reply in replies {
        let mut out = Vec::new();
        let step = opening.reply(reply, &mut out);
        let lines = out.strip_suffix(b"\r\n");
        assert!(out.is_empty() || lines.is_some_and(|lines| !lines.iter().any(u8::is_ascii_control)));
        match step {
            OpeningStep::Continue => {}
            OpeningStep::Handshake => {
                assert!(tls != TlsUse::Never && !encrypted);
                encrypted = true;
                opening.encrypted(&mut out);
            }
            OpeningStep::Ready(_) => {
                assert!(encrypted || tls != TlsUse::Always, "ready in the clear");
                return;
            }
            OpeningStep::Fault(_) => return,
        }
    }
}
