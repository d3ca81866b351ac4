//! The HTTP listeners of a server: bound before anything is opened, served by `doorlist-web`.

use crate::config::Config;
use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use doorlist_gateway::gateway::Gateway;
use doorlist_store::Spool;
use doorlist_store::spool::SpoolHealth;
use doorlist_web::Readiness;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Bound, not yet answering.
pub(super) struct HttpListeners {
    web: Vec<TcpListener>,
    metrics: Vec<TcpListener>,
}

impl HttpListeners {
    /// Binds all of them.
    pub(super) async fn bind(config: &Config) -> Result<Self, Failure> {
        Ok(Self {
            web: bind("web.listen", &config.web).await?,
            metrics: bind("metrics.listen", &config.metrics).await?,
        })
    }

    /// Where the web listeners are: the port that was taken where 0 was asked for.
    pub(super) fn web_addresses(&self) -> Vec<SocketAddr> {
        addresses(&self.web)
    }

    /// Where the metrics listeners are.
    pub(super) fn metrics_addresses(&self) -> Vec<SocketAddr> {
        addresses(&self.metrics)
    }

    /// Answers, each listener in a task of its own.
    pub(super) fn serve(self, tasks: &mut JoinSet<()>, readiness: Arc<dyn Readiness>, registry: Registry) {
        let registry = Arc::new(registry);
        for listener in self.web {
            let router = doorlist_web::health(Arc::clone(&readiness));
            tasks.spawn(doorlist_web::serve(listener, router, std::future::pending()));
        }
        for listener in self.metrics {
            let router = doorlist_web::metrics(Arc::clone(&registry));
            tasks.spawn(doorlist_web::serve(listener, router, std::future::pending()));
        }
    }
}

async fn bind(setting: &str, addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("{setting}: {address} cannot be listened on"));
        listeners.push(listener.or_exit(Exit::UNAVAILABLE)?);
    }
    Ok(listeners)
}

fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}

/// Whether mail is accepted: SMTP answers and the spool takes it.
pub(super) struct Ready {
    /// Whether it takes sessions.
    pub gateway: Arc<Gateway>,
    /// Where accepted mail goes.
    pub spool: Spool,
}

impl Readiness for Ready {
    fn reasons(&self) -> Vec<String> {
        let spool = match self.spool.health() {
            SpoolHealth::Ok => None,
            SpoolHealth::Low => Some("the disk of the spool is nearly full: mail is deferred; make room"),
            SpoolHealth::Away => Some("the database of the spool does not answer: mail is deferred"),
            SpoolHealth::Bad => {
                Some("the spool could not be written: nothing is accepted until a restart; see the log")
            }
        };
        let doors = (!self.gateway.ready()).then_some("the SMTP listeners take no new sessions");
        doors.into_iter().chain(spool).map(str::to_owned).collect()
    }
}
