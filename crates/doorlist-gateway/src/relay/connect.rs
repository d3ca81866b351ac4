//! Opens a connection to a destination: its servers in order, their addresses in parallel, then the opening dialogue
//! with TLS as configured. If a server fails, the next one is tried.

mod broken;

use self::broken::Broken;
use super::access;
use super::connection::{Connection, Peer};
use super::resolver::Resolver;
use super::route::{self, DestinationKey, NoRoute};
use super::tls::ClientTls;
use crate::config::RelayConfig;
use doorlist_core::change::{MailServer, ServerTls};
use doorlist_smtp::client::{Opening, OpeningFault, OpeningStep, TlsUse};
use rustls::pki_types::ServerName;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;

/// Delay before the next address is tried (RFC 8305 §5).
const RACE_DELAY: Duration = Duration::from_millis(250);

/// What connecting needs from outside.
pub(crate) struct Connector {
    pub(crate) hostname: Arc<str>,
    /// Doorlist's own listening addresses, to detect loops.
    pub(crate) listeners: Vec<SocketAddr>,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) tls: ClientTls,
}

/// An open connection to a server of the destination.
pub(crate) struct OpenedConnection {
    pub(crate) connection: Connection,
    /// Whether XFORWARD is sent.
    pub(crate) xforward: bool,
    /// The servers that follow in this attempt; those before this one could not be reached.
    pub(crate) rest: Option<DestinationKey>,
}

impl Connector {
    /// Opens a connection to one of the destination's servers; `turn` rotates those of equal preference.
    pub(crate) async fn open(
        &self,
        key: &DestinationKey,
        config: &RelayConfig,
        turn: usize,
    ) -> Result<OpenedConnection, NoRoute> {
        let mut last = None;
        let mut servers = route::servers(key, &*self.resolver, turn).await?.into_iter();
        while let Some(server) = servers.next() {
            match self.open_server(&server, config).await {
                Ok(connection) => {
                    let rest = DestinationKey::of_rest(servers.as_slice());
                    return Ok(OpenedConnection { connection, xforward: server.xforward, rest });
                }
                Err(fault) => last = Some(fault),
            }
        }
        Err(last.unwrap_or_else(|| NoRoute::new(4, 4, 4, "no mail server is known".to_owned())))
    }

    /// The addresses at which a server may be connected to, in the order in which they are tried.
    pub(crate) async fn addresses(&self, server: &MailServer, config: &RelayConfig) -> Result<Vec<IpAddr>, NoRoute> {
        let found = route::addresses(&server.host, &*self.resolver).await?;
        let addresses = access::permitted(server.named_by, found, &config.allow_networks).await;
        if addresses.is_empty() {
            let why = format!("{} is not connected to: {}", server.host, access::advice(server.named_by));
            return Err(NoRoute::new(4, 4, 4, why));
        }
        Ok(addresses)
    }

    async fn open_server(&self, server: &MailServer, config: &RelayConfig) -> Result<Connection, NoRoute> {
        let mut addresses = self.addresses(server, config).await?;
        let mut last = None;
        while !addresses.is_empty() {
            let (stream, address) = match race(&addresses, server.port, config.connect).await {
                Ok(won) => won,
                Err((address, why)) => {
                    let fault =
                        NoRoute::new(4, 4, 1, format!("connect to {}[{address}]:{}: {why}", server.host, server.port));
                    return Err(last.unwrap_or(fault));
                }
            };
            addresses.retain(|other| *other != address.ip());
            match self.open_session(stream, address, server, config).await {
                Ok(connection) => return Ok(connection),
                Err(fault) => last = Some(fault),
            }
        }
        Err(last.unwrap_or_else(|| NoRoute::new(4, 4, 1, format!("no address of {} is left", server.host))))
    }

    pub(super) async fn open_session(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        server: &MailServer,
        config: &RelayConfig,
    ) -> Result<Connection, NoRoute> {
        let use_tls = match server.tls {
            ServerTls::Opportunistic => TlsUse::WhenOffered,
            ServerTls::Required | ServerTls::Verify => TlsUse::Always,
        };
        match self.dialogue(stream, address, server, use_tls, config).await {
            Err(Broken::Handshake(_)) if server.tls == ServerTls::Opportunistic => {
                // Encryption that fails is no reason to keep the mail, where none would have been fine, too.
                let stream = connect(address, config.connect)
                    .await
                    .map_err(|why| NoRoute::new(4, 4, 1, format!("connect to {}[{address}]: {why}", server.host)))?;
                self.dialogue(stream, address, server, TlsUse::Never, config).await
            }
            other => other,
        }
        .map_err(|broken| broken.into_no_route(&Peer { host: server.host.as_str().into(), address }))
    }

    async fn dialogue(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        server: &MailServer,
        tls: TlsUse,
        config: &RelayConfig,
    ) -> Result<Connection, Broken> {
        if self.is_ours(&stream, address) {
            return Err(Broken::Fault(OpeningFault::Ourselves));
        }
        // Failing to switch Nagle off costs speed, not mail.
        let _ = stream.set_nodelay(true);
        let same_port = self.listeners.iter().any(|own| own.port() == address.port());
        let mut opening = Opening::new(&self.hostname, tls, same_port);
        let mut connection = Connection::new(stream, Peer { host: server.host.as_str().into(), address });
        loop {
            let reply = connection.reply(config.reply).await;
            let reply = reply.map_err(|fault| Broken::Connection(fault, connection.first_bytes))?;
            match opening.reply(reply, &mut connection.out) {
                OpeningStep::Continue => self.send(&mut connection, config).await?,
                OpeningStep::Handshake => {
                    self.handshake(&mut connection, server, config).await?;
                    opening.encrypted(&mut connection.out);
                    self.send(&mut connection, config).await?;
                }
                OpeningStep::Ready(offers) => {
                    connection.offers = offers;
                    return Ok(connection);
                }
                OpeningStep::Fault(fault) => return Err(Broken::Fault(fault)),
            }
        }
    }

    async fn send(&self, connection: &mut Connection, config: &RelayConfig) -> Result<(), Broken> {
        let sent = connection.send(config.reply).await;
        sent.map_err(|fault| Broken::Connection(fault, connection.first_bytes))
    }

    async fn handshake(
        &self,
        connection: &mut Connection,
        server: &MailServer,
        config: &RelayConfig,
    ) -> Result<(), Broken> {
        let plain = connection.take_plain();
        let plain = plain.ok_or_else(|| Broken::handshake("the server spoke on behind its 220"))?;
        connection.encrypted(self.handshake_on(plain, server, server.tls, config).await?);
        Ok(())
    }

    pub(super) async fn handshake_on(
        &self,
        stream: TcpStream,
        server: &MailServer,
        tls: ServerTls,
        config: &RelayConfig,
    ) -> Result<TlsStream<TcpStream>, Broken> {
        let name = ServerName::try_from(server.host.clone());
        let name = name.map_err(|_| Broken::handshake("its name is none for TLS"))?;
        match timeout(config.connect, self.tls.connector(tls).connect(name, stream)).await {
            Ok(encrypted) => encrypted.map_err(|error| Broken::Handshake(error.into())),
            Err(_) => Err(Broken::handshake("timed out")),
        }
    }

    /// Whether this connection leads to one of Doorlist's own listeners, a mail loop.
    fn is_ours(&self, stream: &TcpStream, peer: SocketAddr) -> bool {
        let from = stream.local_addr().map(|local| local.ip()).ok();
        self.listeners.iter().any(|own| {
            // A connection to this machine has the same address at both ends.
            let here = own.ip() == peer.ip() || (own.ip().is_unspecified() && from == Some(peer.ip()));
            own.port() == peer.port() && here
        })
    }
}

async fn connect(address: SocketAddr, within: Duration) -> Result<TcpStream, String> {
    match timeout(within, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(plain_words(&error)),
        Err(_) => Err("Connection timed out".to_owned()),
    }
}

/// The error text without Rust's `(os error 111)`.
fn plain_words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Connects to the first address that answers, with [`RACE_DELAY`] before the next one is tried in parallel.
async fn race(addresses: &[IpAddr], port: u16, within: Duration) -> Result<(TcpStream, SocketAddr), (IpAddr, String)> {
    let mut waiting = addresses.iter().map(|ip| SocketAddr::new(*ip, port));
    let mut running = JoinSet::new();
    let mut last = (IpAddr::from([0, 0, 0, 0]), "no address".to_owned());
    loop {
        let next = waiting.next();
        match next {
            Some(address) => drop(running.spawn(async move { (address, connect(address, within).await) })),
            None if running.is_empty() => return Err(last),
            None => {}
        }
        let more = next.is_some();
        tokio::select! {
            Some(ended) = running.join_next() => match ended {
                Ok((address, Ok(stream))) => return Ok((stream, address)),
                Ok((address, Err(why))) => last = (address.ip(), why),
                Err(_) => {}
            },
            () = sleep(RACE_DELAY), if more => {}
        }
    }
}
