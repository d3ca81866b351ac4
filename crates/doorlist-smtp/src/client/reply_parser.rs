//! Parses replies (RFC 5321 §4.2), independent of segmentation. Lenient where real servers are sloppy (a lone LF, a
//! missing text), strict where guessing would be dangerous: bytes that are no reply end the connection.

use crate::reply::EnhancedCode;
use doorlist_core::visible::is_hidden;
use std::fmt;

/// Octets of one line that are kept; the rest of a longer line is dropped (RFC 5321 §4.5.3.1.5 allows 512).
pub const REPLY_LINE_KEPT_MAX: usize = 512;
/// Lines of one reply; more is a protocol error.
pub const REPLY_LINES_MAX: usize = 100;
/// Octets of one reply, kept or not; more is a protocol error.
pub const REPLY_OCTETS_MAX: usize = 64 * 1024;
/// Octets of a wrong line that an error message shows.
const SHOWN_MAX: usize = 60;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReply {
    code: u16,
    enhanced: Option<EnhancedCode>,
    text: Box<str>,
}

impl ServerReply {
    /// Three digits, 200 to 599.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced code if the server sent one of the same class, else the class alone (`5.0.0`).
    pub fn status(&self) -> EnhancedCode {
        self.enhanced.unwrap_or(EnhancedCode::new(if self.is_positive() { 2 } else { self.class() }, 0, 0))
    }

    /// The enhanced code that the server sent.
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        self.enhanced
    }

    /// The first digit of the reply code.
    pub fn class(&self) -> u8 {
        u8::try_from(self.code / 100).unwrap_or(5)
    }

    /// Whether the reply code is 2xx.
    pub fn is_positive(&self) -> bool {
        self.class() == 2
    }

    /// Whether the reply code is 5xx.
    pub fn is_permanent(&self) -> bool {
        self.class() == 5
    }

    /// 421: the server closes the connection (RFC 5321 §3.8).
    pub fn is_closing(&self) -> bool {
        self.code == 421
    }

    /// The texts of all lines, the enhanced code included; control characters are replaced.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n')
    }
}

impl fmt::Display for ServerReply {
    /// On one line, as Postfix logs it: `550 5.1.1 no such user, ask the admin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        self.lines().filter(|line| !line.is_empty()).try_for_each(|line| write!(f, " {line}"))
    }
}

/// Why received bytes are no reply. The connection is of no further use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line that does not begin with a code and a separator. It is not part of the message: what speaks there may be any
    /// service, whose words are not for everybody who reads of the error.
    #[error("protocol error: what the server said is no SMTP reply")]
    NotAReply(String),
    /// The lines of one reply disagree about its code.
    #[error("protocol error: a reply began with {first} and went on with {then}")]
    CodeChanged {
        /// Of the first line.
        first: u16,
        /// Of a later one.
        then: u16,
    },
    /// More than [`REPLY_LINES_MAX`] or [`REPLY_OCTETS_MAX`].
    #[error("protocol error: a reply of more than {REPLY_LINES_MAX} lines or {REPLY_OCTETS_MAX} octets")]
    TooLong,
}

/// Collects one reply after the other.
#[derive(Debug, Default)]
pub struct ReplyParser {
    /// The kept part of an unfinished line.
    line: Vec<u8>,
    /// Texts of the finished lines.
    text: String,
    code: Option<u16>,
    lines: usize,
    octets: usize,
}

impl ReplyParser {
    /// Takes from the front of `input` until a reply is whole; `None`: all input taken, wait for more.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<ServerReply>, ReplyError> {
        while !input.is_empty() {
            let end = memchr::memchr(b'\n', input);
            let (piece, rest) = input.split_at(end.map_or(input.len(), |at| at + 1));
            *input = rest;
            self.octets += piece.len();
            if self.octets > REPLY_OCTETS_MAX {
                return Err(ReplyError::TooLong);
            }
            let room = REPLY_LINE_KEPT_MAX.saturating_sub(self.line.len());
            self.line.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if end.is_some()
                && let Some(reply) = self.line_done()?
            {
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }

    fn line_done(&mut self) -> Result<Option<ServerReply>, ReplyError> {
        self.lines += 1;
        if self.lines > REPLY_LINES_MAX {
            return Err(ReplyError::TooLong);
        }
        let line = trim_line_end(&self.line);
        let (code, last, text) = split_line(line).ok_or_else(|| ReplyError::NotAReply(shown(line)))?;
        match self.code {
            Some(first) if first != code => return Err(ReplyError::CodeChanged { first, then: code }),
            Some(_) => self.text.push('\n'),
            None => self.code = Some(code),
        }
        push_printable(&mut self.text, text);
        self.line.clear();
        Ok(last.then(|| self.take(code)))
    }

    fn take(&mut self, code: u16) -> ServerReply {
        let text = std::mem::take(&mut self.text).into_boxed_str();
        (self.code, self.lines, self.octets) = (None, 0, 0);
        let mut reply = ServerReply { code, enhanced: None, text };
        // RFC 2034 §4: the class of the enhanced code is the first digit of the reply; another one is a server's error.
        reply.enhanced = EnhancedCode::in_front_of(&reply.text).filter(|status| status.class == reply.class());
        reply
    }
}

/// `250-text`, `250 text`, `250`: code, whether it is the last line, text.
fn split_line(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    let [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9'] = digits else { return None };
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest {
        [] => Some((code, true, rest)),
        [b' ', text @ ..] => Some((code, true, text)),
        [b'-', text @ ..] => Some((code, false, text)),
        _ => None,
    }
}

fn trim_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Appends what a log or a report may carry: UTF-8 without control characters.
fn push_printable(out: &mut String, text: &[u8]) {
    if text.iter().all(|b| (b' '..=b'~').contains(b)) {
        out.extend(text.iter().map(|&b| char::from(b)));
        return;
    }
    out.extend(String::from_utf8_lossy(text).chars().map(|c| if is_hidden(c) { '?' } else { c }));
}

fn shown(line: &[u8]) -> String {
    let mut text = String::new();
    push_printable(&mut text, line.get(..SHOWN_MAX).unwrap_or(line));
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All replies in `pieces`, and the error that ended them.
    fn parse(pieces: &[&[u8]]) -> (Vec<ServerReply>, Option<ReplyError>) {
        let (mut parser, mut replies) = (ReplyParser::default(), Vec::new());
        for piece in pieces {
            let mut input = *piece;
            loop {
                match parser.next(&mut input) {
                    Ok(Some(reply)) => replies.push(reply),
                    Ok(None) => break,
                    Err(error) => return (replies, Some(error)),
                }
            }
        }
        (replies, None)
    }

    #[test]
    fn replies_as_servers_send_them() {
        for (bytes, shown, status) in [
            ("250 2.1.0 Ok\r\n", "250 2.1.0 Ok", "2.1.0"),
            ("250\r\n", "250", "2.0.0"),
            ("250 \n", "250", "2.0.0"),
            ("354 go on\r\n", "354 go on", "3.0.0"),
            ("550-5.1.1 no such\r\n550 5.1.1 user\r\n", "550 5.1.1 no such 5.1.1 user", "5.1.1"),
            ("550 4.1.1 mixed up\r\n", "550 4.1.1 mixed up", "5.0.0"),
            ("451 a\x07b\x1b[31m\r\n", "451 a?b?[31m", "4.0.0"),
            ("220 gr\u{fc}n \r\n", "220 grün ", "2.0.0"),
        ] {
            let (replies, error) = parse(&[bytes.as_bytes()]);
            assert_eq!((replies.len(), error), (1, None), "{bytes:?}");
            assert_eq!(replies[0].to_string(), shown);
            assert_eq!(replies[0].status().to_string(), status, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for bytes in
            [&b"hello\r\n"[..], b"2500 x\r\n", b"25\r\n", b"\r\n", b"199 x\r\n", b"600 x\r\n", b"\x16\x03\x01\n"]
        {
            assert!(matches!(parse(&[bytes]).1, Some(ReplyError::NotAReply(_))), "{bytes:?}");
        }
        assert_eq!(parse(&[b"250-a\r\n251 b\r\n"]).1, Some(ReplyError::CodeChanged { first: 250, then: 251 }));
    }

    #[test]
    fn a_long_line_is_cut_and_a_long_reply_is_refused() {
        let line = format!("250 {}\r\n", "x".repeat(5000));
        let (replies, error) = parse(&[line.as_bytes(), b"250 next\r\n"]);
        assert_eq!((replies[0].to_string().len(), error), (REPLY_LINE_KEPT_MAX, None));
        assert_eq!(replies[1].to_string(), "250 next");
        assert_eq!(parse(&["250-x\r\n".repeat(101).as_bytes()]).1, Some(ReplyError::TooLong));
        assert_eq!(parse(&[&vec![b'2'; 10 << 20]]).1, Some(ReplyError::TooLong));
    }

    proptest! {
        /// The law of this module: how the network cut the bytes does not matter.
        #[test]
        fn any_split_gives_the_same(
            bytes in "(([2-5][0-9]{2}[ -]?[ -~é]{0,9}\r?\n)|([ -~]{0,6}\r?\n)){0,8}",
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
        ) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|w| &bytes.as_bytes()[w[0]..w[1]]).collect();
            prop_assert_eq!(parse(&pieces), parse(&[bytes.as_bytes()]));
        }
    }
}
