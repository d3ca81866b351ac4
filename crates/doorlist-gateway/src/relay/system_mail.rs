//! Handles rejections of mail for a domain's own postmaster or abuse. The message stays in the queue as failed, the
//! operator gets a copy, and the technical contact gets a notice. Both are limited, and neither is sent for Doorlist's
//! own messages.

use super::RelayShared;
use super::notice::{NoticeError, NoticeHandle};
use super::queue::FailureReport;
use super::report::{To, ours};
use crate::clock;
use crate::journal::Process;
use doorlist_core::address::Address;
use doorlist_core::domain::DomainId;
use doorlist_core::queue_id::QueueId;
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::StoreError;
use doorlist_store::contact_book::{ContactOf, MailPermit, NOTICES_PER_ADDRESS_MAX, NoPermit};
use doorlist_store::spool::{Envelope, SpoolError};
use std::fmt::Write as _;
use std::sync::Arc;

/// Maximum characters of a sender's local part and domain in a notice.
const SHOWN_MAX: usize = 64;

/// Why no copy was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("{0}")]
    Spool(#[from] SpoolError),
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Informs the operator and the technical contact. A failed notice is only logged: the message is in the queue.
pub(super) async fn tell(
    shared: &Arc<RelayShared>,
    report: &FailureReport,
    index: usize,
    why: &str,
) -> Result<(), CopyError> {
    let Some(recipient) = report.envelope.recipients.get(index) else { return Ok(()) };
    let (Some(domain), Ok(refused)) = (recipient.domain, recipient.path.parse::<Address>()) else { return Ok(()) };
    if is_ours(&report.envelope, &shared.connector.hostname) {
        shared.log_event(Process::Bounce, report.id, "a notice of this gateway bounced; no further notice is sent");
        return Ok(());
    }
    if let Some(operator) = shared.postmaster.as_ref().filter(|operator| **operator != refused) {
        match shared.contacts.permit_copy(domain, operator, clock::now()).await? {
            Ok(permit) => copy(shared, report, permit).await?,
            Err(why) => shared.log_event(Process::Bounce, report.id, &format!("no copy for {operator}: {why}")),
        }
    }
    let policies = shared.recipients.policies();
    if let Some(contact) = policies.technical_contact(domain).filter(|contact| **contact != refused) {
        let refusal = RefusalNotice {
            hostname: &shared.connector.hostname,
            id: report.id,
            sender: &report.envelope.sender,
            recipient: &refused,
            status: EnhancedCode::in_front_of(why),
        };
        if let Err(why) = tell_contact(shared, contact, domain, &refusal).await {
            shared.log_event(Process::Bounce, report.id, &format!("no notice to {contact}: {why}"));
        }
    }
    Ok(())
}

/// Why a contact gets no notice.
#[derive(Debug, thiserror::Error)]
enum NotTold {
    #[error("{0}")]
    NoPermit(#[from] NoPermit),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Notice(#[from] NoticeError),
}

async fn tell_contact(
    shared: &Arc<RelayShared>,
    contact: &Address,
    domain: DomainId,
    refusal: &RefusalNotice<'_>,
) -> Result<(), NotTold> {
    let permit = shared.contacts.permit_notice(ContactOf::Domain(domain), contact, clock::now()).await??;
    let notices = NoticeHandle { shared: Arc::clone(shared) };
    notices.send(vec![permit], &refusal.subject(), &refusal.text()).await?;
    Ok(())
}

/// Sends the unchanged message to the operator, with the null sender so that it cannot bounce.
async fn copy(shared: &Arc<RelayShared>, report: &FailureReport, permit: MailPermit) -> Result<(), SpoolError> {
    let original = &report.envelope;
    let body = shared.spool.body_of(report.id).await?;
    let mut reader = body.reader().await?;
    let mut writer = shared.spool.body(Some(body.len()));
    while let Some(chunk) = reader.chunk().await? {
        writer.write(chunk).await?;
    }
    let id = shared.spool.next_id();
    let to = [permit];
    let mut envelope = ours(shared, &To::People(&to), writer.len(), original.smtp_utf8, original.message_id.clone());
    envelope.eight_bit = original.eight_bit;
    let spooled = shared.spool.accept(id, envelope, writer).await?;
    shared.log_event(
        Process::Bounce,
        report.id,
        &format!("refused for a system address: copy {id} goes to <{}>", to[0].address()),
    );
    shared.enqueue(spooled);
    Ok(())
}

/// Whether Doorlist sent the message: a notice or a bounce that is forwarded to the domain's postmaster must not cause
/// another one.
fn is_ours(envelope: &Envelope, hostname: &str) -> bool {
    let id = envelope.message_id.as_deref().unwrap_or_default().trim().trim_end_matches('>');
    id.rsplit_once('@').is_some_and(|(_, host)| host.eq_ignore_ascii_case(hostname))
}

/// The content of a notice: where the message is, and nothing that its sender wrote except the address.
struct RefusalNotice<'a> {
    hostname: &'a str,
    id: QueueId,
    /// The reverse path as written.
    sender: &'a str,
    /// The system address in canonical form.
    recipient: &'a Address,
    status: Option<EnhancedCode>,
}

impl RefusalNotice<'_> {
    fn subject(&self) -> String {
        format!("Mail for {} was refused by its own server", self.recipient)
    }

    fn text(&self) -> String {
        let Self { hostname, id, recipient, .. } = self;
        let class = self.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        let mut text = format!(
            "The mail server of {} refused a message for\n\
             {recipient}, an address that every mail domain needs\n\
             (RFC 5321, section 4.5.1). The message was not sent on. It waits\n\
             in the queue of {hostname}.\n\n",
            recipient.domain()
        );
        let _ = write!(
            text,
            "Queue id:     {id}\nSender:       {}\nRecipient:    {recipient}\nReply class:  {class}\n\n",
            plain(self.sender)
        );
        let _ = write!(
            text,
            "Let the server accept mail for that address. Whoever runs the gateway\n\
             can then release the message, or delete it. One address gets at most\n\
             {NOTICES_PER_ADDRESS_MAX} of these notices in 24 hours.\n"
        );
        text
    }
}

/// Shortens an untrusted address and removes characters that could form words, links or lines in a notice.
fn plain(path: &str) -> String {
    if path.is_empty() {
        return "<>".to_owned();
    }
    let Ok(address) = path.parse::<Address>() else { return "(not an address)".to_owned() };
    let part = |text: &str| {
        let shown = text.chars().take(SHOWN_MAX);
        let shown =
            shown.map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '=') { c } else { '?' });
        let shown: String = shown.collect();
        if text.chars().count() > SHOWN_MAX { shown + "..." } else { shown }
    };
    format!("<{}@{}>", part(address.local().as_str()), part(address.domain().as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use doorlist_core::time::Timestamp;
    use doorlist_store::spool::{ClientInfo, MessageKind};

    #[test]
    fn a_sender_cannot_write_into_a_notice() {
        let recipient = "postmaster@d.example.test".parse().unwrap();
        for (sender, shown) in [
            ("", "<>"),
            ("ann@else.example.test", "<ann@else.example.test>"),
            ("prvs=1=ann+x@else.example.test", "<prvs=1=ann+x@else.example.test>"),
            (
                "\"Visit https://evil.example.test/ now\"@else.example.test",
                "<visit?https???evil.example.test??now@else.example.test>",
            ),
            ("\"a\\\"b@c\"@else.example.test", "<a?b?c@else.example.test>"),
            ("j\u{FC}rgen@else.example.test", "<j?rgen@else.example.test>"),
            ("j\u{FC}rgen\u{2066}@else.example.test", "(not an address)"),
            ("no address\r\nBcc: x", "(not an address)"),
        ] {
            let refusal = RefusalNotice {
                hostname: "gw.example.test",
                id: QueueId::new(Timestamp::from_secs(1_764_000_000), 1, 7),
                sender,
                recipient: &recipient,
                status: EnhancedCode::in_front_of("5.1.1 host h[192.0.2.1] said: 550 5.1.1 buy at evil.example.test"),
            };
            let text = refusal.text();
            let line = text.lines().find(|line| line.starts_with("Sender:")).unwrap();
            assert_eq!(line.split_whitespace().skip(1).collect::<Vec<_>>().join(" "), shown, "{line}");
            assert!(text.contains("\nReply class:  5.1.1\n"), "{text}");
            assert!(!text.contains("buy at") && !text.contains("://"), "{text}");
        }
        let long = format!("{}@{}.example.test", "x".repeat(64), ["y".repeat(60), "z".repeat(60)].join("."));
        assert!(plain(&long).ends_with("...>"), "{}", plain(&long));
    }

    #[test]
    fn what_we_made_ourselves_is_known_again() {
        let envelope = |message_id: Option<&str>| Envelope {
            sender: "".into(),
            recipients: Vec::new(),
            received_at: Timestamp::from_secs(0),
            client: ClientInfo::default(),
            eight_bit: false,
            smtp_utf8: false,
            kind: MessageKind::Inbound,
            message_id: message_id.map(Into::into),
            size: 0,
            assessment: doorlist_core::verdict::Assessment::default(),
        };
        for (message_id, ours) in [
            (Some("<4abc@GW.example.test>"), true),
            (Some("4abc@gw.example.test"), true),
            (Some("<4abc@xgw.example.test>"), false),
            (Some("<gw.example.test>"), false),
            (None, false),
        ] {
            assert_eq!(is_ours(&envelope(message_id), "gw.example.test"), ours, "{message_id:?}");
        }
    }
}
