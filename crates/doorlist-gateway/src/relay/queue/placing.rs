//! Bringing messages to their destinations, and connections to destinations that need them.

use super::router::{Rerouted, Way};
use super::{Destination, DestinationId, Moment, Part, Queue, RECIPIENTS_PER_PART_MAX};
use crate::config::Outbound;
use crate::relay::route::DestinationKey;
use doorlist_core::address::DomainName;
use doorlist_core::queue_id::QueueId;
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::directory::RouteTable;
use doorlist_store::spool::{Envelope, EnvelopeRecipient, RecipientState};
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

/// RFC 3463: 4.4.4, unable to route.
const UNROUTABLE: EnhancedCode = EnhancedCode::new(4, 4, 4);

/// Where a recipient waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    Ready(DestinationId),
    Held(DestinationId),
}

/// Why a recipient waits nowhere.
enum Stuck {
    /// Its domain has no server; why. It may get one.
    NoServer(String),
    /// It is no address; why.
    NoAddress(String),
}

impl Queue {
    /// Takes the routes as they are now; what waits for a changed domain goes its new way at once.
    pub(crate) fn set_routes(&mut self, routes: &Arc<RouteTable>, at: Moment) {
        if Arc::ptr_eq(self.router.routes(), routes) {
            return;
        }
        let change = self.router.set_routes(Arc::clone(routes));
        self.reroute(&change, at);
    }

    /// Takes another way out for mail that is not for protected domains.
    pub(crate) fn set_outbound(&mut self, outbound: Outbound, at: Moment) {
        let change = self.router.set_outbound(outbound);
        self.reroute(&change, at);
    }

    fn reroute(&mut self, change: &Rerouted, at: Moment) {
        if change.is_empty() {
            return;
        }
        self.by_domain.clear();
        let concerned = |part: &Part| {
            part.recipients.iter().filter_map(|&index| part.envelope.recipients.get(index)).any(|r| change.concerns(r))
        };
        let mut moving: Vec<Part> = self.held.extract_if(.., |part| concerned(part)).collect();
        for destination in self.destinations.values_mut() {
            let (gone, stay): (VecDeque<Part>, VecDeque<Part>) =
                std::mem::take(&mut destination.ready).into_iter().partition(&concerned);
            destination.ready = stay;
            moving.extend(gone);
        }
        for part in moving {
            if !self.is_current(&part) {
                continue;
            }
            if let Some(entry) = self.messages.get_mut(&part.id) {
                entry.waiting = entry.waiting.saturating_sub(1);
            }
            self.rehome(part.id);
            self.place(part.id, part.recipients, at);
        }
        // What waits for its next attempt gets it now: the new server may take it.
        let waits = |entry: &super::Entry| {
            entry.next_attempt.is_some() && entry.envelope.recipients.iter().any(|r| change.concerns(r))
        };
        let due: Vec<QueueId> = self.messages.iter().filter(|(_, entry)| waits(entry)).map(|(id, _)| *id).collect();
        for id in due {
            if let Some(entry) = self.messages.get_mut(&id) {
                entry.next_attempt = None;
            }
            self.rehome(id);
            self.place_all(id, at);
        }
    }

    /// The message counts for the destination that it goes to now.
    fn rehome(&mut self, id: QueueId) {
        let Some(entry) = self.messages.get(&id) else { return };
        let (envelope, states, old) = (Arc::clone(&entry.envelope), entry.states.clone(), entry.home);
        let new = self.home(&envelope, &states);
        if let Some(entry) = self.messages.get_mut(&id) {
            entry.home = new;
        }
        if let Some(destination) = self.destinations.get_mut(&old) {
            destination.messages = destination.messages.saturating_sub(1);
        }
        if let Some(destination) = self.destinations.get_mut(&new) {
            destination.messages += 1;
        }
    }

    /// Brings all recipients that are not finished to their destinations.
    pub(super) fn place_all(&mut self, id: QueueId, at: Moment) {
        if let Some(entry) = self.messages.get(&id) {
            let unfinished = entry.unfinished();
            self.place(id, unfinished, at);
        }
    }

    /// Brings these recipients to their destinations.
    pub(super) fn place(&mut self, id: QueueId, recipients: Vec<usize>, at: Moment) {
        let entry = self.messages.get(&id).map(|entry| (Arc::clone(&entry.envelope), entry.life));
        let Some((envelope, life)) = entry else { return };
        let mut groups: Vec<(Spot, Vec<usize>)> = Vec::new();
        let mut stuck: Vec<(String, Vec<usize>)> = Vec::new();
        for index in recipients {
            let Some(recipient) = envelope.recipients.get(index) else { continue };
            match self.spot(recipient) {
                Ok(spot) => match groups.iter_mut().find(|(other, _)| *other == spot) {
                    Some((_, group)) => group.push(index),
                    None => groups.push((spot, vec![index])),
                },
                Err(Stuck::NoServer(why)) => match stuck.iter_mut().find(|(other, _)| *other == why) {
                    Some((_, group)) => group.push(index),
                    None => stuck.push((why, vec![index])),
                },
                Err(Stuck::NoAddress(reply)) => self.set_state(id, index, RecipientState::Failed { reply }),
            }
        }
        for (why, recipients) in stuck {
            self.park(Part { id, envelope: Arc::clone(&envelope), recipients, life }, &why.into());
        }
        for (spot, group) in groups {
            for recipients in group.chunks(RECIPIENTS_PER_PART_MAX) {
                let part = Part { id, envelope: Arc::clone(&envelope), recipients: recipients.to_vec(), life };
                self.wait(spot, part, at);
            }
        }
        self.round_may_be_over(id, at);
    }

    fn wait(&mut self, spot: Spot, part: Part, at: Moment) {
        let Some(entry) = self.messages.get_mut(&part.id) else { return };
        entry.waiting += 1;
        match spot {
            Spot::Held(_) => {
                let id = part.id;
                self.held.push(part);
                self.drop_body(id);
            }
            Spot::Ready(destination) => {
                let Some(line) = self.destinations.get_mut(&destination) else { return };
                let id = part.id;
                line.ready.push_back(part.clone());
                if let Some(why) = line.down().cloned() {
                    self.park(part, &why);
                    self.drop_body(id);
                }
                self.press_once(destination, at);
            }
        }
    }

    /// The destination has just gone down: what waits for it is told so, and what is too old has failed.
    pub(super) fn sink(&mut self, destination: DestinationId, at: Moment) {
        let Some(line) = self.destinations.get_mut(&destination) else { return };
        let (Some(why), Some(until)) = (line.down().cloned(), line.probe_at()) else { return };
        self.probes.push(Reverse((until, destination)));
        let waiting = std::mem::take(&mut line.ready);
        let mut staying = VecDeque::with_capacity(waiting.len());
        for part in waiting {
            if !self.is_current(&part) {
                continue;
            }
            let lifetime = self.settings.schedule(part.envelope.kind).lifetime;
            if at.now.since(part.envelope.received_at) >= lifetime {
                self.fail_waiting(&part, &why, at);
                continue;
            }
            self.drop_body(part.id);
            self.park(part.clone(), &why);
            staying.push_back(part);
        }
        if let Some(line) = self.destinations.get_mut(&destination) {
            line.ready = staying;
        }
    }

    /// Notes, once for each message, why it waits.
    fn park(&mut self, part: Part, why: &Arc<str>) {
        let Some(entry) = self.messages.get_mut(&part.id) else { return };
        for &index in &part.recipients {
            if let Some(state) = entry.states.get_mut(index) {
                *state = RecipientState::Deferred { reply: why.to_string() };
            }
        }
        if !std::mem::replace(&mut entry.told, true) {
            self.effects.parked.push((part, Arc::clone(why)));
        }
    }

    /// Rings or opens connections for all that waits, as far as may be.
    pub(super) fn press_all(&mut self, destination: DestinationId, at: Moment) {
        let waiting = self.destinations.get(&destination).map_or(0, |line| line.ready.len());
        self.press(destination, waiting, at);
    }

    /// Rings or opens so many connections, as far as may be.
    pub(super) fn press(&mut self, destination: DestinationId, wanted: usize, at: Moment) {
        for _ in 0..wanted {
            if !self.press_once(destination, at) {
                return;
            }
        }
    }

    /// Rings one idle connection, or opens one more. False: there is none to ring and none may be opened.
    fn press_once(&mut self, destination: DestinationId, at: Moment) -> bool {
        let Some(line) = self.destinations.get_mut(&destination) else { return false };
        if let Some(bell) = line.idle.pop() {
            bell.notify_one();
            return true;
        }
        if self.stopped || !line.wants_connection(at.now, self.settings.per_destination_max) {
            return false;
        }
        // Half of all connections are kept for destinations that are known to answer.
        let max = self.settings.connections_max;
        let max = if line.is_unproven() { max.div_ceil(2) } else { max };
        if self.connections >= max {
            if !std::mem::replace(&mut line.starving, true) {
                self.starved.push_back(destination);
            }
            return false;
        }
        line.connections += 1;
        line.connecting += 1;
        self.connections += 1;
        self.effects.open.push(destination);
        true
    }

    /// The destination that a message counts for: that of its first unfinished recipient.
    pub(super) fn home(&mut self, envelope: &Envelope, states: &[RecipientState]) -> DestinationId {
        let first = states.iter().position(|state| !super::is_final(state)).unwrap_or(0);
        let spot = envelope.recipients.get(first).map(|recipient| self.spot(recipient));
        match spot {
            Some(Ok(Spot::Ready(id) | Spot::Held(id))) => id,
            Some(Err(_)) | None => self.destination(DestinationKey::Nowhere),
        }
    }

    fn spot(&mut self, recipient: &EnvelopeRecipient) -> Result<Spot, Stuck> {
        let known = recipient.domain.and_then(|domain| self.by_domain.get(&domain)).copied();
        let (id, held) = match known {
            Some(known) => known,
            None => {
                let (key, held) = match self.router.way(recipient) {
                    Way::To(key) => (key, false),
                    Way::Held(key) => (key, true),
                    Way::NoRoute => return Err(Stuck::NoServer(unroutable())),
                    Way::NoServer(domain) => return Err(Stuck::NoServer(serverless(&domain))),
                    Way::NoAddress(status, why) => {
                        return Err(Stuck::NoAddress(format!("{status} {why}")));
                    }
                };
                let id = self.destination(key);
                if let Some(domain) = recipient.domain {
                    self.by_domain.insert(domain, (id, held));
                }
                (id, held)
            }
        };
        Ok(if held { Spot::Held(id) } else { Spot::Ready(id) })
    }

    fn destination(&mut self, key: DestinationKey) -> DestinationId {
        if let Some(id) = self.by_key.get(&key) {
            return *id;
        }
        let id = DestinationId(self.next_destination);
        self.next_destination += 1;
        self.by_key.insert(key.clone(), id);
        self.destinations.insert(id, Destination::new(key));
        id
    }
}

fn serverless(domain: &DomainName) -> String {
    format!("{UNROUTABLE} no mail server is set for {domain} yet; set one: doorlist domain set {domain} --server HOST")
}

fn unroutable() -> String {
    format!("{UNROUTABLE} no mail server is known for this domain; add it again or delete the message")
}
