//! Assigns messages to destinations, and connections to destinations that need them.

use super::pool::ConnectionOwner;
use super::router::{Rerouted, Way};
use super::{Destination, DestinationId, Moment, Part, Queue, RECIPIENTS_PER_PART_MAX};
use crate::config::Outbound;
use crate::relay::route::DestinationKey;
use doorlist_core::address::DomainName;
use doorlist_core::queue_id::QueueId;
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::recipients::RouteTable;
use doorlist_store::spool::{Envelope, EnvelopeRecipient, RecipientState};
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

/// RFC 3463: 4.4.4, unable to route.
const UNROUTABLE: EnhancedCode = EnhancedCode::new(4, 4, 4);

/// The destination of a recipient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement {
    pub(super) destination: DestinationId,
    /// Whether its domain is on hold.
    held: bool,
    customer: ConnectionOwner,
}

impl Placement {
    /// Recipients of one message go in one transaction wherever their servers are the same, whosever they are.
    fn is_with(&self, other: &Placement) -> bool {
        (self.destination, self.held) == (other.destination, other.held)
    }
}

/// Why a recipient has no destination.
enum Stuck {
    /// Its domain has no server (yet), with the reason.
    NoServer(String),
    /// It is not a valid address, with the reason.
    NoAddress(String),
}

impl Queue {
    /// Applies new routes; queued mail of changed domains is moved at once.
    pub(crate) fn set_routes(&mut self, routes: &Arc<RouteTable>, at: Moment) {
        let change = self.router.set_routes(routes);
        self.reroute(&change, at);
    }

    /// Changes the route of mail to other domains.
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
            part.recipients
                .iter()
                .filter_map(|&index| part.envelope.recipients.get(index))
                .any(|r| change.contains(&r.domain))
        };
        let mut moving: Vec<Part> = self.held.extract_if(.., |part| concerned(part)).collect();
        let mut left = Vec::new();
        for (id, destination) in &mut self.destinations {
            let (gone, stay): (VecDeque<Part>, VecDeque<Part>) =
                std::mem::take(&mut destination.ready).into_iter().partition(&concerned);
            destination.ready = stay;
            if !gone.is_empty() {
                left.push(*id);
            }
            moving.extend(gone);
        }
        for destination in left {
            self.check_claim(destination, at);
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
        let waits = |entry: &super::QueuedMessage| {
            entry.next_attempt.is_some() && entry.envelope.recipients.iter().any(|r| change.contains(&r.domain))
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

    /// Reassigns a message to its current destination.
    fn rehome(&mut self, id: QueueId) {
        let Some(entry) = self.messages.get(&id) else { return };
        let (envelope, states) = (Arc::clone(&entry.envelope), entry.states.clone());
        let (home, customer) = (entry.home, entry.customer);
        self.count(home, customer, |messages| messages.saturating_sub(1));
        let (home, customer) = self.home(&envelope, &states);
        self.count(home, customer, |messages| messages + 1);
        if let Some(entry) = self.messages.get_mut(&id) {
            (entry.home, entry.customer) = (home, customer);
        }
    }

    /// Assigns all unfinished recipients to their destinations.
    pub(super) fn place_all(&mut self, id: QueueId, at: Moment) {
        if let Some(entry) = self.messages.get(&id) {
            let unfinished = entry.unfinished();
            self.place(id, unfinished, at);
        }
    }

    /// Assigns these recipients to their destinations.
    pub(super) fn place(&mut self, id: QueueId, recipients: Vec<usize>, at: Moment) {
        self.assign(id, recipients, false, at);
        self.round_may_be_over(id, at);
    }

    /// The same within a round, whose end is the caller's to see. `stepwise`: over fresh connections.
    pub(super) fn assign(&mut self, id: QueueId, recipients: Vec<usize>, stepwise: bool, at: Moment) {
        let entry = self.messages.get(&id).map(|entry| (Arc::clone(&entry.envelope), entry.life));
        let Some((envelope, life)) = entry else { return };
        let mut groups: Vec<(Placement, Vec<usize>)> = Vec::new();
        let mut stuck: Vec<(String, Vec<usize>)> = Vec::new();
        for index in recipients {
            let Some(recipient) = envelope.recipients.get(index) else { continue };
            match self.find(recipient) {
                Ok(place) => match groups.iter_mut().find(|(other, _)| other.is_with(&place)) {
                    Some((_, group)) => group.push(index),
                    None => groups.push((place, vec![index])),
                },
                Err(Stuck::NoServer(why)) => match stuck.iter_mut().find(|(other, _)| *other == why) {
                    Some((_, group)) => group.push(index),
                    None => stuck.push((why, vec![index])),
                },
                Err(Stuck::NoAddress(reply)) => self.set_state(id, index, RecipientState::Failed { reply }),
            }
        }
        for (why, recipients) in stuck {
            let (envelope, customer) = (Arc::clone(&envelope), None);
            self.park(Part { id, envelope, recipients, life, primary: None, stepwise, customer }, &why.into());
        }
        for (place, group) in groups {
            for recipients in group.chunks(RECIPIENTS_PER_PART_MAX) {
                let (envelope, recipients, customer) = (Arc::clone(&envelope), recipients.to_vec(), place.customer);
                self.wait(place, Part { id, envelope, recipients, life, primary: None, stepwise, customer }, at);
            }
        }
    }

    /// Recipients of a part whose server failed for a time go on with these servers, in the same attempt.
    pub(super) fn go_on(
        &mut self,
        (part, from): (&Part, DestinationId),
        mut recipients: Vec<usize>,
        servers: &DestinationKey,
        at: Moment,
    ) {
        let primary = part.primary.unwrap_or(from);
        // Not if their domain has other servers now, or is on hold: then the next attempt is their next.
        recipients.retain(|&index| {
            let place = part.envelope.recipients.get(index).map(|recipient| self.find(recipient));
            place.is_some_and(|place| place.is_ok_and(|place| place.destination == primary && !place.held))
        });
        let Some(entry) = self.messages.get(&part.id).filter(|_| !recipients.is_empty()) else { return };
        let part = Part { recipients, life: entry.life, primary: Some(primary), stepwise: false, ..part.clone() };
        let next = self.destination(servers.clone());
        self.line_up(next, part, at);
    }

    fn wait(&mut self, place: Placement, part: Part, at: Moment) {
        if !place.held {
            return self.line_up(place.destination, part, at);
        }
        let Some(entry) = self.messages.get_mut(&part.id) else { return };
        entry.waiting += 1;
        let id = part.id;
        self.held.push(part);
        self.drop_body(id);
    }

    /// Puts a part into the queue of a destination, or of its other servers while the first ones break. Without any to
    /// go to, the attempt of a part that other servers had before ends here; the next one begins with all of them.
    pub(super) fn line_up(&mut self, mut destination: DestinationId, mut part: Part, at: Moment) {
        while let Some(rest) = self.destinations.get(&destination).and_then(|line| line.detour(at.now)).cloned() {
            part.primary.get_or_insert(destination);
            destination = self.destination(rest);
        }
        let Some(line) = self.destinations.get_mut(&destination) else { return };
        let resting = line.resting(at.now).cloned();
        if let Some(why) = &resting
            && part.primary.is_some()
        {
            return self.end_attempt(part, why);
        }
        let Some(entry) = self.messages.get_mut(&part.id) else { return };
        entry.waiting += 1;
        line.ready.push_back(part.clone());
        if let Some(why) = resting {
            let id = part.id;
            self.park(part, &why);
            self.drop_body(id);
        }
        self.press_once(destination, at);
    }

    /// The last servers of a part cannot be reached: its recipients wait for the next attempt.
    fn end_attempt(&mut self, part: Part, why: &Arc<str>) {
        let Some(entry) = self.messages.get_mut(&part.id) else { return };
        for &index in &part.recipients {
            // What a server said of a recipient is worth more.
            if let Some(state @ RecipientState::Pending) = entry.states.get_mut(index) {
                *state = RecipientState::Deferred { reply: why.to_string() };
            }
        }
        entry.told = true;
        self.effects.parked.push((part, Arc::clone(why)));
    }

    /// Handles a destination that went down: its messages go on with other servers or are deferred, and expired ones fail.
    pub(super) fn sink(&mut self, destination: DestinationId, at: Moment) {
        let Some(line) = self.destinations.get_mut(&destination) else { return };
        let (Some(why), Some(until)) = (line.down().cloned(), line.probe_at()) else { return };
        let line_has_detour = line.detour(at.now).is_some();
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
            if part.primary.is_some() || line_has_detour {
                if let Some(entry) = self.messages.get_mut(&part.id) {
                    entry.waiting = entry.waiting.saturating_sub(1);
                }
                let id = part.id;
                self.line_up(destination, part, at);
                self.round_may_be_over(id, at);
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

    /// Notes once per message why it is deferred.
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

    /// The destination and the customer that a message counts for: those of its first unfinished recipient.
    pub(super) fn home(&mut self, envelope: &Envelope, states: &[RecipientState]) -> (DestinationId, ConnectionOwner) {
        let first = states.iter().position(|state| !super::is_final(state)).unwrap_or(0);
        let place = envelope.recipients.get(first).map(|recipient| self.find(recipient));
        match place {
            Some(Ok(place)) => (place.destination, place.customer),
            Some(Err(_)) | None => (self.destination(DestinationKey::Nowhere), None),
        }
    }

    fn find(&mut self, recipient: &EnvelopeRecipient) -> Result<Placement, Stuck> {
        if let Some(known) = recipient.domain.and_then(|domain| self.by_domain.get(&domain)) {
            return Ok(*known);
        }
        let (key, held) = match self.router.way(recipient) {
            Way::To(key) => (key, false),
            Way::Held(key) => (key, true),
            Way::NoRoute => return Err(Stuck::NoServer(unroutable())),
            Way::NoServer(domain) => return Err(Stuck::NoServer(serverless(&domain))),
            Way::NoAddress(status, why) => return Err(Stuck::NoAddress(format!("{status} {why}"))),
        };
        let (destination, customer) = (self.destination(key), self.router.customer(recipient));
        let place = Placement { destination, held, customer };
        if let Some(domain) = recipient.domain {
            self.by_domain.insert(domain, place);
        }
        Ok(place)
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
    format!("{UNROUTABLE} no mail server is set for {domain}; set one: doorlist domain set {domain} --server HOST")
}

fn unroutable() -> String {
    format!("{UNROUTABLE} no mail server is known for this domain; add the domain again or delete the message")
}
