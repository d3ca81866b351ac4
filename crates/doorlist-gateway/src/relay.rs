//! Outgoing mail: accepted mail to the domains' own servers, other mail by MX or through a smart host, and bounces. A
//! message stays in the spool until each of its recipients has a final result.
//!
//! [`Relay::enqueue`] adds a message (after a restart, the spool does). It stays in the [`queue`] of its destination,
//! a connection ([`deliver`]) sends it, and the [`report`] task reports permanent failures.

pub mod access;
mod authentication_results;
mod connect;
mod connection;
mod deliver;
mod dsn;
mod evidence;
mod front;
mod handle;
mod header_section;
mod limits;
mod log;
mod metrics;
mod notice;
mod queue;
mod refill;
mod report;
pub mod resolver;
mod route;
pub mod server_check;
mod system_mail;
mod tls;
mod without_smtp_utf8;

pub(crate) use connect::Connector;
pub(crate) use connection::{Connection, ConnectionFault};
pub(crate) use handle::RelayHandle;
pub use handle::{QueueHandle, QueueOperation, Queued};
pub use notice::{NOTICE_RECIPIENTS_MAX, NOTICE_TEXT_MAX, NoticeError, NoticeHandle};

use crate::clock;
use crate::config::RelayConfig;
use crate::journal::{Journal, Process};
use arc_swap::ArcSwap;
use deliver::{Stop, reached};
use doorlist_core::address::Address;
use doorlist_core::domain::DomainId;
use doorlist_core::retry::RetrySchedule;
use doorlist_store::spool::Spooled;
use doorlist_store::{ContactBook, MailLog, RecipientStore, Spool};
pub(crate) use evidence::{Delivered, ServerWord};
use metrics::Metrics;
use prometheus_client::registry::Registry;
use queue::{Arrival, Effects, FailureReport, Moment, Queue, QueueSettings, Router};
use resolver::{Resolver, SystemResolver};
pub(crate) use route::{DestinationKey, NoRoute};
use rustls::RootCertStore;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tls::ClientTls;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};
use without_smtp_utf8::WithoutSmtpUtf8;

/// How often routes are compared: a new server, a hold or a release takes effect within this time.
const TICK: Duration = Duration::from_millis(250);
/// Minimum time between two ticks.
const TICK_MIN: Duration = Duration::from_millis(2);
/// How often destinations without mail are removed.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// The environment of the relay; tests pass their own.
pub struct Surroundings {
    /// Doorlist's own listening addresses: a server there is a loop.
    pub listeners: Vec<SocketAddr>,
    pub resolver: Arc<dyn Resolver>,
    /// Trusted CAs for domains that require a verified certificate.
    pub roots: Arc<RootCertStore>,
    /// Delay after the first failed attempt.
    pub retry_first: Duration,
    /// Maximum delay between attempts.
    pub retry_longest: Duration,
    /// Maximum messages in memory; further ones stay in the spool.
    pub active_max: usize,
}

impl Surroundings {
    /// The resolver of the settings, the default CAs and the default schedule.
    pub fn system(listeners: Vec<SocketAddr>, name_server: Option<SocketAddr>) -> Result<Self, RelayError> {
        let resolver = SystemResolver::of(name_server).map_err(|error| RelayError::Resolver(error.to_string()))?;
        let usual = RetrySchedule::inbound();
        Ok(Self {
            listeners,
            resolver: Arc::new(resolver),
            roots: tls::usual_roots(),
            retry_first: usual.first,
            retry_longest: usual.longest,
            active_max: queue::ACTIVE_MAX,
        })
    }
}

/// What the relay needs from the gateway.
pub struct RelayParts {
    pub config: RelayConfig,
    /// Host name in EHLO and in bounces.
    pub hostname: Arc<str>,
    /// The operator's mailbox, for mail that a domain's server rejects for its postmaster.
    pub postmaster: Option<Address>,
    /// The routes of all domains.
    pub recipients: RecipientStore,
    pub spool: Spool,
    /// The mail log, which administrators search.
    pub mail_log: MailLog,
    pub journal: Journal,
    pub surroundings: Surroundings,
}

/// Why the relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The resolver's settings could not be read.
    #[error("cannot read the system's resolver settings: {0}")]
    Resolver(String),
    /// TLS could not be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The system gave no random bytes.
    #[error("the system provides no random numbers: {0}")]
    Random(String),
}

/// The state that all tasks of the relay share.
struct RelayShared {
    /// The runtime of the mail threads, on which all deliveries run.
    runtime: Handle,
    connector: Connector,
    config: ArcSwap<RelayConfig>,
    postmaster: Option<Address>,
    recipients: RecipientStore,
    spool: Spool,
    mail_log: MailLog,
    journal: Journal,
    metrics: Metrics,
    queue: Mutex<Queue>,
    without_smtp_utf8: WithoutSmtpUtf8,
    /// Hears of each recipient whose message a server took; unset until somebody listens.
    delivered: OnceLock<Delivered>,
    contacts: ContactBook,
    fixed: Fixed,
    /// Unbounded, but holds at most one report per message in memory, whose number is limited.
    reports: mpsc::UnboundedSender<FailureReport>,
    stop: watch::Sender<Stop>,
    connection_ended: Notify,
    /// Signalled when messages may be loaded from the spool.
    refill: Notify,
    turn: AtomicUsize,
    chance: AtomicU64,
}

/// The running relay. Dropping it does not stop it: call [`Relay::shutdown`].
pub struct Relay {
    shared: Arc<RelayShared>,
    reporter: tokio::task::JoinHandle<()>,
}

impl Relay {
    /// Starts the relay and loads the spool, while new mail is already accepted.
    pub async fn start(parts: RelayParts, registry: &mut Registry) -> Result<Relay, RelayError> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|error| RelayError::Random(error.to_string()))?;
        let (reports, to_report) = mpsc::unbounded_channel();
        let Surroundings { listeners, resolver, roots, retry_first, retry_longest, active_max } = parts.surroundings;
        let fixed = Fixed { retry_first, retry_longest, active_max };
        let router = Router::new(parts.recipients.routes(), parts.config.outbound.clone());
        let tls = ClientTls::new(roots)?;
        let shared = Arc::new(RelayShared {
            runtime: Handle::current(),
            connector: Connector { hostname: parts.hostname, listeners, resolver, tls },
            queue: Mutex::new(Queue::new(settings(&parts.config, fixed), router)),
            without_smtp_utf8: WithoutSmtpUtf8::default(),
            delivered: OnceLock::new(),
            contacts: ContactBook::of(&parts.recipients),
            config: ArcSwap::from_pointee(parts.config),
            postmaster: parts.postmaster,
            recipients: parts.recipients,
            spool: parts.spool,
            mail_log: parts.mail_log,
            journal: parts.journal,
            metrics: Metrics::new(registry),
            fixed,
            reports,
            stop: watch::Sender::new(Stop::No),
            connection_ended: Notify::new(),
            refill: Notify::new(),
            turn: AtomicUsize::new(0),
            chance: AtomicU64::new(u64::from_le_bytes(seed)),
        });
        metrics::register_queue(&shared, registry);
        let reporter = tokio::spawn(report::run(Arc::clone(&shared), to_report));
        tokio::spawn(clockwork(Arc::clone(&shared)));
        // Drawn before any new mail: what is older was there before us.
        let started = shared.spool.next_id();
        tokio::spawn(refill::run(Arc::clone(&shared), started));
        Ok(Relay { shared, reporter })
    }

    /// Adds a stored message. Never waits; without room in memory it is read from the spool later.
    pub fn enqueue(&self, mail: Spooled) {
        self.shared.enqueue(mail);
    }

    /// Whether no server of this domain is known to support SMTPUTF8. Never waits.
    pub fn lacks_smtp_utf8(&self, domain: DomainId) -> bool {
        let routes = self.shared.recipients.routes();
        routes
            .get(&domain)
            .is_some_and(|route| self.shared.without_smtp_utf8.is_whole_route(&route.servers, clock::now()))
    }

    /// The queue, for administrators.
    pub fn handle(&self) -> QueueHandle {
        QueueHandle { shared: Arc::clone(&self.shared), asked: "by hand".into() }
    }

    /// What callouts need of the relay.
    pub(crate) fn ways(&self) -> RelayHandle {
        RelayHandle { shared: Arc::clone(&self.shared) }
    }

    /// Sends Doorlist's own notices.
    pub fn notices(&self) -> NoticeHandle {
        NoticeHandle { shared: Arc::clone(&self.shared) }
    }

    /// Applies new settings; open connections keep theirs.
    pub fn reload(&self, config: RelayConfig) {
        let settings = settings(&config, self.shared.fixed);
        let outbound = config.outbound.clone();
        self.shared.config.store(Arc::new(config));
        self.shared.with_queue(|queue, at| {
            queue.set_settings(settings);
            queue.set_outbound(outbound, at);
        });
    }

    /// Stops: running transactions end within `deadline`, the rest stays in the spool for the next start.
    pub async fn shutdown(&self, deadline: Duration) {
        self.shared.with_queue(|queue, _| queue.stop());
        self.shared.stop.send_replace(Stop::Finish);
        if timeout(deadline, self.all_connections_ended()).await.is_err() {
            self.shared.stop.send_replace(Stop::Now);
            self.all_connections_ended().await;
        }
        self.shared.stop.send_replace(Stop::Now);
        while !self.reporter.is_finished() {
            tokio::task::yield_now().await;
        }
        // A failed flush is the spool's to report; nothing is lost but progress, and mail may come twice.
        let _ = self.shared.spool.flush().await;
        self.shared.journal.flush();
    }

    async fn all_connections_ended(&self) {
        while self.shared.lock_queue().connections() > 0 {
            self.shared.connection_ended.notified().await;
        }
    }
}

/// The timer task: deferred messages, probes of dead destinations, changed routes.
async fn clockwork(shared: Arc<RelayShared>) {
    let mut stop = shared.stop.subscribe();
    let mut pruned = tokio::time::Instant::now();
    loop {
        let routes = shared.recipients.routes();
        let next = shared.with_queue(|queue, at| {
            queue.set_routes(&routes, at);
            queue.tick(at);
            if pruned.elapsed() >= PRUNE_EVERY {
                pruned = tokio::time::Instant::now();
                queue.prune();
            }
            queue.next_event().map_or(TICK, |next| next.since(at.now))
        });
        tokio::select! {
            () = sleep(next.clamp(TICK_MIN, TICK)) => {}
            () = reached(&mut stop, Stop::Finish) => return,
        }
    }
}

/// Settings that a reload does not change.
#[derive(Clone, Copy)]
struct Fixed {
    retry_first: Duration,
    retry_longest: Duration,
    active_max: usize,
}

fn settings(config: &RelayConfig, fixed: Fixed) -> QueueSettings {
    let schedule = |lifetime| RetrySchedule { first: fixed.retry_first, longest: fixed.retry_longest, lifetime };
    QueueSettings {
        active_max: fixed.active_max,
        connections_max: config.connections_max.max(1),
        per_destination_max: config.connections_per_destination_max.max(1),
        inbound: schedule(config.lifetime),
        bounce: schedule(config.bounce_lifetime),
    }
}

impl RelayShared {
    fn enqueue(self: &Arc<Self>, mail: Spooled) {
        let Spooled { id, envelope, body } = mail;
        // A message for a domain that was added this very moment must find its route.
        let routes = self.recipients.routes();
        self.with_queue(|queue, at| {
            queue.set_routes(&routes, at);
            queue.admit(Arrival { id, envelope, progress: None, body }, at)
        });
    }

    /// Runs a function on the queue, then carries out its effects.
    fn with_queue<R>(self: &Arc<Self>, act: impl FnOnce(&mut Queue, Moment) -> R) -> R {
        let at = Moment { now: clock::now(), chance: self.chance() };
        let (result, effects) = {
            let mut queue = self.lock_queue();
            let result = act(&mut queue, at);
            let mut effects = queue.take_effects();
            // Within the lock, so that the spool hears of one message in the right order.
            for (id, settlement) in effects.settle.drain(..) {
                self.spool.settle(id, settlement);
            }
            (result, effects)
        };
        self.perform(effects);
        result
    }

    fn perform(self: &Arc<Self>, effects: Effects) {
        for grant in effects.open {
            self.runtime.spawn(deliver::run(Arc::clone(self), grant));
        }
        if effects.refill {
            self.refill.notify_one();
        }
        for (part, why) in effects.parked {
            self.log_parked(&part, &why);
        }
        for report in effects.reports {
            // Without a reporter we are on the way out, and the message is tried again after the next start.
            let _ = self.reports.send(report);
        }
        for id in effects.removed {
            self.log_event(Process::Qmgr, id, "removed");
        }
    }

    fn lock_queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers whether a server offers SMTPUTF8.
    fn note_smtp_utf8(&self, key: &DestinationKey, connection: &Connection) {
        if let DestinationKey::Servers(_) = key {
            let (peer, offers) = (&connection.peer, connection.offers.smtp_utf8);
            self.without_smtp_utf8.saw(&peer.host, peer.address.port(), offers, clock::now());
        }
    }

    /// Whether another server of this destination may support SMTPUTF8, so that a later attempt may succeed.
    fn another_may_have_smtp_utf8(&self, key: &DestinationKey) -> bool {
        match key {
            DestinationKey::Servers(route) => !self.without_smtp_utf8.is_whole_route(route, clock::now()),
            _ => false,
        }
    }

    /// Counter that rotates servers of equal preference.
    fn turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// A number in 0..1 (SplitMix64): spreads retries, guards no secret.
    fn chance(&self) -> f64 {
        let mut z = self.chance.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }
}
