//! Encryption towards servers: taken when offered, insisted on where a domain says so, checked where it says that.

use crate::fake::{Answer, Event, Fake, ok, say};
use crate::home::{Home, Wishes, server};
use doorlist_core::change::ServerTls;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

const BODY: &[u8] = b"Subject: hello\r\n\r\nhello\r\n";

/// An acceptor with a certificate of its own for this host, and that certificate as a root.
fn certificate(host: &str) -> (TlsAcceptor, rustls::RootCertStore) {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let chain = vec![made.cert.der().clone()];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(chain[0].clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), roots)
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
        let home = post(&fake, tls, rustls::RootCertStore::empty()).await;
        match tls {
            ServerTls::Opportunistic => assert!(!fake.next().await.encrypted),
            _ => drop(home.logged(&["dsn=4.7.5, status=deferred"]).await),
        }
    }
}

#[tokio::test]
async fn no_mail_goes_in_the_clear_where_encryption_is_required() {
    let fake = Fake::start(ok).await;
    let home = post(&fake, ServerTls::Required, rustls::RootCertStore::empty()).await;
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
    let home = post(&fake, ServerTls::Required, rustls::RootCertStore::empty()).await;
    home.logged(&["dsn=4.7.5, status=deferred", "the server spoke on behind its 220"]).await;
}
