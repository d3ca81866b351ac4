//! The HTTP listeners of a server, and what it means that it is ready. What they answer is `doorlist-web`'s affair.

use crate::config::Config;
use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use doorlist_gateway::gateway::Gateway;
use doorlist_store::Spool;
use doorlist_store::spool::SpoolHealth;
use doorlist_web::{ApiConfig, Readiness, Router};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What the API is set to.
pub(super) fn api_config(config: &Config) -> ApiConfig {
    ApiConfig {
        web_url: config.web_url.clone(),
        requests_per_key: config.api.requests_per_key,
        requests_per_address: config.api.requests_per_address,
        failures_per_address: config.api.failures_per_address,
    }
}

/// Binds the addresses of a setting.
pub(super) async fn bind(setting: &str, addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("{setting}: {address} cannot be listened on"));
        listeners.push(listener.or_exit(Exit::UNAVAILABLE)?);
    }
    Ok(listeners)
}

/// Where they are: the port that was taken where 0 was asked for.
pub(super) fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}

/// Answers, each listener in a task of its own.
pub(super) fn serve(tasks: &mut JoinSet<()>, listeners: Vec<TcpListener>, router: &Router) {
    for listener in listeners {
        tasks.spawn(doorlist_web::serve(listener, router.clone(), std::future::pending()));
    }
}

/// Whether mail is accepted: everything is opened, SMTP answers and the spool takes it.
#[derive(Default)]
pub(super) struct Ready(OnceLock<(Arc<Gateway>, Spool)>);

impl Ready {
    /// From now on it depends on these.
    pub(super) fn opened(&self, gateway: Arc<Gateway>, spool: Spool) {
        // Said once, at the end of the start; what was said first stands.
        let _ = self.0.set((gateway, spool));
    }
}

impl Readiness for Ready {
    fn reasons(&self) -> Vec<String> {
        let Some((gateway, spool)) = self.0.get() else { return vec!["the server is starting".to_owned()] };
        let doors = (!gateway.ready()).then_some("the SMTP listeners take no new sessions");
        let spool = match spool.health() {
            SpoolHealth::Ok => None,
            SpoolHealth::Low => Some("the disk of the spool is nearly full: mail is deferred; make room"),
            SpoolHealth::Away => Some("the database of the spool does not answer: mail is deferred"),
            SpoolHealth::Bad => {
                Some("the spool could not be written: nothing is accepted until a restart; see the log")
            }
        };
        doors.into_iter().chain(spool).map(str::to_owned).collect()
    }
}
