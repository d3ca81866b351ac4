//! Each mail server keeps what it takes, knows whom it has, puts off whom it is told to; those with a smart host keep what
//! that does not take, and the small ones give it what they are given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use doorlist_testbed::chasquid::Chasquid;
use doorlist_testbed::dma::Dma;
use doorlist_testbed::exim::Exim;
use doorlist_testbed::mail_server::{NextHop, QueueingSender};
use doorlist_testbed::maildir::Setup;
use doorlist_testbed::nullmailer::Nullmailer;
use doorlist_testbed::opensmtpd::OpenSmtpd;
use doorlist_testbed::postfix::{FRESH, Postfix};
use doorlist_testbed::python::{self, Aiosmtpd, Envelope};
use doorlist_testbed::sendmail::Sendmail;
use doorlist_testbed::smtp_tools::msmtp;
use doorlist_testbed::trace;

const LONGEST: Duration = Duration::from_secs(30);
/// With the fields that servers add to a message without them.
const MESSAGE: &[u8] =
    b"From: <a@src.example.test>\r\nTo: many@example.test\r\nDate: Mon, 30 Nov 2026 10:00:00 +0000\r\n\
    Message-ID: <1@src.example.test>\r\nSubject: dots\r\n\r\n.\r\n..dots\r\nFrom here\r\n\xc3\xbc\r\nend \r\n\r\n";
const ANN: &str = "ann@example.test";
const BOB: &str = "bob@example.test";
const KNOWN: Setup<'static> =
    Setup { domains: &["example.test"], known: Some(&[ANN, BOB]), settings: "", smarthost: None };

fn send(address: SocketAddr, recipient: &str) -> String {
    let envelope = Envelope { sender: "a@src.example.test", recipients: &[recipient], options: &["BODY=8BITMIME"] };
    python::send(address, envelope, &[MESSAGE]).unwrap().remove(0)
}

fn is_a_next_hop(server: &dyn NextHop) {
    assert!(send(server.address(), ANN).starts_with("250 "));
    let delivered = server.maildir().wait_for(1, LONGEST).unwrap().remove(0);
    assert_eq!((delivered.sender.as_str(), delivered.recipient.as_str()), ("a@src.example.test", ANN));
    trace::added(&delivered.bytes, MESSAGE).unwrap();
    let refused = send(server.address(), "carl@example.test");
    assert!(refused.starts_with('5'), "{refused}");
    server.defer(&[BOB]).unwrap();
    let deferred = eventually(|| send(server.address(), BOB), |answer| answer.starts_with('4'));
    assert!(deferred.starts_with('4'), "{deferred}");
    server.defer(&[]).unwrap();
    let taken = eventually(|| send(server.address(), BOB), |answer| answer.starts_with("250 "));
    assert!(taken.starts_with("250 "), "{taken}");
}

/// A server that has been told something may need a moment.
fn eventually<T>(mut look: impl FnMut() -> T, holds: impl Fn(&T) -> bool) -> T {
    let end = Instant::now() + LONGEST;
    loop {
        let seen = look();
        if holds(&seen) || Instant::now() > end {
            return seen;
        }
        thread::sleep(Duration::from_millis(500));
    }
}

/// `start` gives a server whose smart host is the one in its setup.
fn queues<S: QueueingSender>(start: impl Fn(&Setup<'_>) -> S) {
    let next = Postfix::start(&Setup { settings: FRESH, ..KNOWN }).unwrap();
    next.defer(&[BOB]).unwrap();
    let answer = eventually(|| send(next.address(), BOB), |answer| answer.starts_with('4'));
    assert!(answer.starts_with('4'), "{answer}");
    let sender = start(&Setup { domains: &[], smarthost: Some(next.address()), ..Setup::default() });
    let envelope = Envelope { sender: "a@src.example.test", recipients: &[ANN, BOB], options: &["BODY=8BITMIME"] };
    let answer = python::send(sender.address(), envelope, &[MESSAGE]).unwrap().remove(0);
    assert!(answer.starts_with("250 "), "{answer}");
    let delivered = next.maildir().wait_for(1, LONGEST).unwrap().remove(0);
    assert_eq!(delivered.recipient, ANN);
    trace::added(&delivered.bytes, MESSAGE).unwrap();
    let waiting = eventually(|| sender.waiting().unwrap(), |waiting| waiting == &[BOB]);
    assert_eq!(waiting, [BOB]);
    next.defer(&[]).unwrap();
    let taken = eventually(|| send(next.address(), BOB), |answer| answer.starts_with("250 "));
    assert!(taken.starts_with("250 "), "{taken}");
    // A connection that is still open leads to a process that has read the old table.
    let retried = || {
        sender.retry().unwrap();
        sender.waiting().unwrap()
    };
    let waiting = eventually(retried, Vec::is_empty);
    assert!(waiting.is_empty(), "{waiting:?}");
    // One of them is the one that was sent a moment ago.
    assert_eq!(next.maildir().wait_for(3, LONGEST).unwrap().len(), 3);
}

#[test]
fn postfix_is_a_next_hop() {
    is_a_next_hop(&Postfix::start(&Setup { settings: FRESH, ..KNOWN }).unwrap());
}

#[test]
fn exim_is_a_next_hop_and_queues() {
    is_a_next_hop(&Exim::start(&KNOWN).unwrap());
    queues(|setup| Exim::start(setup).unwrap());
}

#[test]
fn opensmtpd_is_a_next_hop_and_queues() {
    is_a_next_hop(&OpenSmtpd::start(&KNOWN).unwrap());
    queues(|setup| OpenSmtpd::start(setup).unwrap());
}

#[test]
fn sendmail_is_a_next_hop_and_queues() {
    is_a_next_hop(&Sendmail::start(&KNOWN).unwrap());
    queues(|setup| Sendmail::start(setup).unwrap());
}

#[test]
fn chasquid_is_a_next_hop() {
    is_a_next_hop(&Chasquid::start(&KNOWN).unwrap());
}

#[test]
fn programs_that_only_send_bring_every_byte() {
    let next = Aiosmtpd::start().unwrap();
    let text: Vec<u8> = MESSAGE.iter().copied().filter(|&byte| byte != b'\r').collect();
    let sender = "a@src.example.test";
    let nullmailer = Nullmailer::start(next.address()).unwrap();
    nullmailer.send(sender, &[ANN.to_owned()], &text).unwrap();
    let dma = Dma::new(next.address()).unwrap();
    dma.send(sender, &[ANN.to_owned(), BOB.to_owned()], &text).unwrap();
    assert_eq!(msmtp(next.address(), sender, &[ANN, BOB], &text).unwrap().code, 0);
    for delivered in next.maildir().wait_for(5, LONGEST).unwrap() {
        trace::added(&delivered.bytes, MESSAGE).unwrap();
    }
    let waiting = || (nullmailer.waiting().unwrap(), dma.waiting().unwrap());
    assert_eq!(eventually(waiting, |waiting| *waiting == (0, 0)), (0, 0));
}
