//! How a message ended, and the reply if it cannot be accepted.

use crate::reply::Reply;

/// The worst that was seen in a message, known at its true end. Ordered from harmless to dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataEnd {
    /// Nothing: the message is whole and may be kept.
    Complete,
    /// More octets than the limit.
    TooLarge,
    /// A line of more than [`super::BODY_LINE_MAX`] octets.
    LineTooLong,
    /// A lone LF, where these are refused.
    BareLf,
    BareCr,
    /// A dot alone on a line that CRLF does not frame on both sides, or that is padded with NULs.
    UnframedDot,
}

impl DataEnd {
    /// The answer to a message that cannot be taken; `None` if nothing speaks against it.
    pub fn refusal(self) -> Option<Reply> {
        match self {
            DataEnd::Complete => None,
            DataEnd::TooLarge => Some(Reply::MessageTooLarge),
            DataEnd::LineTooLong => Some(Reply::BodyLineTooLong),
            DataEnd::BareLf | DataEnd::BareCr | DataEnd::UnframedDot => Some(Reply::BareLineEnd),
        }
    }
}
