//! Callout: asks a domain's own server whether it takes a recipient that is on no list, while the sender waits for the
//! reply to RCPT. Nobody is asked for who is listed, vetoed, relay-denied or whose source is flagged.
//!
//! | module | what it is |
//! |---|---|
//! | `book` | what is known and what waits: records, routes, rates |
//! | `session` | one probe session with a server |
//! | `on_demand` | the same for a person who asks now |
//! | `prober` | the workers: one for each name that has something to ask |
//! | `nodes` | this node's part of all limits, and its connections to servers |
//!
//! What an answer means is a rule of `doorlist_core::verification`.

mod book;
mod metrics;
mod nodes;
mod on_demand;
mod prober;
mod session;

pub use on_demand::ProbedServer;

use crate::clock;
use crate::config::GatewayConfig;
use crate::journal::Journal;
use crate::relay::RelayHandle;
use book::{Asking, Book, CalloutQuestion, name_of};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::MailServer;
use doorlist_core::domain::{DomainId, ProtectedDomain};
use doorlist_core::network::SourceKey;
use doorlist_core::verification::{Knowledge, ProbeShare, Route, SourceClass};
use doorlist_store::verification::RouteServer;
use doorlist_store::{RecipientStore, VerificationBook};
use metrics::CalloutMetrics;
use nodes::Gates;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Maximum time that the client of an SMTP session waits for an answer; the probe goes on behind it.
const WAIT_MAX: Duration = Duration::from_secs(6);
/// How often what is new is written: all nodes see it within this time and a look of their own.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// How often what holds no more is forgotten.
const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Asks domains' own servers, for all sessions.
pub(crate) struct Callout {
    /// The runtime of the mail threads.
    runtime: Handle,
    recipients: RecipientStore,
    /// The same for all nodes.
    store: VerificationBook,
    relay: RelayHandle,
    journal: Journal,
    /// Senders of probes, in the order in which they are tried: a real address that takes mail, and the null sender.
    senders: Vec<String>,
    book: Mutex<Book>,
    /// Connections and rates of each server address.
    gates: Gates,
    /// The number of this node among those that share the store.
    node: u16,
    /// Its part of all limits, as soon as it is known who else is there.
    share: watch::Sender<Option<ProbeShare>>,
    metrics: CalloutMetrics,
    turn: AtomicUsize,
}

/// What callouts need of the gateway.
pub(crate) struct CalloutParts {
    pub(crate) recipients: RecipientStore,
    pub(crate) relay: RelayHandle,
    pub(crate) journal: Journal,
}

/// Whose mail asks for a recipient.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(crate) source: SourceKey,
    pub(crate) class: SourceClass,
    /// Otherwise only what is known already counts: the domain is asked for too many names that do not exist.
    pub(crate) may_ask: bool,
}

/// An answer that is on its way.
pub(crate) struct PendingAnswer(watch::Receiver<Option<Knowledge>>);

impl Callout {
    /// Looks who else shares the store, and keeps looking from then on.
    pub(crate) async fn start(config: &GatewayConfig, parts: CalloutParts, registry: &mut Registry) -> Arc<Self> {
        let CalloutParts { recipients, relay, journal } = parts;
        let sender = config.postmaster.as_ref();
        let senders = sender.map(ToString::to_string).into_iter().chain([String::new()]).collect();
        let callout = Arc::new(Self {
            runtime: Handle::current(),
            store: VerificationBook::of(&recipients),
            recipients,
            relay,
            journal,
            senders,
            book: Mutex::default(),
            gates: Gates::default(),
            node: config.guard.node,
            share: watch::Sender::new(None),
            metrics: CalloutMetrics::register(registry),
            turn: AtomicUsize::new(0),
        });
        tokio::spawn(sweep(Arc::downgrade(&callout)));
        tokio::spawn(keep_written(Arc::downgrade(&callout)));
        nodes::start(&callout).await;
        callout
    }

    /// What is known of a recipient that its list does not decide, or an answer that is on its way.
    pub(crate) fn ask(
        self: &Arc<Self>,
        address: &Address,
        domain: &ProtectedDomain,
        asker: Asker,
    ) -> Result<Knowledge, PendingAnswer> {
        let servers: Vec<RouteServer> = self.best_servers(domain.id).iter().map(name_of).collect();
        let Asker { source, class, may_ask } = asker;
        let may_ask = may_ask && !domain.hold;
        let share = self.share();
        let question = CalloutQuestion { address, domain: domain.id, servers: &servers, source, class, may_ask, share };
        let (asking, starts) = self.lock().ask(&question, clock::now());
        if starts {
            let (callout, name) = (Arc::clone(self), address.domain().clone());
            self.runtime.spawn(callout.work(name, domain.id));
        }
        match asking {
            Asking::Known(known) => Ok(known),
            Asking::Wait(answer) => Err(PendingAnswer(answer)),
        }
    }

    /// What is known of the answers of each server of a protected name.
    pub(crate) fn routes(&self, name: &DomainName) -> Vec<(RouteServer, Route)> {
        let Some(domain) = self.recipients.snapshot().domain(name).map(|domain| domain.id) else { return Vec::new() };
        let servers: Vec<RouteServer> = self.best_servers(domain).iter().map(name_of).collect();
        let mut routes = self.lock().routes(name);
        // Those of servers that the domain had before tell nothing of now.
        routes.retain(|(server, _)| servers.contains(server));
        routes
    }

    /// Notes that a server took a message for an address of one of our names.
    pub(crate) fn delivered(&self, path: &str, domain: DomainId, (host, port): (&str, u16)) {
        if let Ok(address) = path.parse::<Address>() {
            self.lock().delivered(&address, domain, &(host.to_ascii_lowercase().into(), port), clock::now());
        }
    }

    /// Notes that a server refused a message for an address that it took before, at RCPT or behind DATA.
    pub(crate) fn refused(&self, path: &str, domain: DomainId, (host, port): (&str, u16), is_no_such_user: bool) {
        if let Ok(address) = path.parse::<Address>() {
            let server = (host.to_ascii_lowercase().into(), port);
            self.lock().refused(&address, domain, &server, is_no_such_user, clock::now());
        }
    }

    /// Writes what is new. What the store does not take is known here alone.
    pub(crate) async fn write_notes(&self) {
        let notes = self.lock().take_notes();
        if !notes.is_empty()
            && let Err(error) = self.store.write(&notes, clock::now()).await
        {
            self.tell("cannot store what servers said about recipients;", &error.to_string());
        }
    }

    /// The servers of the best preference of a domain: a backup that accepts everything says nothing.
    fn best_servers(&self, domain: DomainId) -> Vec<MailServer> {
        let routes = self.recipients.routes();
        let Some(route) = routes.get(&domain) else { return Vec::new() };
        let best = route.servers.iter().map(|server| server.preference).min();
        route.servers.iter().filter(|server| Some(server.preference) == best).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ours(&self, name: &DomainName) -> bool {
        self.recipients.snapshot().domain(name).is_some()
    }
}

impl PendingAnswer {
    /// Waits for it, but not longer than a sender waits.
    pub(crate) async fn wait(mut self) -> Knowledge {
        match timeout(WAIT_MAX, self.0.wait_for(Option::is_some)).await {
            Ok(Ok(known)) => (*known).unwrap_or(Knowledge::Undecided),
            _ => Knowledge::Undecided,
        }
    }
}

/// Writes what is new behind the answers.
async fn keep_written(callout: Weak<Callout>) {
    loop {
        sleep(WRITE_EVERY).await;
        let Some(callout) = callout.upgrade() else { return };
        callout.write_notes().await;
    }
}

async fn sweep(callout: Weak<Callout>) {
    loop {
        sleep(SWEEP_EVERY).await;
        let Some(callout) = callout.upgrade() else { return };
        callout.lock().sweep(|name| callout.is_ours(name), clock::now());
        callout.gates.sweep(clock::now());
    }
}
