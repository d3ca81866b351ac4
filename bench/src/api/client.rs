//! A minimal HTTP client on one kept connection, so that its own cost does not affect the figures.

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// No answer comes later.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Between two attempts to reach a starting server.
const ATTEMPT: Duration = Duration::from_millis(5);
/// Octets of a head's line.
const LINE_MAX: u64 = 16 * 1024;

/// A connection with a key.
pub(crate) struct Client {
    address: SocketAddr,
    /// Login and key, as `login:key`.
    key: String,
    stream: Option<BufReader<TcpStream>>,
    request: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// From the first octet sent to the last one received.
    pub(crate) took: Duration,
}

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) meta: Meta,
    pub(super) objects: Vec<Object>,
}

/// Where a page stands in its list.
#[derive(Deserialize)]
pub(super) struct Meta {
    pub(super) total_count: u64,
    pub(super) next: Option<String>,
}

/// What is looked at of an object.
#[derive(Deserialize)]
pub(super) struct Object {
    pub(super) id: u32,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, key: key.to_owned(), stream: None, request: String::new() }
    }

    /// Asks, and is answered with one of 200 to 299, or the run ends.
    pub(crate) fn must(&mut self, method: &str, target: &str, body: &str) -> Result<Answer> {
        let answer = self.ask(method, target, body)?;
        if !(200..300).contains(&answer.status) {
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            bail!("{method} {target:.200} is answered {}: {said:.500}", answer.status);
        }
        Ok(answer)
    }

    /// Waits until the server does what it is asked: mail is answered before its list is loaded.
    pub(crate) fn await_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            match self.ask("GET", "/api/v1/email_account/?limit=1", "") {
                Ok(Answer { status: 200, .. }) => return Ok(()),
                Ok(Answer { status, .. }) if begun.elapsed() > ANSWER_MAX => bail!("the API answers {status}"),
                Err(error) if begun.elapsed() > ANSWER_MAX => return Err(error),
                _ => std::thread::sleep(ATTEMPT),
            }
        }
    }

    /// A page, and how long it took to come; reading it does not count.
    pub(super) fn page(&mut self, target: &str) -> Result<(Page, Duration)> {
        let answer = self.must("GET", target, "")?;
        let page = serde_json::from_slice(&answer.body).with_context(|| format!("{target:.200} is not a page"))?;
        Ok((page, answer.took))
    }

    fn ask(&mut self, method: &str, target: &str, body: &str) -> Result<Answer> {
        self.request.clear();
        let Self { request, key, .. } = self;
        let _ = write!(request, "{method} {target} HTTP/1.1\r\nHost: bench\r\nAuthorization: ApiKey {key}\r\n");
        if !body.is_empty() {
            let _ = write!(request, "Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        let _ = write!(request, "\r\n{body}");
        let begun = Instant::now();
        let kept = self.stream.is_some();
        let answered = match self.exchange() {
            // The server closes what was idle or open for long; the next request opens it again.
            Err(error) if kept && was_closed(&error) => self.exchange(),
            other => other,
        };
        let (status, body) = answered.with_context(|| format!("{method} {target:.200}"))?;
        Ok(Answer { status, body, took: begun.elapsed() })
    }

    fn exchange(&mut self) -> Result<(u16, Vec<u8>)> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(ANSWER_MAX))?;
                BufReader::new(stream)
            }
        };
        let stream = self.stream.insert(stream);
        if let Err(error) = stream.get_mut().write_all(self.request.as_bytes()) {
            self.stream = None;
            return Err(error.into());
        }
        let read = read(stream);
        if !matches!(read, Ok((_, _, true))) {
            self.stream = None;
        }
        read.map(|(status, body, _)| (status, body))
    }
}

fn was_closed(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    matches!(kind, Some(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe))
}

/// Status and body, and whether the connection goes on.
fn read(stream: &mut BufReader<TcpStream>) -> Result<(u16, Vec<u8>, bool)> {
    let (mut status, mut length, mut goes_on) = (0, None, true);
    let mut line = String::new();
    loop {
        line.clear();
        if stream.by_ref().take(LINE_MAX).read_line(&mut line)? == 0 {
            return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        let text = line.trim_end();
        if status == 0 {
            status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).context("no status line")?;
        } else if text.is_empty() {
            break;
        } else if let Some((name, value)) = text.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse::<usize>()?);
            } else if name.eq_ignore_ascii_case("connection") {
                goes_on = !value.trim().eq_ignore_ascii_case("close");
            }
        }
    }
    let Some(length) = length.or((status == 204).then_some(0)) else { bail!("an answer without a length") };
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((status, body, goes_on))
}
