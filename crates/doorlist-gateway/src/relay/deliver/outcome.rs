//! What a server's reply, or a missing reply, means for a recipient.

use crate::config::RelayConfig;
use crate::relay::connection::Peer;
use crate::relay::queue::{AttemptVerdict, Part, RecipientOutcome};
use crate::relay::route::{DestinationKey, NoRoute};
use doorlist_smtp::client::{Command, ServerReply, Transaction, Unsendable};
use doorlist_smtp::reply::EnhancedCode;

/// What a reply means for its recipient.
fn outcome(peer: &Peer, reply: &ServerReply, command: Command) -> RecipientOutcome {
    if reply.is_positive() {
        return RecipientOutcome {
            verdict: AttemptVerdict::Delivered,
            status: reply.status(),
            reply: reply.to_string(),
        };
    }
    let verdict = if reply.is_permanent() { AttemptVerdict::Failed } else { AttemptVerdict::Deferred };
    // A 354 where none belongs has no class of its own.
    let status = if reply.class() == 3 { EnhancedCode::new(4, 5, 0) } else { reply.status() };
    let reply = format!("host {} said: {reply} (in reply to {command})", peer.short());
    RecipientOutcome { verdict, status, reply }
}

/// The outcome for each recipient; `unanswered` where there is no reply.
pub(super) fn outcomes(
    peer: &Peer,
    transaction: &Transaction,
    recipients: usize,
    unanswered: &RecipientOutcome,
) -> Vec<RecipientOutcome> {
    let of = |index| transaction.result(index).map(|(reply, command)| outcome(peer, reply, command));
    (0..recipients).map(|index| of(index).unwrap_or_else(|| unanswered.clone())).collect()
}

/// Marks recipients beyond the server's limit as untried (RFC 5321 §4.5.3.1.10), so that the next transaction takes
/// them at once.
pub(super) fn leave_rest_untried(outcomes: &mut [RecipientOutcome], transaction: &Transaction) {
    if outcomes.iter().all(|outcome| outcome.verdict != AttemptVerdict::Delivered) {
        return;
    }
    for (index, outcome) in outcomes.iter_mut().enumerate() {
        if transaction.result(index).is_some_and(|(reply, command)| is_too_many(reply, command)) {
            outcome.verdict = AttemptVerdict::Untried;
        }
    }
}

/// The outcomes of a message that cannot be sent to this server; `retry`: perhaps to another one, later. Recipients
/// that need no SMTPUTF8 themselves are retried in another transaction.
pub(super) fn cannot_be_sent(peer: &Peer, part: &Part, why: Unsendable, retry: bool) -> Vec<RecipientOutcome> {
    let (class, verdict) = if retry { (4, AttemptVerdict::Deferred) } else { (5, AttemptVerdict::Failed) };
    let status = match why {
        Unsendable::SmtpUtf8 => EnhancedCode::new(class, 6, 7),
        Unsendable::TooLarge { .. } => EnhancedCode::new(class, 3, 4),
        Unsendable::Path => EnhancedCode::new(class, 1, 3),
    };
    let reply = format!("{why} (host {})", peer.short());
    let is_innocent = |path: &str| why == Unsendable::SmtpUtf8 && part.envelope.sender.is_ascii() && path.is_ascii();
    let verdict_on = |path: &str| if is_innocent(path) { AttemptVerdict::Untried } else { verdict };
    part.paths().map(|path| RecipientOutcome { verdict: verdict_on(path), status, reply: reply.clone() }).collect()
}

/// A temporary failure that is retried.
pub(super) fn deferred(status: EnhancedCode, reply: String) -> RecipientOutcome {
    RecipientOutcome { verdict: AttemptVerdict::Deferred, status, reply }
}

/// Whether a reply means too many recipients: 452 at RCPT, with 4.5.3 or without an enhanced code. Other 452 (4.2.2:
/// mailbox full) do not.
fn is_too_many(reply: &ServerReply, command: Command) -> bool {
    let too_many = reply.enhanced().is_none_or(|status| status == EnhancedCode::new(4, 5, 3));
    command == Command::Rcpt && reply.code() == 452 && too_many
}

/// The failure of a connection that was given up for others before it was open.
pub(super) fn gave_way(key: &DestinationKey, config: &RelayConfig) -> NoRoute {
    let (name, waited) = (key.name(), config.give_way);
    let why = format!("{name} could not be spoken to within {waited:?}, and other mail waited for the connection");
    // RFC 3463: 4.4.1, no answer from host.
    NoRoute { status: EnhancedCode::new(4, 4, 1), why, said: None }
}
