//! Plays the days: what happens comes in the order of time, and every few minutes the deliveries and the learner have their
//! turn.

use super::attack::Attack;
use super::chance::Chance;
use super::deliveries::Deliveries;
use super::harvest::Defence;
use super::mail::Traffic;
use super::message::{Happening, TrialEvent};
use super::mix::TrialMix;
use super::own_server::OwnServer;
use super::people::{DAY, Organisation};
use super::tally::{DayTally, OrganisationTally};
use super::world::World;
use anyhow::Result;
use doorlist_core::address::DomainName;
use doorlist_core::domain::DomainId;
use doorlist_core::time::Timestamp;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// 2027-03-01, a Monday, 0:00 UTC.
const START: Timestamp = Timestamp::from_secs(1_803_859_200);
/// How often deliveries and learner have their turn; the running server looks every ten seconds.
const LOOK_EVERY: Duration = Duration::from_mins(5);
/// How often the ends of trials are looked at, and what holds no more is forgotten.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// What waits is given this time behind the last day, so that trials which began late end, too.
const AFTERWARDS: Duration = Duration::from_hours(24);

/// One organisation in the trial.
pub(crate) struct Member {
    pub(crate) organisation: Arc<Organisation>,
    pub(crate) server: Arc<OwnServer>,
    pub(crate) domain: DomainId,
    traffic: Traffic,
    pub(crate) tally: OrganisationTally,
}

/// A trial of several organisations behind one installation.
pub(crate) struct Trial {
    pub(crate) start: Timestamp,
    pub(crate) days: u32,
    pub(crate) world: World,
    pub(crate) members: Vec<Member>,
    servers: Vec<(DomainName, Arc<OwnServer>)>,
    pub(crate) defence: Defence,
    pub(crate) attacks: Vec<Attack>,
    events: BinaryHeap<TrialEvent>,
    events_planned: u64,
    pub(crate) deliveries: Deliveries,
    /// Where senders come from again.
    pub(crate) chance: Chance,
    /// Day and subject of each notice.
    pub(crate) notices: Vec<(u32, String)>,
}

impl Trial {
    /// Sets everything up; nothing has happened yet.
    pub(crate) async fn of(mixes: &[TrialMix], days: u32, seed: u64) -> Result<Self> {
        let world = World::open(START).await?;
        let (mut members, mut servers, mut attacks) = (Vec::new(), Vec::new(), Vec::new());
        for (number, mix) in mixes.iter().enumerate() {
            let organisation = Arc::new(Organisation::of(mix, START, days, seed)?);
            let server = Arc::new(OwnServer::of(Arc::clone(&organisation), START));
            let domain = world.add(Arc::clone(&server)).await?;
            let traffic = Traffic::of(number, &organisation, seed);
            for harvest in &mix.harvest {
                attacks.push(Attack::of(attacks.len(), number, &organisation, harvest, START, seed));
            }
            servers.push((organisation.name.clone(), Arc::clone(&server)));
            members.push(Member { organisation, server, domain, traffic, tally: OrganisationTally::default() });
        }
        Ok(Self {
            start: START,
            days,
            world,
            members,
            servers,
            defence: Defence::default(),
            attacks,
            events: BinaryHeap::new(),
            events_planned: 0,
            deliveries: Deliveries::default(),
            chance: Chance::new(seed, "retries"),
            notices: Vec::new(),
        })
    }

    /// Plays it from the first day to the last.
    pub(crate) async fn run(&mut self) -> Result<()> {
        for attack in 0..self.attacks.len() {
            let planned = self.attacks.get_mut(attack).map(Attack::planned).unwrap_or_default();
            for (source, at) in planned {
                self.plan(at, Happening::Guess { attack, source });
            }
        }
        for day in 1..=self.days {
            let begun = Instant::now();
            self.plan_mail(day);
            let begin = self.start + DAY * (day - 1);
            self.play(begin, begin + DAY, day).await?;
            self.close_day(day).await?;
            eprintln!("trial: day {day} took {:.1} s", begun.elapsed().as_secs_f64());
        }
        let end = self.start + DAY * self.days;
        self.close_trial(end).await?;
        self.world.set_clock(end + AFTERWARDS);
        self.look_at_trials(self.days + 1).await
    }

    fn plan_mail(&mut self, day: u32) {
        let mut messages = Vec::new();
        for member in &mut self.members {
            member.tally.days.push(DayTally::default());
            messages.extend(member.traffic.day(&member.organisation, self.start, day));
        }
        for message in messages {
            self.plan(message.at, Happening::Mail(message));
        }
    }

    pub(crate) fn plan(&mut self, at: Timestamp, what: Happening) {
        self.events_planned += 1;
        self.events.push(TrialEvent { at, number: self.events_planned, what });
    }

    /// What is planned for a time that does not come any more.
    pub(crate) fn take_planned(&mut self) -> Vec<TrialEvent> {
        std::mem::take(&mut self.events).into_sorted_vec()
    }

    async fn play(&mut self, begin: Timestamp, end: Timestamp, day: u32) -> Result<()> {
        let mut until = begin;
        let mut swept = begin;
        while until < end {
            until = until + LOOK_EVERY;
            while self.events.peek().is_some_and(|event| event.at < until)
                && let Some(event) = self.events.pop()
            {
                match event.what {
                    Happening::Mail(message) => self.mail(message),
                    Happening::Guess { attack, source } => self.guess(attack, source, event.at),
                }
            }
            self.world.set_clock(until);
            let delivered = self.deliveries.run(&self.world, &self.servers, until).await?;
            for (member, counts) in self.members.iter_mut().zip(delivered) {
                member.tally.refused_by_server += counts.refused;
            }
            self.world.learn().await?;
            if until.since(swept) >= SWEEP_EVERY {
                swept = until;
                self.defence.sweep(until);
                self.world.callout().sweep(until);
                self.look_at_trials(day).await?;
            }
        }
        Ok(())
    }

    async fn look_at_trials(&mut self, day: u32) -> Result<()> {
        let notices = self.world.look_at_trials().await?;
        self.notices.extend(notices.into_iter().map(|subject| (day, subject)));
        Ok(())
    }
}
