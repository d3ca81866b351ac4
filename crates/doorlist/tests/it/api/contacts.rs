//! What goes out to a contact that a tenant named by API, with a sink for the world outside: one mail that asks, and after
//! its button was pressed a few notices, never a message.

use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Answer, Connection, Request};
use crate::client::{Client, wait_until};
use crate::server::{Server, Settings};
use crate::sink::{Manners, Sink, Taken};

const VICTIM: &str = "victim@outside.test";
const OPERATOR: &str = "ops@outside.test";
const SECRET: &str = "buy this today";
/// Copies of one domain within an hour, and notices to one address within a day.
const FEW: usize = 10;

/// A request, with a login if there is one; `body` empty: none.
fn asked(server: &Server, login: &str, (method, target): (&str, &str), body: &str) -> Answer {
    let mut headers = vec![
        ("Host".to_owned(), server.web().to_string()),
        ("Content-Type".to_owned(), "application/json".to_owned()),
        ("Content-Length".to_owned(), body.len().to_string()),
    ];
    if !login.is_empty() {
        headers.push(("Authorization".to_owned(), format!("ApiKey {login}")));
    }
    let (method, target) = (method.to_owned(), target.to_owned());
    let request = Request { method, target, headers, body: body.as_bytes().to_vec() };
    Connection::to(server.web()).ask(&request).unwrap()
}

/// An object of the API, made.
fn made(server: &Server, login: &str, target: &str, body: &Value) -> Value {
    let answer = asked(server, login, ("POST", target), &body.to_string());
    assert_eq!(answer.status, 201, "{target}: {}", answer.text());
    answer.json().unwrap()
}

/// So many messages for the domain's postmaster; returns when each of them has failed.
fn send(server: &Server, count: usize, failed_before: usize) {
    let mut client = Client::greeted(server.smtp());
    for _ in 0..count {
        client.ask("MAIL FROM:<stranger@sender.example.test>", "250 ");
        client.ask("RCPT TO:<postmaster@example.test>", "250 ");
        client.ask("DATA", "354 ");
        client.ask(&format!("Subject: Offer\r\n\r\n{SECRET}\r\n."), "250 ");
    }
    wait_until("each has failed", Duration::from_secs(120), || {
        server.log().matches("failed, kept for the admin").count() == failed_before + count
    });
}

fn to<'a>(taken: &'a [Taken], address: &str) -> Vec<&'a Taken> {
    let path = format!("<{address}>");
    taken.iter().filter(|mail| mail.recipients.contains(&path)).collect()
}

#[test]
fn a_contact_outside_is_asked_once_and_gets_notices_only_after_its_button() {
    let outside = Sink::start();
    let own = Sink::with(Manners { recipient: Some("550 5.1.1 no such user".to_owned()), ..Manners::default() });
    let settings = Settings::default().set("relay.outbound", outside.address().to_string());
    let mut server = Server::stopped(settings.set("smtp.postmaster", OPERATOR));
    let base = format!("http://{}", server.web());
    server.set("web.url", base.clone());
    server.run();
    server.done(&["domain", "add", "example.test", "--server", &own.address().to_string()]);
    server.done(&["admin", "create", "root@operator.example.test"]);
    let login = server.done(&["apikey", "create", "root@operator.example.test", "--login-key-only"]);
    let login = login.trim();
    let domains = asked(&server, login, ("GET", "/api/v1/domain/"), "").json().unwrap();
    let domain = domains["objects"][0]["resource_uri"].clone();
    let contact = json!({ "domain": domain, "email": VICTIM, "is_technical": true });
    let contact = made(&server, login, "/api/v1/contact_domain/", &contact);
    assert_eq!(contact["confirmed_at"], Value::Null);

    let question = outside.wait_for(1).remove(0);
    assert_eq!(
        (question.recipients.as_slice(), question.mail.starts_with("<>")),
        ([format!("<{VICTIM}>")].as_slice(), true)
    );
    send(&server, 150, 0);
    let taken = outside.wait_for(1 + FEW);
    assert_eq!((to(&taken, VICTIM).len(), to(&taken, OPERATOR).len(), taken.len()), (1, FEW, 1 + FEW));
    let listed = server.done(&["contact", "list", "--unconfirmed"]);
    assert!(listed.contains(VICTIM) && listed.contains("confirmation mail sent"), "{listed}");
    assert!(server.command(&["doctor"]).out.contains(VICTIM));

    let text = question.text().replace("=\r\n", "");
    let (_, rest) = text.split_once(&base).unwrap();
    let path = rest.split_once(&base).unwrap().1.lines().next().unwrap().trim_end().to_owned();
    assert!(path.starts_with("/contact/"), "{text}");
    for _ in 0..3 {
        let (status, page) = server.page(&path);
        assert!(status == 200 && page.contains("<form method=\"post\">"), "{status} {page}");
    }
    send(&server, 1, 150);
    assert_eq!(to(&outside.taken(), VICTIM).len(), 1, "looking at the page confirms nothing");
    assert_eq!(asked(&server, "", ("POST", &path), "").status, 200);
    assert_eq!((server.page(&path).0, asked(&server, "", ("POST", &path), "").status), (404, 404), "once");
    let contact = asked(&server, login, ("GET", contact["resource_uri"].as_str().unwrap()), "").json().unwrap();
    assert!(contact["confirmed_at"].is_string(), "{contact}");

    send(&server, 20, 151);
    outside.wait_for(1 + FEW + FEW);
    assert!(server.stop().success());
    let taken = outside.taken();
    assert_eq!(taken.len(), 1 + FEW + FEW, "notices of today, and no bounce to anybody");
    for notice in &to(&taken, VICTIM)[1..] {
        let text = notice.text();
        assert!(notice.mail.starts_with("<>") && text.contains("Auto-Submitted: auto-generated"), "{text}");
        assert!(text.contains("stranger@sender.example.test") && text.contains("5.1.1"), "{text}");
        assert!(!text.contains(SECRET) && !text.contains("Offer"), "{text}");
    }
}
