//! A mail server that answers as it is told. Strict about what matters: a message ends at CRLF.CRLF, only what was
//! answered with 2xx counts as taken, nothing comes out of order, and what comes behind the final dot before its reply is dropped with a 500.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Mutex, mpsc};
use tokio_rustls::TlsAcceptor;

/// Nothing in these tests takes longer, unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What the server is asked to answer.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    Connect,
    /// A command line without its end.
    Command(&'a str),
    /// A message has ended.
    EndOfData,
}

pub(crate) enum Answer {
    Say(String),
    SayAndClose(String),
    Close,
    Hang,
    /// Says 220 and begins TLS with this acceptor.
    Tls(TlsAcceptor),
}

pub(crate) fn say(reply: &str) -> Answer {
    Answer::Say(format!("{reply}\r\n"))
}

/// A message as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    pub(crate) encrypted: bool,
    pub(crate) hello: String,
    pub(crate) xforward: Option<String>,
    pub(crate) mail: String,
    pub(crate) rcpt: Vec<String>,
    /// Commands came before the reply to an earlier one.
    pub(crate) pipelined: bool,
    /// The body without dot-stuffing.
    pub(crate) body: Vec<u8>,
}

/// A server without wishes.
pub(crate) fn ok(event: &Event<'_>) -> Answer {
    match event {
        Event::Connect => say("220 fake.example.test ESMTP"),
        Event::Command(line) => match line.split(' ').next().unwrap_or_default() {
            "EHLO" => say("250-fake.example.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 104857600"),
            "DATA" => say("354 go on"),
            "QUIT" => Answer::SayAndClose("221 bye\r\n".to_owned()),
            _ => say("250 2.0.0 ok"),
        },
        Event::EndOfData => say("250 2.0.0 taken"),
    }
}

/// A server that is away: whoever connects is refused. The port stays its own, so that no server that starts meanwhile is
/// given it.
pub(crate) struct Away(TcpSocket);

impl Away {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) fn back(self) -> TcpListener {
        self.0.listen(128).unwrap()
    }
}

/// The running server; ends with the test.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    taken: Mutex<mpsc::UnboundedReceiver<Message>>,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// Listens on a free port of loopback.
    pub(crate) async fn start(script: impl Fn(&Event<'_>) -> Answer + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    /// The same with a script of its own for each connection.
    pub(crate) async fn start_each<S>(scripts: impl Fn() -> S + Send + Sync + 'static) -> Self
    where
        S: Fn(&Event<'_>) -> Answer + Send + Sync + 'static,
    {
        Self::on_each(TcpListener::bind("127.0.0.1:0").await.unwrap(), move || Arc::new(scripts()))
    }

    pub(crate) fn on(listener: TcpListener, script: impl Fn(&Event<'_>) -> Answer + Send + Sync + 'static) -> Self {
        let script = Arc::new(script);
        Self::on_each(listener, move || Arc::clone(&script))
    }

    fn on_each<S>(listener: TcpListener, scripts: impl Fn() -> Arc<S> + Send + Sync + 'static) -> Self
    where
        S: Fn(&Event<'_>) -> Answer + Send + Sync + 'static,
    {
        let address = listener.local_addr().unwrap();
        let (sender, taken) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let session = Session { script: scripts(), taken: sender.clone() };
                tokio::spawn(session.run(stream));
            }
        });
        Self { address, taken: Mutex::new(taken), connections, task }
    }

    /// The next message that it took.
    pub(crate) async fn next(&self) -> Message {
        let mut taken = self.taken.lock().await;
        tokio::time::timeout(PATIENCE, taken.recv()).await.expect("a message within the test's patience").unwrap()
    }

    /// Whether it took a message that nobody has asked for yet.
    pub(crate) async fn has_more(&self) -> bool {
        !self.taken.lock().await.is_empty()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

struct Session<S> {
    script: Arc<S>,
    taken: mpsc::UnboundedSender<Message>,
}

/// How a stretch of the session ended.
enum End {
    Closed,
    Tls(TlsAcceptor),
}

impl<S: Fn(&Event<'_>) -> Answer> Session<S> {
    async fn run(self, mut stream: tokio::net::TcpStream) {
        let greeting = (self.script)(&Event::Connect);
        if answer(&mut stream, greeting).await.is_some() {
            return;
        }
        let Some(End::Tls(acceptor)) = self.talk(&mut stream, false).await else { return };
        if let Ok(mut encrypted) = acceptor.accept(stream).await {
            let _ = self.talk(&mut encrypted, true).await;
        }
    }

    async fn talk<T: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut T, encrypted: bool) -> Option<End> {
        let mut input: Vec<u8> = Vec::new();
        let fresh = Message { encrypted, ..Message::default() };
        let mut message = fresh.clone();
        let mut in_data = false;
        let mut searched: usize = 0;
        loop {
            let end: &[u8] = if in_data { b"\r\n.\r\n" } else { b"\r\n" };
            let found = input[searched..].windows(end.len()).position(|window| window == end);
            let Some(at) = found.map(|at| searched + at) else {
                searched = (input.len() + 1).saturating_sub(end.len());
                if stream.read_buf(&mut input).await.ok()? == 0 {
                    return Some(End::Closed);
                }
                continue;
            };
            let rest = input.split_off(at + end.len());
            let whole = std::mem::replace(&mut input, rest);
            searched = 0;
            let reply = if in_data {
                in_data = false;
                message.body = unstuffed(&whole[2..at + 2]);
                let reply = (self.script)(&Event::EndOfData);
                let taken = matches!(&reply, Answer::Say(text) | Answer::SayAndClose(text) if text.starts_with("250 "));
                if taken && !message.rcpt.is_empty() {
                    let _ = self.taken.send(message.clone());
                }
                message = Message { hello: message.hello.clone(), ..fresh.clone() };
                if std::mem::take(&mut input).is_empty() {
                    reply
                } else if let Some(end) = answer(stream, reply).await {
                    return Some(end);
                } else {
                    say("500 5.5.1 what?")
                }
            } else {
                let line = String::from_utf8_lossy(&whole[..at]).into_owned();
                let follows = !input.is_empty();
                let reply = match out_of_order(&message, &line) {
                    true => say("503 5.5.1 not now"),
                    false => (self.script)(&Event::Command(&line)),
                };
                if matches!(&reply, Answer::Say(text) if text.starts_with('2')) {
                    note(&mut message, &line);
                }
                message.pipelined |= follows;
                if line == "DATA" && matches!(&reply, Answer::Say(text) if text.starts_with("354")) {
                    in_data = true;
                    // The CRLF of DATA itself may frame a lone dot.
                    input.splice(0..0, *b"\r\n");
                }
                reply
            };
            if let Some(end) = answer(stream, reply).await {
                return Some(end);
            }
        }
    }
}

/// Whether a command comes before what it needs was accepted.
fn out_of_order(message: &Message, line: &str) -> bool {
    line.starts_with("RCPT") && message.mail.is_empty() || line == "DATA" && message.rcpt.is_empty()
}

fn note(message: &mut Message, line: &str) {
    match line.split([' ', ':']).next().unwrap_or_default() {
        "EHLO" | "HELO" => message.hello = line.to_owned(),
        "XFORWARD" => message.xforward = Some(line.to_owned()),
        "RSET" => (message.mail, message.rcpt) = (String::new(), Vec::new()),
        "MAIL" => (message.mail, message.rcpt) = (line.to_owned(), Vec::new()),
        "RCPT" => message.rcpt.push(line.trim_start_matches("RCPT TO:<").trim_end_matches('>').to_owned()),
        _ => {}
    }
}

/// Says it; `Some`: the session goes another way.
async fn answer<T: AsyncWrite + Unpin>(stream: &mut T, answer: Answer) -> Option<End> {
    match answer {
        Answer::Say(text) => stream.write_all(text.as_bytes()).await.err().map(|_| End::Closed),
        Answer::SayAndClose(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
            Some(End::Closed)
        }
        Answer::Close => Some(End::Closed),
        Answer::Hang => std::future::pending().await,
        Answer::Tls(acceptor) => {
            let _ = stream.write_all(b"220 go\r\n").await;
            Some(End::Tls(acceptor))
        }
    }
}

fn unstuffed(wire: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(wire.len());
    for line in wire.split_inclusive(|&byte| byte == b'\n') {
        body.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    body
}
