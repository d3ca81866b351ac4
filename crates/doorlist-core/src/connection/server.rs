//! Directory servers as people write them: `ldaps://ldap.example.test:636`.

use crate::address::DomainName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Maximum number of servers of a connection.
pub const SERVERS_MAX: usize = 8;
/// Maximum bytes of a list of servers.
const LIST_BYTES_MAX: usize = 4_096;

/// One server of a directory, with port and encryption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct DirectoryServer {
    /// A name in A-labels, or an IP address without brackets.
    pub host: String,
    pub port: u16,
    pub tls: DirectoryTls,
}

/// Encryption towards a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryTls {
    /// TLS from the first byte.
    Ldaps,
    /// TLS by the StartTLS operation, before any other request (RFC 4511 §4.14).
    StartTls,
    /// No TLS: everything is sent in clear text.
    Plain,
}

/// Why a text is not a directory server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// No server, or too many.
    #[error("give 1 to {SERVERS_MAX} servers, separated by commas")]
    Count,
    /// Neither `ldap://` nor `ldaps://`.
    #[error("write a directory server as ldaps://HOST[:PORT] or ldap://HOST[:PORT]")]
    Scheme,
    /// A name, a password or an `@`.
    #[error("the server's URL must not have a user name or password")]
    UserInfo,
    /// Text after host and port.
    #[error("the server's URL must end after host and port; base and filter have their own options")]
    Tail,
    /// Neither a host name nor an IP address.
    #[error("the host must be a host name or an IP address, an IPv6 address in brackets")]
    Host,
    /// Not from 1 to 65535.
    #[error("the port must be a number from 1 to 65535")]
    Port,
}

impl DirectoryServer {
    /// Parses a list of URLs separated by commas. `ldap` is the meaning of `ldap://`: StartTLS, unless a person
    /// explicitly chose no encryption.
    ///
    /// # Errors
    ///
    /// [`ServerError`] for the first invalid URL; `ldapi:` is not supported.
    pub fn parse_list(text: &str, ldap: DirectoryTls) -> Result<Vec<Self>, ServerError> {
        if text.len() > LIST_BYTES_MAX {
            return Err(ServerError::Count);
        }
        let servers: Vec<Self> = text.split(',').map(|url| Self::parse(url.trim(), ldap)).collect::<Result<_, _>>()?;
        if (1..=SERVERS_MAX).contains(&servers.len()) { Ok(servers) } else { Err(ServerError::Count) }
    }

    /// Parses one URL; see [`Self::parse_list`].
    ///
    /// # Errors
    ///
    /// [`ServerError`] if the URL is invalid.
    pub fn parse(url: &str, ldap: DirectoryTls) -> Result<Self, ServerError> {
        let (scheme, rest) = url.split_once("://").ok_or(ServerError::Scheme)?;
        let (tls, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "ldaps" => (DirectoryTls::Ldaps, 636),
            "ldap" if ldap == DirectoryTls::Ldaps => (DirectoryTls::StartTls, 389),
            "ldap" => (ldap, 389),
            _ => return Err(ServerError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(ServerError::UserInfo);
        }
        if rest.contains(['/', '?', '#']) {
            return Err(ServerError::Tail);
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(inner) => {
                let (address, behind) = inner.split_once(']').ok_or(ServerError::Host)?;
                let address: Ipv6Addr = address.parse().map_err(|_| ServerError::Host)?;
                let port =
                    if behind.is_empty() { None } else { Some(behind.strip_prefix(':').ok_or(ServerError::Port)?) };
                (address.to_string(), port)
            }
            None => {
                let (name, port) = rest.split_once(':').map_or((rest, None), |(name, port)| (name, Some(port)));
                (host_name(name)?, port)
            }
        };
        let port = port.map_or(Some(default_port), port_number).ok_or(ServerError::Port)?;
        Ok(Self { host, port, tls })
    }
}

fn host_name(text: &str) -> Result<String, ServerError> {
    if text.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4()) {
        return Ok(text.to_owned());
    }
    let name = DomainName::parse(text.as_bytes()).map_err(|_| ServerError::Host)?;
    Ok(name.as_str().to_owned())
}

fn port_number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

impl fmt::Display for DirectoryServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls == DirectoryTls::Ldaps { "ldaps" } else { "ldap" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// Deserialized values pass the same checks as typed ones.
#[derive(Deserialize)]
struct Unchecked {
    host: String,
    port: u16,
    tls: DirectoryTls,
}

impl TryFrom<Unchecked> for DirectoryServer {
    type Error = ServerError;
    fn try_from(raw: Unchecked) -> Result<Self, ServerError> {
        if raw.port == 0 {
            return Err(ServerError::Port);
        }
        let host = match raw.host.parse::<Ipv6Addr>() {
            Ok(address) => address.to_string(),
            Err(_) => host_name(&raw.host)?,
        };
        Ok(Self { host, port: raw.port, tls: raw.tls })
    }
}
