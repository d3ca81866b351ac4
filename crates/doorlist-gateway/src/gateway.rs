//! Starts, reconfigures and stops the SMTP listeners and the relay.

pub use crate::callout::ProbedServer;
pub use crate::inbound::{Certificate, TlsError};

use crate::callout::{Callout, CalloutParts};
use crate::config::{GatewayConfig, VerdictEngine};
use crate::fall_back::{FallBack, FallBackParts};
use crate::harvest::{HarvestDefence, HarvestParts};
use crate::inbound::{Inbound, InboundMetrics, Listener, Slots};
use crate::journal::Journal;
use crate::people::People;
use crate::relay::resolver::SystemResolver;
use crate::relay::{NoticeHandle, QueueHandle, Relay, RelayError, RelayParts, ServerWord, Surroundings};
use crate::verdict::builtin::Builtin;
use crate::verdict::rspamd::Rspamd;
use crate::verdict::{Scanner, Verdicts};
use arc_swap::ArcSwap;
use doorlist_core::address::{Address, DomainName};
use doorlist_core::verification::Route;
use doorlist_smtp::reply::EnhancedCode;
use doorlist_store::verification::RouteServer;
use doorlist_store::{MailLog, RecipientStore, Spool};
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// What the gateway needs from the binary.
pub struct GatewayParts {
    /// The server certificate; a reload reads it again for all its users.
    pub certificate: Arc<Certificate>,
    pub recipients: RecipientStore,
    pub spool: Spool,
    /// The mail log, which administrators search.
    pub mail_log: MailLog,
    pub journal: Journal,
}

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Binding a listening address failed.
    #[error("cannot listen on {0}")]
    Listen(#[source] std::io::Error),
    /// There is no usable certificate.
    #[error("no certificate: {0}")]
    Certificate(TlsError),
    /// The relay could not be started.
    #[error("cannot start the relay: {0}")]
    Relay(#[from] RelayError),
    /// The scanner could not be started.
    #[error("cannot start the scanner: {0}")]
    Scanner(String),
}

/// The running gateway. Dropping it does not stop it: call [`Gateway::shutdown`].
pub struct Gateway {
    inbound: Arc<Inbound>,
    relay: Arc<Relay>,
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
}

impl Gateway {
    /// Binds all listeners, loads the spool, then accepts sessions.
    pub async fn start(
        config: GatewayConfig,
        parts: GatewayParts,
        registry: &mut Registry,
    ) -> Result<Gateway, GatewayError> {
        let listeners = config.listeners.iter().cloned().map(Listener::bind);
        let listeners = listeners.collect::<Result<Vec<_>, _>>().map_err(GatewayError::Listen)?;
        let addresses: Vec<SocketAddr> = listeners.iter().map(Listener::address).collect();
        let (stop, stopping) = watch::channel(false);
        let relay = Arc::new(start_relay(&config, &parts, addresses.clone(), registry).await?);
        let verdicts = start_scanner(&config, &parts.journal, registry)?;
        let (routes, way_out) = (relay.clone(), relay.clone());
        let callout =
            CalloutParts { recipients: parts.recipients.clone(), relay: relay.ways(), journal: parts.journal.clone() };
        let callout = Callout::start(&config, callout, registry).await;
        let people = People {
            recipients: parts.recipients.clone(),
            notices: relay.notices(),
            operator: config.postmaster.clone(),
        };
        let journal = parts.journal.clone();
        let harvest =
            HarvestDefence::start(&config.guard, HarvestParts { people: people.clone(), journal }, registry).await;
        let fall_back = FallBack::start(
            FallBackParts {
                people,
                journal: parts.journal.clone(),
                hostname: config.hostname.to_string(),
                name_server: config.name_server,
            },
            registry,
        );
        tell_of_deliveries(&relay, &callout, &harvest);
        let inbound = Arc::new(Inbound {
            settings: ArcSwap::from_pointee(config),
            certificate: parts.certificate,
            recipients: parts.recipients,
            spool: parts.spool,
            mail_log: parts.mail_log,
            journal: parts.journal,
            metrics: InboundMetrics::register(registry),
            slots: Arc::new(Slots::default()),
            harvest,
            fall_back,
            callout,
            verdicts,
            stopping,
            lacks_smtp_utf8: Box::new(move |domain| routes.lacks_smtp_utf8(domain)),
            hand_over: Box::new(move |mail| way_out.enqueue(mail)),
        });
        for listener in listeners {
            tokio::spawn(listener.run(inbound.clone()));
        }
        Ok(Gateway { inbound, relay, addresses, stop })
    }

    /// Addresses of the listeners, in the order of the settings.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether new sessions are accepted.
    pub fn ready(&self) -> bool {
        !*self.stop.borrow()
    }

    /// Applies new settings and reads the certificate again; running sessions keep their settings. Listeners do not
    /// change until a restart. On an error nothing changes.
    pub async fn reload(&self, config: GatewayConfig) -> Result<(), GatewayError> {
        self.inbound.certificate.load(&config.tls, &config.hostname).map_err(GatewayError::Certificate)?;
        self.relay.reload(config.relay.clone());
        self.inbound.harvest.reload(&config.guard);
        self.inbound.settings.store(Arc::new(config));
        Ok(())
    }

    /// Sources that are flagged for guessing now.
    pub fn sources_flagged(&self) -> u64 {
        self.inbound.harvest.flagged(crate::clock::now())
    }

    /// What is known of the answers of each server of a protected name.
    pub fn routes(&self, name: &DomainName) -> Vec<(RouteServer, Route)> {
        self.inbound.callout.routes(name)
    }

    /// Asks the servers of a protected name now: for an address, or whether their answers can be trusted.
    pub async fn probe(&self, name: &DomainName, address: Option<&Address>) -> Vec<ProbedServer> {
        self.inbound.callout.probe_now(name, address).await
    }

    /// The queue, for administrators.
    pub fn queue(&self) -> QueueHandle {
        self.relay.handle()
    }

    /// Sends Doorlist's own notices.
    pub fn notices(&self) -> NoticeHandle {
        self.relay.notices()
    }

    /// Stops: accepts no new session, sends 421 to idle ones, and lets running messages finish in both directions
    /// within the drain time. Undelivered messages stay in the spool for the next start.
    pub async fn shutdown(&self) {
        let deadline = Instant::now() + self.inbound.config().limits.drain;
        self.stop.send_replace(true);
        let _ = timeout_at(deadline, self.inbound.slots.empty()).await;
        self.relay.shutdown(deadline.saturating_duration_since(Instant::now())).await;
        self.inbound.callout.write_notes().await;
        // What the store does not take now is lost with this process.
        let _ = self.inbound.harvest.write_notes().await;
        self.inbound.journal.flush();
    }
}

/// Its resolver is one of its own: what a resolver has open belongs to the threads that use it.
fn start_scanner(config: &GatewayConfig, journal: &Journal, registry: &mut Registry) -> Result<Verdicts, GatewayError> {
    let builtin = || {
        let resolver =
            SystemResolver::of(config.name_server).map_err(|error| GatewayError::Scanner(error.to_string()))?;
        Ok::<_, GatewayError>(Builtin::new(&resolver, &config.hostname))
    };
    let scanner: Arc<dyn Scanner> = match &config.verdict {
        VerdictEngine::Nobody => return Ok(Verdicts::none()),
        VerdictEngine::Builtin => Arc::new(builtin()?),
        VerdictEngine::Rspamd(address) => Arc::new(Rspamd::new(address.clone(), builtin()?, journal.clone())),
    };
    Verdicts::start(scanner, registry).map_err(|error| GatewayError::Scanner(error.to_string()))
}

/// Deliveries speak for sources and servers.
fn tell_of_deliveries(relay: &Relay, callout: &Arc<Callout>, harvest: &Arc<HarvestDefence>) {
    let (listener, good_records) = (Arc::downgrade(callout), Arc::downgrade(harvest));
    relay.ways().tell_of_deliveries(Box::new(move |envelope, recipient, peer, word| {
        if let (Some(harvest), ServerWord::Took) = (good_records.upgrade(), word) {
            harvest.delivered(envelope, recipient);
        }
        // Every server takes postmaster: that says nothing about who else exists.
        let known = (listener.upgrade(), recipient.domain);
        let (Some(callout), Some(domain), false) = (known.0, known.1, recipient.system) else { return };
        let server = (&*peer.host, peer.address.port());
        match word {
            ServerWord::Took => callout.delivered(&recipient.path, domain, server),
            ServerWord::Refused(status) if recipient.unlisted => {
                callout.refused(&recipient.path, domain, server, is_no_such_user(status));
            }
            // Who is listed stays so, whatever the server says.
            ServerWord::Refused(_) => {}
        }
    }));
}

async fn start_relay(
    config: &GatewayConfig,
    parts: &GatewayParts,
    listeners: Vec<SocketAddr>,
    registry: &mut Registry,
) -> Result<Relay, GatewayError> {
    let parts = RelayParts {
        config: config.relay.clone(),
        hostname: config.hostname.as_str().into(),
        postmaster: config.postmaster.clone(),
        recipients: parts.recipients.clone(),
        spool: parts.spool.clone(),
        mail_log: parts.mail_log.clone(),
        journal: parts.journal.clone(),
        surroundings: Surroundings::system(listeners, config.name_server)?,
    };
    Ok(Relay::start(parts, registry).await?)
}

/// Whether a status says that there is no such user (RFC 3463 §3.2, RFC 7505 §5).
fn is_no_such_user(status: EnhancedCode) -> bool {
    status.class == 5 && status.subject == 1 && matches!(status.detail, 1 | 6 | 10)
}
