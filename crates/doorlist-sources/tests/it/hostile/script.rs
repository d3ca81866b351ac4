//! A server that follows a script: it takes the bind and the look at the base like any other, and then answers each
//! search as the test says. Its messages are made here, so that they can be wrong in every way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

pub(crate) const BIND: u8 = 0x60;
pub(crate) const SEARCH: u8 = 0x63;
pub(crate) const EXTENDED: u8 = 0x77;

/// What the server does next. When there is nothing more to do it waits until we go.
pub(crate) enum Do {
    Send(Vec<u8>),
    /// Sends each of these.
    Stream(Box<dyn Iterator<Item = Vec<u8>> + Send>),
    /// Sends this byte by byte, with a pause before each.
    Slowly(Vec<u8>, Duration),
    /// Sends this and cuts the connection.
    Last(Vec<u8>),
}

/// One request of ours.
pub(crate) struct Request {
    pub(crate) id: u32,
    pub(crate) kind: u8,
    /// Searches of the tree before this one.
    pub(crate) page: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Request {
    /// Whether the request has these bytes somewhere in it.
    pub(crate) fn has(&self, bytes: &[u8]) -> bool {
        self.bytes.windows(bytes.len()).any(|window| window == bytes)
    }
}

/// Serves one connection by `script`; `None` for a request leaves the answer to [`usual`].
pub(crate) fn serve(mut script: impl FnMut(&Request) -> Option<Do> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut page = 0;
        while let Some((kind, id, bytes)) = request(&mut stream) {
            let request = Request { id, kind, page, bytes };
            let of_tree = kind == SEARCH && request.has(&[0x0a, 1, 2]);
            page += u32::from(of_tree);
            let next = script(&request).or_else(|| usual(&request)).unwrap_or(Do::Send(Vec::new()));
            if !perform(&mut stream, next) {
                return;
            }
        }
    });
    address
}

/// Sends `bytes` to whoever connects, before anything is asked.
pub(crate) fn greet(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(bytes).unwrap();
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
    });
    address
}

/// What every server says to a bind and to the look at the base.
fn usual(request: &Request) -> Option<Do> {
    let id = request.id;
    match request.kind {
        BIND => Some(Do::Send(result(id, 0x61, 0, b""))),
        SEARCH if request.has(&[0x0a, 1, 0, 0x0a]) => {
            Some(Do::Send([entry(id, "dc=example,dc=test", &[]), done(id, 0, None)].concat()))
        }
        _ => None,
    }
}

/// False: the connection is to end. Writing fails when we have gone, which is how most tests end.
fn perform(stream: &mut TcpStream, next: Do) -> bool {
    match next {
        Do::Send(bytes) => stream.write_all(&bytes).is_ok(),
        Do::Stream(pieces) => pieces.into_iter().all(|piece| stream.write_all(&piece).is_ok()),
        Do::Slowly(bytes, pause) => bytes.iter().all(|byte| {
            thread::sleep(pause);
            stream.write_all(&[*byte]).is_ok()
        }),
        Do::Last(bytes) => {
            stream.write_all(&bytes).ok();
            false
        }
    }
}

/// The next request: its operation, its id, all of it.
fn request(stream: &mut TcpStream) -> Option<(u8, u32, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).ok()?;
    let length = if head[1] < 0x80 {
        usize::from(head[1])
    } else {
        let mut octets = vec![0; usize::from(head[1] & 0x7f)];
        stream.read_exact(&mut octets).ok()?;
        octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet))
    };
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).ok()?;
    let digits = usize::from(bytes[1]);
    let id = bytes[2..2 + digits].iter().fold(0, |id, octet| id << 8 | u32::from(*octet));
    Some((bytes[2 + digits], id, bytes))
}

/// An element, its length in four octets as Active Directory writes it.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], length.as_slice(), content].concat()
}

pub(crate) fn message(id: u32, operation: &[u8], controls: &[u8]) -> Vec<u8> {
    tlv(0x30, &[tlv(2, &id.to_be_bytes()).as_slice(), operation, controls].concat())
}

pub(crate) fn result(id: u32, tag: u8, code: u8, text: &[u8]) -> Vec<u8> {
    message(id, &tlv(tag, &[tlv(0x0a, &[code]), tlv(4, b""), tlv(4, text)].concat()), &[])
}

pub(crate) fn entry(id: u32, dn: &str, attributes: &[(&str, &[&str])]) -> Vec<u8> {
    let attributes: Vec<u8> = attributes
        .iter()
        .flat_map(|(name, values)| {
            let values: Vec<u8> = values.iter().flat_map(|value| tlv(4, value.as_bytes())).collect();
            tlv(0x30, &[tlv(4, name.as_bytes()), tlv(0x31, &values)].concat())
        })
        .collect();
    message(id, &tlv(0x64, &[tlv(4, dn.as_bytes()), tlv(0x30, &attributes)].concat()), &[])
}

/// An entry with `mail: personN@example.test`.
pub(crate) fn person(id: u32, number: u32) -> Vec<u8> {
    entry(id, &format!("uid=person{number}"), &[("mail", &[&format!("person{number}@example.test")])])
}

pub(crate) fn reference(id: u32, url: &str) -> Vec<u8> {
    message(id, &tlv(0x73, &tlv(4, url.as_bytes())), &[])
}

pub(crate) fn done(id: u32, code: u8, cookie: Option<&[u8]>) -> Vec<u8> {
    let operation =
        tlv(0x65, &[tlv(0x0a, &[code]), tlv(4, b""), tlv(4, b"<script>words of the server</script>")].concat());
    let controls = cookie.map(|cookie| {
        let value = tlv(0x30, &[tlv(2, &[0]), tlv(4, cookie)].concat());
        tlv(0xa0, &tlv(0x30, &[tlv(4, b"1.2.840.113556.1.4.319"), tlv(4, &value)].concat()))
    });
    message(id, &operation, &controls.unwrap_or_default())
}
