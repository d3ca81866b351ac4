//! HAProxy in front of a port: passes the client's address to the server with the PROXY protocol.

use std::net::SocketAddr;

use anyhow::Result;

use crate::folder::Folder;
use crate::ports;
use crate::process::{Program, Running};

/// Where Debian keeps the program.
const PROGRAM: &str = "/usr/sbin/haproxy";

/// The form of the header that HAProxy writes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// A line of text.
    V1,
    V2,
}

/// A running HAProxy. Dropping it ends it.
#[derive(Debug)]
pub struct Haproxy {
    /// Dropped first: the program ends before its folder goes.
    _running: Running,
    _folder: Folder,
    address: SocketAddr,
}

impl Haproxy {
    /// Starts one that passes each connection on to `server`.
    ///
    /// # Errors
    /// Fails if HAProxy is not installed or does not start.
    pub fn start(server: SocketAddr, version: ProxyProtocol) -> Result<Self> {
        let folder = Folder::new("haproxy")?;
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let send = match version {
            ProxyProtocol::V1 => "send-proxy",
            ProxyProtocol::V2 => "send-proxy-v2",
        };
        let settings = folder.write(
            "haproxy.cfg",
            format!(
                "defaults\n mode tcp\n timeout connect 5s\n timeout client 600s\n timeout server 600s\n\
                 listen mail\n bind {address}\n server behind {server} {send}\n"
            ),
        )?;
        let mut program = Program::new(PROGRAM, None, folder.path().join("log"));
        program.command().arg("-db").arg("-f").arg(settings);
        let mut running = program.start()?;
        // HAProxy listens before it has a server behind it, so this look costs the server one empty connection.
        running.wait_for_port(address)?;
        Ok(Self { _running: running, _folder: folder, address })
    }

    /// Where it takes connections.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
