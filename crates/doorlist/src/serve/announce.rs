//! What a starting server says on stderr: what listens where, and what to do next. A person reads it first of all, so
//! that in text it has a layout of its own; with `log.format = "json"` each line is an event.

use crate::command_target::Store;
use crate::config::Config;
use crate::state_dir::StateDir;
use doorlist_core::counted::counted;
use doorlist_gateway::journal::{Journal, JournalFormat, Line, Process};
use doorlist_store::StoreUrl;
use doorlist_store::recipients::DomainSummary;
use std::net::SocketAddr;
use std::time::Instant;

fn tell(format: JournalFormat, line: &str) {
    match format {
        JournalFormat::Text => say!("{line}"),
        JournalFormat::Json => tracing::info!("{}", line.trim_start()),
    }
}

pub(super) fn say(
    config: &Config,
    state: &StateDir,
    store: &Store,
    domains: &[DomainSummary],
    smtp: &[SocketAddr],
    (web, metrics): &(Vec<SocketAddr>, Vec<SocketAddr>),
    started: Instant,
) {
    let tell = |line: String| tell(config.log_format, &line);
    let engine = match &config.store {
        StoreUrl::Sqlite(_) => "SQLite".to_owned(),
        url @ StoreUrl::Postgres(_) => url.to_string(),
    };
    tell(format!("doorlist {} on {engine}, state in {}", env!("CARGO_PKG_VERSION"), state.path().display()));
    for sentence in &store.spool.start_report().set_aside {
        tell(format!("  note     {sentence}"));
    }
    for (address, listener) in smtp.iter().zip(&config.gateway.listeners) {
        tell(format!("  SMTP     {address}{}", if listener.implicit_tls { " (TLS)" } else { "" }));
    }
    for (address, listener) in web.iter().zip(&config.web) {
        let scheme = if listener.tls { "https" } else { "http" };
        tell(format!("  web      {scheme}://{address}/ (/healthz, /readyz)"));
    }
    for address in metrics {
        tell(format!("  metrics  http://{address}/metrics"));
    }
    let addresses: u64 = domains.iter().map(|domain| domain.counts.listed()).sum();
    let (addresses, lists) = (counted(addresses, "address"), counted(domains.len() as u64, "domain"));
    tell(format!("  list     {addresses} in {lists}"));
    tell(format!("  queue    {}", counted(store.spool.count(), "message")));
    if domains.is_empty() {
        tell("  next     doorlist domain add example.test --server mail.example.test".to_owned());
    }
    tell(format!("ready after {:.2} s", started.elapsed().as_secs_f64()));
}

/// The same on stdout, where the log goes: whoever reads that alone knows it, too.
pub(super) fn ready(journal: &Journal) {
    journal.write(&Line { process: Process::Master, queue: None, event: "ready", fields: &[] });
}
