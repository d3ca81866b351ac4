//! The messages of a starting server on stderr: its listeners, and what to do next.

use crate::config::Config;
use crate::door::Store;
use crate::state_dir::StateDir;
use doorlist_store::StoreUrl;
use std::net::SocketAddr;
use std::time::Instant;

pub(super) fn say(
    config: &Config,
    state: &StateDir,
    store: &Store,
    smtp: &[SocketAddr],
    (web, metrics): &(Vec<SocketAddr>, Vec<SocketAddr>),
    started: Instant,
) {
    let list = store.directory.snapshot();
    let engine = match &config.store {
        StoreUrl::Sqlite(_) => "SQLite".to_owned(),
        url @ StoreUrl::Postgres(_) => url.to_string(),
    };
    say!("doorlist {} on {engine}, state in {}", env!("CARGO_PKG_VERSION"), state.path().display());
    for sentence in &store.spool.start_report().set_aside {
        say!("  note     {sentence}");
    }
    for (address, listener) in smtp.iter().zip(&config.gateway.listeners) {
        say!("  SMTP     {address}{}", if listener.implicit_tls { " (TLS)" } else { "" });
    }
    for (address, listener) in web.iter().zip(&config.web) {
        let scheme = if listener.tls { "https" } else { "http" };
        say!("  web      {scheme}://{address}/ (/healthz, /readyz)");
    }
    for address in metrics {
        say!("  metrics  http://{address}/metrics");
    }
    say!("  list     {} addresses in {} domains", list.addresses(), list.domains().len());
    say!("  queue    {} messages", store.spool.count());
    if list.domains().is_empty() {
        say!("  next     doorlist domain add example.test --server mail.example.test");
    }
    say!("ready after {:.2} s", started.elapsed().as_secs_f64());
}
