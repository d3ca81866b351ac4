//! Each peer takes one mail, or passes one on: what the other tests build on stands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use doorlist_testbed::exim::Exim;
use doorlist_testbed::haproxy::{Haproxy, ProxyProtocol};
use doorlist_testbed::maildir::{Maildir, Setup};
use doorlist_testbed::postfix::Postfix;
use doorlist_testbed::python::{self, Aiosmtpd, Envelope};
use doorlist_testbed::smtp_tools::{Load, SmtpSink, swaks};
use doorlist_testbed::trace;

const LONGEST: Duration = Duration::from_secs(30);
/// What servers like to touch: headers with addresses, Bcc, Return-Path, a long line, 8-bit, a dot alone, a lone CR.
const MESSAGE: &[u8] = b"Return-Path: <old@example.test>\r\nReceived: from a\r\n\tby b\r\nBcc: c@example.test\r\n\
    From: Anna <anna>\r\nTo: undisclosed\r\nSubject: caf\xc3\xa9\r\n\r\n.\r\n..dots\r\nFrom here\r\n\xff\r\n\r\n\r\n";

fn hear(address: SocketAddr) -> String {
    let mut greeting = [0; 200];
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    let length = stream.read(&mut greeting).unwrap();
    String::from_utf8_lossy(&greeting[..length]).into_owned()
}

fn send(address: SocketAddr, recipient: &str, message: &[u8]) -> String {
    let envelope = Envelope { sender: "a@src.test", recipients: &[recipient], options: &["BODY=8BITMIME"] };
    python::send(address, envelope, &[message]).unwrap().remove(0)
}

/// The message and one with a line of a million bytes come out as they went in.
fn keeps_every_byte(address: SocketAddr, maildir: &Maildir, added: usize) {
    let mut long = MESSAGE.to_vec();
    long.extend(vec![b'x'; 1_000_000]);
    long.extend(b"\r\n");
    for message in [MESSAGE, &long] {
        let reply = send(address, "anna@example.test", message);
        assert!(reply.starts_with("250 "), "{reply}");
        let delivered = maildir.wait_for(1, LONGEST).expect(&reply).remove(0);
        assert_eq!((delivered.sender.as_str(), delivered.recipient.as_str()), ("a@src.test", "anna@example.test"));
        assert_eq!(trace::added(&delivered.bytes, message).unwrap().len(), added);
        maildir.clear().unwrap();
    }
}

#[test]
fn postfix_keeps_every_byte_and_its_mail_over_a_stop() {
    let mut postfix = Postfix::start(&Setup::default()).unwrap();
    keeps_every_byte(postfix.address(), &postfix.maildir(), 4);
    send(postfix.address(), "anna@example.test", MESSAGE);
    postfix.maildir().wait_for(1, LONGEST).unwrap();
    postfix.stop().unwrap();
    assert!(TcpStream::connect(postfix.address()).is_err());
    postfix.start_again().unwrap();
    assert!(hear(postfix.address()).starts_with("220 postfix.destination.test"));
    assert_eq!(postfix.maildir().count().unwrap(), 1);
    assert!(postfix.log().unwrap().contains("status=sent"));
}

#[test]
fn postfix_refuses_whom_it_does_not_know() {
    let setup = Setup { known: Some(&["anna@example.test"]), settings: "smtpd_banner = hello", ..Setup::default() };
    let postfix = Postfix::start(&setup).unwrap();
    assert_eq!(hear(postfix.address()), "220 hello\r\n");
    assert!(send(postfix.address(), "Anna@example.test", MESSAGE).starts_with("250 2.0.0"));
    assert!(send(postfix.address(), "bob@example.test", MESSAGE).starts_with("550 5.1.1"));
    assert!(send(postfix.address(), "anna@elsewhere.test", MESSAGE).starts_with("554 5.7.1"));
}

#[test]
fn exim_keeps_every_byte_and_its_mail_over_a_stop() {
    let mut exim = Exim::start(&Setup::default()).unwrap();
    keeps_every_byte(exim.address(), &exim.maildir(), 3);
    send(exim.address(), "anna@example.test", MESSAGE);
    exim.maildir().wait_for(1, LONGEST).unwrap();
    exim.stop().unwrap();
    assert!(TcpStream::connect(exim.address()).is_err());
    exim.start_again().unwrap();
    assert_eq!(exim.maildir().count().unwrap(), 1);
    assert!(exim.log().unwrap().contains("Completed"));
}

#[test]
fn exim_refuses_whom_it_does_not_know() {
    let setup = Setup { known: Some(&["anna@example.test"]), settings: "smtp_banner = hello", ..Setup::default() };
    let exim = Exim::start(&setup).unwrap();
    assert_eq!(hear(exim.address()), "220 hello\r\n");
    assert!(send(exim.address(), "Anna@example.test", MESSAGE).starts_with("250 "));
    assert!(send(exim.address(), "bob@example.test", MESSAGE).starts_with("550 5.1.1"));
    assert!(send(exim.address(), "anna@elsewhere.test", MESSAGE).starts_with("550 "));
}

#[test]
fn aiosmtpd_keeps_every_byte() {
    let server = Aiosmtpd::start().unwrap();
    keeps_every_byte(server.address(), &server.maildir(), 2);
}

#[test]
fn haproxy_names_the_client() {
    for (version, start) in
        [(ProxyProtocol::V1, &b"PROXY TCP4 127.0.0.1 "[..]), (ProxyProtocol::V2, b"\r\n\r\n\0\r\nQUIT\n")]
    {
        let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let haproxy = Haproxy::start(server.local_addr().unwrap(), version).unwrap();
        let said = thread::spawn(move || {
            loop {
                let mut said = Vec::new();
                let end = server.accept().unwrap().0.read_to_end(&mut said);
                // The connection of the look whether HAProxy is up carries nothing more, and may be reset.
                if end.is_ok() && said.ends_with(b"EHLO me\r\n") {
                    return said;
                }
            }
        });
        TcpStream::connect(haproxy.address()).unwrap().write_all(b"EHLO me\r\n").unwrap();
        assert!(said.join().unwrap().starts_with(start));
    }
}

#[test]
fn smtp_source_fills_smtp_sink_and_a_refusal_is_an_error() {
    let load = Load {
        sessions: 2,
        messages: 10,
        length: 2000,
        sender: "a@src.test",
        recipient: "b@example.test",
        options: &[],
    };
    load.send(SmtpSink::start(&[]).unwrap().address()).unwrap();
    assert!(load.send(SmtpSink::start(&["-f", "rcpt"]).unwrap().address()).is_err());
}

#[test]
fn swaks_tells_what_was_said() {
    let server = Aiosmtpd::start().unwrap();
    let options = ["--from", "a@src.test", "--to", "b@example.test"];
    let dialogue = swaks(server.address(), &options).unwrap();
    assert_eq!(dialogue.code, 0, "{}", dialogue.transcript);
    assert!(dialogue.transcript.contains("<-  250 2.0.0 Ok: kept"), "{}", dialogue.transcript);
    server.maildir().wait_for(1, LONGEST).unwrap();

    let sink = SmtpSink::start(&["-f", "rcpt"]).unwrap();
    let dialogue = swaks(sink.address(), &options).unwrap();
    assert_eq!(dialogue.code, 24, "{}", dialogue.transcript);
}

#[test]
fn a_script_of_the_tests_own_runs() {
    assert_eq!(python::run("import sys; print(sys.argv[1])", &["hello"]).unwrap(), "hello\n");
}
