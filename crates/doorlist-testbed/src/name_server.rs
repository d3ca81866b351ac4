//! A name server over UDP: answers from a few records, and knows no other name.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};

use anyhow::{Context as _, Result};

/// Octets of the header of a DNS message (RFC 1035 §4.1.1).
const HEADER: usize = 12;
/// Octets of the longest question that is read.
const QUESTION_MAX: usize = 1024;
/// Octets of one string of a TXT record (RFC 1035 §3.3).
const STRING_MAX: usize = 255;
/// How long an answer may be kept, in seconds.
const KEPT: u32 = 3600;
/// Types of records (RFC 1035 §3.2.2).
const A: u16 = 1;
const MX: u16 = 15;
const TXT: u16 = 16;

/// A record of the zone.
#[derive(Clone, Debug)]
pub struct Record {
    name: String,
    kind: u16,
    data: Vec<u8>,
}

impl Record {
    /// A text of any length, in as many strings as it takes.
    #[must_use]
    pub fn txt(name: &str, text: &str) -> Self {
        let mut data = Vec::new();
        for part in text.as_bytes().chunks(STRING_MAX) {
            data.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
            data.extend_from_slice(part);
        }
        Self { name: name.to_owned(), kind: TXT, data }
    }

    /// The IPv4 address of a host.
    #[must_use]
    pub fn a(name: &str, address: Ipv4Addr) -> Self {
        Self { name: name.to_owned(), kind: A, data: address.octets().to_vec() }
    }

    /// The domain's own name takes its mail.
    #[must_use]
    pub fn mx_itself(name: &str) -> Self {
        // Preference 10, and a pointer to the name of the question (RFC 1035 §4.1.4).
        Self { name: name.to_owned(), kind: MX, data: vec![0, 10, 0xc0, 12] }
    }
}

/// A running name server; ends when dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Listens on this address; port 0 for a free one.
    ///
    /// # Errors
    /// Fails if somebody else has it.
    pub fn start(at: SocketAddr, records: Vec<Record>) -> Result<Self> {
        let socket = UdpSocket::bind(at).with_context(|| format!("cannot listen on {at}"))?;
        let address = socket.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let thread = spawn({
            let ended = Arc::clone(&ended);
            move || serve(&socket, &records, &ended)
        });
        Ok(Self { address, ended, thread: Some(thread) })
    }

    /// The address where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // The thread waits for a question; without this one it would wait on.
        let woken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.send_to(&[0], self.address));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, records: &[Record], ended: &AtomicBool) {
    let mut buffer = [0; QUESTION_MAX];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        if ended.load(Ordering::Relaxed) {
            return;
        }
        if let Some(answer) = answer(buffer.get(..length).unwrap_or_default(), records) {
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// The answer to a query (RFC 1035 §4): its question again, and the record if there is one. A name above that of a record
/// exists (RFC 8020).
fn answer(query: &[u8], records: &[Record]) -> Option<Vec<u8>> {
    let (name, end) = name(query)?;
    let question = query.get(HEADER..end + 4)?;
    let kind = u16::from_be_bytes(query.get(end..end + 2)?.try_into().ok()?);
    let exists = records.iter().any(|record| record.name == name || record.name.ends_with(&format!(".{name}")));
    let found = records.iter().find(|record| record.name == name && record.kind == kind);
    let mut answer = query.get(..2)?.to_vec();
    // A response with recursion; NXDOMAIN where the name is not known. One question, and perhaps one answer.
    answer.extend([0x85, if exists { 0x80 } else { 0x83 }, 0, 1, 0, u8::from(found.is_some()), 0, 0, 0, 0]);
    answer.extend(question);
    if let Some(Record { data, .. }) = found {
        // The name of the question, the type, class IN.
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1]);
        answer.extend(KEPT.to_be_bytes());
        answer.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        answer.extend(data);
    }
    Some(answer)
}

/// The name of the question, and where it ends.
fn name(query: &[u8]) -> Option<(String, usize)> {
    let (mut at, mut labels) = (HEADER, Vec::new());
    loop {
        let length = usize::from(*query.get(at)?);
        let label = query.get(at + 1..at + 1 + length)?;
        at += 1 + length;
        if label.is_empty() {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(name: &str, kind: u16) -> Vec<u8> {
        let mut query = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(u8::try_from(label.len()).unwrap());
            query.extend(label.bytes());
        }
        query.push(0);
        query.extend(kind.to_be_bytes());
        query.extend([0, 1]);
        answer(&query, &[Record::txt("s1.src.test", &"k".repeat(300)), Record::mx_itself("src.test")]).unwrap()
    }

    #[test]
    fn a_long_text_is_answered_in_parts_and_other_names_do_not_exist() {
        let found = asked("S1.src.test", TXT);
        assert_eq!(found[..4], [7, 7, 0x85, 0x80]);
        assert_eq!(found[7], 1, "one answer");
        let text = &found[found.len() - 302..];
        assert_eq!((text[0], text[256]), (255, 45));
        assert_eq!(asked("src.test", TXT)[3..8], [0x80, 0, 1, 0, 0], "it exists, without such a record");
        assert_eq!(asked("other.test", A)[3], 0x83);
    }
}
