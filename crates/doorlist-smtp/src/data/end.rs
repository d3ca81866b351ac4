//! How a message ended, and the reply if it cannot be accepted.

use crate::reply::Reply;

/// The worst fault of a message, known at its end. Ordered from harmless to dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataEnd {
    /// No fault: the message may be accepted.
    Complete,
    /// More octets than the limit.
    TooLarge,
    /// A line of more than [`super::BODY_LINE_MAX`] octets.
    LineTooLong,
    /// A bare LF, if those are rejected.
    BareLf,
    BareCr,
    /// A single dot on a line that is not framed by CRLF on both sides, or padded with NULs.
    UnframedDot,
}

impl DataEnd {
    /// The reply to a message that cannot be accepted; `None` if it can.
    pub fn refusal(self) -> Option<Reply> {
        match self {
            DataEnd::Complete => None,
            DataEnd::TooLarge => Some(Reply::MessageTooLarge),
            DataEnd::LineTooLong => Some(Reply::BodyLineTooLong),
            DataEnd::BareLf | DataEnd::BareCr | DataEnd::UnframedDot => Some(Reply::BareLineEnd),
        }
    }
}
