//! Real mail and made mail: brought by the programs that administrators use, through a list of a hundred thousand
//! addresses, to a real Postfix and a real Exim. It comes out byte for byte, but for the headers that every server on
//! the way puts on top, which no first line continues. What these two would mend by themselves (no header, no end of it) goes to aiosmtpd, which
//! mends nothing.

mod made;

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use doorlist_testbed::exim::Exim;
use doorlist_testbed::maildir::{Delivered, Setup};
use doorlist_testbed::packages;
use doorlist_testbed::postfix::Postfix;
use doorlist_testbed::process;
use doorlist_testbed::python::{self, Aiosmtpd, Envelope};
use doorlist_testbed::smtp_tools::swaks;
use doorlist_testbed::trace;

use crate::client::wait_until;
use crate::server::Server;
use made::Mail;

const ON_POSTFIX: &str = "postfix.example.test";
const ON_EXIM: &str = "exim.example.test";
const ON_AIOSMTPD: &str = "plain.example.test";
/// Addresses on the list.
const ADDRESSES: usize = 100_000;
/// Messages that the test makes, beside the large ones and the samples.
const MADE: usize = 1_000;
/// Messages of one smtplib session.
const BATCH: usize = 50;
const LARGE: usize = 20 << 20;
const LONGEST: Duration = Duration::from_secs(180);

/// A message on its way.
struct Sent {
    mailbox: String,
    domains: &'static [&'static str],
    mail: Mail,
}

/// All that was sent.
#[derive(Default)]
struct Post(Vec<Sent>);

impl Post {
    /// A mailbox of the list that nobody has used yet.
    fn next_mailbox(&self) -> String {
        format!("user{:06}", (self.0.len() * 7_919) % ADDRESSES)
    }

    /// What must come out in this domain, by mailbox.
    fn expected(&self, domain: &str) -> HashMap<&str, Vec<&Mail>> {
        let mut expected: HashMap<&str, Vec<&Mail>> = HashMap::new();
        for sent in self.0.iter().filter(|sent| sent.domains.contains(&domain)) {
            expected.entry(&sent.mailbox).or_default().push(&sent.mail);
        }
        expected
    }
}

/// Where this message can come out unchanged.
fn domains_for(mail: &Mail) -> &'static [&'static str] {
    if mail.is_orderly() { &[ON_POSTFIX, ON_EXIM] } else { &[ON_AIOSMTPD] }
}

fn list(server: &Server) {
    let names: String = (0..ADDRESSES).map(|number| format!("user{number:06}\n")).collect();
    std::fs::write(server.folder().path().join("names"), names).unwrap();
    for domain in [ON_POSTFIX, ON_EXIM, ON_AIOSMTPD] {
        let said = server.done(&["import", "names", "--domain", domain, "--apply"]);
        assert!(said.contains("100000 added"), "{said}");
        server.done(&["domain", "mode", domain, "enforce", "--now"]);
    }
}

/// By Python's smtplib, some messages a session, to all destinations that suit them.
fn by_smtplib(server: &Server, post: &mut Post, mails: Vec<Mail>) {
    let mailbox = post.next_mailbox();
    let domains = domains_for(&mails[0]);
    let recipients: Vec<String> = domains.iter().map(|domain| format!("{mailbox}@{domain}")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    let utf8 = mails.iter().any(|mail| mail.smtp_utf8);
    let envelope = match utf8 {
        true => Envelope {
            sender: "müller@sender.example.test",
            recipients: &recipients,
            options: &["SMTPUTF8", "BODY=8BITMIME"],
        },
        false => {
            Envelope { sender: "friend@sender.example.test", recipients: &recipients, options: &["BODY=8BITMIME"] }
        }
    };
    let messages: Vec<&[u8]> = mails.iter().map(|mail| mail.bytes.as_slice()).collect();
    for reply in python::send(server.smtp(), envelope, &messages).unwrap() {
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
    }
    post.0.extend(mails.into_iter().map(|mail| Sent { mailbox: mailbox.clone(), domains, mail }));
}

/// By Postfix's smtp-source, from a file, which it sends line by line.
fn by_smtp_source(server: &Server, post: &mut Post, mut mail: Mail) {
    let mailbox = post.next_mailbox();
    let domains = domains_for(&mail);
    let file = server.folder().path().join("sample");
    let text: Vec<u8> = mail.bytes.iter().copied().filter(|&byte| byte != b'\r').collect();
    std::fs::write(&file, text).unwrap();
    for domain in domains {
        let mut source = Command::new("/usr/sbin/smtp-source");
        source.args(["-m", "1", "-f", "friend@sender.example.test", "-t", &format!("{mailbox}@{domain}"), "-F"]);
        process::run(source.arg(&file).arg(format!("inet:{}", server.smtp()))).unwrap();
    }
    // It ends every message with an empty line of its own.
    mail.bytes.extend(b"\r\n");
    post.0.push(Sent { mailbox, domains, mail });
}

fn by_swaks(server: &Server, post: &mut Post, mail: Mail) {
    let mailbox = post.next_mailbox();
    let domains = domains_for(&mail);
    let to = format!("{mailbox}@{ON_POSTFIX},{mailbox}@{ON_EXIM}");
    let file = server.folder().path().join("swaks");
    // It puts a line end of its own behind what it sends.
    std::fs::write(&file, mail.bytes.strip_suffix(b"\r\n").unwrap()).unwrap();
    let data = format!("@{}", file.display());
    let dialogue =
        swaks(server.smtp(), &["--from", "friend@sender.example.test", "--to", &to, "--data", &data]).unwrap();
    assert_eq!(dialogue.code, 0, "{}", dialogue.transcript);
    post.0.push(Sent { mailbox, domains, mail });
}

/// Every message once, unchanged, with one header of ours.
fn came_out(name: &str, delivered: Vec<Delivered>, mut expected: HashMap<&str, Vec<&Mail>>) {
    for message in delivered {
        let mailbox = message.recipient.split('@').next().unwrap_or_default();
        let candidates = expected.get_mut(mailbox).unwrap_or_else(|| panic!("{name}: nobody wrote to {mailbox}"));
        let found = candidates.iter().position(|mail| trace::added(&message.bytes, &mail.as_kept()).is_ok());
        let Some(found) = found else {
            let why = candidates.first().map(|mail| trace::added(&message.bytes, &mail.as_kept()));
            panic!("{name}: {mailbox} got what nobody sent; {why:?}");
        };
        let mail = candidates.swap_remove(found);
        let ours = trace::added(&message.bytes, &mail.as_kept()).unwrap();
        let ours: Vec<&String> =
            ours.iter().filter(|header| header.contains("by gw.example.test (Doorlist)")).collect();
        assert_eq!(ours.len(), 1, "{name}: {}: {ours:?}", mail.name);
    }
    let missing: Vec<&str> = expected.values().flatten().map(|mail| mail.name.as_str()).collect();
    assert!(missing.is_empty(), "{name}: {} messages did not come out: {missing:.20?}", missing.len());
}

/// Sends all of it, each kind by the program that is good at it.
fn send(server: &Server) -> Post {
    let mut post = Post::default();
    for sample in packages::sample_mail().unwrap() {
        let mail = Mail { name: sample.name.clone(), bytes: sample.as_sent(), smtp_utf8: false };
        match mail.bytes.contains(&0) {
            true => by_smtplib(server, &mut post, vec![mail]),
            false => by_smtp_source(server, &mut post, mail),
        }
    }
    assert!(post.0.len() >= 40, "{} samples", post.0.len());
    let (orderly, disorderly): (Vec<Mail>, Vec<Mail>) = made::some(MADE).into_iter().partition(Mail::is_orderly);
    let (utf8, plain) = orderly.into_iter().partition(|mail| mail.smtp_utf8);
    for mut mails in [utf8, plain, disorderly] {
        while !mails.is_empty() {
            let rest = mails.split_off(mails.len().min(BATCH));
            by_smtplib(server, &mut post, mails);
            mails = rest;
        }
    }
    (0..10).for_each(|number| by_swaks(server, &mut post, made::simple(number)));
    (0..2).for_each(|number| by_smtplib(server, &mut post, vec![made::large(number, LARGE)]));
    post
}

#[test]
fn real_and_made_mail_comes_out_byte_for_byte_at_postfix_and_exim() {
    let setup = |domains| Setup { domains, ..Setup::default() };
    let postfix = Postfix::start(&setup(&[ON_POSTFIX])).unwrap();
    let exim = Exim::start(&setup(&[ON_EXIM])).unwrap();
    let aiosmtpd = Aiosmtpd::start().unwrap();
    let server = Server::start();
    let destinations = [
        (ON_POSTFIX, postfix.address(), postfix.maildir()),
        (ON_EXIM, exim.address(), exim.maildir()),
        (ON_AIOSMTPD, aiosmtpd.address(), aiosmtpd.maildir()),
    ];
    for (domain, address, _) in &destinations {
        server.done(&["domain", "add", domain, "--server", &address.to_string()]);
    }
    list(&server);
    let post = send(&server);
    for (domain, _, maildir) in &destinations {
        let expected = post.expected(domain);
        let count = expected.values().map(Vec::len).sum();
        came_out(domain, maildir.wait_for(count, LONGEST).unwrap(), expected);
    }
    wait_until("the queue is empty", LONGEST, || server.queue().is_empty());
}
