//! Answers recipients as a session does: by the list, then by what the domain's own server says, under the measures of
//! harvest detection. What follows from an answer is planned and counted.

use super::attack::GuessAnswer;
use super::callout::ProbeSource;
use super::days::{Member, Trial};
use super::harvest::{RecipientAttempt, answer_of_unlisted};
use super::message::{Happening, TrialMessage};
use super::tally::{CleanAttempt, TrialPeriod, day_number};
use doorlist_core::address::{Address, LocalPart};
use doorlist_core::domain::Mode;
use doorlist_core::harvest::AnswerKind;
use doorlist_core::network::SourceKey;
use doorlist_core::policy::{Decision, Offer, Reason, Recipient, ReturnPath, SourceStanding, Verdict, decide_for};
use doorlist_core::sender_rules::Sender;
use doorlist_core::time::Timestamp;
use doorlist_core::verdict::ContentVerdict;
use doorlist_core::verification::ServerAnswer;
use std::net::IpAddr;
use std::time::Duration;

/// Size limit of a message, which none of the trial reaches.
const SIZE_MAX: u64 = 50 << 20;
/// The reverse path of attackers.
const ATTACKER: &str = "check@scan.sender.test";

/// The answer to one recipient.
struct RecipientAnswer {
    decision: Decision,
    standing: SourceStanding,
    /// What an unlisted recipient hears there.
    unlisted: AnswerKind,
    raised_flag: bool,
}

impl Trial {
    /// Answers one recipient, and counts it for its source.
    fn answer(
        &mut self,
        member: usize,
        local: &LocalPart,
        (client, sender): (IpAddr, &str),
        now: Timestamp,
    ) -> Option<RecipientAnswer> {
        let Member { organisation, domain, .. } = self.members.get(member)?;
        let recipients = &self.world.services.recipients;
        let (list, policies) = (recipients.snapshot(), recipients.policies());
        let mode = list.domain(&organisation.name)?.mode;
        let address = Address::new(local.clone(), organisation.name.clone());
        let attempt = RecipientAttempt { client, sender, recipient: &address };
        let standing = self.defence.standing(attempt, now);
        let offer = Offer {
            sender: Sender::from_path(sender),
            return_path: if sender.is_empty() { ReturnPath::Null } else { ReturnPath::Address },
            size: None,
            size_max: SIZE_MAX,
            others: None,
        };
        let recipient = Recipient::Address(address.clone());
        let mut decision = decide_for(&recipient, &list, standing, now, &policies, &offer);
        if decision.reason == Reason::Undecided {
            let source = ProbeSource { key: SourceKey::from(client), class: self.defence.class(client, now) };
            let known = self.world.callout().ask(*domain, local, source, now);
            decision = offer.knowing(&recipient, decision, known, &policies);
        }
        if decision.verdict == Verdict::Accept && mode == Mode::NEW {
            recipients.note_first_message(*domain, now);
        }
        let raised_flag = self.defence.answered(attempt, &decision, now);
        Some(RecipientAnswer { decision, standing, unlisted: answer_of_unlisted(mode, now), raised_flag })
    }

    /// A message is tried.
    pub(crate) fn mail(&mut self, mut message: TrialMessage) {
        let (now, number) = (message.at, message.organisation);
        let source = (message.client.address, &*message.sender);
        let Some(RecipientAnswer { decision, .. }) = self.answer(number, &message.local, source, now) else { return };
        let Some(member) = self.members.get_mut(number) else { return };
        let Member { organisation, server, tally, .. } = member;
        let place = message.place.filter(|place| organisation.addresses.get(*place).is_some_and(|a| a.exists(now)));
        tally.messages += 1;
        if let Some(place) = place.filter(|_| message.attempts == 0 && message.kind.is_clean()) {
            tally.clean(CleanAttempt { place, is_listed: decision.matched.address_id().is_some() });
        }
        let is_wanted = message.kind.is_wanted() && place.is_some();
        match decision.verdict {
            Verdict::Accept => {
                if is_wanted {
                    let period = period(self.start, message.first, server.was_down(message.first, now));
                    tally.arrived(period, now.since(message.first), message.deferred_by);
                }
                tally.accepted_for_nobody += u64::from(!server.has(&message.local, now));
                self.accepted(message, &decision);
            }
            Verdict::Reject if is_wanted => tally.refused.add(|| {
                let (local, name, reason) = (&message.local, &organisation.name, decision.reason.word());
                format!("{local}@{name}, day {}: {reason}", day_number(self.start, now))
            }),
            Verdict::Reject => {}
            Verdict::Defer => {
                message.deferred_by.get_or_insert(decision.reason);
                let (local, first) = (message.local.clone(), message.first);
                match message.again(&mut self.chance) {
                    Some(again) => self.plan(again.at, Happening::Mail(again)),
                    None if is_wanted => tally.lost.add(|| {
                        format!("{local}@{}, sent on day {}", organisation.name, day_number(self.start, first))
                    }),
                    None => {}
                }
            }
        }
    }

    /// A message was accepted, and goes on to the domain's own server.
    fn accepted(&mut self, message: TrialMessage, decision: &Decision) {
        let Some(Member { server, domain, organisation, tally, .. }) = self.members.get_mut(message.organisation)
        else {
            return;
        };
        if decision.reason == Reason::Confirmed {
            return self.deliveries.add(message, *domain);
        }
        if let Some(address) = decision.matched.address_id()
            && message.kind.verdict() == ContentVerdict::Clean
        {
            let recent = self.world.services.recipients.recent_messages();
            recent.note(&message.message_id, &message.sender, [(*domain, address)], message.at);
        }
        match server.answer(&message.local, message.at) {
            ServerAnswer::Exists => {
                if let Some(asked) = self.world.callout().name(*domain) {
                    asked.delivered(&message.local, message.at);
                }
                if message.kind.verdict() == ContentVerdict::Clean {
                    let recipient = Address::new(message.local.clone(), organisation.name.clone());
                    let (client, sender) = (message.client.address, &*message.sender);
                    self.defence
                        .delivered_clean(RecipientAttempt { client, sender, recipient: &recipient }, message.at);
                }
            }
            ServerAnswer::NoSuchUser => tally.refused_by_server += 1,
            // It waits in the queue, and shows nothing of a list that has it.
            ServerAnswer::Undecided => {}
        }
    }

    /// One source of an attack guesses a name.
    pub(crate) fn guess(&mut self, number: usize, source: usize, now: Timestamp) {
        let Some(attack) = self.attacks.get_mut(number) else { return };
        let member = attack.organisation;
        let Some(Member { organisation, server, .. }) = self.members.get(member) else { return };
        let Some((client, local)) = attack.guess(source, organisation, now) else { return };
        let (exists, accepts_all) = (organisation.exists(&local, now), server.accepts_all(now));
        let name = organisation.name.clone();
        let Some(answer) = self.answer(member, &local, (client, ATTACKER), now) else { return };
        let slow_since = self.defence.slow_attack_since(&name);
        let RecipientAnswer { decision, standing, unlisted, raised_flag } = answer;
        let Some(attack) = self.attacks.get_mut(number) else { return };
        let session = attack.session(source);
        let delay = session.map_or(Duration::ZERO, |session| session.answered(standing, &decision, unlisted));
        let tells = decision.verdict == Verdict::Accept && exists && !accepts_all;
        let heard = GuessAnswer { verdict: decision.verdict, delay, tells, raised_flag, slow_since };
        if let Some(next) = attack.answered(source, (&local, exists), heard, now) {
            self.plan(next, Happening::Guess { attack: number, source });
        }
    }
}

/// In which period a message came that was tried first at this time.
pub(crate) fn period(start: Timestamp, first: Timestamp, was_down: bool) -> TrialPeriod {
    if day_number(start, first) == 1 {
        TrialPeriod::FirstDay
    } else if was_down {
        TrialPeriod::Outage
    } else {
        TrialPeriod::Other
    }
}
