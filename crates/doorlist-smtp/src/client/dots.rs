//! Dot-stuffing of a message's body (RFC 5321 §4.5.2). Expects CRLF line ends only, as they were normalized on
//! reception.

use memchr::memmem::Finder;
use std::sync::LazyLock;

static LINE_WITH_DOT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n."));

/// Doubles the dot in front of each line that begins with one, over any number of pieces.
#[derive(Clone, Copy, Debug, Default)]
pub struct DotStuffer {
    tail: Tail,
}

/// How the body so far ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tail {
    /// Nothing yet, or after a CRLF: a dot here begins a line.
    #[default]
    LineStart,
    /// After the CR of a CRLF that may follow.
    Cr,
    Within,
}

impl DotStuffer {
    /// Appends the next piece of the body to `out`.
    pub fn push(&mut self, mut piece: &[u8], out: &mut Vec<u8>) {
        if self.tail == Tail::Cr && piece.first() == Some(&b'\n') {
            out.push(b'\n');
            piece = &piece[1..];
            self.tail = Tail::LineStart;
        }
        if piece.is_empty() {
            return;
        }
        if self.tail == Tail::LineStart && piece.first() == Some(&b'.') {
            out.push(b'.');
        }
        self.tail = match piece {
            [.., b'\r', b'\n'] => Tail::LineStart,
            [.., b'\r'] => Tail::Cr,
            _ => Tail::Within,
        };
        out.reserve(piece.len());
        while let Some(at) = LINE_WITH_DOT.find(piece) {
            let (lines, rest) = piece.split_at(at + 3);
            out.extend_from_slice(lines);
            out.push(b'.');
            piece = rest;
        }
        out.extend_from_slice(piece);
    }

    /// Appends the end of data, after a CRLF if the body lacks its last one.
    pub fn finish(self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.tail {
            Tail::LineStart => b".\r\n",
            Tail::Cr => b"\n.\r\n",
            Tail::Within => b"\r\n.\r\n",
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stuffed(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut stuffer, mut out) = (DotStuffer::default(), Vec::new());
        pieces.iter().for_each(|piece| stuffer.push(piece, &mut out));
        stuffer.finish(&mut out);
        out
    }

    /// The slow way, line by line.
    fn reference(body: &str) -> Vec<u8> {
        let mut out = String::new();
        for line in body.split_inclusive("\r\n") {
            out.push_str(if line.starts_with('.') { "." } else { "" });
            out.push_str(line);
        }
        if !out.is_empty() && !out.ends_with("\r\n") {
            out.push_str("\r\n");
        }
        (out + ".\r\n").into_bytes()
    }

    #[test]
    fn dots_at_line_starts_are_doubled() {
        for (body, wire) in [
            ("", ".\r\n"),
            (".", "..\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a\r\n.\r\n.b\r\n", "a\r\n..\r\n..b\r\n.\r\n"),
            ("a.b\r\n", "a.b\r\n.\r\n"),
            ("no end", "no end\r\n.\r\n"),
        ] {
            assert_eq!(stuffed(&[body.as_bytes()]), wire.as_bytes(), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn any_split_gives_what_the_slow_way_gives(
            lines in proptest::collection::vec("[.a]{0,4}", 0..8), last in "[.a]{0,3}",
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        ) {
            let body = lines.iter().map(|line| format!("{line}\r\n")).collect::<String>() + &last;
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
            at.extend([0, body.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|w| &body.as_bytes()[w[0]..w[1]]).collect();
            prop_assert_eq!(stuffed(&pieces), reference(&body));
        }
    }
}
