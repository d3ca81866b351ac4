//! The relay's log lines, in the words of Postfix, and its entries in the mail log.

use super::connection::Peer;
use super::queue::{AttemptVerdict, DestinationId, Part, RecipientOutcome};
use super::route::DestinationKey;
use super::{RelayShared, ServerWord};
use crate::asked;
use crate::clock;
use crate::journal::{FieldValue, Line, Process};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::mail_log::{MailAction, MailEntry};
use doorlist_store::spool::{Envelope, EnvelopeRecipient};
use std::sync::Arc;
use std::time::Duration;

impl RelayShared {
    /// Logs, counts and settles the attempt of a part. `rest`: the servers after `peer`.
    pub(super) fn conclude(
        self: &Arc<Self>,
        destination: DestinationId,
        part: &Part,
        outcomes: &[RecipientOutcome],
        peer: Option<&Peer>,
        rest: Option<&DestinationKey>,
    ) {
        let now = clock::now();
        let relay = peer.map_or_else(|| "none".to_owned(), Peer::to_string);
        let delay = now.since(part.envelope.received_at);
        let mut batch = self.journal.batch();
        for (&index, outcome) in part.recipients.iter().zip(outcomes) {
            self.metrics.attempt(outcome.verdict);
            let Some(recipient) = part.envelope.recipients.get(index) else { continue };
            self.tell_word(part, recipient, outcome, peer);
            let (word, action) = match outcome.verdict {
                AttemptVerdict::Delivered => {
                    if let Some(peer) = peer {
                        self.teach(part, index, outcome, peer, now);
                    }
                    asked::taken(&self.mail_log, &part.envelope, recipient);
                    ("sent", Some(MailAction::Sent))
                }
                AttemptVerdict::Deferred => ("deferred", Some(MailAction::DeliveryDeferred)),
                // Whether the sender is told is decided later; that makes the entry.
                AttemptVerdict::Failed => ("bounced", None),
                AttemptVerdict::NextServer => {
                    // As in Postfix, the last server of the attempt decides on the status.
                    let (event, to) = (format!("{};", outcome.reply), [("to", FieldValue::Path(&recipient.path))]);
                    batch.add(&Line { process: Process::Smtp, queue: Some(part.id), event: &event, fields: &to });
                    continue;
                }
                AttemptVerdict::Untried | AttemptVerdict::Stepwise => continue,
            };
            let dsn = outcome.status.to_string();
            let fields = attempt(recipient, &relay, delay, &dsn, (word, &outcome.reply));
            batch.add(&Line::of(Process::Smtp, part.id, &fields));
            if let Some(action) = action {
                self.mail_log.record(entry(now, action, part.id, &part.envelope, index, &relay, &outcome.reply));
            }
        }
        batch.send();
        self.with_queue(|queue, at| queue.finish(destination, part, outcomes, rest, at));
    }

    /// Tells who wants to know what a server said of a recipient.
    fn tell_word(&self, part: &Part, recipient: &EnvelopeRecipient, outcome: &RecipientOutcome, peer: Option<&Peer>) {
        let word = match outcome.verdict {
            AttemptVerdict::Delivered => ServerWord::Took,
            AttemptVerdict::Failed => ServerWord::Refused(outcome.status),
            _ => return,
        };
        if let (Some(listener), Some(peer)) = (self.delivered.get(), peer) {
            listener(&part.envelope, recipient, peer, word);
        }
    }

    /// Logs a message whose destination is down or missing.
    pub(super) fn log_parked(&self, part: &Part, why: &str) {
        let now = clock::now();
        let delay = now.since(part.envelope.received_at);
        let status = EnhancedCode::in_front_of(why).unwrap_or(EnhancedCode::new(4, 0, 0)).to_string();
        let why = why.strip_prefix(&status).unwrap_or(why).trim_start();
        let reply = format!("delivery temporarily suspended: {why}");
        let mut batch = self.journal.batch();
        for &index in &part.recipients {
            let Some(recipient) = part.envelope.recipients.get(index) else { continue };
            let fields = attempt(recipient, "none", delay, &status, ("deferred", &reply));
            batch.add(&Line::of(Process::Qmgr, part.id, &fields));
            let action = MailAction::DeliveryDeferred;
            self.mail_log.record(entry(now, action, part.id, &part.envelope, index, "none", &reply));
        }
    }

    /// Logs a destination that could not be reached.
    pub(super) fn log_destination(&self, name: &str, why: &str, said: Option<&str>) {
        let (event, mut fields) = (format!("{why};"), vec![("destination", FieldValue::Str(name))]);
        fields.extend(said.map(|said| ("said", FieldValue::Str(said))));
        self.journal.write(&Line { process: Process::Smtp, queue: None, event: &event, fields: &fields });
    }

    pub(super) fn log_event(&self, process: Process, id: QueueId, event: &str) {
        self.journal.write(&Line { process, queue: Some(id), event, fields: &[] });
    }

    /// Adds a mail log entry for one recipient.
    pub(super) fn record(
        &self,
        action: MailAction,
        id: QueueId,
        envelope: &Envelope,
        index: usize,
        why: &str,
        reply: &str,
    ) {
        self.mail_log.record(entry(clock::now(), action, id, envelope, index, why, reply));
    }
}

/// The fields of an attempt for one recipient.
fn attempt<'a>(
    recipient: &'a EnvelopeRecipient,
    relay: &'a str,
    delay: Duration,
    dsn: &'a str,
    (word, reply): (&'a str, &'a str),
) -> [(&'a str, FieldValue<'a>); 5] {
    [
        ("to", FieldValue::Path(&recipient.path)),
        ("relay", FieldValue::Str(relay)),
        ("delay", FieldValue::Secs(delay)),
        ("dsn", FieldValue::Str(dsn)),
        ("status", FieldValue::Status(word, reply)),
    ]
}

fn entry(
    time: Timestamp,
    action: MailAction,
    id: QueueId,
    envelope: &Envelope,
    index: usize,
    reason: &str,
    reply: &str,
) -> MailEntry {
    let recipient = envelope.recipients.get(index);
    MailEntry {
        time,
        action,
        queue_id: Some(id),
        sender: envelope.sender.clone(),
        recipient: recipient.map_or_else(Box::default, |recipient| recipient.path.clone()),
        domain: recipient.and_then(|recipient| recipient.domain),
        client: None,
        reason: reason.into(),
        reply: reply.into(),
        message_id: envelope.message_id.clone(),
        size: envelope.size,
    }
}
