//! What the prober knows and does now: records and routes, names that wait, rates. Plain data behind one lock, with time
//! as a parameter.

mod deliveries;
#[cfg(test)]
mod tests;

use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::MailServer;
use doorlist_core::domain::DomainId;
use doorlist_core::network::SourceKey;
use doorlist_core::time::Timestamp;
use doorlist_core::verification::{
    Judgement, Knowledge, NAMES_PER_SESSION, ProbeLimits, ProbeShare, QUEUE_MAX, RateWindow, Route, RouteTrust,
    ServerAnswer, SourceClass, VerificationRecord, VerificationRecords, after_asking, judge,
};
use doorlist_store::verification::{RouteServer, VerificationNotes};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;
use tokio::sync::watch;

/// Sources whose rates are remembered; a new one is not asked for while there are more.
const SOURCES_MAX: usize = 32 * 1024;

/// The operator is told of a server that cannot be asked, and then no more for so long.
const TOLD_EVERY: Duration = Duration::from_hours(1);

/// Notes that wait to be written; more are known here alone.
const NOTES_MAX: usize = 20_000;
/// The name under which a server is kept.
pub(crate) fn name_of(server: &MailServer) -> RouteServer {
    (server.host.to_ascii_lowercase().into(), server.port)
}

/// How many names of a domain may wait at this node.
fn queue_max(question: &CalloutQuestion<'_>, now: Timestamp) -> usize {
    question.share.of(QUEUE_MAX, now) as usize
}

/// A name that is asked for, of the domain that had it when that began: what is said of another one's does not count.
pub(super) type Asked<'a> = (DomainId, &'a DomainName);

/// Somebody wants to know of an address.
#[derive(Debug)]
pub(super) struct CalloutQuestion<'a> {
    pub(super) address: &'a Address,
    /// The domain that has its name.
    pub(super) domain: DomainId,
    /// Those of the best preference.
    pub(super) servers: &'a [RouteServer],
    /// Whose mail asks for it.
    pub(super) source: SourceKey,
    pub(super) class: SourceClass,
    /// Otherwise only what is known already counts: the domain is on hold.
    pub(super) may_ask: bool,
    /// This node's part of all limits.
    pub(super) share: ProbeShare,
}

/// What follows from a question.
#[derive(Debug)]
pub(super) enum Asking {
    Known(Knowledge),
    /// Somebody asks for it already, or begins to.
    Wait(watch::Receiver<Option<Knowledge>>),
}

/// What is known of all names.
#[derive(Debug, Default)]
pub(super) struct Book {
    names: HashMap<DomainName, NameBook>,
    servers: HashMap<RouteServer, ServerBook>,
    sources: HashMap<SourceKey, RateWindow>,
    /// What is to be written to the store.
    notes: VerificationNotes,
}

/// What is known of one server, whichever names it has.
#[derive(Debug, Default)]
struct ServerBook {
    rate: RateWindow,
    /// The sender with which it speaks about recipients.
    sender: Option<String>,
    /// When the operator was told last that it cannot be asked.
    told: Option<Timestamp>,
}

/// What is known of one protected name.
#[derive(Debug)]
struct NameBook {
    /// A domain that comes again under another number begins anew.
    domain: DomainId,
    records: VerificationRecords,
    routes: HashMap<RouteServer, Route>,
    waiting: VecDeque<LocalPart>,
    /// How many of them, from the first on, mail of sources with a good record asks for.
    waiting_good: usize,
    flights: HashMap<LocalPart, watch::Sender<Option<Knowledge>>>,
    rate: RateWindow,
    /// A worker has its names.
    is_worked_on: bool,
    /// An address that its server took of late.
    known: Option<LocalPart>,
}

impl Book {
    /// Answers from the records, or lets the address wait for a worker. The flag says whether one must be started.
    pub(super) fn ask(&mut self, question: &CalloutQuestion<'_>, now: Timestamp) -> (Asking, bool) {
        let (name, local) = (question.address.domain(), question.address.local());
        let book = self.of(name, question.domain);
        let record = book.records.find(local.as_str(), now);
        let route = book.most_doubtful(question.servers, now);
        let flight = book.flights.get(local);
        let (known, is_asked_for) = match judge(record, &route, now) {
            Judgement::Known(known) => (known, false),
            Judgement::Refresh(known) => (known, flight.is_none()),
            Judgement::Ask => match flight {
                Some(flight) => return (Asking::Wait(flight.subscribe()), false),
                None => (after_asking(ServerAnswer::Undecided, record, &route, now), true),
            },
        };
        if !is_asked_for || !question.may_ask || !self.allows(question, now) {
            return (Asking::Known(known), false);
        }
        let Some(book) = self.names.get_mut(name) else { return (Asking::Known(known), false) };
        let is_background = record.is_some_and(|record| record.exists);
        let (answer, starts) = book.enqueue(local, question.class, queue_max(question, now));
        (if is_background { Asking::Known(known) } else { Asking::Wait(answer) }, starts)
    }

    /// Counts a new name against all limits.
    fn allows(&mut self, question: &CalloutQuestion<'_>, now: Timestamp) -> bool {
        let Some(book) = self.names.get_mut(question.address.domain()) else { return false };
        if book.waiting.len() >= queue_max(question, now) && !book.can_make_room(question.class) {
            return false;
        }
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&question.source) {
            self.sources.retain(|_, rate| !rate.is_over(now));
            if self.sources.len() >= SOURCES_MAX {
                return false;
            }
        }
        let is_trusted = question
            .servers
            .iter()
            .all(|server| book.routes.get(server).is_some_and(|route| route.trust(now) == RouteTrust::Trusted));
        let Some(server) = question.servers.first() else { return false };
        ProbeLimits {
            domain: &mut book.rate,
            server: &mut self.servers.entry(server.clone()).or_default().rate,
            source: self.sources.entry(question.source).or_default(),
        }
        .take(is_trusted, question.class, &question.share, now)
    }

    /// A person asks for a name that nobody's mail may have asked for yet.
    pub(super) fn begin_with(&mut self, name: &DomainName, domain: DomainId) {
        self.of(name, domain);
    }

    /// The next names of a worker; an empty list ends it.
    pub(super) fn next(&mut self, of: Asked<'_>) -> Vec<LocalPart> {
        let Some(book) = self.current(of) else { return Vec::new() };
        let count = book.waiting.len().min(NAMES_PER_SESSION);
        let next: Vec<LocalPart> = book.waiting.drain(..count).collect();
        book.waiting_good = book.waiting_good.saturating_sub(count);
        book.is_worked_on = !next.is_empty();
        next
    }

    /// Takes the answer to a name, and tells it to all who wait. `server`: who gave it; `None`: nobody was asked. *No such
    /// user* is kept only from a route that proves something: others may be believed later, for another reason.
    pub(super) fn answered(
        &mut self,
        of: Asked<'_>,
        local: &LocalPart,
        (server, answer): (Option<&RouteServer>, ServerAnswer),
        now: Timestamp,
    ) -> Knowledge {
        let Some(book) = self.names.get_mut(of.1).filter(|book| book.domain == of.0) else {
            return Knowledge::Undecided;
        };
        let record = book.records.find(local.as_str(), now);
        let route = server.map_or(Route::new(now), |server| book.route(server, now));
        let is_kept = answer != ServerAnswer::NoSuchUser || route.knowledge_of_absent(now) != Knowledge::Undecided;
        if is_kept && book.records.note(local.as_str(), answer, now) && self.notes.len() < NOTES_MAX {
            let noted = VerificationRecord { exists: answer == ServerAnswer::Exists, at: now };
            self.notes.records.insert(((of.0, of.1.clone()), local.clone()), noted);
        }
        let known = after_asking(answer, record, &route, now);
        if let Some(flight) = book.flights.remove(local) {
            flight.send_replace(Some(known));
        }
        known
    }

    /// What is known of a route.
    pub(super) fn route(&self, name: &DomainName, server: &RouteServer, now: Timestamp) -> Route {
        self.names.get(name).map_or(Route::new(now), |book| book.route(server, now))
    }

    /// Changes what is known of a route.
    pub(super) fn with_route(
        &mut self,
        of: Asked<'_>,
        server: &RouteServer,
        now: Timestamp,
        change: impl FnOnce(&mut Route),
    ) {
        let Some(book) = self.current(of) else { return };
        let route = book.routes.entry(server.clone()).or_insert(Route::new(now));
        change(route);
        let (key, route) = (((of.0, of.1.clone()), server.clone()), *route);
        if self.notes.len() < NOTES_MAX {
            self.notes.routes.insert(key, route);
        }
    }

    /// The routes of a name.
    pub(super) fn routes(&self, name: &DomainName) -> Vec<(RouteServer, Route)> {
        let routes = self.names.get(name).map(|book| &book.routes);
        routes.into_iter().flatten().map(|(server, route)| (server.clone(), *route)).collect()
    }

    /// The book of a name, if it is still that of this domain.
    fn current(&mut self, (domain, name): Asked<'_>) -> Option<&mut NameBook> {
        self.names.get_mut(name).filter(|book| book.domain == domain)
    }

    /// The book of a name, which begins anew when another domain has it.
    fn of(&mut self, name: &DomainName, domain: DomainId) -> &mut NameBook {
        // Of what is there already, nothing is copied: each delivery comes through here.
        if self.current((domain, name)).is_none() {
            self.names.insert(name.clone(), NameBook::new(domain));
        }
        self.names.entry(name.clone()).or_insert_with(|| NameBook::new(domain))
    }

    /// Takes what the store has of a name; what is known here already stays.
    pub(super) fn read(
        &mut self,
        of: Asked<'_>,
        records: Vec<(LocalPart, VerificationRecord)>,
        routes: Vec<(RouteServer, Route)>,
        now: Timestamp,
    ) {
        let Some(book) = self.current(of) else { return };
        for (local, record) in records.into_iter().filter(|(_, record)| record.is_live(now)) {
            let answer = if record.exists { ServerAnswer::Exists } else { ServerAnswer::NoSuchUser };
            if book.records.find(local.as_str(), now).is_none_or(|known| known.at < record.at) {
                book.records.note(local.as_str(), answer, record.at);
            }
        }
        for (server, route) in routes {
            book.routes.entry(server).and_modify(|known| known.merge(&route)).or_insert(route);
        }
    }

    /// Answers a name by what is known by now. False: its server must be asked, to answer it or to refresh what is known.
    pub(super) fn settle_known(
        &mut self,
        of: Asked<'_>,
        local: &LocalPart,
        servers: &[RouteServer],
        now: Timestamp,
    ) -> bool {
        let Some(book) = self.current(of) else { return false };
        let record = book.records.find(local.as_str(), now);
        let (known, is_settled) = match judge(record, &book.most_doubtful(servers, now), now) {
            Judgement::Known(known) => (known, true),
            Judgement::Refresh(known) => (known, false),
            Judgement::Ask => return false,
        };
        if let Some(flight) = book.flights.remove(local) {
            flight.send_replace(Some(known));
        }
        is_settled
    }

    /// What is to be written, which then counts as written.
    pub(super) fn take_notes(&mut self) -> VerificationNotes {
        std::mem::take(&mut self.notes)
    }

    /// An address that the server of a name took of late.
    pub(super) fn known(&self, name: &DomainName) -> Option<LocalPart> {
        self.names.get(name)?.known.clone()
    }

    /// The senders to try at a server, first the one that worked.
    pub(super) fn senders(&self, server: &RouteServer, all: &[String]) -> Vec<String> {
        let worked = self.servers.get(server).and_then(|book| book.sender.clone());
        let others = all.iter().filter(|sender| Some(*sender) != worked.as_ref()).cloned();
        worked.clone().into_iter().chain(others).collect()
    }

    /// The sender with which a server was asked comes first the next time. One that it refused when it heard a name does
    /// not: then it is the next of all of them, and nothing is asked twice in a session.
    pub(super) fn note_sender(&mut self, server: &RouteServer, sender: &str, is_refused: bool, all: &[String]) {
        let next = || all.iter().cycle().skip_while(|other| *other != sender).nth(1);
        let first = if is_refused && all.iter().any(|other| other == sender) { next() } else { None };
        self.servers.entry(server.clone()).or_default().sender = Some(first.map_or(sender, String::as_str).to_owned());
    }

    /// Whether the operator is to be told again that a server cannot be asked.
    pub(super) fn may_tell(&mut self, server: &RouteServer, now: Timestamp) -> bool {
        let book = self.servers.entry(server.clone()).or_default();
        let due = book.told.is_none_or(|told| now.since(told) >= TOLD_EVERY);
        if due {
            book.told = Some(now);
        }
        due
    }

    /// Forgets names that are ours no more, and what holds no more.
    pub(super) fn sweep(&mut self, is_ours: impl Fn(&DomainName) -> bool, now: Timestamp) {
        self.names.retain(|name, book| {
            book.records.sweep(now);
            is_ours(name) || book.is_worked_on
        });
        // What is known of a server stays as long as a name has it.
        let used: HashSet<&RouteServer> = self.names.values().flat_map(|book| book.routes.keys()).collect();
        let is_told = |book: &ServerBook| book.told.is_some_and(|told| now.since(told) < TOLD_EVERY);
        self.servers.retain(|server, book| used.contains(server) || !book.rate.is_over(now) || is_told(book));
        self.sources.retain(|_, rate| !rate.is_over(now));
    }
}

impl NameBook {
    fn new(domain: DomainId) -> Self {
        Self {
            domain,
            records: VerificationRecords::default(),
            routes: HashMap::new(),
            waiting: VecDeque::new(),
            waiting_good: 0,
            flights: HashMap::new(),
            rate: RateWindow::default(),
            is_worked_on: false,
            known: None,
        }
    }

    fn route(&self, server: &RouteServer, now: Timestamp) -> Route {
        self.routes.get(server).copied().unwrap_or(Route::new(now))
    }

    /// Which of several servers said *no such user* is not kept: the one that proves least decides.
    fn most_doubtful(&self, servers: &[RouteServer], now: Timestamp) -> Route {
        let routes = servers.iter().map(|server| self.route(server, now));
        let doubt = |route: &Route| match route.knowledge_of_absent(now) {
            Knowledge::Undecided => 0,
            Knowledge::AbsentOnNewRoute => 1,
            Knowledge::Absent | Knowledge::Exists => 2,
        };
        routes.min_by_key(doubt).unwrap_or(Route::new(now))
    }

    /// Whether the queue still has a place for mail of this class: the last ordinary name gives way to a source with a
    /// good record.
    fn can_make_room(&self, class: SourceClass) -> bool {
        class == SourceClass::Good && self.waiting_good < self.waiting.len()
    }

    /// Lets a name wait that nobody asks for yet; who asks gets a receiver for its answer. The flag says whether a worker
    /// must be started.
    fn enqueue(
        &mut self,
        local: &LocalPart,
        class: SourceClass,
        queue_max: usize,
    ) -> (watch::Receiver<Option<Knowledge>>, bool) {
        let (flight, answer) = watch::channel(None);
        self.flights.insert(local.clone(), flight);
        match class {
            SourceClass::Good => {
                if self.waiting.len() >= queue_max
                    && let Some(flight) = self.waiting.pop_back().and_then(|last| self.flights.remove(&last))
                {
                    flight.send_replace(Some(Knowledge::Undecided));
                }
                self.waiting.insert(self.waiting_good.min(self.waiting.len()), local.clone());
                self.waiting_good += 1;
            }
            SourceClass::Ordinary => self.waiting.push_back(local.clone()),
        }
        (answer, !std::mem::replace(&mut self.is_worked_on, true))
    }
}
