//! Finds command lines in segments. A line that is complete in the input is not copied; parts of a longer one are
//! collected, up to the limit.

use memchr::memchr;

/// Start of a TLS handshake record (RFC 8446 §5.1): type 22, version 3.x.
const TLS_RECORD: [u8; 2] = [0x16, 0x03];

/// Where the next line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineScan {
    /// The first `len` octets of the input, line end included.
    InInput {
        len: usize,
    },
    Collected,
    /// A line that cannot be used. It is consumed.
    Fault(LineFault),
}

/// Why a line cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineFault {
    /// Too long; discarded up to its end.
    TooLong,
    /// So long that its end is not waited for.
    Endless,
    /// The client speaks TLS.
    TlsRecord,
}

/// The line that is being received.
#[derive(Clone, Debug)]
pub(super) struct LineBuffer {
    /// The line so far, or the complete line until it is answered; at most `line_max`.
    pub(super) partial: Vec<u8>,
    /// The last line was handled.
    pub(super) answered: bool,
    /// Discarded octets of the current line.
    discarded: usize,
    line_max: usize,
    discard_max: usize,
}

impl LineBuffer {
    pub(super) fn new(line_max: usize, discard_max: usize) -> Self {
        Self { partial: Vec::new(), answered: false, discarded: 0, line_max, discard_max }
    }

    /// Finds the next line, or the same one again if it is not [`Self::answered`]. `None`: the input is consumed and
    /// has none.
    pub(super) fn find(&mut self, input: &mut &[u8]) -> Option<LineScan> {
        if std::mem::take(&mut self.answered) {
            self.partial.clear();
        } else if self.partial.ends_with(b"\n") {
            return Some(LineScan::Collected);
        }
        if self.is_tls_record(input) {
            return Some(LineScan::Fault(LineFault::TlsRecord));
        }
        match memchr(b'\n', input) {
            Some(end) => Some(self.line_ends(end + 1, input)),
            None => self.line_goes_on(input),
        }
    }

    /// Drops what was received before TLS.
    pub(super) fn forget(&mut self) {
        self.partial.clear();
        self.answered = false;
        self.discarded = 0;
    }

    fn line_ends(&mut self, len: usize, input: &mut &[u8]) -> LineScan {
        let before = self.partial.len() + std::mem::take(&mut self.discarded);
        let total = before + len;
        if before == 0 && total <= self.line_max {
            return LineScan::InInput { len };
        }
        let (tail, rest) = input.split_at(len);
        *input = rest;
        if total <= self.line_max {
            self.partial.extend_from_slice(tail);
            return LineScan::Collected;
        }
        self.partial.clear();
        LineScan::Fault(if total > self.discard_max { LineFault::Endless } else { LineFault::TooLong })
    }

    fn line_goes_on(&mut self, input: &mut &[u8]) -> Option<LineScan> {
        let more = std::mem::take(input);
        let total = self.partial.len() + self.discarded + more.len();
        if total <= self.line_max {
            self.partial.extend_from_slice(more);
            return None;
        }
        self.partial.clear();
        self.discarded = total;
        (total > self.discard_max).then_some(LineScan::Fault(LineFault::Endless))
    }

    fn is_tls_record(&self, input: &[u8]) -> bool {
        self.discarded == 0 && self.partial.iter().chain(input).take(TLS_RECORD.len()).eq(&TLS_RECORD)
    }
}
