//! A route, a protected name and one of its servers: whether what that server says about addresses proves anything.

use super::Knowledge;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the controls of a server that passed them hold.
pub const TRUSTED_FOR: Duration = Duration::from_hours(7 * 24);
/// How long a control holds that a server failed; then it is asked anew.
pub const UNTRUSTED_FOR: Duration = Duration::from_hours(3);
/// A server that took a known address so short a time ago is in order, so that its *no such user* is one.
pub const KNOWN_WITHIN: Duration = Duration::from_hours(1);
/// A route is new for so long: it may be set up wrongly, and its *no such user* is only a temporary refusal.
pub const NEW_FOR: Duration = Duration::from_hours(24);
/// The random control that learning needs must not be older.
pub const FRESH_FOR: Duration = Duration::from_hours(1);

/// What a server made of a control, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteControl {
    /// It took the name.
    pub taken: bool,
    pub at: Timestamp,
}

/// Whether a server's word about an address is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTrust {
    /// It was not asked for both controls of late, or gave no clear answer.
    Unproven,
    /// It takes a known name and refuses a random one.
    Trusted,
    /// It takes a random name: it takes every name.
    AcceptsAll,
    /// It refuses a known name: it refuses every name.
    RefusesAll,
}

/// What is known of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// When its server was asked first.
    pub since: Timestamp,
    /// A random name, which surely does not exist.
    pub random: Option<RouteControl>,
    /// A known name: listed, or one that took mail.
    pub known: Option<RouteControl>,
}

impl Route {
    /// A route of which nothing is known yet.
    pub fn new(since: Timestamp) -> Self {
        Self { since, random: None, known: None }
    }

    /// Takes the answer to a random name; only a clear one is a control.
    pub fn random_answered(&mut self, taken: bool, at: Timestamp) {
        self.random = Some(RouteControl { taken, at });
    }

    /// Takes the answer to a known name, from a probe or from a delivery.
    pub fn known_answered(&mut self, taken: bool, at: Timestamp) {
        self.known = Some(RouteControl { taken, at });
    }

    /// Takes what another node knows of the same route: of each control the later one, and the earlier beginning.
    pub fn merge(&mut self, other: &Route) {
        let later = |a: Option<RouteControl>, b: Option<RouteControl>| match (a, b) {
            (Some(a), Some(b)) if b.at > a.at => Some(b),
            (a, b) => a.or(b),
        };
        self.since = self.since.min(other.since);
        self.random = later(self.random, other.random);
        self.known = later(self.known, other.known);
    }

    /// Whether the server's word about an address is believed.
    pub fn trust(&self, now: Timestamp) -> RouteTrust {
        let live = |control: Option<RouteControl>, good: bool| {
            control.filter(|control| {
                let holds = if control.taken == good { TRUSTED_FOR } else { UNTRUSTED_FOR };
                now.since(control.at) < holds
            })
        };
        match (live(self.random, false), live(self.known, true)) {
            (Some(RouteControl { taken: true, .. }), _) => RouteTrust::AcceptsAll,
            (_, Some(RouteControl { taken: false, .. })) => RouteTrust::RefusesAll,
            (Some(_), Some(_)) => RouteTrust::Trusted,
            _ => RouteTrust::Unproven,
        }
    }

    /// What *no such user* means from this server. One that took no known address of late may refuse everybody.
    pub fn knowledge_of_absent(&self, now: Timestamp) -> Knowledge {
        if self.wants_known(now) || self.known.is_some_and(|known| !known.taken) {
            Knowledge::Undecided
        } else if now.since(self.since) < NEW_FOR {
            Knowledge::AbsentOnNewRoute
        } else {
            Knowledge::Absent
        }
    }

    /// Whether a known name is to be asked for: nobody knows whether the server took one within the hour.
    pub fn wants_known(&self, now: Timestamp) -> bool {
        self.known.is_none_or(|known| now.since(known.at) >= KNOWN_WITHIN)
    }

    /// Whether a random name is to be asked for, so that its answer is not older than this.
    pub fn wants_random(&self, within: Duration, now: Timestamp) -> bool {
        self.random.is_none_or(|random| {
            let holds = if random.taken { UNTRUSTED_FOR } else { within };
            now.since(random.at) >= holds
        })
    }

    /// Whether a message that this server takes now teaches: it is trusted, and refused a random name of late.
    pub fn teaches(&self, now: Timestamp) -> bool {
        self.trust(now) == RouteTrust::Trusted && !self.wants_random(FRESH_FOR, now)
    }
}
