//! HTTPS, and who the client is.

use super::peer::{Peer, start, start_on};
use doorlist_web::{Certificates, TLS_HANDSHAKE_MAX};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const WHO: &str = "GET /who HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1, 198.51.100.1\r\n\
                   X-Forwarded-Proto: https\r\n\r\n";

#[derive(Default)]
struct Shown(Mutex<Option<Arc<ServerConfig>>>);

impl Certificates for Shown {
    fn current(&self) -> Option<Arc<ServerConfig>> {
        self.0.lock().unwrap().clone()
    }
}

impl Shown {
    /// From now on it shows another one, which is handed back.
    fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["mx.example.test".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let certificate = made.cert.der().clone();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key);
        *self.0.lock().unwrap() = Some(Arc::new(config.unwrap()));
        certificate
    }
}

async fn connect(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    alpn: &[&str],
) -> std::io::Result<Peer<TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("mx.example.test").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(Peer)
}

async fn start_tls(shown: &Arc<Shown>) -> SocketAddr {
    let shown = Arc::clone(shown);
    start_on(move |listener| listener.tls = Some(shown)).await
}

#[tokio::test]
async fn requests_come_by_tls_with_the_certificate_of_the_moment() {
    let shown = Arc::new(Shown::default());
    let address = start_tls(&shown).await;
    let first = shown.renew();
    let mut old = connect(address, &first, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(old.0.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    assert_eq!(old.ask(WHO).await.body, format!("127.0.0.1 https at {address}"));
    let second = shown.renew();
    assert!(connect(address, &first, &[]).await.is_err());
    let mut new = connect(address, &second, &[]).await.unwrap();
    assert_eq!(new.ask(WHO).await.header("connection"), ["keep-alive"]);
    assert_eq!(old.ask(WHO).await.status, 200, "a connection keeps what it began with");
    new.send("GET /empty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!(new.answer().await.status, 204);
    // With a notice that this was all: an end without one would be an error.
    new.ends().await;
}

#[tokio::test]
async fn what_speaks_no_tls_or_another_protocol_is_closed() {
    let shown = Arc::new(Shown::default());
    let address = start_tls(&shown).await;
    let mut peer = Peer::connect(address).await;
    assert!(peer.rest().await.is_ok_and(|rest| rest.is_empty()), "there is no certificate yet");
    let certificate = shown.renew();
    assert!(connect(address, &certificate, &["smtp"]).await.is_err());
    let mut plain = Peer::connect(address).await;
    plain.send("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(!plain.rest().await.unwrap_or_default().contains("HTTP"));
    assert!(connect(address, &certificate, &[]).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_its_time() {
    let shown = Arc::new(Shown::default());
    let address = start_tls(&shown).await;
    shown.renew();
    let before = tokio::time::Instant::now();
    let mut peer = Peer::connect(address).await;
    peer.send(b"\x16\x03\x01").await;
    let mut sink = Vec::new();
    let _ = peer.0.read_to_end(&mut sink).await;
    assert!(before.elapsed() >= TLS_HANDSHAKE_MAX && before.elapsed() < TLS_HANDSHAKE_MAX * 2);
}

#[tokio::test]
async fn only_listed_peers_say_who_the_client_is() {
    let address = start().await;
    let told = Peer::connect(address).await.ask(WHO).await.body;
    assert_eq!(told, format!("127.0.0.1 http at {address}"));
    let address = start_on(|listener| listener.proxy_from = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let told = Peer::connect(address).await.ask(WHO).await.body;
    assert_eq!(told, format!("198.51.100.1 https at {address}"));
}
