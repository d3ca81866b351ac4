//! The page that confirms a contact's address, as a browser, a program that follows links and a guesser see it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_web::{AskedFor, ConfirmationAnswer, ConfirmationRefused, Confirmations, confirmations, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = "good_Token-43";

#[derive(Default)]
struct Fake {
    used: AtomicBool,
    asked: AtomicUsize,
    store_is_away: bool,
}

impl Confirmations for Fake {
    fn look<'a>(&'a self, token: &'a str) -> ConfirmationAnswer<'a, AskedFor> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            match token {
                _ if self.store_is_away => Err(ConfirmationRefused::Away),
                TOKEN if !self.used.load(Ordering::SeqCst) => {
                    Ok(AskedFor { address: "ann@else.test".to_owned(), customer: "Maple <b>Inc</b>".to_owned() })
                }
                _ => Err(ConfirmationRefused::NoLink),
            }
        })
    }

    fn confirm<'a>(&'a self, token: &'a str) -> ConfirmationAnswer<'a, ()> {
        Box::pin(async move {
            self.look(token).await?;
            self.used.store(true, Ordering::SeqCst);
            Ok(())
        })
    }
}

async fn start(fake: &Arc<Fake>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, confirmations(Arc::clone(fake) as Arc<dyn Confirmations>), std::future::pending()));
    address
}

/// The whole answer to a request without a body.
async fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn looking_confirms_nothing_and_the_button_confirms_once() {
    let fake = Arc::new(Fake::default());
    let address = start(&fake).await;
    let link = format!("/contact/{TOKEN}");
    for method in ["GET", "HEAD", "GET"] {
        let page = ask(address, method, &link).await;
        assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
        assert!(!fake.used.load(Ordering::SeqCst), "{method}");
    }
    let page = ask(address, "GET", &link).await;
    for words in ["<form method=\"post\">", "<button type=\"submit\">", "ann@else.test", "Maple &lt;b&gt;Inc&lt;/b&gt;"]
    {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    let head = page.split_once("\r\n\r\n").unwrap().0.to_lowercase();
    for header in
        ["content-security-policy: default-src 'none'", "referrer-policy: no-referrer", "cache-control: no-store"]
    {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
        assert!(ask(address, method, &link).await.starts_with("HTTP/1.1 405 "), "{method}");
        assert!(!fake.used.load(Ordering::SeqCst), "{method}");
    }
    assert!(ask(address, "POST", &link).await.starts_with("HTTP/1.1 200 "));
    assert!(fake.used.load(Ordering::SeqCst));
    for method in ["GET", "POST"] {
        let page = ask(address, method, &link).await;
        assert!(page.starts_with("HTTP/1.1 404 ") && !page.contains("ann@"), "{page}");
    }
}

#[tokio::test]
async fn what_is_no_token_is_not_asked_about_and_whoever_guesses_has_to_wait() {
    let fake = Arc::new(Fake::default());
    let address = start(&fake).await;
    for path in ["/contact/a%20b", "/contact/%3Cb%3E", "/contact/%FF", &format!("/contact/{}", "x".repeat(129))] {
        assert!(ask(address, "POST", path).await.starts_with("HTTP/1.1 404 "), "{path}");
    }
    assert_eq!(fake.asked.load(Ordering::SeqCst), 0);
    let mut refused = 0;
    for n in 0..60 {
        refused += u32::from(ask(address, "GET", &format!("/contact/guess{n}")).await.starts_with("HTTP/1.1 429 "));
    }
    assert!(refused > 20, "{refused}");
}

#[tokio::test]
async fn a_store_that_is_away_says_so() {
    let fake = Arc::new(Fake { store_is_away: true, ..Fake::default() });
    let address = start(&fake).await;
    for method in ["GET", "POST"] {
        let page = ask(address, method, &format!("/contact/{TOKEN}")).await;
        assert!(page.starts_with("HTTP/1.1 503 ") && page.contains("try again"), "{page}");
    }
}
