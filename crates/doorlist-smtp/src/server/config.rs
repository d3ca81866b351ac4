//! The limits of a session, with their defaults.

use crate::data::BareLf;

/// The limits of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// Handling of a bare LF in a message. In a command it is never accepted.
    pub bare_lf: BareLf,
    /// Octets of a message (RFC 1870).
    pub size_max: u64,
    /// Maximum recipients of a transaction; further ones get 452 and are retried.
    pub recipients_max: usize,
    /// Recipients above that maximum before each one counts as junk: a client that pipelines its whole list did
    /// nothing wrong.
    pub recipients_overshoot_max: usize,
    pub tls_offered: bool,
    /// Maximum unproductive commands (NOOP, RSET, errors) in a row without a message; then 421.
    pub junk_max: u32,
    /// Octets of a command line with its CRLF.
    pub command_line_max: usize,
    /// Octets of an endless command line that are discarded before the connection is closed.
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
