//! The client side of the protocol: commands to a mail server, and the meaning of its replies.
//!
//! Bytes in, bytes out: [`ReplyParser`] parses replies, [`Opening`] leads from the greeting to the point where mail
//! may be sent, [`Transaction`] sends one message to up to a hundred recipients, and [`DotStuffer`] frames its body.

mod about_recipient;
mod capabilities;
mod dots;
mod meaning;
mod opening;
mod reply_parser;
mod transaction;
mod xforward;

pub use capabilities::Capabilities;
pub use dots::DotStuffer;
pub use meaning::Wanted;
pub use opening::{Opening, OpeningFault, OpeningStep, TlsUse};
pub use reply_parser::{REPLY_LINE_KEPT_MAX, REPLY_LINES_MAX, REPLY_OCTETS_MAX, ReplyError, ReplyParser, ServerReply};
pub use transaction::{Command, SmtpUtf8, Step, Transaction, TransactionOffer, Unsendable};
pub use xforward::{XForward, XForwardAttributes};

/// The polite end of a connection (RFC 5321 §4.1.1.10).
pub const QUIT: &[u8] = b"QUIT\r\n";
