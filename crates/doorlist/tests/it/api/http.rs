//! A client of HTTP/1.1 that sends exactly what it is told (headers in their order, bodies where none belongs) on a
//! connection that it keeps, and reads answers strictly: what a lenient client would forgive is a failure here, and so
//! is an answer that keeps it waiting. It knows nothing of the API.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer that takes longer is a stall.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Head of an answer.
const HEAD_MAX: usize = 64 * 1024;
/// Body of an answer.
const BODY_MAX: usize = 64 * 1024 * 1024;

/// What is sent, to the letter.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query, as they go over the wire.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    /// Its length must be among the headers.
    pub(super) body: Vec<u8>,
}

impl Request {
    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The first header of this name, in any case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| format!("the body is not JSON: {error}: {}", self.text()))
    }

    /// The body as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn has(&self, name: &str, word: &str) -> bool {
        self.header(name).is_some_and(|value| value.split(',').any(|each| each.trim().eq_ignore_ascii_case(word)))
    }
}

/// A kept connection, opened when it is needed.
#[derive(Debug)]
pub(super) struct Connection {
    server: SocketAddr,
    stream: Option<TcpStream>,
    unread: Vec<u8>,
    patience: Duration,
}

impl Connection {
    pub(super) fn to(server: SocketAddr) -> Self {
        Self { server, stream: None, unread: Vec::new(), patience: ANSWER_MAX }
    }

    /// Waits only so long for an answer.
    pub(super) fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends a request and reads its answer. After an error the connection is given up and the next one is new.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Answer, String> {
        let told = self.try_ask(request);
        if told.is_err() {
            self.hang_up();
        }
        told
    }

    fn try_ask(&mut self, request: &Request) -> Result<Answer, String> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.server).map_err(|error| format!("cannot connect: {error}"))?;
            let set = stream.set_nodelay(true).and(stream.set_read_timeout(Some(self.patience)));
            set.map_err(|error| error.to_string())?;
            self.stream = Some(stream);
        }
        self.stream().write_all(&request.bytes()).map_err(|error| format!("the server hung up: {error}"))?;
        let mut answer = self.head()?;
        let bodiless = request.method == "HEAD" || matches!(answer.status, 204 | 304);
        answer.body = if bodiless { Vec::new() } else { self.body(&answer)? };
        if !self.unread.is_empty() {
            return Err(format!("{} octets follow the answer: {:?}", self.unread.len(), text(&self.unread)));
        }
        if answer.has("Connection", "close") {
            self.hang_up();
        }
        Ok(answer)
    }

    fn stream(&mut self) -> &mut TcpStream {
        self.stream.as_mut().expect("it is connected")
    }

    fn hang_up(&mut self) {
        self.stream = None;
        self.unread.clear();
    }

    fn head(&mut self) -> Result<Answer, String> {
        let status_line = self.line()?;
        let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| format!("not a status line: {status_line:?}"))?;
        let mut answer = Answer { status, ..Answer::default() };
        let mut length = 0;
        loop {
            let line = self.line()?;
            length += line.len();
            if line.is_empty() {
                return Ok(answer);
            }
            let (name, value) = line.split_once(':').ok_or_else(|| format!("not a header: {line:?}"))?;
            if name.is_empty() || name.contains([' ', '\t']) || length > HEAD_MAX {
                return Err(format!("not a header: {line:?}"));
            }
            answer.headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn body(&mut self, answer: &Answer) -> Result<Vec<u8>, String> {
        let lengths: Vec<&String> = answer
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("Content-Length"))
            .map(|(_, value)| value)
            .collect();
        let is_chunked = answer.has("Transfer-Encoding", "chunked");
        match (lengths.as_slice(), is_chunked) {
            ([length], false) => {
                let length = length.parse().map_err(|_| format!("not a length: {length:?}"))?;
                self.take(length)
            }
            ([], true) => self.chunks(),
            ([], false) => Err("an answer without Content-Length that is not chunked".to_owned()),
            _ => Err(format!("several lengths of one body: {:?}", answer.headers)),
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size.trim(), 16).map_err(|_| format!("not a chunk: {line:?}"))?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.take(size)?);
            let end = self.line()?;
            if !end.is_empty() || body.len() > BODY_MAX {
                return Err(format!("a chunk is longer than it says: {end:?}"));
            }
        }
    }

    fn line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let line = line.strip_suffix(b"\r\n").ok_or_else(|| format!("ends in LF alone: {:?}", text(&line)))?;
                return Ok(text(line));
            }
            if self.unread.len() > HEAD_MAX {
                return Err("a line without end".to_owned());
            }
            self.read()?;
        }
    }

    fn take(&mut self, count: usize) -> Result<Vec<u8>, String> {
        if count > BODY_MAX {
            return Err(format!("a body of {count} octets"));
        }
        while self.unread.len() < count {
            self.read().map_err(|why| format!("{why}, after {} of {count} octets of a body", self.unread.len()))?;
        }
        Ok(self.unread.drain(..count).collect())
    }

    fn read(&mut self) -> Result<(), String> {
        let mut bytes = [0; 16 * 1024];
        match self.stream().read(&mut bytes) {
            Ok(0) => Err("the server hung up".to_owned()),
            Ok(read) => {
                self.unread.extend_from_slice(&bytes[..read]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(format!("no answer within {:?}", self.patience))
            }
            Err(error) => Err(format!("the server hung up: {error}")),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
