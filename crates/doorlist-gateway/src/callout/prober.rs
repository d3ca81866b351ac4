//! The workers: each asks the servers of one protected name, session after session, until nothing waits.

use super::Callout;
use super::book::{Asked, name_of};
use super::session::{ProbeReport, ProbeSession};
use crate::clock;
use crate::journal::{FieldValue, Line, Process};
use crate::relay::NoRoute;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::change::MailServer;
use doorlist_core::domain::DomainId;
use doorlist_core::verification::{ServerAnswer, TRUSTED_FOR};
use doorlist_store::verification::RouteServer;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Known names that are tried before a server counts as one that refuses everybody: a person may have left.
const KNOWN_TRIED: u32 = 3;
/// Letters and digits of a random name, 60 bits: surely nobody's.
const RANDOM_LENGTH: usize = 12;
const RANDOM_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl Callout {
    /// Asks for the names that wait, until none is left.
    pub(super) async fn work(self: Arc<Self>, name: DomainName, domain: DomainId) {
        loop {
            let locals = self.lock().next((domain, &name));
            if locals.is_empty() {
                return;
            }
            let unknown = self.read(&name, domain, locals).await;
            if !unknown.is_empty() {
                self.probe(&name, domain, &unknown).await;
            }
        }
    }

    /// Reads what other nodes, or this one before a restart, know of names; which of them must be asked for.
    async fn read(&self, name: &DomainName, domain: DomainId, locals: Vec<LocalPart>) -> Vec<LocalPart> {
        let key = (domain, name.clone());
        // While the store is away, the servers themselves are asked.
        let records = self.store.records(&key, &locals).await.unwrap_or_default();
        let routes = self.store.routes(&key).await.unwrap_or_default();
        let servers: Vec<RouteServer> = self.best_servers(domain).iter().map(name_of).collect();
        let now = clock::now();
        let mut book = self.lock();
        book.read((domain, name), records, routes, now);
        locals.into_iter().filter(|local| !book.settle_known((domain, name), local, &servers, now)).collect()
    }

    /// Asks the first server that speaks; if none does, the names are undecided.
    async fn probe(&self, name: &DomainName, domain: DomainId, locals: &[LocalPart]) {
        let names: Vec<Address> = locals.iter().map(|local| Address::new(local.clone(), name.clone())).collect();
        for server in self.in_turn(domain) {
            let Ok(report) = self.session(&server, &names).await else { continue };
            // One that breaks before it spoke of recipients is as good as one that does not answer.
            if report.sender.is_none() {
                continue;
            }
            self.settle(domain, &server, &names, &report).await;
            return;
        }
        self.answer(domain, &names, None, &[]);
    }

    /// The servers of the best preference, which share the load; none while the domain is on hold.
    fn in_turn(&self, domain: DomainId) -> Vec<MailServer> {
        let is_held = self.recipients.routes().get(&domain).is_some_and(|route| route.hold);
        let mut servers = if is_held { Vec::new() } else { self.best_servers(domain) };
        if !servers.is_empty() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % servers.len();
            servers.rotate_left(turn);
        }
        servers
    }

    /// Takes the answers of a session. What they are worth is found out first, where nobody knows it.
    pub(super) async fn settle(&self, domain: DomainId, server: &MailServer, names: &[Address], report: &ProbeReport) {
        let Some(name) = names.first().map(Address::domain) else { return };
        let server_name = name_of(server);
        let route = self.lock().route(name, &server_name, clock::now());
        if report.answers.contains(&ServerAnswer::NoSuchUser) && route.wants_known(clock::now()) {
            self.ask_known(name, domain, server, &server_name).await;
        }
        self.answer(domain, names, Some(&server_name), &report.answers);
        if report.answers.contains(&ServerAnswer::Exists) && route.wants_random(TRUSTED_FOR, clock::now()) {
            self.ask_random((domain, name), server, &server_name).await;
        }
    }

    fn answer(&self, domain: DomainId, names: &[Address], server: Option<&RouteServer>, answers: &[ServerAnswer]) {
        let now = clock::now();
        let mut book = self.lock();
        for (at, name) in names.iter().enumerate() {
            let answer = answers.get(at).copied().unwrap_or(ServerAnswer::Undecided);
            self.metrics.answered(answer);
            book.answered((domain, name.domain()), name.local(), (server, answer), now);
        }
    }

    /// Asks for a name that surely exists, in a session of its own: a server that refuses it refuses everybody.
    async fn ask_known(&self, name: &DomainName, domain: DomainId, server: &MailServer, server_name: &RouteServer) {
        for known in self.known_names(name, domain).await {
            let Ok(report) = self.session(server, &[known]).await else { return };
            let answer = report.first();
            self.note_control((domain, name), server_name, answer, true);
            if answer != ServerAnswer::NoSuchUser {
                return;
            }
        }
    }

    /// One that took mail of late, then listed ones.
    pub(super) async fn known_names(&self, name: &DomainName, domain: DomainId) -> Vec<Address> {
        let of_mail = self.lock().known(name);
        // Without an answer of the store there is none: the names are undecided.
        let listed = self.recipients.some_mailboxes(domain, KNOWN_TRIED).await.unwrap_or_default();
        let locals = of_mail.into_iter().chain(listed).take(KNOWN_TRIED as usize);
        locals.map(|local| Address::new(local, name.clone())).collect()
    }

    /// Asks for a name that surely does not exist, in a session of its own: a server that takes it takes everybody.
    async fn ask_random(&self, of: Asked<'_>, server: &MailServer, server_name: &RouteServer) {
        let Some(random) = random_name(of.1) else { return };
        let Ok(report) = self.session(server, &[random]).await else { return };
        let answer = report.first();
        self.note_control(of, server_name, answer, false);
        if answer == ServerAnswer::Exists {
            let event =
                format!("{} accepts every address of {}: its answers prove nothing;", server.host_and_port(), of.1);
            self.tell(&event, "");
        }
    }

    /// Notes what a server made of a known or of a random name, where it was clear.
    pub(super) fn note_control(&self, of: Asked<'_>, server: &RouteServer, answer: ServerAnswer, is_known: bool) {
        let taken = match answer {
            ServerAnswer::Exists => true,
            ServerAnswer::NoSuchUser => false,
            ServerAnswer::Undecided => return,
        };
        let now = clock::now();
        self.lock().with_route(of, server, now, |route| match is_known {
            true => route.known_answered(taken, now),
            false => route.random_answered(taken, now),
        });
    }

    /// One session with a server, when its addresses have a free place.
    pub(super) async fn session(&self, server: &MailServer, names: &[Address]) -> Result<ProbeReport, NoRoute> {
        let server_name = name_of(server);
        let asked = self.session_at_its_addresses(server, names).await;
        let trouble = match &asked {
            Ok(report) => report.refusal.as_deref().map(|why| ("refuses to be asked", why)),
            Err(no_route) => Some(("cannot be asked", no_route.why.as_str())),
        };
        if let Some((what, why)) = trouble
            && self.lock().may_tell(&server_name, clock::now())
        {
            self.tell(&format!("{} {what} for recipients;", server.host_and_port()), why);
        }
        if let Ok(ProbeReport { sender: Some(sender), sender_refused, .. }) = &asked {
            self.lock().note_sender(&server_name, sender, *sender_refused, &self.senders);
        }
        asked
    }

    /// Servers of many names may be one: what counts is where they are.
    async fn session_at_its_addresses(&self, server: &MailServer, names: &[Address]) -> Result<ProbeReport, NoRoute> {
        let (connector, config) = (self.relay.connector(), self.relay.config());
        let addresses = connector.addresses(server, &config).await?;
        let addresses: Vec<SocketAddr> = addresses.into_iter().map(|ip| SocketAddr::new(ip, server.port)).collect();
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let place = self.gates.place(&addresses, count, self.share.subscribe()).await?;
        self.metrics.session();
        let senders = self.lock().senders(&name_of(server), &self.senders);
        place.hold(ProbeSession::ask(connector, &config, server, &senders, names)).await
    }

    pub(super) fn tell(&self, event: &str, why: &str) {
        let fields: &[(&str, FieldValue<'_>)] = &[("why", FieldValue::Str(why))];
        let fields = if why.is_empty() { &[] } else { fields };
        self.journal.write(&Line { process: Process::Verify, queue: None, event, fields });
    }
}

/// A name that surely does not exist. `None`: the system gave no random bytes.
pub(super) fn random_name(name: &DomainName) -> Option<Address> {
    let mut bytes = [0; RANDOM_LENGTH];
    getrandom::fill(&mut bytes).ok()?;
    let text: Vec<u8> = bytes
        .iter()
        .filter_map(|byte| RANDOM_ALPHABET.get(usize::from(*byte) % RANDOM_ALPHABET.len()).copied())
        .collect();
    Some(Address::new(LocalPart::parse(&text).ok()?, name.clone()))
}
