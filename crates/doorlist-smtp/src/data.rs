//! The message after DATA: its end, dot-unstuffing and line ends (RFC 5321 §4.1.1.4, §4.5.2).
//!
//! Only CRLF.CRLF ends a message. Sequences that another server might take for an end (a dot line framed by a bare CR
//! or LF, or padded with NULs) are remembered as a fault and rejected at the real end. What follows them is never
//! parsed as commands and never relayed.

mod end;
#[cfg(test)]
mod tests;

pub use end::DataEnd;

use memchr::memchr2;

/// Maximum octets of a body line without its CRLF. RFC 5321 §4.5.3.1.6 requires 1,000; real mail has far longer lines,
/// and folding them would break signatures.
pub const BODY_LINE_MAX: u64 = 1 << 20;

const CR: u8 = b'\r';
const LF: u8 = b'\n';
const CRLF: &[u8] = b"\r\n";

/// How a bare LF in a message is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BareLf {
    /// It becomes CRLF, as some devices mean it.
    Normalize,
    /// The message is rejected at its end.
    Reject,
}

/// A decoded piece of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Message bytes to store: unstuffed, with CRLF line ends only.
    Body(&'a [u8]),
    /// The end; the bytes after it are commands.
    End(DataEnd),
}

/// The state of the current line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineState {
    Empty,
    /// One dot, which is not part of the message.
    Dot,
    /// The same dot, then only NULs: an end for servers that drop NULs.
    DotAndNuls,
    Nuls,
    /// NULs and a dot of the message: an end for a next hop that drops NULs.
    NulsAndDot,
    Text,
}

/// Reads one message. Remembers a few octets of state, never bytes.
#[derive(Clone, Debug)]
pub struct DataReader {
    bare_lf: BareLf,
    size_left: u64,
    line: LineState,
    line_len: u64,
    /// The previous line ended in CRLF, so a dot at the start of this line may be the end.
    framed: bool,
    /// The last octet was a CR, whose meaning depends on the next one.
    cr_held: bool,
    worst: DataEnd,
}

impl DataReader {
    /// A message of at most `size_max` octets, counted as RFC 1870 does: with CRLFs, without stuffed dots.
    pub fn new(bare_lf: BareLf, size_max: u64) -> Self {
        Self {
            bare_lf,
            size_left: size_max,
            line: LineState::Empty,
            line_len: 0,
            framed: true,
            cr_held: false,
            worst: DataEnd::Complete,
        }
    }

    /// Consumes the front of `input`. `None`: all of it is consumed.
    ///
    /// Body pieces are as long as the input allows. After a fault no more follow, and the earlier ones are void.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Chunk<'a>> {
        while !input.is_empty() {
            let run = if self.cr_held { 0 } else { self.scan(input) };
            let chunk = if run > 0 {
                let (run, rest) = input.split_at(run);
                *input = rest;
                self.keep(run)
            } else {
                self.take_special(input)
            };
            if chunk.is_some() {
                return chunk;
            }
        }
        None
    }

    /// Whether a fault has made the message void: what was kept of it can go before its end.
    pub fn is_void(&self) -> bool {
        self.worst != DataEnd::Complete
    }

    /// Skips text and complete lines. Stops before a leading dot, a CR without LF, a bare LF, and the end of a dot
    /// line.
    fn scan(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if self.line == LineState::Empty && bytes[at] == b'.' {
                break;
            }
            let len = memchr2(CR, LF, &bytes[at..]).unwrap_or(bytes.len() - at);
            self.see_text(&bytes[at..at + len]);
            at += len;
            if !bytes[at..].starts_with(CRLF) || self.line == LineState::Dot {
                break;
            }
            self.end_line(true);
            at += CRLF.len();
        }
        at
    }

    /// Handles the front of `input`, including a CR that was held back.
    fn take_special<'a>(&mut self, input: &mut &'a [u8]) -> Option<Chunk<'a>> {
        let bytes = *input;
        let after_cr = std::mem::take(&mut self.cr_held);
        let (taken, chunk) = match bytes {
            [LF, ..] if after_cr => (1, self.take_crlf()),
            _ if after_cr => (0, self.take_bare_cr()),
            [CR, LF, ..] => (2, self.take_crlf()),
            [CR] => {
                self.cr_held = true;
                (1, None)
            }
            [CR, ..] => (1, self.take_bare_cr()),
            [LF, ..] => (1, self.take_bare_lf()),
            // The scan stopped at a leading dot.
            _ => {
                self.line = LineState::Dot;
                (1, None)
            }
        };
        *input = &bytes[taken..];
        chunk
    }

    fn take_crlf(&mut self) -> Option<Chunk<'static>> {
        if self.line == LineState::Dot && self.framed {
            return Some(Chunk::End(self.worst));
        }
        self.end_line(true);
        self.keep(CRLF)
    }

    fn take_bare_lf(&mut self) -> Option<Chunk<'static>> {
        if self.bare_lf == BareLf::Reject {
            self.blame(DataEnd::BareLf);
        }
        self.end_line(false);
        self.keep(CRLF)
    }

    fn take_bare_cr(&mut self) -> Option<Chunk<'static>> {
        self.blame(DataEnd::BareCr);
        self.line = LineState::Text;
        None
    }

    fn see_text(&mut self, text: &[u8]) {
        let Some(&first) = text.first() else { return };
        if self.line != LineState::Text {
            self.line = if first != 0 && matches!(self.line, LineState::Empty | LineState::Dot) {
                LineState::Text
            } else {
                text.iter().fold(self.line, |line, &byte| line.with(byte))
            };
        }
        self.line_len += text.len() as u64;
        if self.line_len > BODY_LINE_MAX {
            self.blame(DataEnd::LineTooLong);
        }
    }

    /// Ends a line, by CRLF or by a bare LF, that is not the end of the message.
    fn end_line(&mut self, crlf: bool) {
        if matches!(self.line, LineState::Dot | LineState::DotAndNuls | LineState::NulsAndDot) {
            self.blame(DataEnd::UnframedDot);
        }
        self.line = LineState::Empty;
        self.line_len = 0;
        self.framed = crlf;
    }

    fn keep<'a>(&mut self, body: &'a [u8]) -> Option<Chunk<'a>> {
        if self.is_void() {
            return None;
        }
        match self.size_left.checked_sub(body.len() as u64) {
            Some(left) => {
                self.size_left = left;
                Some(Chunk::Body(body))
            }
            None => {
                self.blame(DataEnd::TooLarge);
                None
            }
        }
    }

    fn blame(&mut self, fault: DataEnd) {
        self.worst = self.worst.max(fault);
    }
}

impl LineState {
    /// The state after one more octet; a dot at the start of the line is handled elsewhere.
    fn with(self, byte: u8) -> Self {
        match (self, byte) {
            (LineState::Empty | LineState::Nuls, 0) => LineState::Nuls,
            (LineState::Dot | LineState::DotAndNuls, 0) => LineState::DotAndNuls,
            (LineState::NulsAndDot, 0) | (LineState::Nuls | LineState::DotAndNuls, b'.') => LineState::NulsAndDot,
            _ => LineState::Text,
        }
    }
}
