//! What is noted of each recipient, for previews and completeness: at RCPT, at the end of DATA, and when the domain's
//! server has the message. Behind the answers: a note that finds no room is dropped and counted by the mail log.

use crate::clock;
use doorlist_core::address::Address;
use doorlist_core::list::Match;
use doorlist_core::policy::{Decision, Recipient};
use doorlist_core::preview::{AskedOutcome, AskingSource};
use doorlist_core::verdict::ContentVerdict;
use doorlist_store::mail_log::AskedNote;
use doorlist_store::spool::{Envelope, EnvelopeRecipient};
use doorlist_store::{MailLog, RecipientStore};

/// Notes the answer to RCPT for a recipient that is on no list. Listed ones are noted with their message.
pub(crate) fn at_rcpt(
    log: &MailLog,
    sender: &str,
    recipient: &Recipient,
    decision: &Decision,
    source: impl FnOnce() -> AskingSource,
) {
    let (Recipient::Address(address), Some(domain)) = (recipient, decision.domain) else { return };
    if !matches!(decision.matched, Match::Unlisted | Match::Vetoed(_)) {
        return;
    }
    log.record_asked(AskedNote {
        time: clock::now(),
        domain,
        recipient: Some(address.to_string().into()),
        source: source(),
        outcome: AskedOutcome::of_unlisted(decision),
        verdict: None,
        sender: sender.into(),
    });
}

/// Notes a message that was accepted, with its verdict, for each of its recipients.
pub(crate) fn accepted(log: &MailLog, recipients: &RecipientStore, envelope: &Envelope) {
    received(log, envelope);
    let is_clean = envelope.assessment.verdict == ContentVerdict::Clean;
    for address in envelope.recipients.iter().filter_map(|recipient| recipient.address) {
        recipients.last_mail().note(address, envelope.received_at, is_clean);
    }
    if let Some(message_id) = envelope.message_id.as_deref()
        && is_clean
    {
        let listed = envelope.recipients.iter().filter_map(|recipient| recipient.domain.zip(recipient.address));
        recipients.recent_messages().note(message_id, &envelope.sender, listed, envelope.received_at);
    }
}

/// Notes a message that was received whole, with its verdict, for each of its recipients: also of one that is not accepted
/// for what is in it, they were asked for.
pub(crate) fn received(log: &MailLog, envelope: &Envelope) {
    for recipient in &envelope.recipients {
        note(log, envelope, recipient, if recipient.unlisted { AskedOutcome::Received } else { AskedOutcome::Listed });
    }
}

/// Notes that the domain's server took a message for a recipient.
pub(crate) fn taken(log: &MailLog, envelope: &Envelope, recipient: &EnvelopeRecipient) {
    note(log, envelope, recipient, AskedOutcome::Taken);
}

/// System addresses are left out: they are on no list, and always accepted.
fn note(log: &MailLog, envelope: &Envelope, recipient: &EnvelopeRecipient, outcome: AskedOutcome) {
    let Some(domain) = recipient.domain.filter(|_| !recipient.system) else { return };
    let address = || recipient.path.parse::<Address>().ok().map(|address| address.to_string().into());
    log.record_asked(AskedNote {
        time: clock::now(),
        domain,
        recipient: if recipient.unlisted { address() } else { None },
        source: AskingSource::Ordinary,
        outcome,
        verdict: Some(envelope.assessment.verdict),
        sender: if recipient.unlisted { envelope.sender.clone() } else { Box::default() },
    });
}
