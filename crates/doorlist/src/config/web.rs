//! The web listeners: `ADDRESS:PORT [tls] [proxy_from=NETWORK]...`.

use super::build::ConfigReader;
use super::places::{network, socket_address};
use super::units;
use doorlist_core::network::Network;
use doorlist_web::CONNECTIONS_PER_ADDRESS_MAX;
use std::net::SocketAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebListenerConfig {
    /// Address and port; port 0 selects a free one.
    pub address: SocketAddr,
    /// HTTPS, with the certificate of the SMTP listeners.
    pub tls: bool,
    pub proxy_from: Vec<Network>,
    /// Maximum connections at once from one address, and requests at once of one client behind a proxy.
    pub connections_per_address_max: usize,
}

pub(super) fn listeners(reader: &mut ConfigReader<'_>) -> Vec<WebListenerConfig> {
    let proxy_from = reader.list("web.proxy_from", network);
    let mut per_address_max = CONNECTIONS_PER_ADDRESS_MAX;
    reader.set(&mut per_address_max, "web.connections_per_address_max", units::count);
    reader.list("web.listen", |text| listener(text, &proxy_from, per_address_max))
}

fn listener(
    text: &str,
    proxy_from: &[Network],
    connections_per_address_max: usize,
) -> Result<WebListenerConfig, String> {
    let mut words = text.split_whitespace();
    let address = socket_address(words.next().unwrap_or(""))?;
    let (mut tls, mut own_peers) = (false, Vec::new());
    for word in words {
        match word.split_once('=') {
            None if word == "tls" => tls = true,
            Some(("proxy_from", value)) => own_peers.push(network(value)?),
            _ => return Err(format!("unknown option `{word}`; use tls or proxy_from=NETWORK")),
        }
    }
    let proxy_from = if own_peers.is_empty() { proxy_from.to_vec() } else { own_peers };
    Ok(WebListenerConfig { address, tls, proxy_from, connections_per_address_max })
}
