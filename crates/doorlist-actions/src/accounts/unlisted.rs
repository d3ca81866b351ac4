//! What is known of an address that is on no list, in words: whether it is a candidate, what its server said, whether it
//! was on the list, and its mail.

use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use crate::time_text::{day, minute};
use doorlist_core::address::Address;
use doorlist_core::counted::counted;
use doorlist_core::domain::DomainId;
use doorlist_core::learning::Candidate;
use doorlist_core::verification::VerificationRecord;
use doorlist_store::recipients::{AddressChange, Refusal};
use doorlist_store::{LearningBook, VerificationBook};

impl Actions {
    /// Says that an address is on no list, and what else is known of it.
    pub(super) async fn not_listed(&self, address: &Address) -> Result<ActionError, ActionError> {
        let domain = self.services.domain_details(address.domain()).await?.summary;
        let own = Address::new(address.local().clone(), domain.name);
        let refusal = Refusal::NotListed { address: own.clone() };
        let known = self.known_of(domain.id, &own).await?;
        if known.is_empty() {
            return Ok(refusal.into());
        }
        let message = format!("{refusal}; {}", known.join("; "));
        Ok(ActionError::new(ErrorKind::NotFound, message))
    }

    /// A sentence for each thing that is known.
    async fn known_of(&self, domain: DomainId, own: &Address) -> Result<Vec<String>, ActionError> {
        let (recipients, local) = (&self.services.recipients, own.local());
        let locals = std::slice::from_ref(local);
        let mut known = Vec::new();
        let candidates = LearningBook::of(recipients).find(domain, locals).await?;
        known.extend(candidates.iter().map(candidate_text));
        let named = (domain, own.domain().clone());
        let records = VerificationBook::of(recipients).records(&named, locals).await?;
        let now = self.now();
        known.extend(records.iter().filter(|(_, record)| record.is_live(now)).map(|(_, record)| record_text(*record)));
        known.extend(self.changes_of(domain, local).await?.first().map(change_text));
        if let Some(mailed) = recipients.last_mail().of_address(domain, local).await? {
            known.push(format!("it got mail last on {}, when it was on the list", day(mailed.accepted)));
        }
        Ok(known)
    }
}

fn candidate_text(candidate: &Candidate) -> String {
    let Candidate { messages, last_seen, state, evidence, .. } = candidate;
    let (messages, last) = (counted(*messages, "clean message"), minute(*last_seen));
    let senders = candidate.senders_text();
    let senders = if senders == "1" { "1 sender".to_owned() } else { format!("{senders} senders") };
    format!(
        "it is a candidate ({}): {messages} from {senders}, last {last}; {} took {}",
        state.word(),
        evidence.server,
        evidence.queue_id,
    )
}

fn record_text(VerificationRecord { exists, at }: VerificationRecord) -> String {
    let says = if exists { "takes it" } else { "does not know it" };
    format!("the domain's server {says}, as of {}", minute(at))
}

fn change_text(change: &AddressChange) -> String {
    let AddressChange { change, time, actor, summary, .. } = change;
    format!("its last change is change {change}, {} by {}: {summary}", minute(*time), actor.name)
}
