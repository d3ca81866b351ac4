//! What else the domain's own server is asked for, so that what it took can be added: its controls, the base of a
//! sub-address, a random rest behind a known name. Answers are remembered for a while; none is asked for twice.

use crate::ports::ServerState;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::{Route, ServerAnswer};
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The controls of a name are asked for so often at most.
const CONTROLS_EVERY: Duration = Duration::from_mins(1);
/// When the controls of a name were asked for is remembered so long: those that were not asked for of late come first.
const CONTROLS_REMEMBERED: Duration = Duration::from_hours(24);
/// Names whose controls one look asks for.
const CONTROLS_PER_LOOK: usize = 256;
/// An answer about an address counts for so long.
const ANSWER_FOR: Duration = Duration::from_mins(30);
/// Addresses that one look asks for.
const ASKED_PER_LOOK: usize = 50;
/// Answers that are remembered; beyond, all that are out of date go, and then no more is asked for.
const ANSWERS_MAX: usize = 20_000;
/// Questions that are asked at a time. What a server of its own is asked at a time is the prober's limit.
pub(super) const ASKED_TOGETHER: usize = 32;
/// A look waits so long for an answer: a dead server delays the others by no more.
const QUESTION_WAITS: Duration = Duration::from_secs(15);

/// An address that one of its servers is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct AddressQuestion {
    pub(super) address: Address,
    /// Whose answer counts, as `host:port`.
    pub(super) server: Box<str>,
}

/// What was asked of late.
#[derive(Debug, Default)]
pub(super) struct Questions {
    controls: HashMap<DomainName, Timestamp>,
    answers: HashMap<AddressQuestion, (ServerAnswer, Timestamp)>,
    /// Makes names that nobody can guess.
    seed: RandomState,
}

impl Questions {
    /// A look begins: what is out of date goes.
    pub(super) fn begin(&mut self, now: Timestamp) {
        self.controls.retain(|_, asked| now.since(*asked) < CONTROLS_REMEMBERED);
        self.answers.retain(|_, (_, at)| now.since(*at) < ANSWER_FOR);
    }

    /// What this server said of an address of late.
    pub(super) fn answer(&self, question: &AddressQuestion) -> Option<ServerAnswer> {
        self.answers.get(question).map(|(answer, _)| *answer)
    }

    /// A number for names behind a known one that surely do not exist: the same each time in this process, and another one
    /// for each message.
    pub(super) fn mark(&self, base: &LocalPart, of: QueueId) -> u64 {
        self.seed.hash_one((base.as_str(), of.as_u64()))
    }

    /// A number for a name behind a known one of this domain that surely does not exist; another one at another time.
    pub(super) fn rest(&self, name: &DomainName, now: Timestamp) -> u64 {
        // 48 bits: short enough to fit behind most names.
        self.seed.hash_one((name.as_str(), now.as_millis())) >> 16
    }

    /// Asks all servers of these names for their controls, where that was not done of late: a dead server delays none of
    /// the others.
    pub(super) async fn ask_controls(
        &mut self,
        server: &Arc<dyn ServerState>,
        names: BTreeSet<DomainName>,
        now: Timestamp,
    ) {
        let mut due: Vec<(Option<Timestamp>, DomainName)> = names
            .into_iter()
            .map(|name| (self.controls.get(&name).copied(), name))
            .filter(|(asked, _)| asked.is_none_or(|asked| now.since(asked) >= CONTROLS_EVERY))
            .collect();
        due.sort();
        due.truncate(CONTROLS_PER_LOOK);
        let names: Vec<DomainName> = due.into_iter().map(|(_, name)| name).collect();
        self.controls.extend(names.iter().map(|name| (name.clone(), now)));
        let ask = |name: DomainName| {
            let server = Arc::clone(server);
            async move { drop(server.probe(&name, None).await) }
        };
        together(names.into_iter().map(ask)).await;
    }

    /// Asks for addresses, each of one server. What is not answered in time is undecided, and is asked for again when that
    /// is out of date.
    pub(super) async fn ask(
        &mut self,
        server: &Arc<dyn ServerState>,
        questions: BTreeSet<AddressQuestion>,
        now: Timestamp,
    ) {
        let room = ASKED_PER_LOOK.min(ANSWERS_MAX.saturating_sub(self.answers.len()));
        let is_new = |question: &AddressQuestion| !self.answers.contains_key(question);
        let asked: Vec<AddressQuestion> = questions.into_iter().filter(is_new).take(room).collect();
        let undecided = |question: &AddressQuestion| (question.clone(), (ServerAnswer::Undecided, now));
        self.answers.extend(asked.iter().map(undecided));
        let ask = |question: AddressQuestion| {
            let server = Arc::clone(server);
            async move {
                let answer = answer_of(server.as_ref(), &question).await;
                (question, answer)
            }
        };
        for (question, answer) in together(asked.into_iter().map(ask)).await {
            self.answers.insert(question, (answer, now));
        }
    }
}

async fn answer_of(server: &dyn ServerState, question: &AddressQuestion) -> ServerAnswer {
    let AddressQuestion { address, server: who } = question;
    let probes = server.probe(address.domain(), Some(address)).await;
    let of_server = probes.into_iter().filter(|probe| *probe.server == **who);
    let said = of_server.flat_map(|probe| probe.answers).filter(|(asked, _)| asked == address);
    said.map(|(_, answer)| answer).next_back().unwrap_or(ServerAnswer::Undecided)
}

/// Waits for all of them, [`ASKED_TOGETHER`] at a time and each for [`QUESTION_WAITS`]. What was not ready in time is left
/// out.
pub(super) async fn together<F>(asked: impl Iterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let (mut asked, mut running, mut answers) = (asked, JoinSet::new(), Vec::new());
    loop {
        while running.len() < ASKED_TOGETHER
            && let Some(next) = asked.next()
        {
            running.spawn(timeout(QUESTION_WAITS, next));
        }
        let Some(ended) = running.join_next().await else { return answers };
        // One that panicked said nothing.
        answers.extend(ended.ok().and_then(Result::ok));
    }
}

/// What is known of the server that took a message.
pub(super) fn route(server: &dyn ServerState, name: &DomainName, who: &str) -> Option<Route> {
    let standing = server.routes(name).into_iter().find(|standing| standing.server == who)?;
    Some(Route { since: standing.since, random: standing.random, known: standing.known })
}
