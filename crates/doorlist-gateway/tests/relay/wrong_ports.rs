//! Servers that are there, and want something else than mail from a gateway: the log names what it is.

use crate::fake::{Answer, Event, Fake, ok, say};
use crate::home::{Home, NoNames, Wishes, server};
use crate::tls::certificate;
use doorlist_core::change::{MailServer, ServerTls};
use doorlist_gateway::relay::server_check::{ServerCheck, ServerTrouble};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const BODY: &[u8] = b"Subject: hello\r\n\r\nhello\r\n";

/// The line of the first attempt at such a server.
async fn attempt(script: impl Fn(&Event<'_>) -> Answer + Send + Sync + 'static) -> String {
    let fake = Fake::start(script).await;
    let mut wishes = Wishes { retry: Duration::from_secs(3600), ..Wishes::default() };
    wishes.config.reply = Duration::from_millis(300);
    let home = Home::start(wishes).await;
    home.domain("d.example.test", vec![server(fake.address)]).await;
    let id = home.post("", &["a@d.example.test"], BODY).await;
    let line = home.logged(&[&id.to_string(), "status="]).await;
    assert!(!fake.has_more().await);
    line
}

#[tokio::test]
async fn lmtp() {
    let knows_lhlo = |event: &Event<'_>| match event {
        Event::Command(line) if line.starts_with("LHLO") => say("250-mail.example.test\r\n250 PIPELINING"),
        Event::Command("QUIT") => ok(event),
        Event::Command(_) => say("500 5.5.1 unknown command"),
        other => ok(other),
    };
    let greets = |event: &Event<'_>| match event {
        Event::Connect => say("220 mail.example.test LMTP server ready"),
        Event::Command(_) => Answer::SayAndClose("502 5.5.1 not here\r\n".to_owned()),
        other => ok(other),
    };
    let line = attempt(knows_lhlo).await;
    assert!(line.contains("status=deferred") && line.contains("speaks LMTP, not SMTP"), "{line}");
    let closes_after_helo = move |event: &Event<'_>| match event {
        Event::Command(line) if line.starts_with("EHLO") => say("502 5.5.1 not here"),
        other => greets(other),
    };
    let line = attempt(closes_after_helo).await;
    assert!(line.contains("status=deferred") && line.contains("speaks LMTP, not SMTP"), "{line}");
}

#[tokio::test]
async fn a_login() {
    for command in ["MAIL", "RCPT"] {
        for reply in ["530 5.7.0 Authentication required", "550 5.7.1 Client not authenticated"] {
            let line = attempt(move |event| match event {
                Event::Command(line) if line.starts_with(command) => say(reply),
                other => ok(other),
            })
            .await;
            assert!(line.contains("status=deferred"), "no bounce: it is not about the message: {line}");
            assert!(line.contains(reply) && line.contains("log in (AUTH) only"), "{line}");
        }
    }
    let line = attempt(|event| match event {
        Event::Command(line) if line.starts_with("MAIL") => say("530 5.7.0 Must issue a STARTTLS command first"),
        other => ok(other),
    })
    .await;
    assert!(line.contains("after STARTTLS only") && !line.contains("AUTH"), "{line}");
    assert!(line.contains("status=deferred"), "{line}");
}

#[tokio::test]
async fn tls_from_the_start() {
    // An alert of TLS 1.0, "record overflow" or the like, and the end.
    for alert in ["\x15\x03\x01\0\x02\x02\x16", "\x15\x03\x03\0\x02\x01\n"] {
        let line = attempt(move |_| Answer::SayAndClose(alert.to_owned())).await;
        assert!(line.contains("status=deferred") && line.contains("speaks TLS from the start"), "{line}");
    }
    for silence in [|| Answer::Hang, || Answer::Close] {
        let line = attempt(move |_| silence()).await;
        assert!(
            line.contains("status=deferred") && line.contains("as servers do that speak TLS from the start"),
            "{line}"
        );
    }
}

/// What a check without mail finds at this address.
async fn checked(address: SocketAddr) -> Result<(), ServerTrouble> {
    check(&server(address), address).await
}

async fn check(server: &MailServer, address: SocketAddr) -> Result<(), ServerTrouble> {
    let check = ServerCheck::new("gw.example.test", Arc::new(NoNames), Duration::from_millis(500)).unwrap();
    check.check(server, address, &"d.example.test".parse().unwrap()).await
}

#[tokio::test]
async fn a_check_without_mail_finds_the_same() {
    let sound = Fake::start(|event| match event {
        Event::Command("DATA") => panic!("a check sends no mail"),
        other => ok(other),
    })
    .await;
    assert_eq!(checked(sound.address).await, Ok(()));
    let unknown = Fake::start(|event| match event {
        Event::Command("RCPT TO:<postmaster@d.example.test>") => say("550 5.1.1 no such user"),
        other => ok(other),
    })
    .await;
    assert_eq!(checked(unknown.address).await, Ok(()), "that is about one recipient");
    let lmtp = Fake::start(|event| match event {
        Event::Command(line) if line.starts_with("LHLO") => say("250 mail.example.test"),
        Event::Command(_) => say("500 5.5.1 unknown command"),
        other => ok(other),
    })
    .await;
    let login = Fake::start(|event| match event {
        Event::Command(line) if line.starts_with("RCPT") => say("530 5.7.0 Authentication required"),
        other => ok(other),
    })
    .await;
    let (acceptor, _) = certificate("127.0.0.1");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            // It ends when the client hangs up.
            tokio::spawn(async move { drop(acceptor.accept(stream).await) });
        }
    });
    for (address, words) in [
        (lmtp.address, "speaks LMTP, not SMTP"),
        (login.address, "log in (AUTH) only"),
        (tls, "speaks TLS from the start"),
    ] {
        let found = checked(address).await.unwrap_err();
        assert!(found.why.contains(words) && found.lasting, "{found:?}");
    }
    let required = |address| MailServer { tls: ServerTls::Required, ..server(address) };
    let plain = Fake::start(ok).await;
    let found = check(&required(plain.address), plain.address).await.unwrap_err();
    assert!(found.why.contains("TLS is required") && found.lasting, "{found:?}");
    for says in ["421 4.3.2 come back", "554 5.3.2 not now"] {
        let busy = Fake::start(move |event| match event {
            Event::Connect => say(says),
            other => ok(other),
        })
        .await;
        let found = checked(busy.address).await.unwrap_err();
        assert!(found.why.contains("refused to talk to me") && !found.lasting, "{found:?}");
    }
}
