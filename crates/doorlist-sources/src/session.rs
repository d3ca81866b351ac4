//! A session with one directory server: sends requests and returns checked messages, each wait with a deadline. Does
//! StartTLS and bind.

use super::ber::BerReader;
use super::ber_guard::MessageBuffer;
use super::dial;
use super::error::{LdapRefusal, ReadError, ReadFault, Stage, refusal};
use super::protocol::{self, LdapMessage, LdapResponse, LdapResult, Search};
use super::secret::Secret;
use super::terms::ReadTerms;
use super::trust::CertificateVerifier;
use doorlist_core::connection::{DirectoryServer, DirectoryTls, LdapBind};
use rustls::pki_types::ServerName;
use std::ops::Range;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

/// Maximum number of unsolicited messages without content.
const UNASKED_MAX: u32 = 100;

/// Bytes to and from the server.
enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Between the two, and after a failed handshake.
    Closed,
}

pub(crate) struct DirectorySession {
    wire: Wire,
    messages: MessageBuffer,
    /// Message id of the running request.
    id: u32,
    unasked: u32,
    /// Bytes of the messages since [`DirectorySession::search`].
    page_bytes: u64,
    answer: Duration,
    /// Deadline of the whole read.
    end: Instant,
    page_max: u64,
}

/// One answer to a search. Borrowed parts are read from the session by their range.
pub(crate) enum SearchResult {
    Entry(Range<usize>),
    Reference(Range<usize>),
    /// The end, with the cookie of the next page; `None` if the server does not page.
    Done(Option<Vec<u8>>),
}

impl DirectorySession {
    /// A session on a connection. `end`: deadline of the whole read.
    pub(crate) fn new(stream: TcpStream, terms: &ReadTerms, end: Instant) -> Self {
        Self {
            wire: Wire::Plain(stream),
            messages: MessageBuffer::new(terms.sizes.message_max),
            id: 0,
            unasked: 0,
            page_bytes: 0,
            answer: terms.times.answer,
            end,
            page_max: terms.sizes.page_max,
        }
    }

    /// Resolves, connects and encrypts.
    pub(crate) async fn open(
        server: &DirectoryServer,
        believer: &CertificateVerifier,
        terms: &ReadTerms,
        end: Instant,
    ) -> Result<Self, ReadError> {
        let addresses = dial::resolve(server, terms).await?;
        let mut session = Self::new(dial::connect(&addresses, terms).await?, terms, end);
        session.encrypt(server, believer, terms).await?;
        Ok(session)
    }

    /// Encrypts as configured. The certificate is always verified.
    pub(crate) async fn encrypt(
        &mut self,
        server: &DirectoryServer,
        believer: &CertificateVerifier,
        terms: &ReadTerms,
    ) -> Result<(), ReadError> {
        match server.tls {
            DirectoryTls::Plain => return Ok(()),
            DirectoryTls::Ldaps => {}
            DirectoryTls::StartTls => self.start_tls().await?,
        }
        let Wire::Plain(stream) = std::mem::replace(&mut self.wire, Wire::Closed) else { return Ok(()) };
        let name = ServerName::try_from(server.host.clone())
            .map_err(|error| ReadError::caused(Stage::Tls, ReadFault::Handshake, error))?;
        match timeout(terms.times.handshake, believer.connector.connect(name, stream)).await {
            Ok(Ok(stream)) => self.wire = Wire::Tls(Box::new(stream)),
            Ok(Err(error)) => return Err(ReadError::caused(Stage::Tls, believer.fault(&error), error)),
            Err(_) => return Err(ReadError::new(Stage::Tls, ReadFault::TooSlow)),
        }
        Ok(())
    }

    async fn start_tls(&mut self) -> Result<(), ReadError> {
        self.id += 1;
        self.send(Stage::Tls, &protocol::start_tls(self.id)).await?;
        let range = self.message(Stage::Tls).await?;
        let code = match self.read(Stage::Tls, &range)?.answer {
            LdapResponse::Extended(outcome) => outcome.code,
            _ => return Err(ReadError::new(Stage::Tls, ReadFault::WrongAnswer)),
        };
        if code != 0 {
            return Err(ReadError::caused(Stage::Tls, ReadFault::StartTlsRefused, format!("result code {code}")));
        }
        // RFC 4511 §4.14.3: nothing comes between the answer and the handshake. What does is somebody else's.
        if self.messages.is_empty() { Ok(()) } else { Err(ReadError::new(Stage::Tls, ReadFault::StartTlsInjection)) }
    }

    pub(crate) async fn bind(&mut self, bind: &LdapBind, password: Option<&Secret>) -> Result<(), ReadError> {
        let LdapBind::Simple { name } = bind else { return Ok(()) };
        let password = password.ok_or(ReadError::new(Stage::Settings, ReadFault::NoPassword))?;
        self.id += 1;
        let request = Zeroizing::new(protocol::bind(self.id, name, password.expose()));
        self.send(Stage::Bind, &request).await?;
        let range = self.message(Stage::Bind).await?;
        match self.read(Stage::Bind, &range)?.answer {
            LdapResponse::Bind(outcome) => success(Stage::Bind, outcome),
            _ => Err(ReadError::new(Stage::Bind, ReadFault::WrongAnswer)),
        }
    }

    /// Begins a search, or the next page of one; its answers come from [`Self::found`].
    pub(crate) async fn search(&mut self, stage: Stage, search: &mut Search<'_>) -> Result<(), ReadError> {
        let left = self.end.saturating_duration_since(Instant::now());
        search.seconds_max = u32::try_from(left.as_secs().max(1)).unwrap_or(u32::MAX >> 1);
        self.id += 1;
        self.page_bytes = 0;
        self.send(stage, &protocol::search(self.id, search)).await
    }

    /// The next answer to the search.
    pub(crate) async fn found(&mut self, stage: Stage) -> Result<SearchResult, ReadError> {
        let range = self.message(stage).await?;
        let message = self.read(stage, &range)?;
        match message.answer {
            LdapResponse::Entry(_) => Ok(SearchResult::Entry(range)),
            LdapResponse::Reference(_) => Ok(SearchResult::Reference(range)),
            LdapResponse::SearchDone(outcome) => {
                success(stage, outcome)?;
                Ok(SearchResult::Done(message.cookie.map(<[u8]>::to_vec)))
            }
            _ => Err(ReadError::new(stage, ReadFault::WrongAnswer)),
        }
    }

    /// The entry of a [`SearchResult::Entry`], until the next answer is asked for.
    pub(crate) fn entry(&self, stage: Stage, range: &Range<usize>) -> Result<protocol::SearchEntry<'_>, ReadError> {
        match self.read(stage, range)?.answer {
            LdapResponse::Entry(entry) => Ok(entry),
            _ => Err(ReadError::new(stage, ReadFault::WrongAnswer)),
        }
    }

    /// The URLs of a [`SearchResult::Reference`].
    pub(crate) fn reference(&self, stage: Stage, range: &Range<usize>) -> Result<BerReader<'_>, ReadError> {
        match self.read(stage, range)?.answer {
            LdapResponse::Reference(urls) => Ok(urls),
            _ => Err(ReadError::new(stage, ReadFault::WrongAnswer)),
        }
    }

    /// Unbinds. Errors are ignored: everything has been read.
    pub(crate) async fn close(mut self) {
        let goodbye = protocol::unbind(self.id + 1);
        let farewell = async {
            self.send(Stage::Search, &goodbye).await.ok();
            match &mut self.wire {
                Wire::Plain(stream) => stream.shutdown().await.ok(),
                Wire::Tls(stream) => stream.shutdown().await.ok(),
                Wire::Closed => None,
            }
        };
        let _ = timeout(Duration::from_secs(1), farewell).await;
    }

    fn read(&self, stage: Stage, range: &Range<usize>) -> Result<LdapMessage<'_>, ReadError> {
        LdapMessage::read(self.messages.get(range.clone())).map_err(|fault| ReadError::new(stage, fault))
    }

    async fn send(&mut self, stage: Stage, bytes: &[u8]) -> Result<(), ReadError> {
        let until = self.end.min(Instant::now() + self.answer);
        let sent = async {
            match &mut self.wire {
                Wire::Plain(stream) => stream.write_all(bytes).await,
                Wire::Tls(stream) => {
                    stream.write_all(bytes).await?;
                    stream.flush().await
                }
                Wire::Closed => Err(std::io::ErrorKind::NotConnected.into()),
            }
        };
        match timeout_at(until, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ReadError::caused(stage, ReadFault::Lost, error)),
            Err(_) => Err(self.late(stage)),
        }
    }

    /// The next message that answers the running request.
    async fn message(&mut self, stage: Stage) -> Result<Range<usize>, ReadError> {
        loop {
            let range = self.whole_message(stage).await?;
            self.page_bytes += range.len() as u64;
            if self.page_bytes > self.page_max {
                return Err(ReadError::new(stage, ReadFault::PageTooLarge { max: self.page_max }));
            }
            let message = self.read(stage, &range)?;
            match (message.id, &message.answer) {
                (id, _) if id == self.id && id != 0 => {}
                // RFC 4511 §4.4.1, the only unsolicited notification that there is, and its end of the connection.
                (0, LdapResponse::Extended(outcome)) => {
                    let fault = match refusal(stage, outcome.code, outcome.text) {
                        Some(LdapRefusal::Encrypt) => ReadFault::Refused(LdapRefusal::Encrypt),
                        _ => ReadFault::Ended,
                    };
                    return Err(ReadError::new(stage, fault));
                }
                _ => return Err(ReadError::new(stage, ReadFault::WrongAnswer)),
            }
            if !matches!(message.answer, LdapResponse::Other) {
                return Ok(range);
            }
            // Intermediate responses (RFC 4511 §4.13) tell of progress.
            self.unasked += 1;
            if self.unasked > UNASKED_MAX {
                return Err(ReadError::new(stage, ReadFault::WrongAnswer));
            }
        }
    }

    async fn whole_message(&mut self, stage: Stage) -> Result<Range<usize>, ReadError> {
        let protocol = |fault| ReadError::new(stage, fault);
        if let Some(range) = self.messages.next().map_err(protocol)? {
            return Ok(range);
        }
        let until = self.end.min(Instant::now() + self.answer);
        loop {
            let wire = &mut self.wire;
            let space = self.messages.space();
            let more = async {
                match wire {
                    Wire::Plain(stream) => stream.read_buf(space).await,
                    Wire::Tls(stream) => stream.read_buf(space).await,
                    Wire::Closed => Ok(0),
                }
            };
            match timeout_at(until, more).await {
                Ok(Ok(0)) => return Err(ReadError::new(stage, ReadFault::Lost)),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(ReadError::caused(stage, ReadFault::Lost, error)),
                Err(_) => return Err(self.late(stage)),
            }
            if let Some(range) = self.messages.next().map_err(protocol)? {
                return Ok(range);
            }
        }
    }

    fn late(&self, stage: Stage) -> ReadError {
        let all = Instant::now() >= self.end;
        ReadError::new(stage, if all { ReadFault::TimeUp } else { ReadFault::TooSlow })
    }
}

fn success(stage: Stage, outcome: LdapResult<'_>) -> Result<(), ReadError> {
    match refusal(stage, outcome.code, outcome.text) {
        None => Ok(()),
        Some(refusal) => Err(ReadError::new(stage, ReadFault::Refused(refusal))),
    }
}
