//! A domain's own mail server as a test wants it: takes mail and keeps every byte as it came over the wire, or answers
//! what it is told to. It notes a message before it answers it, so nothing that was said to be taken is missing here.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A message as it came.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// The path in MAIL, with what stands behind it.
    pub(crate) mail: String,
    /// The paths in RCPT that were accepted.
    pub(crate) recipients: Vec<String>,
    /// Everything between 354 and the final dot, dots still stuffed.
    pub(crate) wire: Vec<u8>,
    /// When its end came.
    pub(crate) at: Instant,
}

impl Taken {
    fn nothing() -> Self {
        Self { mail: String::new(), recipients: Vec::new(), wire: Vec::new(), at: Instant::now() }
    }

    /// The message with its dots unstuffed.
    pub(crate) fn message(&self) -> Vec<u8> {
        let lines = self.wire.split_inclusive(|&byte| byte == b'\n');
        lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect()
    }

    /// The message as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.message()).into_owned()
    }

    pub(crate) fn id(&self) -> String {
        let text = self.text();
        let line = text.lines().find_map(|line| line.strip_prefix("Message-ID: <"));
        line.expect("a Message-ID").trim_end_matches('>').to_owned()
    }
}

/// What it says; everything else is 250.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manners {
    /// Who exists: everybody else is refused as unknown. `None`: everybody does.
    pub(crate) known: Option<Vec<String>>,
    pub(crate) recipient: Option<String>,
    /// To the end of every message.
    pub(crate) message: Option<String>,
    /// To EHLO, without SMTPUTF8 among its offers.
    pub(crate) without_smtp_utf8: bool,
}

#[derive(Default)]
struct Shared {
    manners: Mutex<Manners>,
    taken: Mutex<Vec<Taken>>,
    asked: Mutex<Vec<String>>,
    more: Condvar,
    connections: AtomicUsize,
    /// Those of [`Sink::connections`] among them.
    own_connections: AtomicUsize,
}

/// A running sink; its threads end with the test.
#[derive(Clone)]
pub(crate) struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Sink {
    /// One that takes everything.
    pub(crate) fn start() -> Self {
        Self::with(Manners::default())
    }

    /// One that answers so.
    pub(crate) fn with(manners: Manners) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { manners: Mutex::new(manners), ..Shared::default() });
        let sink = Self { address, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                shared.connections.fetch_add(1, Ordering::Relaxed);
                // A client that is killed in the middle is what some tests are about.
                std::thread::spawn(move || drop(stream.and_then(|stream| serve(&shared, stream))));
            }
        });
        sink
    }

    /// Where it takes mail.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it answers so.
    pub(crate) fn behave(&self, manners: Manners) {
        *self.shared.manners.lock().unwrap() = manners;
    }

    /// What it has taken so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.shared.taken.lock().unwrap().clone()
    }

    /// The paths of all RCPT so far, whatever became of them.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// How often others connected until now. Connections are accepted in their order, so all of them are counted when
    /// one of its own is greeted.
    pub(crate) fn connections(&self) -> usize {
        let mut greeting = String::new();
        BufReader::new(TcpStream::connect(self.address).unwrap()).read_line(&mut greeting).unwrap();
        let own = self.shared.own_connections.fetch_add(1, Ordering::Relaxed) + 1;
        self.shared.connections.load(Ordering::Relaxed) - own
    }

    /// Waits until it has taken so many.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Taken> {
        const LONGEST: Duration = Duration::from_secs(60);
        let end = Instant::now() + LONGEST;
        let mut taken = self.shared.taken.lock().unwrap();
        while taken.len() < count {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} of {count} messages after {LONGEST:?}", taken.len());
            taken = self.shared.more.wait_timeout(taken, left).unwrap().0;
        }
        taken.clone()
    }
}

fn serve(shared: &Shared, stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    writer.write_all(b"220 sink.example.test ESMTP\r\n")?;
    let mut taken = Taken::nothing();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let manners = shared.manners.lock().unwrap().clone();
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        if verb == "RCPT" {
            shared.asked.lock().unwrap().push(line["RCPT TO:".len()..].to_owned());
        }
        let answer = match verb.as_str() {
            "EHLO" if manners.without_smtp_utf8 => "250-sink.example.test\r\n250-PIPELINING\r\n250 8BITMIME".to_owned(),
            "EHLO" => "250-sink.example.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8".to_owned(),
            "MAIL" => {
                taken.mail.push_str(&line["MAIL FROM:".len()..]);
                "250 2.1.0 Ok".to_owned()
            }
            "RCPT" => manners.recipient.unwrap_or_else(|| {
                let path = line["RCPT TO:".len()..].to_owned();
                let is_known = |known: &Vec<String>| known.iter().any(|address| path == format!("<{address}>"));
                if !manners.known.as_ref().is_none_or(is_known) {
                    return "550 5.1.1 User unknown".to_owned();
                }
                taken.recipients.push(path);
                "250 2.1.5 Ok".to_owned()
            }),
            "DATA" if taken.recipients.is_empty() => "554 5.5.1 nobody".to_owned(),
            "DATA" => {
                writer.write_all(b"354 go on\r\n")?;
                taken.wire = message(&mut reader)?;
                taken.at = Instant::now();
                let message = std::mem::replace(&mut taken, Taken::nothing());
                match manners.message {
                    Some(refusal) => refusal,
                    None => {
                        shared.taken.lock().unwrap().push(message);
                        shared.more.notify_all();
                        "250 2.0.0 Ok: taken".to_owned()
                    }
                }
            }
            "RSET" => {
                taken = Taken::nothing();
                "250 2.0.0 Ok".to_owned()
            }
            "QUIT" => {
                writer.write_all(b"221 2.0.0 Bye\r\n")?;
                return Ok(());
            }
            _ => "250 2.0.0 Ok".to_owned(),
        };
        writer.write_all(format!("{answer}\r\n").as_bytes())?;
    }
}

/// Up to CRLF.CRLF, as it comes.
fn message(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut wire = Vec::new();
    loop {
        let before = wire.len();
        if reader.read_until(b'\n', &mut wire)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if &wire[before..] == b".\r\n" && (before == 0 || wire[..before].ends_with(b"\r\n")) {
            wire.truncate(before);
            return Ok(wire);
        }
    }
}
