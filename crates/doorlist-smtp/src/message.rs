//! Scans the header section of a message while it streams through (RFC 5322 §2.2).
//!
//! Removes `Authentication-Results` in Doorlist's own name (RFC 8601 §5) and `X-Doorlist-Verdict`, which is Doorlist's own
//! word, counts hops, reads the Message-ID, and enforces the limits. Everything else is passed on byte for byte, so that signatures stay valid. Only an empty line
//! ends the section: a line that is not a field is skipped as lenient readers do, so that nothing can hide after it.
//!
//! Our own field stands in front of the message, and is whole: the first line must not continue it. A first line that is
//! no field therefore begins the body, behind an empty line; lines that mailbox files begin a message with are dropped.

mod field;
#[cfg(test)]
mod tests;

use crate::reply::Reply;
use memchr::memchr;
use std::sync::Arc;

/// Maximum octets of a Message-ID (RFC 5322 §2.1.1: one line); longer ones are ignored.
pub const MESSAGE_ID_MAX: usize = 998;

/// A field that only Doorlist writes.
const OWN_FIELD: &[u8] = b"X-Doorlist-Verdict";

/// Limits of a header section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderLimits {
    /// Maximum octets of the section, including the empty line.
    pub bytes_max: usize,
    /// `Received` fields (RFC 5321 §6.3).
    pub hops_max: usize,
}

impl Default for HeaderLimits {
    fn default() -> Self {
        Self { bytes_max: 256 << 10, hops_max: 50 }
    }
}

/// Why a message is rejected because of its header section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderFault {
    /// More octets than the limit.
    TooLarge,
    /// More `Received` fields than the limit.
    TooManyHops,
    Nul,
}

impl HeaderFault {
    /// The reply at the end of the message.
    pub fn refusal(self) -> Reply {
        match self {
            HeaderFault::TooLarge => Reply::HeaderTooLarge,
            HeaderFault::TooManyHops => Reply::TooManyHops,
            HeaderFault::Nul => Reply::NulInHeader,
        }
    }
}

/// Where in the message a scan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum HeaderStage {
    /// Before the first line that is passed on.
    #[default]
    Start,
    Header,
    Body,
}

/// Scans a message from its first byte. Expects CRLF line ends only, as [`crate::data`] returns them.
#[derive(Clone, Debug, Default)]
pub struct HeaderScan {
    limits: HeaderLimits,
    authserv_id: Arc<str>,
    /// The last field, which may still be folded, and the current line; at most `bytes_max`.
    held: Vec<u8>,
    /// Offset of the current line.
    line_at: usize,
    /// Octets of the section so far.
    seen: usize,
    hops: usize,
    message_id: Option<Box<str>>,
    /// Lines of mailbox files in front of the message.
    mbox_lines: u64,
    stage: HeaderStage,
    /// Whether a field was passed on.
    has_passed: bool,
    fault: Option<HeaderFault>,
}

impl HeaderScan {
    /// `authserv_id` is the name that only Doorlist may use in `Authentication-Results`.
    pub fn new(limits: HeaderLimits, authserv_id: Arc<str>) -> Self {
        Self { limits, authserv_id, ..Self::default() }
    }

    /// Consumes the next bytes of the message and appends the bytes to store to `out`. After a fault nothing is
    /// appended.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut rest = chunk;
        while !rest.is_empty() && self.fault.is_none() {
            if self.stage == HeaderStage::Body {
                out.extend_from_slice(rest);
                return;
            }
            let len = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let (piece, behind) = rest.split_at(len);
            rest = behind;
            self.fault = self.hold(piece).err();
            if self.fault.is_none() && piece.ends_with(b"\n") {
                self.end_line(out);
            }
        }
    }

    /// Ends the message: flushes held bytes, if there was no empty line.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.fault.is_none() && self.stage != HeaderStage::Body {
            self.end_line(out);
        }
        if self.fault.is_none() && self.stage == HeaderStage::Header {
            self.line_at = self.held.len();
            self.end_field(out);
        }
    }

    /// The first fault, if any.
    pub fn verdict(&self) -> Option<HeaderFault> {
        self.fault
    }

    /// The first Message-ID, as written.
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_deref()
    }

    /// How many lines of mailbox files were dropped.
    pub fn mbox_lines(&self) -> u64 {
        self.mbox_lines
    }

    /// Holds a piece of a line. Checks the limit first, then NULs.
    fn hold(&mut self, piece: &[u8]) -> Result<(), HeaderFault> {
        let within = &piece[..piece.len().min(self.limits.bytes_max - self.seen)];
        if memchr(0, within).is_some() {
            return Err(HeaderFault::Nul);
        }
        if within.len() < piece.len() {
            return Err(HeaderFault::TooLarge);
        }
        self.seen += piece.len();
        self.held.extend_from_slice(piece);
        Ok(())
    }

    /// Ends a line: it continues the previous field, or completes it.
    fn end_line(&mut self, out: &mut Vec<u8>) {
        if self.stage == HeaderStage::Start && !self.begin(out) {
            return;
        }
        match &self.held[self.line_at..] {
            b"\r\n" => {
                self.end_field(out);
                self.stage = HeaderStage::Body;
                if self.fault.is_none() {
                    out.append(&mut self.held);
                }
            }
            [b' ' | b'\t', ..] => self.line_at = self.held.len(),
            _ => {
                // Behind a field that is taken out, the next line is the first.
                if self.end_field(out) || self.has_passed || self.begin(out) {
                    self.line_at = self.held.len();
                }
            }
        }
    }

    /// Judges a line before which none was passed on; true if a header section begins with it.
    fn begin(&mut self, out: &mut Vec<u8>) -> bool {
        match self.held.as_slice() {
            [] => false,
            line if field::is_start(line) || line == b"\r\n" => {
                self.stage = HeaderStage::Header;
                true
            }
            line if field::is_mbox_line(line) => {
                self.mbox_lines += 1;
                self.held.clear();
                false
            }
            _ => {
                self.stage = HeaderStage::Body;
                out.extend_from_slice(b"\r\n");
                out.append(&mut self.held);
                false
            }
        }
    }

    /// Completes the field before the current line: passes it on, or takes it out and returns false.
    fn end_field(&mut self, out: &mut Vec<u8>) -> bool {
        let field = &self.held[..self.line_at];
        let mut keep = true;
        if let Some((name, value)) = field::split(field) {
            if name.eq_ignore_ascii_case(b"Received") {
                self.hops += 1;
                if self.hops > self.limits.hops_max {
                    self.fault = Some(HeaderFault::TooManyHops);
                    return true;
                }
            } else if name.eq_ignore_ascii_case(b"Message-ID") && self.message_id.is_none() {
                self.message_id = field::message_id(value).map(Into::into);
            } else if name.eq_ignore_ascii_case(b"Authentication-Results") {
                keep = !field::is_authserv_id(value, &self.authserv_id);
            } else if name.eq_ignore_ascii_case(OWN_FIELD) {
                keep = false;
            }
        }
        if keep {
            self.has_passed |= !field.is_empty();
            out.extend_from_slice(field);
        }
        self.held.drain(..self.line_at);
        self.line_at = 0;
        keep
    }
}
