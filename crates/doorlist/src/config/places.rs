//! Hosts, addresses and networks, as people write them.

use doorlist_core::address::DomainName;
use doorlist_core::network::Network;
use doorlist_gateway::config::Outbound;
use std::net::{IpAddr, SocketAddr};

/// Default port of SMTP.
const SMTP_PORT: u16 = 25;

pub(super) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is not an address and port such as `0.0.0.0:25` or `[::]:25`"))
}

pub(super) fn network(text: &str) -> Result<Network, String> {
    text.parse().map_err(|_| format!("`{text}` is not a network such as `192.0.2.0/24`"))
}

pub(super) fn host_name(text: &str) -> Result<String, String> {
    match DomainName::parse(text.as_bytes()) {
        Ok(name) => Ok(name.to_string()),
        Err(_) => Err(format!("`{text}` is not a host name")),
    }
}

/// The host name of the machine, or a valid default.
pub(super) fn machine_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.and_then(|name| host_name(&name).ok()).unwrap_or_else(|| "localhost".to_owned())
}

/// Parses `direct`, or `HOST[:PORT]` of a smart host.
pub(super) fn outbound(text: &str) -> Result<Outbound, String> {
    if text == "direct" {
        return Ok(Outbound::Direct);
    }
    let (host, port) = host_and_port(text).ok_or_else(|| format!("`{text}` is neither direct nor HOST[:PORT]"))?;
    Ok(Outbound::SmartHost { host, port: port.unwrap_or(SMTP_PORT) })
}

/// Splits `mail.example.test`, `192.0.2.1:25` or `[2001:db8::1]:25`.
fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(host, rest)| (host, rest.strip_prefix(':')))?,
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map(str::parse).transpose().ok()?;
    let valid = host.parse::<IpAddr>().is_ok() || DomainName::parse(host.as_bytes()).is_ok();
    valid.then(|| (host.to_owned(), port))
}
