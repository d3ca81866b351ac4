//! Incoming mail: listeners and SMTP sessions.
//!
//! | module | what it is |
//! |---|---|
//! | `listener` | listening sockets and their accept loops |
//! | `connection` | from a socket to a session: PROXY header, limits, TLS, an orderly close |
//! | `session` | one session on one stream |
//! | `dialogue` | the state of client and transaction; the replies to HELO, MAIL and RCPT |
//! | `data` | receives a message up to stable storage |
//! | `trace` | the `Received:` header |
//! | `stage` | where a refusal stands, in the words of Postfix's log |
//! | `guard`, `slots`, `deadline` | the harvest defence in one session; session counts; time limits |
//! | `tls`, `proxy_protocol` | the server certificate; the client behind a load balancer |
//!
//! It does not depend on `relay`: accepted mail is handed over through a trait.

mod connection;
mod data;
mod deadline;
mod dialogue;
mod guard;
mod listener;
mod metrics;
mod proxy_protocol;
mod session;
mod slots;
mod stage;
mod tls;
mod trace;

pub(crate) use listener::Listener;
pub(crate) use metrics::InboundMetrics;
pub(crate) use slots::Slots;
pub use tls::{Certificate, TlsError};

use crate::callout::Callout;
use crate::config::GatewayConfig;
use crate::fall_back::FallBack;
use crate::harvest::HarvestDefence;
use crate::journal::{Journal, Line, Process};
use crate::verdict::Verdicts;
use arc_swap::ArcSwap;
use doorlist_core::domain::DomainId;
use doorlist_smtp::reply::Reply;
use doorlist_store::spool::{SpoolHealth, Spooled};
use doorlist_store::{MailLog, RecipientStore, Spool};
use std::sync::Arc;
use tokio::sync::watch;

/// Becomes true when the gateway stops.
pub(crate) type Stopping = watch::Receiver<bool>;

/// The state that all sessions share.
pub(crate) struct Inbound {
    pub(crate) settings: ArcSwap<GatewayConfig>,
    pub(crate) certificate: Arc<Certificate>,
    pub(crate) recipients: RecipientStore,
    pub(crate) spool: Spool,
    pub(crate) mail_log: MailLog,
    pub(crate) journal: Journal,
    pub(crate) metrics: InboundMetrics,
    pub(crate) slots: Arc<Slots>,
    pub(crate) harvest: Arc<HarvestDefence>,
    /// Hears of senders that enforced lists refused.
    pub(crate) fall_back: FallBack,
    /// Asks domains' own servers for recipients that are on no list.
    pub(crate) callout: Arc<Callout>,
    /// The scanner of complete messages.
    pub(crate) verdicts: Verdicts,
    pub(crate) stopping: Stopping,
    /// Whether no server of a domain is known to support SMTPUTF8.
    pub(crate) lacks_smtp_utf8: Box<dyn Fn(DomainId) -> bool + Send + Sync>,
    /// Passes a stored message to the relay, without waiting.
    pub(crate) hand_over: Box<dyn Fn(Spooled) + Send + Sync>,
}

impl Inbound {
    /// The current settings; a session keeps those that it started with.
    pub(crate) fn config(&self) -> Arc<GatewayConfig> {
        self.settings.load_full()
    }

    /// The reply to MAIL while the spool accepts nothing.
    fn refusal_of_storage(&self) -> Option<Reply> {
        match self.spool.health() {
            SpoolHealth::Ok => None,
            SpoolHealth::Low => Some(Reply::InsufficientStorage),
            SpoolHealth::Away | SpoolHealth::Bad => Some(Reply::LocalError),
        }
    }

    /// Logs an event without a session.
    fn tell(&self, event: &str) {
        self.journal.write(&Line { process: Process::Smtpd, queue: None, event, fields: &[] });
    }
}
