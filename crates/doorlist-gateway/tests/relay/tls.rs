//! Encryption towards servers: taken when offered, insisted on where a domain says so, checked where it says that.

use crate::fake::{Answer, Event, Fake, ok, say};
use crate::home::{Home, Wishes, server};
use doorlist_core::change::ServerTls;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

const BODY: &[u8] = b"Subject: hello\r\n\r\nhello\r\n";

/// An acceptor with a certificate of its own for this host, and that certificate as a root.
pub(crate) fn certificate(host: &str) -> (TlsAcceptor, rustls::RootCertStore) {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    (acceptor(made.cert.der().to_vec(), &made.signing_key, rustls::ALL_VERSIONS), roots)
}

/// An acceptor that shows these octets as its certificate.
fn acceptor(
    certificate: Vec<u8>,
    key: &rcgen::KeyPair,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let shown = rustls::sign::CertifiedKey::new(vec![certificate.into()], key);
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(shown)));
    TlsAcceptor::from(Arc::new(config))
}

/// A certificate of version 3, for `mx.example.test`; with an extension that is critical and known to nobody, if wished.
fn version_3(with_unknown_extension: bool) -> (Vec<u8>, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(["mx.example.test".to_owned()]).unwrap();
    if with_unknown_extension {
        let mut unknown = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        unknown.set_criticality(true);
        parameters.custom_extensions.push(unknown);
    }
    (parameters.self_signed(&key).unwrap().der().to_vec(), key)
}

/// The same certificate as version 1 (RFC 5280 §4.1): without the number of its version and without extensions.
fn version_1(certificate: &[u8]) -> Vec<u8> {
    let parts = values(content(certificate));
    let fields = values(content(parts[0]));
    // [0] is the version, [3] are the extensions.
    let kept: Vec<u8> =
        fields.into_iter().filter(|field| !matches!(field[0], 0xa0 | 0xa3)).flatten().copied().collect();
    sequence(&[&sequence(&kept), parts[1], parts[2]].concat())
}

/// The DER values that follow each other here, each whole.
fn values(mut der: &[u8]) -> Vec<&[u8]> {
    let mut values = Vec::new();
    while !der.is_empty() {
        let (head, length) = head_and_length(der);
        let (value, rest) = der.split_at(head + length);
        values.push(value);
        der = rest;
    }
    values
}

/// What is in the first DER value.
fn content(der: &[u8]) -> &[u8] {
    let (head, length) = head_and_length(der);
    &der[head..head + length]
}

/// Octets of tag and length, and of the content.
fn head_and_length(der: &[u8]) -> (usize, usize) {
    match der[1] {
        short @ 0..0x80 => (2, short.into()),
        long => {
            let octets = usize::from(long & 0x7f);
            (2 + octets, der[2..2 + octets].iter().fold(0, |length, octet| length << 8 | usize::from(*octet)))
        }
    }
}

/// A SEQUENCE of at most 65,535 octets.
fn sequence(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[0x30, 0x82], &length[..], content].concat()
}

/// A server that offers STARTTLS and does it with this acceptor.
async fn with_tls(acceptor: TlsAcceptor) -> Fake {
    Fake::start(move |event| match event {
        Event::Command(line) if line.starts_with("EHLO") => {
            say("250-fake.example.test\r\n250-PIPELINING\r\n250 STARTTLS")
        }
        Event::Command("STARTTLS") => Answer::Tls(acceptor.clone()),
        other => ok(other),
    })
    .await
}

/// A relay with one domain at this server, and a message to it.
/// Those of the world: none of them knows a certificate of a test.
pub(crate) fn usual_roots() -> rustls::RootCertStore {
    rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

async fn post(fake: &Fake, tls: ServerTls, roots: rustls::RootCertStore) -> Home {
    let home = Home::start(Wishes { roots, retry: Duration::from_secs(3600), ..Wishes::default() }).await;
    let mut at = server(fake.address);
    at.tls = tls;
    at.host = "mx.example.test".to_owned();
    home.domain("d.example.test", vec![at]).await;
    home.post("s@sender.example.test", &["a@d.example.test"], BODY).await;
    home
}

#[tokio::test]
async fn what_is_offered_is_taken_and_a_right_certificate_is_right() {
    for tls in [ServerTls::Opportunistic, ServerTls::Required, ServerTls::Verify] {
        let (acceptor, roots) = certificate("mx.example.test");
        let fake = with_tls(acceptor).await;
        let _home = post(&fake, tls, roots).await;
        let message = fake.next().await;
        assert!(message.encrypted && message.body == BODY, "{tls:?}");
    }
}

#[tokio::test]
async fn a_wrong_certificate_matters_only_where_it_is_checked() {
    for tls in [ServerTls::Opportunistic, ServerTls::Required, ServerTls::Verify] {
        let (acceptor, roots) = certificate("other.example.test");
        let fake = with_tls(acceptor).await;
        let home = post(&fake, tls, roots).await;
        if tls == ServerTls::Verify {
            home.logged(&[
                "dsn=4.7.5, status=deferred",
                "TLS is required for mx.example.test[127.0.0.1], but the handshake",
            ])
            .await;
            assert!(!fake.has_more().await);
        } else {
            assert!(fake.next().await.encrypted, "{tls:?}");
        }
    }
}

#[tokio::test]
async fn d10_a_broken_handshake_falls_back_only_where_it_may() {
    for tls in [ServerTls::Opportunistic, ServerTls::Required] {
        let fake = Fake::start(|event| match event {
            Event::Command(line) if line.starts_with("EHLO") => say("250-fake\r\n250 STARTTLS"),
            Event::Command("STARTTLS") => Answer::SayAndClose("220 go\r\n".to_owned()),
            other => ok(other),
        })
        .await;
        let home = post(&fake, tls, Wishes::default().roots).await;
        match tls {
            ServerTls::Opportunistic => assert!(!fake.next().await.encrypted),
            _ => drop(home.logged(&["dsn=4.7.5, status=deferred"]).await),
        }
    }
}

#[tokio::test]
async fn no_mail_goes_in_the_clear_where_encryption_is_required() {
    let fake = Fake::start(ok).await;
    let home = post(&fake, ServerTls::Required, Wishes::default().roots).await;
    home.logged(&["dsn=4.7.4, status=deferred", "TLS is required, but was not offered"]).await;
    assert!(!fake.has_more().await);
}

#[tokio::test]
async fn s19_what_is_said_in_the_clear_behind_the_220_is_not_believed() {
    let fake = Fake::start(|event| match event {
        Event::Command(line) if line.starts_with("EHLO") => say("250-fake\r\n250 STARTTLS"),
        Event::Command("STARTTLS") => say("220 go\r\n250-fake\r\n250 PIPELINING"),
        other => ok(other),
    })
    .await;
    let home = post(&fake, ServerTls::Required, Wishes::default().roots).await;
    home.logged(&["dsn=4.7.5, status=deferred", "the server spoke on behind its 220"]).await;
}

/// Whatever a server shows as its certificate, mail goes encrypted where nobody checks it, and never in the clear for it;
/// where it is checked, the log says what is wrong with it.
#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_no_reason_for_plain_text() {
    let (sound, sound_key) = version_3(false);
    let (unknown, unknown_key) = version_3(true);
    let cases = [
        (version_1(&sound), &sound_key, "X.509 version 1"),
        (unknown, &unknown_key, "a critical extension that is not known here"),
        (b"no certificate at all".to_vec(), &sound_key, "cannot be read: its encoding is wrong"),
        (sound[..sound.len() - 1].to_vec(), &sound_key, "cannot be read: its encoding is wrong"),
    ];
    for (shown, key, why) in cases {
        for versions in [&[&rustls::version::TLS13], &[&rustls::version::TLS12]] {
            for tls in [ServerTls::Opportunistic, ServerTls::Required] {
                let fake = with_tls(acceptor(shown.clone(), key, versions)).await;
                let _home = post(&fake, tls, usual_roots()).await;
                let message = fake.next().await;
                assert!(message.encrypted && message.body == BODY, "{tls:?} {versions:?} {why}");
                assert_eq!(fake.connections(), 1, "{tls:?} {versions:?} {why}");
            }
            let fake = with_tls(acceptor(shown.clone(), key, versions)).await;
            let (_, roots) = certificate("mx.example.test");
            let home = post(&fake, ServerTls::Verify, roots).await;
            home.logged(&["dsn=4.7.5, status=deferred", why]).await;
            assert!(!fake.has_more().await);
        }
    }
}
