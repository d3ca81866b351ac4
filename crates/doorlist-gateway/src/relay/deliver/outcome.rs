//! What a server's reply, or a missing reply, means for a recipient.

use crate::config::RelayConfig;
use crate::relay::connection::Peer;
use crate::relay::queue::{AttemptVerdict, Part, RecipientOutcome};
use crate::relay::route::{DestinationKey, NoRoute};
use doorlist_smtp::client::{Command, ServerReply, Transaction, Unsendable, Wanted};
use doorlist_smtp::reply::EnhancedCode;

/// What else decides about a failure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    /// The connection has carried other messages.
    pub(super) used: bool,
    /// The commands went out in one write.
    pub(super) pipelined: bool,
    /// There are servers after this one.
    pub(super) next_server: bool,
    /// The final dot was sent.
    pub(super) dot_sent: bool,
}

/// What a reply means for its recipient.
fn outcome(peer: &Peer, reply: &ServerReply, command: Command, circumstances: Circumstances) -> RecipientOutcome {
    if reply.is_positive() {
        return RecipientOutcome {
            verdict: AttemptVerdict::Delivered,
            status: reply.status(),
            reply: reply.to_string(),
        };
    }
    let verdict = failure(reply, command, circumstances);
    // A 354 where none belongs has no class of its own.
    let status = match (reply.class(), verdict) {
        (3, _) => EnhancedCode::new(4, 5, 0),
        (5, AttemptVerdict::Deferred | AttemptVerdict::NextServer) => EnhancedCode { class: 4, ..reply.status() },
        _ => reply.status(),
    };
    let advice = wanted(reply, command).map_or("", advice);
    let reply = format!("host {} said: {reply} (in reply to {command}){advice}", peer.short());
    RecipientOutcome { verdict, status, reply }
}

fn wanted(reply: &ServerReply, command: Command) -> Option<Wanted> {
    matches!(command, Command::Mail | Command::Rcpt).then(|| reply.wants()).flatten()
}

/// What is wrong with a server that wants something first.
pub(in crate::relay) fn advice(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Login => "; it takes mail from clients that log in (AUTH) only, which a gateway does not",
        Wanted::Encryption => "; it takes mail after STARTTLS only, which it did not offer or which failed",
    }
}

fn failure(reply: &ServerReply, command: Command, circumstances: Circumstances) -> AttemptVerdict {
    let Circumstances { used, pipelined, next_server, dot_sent } = circumstances;
    let at_rcpt = command == Command::Rcpt;
    if wanted(reply, command).is_some() {
        // It says nothing about the message: somebody has to change how its server is named here, or what it wants.
        return if next_server { AttemptVerdict::NextServer } else { AttemptVerdict::Deferred };
    }
    let of_message = command == Command::EndOfData;
    if used && pipelined && !of_message && reply.is_misunderstanding() {
        return AttemptVerdict::Stepwise;
    }
    if reply.is_permanent() && !(at_rcpt && reply.is_too_many_recipients()) {
        return AttemptVerdict::Failed;
    }
    let waits = (of_message && dot_sent) || (at_rcpt && reply.is_greylisting());
    if next_server && !waits { AttemptVerdict::NextServer } else { AttemptVerdict::Deferred }
}

/// The outcome for each recipient; `unanswered` where there is no reply.
pub(super) fn outcomes(
    peer: &Peer,
    transaction: &Transaction,
    recipients: usize,
    unanswered: &RecipientOutcome,
    circumstances: Circumstances,
) -> Vec<RecipientOutcome> {
    let of = |index| transaction.result(index).map(|(reply, command)| outcome(peer, reply, command, circumstances));
    (0..recipients).map(|index| of(index).unwrap_or_else(|| unanswered.clone())).collect()
}

/// Marks recipients beyond the server's limit as untried (RFC 5321 §4.5.3.1.10), so that the next transaction takes
/// them at once.
pub(super) fn leave_rest_untried(outcomes: &mut [RecipientOutcome], transaction: &Transaction) {
    if outcomes.iter().all(|outcome| outcome.verdict != AttemptVerdict::Delivered) {
        return;
    }
    for (index, outcome) in outcomes.iter_mut().enumerate() {
        let is_too_many =
            |(reply, command): (&ServerReply, _)| command == Command::Rcpt && reply.is_too_many_recipients();
        if transaction.result(index).is_some_and(is_too_many) {
            outcome.verdict = AttemptVerdict::Untried;
        }
    }
}

/// The outcomes of a message that cannot be sent to this server; `retry`: perhaps to another one. Recipients that need
/// no SMTPUTF8 themselves are retried in another transaction.
pub(super) fn cannot_be_sent(
    peer: &Peer,
    part: &Part,
    why: Unsendable,
    retry: Option<AttemptVerdict>,
) -> Vec<RecipientOutcome> {
    let (class, verdict) = retry.map_or((5, AttemptVerdict::Failed), |verdict| (4, verdict));
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

/// The failure of a connection that was given up for others before it was open.
pub(super) fn gave_way(key: &DestinationKey, config: &RelayConfig) -> NoRoute {
    let (name, waited) = (key.name(), config.give_way);
    let why = format!("{name} could not be spoken to within {waited:?}, and other mail waited for the connection");
    // RFC 3463: 4.4.1, no answer from host.
    NoRoute { status: EnhancedCode::new(4, 4, 1), why, said: None }
}
