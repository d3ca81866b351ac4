//! The PROXY protocol, versions 1 and 2: the address of the client behind a load balancer. Only listed peers must send
//! the header; a header that cannot be parsed closes the connection without a reply.
//!
//! Reads the header to its last byte and no further, because TLS may begin right after it.

use ppp::{v1, v2};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Octets that distinguish the versions.
const PREFIX: usize = 12;
/// A version 1 line with its CRLF (PROXY protocol §2.1).
const V1_MAX: usize = 107;
/// Maximum octets of addresses and TLVs after a version 2 header; 65,535 are possible, but unusual.
const V2_REST_MAX: usize = 4096;

/// Why there is no usable header.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    #[error("the connection ended inside the PROXY header")]
    Io(#[from] std::io::Error),
    #[error("no PROXY header, but the peer is configured to send one")]
    Missing,
    #[error("invalid PROXY header: {0}")]
    Unreadable(String),
}

/// The client that the header names; `None`: the peer itself (`LOCAL`, `UNKNOWN`, a Unix socket).
pub(crate) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Option<SocketAddr>, ProxyError> {
    let mut header = vec![0u8; PREFIX];
    stream.read_exact(&mut header).await?;
    if header == v2::PROTOCOL_PREFIX {
        read_v2(stream, header).await
    } else if header.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
        read_v1(stream, header).await
    } else {
        Err(ProxyError::Missing)
    }
}

async fn read_v1<S: AsyncRead + Unpin>(stream: &mut S, mut header: Vec<u8>) -> Result<Option<SocketAddr>, ProxyError> {
    while !header.ends_with(b"\r\n") {
        if header.len() >= V1_MAX {
            return Err(ProxyError::Unreadable(format!("longer than {V1_MAX} octets")));
        }
        header.push(stream.read_u8().await?);
    }
    let header = v1::Header::try_from(header.as_slice()).map_err(|e| ProxyError::Unreadable(e.to_string()))?;
    Ok(match header.addresses {
        v1::Addresses::Tcp4(a) => Some((a.source_address, a.source_port).into()),
        v1::Addresses::Tcp6(a) => Some((a.source_address, a.source_port).into()),
        v1::Addresses::Unknown => None,
    })
}

async fn read_v2<S: AsyncRead + Unpin>(stream: &mut S, mut header: Vec<u8>) -> Result<Option<SocketAddr>, ProxyError> {
    let mut fixed = [0u8; 4];
    stream.read_exact(&mut fixed).await?;
    header.extend_from_slice(&fixed);
    let [_, _, high, low] = fixed;
    let rest = usize::from(u16::from_be_bytes([high, low]));
    if rest > V2_REST_MAX {
        return Err(ProxyError::Unreadable(format!("longer than {V2_REST_MAX} octets")));
    }
    header.resize(PREFIX + 4 + rest, 0);
    if let Some(body) = header.get_mut(PREFIX + 4..) {
        stream.read_exact(body).await?;
    }
    let header = v2::Header::try_from(header.as_slice()).map_err(|e| ProxyError::Unreadable(e.to_string()))?;
    if header.tlvs().any(|tlv| tlv.is_err()) {
        return Err(ProxyError::Unreadable("a TLV runs over its end".to_owned()));
    }
    if header.command == v2::Command::Local {
        return Ok(None);
    }
    Ok(match header.addresses {
        v2::Addresses::IPv4(a) => Some((a.source_address, a.source_port).into()),
        v2::Addresses::IPv6(a) => Some((a.source_address, a.source_port).into()),
        v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The client, and the rest of the stream after the header.
    async fn read_all(bytes: &[u8]) -> (Result<Option<SocketAddr>, ProxyError>, Vec<u8>) {
        let mut stream = bytes;
        let client = read(&mut stream).await;
        (client, stream.to_vec())
    }

    fn v2(version_command: u8, family: u8, length: u16, rest: &[u8]) -> Vec<u8> {
        let mut header = v2::PROTOCOL_PREFIX.to_vec();
        header.extend_from_slice(&[version_command, family]);
        header.extend_from_slice(&length.to_be_bytes());
        header.extend_from_slice(rest);
        header
    }

    #[tokio::test]
    async fn s30_good_headers_are_read_to_their_last_byte() {
        let v4 = [192, 0, 2, 9, 10, 0, 0, 1, 0x12, 0x34, 0, 25];
        let cases: [(Vec<u8>, Option<&str>); 6] = [
            (b"PROXY TCP4 192.0.2.9 10.0.0.1 4660 25\r\n".to_vec(), Some("192.0.2.9:4660")),
            (b"PROXY TCP6 2001:db8::9 ::1 4660 25\r\n".to_vec(), Some("[2001:db8::9]:4660")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (v2(0x21, 0x11, 12, &v4), Some("192.0.2.9:4660")),
            (v2(0x20, 0x00, 0, &[]), None),
            (v2(0x21, 0x31, 216, &[0; 216]), None),
        ];
        for (header, expected) in cases {
            let (client, rest) = read_all(&[header.as_slice(), b"EHLO x\r\n"].concat()).await;
            let client = client.expect("a good header");
            assert_eq!(client.map(|c| c.to_string()).as_deref(), expected);
            assert_eq!(rest, b"EHLO x\r\n");
        }
    }

    #[tokio::test]
    async fn s30_bad_headers_are_refused() {
        let long = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200], b"\r\n"].concat();
        let tlv_overrun = v2(0x21, 0x11, 16, &[192, 0, 2, 9, 10, 0, 0, 1, 0, 1, 0, 25, 1, 0xff, 0xff, 0]);
        let cases: [Vec<u8>; 9] = [
            b"EHLO client.example.test\r\n".to_vec(),
            long,
            b"PROXY TCP9 192.0.2.9 10.0.0.1 4660 25\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.9 10.0.0.1 70000 25\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.9 10.0.0.1 4660 25\n".to_vec(),
            v2(0x21, 0x11, 65_535, &[0; 100]),
            v2(0x21, 0x11, 4, &[0; 4]),
            v2(0x31, 0x11, 12, &[0; 12]),
            tlv_overrun,
        ];
        for header in cases {
            let (client, _) = read_all(&header).await;
            assert!(client.is_err(), "{:?} gave {client:?}", String::from_utf8_lossy(&header));
        }
    }

    #[tokio::test]
    async fn s30_half_a_header_is_no_header() {
        let whole = b"PROXY TCP4 192.0.2.9 10.0.0.1 4660 25\r\n";
        for end in 0..whole.len() {
            assert!(read_all(&whole[..end]).await.0.is_err());
        }
    }
}
