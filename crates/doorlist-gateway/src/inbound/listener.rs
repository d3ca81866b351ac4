//! Listening sockets: bound before anything else starts, then one accept loop each.

use super::Inbound;
use super::connection;
use crate::config::ListenerConfig;
use doorlist_core::network::SourceKey;
use doorlist_smtp::reply::Reply;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Backlog of the listening socket.
const BACKLOG: u32 = 1024;
/// Pause after a failed accept (too many open files): the loop must not spin, sessions that end free descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Listener {
    socket: TcpListener,
    config: Arc<ListenerConfig>,
    address: SocketAddr,
}

impl Listener {
    /// Binds; the error names the address.
    pub(crate) fn bind(config: ListenerConfig) -> std::io::Result<Self> {
        let attempt = || {
            let socket = if config.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.set_reuseaddr(true)?;
            socket.bind(config.address)?;
            socket.listen(BACKLOG)
        };
        let named = |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", config.address));
        let socket = attempt().map_err(named)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, config: Arc::new(config), address })
    }

    /// Its address, with the port that was chosen for port 0.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until the gateway stops.
    pub(crate) async fn run(self, inbound: Arc<Inbound>) {
        let mut stopping = inbound.stopping.clone();
        let mut failing = false;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => return,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    failing = false;
                    self.open(&inbound, stream, peer);
                }
                Err(error) => {
                    if !failing {
                        inbound.tell(&format!("accept on {}: {error}; new sessions wait", self.address));
                    }
                    failing = true;
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn open(&self, inbound: &Arc<Inbound>, stream: TcpStream, peer: SocketAddr) {
        let address = peer.ip().to_canonical();
        let settings = inbound.settings.load();
        let limits = &settings.limits;
        let slot = if self.config.proxy_from.iter().any(|network| network.contains_peer(address)) {
            inbound.slots.enter_unnamed(limits)
        } else {
            inbound.slots.enter(SourceKey::from(address), limits)
        };
        let slot = match slot {
            Ok(slot) => slot,
            Err(refused) => {
                let reply = connection::refuse(inbound, refused, peer);
                if !self.config.implicit_tls {
                    // Not `try_write`: the runtime does not know yet that a new socket can be written to.
                    let _ = stream.into_std().and_then(|mut stream| stream.write(reply.line()));
                }
                return;
            }
        };
        let _ = stream.set_nodelay(true);
        let must_be_silent = !self.config.implicit_tls && self.config.proxy_from.is_empty();
        match look(stream, must_be_silent) {
            Ok(EarlyTalkerCheck::Silent(stream)) => {
                inbound.metrics.sessions.inc();
                tokio::spawn(connection::serve(inbound.clone(), self.config.clone(), stream, peer, slot));
            }
            Ok(EarlyTalkerCheck::Talks(stream)) => {
                inbound.metrics.sessions_refused.inc();
                super::connection::tell_refused(inbound, peer, Reply::EarlyTalker);
                let _ = (&stream).write(Reply::EarlyTalker.line());
            }
            Err(error) => inbound.tell(&format!("{peer}: {error}")),
        }
    }
}

enum EarlyTalkerCheck {
    Silent(TcpStream),
    Talks(std::net::TcpStream),
}

/// A client that has sent something before it could know our greeting is no mail server (RFC 5321 §3.1). Non-blocking:
/// the socket is one of the runtime's.
fn look(stream: TcpStream, must_be_silent: bool) -> std::io::Result<EarlyTalkerCheck> {
    if !must_be_silent {
        return Ok(EarlyTalkerCheck::Silent(stream));
    }
    let stream = stream.into_std()?;
    match stream.peek(&mut [0]) {
        Ok(1..) => Ok(EarlyTalkerCheck::Talks(stream)),
        _ => Ok(EarlyTalkerCheck::Silent(TcpStream::from_std(stream)?)),
    }
}
