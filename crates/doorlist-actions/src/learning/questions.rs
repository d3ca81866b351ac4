//! What else the domain's own server is asked for, so that what it took can be added: its controls, the base of a
//! sub-address, a random rest behind a known name. Answers are remembered for a while; none is asked for twice.

use crate::ports::ServerState;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::{Route, ServerAnswer};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The controls of a name are asked for so often at most.
const CONTROLS_EVERY: Duration = Duration::from_mins(1);
/// An answer about an address counts for so long.
const ANSWER_FOR: Duration = Duration::from_mins(30);
/// Addresses that one look asks for.
const ASKED_PER_LOOK: u32 = 50;
/// Answers that are remembered; beyond, all that are out of date go, and then no more is asked for.
const ANSWERS_MAX: usize = 20_000;

/// What was asked of late.
#[derive(Debug, Default)]
pub(super) struct Questions {
    controls: HashMap<DomainName, Timestamp>,
    /// By the address and who was asked.
    answers: HashMap<(Address, Box<str>), (ServerAnswer, Timestamp)>,
    /// Addresses asked for in this look.
    asked: u32,
    /// Makes names that nobody can guess.
    seed: RandomState,
}

impl Questions {
    /// A look begins: what is out of date goes.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.asked = 0;
        self.controls.retain(|_, asked| now.since(*asked) < CONTROLS_EVERY);
        self.answers.retain(|_, (_, at)| now.since(*at) < ANSWER_FOR);
    }

    /// What this server said of an address of late.
    pub(super) fn answer(&self, address: &Address, server: &str) -> Option<ServerAnswer> {
        self.answers.get(&(address.clone(), server.into())).map(|(answer, _)| *answer)
    }

    /// A number for names behind a known one that surely do not exist: the same each time in this process, and another one
    /// for each message.
    pub(super) fn mark(&self, base: &LocalPart, of: QueueId) -> u64 {
        self.seed.hash_one((base.as_str(), of.as_u64()))
    }

    /// Asks all servers of a name for their controls, if that was not done of late. True if they were asked.
    pub(super) async fn ask_controls(&mut self, server: &dyn ServerState, name: &DomainName, now: Timestamp) -> bool {
        if self.controls.contains_key(name) {
            return false;
        }
        self.controls.insert(name.clone(), now);
        server.probe(name, None).await;
        true
    }

    /// Asks the servers of a name for an address. True if there is an answer of this one now.
    pub(super) async fn ask(
        &mut self,
        server: &dyn ServerState,
        name: &DomainName,
        local: &LocalPart,
        who: &str,
        now: Timestamp,
    ) -> bool {
        let address = Address::new(local.clone(), name.clone());
        if self.asked >= ASKED_PER_LOOK || self.answers.len() >= ANSWERS_MAX || self.answer(&address, who).is_some() {
            return false;
        }
        self.asked += 1;
        let mut answered = ServerAnswer::Undecided;
        for probe in server.probe(name, Some(&address)).await.into_iter().filter(|probe| probe.server == who) {
            let said = probe.answers.iter().find(|(asked, _)| *asked == address).map(|(_, answer)| *answer);
            answered = said.unwrap_or(answered);
        }
        self.answers.insert((address, who.into()), (answered, now));
        answered != ServerAnswer::Undecided
    }
}

/// What is known of the server that took a message.
pub(super) fn route(server: &dyn ServerState, name: &DomainName, who: &str) -> Option<Route> {
    let standing = server.routes(name).into_iter().find(|standing| standing.server == who)?;
    Some(Route { since: standing.since, random: standing.random, known: standing.known })
}
