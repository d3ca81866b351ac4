//! Asks a domain's mail server whether it takes mail from a gateway, without sending any.

use super::connect::Connector;
use super::connection::Connection;
use super::deliver::advice;
use super::resolver::Resolver;
use super::tls::{self, ClientTls};
use crate::config::RelayConfig;
use doorlist_core::address::DomainName;
use doorlist_core::change::{MailServer, ServerTls};
use doorlist_smtp::client::{QUIT, ServerReply};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What keeps mail from a server that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTrouble {
    /// A sentence for the operator.
    pub why: String,
    /// It takes no mail as it is named, whenever it is tried: another protocol, no TLS where it is required, a login.
    pub lasting: bool,
}

/// Checks mail servers as the relay speaks to them.
pub struct ServerCheck {
    connector: Connector,
    config: RelayConfig,
    within: Duration,
}

impl ServerTrouble {
    /// Something that may be over the next time.
    fn now(why: String) -> Self {
        Self { why, lasting: false }
    }
}

impl fmt::Debug for ServerCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerCheck")
    }
}

impl ServerCheck {
    /// `hostname` is said in EHLO; `within` limits each step.
    pub fn new(hostname: &str, resolver: Arc<dyn Resolver>, within: Duration) -> Result<Self, rustls::Error> {
        let tls = ClientTls::new(tls::usual_roots())?;
        let connector = Connector { hostname: hostname.into(), listeners: Vec::new(), resolver, tls };
        let config = RelayConfig { connect: within, reply: within, ..RelayConfig::default() };
        Ok(Self { connector, config, within })
    }

    /// Speaks with a server up to the first recipient, the domain's postmaster. The error says what keeps mail from it.
    pub async fn check(
        &self,
        server: &MailServer,
        address: SocketAddr,
        domain: &DomainName,
    ) -> Result<(), ServerTrouble> {
        let stream = self.connect(address).await.map_err(ServerTrouble::now)?;
        match self.connector.open_session(stream, address, server, &self.config).await {
            Ok(connection) => self.envelope(connection, domain).await,
            Err(_) if self.speaks_tls(server, address).await => {
                let why = "it speaks TLS from the start: name the port on which it speaks SMTP, usually 25".to_owned();
                Err(ServerTrouble { why, lasting: true })
            }
            // RFC 3463: X.5 is about the protocol, X.7 about encryption.
            Err(no_route) => {
                Err(ServerTrouble { lasting: matches!(no_route.status.subject, 5 | 7), why: no_route.why })
            }
        }
    }

    async fn connect(&self, address: SocketAddr) -> Result<TcpStream, String> {
        let stream = timeout(self.within, TcpStream::connect(address)).await;
        stream.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())
    }

    /// Whether a handshake works without a word before it.
    async fn speaks_tls(&self, server: &MailServer, address: SocketAddr) -> bool {
        let Ok(stream) = self.connect(address).await else { return false };
        self.connector.handshake_on(stream, server, ServerTls::Required, &self.config).await.is_ok()
    }

    async fn envelope(&self, mut connection: Connection, domain: &DomainName) -> Result<(), ServerTrouble> {
        for command in ["MAIL FROM:<>".to_owned(), format!("RCPT TO:<postmaster@{domain}>")] {
            connection.out.extend_from_slice(format!("{command}\r\n").as_bytes());
            let reply = self.exchange(&mut connection).await.map_err(ServerTrouble::now)?;
            if let Some(wanted) = reply.wants() {
                let why = format!("it said: {reply} (in reply to {command}){}", advice(wanted));
                return Err(ServerTrouble { why, lasting: true });
            }
            // Anything else is about this one recipient, or about now.
            if !reply.is_positive() {
                break;
            }
        }
        connection.out.extend_from_slice(QUIT);
        // Whatever it answers, this is the end.
        let _ = self.exchange(&mut connection).await;
        Ok(())
    }

    async fn exchange(&self, connection: &mut Connection) -> Result<ServerReply, String> {
        connection.send(self.within).await.map_err(|fault| fault.to_string())?;
        connection.reply(self.within).await.map_err(|fault| fault.to_string())
    }
}
