//! A server that says what it is told to, whatever it is asked: what the client and the runner are tested with. It knows
//! no API.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

/// Answers on one connection, in their order; hands back what was asked.
#[derive(Debug)]
pub(super) struct Canned {
    address: SocketAddr,
    thread: JoinHandle<Vec<String>>,
}

impl Canned {
    /// Says each of these after a request, byte for byte, and hangs up.
    pub(super) fn saying(answers: &[&str]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let answers: Vec<String> = answers.iter().map(|&answer| answer.to_owned()).collect();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut unread = Vec::new();
            for answer in answers {
                let Some(request) = request(&mut stream, &mut unread) else { break };
                asked.push(request);
                if stream.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
            asked
        });
        Self { address, thread }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that came.
    pub(super) fn asked(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

/// An answer with a body of JSON and the headers that every answer has.
pub(super) fn json(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nConnection: keep-alive\r\n\
         Vary: Accept, Cookie\r\nCache-Control: no-cache\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// One whole request as text.
fn request(stream: &mut impl Read, unread: &mut Vec<u8>) -> Option<String> {
    let mut bytes = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(unread).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).unwrap_or(0);
            let end = head.len() + 4 + length;
            if unread.len() >= end {
                return Some(String::from_utf8_lossy(&unread.drain(..end).collect::<Vec<u8>>()).into_owned());
            }
        }
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return None,
            Ok(read) => unread.extend_from_slice(&bytes[..read]),
        }
    }
}
