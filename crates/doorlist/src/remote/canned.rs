//! A scripted HTTP server for tests: sends prepared answers, one connection after the other, and records the requests.
#![allow(clippy::unwrap_used, reason = "compiled for tests only")]

use super::{RemoteSettings, RemoteTimeouts};
use doorlist_actions::{PlanReport, PushAnswer, PushReport};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What is done with a connection.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// The request is read whole, these octets are sent, and the connection is closed.
    Say(Vec<u8>),
    /// So many octets of the request are read, and the connection is closed.
    HangUpAfter(usize),
    /// The request is read, and nothing is answered until the client goes away.
    KeepSilent,
    /// An answer of so many octets.
    Flood(usize),
}

/// An answer with a status, further headers and a body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Act {
    let length = body.len();
    Act::Say(format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes())
}

/// What a push is answered when all of it is there.
pub(crate) fn pushed(change: impl FnOnce(&mut PlanReport)) -> Act {
    let mut plan = PlanReport {
        applied: doorlist_store::recipients::Applied::default(),
        written: true,
        plan: None,
        held: None,
        operations: doorlist_core::shrink_guard::Operations::default(),
        shrinking: doorlist_store::recipients::Shrunken::default(),
        rows: Vec::new(),
    };
    change(&mut plan);
    let report = PushReport { plan, problems: Vec::new(), problems_total: 0, left_out: 0 };
    answer(200, "", &serde_json::to_string(&PushAnswer::Done(Box::new(report))).unwrap())
}

pub(crate) struct Canned {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    thread: JoinHandle<()>,
}

impl Canned {
    /// One connection for each of these; then nobody listens any more.
    pub(crate) fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let thread = std::thread::spawn({
            let heard = Arc::clone(&heard);
            move || {
                for act in acts {
                    let (stream, _) = listener.accept().unwrap();
                    // The test may be over, or the client gone.
                    let request = act.play(stream).unwrap_or_default();
                    heard.lock().unwrap().push(request);
                }
            }
        });
        Self { address, heard, thread }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until nobody listens any more.
    pub(crate) fn thread_end(self) {
        self.thread.join().unwrap();
    }

    /// What was heard, when it is this much at least: an answer is there a moment before its request is noted.
    pub(crate) fn heard_of(&self, count: usize) -> Vec<String> {
        loop {
            let heard = self.heard.lock().unwrap().clone();
            if heard.len() >= count {
                return heard;
            }
            std::thread::yield_now();
        }
    }

    /// All that was heard, when all was said.
    pub(crate) fn end(self) -> Vec<String> {
        self.thread.join().unwrap();
        self.heard.lock().unwrap().clone()
    }
}

impl Act {
    fn play(&self, mut stream: TcpStream) -> std::io::Result<String> {
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        if let Act::HangUpAfter(octets) = self {
            let mut read = vec![0; *octets];
            stream.read_exact(&mut read)?;
            return Ok(String::from_utf8_lossy(&read).into_owned());
        }
        let request = whole_request(&mut stream)?;
        match self {
            Act::Say(octets) => stream.write_all(octets)?,
            Act::KeepSilent => drop(stream.read(&mut [0])),
            Act::Flood(octets) => {
                let head = format!("HTTP/1.1 200 X\r\nContent-Length: {octets}\r\n\r\n");
                let mut flood = head.as_bytes().chain(std::io::repeat(b' ').take(*octets as u64));
                // It goes away when it has had enough.
                let _ = std::io::copy(&mut flood, &mut stream);
            }
            Act::HangUpAfter(_) => {}
        }
        Ok(request)
    }
}

pub(crate) fn whole_request(stream: &mut impl Read) -> std::io::Result<String> {
    let mut request = Vec::new();
    let mut some = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Ok(String::from_utf8_lossy(&request).into_owned());
            }
        }
        match stream.read(&mut some)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => request.extend_from_slice(&some[..count]),
        }
    }
}

/// A file that only its owner may read.
pub(crate) fn secret(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// With a key for it in this folder.
pub(crate) fn settings(folder: &Path, url: String) -> RemoteSettings {
    let key_file = secret(folder, "key", "agent@example.test:s3cret\n");
    RemoteSettings { url, key_file, ca_file: None, allow_http: false }
}

/// Short rests, and little patience.
pub(crate) const TIMES: RemoteTimeouts = RemoteTimeouts {
    connect: Duration::from_secs(10),
    answer: Duration::from_secs(20),
    rests: &[Duration::from_millis(1), Duration::from_millis(1)],
    retry_after_max: Duration::from_secs(60),
};
