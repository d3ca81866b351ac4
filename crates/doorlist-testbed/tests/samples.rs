//! What the destinations do to sample mail when nothing stands before them: the ground that tests of a relay stand on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::time::Duration;

use doorlist_testbed::exim::Exim;
use doorlist_testbed::maildir::{Maildir, Setup};
use doorlist_testbed::packages::sample_mail;
use doorlist_testbed::postfix::Postfix;
use doorlist_testbed::python::{self, Aiosmtpd, Envelope};
use doorlist_testbed::trace;

/// Samples of Python's that are no messages to a mail server: the first line is an mbox's "From " (25, 43), or no empty
/// line ends the header (19, 35). Postfix and Exim mend that.
const MENDED: &[&str] = &["msg_19.txt", "msg_25.txt", "msg_35.txt", "msg_43.txt"];
const LONGEST: Duration = Duration::from_secs(120);

/// Sends every sample and names those that did not come out byte for byte.
fn changed(address: SocketAddr, maildir: &Maildir) -> Vec<String> {
    let samples = sample_mail().unwrap();
    let sent: Vec<Vec<u8>> = samples.iter().map(|sample| sample.as_sent()).collect();
    let envelope = Envelope { sender: "a@src.test", recipients: &["b@example.test"], options: &[] };
    let replies = python::send(address, envelope, &sent).unwrap();
    assert!(replies.len() == sent.len() && replies.iter().all(|reply| reply.starts_with("250 ")), "{replies:#?}");
    let delivered = maildir.wait_for(sent.len(), LONGEST).unwrap();
    let came_out = |message: &[u8]| delivered.iter().any(|out| trace::added(&out.bytes, message).is_ok());
    let lost = samples.iter().zip(&sent).filter(|(_, message)| !came_out(message));
    lost.map(|(sample, _)| sample.name.clone()).collect()
}

#[test]
fn postfix_and_exim_keep_every_message() {
    let postfix = Postfix::start(&Setup::default()).unwrap();
    assert_eq!(changed(postfix.address(), &postfix.maildir()), MENDED);
    let exim = Exim::start(&Setup::default()).unwrap();
    assert_eq!(changed(exim.address(), &exim.maildir()), MENDED);
}

#[test]
fn aiosmtpd_keeps_everything() {
    let server = Aiosmtpd::start().unwrap();
    assert_eq!(changed(server.address(), &server.maildir()), [""; 0]);
}
