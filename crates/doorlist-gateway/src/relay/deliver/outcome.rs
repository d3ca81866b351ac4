//! What a server's reply, or the lack of one, means for a recipient. What is done about it is not decided here.

use crate::config::RelayConfig;
use crate::relay::connection::Peer;
use crate::relay::queue::{Outcome, Verdict};
use crate::relay::route::{DestinationKey, NoRoute};
use doorlist_smtp::client::{Command, ServerReply, Unsendable};
use doorlist_smtp::reply::EnhancedCode;

/// What a reply means for its recipient.
pub(super) fn outcome(peer: &Peer, reply: &ServerReply, command: Command) -> Outcome {
    if reply.is_positive() {
        return Outcome { verdict: Verdict::Delivered, status: reply.status(), reply: reply.to_string() };
    }
    let verdict = if reply.is_permanent() { Verdict::Failed } else { Verdict::Deferred };
    // A 354 where none belongs has no class of its own.
    let status = if reply.class() == 3 { EnhancedCode::new(4, 5, 0) } else { reply.status() };
    let reply = format!("host {} said: {reply} (in reply to {command})", peer.short());
    Outcome { verdict, status, reply }
}

/// The message cannot even be offered to this server.
pub(super) fn cannot_be_sent(peer: &Peer, why: Unsendable) -> Outcome {
    let status = match why {
        Unsendable::SmtpUtf8 => EnhancedCode::new(5, 6, 7),
        Unsendable::TooLarge { .. } => EnhancedCode::new(5, 3, 4),
        Unsendable::Path => EnhancedCode::new(5, 1, 3),
    };
    Outcome { verdict: Verdict::Failed, status, reply: format!("{why} (host {})", peer.short()) }
}

/// No verdict: it is tried again.
pub(super) fn deferred(status: EnhancedCode, reply: String) -> Outcome {
    Outcome { verdict: Verdict::Deferred, status, reply }
}

/// 452 at RCPT, with 4.5.3 or without an enhanced code. Other 452 (4.2.2: the mailbox is full) are what they say.
pub(super) fn is_too_many(reply: &ServerReply, command: Command) -> bool {
    let too_many = reply.enhanced().is_none_or(|status| status == EnhancedCode::new(4, 5, 3));
    command == Command::Rcpt && reply.code() == 452 && too_many
}

/// The connection was not open yet when it gave way.
pub(super) fn gave_way(key: &DestinationKey, config: &RelayConfig) -> NoRoute {
    let (name, waited) = (key.name(), config.give_way);
    let why = format!("{name} could not be spoken to within {waited:?}, and other mail waited for the connection");
    // RFC 3463: 4.4.1, no answer from host.
    NoRoute { status: EnhancedCode::new(4, 4, 1), why }
}
