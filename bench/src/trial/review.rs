//! Compares what the installation knows with what is true: each evening, and behind the last day.

use super::days::{Member, Trial};
use super::message::{Happening, TrialEvent};
use super::people::MailShare;
use super::tally::{LAST_DAYS, LATE_AFTER, day_number};
use anyhow::Result;
use doorlist_actions::SuggestedAlias;
use doorlist_core::address::LocalPart;
use doorlist_core::domain::DomainId;
use doorlist_core::learning::CANDIDATES_MAX;
use doorlist_core::list::{Snapshot, Standing};
use doorlist_core::time::Timestamp;
use std::collections::HashMap;

/// Whether exactly this local part is on the list.
pub(crate) fn is_listed(list: &Snapshot, domain: DomainId, local: &LocalPart) -> bool {
    list.entry(domain, local.as_str()).is_some_and(|entry| entry.standing == Standing::Active)
}

impl Trial {
    /// The evening of a day.
    pub(crate) async fn close_day(&mut self, day: u32) -> Result<()> {
        self.world.services.recipients.recent_messages().write().await?;
        let list = self.world.services.recipients.snapshot();
        let is_last = day + LAST_DAYS > self.days;
        for member in &mut self.members {
            let Member { organisation, domain, tally, .. } = member;
            let entries = self.world.listed(&organisation.name).await?;
            for entry in &entries {
                let local = entry.address.local();
                if !tally.seen.insert(local.clone()) {
                    continue;
                }
                let evidence = self.world.book.evidence(*domain, local).await?;
                let at = evidence.as_ref().map(|learned| learned.evidence.at);
                if at.is_some_and(|at| organisation.exists(local, at)) {
                    continue;
                }
                let ever = if organisation.find(local).is_some() { "not then" } else { "never" };
                tally.wrong.add(|| match evidence {
                    Some(learned) => format!(
                        "{}: exists {ever}; taken {} s behind midnight of day {}, random name refused {} s before, \
                         learned {} s behind, from {}",
                        entry.address,
                        learned.evidence.at.as_secs().rem_euclid(86_400),
                        day_number(self.start, learned.evidence.at),
                        learned
                            .evidence
                            .control
                            .map_or(-1, |control| { learned.evidence.at.as_secs() - control.as_secs() }),
                        learned.learned.since(learned.evidence.at).as_secs(),
                        learned.evidence.sender,
                    ),
                    None => format!("{}: exists {ever}; without evidence", entry.address),
                });
            }
            let listed = |place: usize| {
                organisation.addresses.get(place).is_some_and(|address| is_listed(&list, *domain, &address.local))
            };
            tally.evening(is_last, entries.len() as u64, listed);
        }
        Ok(())
    }

    /// Behind the last day.
    pub(crate) async fn close_trial(&mut self, end: Timestamp) -> Result<()> {
        for event in self.take_planned() {
            self.count_waiting(event, end);
        }
        for member in &mut self.members {
            let Member { organisation, domain, tally, .. } = member;
            if let Some(asked) = self.world.callout().name(*domain) {
                tally.probes = asked.counts;
            }
            tally.candidates = self.world.book.candidates(*domain, false, candidates_max()).await?.len() as u64;
            let list = self.world.services.recipients.snapshot();
            for address in organisation.addresses.iter().filter(|one| is_listed(&list, *domain, &one.local)) {
                tally.left += u64::from(!address.exists(end));
                tally.spam_only_listed += u64::from(address.gets == MailShare::SpamOnly);
            }
            let entries = self.world.listed(&organisation.name).await?;
            let locals: Vec<LocalPart> = entries.iter().map(|entry| entry.address.local().clone()).collect();
            let person = |local: &LocalPart| organisation.address(local).map(|address| address.person);
            let mut names = HashMap::<usize, u64>::new();
            for person in locals.iter().filter_map(person) {
                *names.entry(person).or_default() += 1;
            }
            tally.true_pairs = names.values().map(|count| count - 1).sum();
            for SuggestedAlias { alias, account, .. } in self.world.suggested(&organisation.name).await? {
                let owner = person(alias.local());
                if owner.is_some() && owner == person(account.local()) {
                    tally.suggested_right += 1;
                } else {
                    tally.suggested_wrong.add(|| format!("{alias} for {account}"));
                }
            }
        }
        Ok(())
    }

    /// A message that still waits when the trial ends.
    fn count_waiting(&mut self, event: TrialEvent, end: Timestamp) {
        let Happening::Mail(message) = event.what else { return };
        let start = self.start;
        let Some(Member { organisation, server, tally, .. }) = self.members.get_mut(message.organisation) else {
            return;
        };
        let is_there =
            message.place.is_some_and(|place| organisation.addresses.get(place).is_some_and(|a| a.exists(end)));
        let waited = end.since(message.first);
        if message.attempts == 0 || !message.kind.is_wanted() || !is_there || waited <= LATE_AFTER {
            return;
        }
        let period = super::answers::period(start, message.first, server.was_down(message.first, end));
        tally.arrived(period, waited, message.deferred_by);
        tally.lost.add(|| {
            format!(
                "{}@{} still waits, sent on day {}",
                message.local,
                organisation.name,
                day_number(start, message.first)
            )
        });
    }
}

fn candidates_max() -> u32 {
    u32::try_from(CANDIDATES_MAX).unwrap_or(u32::MAX)
}
