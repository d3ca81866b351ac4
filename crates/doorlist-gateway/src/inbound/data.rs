//! Receives a message: from the 354 reply to the reply after its end.
//!
//! The reply 250 is sent only after the spool confirmed that the message is on stable storage.

use super::Inbound;
use super::dialogue::{InboundTransaction, SessionDialogue};
use super::stage::END_OF_MESSAGE;
use crate::asked;
use crate::clock;
use crate::journal::{FieldValue, Line, Process};
use crate::verdict::{ScanOutcome, ScannedMessage};
use doorlist_core::mail_policy::SpamTreatment;
use doorlist_core::policy::Reason;
use doorlist_core::queue_id::QueueId;
use doorlist_core::verdict::{Assessment, ContentRefusal, UncheckedMail, content_refusal};
use doorlist_smtp::message::{HeaderLimits, HeaderScan};
use doorlist_smtp::reply::{self, Reply};
use doorlist_smtp::server::DataEnd;
use doorlist_store::mail_log::{MailAction, MailEntry};
use doorlist_store::spool::{BodyWriter, Envelope, EnvelopeRecipient, MessageBody, MessageKind, SpoolError, Spooled};
use std::sync::Arc;

/// The message that is being received.
pub(super) struct Incoming {
    id: QueueId,
    scan: HeaderScan,
    body: Option<BodyWriter>,
    /// The reply, if the body was dropped.
    fault: Option<Reply>,
    kept: Vec<u8>,
    /// Message size limit of its recipients.
    size_max: u64,
    /// Received bytes, for the log line about a lost connection.
    pub(super) received: u64,
}

impl Incoming {
    /// Assigns a queue id and starts the body with the trace field.
    pub(super) async fn begin(inbound: &Inbound, dialogue: &mut SessionDialogue) -> Self {
        dialogue.commands.data += 1;
        let id = inbound.spool.next_id();
        let hostname: Arc<str> = dialogue.config.hostname.as_str().into();
        let mut incoming = Self {
            id,
            scan: HeaderScan::new(HeaderLimits::default(), hostname),
            body: Some(inbound.spool.body(dialogue.transaction.as_ref().and_then(|t| t.size))),
            fault: None,
            kept: Vec::new(),
            size_max: dialogue.transaction.as_ref().map_or(u64::MAX, InboundTransaction::size_max),
            received: 0,
        };
        let header = dialogue.trace_header(id);
        incoming.keep(header.as_bytes()).await;
        dialogue.log.add(&Line::of(Process::Smtpd, id, &[("client", FieldValue::Str(&dialogue.name))]));
        incoming
    }

    /// Consumes the next bytes. Faults are reported at the end of the message; until then the rest is dropped.
    pub(super) async fn push(&mut self, chunk: &[u8]) {
        self.received += chunk.len() as u64;
        if self.received > self.size_max {
            self.give_up(Reply::TooLargeForRecipient);
        }
        if self.body.is_none() {
            return;
        }
        let mut kept = std::mem::take(&mut self.kept);
        kept.clear();
        self.scan.push(chunk, &mut kept);
        match self.scan.verdict() {
            Some(fault) => self.give_up(fault.refusal()),
            None => self.keep(&kept).await,
        }
        self.kept = kept;
    }

    async fn keep(&mut self, bytes: &[u8]) {
        let Some(body) = &mut self.body else { return };
        if let Err(error) = body.write(bytes).await {
            self.give_up(reply_to(&error));
        }
    }

    /// Frees what was kept of a message that is refused at its end.
    pub(super) fn forget(&mut self) {
        self.body = None;
    }

    fn give_up(&mut self, reply: Reply) {
        self.body = None;
        self.fault = Some(reply);
    }

    /// Ends the message: commits it and writes the reply.
    pub(super) async fn end(mut self, end: DataEnd, inbound: &Inbound, dialogue: &mut SessionDialogue) {
        let Some(transaction) = dialogue.transaction.take() else { return };
        let mut kept = std::mem::take(&mut self.kept);
        kept.clear();
        self.scan.finish(&mut kept);
        if let Some(refusal) = end.refusal().or(self.scan.verdict().map(|fault| fault.refusal())) {
            self.give_up(refusal);
        }
        self.keep(&kept).await;
        let (Some(body), None) = (self.body.take(), self.fault) else {
            let reply = self.fault.unwrap_or(Reply::LocalError);
            return refuse(self.id, reply, "message", "", &transaction, inbound, dialogue);
        };
        inbound.metrics.mbox_lines.inc_by(self.scan.mbox_lines());
        let envelope = envelope(&self.scan, body.len(), &transaction, dialogue);
        let terms = (transaction.spam(), dialogue.config.unchecked);
        match store(self.id, envelope, body, terms, inbound).await {
            Ok(Ok(spooled)) => {
                for domain in &transaction.new_domains {
                    inbound.recipients.note_first_message(*domain, spooled.envelope.received_at);
                }
                accepted(spooled, inbound, dialogue);
            }
            // Accepted, it could only bounce to a forged sender, or reach somebody.
            Ok(Err(refusal)) => {
                refuse(self.id, Reply::to_content(refusal), refusal.word(), "", &transaction, inbound, dialogue);
            }
            Err(error) => {
                let why = error.to_string();
                refuse(self.id, reply_to(&error), "message", &why, &transaction, inbound, dialogue);
            }
        }
    }
}

fn envelope(scan: &HeaderScan, size: u64, transaction: &InboundTransaction, dialogue: &SessionDialogue) -> Envelope {
    Envelope {
        sender: transaction.sender.clone(),
        recipients: transaction.recipients.clone(),
        received_at: clock::now(),
        client: dialogue.client.clone(),
        eight_bit: transaction.eight_bit,
        smtp_utf8: transaction.smtp_utf8,
        kind: MessageKind::Inbound,
        message_id: scan.message_id().map(Into::into),
        size,
        assessment: Assessment::default(),
    }
}

/// Stores a message, unless its contents are refused.
async fn store(
    id: QueueId,
    mut envelope: Envelope,
    body: BodyWriter,
    (spam, unchecked): (SpamTreatment, UncheckedMail),
    inbound: &Inbound,
) -> Result<Result<Spooled, ContentRefusal>, SpoolError> {
    let body = inbound.spool.complete(body).await?;
    let scanned = scan(id, &envelope, body.contents(), inbound).await;
    let may_be_checked_later = scanned.may_be_checked_later();
    envelope.assessment = scanned.assessment;
    let Some(refusal) = content_refusal(envelope.assessment.verdict, may_be_checked_later, spam, unchecked) else {
        return inbound.spool.accept_complete(id, envelope, body).await.map(Ok);
    };
    // What is deferred comes again, and is noted then.
    if refusal != ContentRefusal::Unchecked {
        asked::received(&inbound.mail_log, &envelope);
    }
    Ok(Err(refusal))
}

/// Asks the scanner. It may be as slow as its limits allow: the client waits for its reply all the while.
async fn scan(id: QueueId, envelope: &Envelope, body: &MessageBody, inbound: &Inbound) -> ScanOutcome {
    if !inbound.verdicts.is_on() {
        return ScanOutcome::default();
    }
    let message = ScannedMessage {
        id,
        client: envelope.client.clone(),
        sender: envelope.sender.clone(),
        recipients: envelope.recipients.iter().map(|recipient| recipient.path.clone()).collect(),
        body: body.clone(),
    };
    inbound.verdicts.assess(message).await
}

/// Replies 250 for a stored message and passes it to the relay.
fn accepted(spooled: Spooled, inbound: &Inbound, dialogue: &mut SessionDialogue) {
    let envelope = &spooled.envelope;
    let before = dialogue.out.len();
    reply::queued(spooled.id, &mut dialogue.out);
    let said: Box<str> = dialogue.out.get(before..).map(String::from_utf8_lossy).unwrap_or_default().trim_end().into();
    dialogue.commands.messages += 1;
    inbound.metrics.accepted.inc();
    inbound.metrics.accepted_bytes.inc_by(envelope.size);
    log_headers(spooled.id, envelope, dialogue);
    asked::accepted(&inbound.mail_log, &inbound.recipients, envelope);
    let fields = [
        ("from", FieldValue::Path(&envelope.sender)),
        ("size", FieldValue::Num(envelope.size)),
        ("nrcpt", FieldValue::Status(&envelope.recipients.len().to_string(), "queue active")),
    ];
    dialogue.log.add(&Line::of(Process::Qmgr, spooled.id, &fields));
    for recipient in &envelope.recipients {
        inbound.mail_log.record(MailEntry {
            time: envelope.received_at,
            action: MailAction::Accepted,
            queue_id: Some(spooled.id),
            sender: envelope.sender.clone(),
            recipient: recipient.path.clone(),
            domain: recipient.domain,
            client: envelope.client.address,
            reason: accepted_as(recipient).word().into(),
            reply: said.clone(),
            message_id: envelope.message_id.clone(),
            size: envelope.size,
        });
    }
    (inbound.hand_over)(spooled);
}

/// Why a recipient was accepted, as far as the envelope tells.
fn accepted_as(recipient: &EnvelopeRecipient) -> Reason {
    match (recipient.system, recipient.unlisted) {
        (true, _) => Reason::System,
        (false, true) => Reason::Confirmed,
        (false, false) => Reason::Listed,
    }
}

/// Logs what is known of the content, as Postfix's cleanup does.
fn log_headers(id: QueueId, envelope: &Envelope, dialogue: &mut SessionDialogue) {
    let message_id = FieldValue::Str(envelope.message_id.as_deref().unwrap_or_default());
    let Assessment { verdict, authentication } = &envelope.assessment;
    let Some(results) = authentication else {
        return dialogue.log.add(&Line::of(Process::Cleanup, id, &[("message-id", message_id)]));
    };
    let fields = [
        ("message-id", message_id),
        ("verdict", FieldValue::Str(verdict.word())),
        ("spf", FieldValue::Str(results.spf.result.word())),
        ("dkim", FieldValue::Str(results.dkim_result().word())),
        ("dmarc", FieldValue::Str(results.dmarc.word())),
    ];
    dialogue.log.add(&Line::of(Process::Cleanup, id, &fields));
}

/// Rejects the message; nothing of it is kept. `reason` is the word in the mail log, `why` is for the operator.
fn refuse(
    id: QueueId,
    reply: Reply,
    reason: &str,
    why: &str,
    transaction: &InboundTransaction,
    inbound: &Inbound,
    dialogue: &mut SessionDialogue,
) {
    dialogue.out.extend_from_slice(reply.line());
    inbound.metrics.refused(reply);
    let event = format!("reject: {END_OF_MESSAGE} from {}: {reply};", dialogue.name);
    dialogue.log.add(&Line {
        process: Process::Smtpd,
        queue: Some(id),
        event: &event,
        fields: &[
            ("from", FieldValue::Path(&transaction.sender)),
            ("nrcpt", FieldValue::Num(transaction.recipients.len() as u64)),
            ("why", FieldValue::Str(why)),
        ],
    });
    for recipient in &transaction.recipients {
        inbound.mail_log.record(MailEntry {
            time: clock::now(),
            action: if reply.is_permanent() { MailAction::Refused } else { MailAction::Deferred },
            queue_id: Some(id),
            sender: transaction.sender.clone(),
            recipient: recipient.path.clone(),
            domain: recipient.domain,
            client: dialogue.client.address,
            reason: reason.into(),
            reply: reply.to_string().into(),
            message_id: None,
            size: 0,
        });
    }
}

/// The reply for an error of the spool: always a temporary one.
fn reply_to(error: &SpoolError) -> Reply {
    match error {
        SpoolError::Full(_) | SpoolError::Busy(_) => Reply::InsufficientStorage,
        _ => Reply::LocalError,
    }
}
