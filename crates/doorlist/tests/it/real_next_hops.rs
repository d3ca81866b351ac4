//! The mail servers that Debian has as next hops: one message to a hundred recipients, one of whom the next hop does not
//! know, and one whom it takes only later. Nobody is lost, nobody gets it twice.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use doorlist_testbed::chasquid::Chasquid;
use doorlist_testbed::exim::Exim;
use doorlist_testbed::mail_server::NextHop;
use doorlist_testbed::maildir::{Delivered, Setup};
use doorlist_testbed::opensmtpd::OpenSmtpd;
use doorlist_testbed::postfix::{FRESH, Postfix};
use doorlist_testbed::python::{self, Envelope};
use doorlist_testbed::sendmail::Sendmail;
use doorlist_testbed::trace;

use crate::client::wait_until;
use crate::server::Server;

/// As many as one transaction may have.
const RECIPIENTS: usize = 100;
/// On our list, but unknown to the next hop.
const UNKNOWN: usize = 42;
/// Taken only at a later try.
const LATE: usize = 77;
const LONGEST: Duration = Duration::from_secs(90);

/// A next hop with its domain.
struct Hop {
    domain: &'static str,
    /// It puts off a whole message, not one recipient.
    defers_all: bool,
    server: Box<dyn NextHop + Send + Sync>,
}

impl Hop {
    fn recipient(&self, number: usize) -> String {
        format!("r{number:02}@{}", self.domain)
    }

    fn recipients(&self) -> Vec<String> {
        (0..RECIPIENTS).map(|number| self.recipient(number)).collect()
    }
}

/// Starts a server for `domain` that knows all recipients but one.
fn hop<S: NextHop + Send + Sync + 'static>(domain: &'static str, start: impl Fn(&Setup<'_>) -> S) -> Hop {
    let known: Vec<String> =
        (0..RECIPIENTS).filter(|&number| number != UNKNOWN).map(|number| format!("r{number:02}@{domain}")).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let server = start(&Setup { domains: &[domain], known: Some(&known), ..Setup::default() });
    Hop { domain, defers_all: false, server: Box::new(server) }
}

fn hops() -> Vec<Hop> {
    let chasquid = hop("chasquid.example.test", |setup| Chasquid::start(setup).unwrap());
    vec![
        hop("postfix.example.test", |setup| Postfix::start(&Setup { settings: FRESH, ..*setup }).unwrap()),
        hop("exim.example.test", |setup| Exim::start(setup).unwrap()),
        hop("opensmtpd.example.test", |setup| OpenSmtpd::start(setup).unwrap()),
        hop("sendmail.example.test", |setup| Sendmail::start(setup).unwrap()),
        Hop { defers_all: true, ..chasquid },
    ]
}

fn message(domain: &str) -> Vec<u8> {
    let long = "z".repeat(980);
    format!(
        "From: <friend@sender.example.test>\r\nTo: many@{domain}\r\nDate: Mon, 30 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <{domain}@test>\r\nSubject: many\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         grüße aus Köln 日本\r\n.\r\n..x\r\nFrom here\r\n{long}\r\nend  \r\n\r\n"
    )
    .into_bytes()
}

/// Each of these has the message once, unchanged.
#[track_caller]
fn came_out_once(hop: &Hop, delivered: &[Delivered], without: &[usize]) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for message in delivered {
        trace::added(&message.bytes, &self::message(hop.domain)).unwrap();
        *counts.entry(&message.recipient).or_default() += 1;
    }
    for number in 0..RECIPIENTS {
        let expected = usize::from(!without.contains(&number));
        let got = counts.remove(hop.recipient(number).as_str()).unwrap_or(0);
        assert_eq!(got, expected, "copies for {}", hop.recipient(number));
    }
    assert!(counts.is_empty(), "{counts:?}");
}

/// How the first try ends: all that can be taken is there, the rest is known to us as it is.
fn after_the_first_try(server: &Server, hop: &Hop) {
    let expected = if hop.defers_all { 0 } else { RECIPIENTS - 2 };
    let delivered = hop.server.maildir().wait_for(expected, LONGEST).unwrap();
    if hop.defers_all {
        assert!(delivered.is_empty());
    } else {
        came_out_once(hop, &delivered, &[UNKNOWN, LATE]);
    }
    let line = |number: usize, status: &str| {
        let (to, status) = (format!("to=<{}>", hop.recipient(number)), format!("status={status}"));
        wait_until(&format!("{to} {status}"), LONGEST, || {
            server.log().lines().any(|line| line.contains(&to) && line.contains(&status))
        });
    };
    line(LATE, "deferred");
    line(UNKNOWN, "bounced");
}

#[test]
fn a_message_for_a_hundred_reaches_each_once_at_every_next_hop() {
    let server = Server::start();
    let hops = hops();
    for hop in &hops {
        hop.server.defer(&[&hop.recipient(LATE)]).unwrap();
        let recipients = hop.recipients();
        let names: Vec<&str> = recipients.iter().filter_map(|address| address.split('@').next()).collect();
        server.protect(hop.domain, hop.server.address(), &names);
    }
    for hop in &hops {
        let recipients = hop.recipients();
        let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
        let sender = "friend@sender.example.test";
        let envelope = Envelope { sender, recipients: &recipients, options: &["BODY=8BITMIME"] };
        let answer = python::send(server.smtp(), envelope, &[message(hop.domain)]).unwrap().remove(0);
        assert!(answer.starts_with("250 2.0.0"), "{answer}");
    }
    hops.iter().for_each(|hop| after_the_first_try(&server, hop));

    for hop in &hops {
        hop.server.defer(&[]).unwrap();
    }
    for hop in &hops {
        // A connection that is kept may lead to a process of the next hop that has not heard of it.
        wait_until(&format!("{} has taken the late one", hop.domain), LONGEST, || {
            server.done(&["queue", "retry", "--domain", hop.domain]);
            thread::sleep(Duration::from_millis(500));
            hop.server.maildir().count().unwrap() >= RECIPIENTS - 1
        });
    }
    for hop in &hops {
        came_out_once(hop, &hop.server.maildir().messages().unwrap(), &[UNKNOWN]);
    }
}
