//! One connection to a server: writes commands in few calls and reads replies, each with a time limit.
//! `doorlist_smtp::client` decides on the commands.

use doorlist_smtp::client::{Capabilities, ReplyError, ReplyParser, ServerReply};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

/// Octets read at once.
const READ_BYTES: usize = 4096;
/// Capacity that a write buffer keeps after a large message.
const WRITE_BUFFER_KEPT: usize = 128 * 1024;

/// The server at the other end, for logs and reports.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Host name as configured or as in its MX record.
    pub(crate) host: Arc<str>,
    pub(crate) address: SocketAddr,
}

impl Peer {
    /// `host[192.0.2.1]`, as Postfix names it in replies.
    pub(crate) fn short(&self) -> String {
        format!("{}[{}]", self.host, self.address.ip())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]:{}", self.host, self.address.ip(), self.address.port())
    }
}

/// Why a connection failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionFault {
    /// A read or write timed out.
    #[error("timed out")]
    TimedOut,
    /// Closed without progress, because other mail needed a connection.
    #[error("nothing came for a while, and other mail waited for the connection")]
    GaveWay,
    /// The server closed it.
    #[error("closed by the server")]
    Closed,
    /// An I/O error of the system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The server does not speak SMTP.
    #[error(transparent)]
    Protocol(#[from] ReplyError),
}

impl ConnectionFault {
    /// Output of the server that is not an SMTP reply. It may come from any service, so it is only for the operator's
    /// log.
    pub(crate) fn said(&self) -> Option<String> {
        match self {
            ConnectionFault::Protocol(ReplyError::NotAReply(line)) => Some(line.clone()),
            _ => None,
        }
    }
}

/// What the server sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstBytes {
    /// It has sent nothing yet.
    None,
    /// A record of TLS: it expects TLS from the start.
    Tls,
    Other,
}

impl FirstBytes {
    /// An alert or a handshake record (RFC 8446 §5.1), of any version.
    fn of(bytes: &[u8]) -> Self {
        match bytes {
            [] => FirstBytes::None,
            [0x15 | 0x16] | [0x15 | 0x16, 0x03, ..] => FirstBytes::Tls,
            _ => FirstBytes::Other,
        }
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection to a server.
pub(crate) struct Connection {
    stream: Option<Stream>,
    input: Box<[u8; READ_BYTES]>,
    unread: std::ops::Range<usize>,
    parser: ReplyParser,
    pub(crate) first_bytes: FirstBytes,
    /// Write buffer until [`Connection::send`].
    pub(crate) out: Vec<u8>,
    pub(crate) peer: Peer,
    /// Extensions that the server offers.
    pub(crate) offers: Capabilities,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, peer: Peer) -> Self {
        Self {
            stream: Some(Stream::Plain(stream)),
            input: Box::new([0; READ_BYTES]),
            unread: 0..0,
            parser: ReplyParser::default(),
            first_bytes: FirstBytes::None,
            out: Vec::with_capacity(1024),
            peer,
            offers: Capabilities::default(),
        }
    }

    /// Sends the buffer, in one write if possible.
    pub(crate) async fn send(&mut self, within: Duration) -> Result<(), ConnectionFault> {
        if self.out.is_empty() {
            return Ok(());
        }
        let written = match &mut self.stream {
            Some(Stream::Plain(stream)) => timeout(within, stream.write_all(&self.out)).await,
            Some(Stream::Tls(stream)) => {
                timeout(within, async {
                    stream.write_all(&self.out).await?;
                    stream.flush().await
                })
                .await
            }
            None => return Err(ConnectionFault::Closed),
        };
        self.out.clear();
        if self.out.capacity() > WRITE_BUFFER_KEPT {
            self.out.shrink_to(READ_BYTES);
        }
        Ok(written.map_err(|_| ConnectionFault::TimedOut)??)
    }

    /// Whether the server said more than it was asked.
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    pub(crate) async fn reply(&mut self, within: Duration) -> Result<ServerReply, ConnectionFault> {
        if let Some(reply) = self.parse()? {
            return Ok(reply);
        }
        // One limit for the whole reply: an octet now and then does not keep a connection.
        let whole = async {
            loop {
                self.read().await?;
                if let Some(reply) = self.parse()? {
                    return Ok(reply);
                }
            }
        };
        timeout(within, whole).await.map_err(|_| ConnectionFault::TimedOut)?
    }

    /// Waits until the server sends something unexpected, or closes; both end the connection.
    pub(crate) async fn unasked(&mut self) {
        if self.unread.is_empty() {
            // What it is does not matter.
            let _ = self.read().await;
        }
    }

    /// The plain stream, to start TLS on it. The read buffer must be empty (CVE-2011-0411).
    pub(crate) fn take_plain(&mut self) -> Option<TcpStream> {
        if !self.unread.is_empty() {
            return None;
        }
        match self.stream.take() {
            Some(Stream::Plain(stream)) => Some(stream),
            _ => None,
        }
    }

    /// Continues with the encrypted stream.
    pub(crate) fn encrypted(&mut self, stream: TlsStream<TcpStream>) {
        self.stream = Some(Stream::Tls(Box::new(stream)));
    }

    fn parse(&mut self) -> Result<Option<ServerReply>, ReplyError> {
        let mut bytes = &self.input[self.unread.clone()];
        let reply = self.parser.next(&mut bytes);
        self.unread.start = self.unread.end - bytes.len();
        reply
    }

    async fn read(&mut self) -> Result<(), ConnectionFault> {
        let buffer = &mut self.input[..];
        let read = match &mut self.stream {
            Some(Stream::Plain(stream)) => stream.read(buffer).await?,
            Some(Stream::Tls(stream)) => stream.read(buffer).await?,
            None => 0,
        };
        self.unread = 0..read;
        if self.first_bytes == FirstBytes::None {
            self.first_bytes = FirstBytes::of(self.input.get(..read).unwrap_or_default());
        }
        if read == 0 { Err(ConnectionFault::Closed) } else { Ok(()) }
    }
}
