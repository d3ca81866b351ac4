//! The web listener of the running server: HTTPS with the certificate of the mail listeners, also after a reload; who the
//! client is behind a proxy; and how it ends.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use doorlist_testbed::certificates::{Authority, Shown};
use nix::sys::signal::Signal;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::Client;
use crate::server::{HOSTNAME, Server, Settings};

const READY: &str = "GET /readyz HTTP/1.1\r\nHost: gw.example.test\r\nConnection: close\r\n\r\n";
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// What `/readyz` says to a client that trusts only this certificate.
fn ask_https(address: SocketAddr, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let connection = ClientConnection::new(config, ServerName::try_from(HOSTNAME).unwrap()).unwrap();
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(ANSWER_MAX))?;
    let mut stream = StreamOwned::new(connection, socket);
    stream.write_all(READY.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

/// Writes a new pair where the settings of the server say that it is; the authority that signed it.
fn renew(cert: &Path, key: &Path) -> CertificateDer<'static> {
    let authority = Authority::new().unwrap();
    let issued = authority.issue(&[HOSTNAME], Shown::Good).unwrap();
    std::fs::write(cert, issued.certificate_pem).unwrap();
    std::fs::write(key, issued.key_pem).unwrap();
    CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()
}

#[test]
fn https_shows_the_certificate_of_the_mail_doors() {
    let mut server = Server::stopped(Settings::default());
    let secure = server.web_also("tls");
    server.run();
    let made = certificate(&server.state().join("tls/cert.pem"));
    let answer = ask_https(secure, &made).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ready\n"), "{answer}");
    server.wait_for_log(&[&format!("web      https://{secure}/")]);
    server.wait_for_log(&[&format!("web      http://{}/", server.web())]);
    let mut smtp = Client::connect(server.smtp());
    smtp.hello();
    assert!(server.stop().success());
}

#[test]
fn a_reload_renews_the_certificate_of_https_and_a_broken_one_changes_nothing() {
    let folder = doorlist_testbed::folder::Folder::new("certificates").unwrap();
    let (cert, key): (PathBuf, PathBuf) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let first = renew(&cert, &key);
    let settings = Settings::default().set("tls.cert", cert.to_string_lossy()).set("tls.key", key.to_string_lossy());
    let mut server = Server::stopped(settings);
    let secure = server.web_also("tls");
    server.run();
    assert!(ask_https(secure, &first).unwrap().starts_with("HTTP/1.1 200 "));

    let second = renew(&cert, &key);
    assert!(ask_https(secure, &first).is_ok(), "a file alone changes nothing");
    server.process().signal(Signal::SIGHUP).unwrap();
    server.wait_for_log(&["configuration and certificates reloaded"]);
    assert!(ask_https(secure, &first).is_err());
    assert!(ask_https(secure, &second).unwrap().starts_with("HTTP/1.1 200 "));

    std::fs::write(&cert, "-----BEGIN CERTIFICATE-----\nnonsense").unwrap();
    server.process().signal(Signal::SIGHUP).unwrap();
    server.wait_for_log(&["cert.pem", "the server keeps its current configuration"]);
    assert!(ask_https(secure, &second).unwrap().starts_with("HTTP/1.1 200 "));
}

#[test]
fn without_its_certificate_a_server_does_not_start() {
    let mut server = Server::stopped(
        Settings::default().set("tls.cert", "/nonexistent/cert.pem").set("tls.key", "/nonexistent/key.pem"),
    );
    server.launch();
    assert_eq!(server.wait_for_end().code(), Some(78));
    assert!(server.log().contains("no certificate: /nonexistent/cert.pem"), "{}", server.log());
}

#[test]
fn the_end_lets_go_of_kept_connections_at_once() {
    let mut server = Server::start();
    let mut kept = TcpStream::connect(server.web()).unwrap();
    kept.set_read_timeout(Some(ANSWER_MAX)).unwrap();
    kept.write_all(READY.replace("close", "keep-alive").as_bytes()).unwrap();
    let mut answer = [0; 4096];
    let got = kept.read(&mut answer).unwrap();
    assert!(String::from_utf8_lossy(&answer[..got]).contains("Connection: keep-alive"));
    let began = std::time::Instant::now();
    server.process().signal(Signal::SIGTERM).unwrap();
    let mut rest = String::new();
    kept.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    drop(kept);
    assert!(server.wait_for_end().success());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn a_crowd_that_drips_keeps_nobody_from_the_api_and_from_health() {
    /// More than a listener has places.
    const CROWD: usize = 300;
    let server = Server::start();
    let one = vec![IpAddr::from(Ipv4Addr::new(127, 1, 0, 1)); CROWD];
    let many: Vec<_> = (0..CROWD).map(|nth| IpAddr::from(Ipv4Addr::from(0x7f02_0000 + nth as u32))).collect();
    for crowd in [one, many] {
        let mut held: Vec<Client> = crowd.iter().map(|&from| Client::connect_from(from, server.web())).collect();
        held.iter_mut().for_each(|client| client.send("GET /api/v1/dom"));
        for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/api/v1/domain/", 401)] {
            let begin = std::time::Instant::now();
            assert_eq!(server.page(path).0, status, "{path}");
            assert!(begin.elapsed() < Duration::from_secs(3), "{path} {:?}", begin.elapsed());
        }
        assert_eq!(server.measures("/healthz").0, 200);
        assert_eq!(server.measures("/readyz").1, "ready\n");
    }
}
