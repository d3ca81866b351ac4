//! The senders that Debian has, with recipients of every kind in one message: who is listed gets it once, who is deferred
//! stays with the sender until it is listed, and a bounce names who was refused and nobody else.
//!
//! | module | what it asks |
//! |---|---|
//! | `queueing` | Exim, OpenSMTPD and Sendmail with Doorlist as their smart host |
//! | `small` | msmtp, swaks, nullmailer and dma, which only send |

mod queueing;
mod small;

use std::collections::HashMap;
use std::time::Duration;

use doorlist_testbed::maildir::{Delivered, Maildir};
use doorlist_testbed::python::Aiosmtpd;
use doorlist_testbed::trace;

use crate::client::wait_until;
use crate::server::Server;

/// Its unlisted recipients are deferred: its server does not say who exists.
const SETUP: &str = "setup.example.test";
/// Its unlisted recipients are refused for good.
const HARD: &str = "hard.example.test";
/// Its unlisted recipients are refused for now: it has just been enforced.
const SOFT: &str = "soft.example.test";
/// Where the senders are, and their bounces go.
const FRIEND: &str = "friend@back.example.test";
/// Listed in each of the domains.
const LISTED: usize = 60;
const VETOED: usize = 3;
const LONGEST: Duration = Duration::from_secs(150);

/// `KIND00@DOMAIN` and so on.
fn addresses(kind: &str, count: usize, domain: &str) -> Vec<String> {
    (0..count).map(|number| format!("{kind}{number:02}@{domain}")).collect()
}

/// A message that says which one it is, with 8-bit text, dots, a line of nearly the 998 octets that RFC 5322 allows, and
/// blanks and empty lines at its end.
fn message(id: &str) -> Vec<u8> {
    let long = "y".repeat(980);
    format!(
        "From: <{FRIEND}>\r\nTo: many@nowhere.example.test\r\nDate: Mon, 30 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <{id}@test>\r\nSubject: {id}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         grüße aus Köln 日本\r\n.\r\n..x\r\nFrom here\r\n{long}\r\nend  \r\n\r\n"
    )
    .into_bytes()
}

/// The same with LF at its line ends, for programs that take it from a pipe.
fn as_text(message: &[u8]) -> Vec<u8> {
    message.iter().copied().filter(|&byte| byte != b'\r').collect()
}

/// A gateway for the domains above, all of them delivered to one server that keeps every byte.
fn gateway() -> (Server, Aiosmtpd) {
    let next = Aiosmtpd::silent_about(SETUP).unwrap();
    let server = Server::start();
    let destination = next.address().to_string();
    for domain in [SETUP, HARD, SOFT] {
        server.done(&["domain", "add", domain, "--server", &destination]);
        account(&server, "add", &addresses("listed", LISTED, domain));
    }
    let vetoed = addresses("vetoed", VETOED, HARD);
    account(&server, "add", &vetoed);
    vetoed.iter().for_each(|address| account(&server, "remove", std::slice::from_ref(address)));
    server.protect("back.example.test", next.address(), &["friend"]);
    server.done(&["domain", "mode", HARD, "enforce", "--now"]);
    server.done(&["domain", "mode", SOFT, "enforce"]);
    (server, next)
}

#[track_caller]
fn account(server: &Server, verb: &str, addresses: &[String]) {
    let mut words = vec!["account", verb];
    words.extend(addresses.iter().map(String::as_str));
    server.done(&words);
}

/// What came out, without the bounces.
fn mail(maildir: &Maildir) -> Vec<Delivered> {
    maildir.messages().unwrap().into_iter().filter(|message| message.recipient != FRIEND).collect()
}

#[track_caller]
fn wait_for_mail(maildir: &Maildir, count: usize) {
    wait_until(&format!("{count} messages came out"), LONGEST, || mail(maildir).len() >= count);
}

/// Each of `recipients` has this message once, with one field of ours, and nobody else has it.
#[track_caller]
fn came_out_once(mail: &[Delivered], id: &str, recipients: &[&[String]]) {
    let message = message(id);
    let mark = format!("<{id}@test>");
    let mut expected: HashMap<&str, usize> =
        recipients.iter().flat_map(|kind| kind.iter()).map(|address| (address.as_str(), 0)).collect();
    for delivered in mail.iter().filter(|delivered| String::from_utf8_lossy(&delivered.bytes).contains(&mark)) {
        let added = trace::added(&delivered.bytes, &message).unwrap_or_else(|error| panic!("{id}: {error}"));
        let ours = added.iter().filter(|field| field.contains("by gw.example.test (Doorlist)")).count();
        assert_eq!((ours, delivered.sender.as_str()), (1, FRIEND), "{id}: {added:?}");
        let count = expected.get_mut(delivered.recipient.as_str());
        *count.unwrap_or_else(|| panic!("{id}: {} got it", delivered.recipient)) += 1;
    }
    let wrong: Vec<_> = expected.iter().filter(|&(_, &count)| count != 1).collect();
    assert!(wrong.is_empty(), "{id}: not once: {wrong:?}");
}

/// The bounces of this message name these recipients and none of the other ones.
#[track_caller]
fn bounces_name(maildir: &Maildir, id: &str, refused: &[String], others: &[String]) {
    let mark = format!("{id}@test");
    let bounces = || {
        let all = maildir.messages().unwrap().into_iter().filter(|message| message.recipient == FRIEND);
        let texts = all.filter(|bounce| bounce.sender.is_empty());
        let texts = texts.map(|bounce| String::from_utf8_lossy(&bounce.bytes).into_owned());
        texts.filter(|text| text.contains(&mark)).collect::<String>()
    };
    wait_until(&format!("{id} has bounced for {refused:?}"), LONGEST, || {
        let text = bounces();
        refused.iter().all(|address| text.contains(address))
    });
    let text = bounces();
    let named: Vec<&String> = others.iter().filter(|address| text.contains(*address)).collect();
    assert!(named.is_empty(), "{id}: {named:?} are in the bounce:\n{text}");
}
