//! The HTTP listeners of a server, and its readiness.

use crate::config::{Config, WebListenerConfig};
use crate::exit::{Exit, Failure, OrExit};
use crate::listening;
use anyhow::Context;
use doorlist_actions::Waited;
use doorlist_gateway::gateway::{Certificate, Gateway};
use doorlist_store::WriteCheck;
use doorlist_web::{ApiConfig, Certificates, Readiness, Router, WebListener};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The settings of the API.
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
        if let Err(error) = &listener
            && error.kind() == ErrorKind::AddrInUse
            && let Some(taken) = listening::in_use(setting, *address)
        {
            return Err(Failure::because(Exit::UNAVAILABLE, taken));
        }
        let listener = listener.with_context(|| format!("{setting}: cannot listen on {address}"));
        listeners.push(listener.or_exit(Exit::UNAVAILABLE)?);
    }
    Ok(listeners)
}

/// Their addresses, with the chosen port for port 0.
pub(super) fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}

/// The web listeners on their sockets. `health` is always answered.
pub(super) fn web(
    sockets: Vec<TcpListener>,
    config: &[WebListenerConfig],
    certificate: &Arc<Certificate>,
    health: &Router,
) -> Vec<WebListener> {
    let on_terms = |(socket, config): (TcpListener, &WebListenerConfig)| WebListener {
        tls: config.tls.then(|| Arc::new(MailCertificates(Arc::clone(certificate))) as Arc<dyn Certificates>),
        proxy_from: config.proxy_from.clone(),
        connections_per_address_max: config.connections_per_address_max,
        health: health.clone(),
        ..WebListener::plain(socket)
    };
    sockets.into_iter().zip(config).map(on_terms).collect()
}

/// The listeners for metrics, likewise.
pub(super) fn metrics(sockets: Vec<TcpListener>, health: &Router) -> Vec<WebListener> {
    let on_terms = |socket| WebListener { health: health.clone(), ..WebListener::plain(socket) };
    sockets.into_iter().map(on_terms).collect()
}

/// The certificate of the SMTP listeners, reloaded with theirs.
struct MailCertificates(Arc<Certificate>);

impl Certificates for MailCertificates {
    fn current(&self) -> Option<Arc<rustls::ServerConfig>> {
        self.0.current()
    }
}

/// Running listeners, each in its own task.
#[derive(Default)]
pub(super) struct Serving {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Serving {
    pub(super) fn serve(&mut self, listeners: Vec<WebListener>, router: &Router) {
        for listener in listeners {
            let mut stop = self.stop.subscribe();
            // A sender that is gone says the same as one that says stop.
            let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
            self.tasks.spawn(listener.serve(router.clone(), stopped));
        }
    }

    /// Accepts no new requests, and waits until running ones are answered or `drain` is over.
    pub(super) async fn shutdown(mut self, drain: Duration) {
        self.stop.send_replace(true);
        let _ = timeout(drain, async { while self.tasks.join_next().await.is_some() {} }).await;
    }
}

/// Whether mail is accepted: everything is open, SMTP answers, and what comes can be stored.
#[derive(Default)]
pub(super) struct Ready(OnceLock<(Arc<Gateway>, WriteCheck)>);

impl Ready {
    /// Sets what readiness depends on.
    pub(super) fn opened(&self, gateway: Arc<Gateway>, writes: WriteCheck) {
        // Said once, at the end of the start; what was said first stands.
        let _ = self.0.set((gateway, writes));
    }
}

impl Readiness for Ready {
    fn reasons(&self) -> Waited<'_, Vec<String>> {
        Box::pin(async {
            let Some((gateway, writes)) = self.0.get() else { return vec!["the server is starting".to_owned()] };
            let listeners = (!gateway.ready()).then(|| "the SMTP listeners accept no new sessions".to_owned());
            listeners.into_iter().chain(writes.failure().await).collect()
        })
    }
}
