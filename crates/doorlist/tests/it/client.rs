//! A client that says exactly what a test wants it to say, in the segments in which it wants to say it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio::net::TcpSocket;

use crate::server::HOSTNAME;

/// How long a reply may take; delays of the guard are shorter.
const REPLY_MAX: Duration = Duration::from_secs(60);
/// A reply line is at most so long.
const LINE_MAX: usize = 64 * 1024;

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A connection to a server.
pub(crate) struct Client {
    stream: Stream,
    unread: Vec<u8>,
    gives_up: bool,
}

impl Client {
    /// Connects, and says nothing.
    pub(crate) fn connect(server: SocketAddr) -> Self {
        Self::try_connect(Ipv4Addr::LOCALHOST.into(), server).unwrap()
    }

    /// Connects from this address of loopback, so that the guard and the limits see a client of its own.
    pub(crate) fn connect_from(source: IpAddr, server: SocketAddr) -> Self {
        Self::try_connect(source, server).unwrap()
    }

    /// The same; an error if nobody listens.
    pub(crate) fn try_connect(source: IpAddr, server: SocketAddr) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let stream = runtime.block_on(async {
            let socket = if source.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.bind((source, 0).into())?;
            socket.connect(server).await?.into_std()
        })?;
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_MAX))?;
        Ok(Self { stream: Stream::Plain(stream), unread: Vec::new(), gives_up: false })
    }

    /// From now on silence for so long is an end, as it is to a sender whose server is gone without a word.
    pub(crate) fn give_up_after(&mut self, silence: Duration) {
        self.gives_up = true;
        let stream = match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        };
        stream.set_read_timeout(Some(silence)).unwrap();
    }

    /// Connects, hears the greeting and says EHLO.
    pub(crate) fn greeted(server: SocketAddr) -> Self {
        let mut client = Self::connect(server);
        client.hello();
        client
    }

    /// Hears the greeting and says EHLO.
    pub(crate) fn hello(&mut self) {
        self.expect("220 ");
        self.ask("EHLO client.example.test", "250 ");
    }

    /// Writes these bytes as they are, in one segment if they are few.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap();
    }

    /// The same; an error if the server has hung up.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes.as_ref()),
            Stream::Tls(stream) => {
                stream.write_all(bytes.as_ref())?;
                stream.flush()
            }
        }
    }

    /// The next line without its line end; `None` if the server has closed.
    pub(crate) fn line(&mut self) -> Option<String> {
        self.try_line().unwrap()
    }

    fn try_line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                assert!(line.ends_with(b"\r\n"), "a reply line ends in CRLF: {:?}", String::from_utf8_lossy(&line));
                return Ok(Some(String::from_utf8(line[..line.len() - 2].to_vec()).expect("replies are UTF-8")));
            }
            assert!(self.unread.len() < LINE_MAX, "a reply line without end");
            let mut bytes = [0; 4096];
            let read = match &mut self.stream {
                Stream::Plain(stream) => stream.read(&mut bytes),
                Stream::Tls(stream) => stream.read(&mut bytes),
            };
            match read {
                Ok(0) => return Ok(None),
                Ok(read) => self.unread.extend_from_slice(&bytes[..read]),
                // A server that hangs up in the middle of what we say resets the connection.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) => {
                    return Ok(None);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if self.gives_up && error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// The last line of the next reply; `None` if the server has closed.
    pub(crate) fn reply(&mut self) -> Option<String> {
        loop {
            let line = self.line()?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Some(line);
            }
        }
    }

    /// The next reply, which must begin so.
    #[track_caller]
    pub(crate) fn expect(&mut self, begin: &str) -> String {
        let reply = self.reply().unwrap_or_else(|| panic!("expected {begin:?}, got the end of the connection"));
        assert!(reply.starts_with(begin), "expected {begin:?}, got {reply:?}");
        reply
    }

    /// Says a line and hears its reply, which must begin so.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str, begin: &str) -> String {
        self.send(format!("{line}\r\n"));
        let reply = self.reply().unwrap_or_else(|| panic!("{line}: expected {begin:?}, got the end of the connection"));
        assert!(reply.starts_with(begin), "{line}: expected {begin:?}, got {reply:?}");
        reply
    }

    /// Says this; whether the reply begins so. No if the server is gone.
    pub(crate) fn wants(&mut self, text: &str, begin: &str) -> bool {
        self.try_send(text).is_ok() && self.reply().is_some_and(|reply| reply.starts_with(begin))
    }

    /// Opens a transaction up to 354.
    #[track_caller]
    pub(crate) fn begin_data(&mut self, recipient: &str) {
        self.ask("MAIL FROM:<friend@sender.example.test>", "250 2.1.0");
        self.ask(&format!("RCPT TO:<{recipient}>"), "250 2.1.5");
        self.ask("DATA", "354 ");
    }

    /// Sends a message, which is dot-stuffed already, and hears what becomes of it.
    #[track_caller]
    pub(crate) fn mail(&mut self, recipient: &str, message: &str) -> String {
        self.begin_data(recipient);
        self.send(format!("{message}\r\n.\r\n"));
        self.reply().expect("an answer to the message")
    }

    /// Hears the end of the connection and nothing else.
    #[track_caller]
    pub(crate) fn closed(&mut self) {
        assert_eq!(self.line(), None, "expected the end of the connection");
    }

    /// Says that nothing more comes.
    pub(crate) fn half_close(&mut self) {
        let stream = match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        };
        stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Hangs up by a reset: what the server has said is thrown away.
    pub(crate) fn reset(self) {
        let Stream::Plain(stream) = self.stream else { panic!("a reset is for a plain connection") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let _guard = runtime.enter();
        stream.set_nonblocking(true).unwrap();
        let stream = tokio::net::TcpStream::from_std(stream).unwrap();
        stream.set_zero_linger().unwrap();
    }

    /// Shakes hands. The certificate must be the one in this file, made for our host name.
    pub(crate) fn start_tls(self, certificate: &Path) -> Self {
        self.try_start_tls(certificate).unwrap()
    }

    /// The same; an error if the server does not take the handshake.
    pub(crate) fn try_start_tls(self, certificate: &Path) -> io::Result<Self> {
        let Stream::Plain(mut stream) = self.stream else { panic!("TLS is on already") };
        assert!(self.unread.is_empty(), "the server said more than its reply to STARTTLS");
        let name = ServerName::try_from(HOSTNAME).expect("a name");
        let mut connection = ClientConnection::new(trusting(certificate), name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Self {
            stream: Stream::Tls(Box::new(StreamOwned::new(connection, stream))),
            unread: Vec::new(),
            gives_up: self.gives_up,
        })
    }
}

fn trusting(certificate: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).expect("a certificate")).expect("a usable certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Waits until something holds that only the outside can tell, such as a file or a queue.
#[track_caller]
pub(crate) fn wait_until(what: &str, longest: Duration, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + longest;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {longest:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
