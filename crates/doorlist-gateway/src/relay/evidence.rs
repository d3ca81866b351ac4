//! What a delivery shows of a recipient that is on no list: its domain's own server took a clean message for it. It is noted
//! before the message is settled, so that no crash comes between the two.

use super::RelayShared;
use super::connection::Peer;
use super::queue::{Part, RecipientOutcome};
use doorlist_core::address::Address;
use doorlist_core::change::host_and_port;
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::spool::{DeliveryOutcome, Envelope, EnvelopeRecipient};

/// What a server said in the end of a recipient's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerWord {
    Took,
    /// For good, with this status.
    Refused(EnhancedCode),
}

/// Is told of a recipient on whose message a server has said its word.
pub(crate) type Delivered = Box<dyn Fn(&Envelope, &EnvelopeRecipient, &Peer, ServerWord) + Send + Sync>;

impl RelayShared {
    /// Notes what the delivery to a recipient showed, if it showed something.
    pub(super) fn teach(&self, part: &Part, index: usize, outcome: &RecipientOutcome, peer: &Peer, now: Timestamp) {
        let envelope = &part.envelope;
        let Some(recipient) = envelope.recipients.get(index).filter(|recipient| recipient.unlisted) else { return };
        let (Some(domain), ContentVerdict::Clean) = (recipient.domain, envelope.assessment.verdict) else { return };
        let (Ok(address), Ok(place)) = (recipient.path.parse::<Address>(), u32::try_from(index)) else { return };
        self.spool.teach(DeliveryOutcome {
            id: part.id,
            recipient: place,
            domain,
            address,
            sender: envelope.sender.clone(),
            server: host_and_port(&peer.host.to_ascii_lowercase(), peer.address.port()).into(),
            status: outcome.status.to_string().into(),
            at: now,
            verdict: envelope.assessment.verdict,
        });
    }
}
