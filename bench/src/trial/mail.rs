//! The mail that comes for an organisation on one day.

use super::chance::Chance;
use super::message::{MailClient, TrialKind, TrialMessage};
use super::mix::{BounceFlood, SpamRun};
use super::own_server::{day as day_of, hours};
use super::people::{DAY, MailShare, Organisation};
use doorlist_core::address::LocalPart;
use doorlist_core::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Large providers, which send for everybody.
const PROVIDERS: usize = 3;
/// Share of clean mail that comes from them.
const OF_PROVIDERS: f64 = 0.4;
/// Mail of a Saturday or Sunday, of a workday's.
const WEEKEND: f64 = 0.2;
/// Share of mail within working hours.
const AT_WORK: f64 = 0.85;
/// Days between two issues of a newsletter.
const ISSUE_EVERY: u32 = 3;
/// Share of other people who get a newsletter, too.
const SUBSCRIBED: f64 = 0.15;
/// Servers of a newsletter, and the time between two of its recipients.
const NEWSLETTER_SERVERS: usize = 4;
const NEWSLETTER_PACE: Duration = Duration::from_millis(500);
/// Machines that send the spam of all days.
const BOTS: u64 = 50_000;

/// What sends mail to one organisation.
#[derive(Debug)]
pub(crate) struct Traffic {
    organisation: usize,
    chance: Chance,
    newsletters: Vec<Newsletter>,
    /// Messages that were sent.
    sent: u64,
}

#[derive(Debug, Default)]
struct Newsletter {
    subscribers: Vec<usize>,
    stale: Vec<LocalPart>,
}

impl Traffic {
    pub(crate) fn of(organisation: usize, people: &Organisation, seed: u64) -> Self {
        let mut chance = Chance::new(seed, &format!("mail of {}", people.name));
        let mut newsletters: Vec<Newsletter> = Vec::new();
        newsletters.resize_with(people.mix.mail.newsletters.max(1), Newsletter::default);
        for (place, address) in people.addresses.iter().enumerate() {
            let subscribes = match address.gets {
                MailShare::NewslettersOnly => true,
                MailShare::Ordinary(_) => chance.happens(SUBSCRIBED),
                MailShare::Once(_) | MailShare::SpamOnly => false,
            };
            let newsletter = chance.below(newsletters.len());
            if let Some(newsletter) = newsletters.get_mut(newsletter).filter(|_| subscribes) {
                newsletter.subscribers.push(place);
            }
        }
        for newsletter in &mut newsletters {
            let stale = newsletter.subscribers.len() as f64 * people.mix.mail.stale;
            newsletter.stale = (0..chance.count(stale)).map(|_| people.absent_name(&mut chance)).collect();
        }
        Self { organisation, chance, newsletters, sent: 0 }
    }

    /// Everything that is sent on this day, which is 1 or more.
    pub(crate) fn day(&mut self, people: &Organisation, start: Timestamp, number: u32) -> Vec<TrialMessage> {
        let begin = start + DAY * (number - 1);
        let mut messages = Vec::new();
        self.personal(people, begin, number, &mut messages);
        self.issues(people, begin, number, &mut messages);
        self.daily_spam(people, begin, &mut messages);
        let is_today = |day: f64| (begin..begin + DAY).contains(&day_of(start, day));
        for run in people.mix.spam.iter().filter(|run| is_today(run.day)) {
            self.spam_run(people, run, day_of(start, run.day), &mut messages);
        }
        for flood in people.mix.bounces.iter().filter(|flood| is_today(flood.day)) {
            self.bounces(people, flood, day_of(start, flood.day), &mut messages);
        }
        messages
    }

    fn personal(&mut self, people: &Organisation, begin: Timestamp, number: u32, to: &mut Vec<TrialMessage>) {
        let is_weekend = matches!(number % 7, 6 | 0);
        let mean = people.mix.mail.clean * if is_weekend { WEEKEND } else { 1.0 };
        for (place, address) in people.addresses.iter().enumerate() {
            match address.gets {
                MailShare::Ordinary(weight) => {
                    for _ in 0..self.chance.count(mean * weight) {
                        let at = self.hour(begin);
                        self.one(people, place, at, to);
                    }
                }
                MailShare::Once(at) if (begin..begin + DAY).contains(&at) => self.one(people, place, at, to),
                MailShare::Once(_) | MailShare::NewslettersOnly | MailShare::SpamOnly => {}
            }
        }
    }

    /// A message from one person to another.
    fn one(&mut self, people: &Organisation, place: usize, at: Timestamp, to: &mut Vec<TrialMessage>) {
        let Some(address) = people.addresses.get(place).filter(|address| address.exists(at)) else { return };
        let (mix, chance) = (&people.mix.mail, &mut self.chance);
        let is_once = matches!(address.gets, MailShare::Once(_));
        let kind = match chance.unit() {
            // Who gets one message gets a clean one.
            _ if is_once => TrialKind::Clean,
            part if part < mix.typos => TrialKind::Typo,
            part if part < mix.typos + mix.unchecked => TrialKind::Unchecked,
            part if part < mix.typos + mix.unchecked + mix.null_sender => TrialKind::Bounce,
            _ => TrialKind::Clean,
        };
        let local = match kind {
            TrialKind::Typo => people.mistyped(&address.local, chance),
            TrialKind::Clean if chance.happens(mix.sub_addresses) => {
                LocalPart::from_canonical(&format!("{}+shop{}", address.local, chance.below(20)))
            }
            _ => address.local.clone(),
        };
        let (client, sender) = self.correspondent(people);
        let sender = if kind == TrialKind::Bounce { "".into() } else { sender };
        let other = if kind == TrialKind::Clean { self.other_recipient(people, place, at) } else { None };
        let place = (kind != TrialKind::Typo).then_some(place);
        let message = self.message(local, place, at, (client, sender), kind);
        if let Some((other, address)) = other.and_then(|other| Some((other, people.addresses.get(other)?))) {
            to.push(TrialMessage { local: address.local.clone(), place: Some(other), ..message.clone() });
        }
        to.push(message);
    }

    /// The place of another address that gets the same message: of the same person, or of anybody.
    fn other_recipient(&mut self, people: &Organisation, place: usize, at: Timestamp) -> Option<usize> {
        let (mix, chance) = (&people.mix.mail, &mut self.chance);
        // A person's second local part stands behind the first one.
        let person = |place: usize| people.addresses.get(place).map(|address| address.person);
        let first = place.checked_sub(1).filter(|first| person(*first) == person(place));
        if mix.shared > 0.0
            && let Some(first) = first
            && chance.happens(mix.shared)
        {
            return Some(first);
        }
        // Where a mix has none of it, chance is not asked: its trial stays the same.
        let is_copied = mix.copied > 0.0 && chance.happens(mix.copied);
        is_copied.then(|| people.any_existing(at, chance)).flatten().filter(|other| *other != place)
    }

    fn issues(&mut self, people: &Organisation, begin: Timestamp, number: u32, to: &mut Vec<TrialMessage>) {
        let newsletters = std::mem::take(&mut self.newsletters);
        for (letter, newsletter) in newsletters.iter().enumerate() {
            if letter >= people.mix.mail.newsletters || !(number as usize + letter).is_multiple_of(ISSUE_EVERY as usize)
            {
                continue;
            }
            let mut at = begin + Duration::from_hours(6 + letter as u64 % 10);
            let sender: Arc<str> = format!("bounces@letter{letter}.sender.test").into();
            let mut recipients: Vec<(Option<usize>, LocalPart)> =
                newsletter.stale.iter().map(|stale| (None, stale.clone())).collect();
            for place in &newsletter.subscribers {
                let address = people.addresses.get(*place).filter(|address| address.from <= at);
                recipients.extend(address.map(|address| (Some(*place), address.local.clone())));
            }
            self.chance.shuffle(&mut recipients);
            for (turn, (place, local)) in recipients.into_iter().enumerate() {
                at = at + NEWSLETTER_PACE;
                let client = MailClient::at(100 + self.organisation, letter * 250 + turn % NEWSLETTER_SERVERS);
                let is_there = place.is_some_and(|place| people.addresses.get(place).is_some_and(|a| a.exists(at)));
                let kind = if is_there { TrialKind::Newsletter } else { TrialKind::Typo };
                to.push(self.message(local, place.filter(|_| is_there), at, (client, Arc::clone(&sender)), kind));
            }
        }
        self.newsletters = newsletters;
    }

    fn daily_spam(&mut self, people: &Organisation, begin: Timestamp, to: &mut Vec<TrialMessage>) {
        let mean = people.mix.mail.spam * people.mix.people as f64;
        for _ in 0..self.chance.count(mean) {
            let at = self.chance.within(begin, DAY);
            let bot = self.chance.bits() % BOTS;
            let is_known = self.chance.happens(people.mix.mail.spam_known);
            self.spam(people, at, MailClient::bot(bot), is_known, TrialKind::Spam, to);
        }
    }

    fn spam_run(&mut self, people: &Organisation, run: &SpamRun, from: Timestamp, to: &mut Vec<TrialMessage>) {
        for _ in 0..run.messages {
            let at = self.chance.within(from, hours(run.hours));
            // Behind the machines of all days.
            let bot = BOTS + self.chance.bits() % u64::from(run.sources);
            let is_known = self.chance.happens(run.known);
            let kind = if self.chance.happens(run.judged_clean) { TrialKind::MissedSpam } else { TrialKind::Spam };
            self.spam(people, at, MailClient::bot(bot), is_known, kind, to);
        }
    }

    fn spam(
        &mut self,
        people: &Organisation,
        at: Timestamp,
        client: MailClient,
        is_known: bool,
        kind: TrialKind,
        to: &mut Vec<TrialMessage>,
    ) {
        let place = is_known.then(|| people.any_existing(at, &mut self.chance)).flatten();
        let address = place.and_then(|place| people.addresses.get(place));
        // What is taken for clean shows nothing of who gets nothing but spam.
        let kind = match address.map(|address| address.gets) {
            Some(MailShare::SpamOnly) => TrialKind::Spam,
            _ => kind,
        };
        let local = address.map(|address| address.local.clone());
        let local = local.unwrap_or_else(|| people.absent_name(&mut self.chance));
        let sender = format!("offer{}@spam.test", self.chance.below(1_000)).into();
        to.push(self.message(local, place, at, (client, sender), kind));
    }

    fn bounces(&mut self, people: &Organisation, flood: &BounceFlood, from: Timestamp, to: &mut Vec<TrialMessage>) {
        for _ in 0..flood.messages {
            let at = self.chance.within(from, hours(flood.hours));
            let is_known = self.chance.happens(flood.known);
            let place = is_known.then(|| people.any_existing(at, &mut self.chance)).flatten();
            let local = place.and_then(|place| people.addresses.get(place)).map(|address| address.local.clone());
            let local = local.unwrap_or_else(|| people.absent_name(&mut self.chance));
            let client = if self.chance.happens(flood.from_correspondents) {
                self.correspondent(people).0
            } else {
                MailClient::at(200, self.chance.below(5_000))
            };
            to.push(self.message(local, place, at, (client, "".into()), TrialKind::Backscatter));
        }
    }

    /// Somebody who writes to people: some often, most seldom.
    fn correspondent(&mut self, people: &Organisation) -> (MailClient, Arc<str>) {
        let person = self.chance.below(50);
        if self.chance.happens(OF_PROVIDERS) {
            let provider = self.chance.below(PROVIDERS);
            let client = MailClient::of_provider(provider, &mut self.chance);
            return (client, format!("person{person}@provider{provider}.sender.test").into());
        }
        let often = self.chance.unit();
        let firm = (often * often * people.mix.mail.senders.max(1) as f64) as usize;
        let client = MailClient::at(self.organisation, firm);
        (client, format!("person{person}@firm{firm}.sender.test").into())
    }

    /// A time of the day: mostly within working hours.
    fn hour(&mut self, begin: Timestamp) -> Timestamp {
        if self.chance.happens(AT_WORK) {
            self.chance.within(begin + Duration::from_hours(7), Duration::from_hours(11))
        } else {
            self.chance.within(begin, DAY)
        }
    }

    fn message(
        &mut self,
        local: LocalPart,
        place: Option<usize>,
        at: Timestamp,
        (client, sender): (MailClient, Arc<str>),
        kind: TrialKind,
    ) -> TrialMessage {
        let organisation = self.organisation;
        self.sent += 1;
        let message_id = format!("<{}.{organisation}@sender.test>", self.sent).into();
        TrialMessage {
            at,
            first: at,
            attempts: 0,
            organisation,
            local,
            place,
            client,
            sender,
            message_id,
            kind,
            deferred_by: None,
        }
    }
}
