//! The clock of a domain's trial: it begins with the first accepted message, its admins are told before it ends, and it
//! ends in mode monitor.

use super::{Learner, actor};
use crate::error::ActionError;
use crate::time_text::day;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::{Change, ChangeSet, DomainChange};
use doorlist_core::domain::{DomainId, Mode, TRIAL};
use doorlist_core::learning::{TrialNotice, notice_due};
use doorlist_core::time::Timestamp;
use doorlist_store::LearningBook;
use doorlist_store::contact_book::ContactOf;
use doorlist_store::learning::ToldTrial;
use doorlist_store::recipients::DomainSummary;
use std::collections::BTreeMap;

impl Learner {
    /// Begins the trials of domains that got their first message.
    pub(super) async fn begin_trials(&self) -> Result<(), ActionError> {
        let first = self.services.recipients.take_first_messages();
        if first.is_empty() {
            return Ok(());
        }
        let list = self.services.recipients.snapshot();
        let names: BTreeMap<DomainId, DomainName> = list
            .domains()
            .values()
            .filter(|domain| domain.mode == Mode::NEW)
            .map(|domain| (domain.id, domain.name.clone()))
            .collect();
        let mut waiting = first.iter();
        while let Some((id, at)) = waiting.next() {
            let Some(name) = names.get(id) else { continue };
            if let Err(error) = self.set_mode(name, Mode::Learn { until: Some(*at + TRIAL) }, "its trial begins").await
            {
                // What is left begins with the next look.
                std::iter::once((id, at)).chain(waiting).for_each(|(id, at)| {
                    self.services.recipients.note_first_message(*id, *at);
                });
                return Err(error);
            }
        }
        Ok(())
    }

    pub(super) async fn tell_of_trials(&self) -> Result<Vec<String>, ActionError> {
        let book = LearningBook::of(&self.services.recipients);
        let told: BTreeMap<DomainId, ToldTrial> = book.told_trials().await?.into_iter().collect();
        let mut sentences = Vec::new();
        for domain in self.services.recipients.domains().await? {
            let Mode::Learn { until } = domain.mode else { continue };
            match (until, told.get(&domain.id)) {
                // Of before there were trials: it has mail already.
                (None, Some(ToldTrial { until: None, .. })) => {
                    sentences.push(self.begin_trial_of_earlier(&book, &domain).await?);
                }
                (None, _) => {}
                (Some(until), told) => {
                    let stage = told.filter(|told| told.until == Some(until)).map_or(0, |told| told.stage);
                    sentences.extend(self.tell_of_trial(&book, &domain, until, stage).await?);
                }
            }
        }
        book.forget_trials().await?;
        Ok(sentences)
    }

    /// A domain that was being set up before there were trials.
    async fn begin_trial_of_earlier(&self, book: &LearningBook, domain: &DomainSummary) -> Result<String, ActionError> {
        let until = self.now() + TRIAL;
        self.set_mode(&domain.name, Mode::Learn { until: Some(until) }, "its trial begins").await?;
        book.tell_trial(domain.id, until, 0).await?;
        let subject = format!("{}: addresses are learned from mail now", domain.name);
        let text = format!(
            "{name} is in mode learn until {day}: an address that gets clean mail, and that the domain's own mail server \
             takes, is added to the list and marked Auto-Added.\n\nUntil that server was asked once, mail for addresses \
             that are not on the list is deferred, and comes again.\n\nWhat was added: doorlist account list {name} \
             --auto-added\nTo add nothing by itself: doorlist domain mode {name} monitor\n",
            name = domain.name,
            day = day(until),
        );
        self.tell(domain, &subject, &text).await?;
        Ok(format!("{}: the trial began and ends on {}", domain.name, day(until)))
    }

    /// The notice that is due, if one is; the last of them ends the trial.
    async fn tell_of_trial(
        &self,
        book: &LearningBook,
        domain: &DomainSummary,
        until: Timestamp,
        stage: i64,
    ) -> Result<Option<String>, ActionError> {
        let Some(notice) = notice_due(until, stage, self.now()) else {
            let is_over = self.now() >= until;
            if is_over {
                // It was told, and then something failed.
                self.set_mode(&domain.name, Mode::Monitor, "its trial is over").await?;
            }
            return Ok(None);
        };
        let (subject, text) = words(notice, domain, until);
        self.tell(domain, &subject, &text).await?;
        book.tell_trial(domain.id, until, notice.stage()).await?;
        if notice != TrialNotice::Over {
            return Ok(None);
        }
        self.set_mode(&domain.name, Mode::Monitor, "its trial is over").await?;
        Ok(Some(format!("{}: the trial is over; the domain is in mode monitor", domain.name)))
    }

    /// Tells the technical contact and the admins, or the operator where nobody else may be told.
    async fn tell(&self, domain: &DomainSummary, subject: &str, text: &str) -> Result<(), ActionError> {
        let services = &self.services;
        let contact = services.domain_details(&domain.name).await?.technical_contact;
        let admins = services.logins.admins_of(domain.id).await?;
        let admins = admins.iter().filter_map(|email| email.parse::<Address>().ok());
        let mut to: Vec<Address> = contact.into_iter().chain(admins).collect();
        to.sort();
        to.dedup();
        let mut permits = Vec::new();
        for address in &to {
            permits.extend(services.contacts.permit_notice(ContactOf::Domain(domain.id), address, self.now()).await?);
        }
        if permits.is_empty() {
            let operator: Vec<Address> = services.operator.iter().cloned().collect();
            services.tell_named_by_operator(&operator, subject, text).await;
        } else {
            // A mail that is not taken is not sent again: the mode stands in `domain show`.
            let _ = services.notifier.tell(permits, subject, text).await;
        }
        Ok(())
    }

    async fn set_mode(&self, name: &DomainName, mode: Mode, why: &str) -> Result<(), ActionError> {
        let changes = vec![Change::Domain { name: name.clone(), change: DomainChange::Mode(mode) }];
        let set = ChangeSet { changes, summary: format!("{name}: mode {}, {why}", mode.word()) };
        self.services.recipients.apply(&set, &actor(), None).await?;
        Ok(())
    }
}

fn words(notice: TrialNotice, domain: &DomainSummary, until: Timestamp) -> (String, String) {
    let (name, listed, day) = (&domain.name, domain.counts.listed(), day(until));
    let subject = match notice {
        TrialNotice::Week => format!("{name}: addresses are learned for 7 more days"),
        TrialNotice::Day => format!("{name}: addresses are learned until tomorrow"),
        TrialNotice::Over => format!("{name}: the list no longer grows by itself"),
    };
    let what = match notice {
        TrialNotice::Week | TrialNotice::Day => format!("The trial of {name} ends on {day}."),
        TrialNotice::Over => format!("The trial of {name} ended on {day}. The domain is in mode monitor now."),
    };
    let text = format!(
        "{what} Its list has {listed} addresses. Behind the trial nothing that was accepted before is refused: mail for \
         addresses that are not on the list is accepted if the domain's own mail server takes it, and such addresses are \
         shown as candidates.\n\nCandidates: doorlist candidate list {name}\nTo accept mail only for mailboxes in this \
         list: doorlist domain mode {name} enforce\nTo learn for longer (the operator): doorlist domain mode {name} learn \
         --days 30\n",
    );
    (subject, text)
}
