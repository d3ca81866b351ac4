//! Reports permanent failures: bounces to authenticated senders within limits; failures for postmaster or abuse are kept and
//! reported to the operator and the technical contact. One task, one report after the other.
//!
//! A report is on stable storage before the message's own row records it: after a crash between the two it may be sent
//! twice, but never not at all.

use super::RelayShared;
use super::deliver::{Stop, reached};
use super::dsn;
use super::header_section::header_section;
use super::limits::BounceLimits;
use super::queue::FailureReport;
use super::system_mail;
use crate::clock;
use crate::journal::Process;
use doorlist_core::address::Address;
use doorlist_core::verdict::Assessment;
use doorlist_store::contact_book::MailPermit;
use doorlist_store::mail_log::MailAction;
use doorlist_store::spool::{ClientInfo, Envelope, EnvelopeRecipient, MessageKind, SpoolError};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Handles reports until the relay stops.
pub(super) async fn run(shared: Arc<RelayShared>, mut reports: mpsc::UnboundedReceiver<FailureReport>) {
    let mut limits = BounceLimits::default();
    let mut stop = shared.stop.subscribe();
    loop {
        tokio::select! {
            biased;
            Some(report) = reports.recv() => handle(&shared, &mut limits, report).await,
            () = reached(&mut stop, Stop::Now) => return,
        }
    }
}

/// How a failed recipient is handled.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Course {
    Bounce(Address),
    /// A copy to the operator and a notice to the technical contact; the message is kept.
    TellInCharge,
    /// Nothing: it was a message of Doorlist.
    Drop(&'static str),
    /// The message is kept for the administrator.
    Keep(&'static str),
}

async fn handle(shared: &Arc<RelayShared>, limits: &mut BounceLimits, report: FailureReport) {
    let (mut told, mut again, mut bounce) = (Vec::new(), Vec::new(), Vec::new());
    for (index, why) in &report.failed {
        let mut course = course(&report.envelope, *index);
        if course == Course::TellInCharge {
            if let Err(error) = system_mail::tell(shared, &report, *index, why).await {
                shared.log_event(Process::Bounce, report.id, &format!("cannot write a copy: {error}; retrying"));
                again.push(*index);
                continue;
            }
            course = Course::Keep("refused for postmaster or abuse");
        }
        if let Course::Bounce(sender) = &course {
            // The limit counts bounces, not recipients: the first of them asks, the others go with it.
            if bounce.is_empty() && !allowed(shared, limits, sender) {
                course = Course::Keep("the limit of bounces is reached");
            } else {
                bounce.push((*index, why.as_str()));
            }
        }
        match course {
            Course::Drop(why) => {
                shared.log_event(Process::Bounce, report.id, why);
                told.push(*index);
            }
            Course::Keep(reason) => {
                shared.metrics.failed.inc();
                shared.record(MailAction::Failed, report.id, &report.envelope, *index, reason, why);
                shared.log_event(Process::Bounce, report.id, &format!("failed, kept for the admin: {reason}"));
            }
            Course::Bounce(_) | Course::TellInCharge => {}
        }
    }
    if !bounce.is_empty() {
        let indexes = bounce.iter().map(|(index, _)| *index);
        match send_bounce(shared, &report, &bounce).await {
            Ok(()) => told.extend(indexes),
            Err(error) => {
                shared.log_event(Process::Bounce, report.id, &format!("cannot write a bounce: {error}; retrying"));
                again.extend(indexes);
            }
        }
    }
    shared.with_queue(|queue, at| queue.reported(report.id, &told, &again, at));
}

fn course(envelope: &Envelope, index: usize) -> Course {
    match envelope.kind {
        MessageKind::Bounce => return Course::Drop("undeliverable bounce dropped"),
        MessageKind::Notice => return Course::Keep("undeliverable notice dropped"),
        MessageKind::Inbound => {}
    }
    if envelope.recipients.get(index).is_some_and(|recipient| recipient.system) {
        return Course::TellInCharge;
    }
    if envelope.sender.is_empty() {
        return Course::Keep("the null sender gets no bounce");
    }
    match envelope.sender.parse::<Address>() {
        Ok(sender) if envelope.assessment.may_bounce(sender.domain()) => Course::Bounce(sender),
        Ok(_) if envelope.assessment.verdict.is_bad() => Course::Keep("its content gets no bounce"),
        // A forged sender would get the bounce of a message that he never sent.
        Ok(_) => Course::Keep("the sender is not authenticated"),
        Err(_) => Course::Keep("its sender is not a valid address for a bounce"),
    }
}

fn allowed(shared: &RelayShared, limits: &mut BounceLimits, sender: &Address) -> bool {
    let config = shared.config.load();
    limits.allow(sender.domain(), clock::now(), config.bounces_per_domain_hour_max, config.bounces_per_hour_max)
}

async fn send_bounce(
    shared: &Arc<RelayShared>,
    report: &FailureReport,
    failed: &[(usize, &str)],
) -> Result<(), SpoolError> {
    let original = &report.envelope;
    let body = shared.spool.body_of(report.id).await?;
    let headers = header_section(&body, dsn::HEADERS_QUOTED_MAX).await?;
    let path = |index: usize| original.recipients.get(index).map_or("", |recipient| &*recipient.path);
    let recipients: Vec<(&str, &str)> = failed.iter().map(|(index, why)| (path(*index), *why)).collect();
    let id = shared.spool.next_id();
    let message = dsn::BounceInput {
        hostname: &shared.connector.hostname,
        id,
        original: report.id,
        sender: &original.sender,
        failed: &recipients,
        headers: &headers,
        arrived: original.received_at,
        now: clock::now(),
    }
    .message();
    let mut writer = shared.spool.body(Some(message.len() as u64));
    writer.write(&message).await?;
    let utf8 =
        !headers.is_ascii() || !original.sender.is_ascii() || recipients.iter().any(|(path, _)| !path.is_ascii());
    let envelope = ours(shared, &To::Sender(&original.sender), writer.len(), utf8, None);
    let spooled = shared.spool.accept(id, envelope, writer).await?;
    for (index, why) in failed {
        shared.record(MailAction::Bounced, report.id, original, *index, &id.to_string(), why);
        shared.metrics.bounced.inc();
    }
    shared.log_event(Process::Bounce, report.id, &format!("sender non-delivery notification: {id}"));
    shared.enqueue(spooled);
    Ok(())
}

/// Recipients of Doorlist's own messages; notices need permits.
pub(super) enum To<'a> {
    /// A bounce, to the sender of a message.
    Sender(&'a str),
    People(&'a [MailPermit]),
}

impl To<'_> {
    fn kind(&self) -> MessageKind {
        match self {
            To::Sender(_) => MessageKind::Bounce,
            To::People(_) => MessageKind::Notice,
        }
    }

    /// Each of them once.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = match self {
            To::Sender(sender) => vec![(*sender).to_owned()],
            To::People(permits) => permits.iter().map(|permit| permit.address().to_string()).collect(),
        };
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

/// The envelope of one of Doorlist's own messages.
pub(super) fn ours(shared: &RelayShared, to: &To<'_>, size: u64, utf8: bool, message_id: Option<Box<str>>) -> Envelope {
    let list = shared.recipients.snapshot();
    let recipient = |path: String| {
        let address = path.parse::<Address>().ok();
        let domain = address.and_then(|address| list.domain(address.domain()).map(|domain| domain.id));
        EnvelopeRecipient { path: path.into(), domain, address: None, system: false, unlisted: false }
    };
    Envelope {
        sender: "".into(),
        recipients: to.paths().into_iter().map(recipient).collect(),
        received_at: clock::now(),
        client: ClientInfo::default(),
        eight_bit: utf8,
        smtp_utf8: utf8,
        kind: to.kind(),
        message_id,
        size,
        assessment: Assessment::default(),
    }
}
