//! A name server of the tests' own: a few domains that send from this machine. Bounces go only to senders who are
//! authenticated, so whoever tests them needs one.

use crate::server::Settings;
use std::net::{SocketAddr, UdpSocket};

const SPF: &[u8] = b"v=spf1 ip4:127.0.0.0/8 -all";
/// Of a domain that sends from elsewhere.
const SPF_ELSEWHERE: &[u8] = b"v=spf1 ip4:192.0.2.1 -all";
const DMARC: &[u8] = b"v=DMARC1; p=none";
/// The TXT records; no other name exists. The domains `friend` and `far` also say what is to become of mail that is not theirs.
const SENDERS: &[(&str, &[u8])] = &[
    ("sender.example.test", SPF),
    ("firm.example.test", SPF),
    ("shop.example.test", SPF),
    ("no-policy.test", SPF),
    ("friend1.test", SPF),
    ("friend2.test", SPF),
    ("friend3.test", SPF),
    ("friend4.test", SPF),
    ("friend5.test", SPF),
    ("news.friend1.test", SPF),
    ("far1.test", SPF_ELSEWHERE),
    ("far2.test", SPF_ELSEWHERE),
    ("far3.test", SPF_ELSEWHERE),
    ("far4.test", SPF_ELSEWHERE),
    ("far5.test", SPF_ELSEWHERE),
];

fn record(name: &str) -> Option<&'static [u8]> {
    let policy_of = name.strip_prefix("_dmarc.").filter(|of| of.starts_with("friend") || of.starts_with("far"));
    let find = |name: &str| SENDERS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
    match policy_of {
        Some(of) => find(of).map(|_| DMARC),
        None => find(name),
    }
}
/// Octets of the header of a DNS message (RFC 1035 §4.1.1).
const HEADER: usize = 12;

/// The settings of a server that evaluates senders, with this name server. It ends with the tests.
pub(crate) fn authenticating(settings: Settings) -> Settings {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(&buffer[..length]) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    settings.set("verdict.engine", "builtin").set("dns.server", address.to_string())
}

/// The answer to a query (RFC 1035 §4): its question again, and the record if there is one.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let (name, end) = name(query)?;
    let question = query.get(HEADER..end + 4)?;
    let is_txt = query.get(end..end + 2)? == [0, 16];
    let text = record(&name);
    let exists = text.is_some();
    let mut answer = query.get(..2)?.to_vec();
    // A response with recursion; NXDOMAIN where the name is not known. One question, and perhaps one answer.
    answer.extend([0x81, if exists { 0x80 } else { 0x83 }, 0, 1, 0, u8::from(exists && is_txt), 0, 0, 0, 0]);
    answer.extend(question);
    if let Some(text) = text.filter(|_| is_txt) {
        // The name of the question, TXT, IN, a minute, one string.
        answer.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, u8::try_from(text.len() + 1).ok()?]);
        answer.push(u8::try_from(text.len()).ok()?);
        answer.extend(text);
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
