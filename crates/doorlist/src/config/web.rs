//! The web listeners, as they are written: `ADDRESS:PORT [tls] [proxy_from=NETWORK]...`.

use super::build::{Reader, socket_address};
use doorlist_core::network::Network;
use std::net::SocketAddr;

/// One web listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebListenerConfig {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// HTTPS, with the certificate of the mail doors.
    pub tls: bool,
    /// Peers that are believed when they say for whom they ask. Empty: nobody is.
    pub proxy_from: Vec<Network>,
}

/// Those of `web.listen`.
pub(super) fn listeners(reader: &mut Reader<'_>) -> Vec<WebListenerConfig> {
    let proxy_from = reader.list("web.proxy_from", network);
    reader.list("web.listen", |text| listener(text, &proxy_from))
}

fn listener(text: &str, proxy_from: &[Network]) -> Result<WebListenerConfig, String> {
    let mut words = text.split_whitespace();
    let address = socket_address(words.next().unwrap_or(""))?;
    let (mut tls, mut own_peers) = (false, Vec::new());
    for word in words {
        match word.split_once('=') {
            None if word == "tls" => tls = true,
            Some(("proxy_from", value)) => own_peers.push(network(value)?),
            _ => return Err(format!("`{word}` is none of tls, proxy_from=NETWORK")),
        }
    }
    let proxy_from = if own_peers.is_empty() { proxy_from.to_vec() } else { own_peers };
    Ok(WebListenerConfig { address, tls, proxy_from })
}

fn network(text: &str) -> Result<Network, String> {
    text.parse().map_err(|_| format!("`{text}` is no network, as in `192.0.2.0/24`"))
}
