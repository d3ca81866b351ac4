//! The HTTP client: which certificates it trusts, which addresses it connects to, and no way round them (no proxy, no
//! redirect). Does not know requests.

use super::server_url::ServerUrl;
use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const AGENT: &str = concat!("doorlist/", env!("CARGO_PKG_VERSION"));

/// The name of this machine resolves to the address of another one.
#[derive(Debug, thiserror::Error)]
#[error("its name leads to another machine, and http:// is for this one")]
pub(super) struct OtherMachine;

/// A client for this server. It trusts the machine's certificate authorities and those of `authorities` (PEM); `connect`
/// limits name, connection and TLS together.
pub(super) fn build(
    place: &ServerUrl,
    authorities: Option<&[u8]>,
    connect: Duration,
) -> Result<reqwest::Client, Failure> {
    let roots = if place.is_https() { trusted(place, authorities)? } else { RootCertStore::empty() };
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("cannot set up TLS")
        .or_exit(Exit::SYSTEM)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(AGENT)
        .connect_timeout(connect)
        // The key is for this address only.
        .redirect(Policy::none())
        .no_proxy()
        .http1_only()
        // What is sent again is decided by `attempts` alone.
        .retry(reqwest::retry::never())
        // A new connection for each request: none is lost because the server has just closed an idle one.
        .pool_max_idle_per_host(0);
    if place.only_loopback {
        client = client.dns_resolver(Arc::new(LoopbackOnly));
    }
    client.build().context("the HTTP client cannot be set up").or_exit(Exit::SYSTEM)
}

fn trusted(place: &ServerUrl, authorities: Option<&[u8]>) -> Result<RootCertStore, Failure> {
    let host = place.host();
    ServerName::try_from(host.as_str())
        .map_err(|_| Failure::because(Exit::USAGE, format_args!("{host} is no name that a certificate can have")))?;
    let mut roots = RootCertStore::empty();
    // Some of the machine's may be too old to be read; the others stand.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let wrong = || Failure::because(Exit::CONFIG, "the CA file has no readable certificate");
    if let Some(pem) = authorities {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.map_err(|_| wrong())?).map_err(|_| wrong())?;
        }
        if roots.len() == before {
            return Err(wrong());
        }
    }
    if roots.is_empty() {
        let why = "this machine has no CA certificates: install them (package ca-certificates), or give a CA file";
        return Err(Failure::because(Exit::CONFIG, why));
    }
    Ok(roots)
}

/// Resolves names to addresses of this machine only, so that a key never leaves it unencrypted.
struct LoopbackOnly;

impl Resolve for LoopbackOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let here: Vec<SocketAddr> = found.filter(|address| address.ip().is_loopback()).collect();
            if here.is_empty() {
                return Err(OtherMachine.into());
            }
            Ok(Box::new(here.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{LoopbackOnly, OtherMachine};
    use reqwest::dns::Resolve;

    #[tokio::test]
    async fn a_name_leads_to_this_machine_or_nowhere() {
        let here: Vec<_> = LoopbackOnly.resolve("localhost".parse().unwrap()).await.unwrap().collect();
        assert!(!here.is_empty() && here.iter().all(|address| address.ip().is_loopback()), "{here:?}");
        // Resolved without a server: it is an address.
        let there = LoopbackOnly.resolve("192.0.2.1".parse().unwrap()).await;
        assert!(there.is_err_and(|error| error.is::<OtherMachine>()));
    }
}
