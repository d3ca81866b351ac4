//! The client's side of the dialogue: what we say to a mail server and what its replies mean.
//!
//! Everything here is bytes in, bytes out: [`ReplyParser`] turns received bytes into replies, [`Opening`] leads from the
//! greeting to the point where mail may be sent, [`Transaction`] carries one message to up to a hundred recipients, and
//! [`DotStuffer`] frames its body. This module must not know sockets, clocks, queues, or what becomes of a refusal.

mod capabilities;
mod dots;
mod opening;
mod reply_parser;
mod transaction;
mod xforward;

pub use capabilities::Capabilities;
pub use dots::DotStuffer;
pub use opening::{Opening, OpeningFault, OpeningStep, TlsUse};
pub use reply_parser::{REPLY_LINE_KEPT_MAX, REPLY_LINES_MAX, REPLY_OCTETS_MAX, ReplyError, ReplyParser, ServerReply};
pub use transaction::{Command, Offer, SmtpUtf8, Step, Transaction, Unsendable};
pub use xforward::{XForward, XForwardAttributes};

/// The polite end of a connection (RFC 5321 §4.1.1.10).
pub const QUIT: &[u8] = b"QUIT\r\n";
