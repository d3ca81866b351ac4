//! The limits of a session, with their defaults.

use crate::data::BareLf;

/// What a session may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// A lone LF in a message. In a command it is never accepted.
    pub bare_lf: BareLf,
    /// Octets of a message (RFC 1870).
    pub size_max: u64,
    /// Recipients of a transaction; the others get 452 and come again.
    pub recipients_max: usize,
    /// Recipients above that maximum that are answered before each counts as junk: a client that sends its whole list in
    /// one go has done nothing wrong.
    pub recipients_overshoot_max: usize,
    pub tls_offered: bool,
    /// Commands that lead nowhere (NOOP, RSET, errors) in a row without a message between them; then 421.
    pub junk_max: u32,
    /// Octets of a command line with its CRLF.
    pub command_line_max: usize,
    /// Octets of an endless command line that are read and thrown away before the connection is closed.
    pub line_discard_max: usize,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            bare_lf: BareLf::Normalize,
            size_max: 50 << 20,
            recipients_max: 100,
            recipients_overshoot_max: 1_000,
            tls_offered: false,
            junk_max: 100,
            command_line_max: 2_048,
            line_discard_max: 1 << 20,
        }
    }
}
