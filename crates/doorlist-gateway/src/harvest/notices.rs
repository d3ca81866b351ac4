//! Tells people when the state of a domain changes: in the log, as an event, and by mail to the operator and the domain's
//! technical contact, within the limits of the contact book.

use super::HarvestDefence;
use super::domains::{ChangedSign, ChangedState};
use crate::journal::FieldValue;
use doorlist_core::address::DomainName;
use doorlist_core::domain::DomainId;
use doorlist_core::harvest::AttackState;
use doorlist_core::harvest::slow::SLOW_FACTOR;
use doorlist_core::time::Timestamp;

impl HarvestDefence {
    /// Tells of a change.
    pub(super) async fn tell_of_state(&self, change: ChangedState, now: Timestamp) {
        let Some(name) = self.name_of(change.domain) else { return };
        let rate = u64::from(change.rate);
        let event = format!("harvest defence: {name} is {}, was {};", change.now.word(), change.before.word());
        self.tell(&event, &[("unknown_names", FieldValue::Num(rate))]);
        let detail = format!("was {}, {rate} unknown names in ten minutes", change.before.word());
        self.event(now, change.now.word(), name.as_str(), Some(change.domain), &detail);
        self.metrics.changed(change.now);
        let (subject, text) = message(&name, &change);
        self.parts.people.tell(change.domain, (&subject, &text), now).await;
    }

    /// Tells of a slow attack. Its end stands in the log and among the events only: there is nothing to do.
    pub(super) async fn tell_of_sign(&self, sign: ChangedSign, now: Timestamp) {
        let Some(name) = self.name_of(sign.domain) else { return };
        let (names, word) = (u64::from(sign.names), if sign.is_there { "slow-attack" } else { "slow-attack-over" });
        let event = format!("harvest defence: {name}: {word};");
        self.tell(&event, &[("unknown_names_of_day", FieldValue::Num(names))]);
        let detail = format!("{names} unknown names in 24 hours");
        self.event(now, word, name.as_str(), Some(sign.domain), &detail);
        if sign.is_there {
            self.metrics.slow_attack();
            let (subject, text) = message_of_sign(&name, &sign);
            self.parts.people.tell(sign.domain, (&subject, &text), now).await;
        }
    }

    fn name_of(&self, id: DomainId) -> Option<DomainName> {
        let list = self.parts.people.recipients.snapshot();
        list.domains().values().find(|domain| domain.id == id).map(|domain| domain.name.clone())
    }
}

fn message(name: &DomainName, change: &ChangedState) -> (String, String) {
    let rate = change.rate;
    match change.now {
        AttackState::Normal => (
            format!("The harvest attack on {name} is over"),
            format!(
                "{name} is in the normal state again. Nothing has to be done.\n\nLook back: doorlist harvest status {name}\n"
            ),
        ),
        AttackState::Elevated => (
            format!("Many unknown recipients at {name}"),
            format!(
                "Within ten minutes, {rate} different unknown recipients of {name} were asked for. The domain's own server \
                 is asked about unlisted recipients for senders with a good record only. Listed recipients are accepted as \
                 before.\n\nLook: doorlist harvest status {name}\n"
            ),
        ),
        AttackState::Attack => (
            format!("Harvest attack on {name}"),
            format!(
                "Within ten minutes, {rate} different unknown recipients of {name} were asked for. Senders without a good \
                 record are deferred, whether their recipient exists or not; a retry after five minutes is judged normally. \
                 This ends with the attack, at the latest after 4 hours.\n\n\
                 Look: doorlist harvest status {name}\n\
                 End it: doorlist harvest release {name}\n\
                 Let it go on for longer: doorlist harvest extend {name} --for 12h\n"
            ),
        ),
    }
}

fn message_of_sign(name: &DomainName, sign: &ChangedSign) -> (String, String) {
    let ChangedSign { names, usual, .. } = sign;
    let usual = match usual {
        0 => "What is usual for the domain is not known in its first 14 days.".to_owned(),
        usual => format!("Usual are at most {usual} in a day; {SLOW_FACTOR} times that is told."),
    };
    (
        format!("Sign of a slow harvest attack on {name}"),
        format!(
            "Within 24 hours, senders without a good record asked for {names} different unknown recipients of {name}, so \
             slowly that no rate was reached. {usual} No answer changes: each of these senders asks for few names.\n\n\
             Look at the names that were asked for: doorlist harvest status {name}\n\
             See where they come from: doorlist log --domain {name} --action refused --since 24h\n\
             If they look like a list of people's names, block networks that send nothing else: \
             doorlist harvest block NETWORK --for 7d --reason TEXT\n\
             If they are old addresses, nothing has to be done.\n\n\
             You are told again only if this number falls below a half and rises again.\n"
        ),
    )
}
