//! From an accepted socket to a session: PROXY header, limits, TLS, and an orderly close.

use super::Inbound;
use super::dialogue::SessionDialogue;
use super::proxy_protocol;
use super::session::{ClientSession, SessionExit};
use super::slots::{Refused, Slot};
use super::stage::CONNECT;
use crate::config::{GatewayConfig, ListenerConfig};
use crate::journal::FieldValue;
use doorlist_core::network::SourceKey;
use doorlist_smtp::reply::Reply;
use doorlist_smtp::server::SessionConfig;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// After closing, input is drained up to this time and size, so that the client reads the last reply instead of a
/// reset.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 256 * 1024;

/// Serves one connection until it closes.
pub(super) async fn serve(
    inbound: Arc<Inbound>,
    listener: Arc<ListenerConfig>,
    mut stream: TcpStream,
    peer: SocketAddr,
    mut slot: Slot,
) {
    let _alarm = Alarm(inbound.clone());
    let config = inbound.config();
    let client = if slot.is_named() {
        peer
    } else {
        match timeout(config.limits.handshake, proxy_protocol::read(&mut stream)).await {
            Ok(Ok(client)) => client.unwrap_or(peer),
            Ok(Err(error)) => return inbound.tell(&format!("PROXY header from {peer}: {error}; closed")),
            Err(_elapsed) => return inbound.tell(&format!("PROXY header from {peer} did not come in time; closed")),
        }
    };
    inbound.metrics.sessions_total.inc();
    if let Err(refused) = slot.name(SourceKey::from(client.ip()), &config.limits) {
        // Whoever comes next must not wait for what this one reads.
        drop(slot);
        let reply = refuse(&inbound, refused, client);
        if !listener.implicit_tls {
            let _ = timeout(LINGER, stream.write_all(reply.line())).await;
        }
        return;
    }
    let mut dialogue = SessionDialogue::new(inbound.clone(), config.clone(), client);
    let event = format!("connect from {}", dialogue.name);
    dialogue.event(&event, &[]);
    let mut session = ClientSession::new(inbound.clone(), machine(&config, &listener, &inbound), dialogue);
    if let Err(error) = converse(&inbound, &listener, &config, &mut session, stream).await {
        let event = format!("lost connection from {}: {error}", session.dialogue.name);
        session.dialogue.event(&event, &[]);
    }
    tell_end(&mut session.dialogue);
}

/// Counts and logs a rejected session. Returns the reply to the client.
pub(super) fn refuse(inbound: &Inbound, refused: Refused, client: SocketAddr) -> Reply {
    let reply = match refused {
        Refused::Full => Reply::TooManySessions,
        Refused::Source => Reply::TooManySessionsFromYou,
    };
    inbound.metrics.sessions_refused.inc();
    tell_refused(inbound, client, reply);
    reply
}

/// Logs a client that was refused before its session.
pub(super) fn tell_refused(inbound: &Inbound, client: SocketAddr, reply: Reply) {
    let address = client.ip().to_canonical();
    inbound.tell(&format!("NOQUEUE: reject: {CONNECT} from unknown[{address}]:{}: {reply};", client.port()));
}

fn machine(config: &GatewayConfig, listener: &ListenerConfig, inbound: &Inbound) -> SessionConfig {
    SessionConfig {
        bare_lf: listener.bare_lf,
        size_max: config.limits.message_bytes_max,
        recipients_max: config.limits.recipients_max,
        junk_max: config.limits.junk_commands_max,
        tls_offered: !listener.implicit_tls && inbound.certificate.is_there(),
        ..SessionConfig::default()
    }
}

async fn converse(
    inbound: &Inbound,
    listener: &ListenerConfig,
    config: &GatewayConfig,
    session: &mut ClientSession,
    mut stream: TcpStream,
) -> io::Result<()> {
    if listener.implicit_tls {
        let mut stream = handshake(inbound, config, stream).await?;
        session.tls_started(cipher(&stream));
        session.greet(&mut stream).await?;
        let next = session.run(&mut stream).await?;
        return end(next, &mut stream).await;
    }
    session.greet(&mut stream).await?;
    match session.run(&mut stream).await? {
        SessionExit::StartTls => {
            let mut stream = handshake(inbound, config, stream).await?;
            session.tls_started(cipher(&stream));
            let next = session.run(&mut stream).await?;
            end(next, &mut stream).await
        }
        next => end(next, &mut stream).await,
    }
}

async fn handshake(inbound: &Inbound, config: &GatewayConfig, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let certificate = inbound.certificate.current().ok_or_else(|| io::Error::other("no certificate"))?;
    timeout(config.limits.handshake, TlsAcceptor::from(certificate).accept(stream))
        .await
        .map_err(|_elapsed| io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long"))?
        .map_err(|error| io::Error::new(error.kind(), format!("TLS handshake: {error}")))
}

/// The cipher as written in trace fields.
fn cipher(stream: &TlsStream<TcpStream>) -> String {
    let (_, connection) = stream.get_ref();
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLS",
    };
    let suite = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())).unwrap_or_default();
    format!("{version} with cipher {}", suite.replace("TLS13_", "TLS_"))
}

async fn end<S: AsyncRead + AsyncWrite + Unpin>(next: SessionExit, stream: &mut S) -> io::Result<()> {
    match next {
        SessionExit::Linger => linger(stream).await,
        // The client has said QUIT or is gone already: an error here tells nothing.
        SessionExit::Close | SessionExit::StartTls => drop(stream.shutdown().await),
    }
    Ok(())
}

/// Shuts down writing and drains the input: a reset would overtake the last reply.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let drained = timeout(LINGER, async {
        stream.shutdown().await?;
        let mut sink = [0u8; 4096];
        let mut left = LINGER_BYTES_MAX;
        while left > 0 {
            match stream.read(&mut sink).await? {
                0 => break,
                got => left = left.saturating_sub(got),
            }
        }
        io::Result::Ok(())
    });
    let _ = drained.await;
}

fn tell_end(dialogue: &mut SessionDialogue) {
    let commands = &dialogue.commands;
    let fields = [
        ("mail", FieldValue::Num(commands.mail)),
        ("rcpt", FieldValue::Num(commands.rcpt)),
        ("rcpt_accepted", FieldValue::Num(commands.rcpt_accepted)),
        ("data", FieldValue::Num(commands.data)),
        ("messages", FieldValue::Num(commands.messages)),
    ];
    let event = format!("disconnect from {}", dialogue.name);
    dialogue.event(&event, &fields);
    dialogue.log.send();
}

/// Logs a session that ended by a panic; the others continue.
struct Alarm(Arc<Inbound>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.metrics.panics.inc();
            self.0.tell("a session ended because of an internal error; its message, if any, was not accepted");
        }
        self.0.metrics.sessions.dec();
    }
}
