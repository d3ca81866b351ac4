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

/// Octets of a body line without its CRLF. RFC 5321 §4.5.3.1.6 promises 1,000; real mail has far longer lines, and
/// folding them would break its signature.
pub const BODY_LINE_MAX: u64 = 1 << 20;

const CR: u8 = b'\r';
const LF: u8 = b'\n';
const CRLF: &[u8] = b"\r\n";

/// What happens to a lone LF in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BareLf {
    /// It becomes CRLF, as old devices mean it.
    Normalize,
    /// The message is refused at its end.
    Reject,
}

/// What the bytes of a message turn out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Message bytes as they are to be kept: unstuffed, lines ended by CRLF only.
    Body(&'a [u8]),
    /// The end; the bytes behind it are commands again.
    End(DataEnd),
}

/// What the current line has been so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Empty,
    /// One dot, which is no part of the message.
    Dot,
    /// The same dot, then nothing but NULs: an end to those who drop NULs.
    DotAndNuls,
    Nuls,
    /// NULs and one dot of the message: an end to those whom we send it to, if they drop NULs.
    NulsAndDot,
    Text,
}

/// Reads one message. Remembers a few octets of state, never bytes.
#[derive(Clone, Debug)]
pub struct DataReader {
    bare_lf: BareLf,
    size_left: u64,
    line: Line,
    line_len: u64,
    /// The line before ended in CRLF, so a dot at the start of this one may be the end.
    framed: bool,
    /// The last octet was a CR, and what it is depends on the next.
    cr_held: bool,
    worst: DataEnd,
}

impl DataReader {
    /// A message of at most `size_max` octets, counted as RFC 1870 does: with CRLFs, without stuffed dots.
    pub fn new(bare_lf: BareLf, size_max: u64) -> Self {
        Self {
            bare_lf,
            size_left: size_max,
            line: Line::Empty,
            line_len: 0,
            framed: true,
            cr_held: false,
            worst: DataEnd::Complete,
        }
    }

    /// Takes from the front of `input`. `None`: all of it is taken.
    ///
    /// The body comes in runs as long as the input allows. After a fault no more of it comes, and what came is void.
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

    /// Reads over text and whole lines. Stops before that which needs a decision: a leading dot, a CR without its LF in
    /// sight, a lone LF, the end of a line that is a dot.
    fn scan(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if self.line == Line::Empty && bytes[at] == b'.' {
                break;
            }
            let len = memchr2(CR, LF, &bytes[at..]).unwrap_or(bytes.len() - at);
            self.see_text(&bytes[at..at + len]);
            at += len;
            if !bytes[at..].starts_with(CRLF) || self.line == Line::Dot {
                break;
            }
            self.end_line(true);
            at += CRLF.len();
        }
        at
    }

    /// Decides on what stands in front of `input`, with regard to a CR held back.
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
                self.line = Line::Dot;
                (1, None)
            }
        };
        *input = &bytes[taken..];
        chunk
    }

    fn take_crlf(&mut self) -> Option<Chunk<'static>> {
        if self.line == Line::Dot && self.framed {
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
        self.line = Line::Text;
        None
    }

    fn see_text(&mut self, text: &[u8]) {
        let Some(&first) = text.first() else { return };
        if self.line != Line::Text {
            self.line = if first != 0 && matches!(self.line, Line::Empty | Line::Dot) {
                Line::Text
            } else {
                text.iter().fold(self.line, |line, &byte| line.with(byte))
            };
        }
        self.line_len += text.len() as u64;
        if self.line_len > BODY_LINE_MAX {
            self.blame(DataEnd::LineTooLong);
        }
    }

    /// A line ends, by CRLF or by LF alone, and is not the end of the message.
    fn end_line(&mut self, crlf: bool) {
        if matches!(self.line, Line::Dot | Line::DotAndNuls | Line::NulsAndDot) {
            self.blame(DataEnd::UnframedDot);
        }
        self.line = Line::Empty;
        self.line_len = 0;
        self.framed = crlf;
    }

    fn keep<'a>(&mut self, body: &'a [u8]) -> Option<Chunk<'a>> {
        if self.worst != DataEnd::Complete {
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

impl Line {
    /// The line with one octet more; a dot at its very start does not come here.
    fn with(self, byte: u8) -> Self {
        match (self, byte) {
            (Line::Empty | Line::Nuls, 0) => Line::Nuls,
            (Line::Dot | Line::DotAndNuls, 0) => Line::DotAndNuls,
            (Line::NulsAndDot, 0) | (Line::Nuls | Line::DotAndNuls, b'.') => Line::NulsAndDot,
            _ => Line::Text,
        }
    }
}
