//! S33 with servers behind us that do relay for us: a Postfix with its defaults, an Exim with its percent hack on. What
//! stands behind a separator or a system address must not lead through them.

use std::net::SocketAddr;
use std::time::Duration;

use doorlist_testbed::exim::Exim;
use doorlist_testbed::maildir::Setup;
use doorlist_testbed::postfix::Postfix;

use crate::client::{Client, wait_until};
use crate::server::{Server, Settings};
use crate::sink::Sink;

const ON_POSTFIX: &str = "postfix.example.test";
const ON_EXIM: &str = "exim.example.test";
const LONGEST: Duration = Duration::from_secs(60);

/// `kate` is listed, and `+` parts her from what follows.
const HOSTILE: [&str; 30] = [
    "kate+%evil.test",
    "kate+x%evil.test",
    "kate+x%evil.test%other.test",
    "KATE+X%EVIL.TEST",
    "kate+%",
    "kate%evil.test+x",
    "kate-x%evil.test",
    "kate+!x",
    "kate+x!y",
    "evil.test!kate",
    "evil.test!kate+x",
    "evil.test!victim%other.test+x",
    "\"kate+x@evil.test\"",
    "\"kate+x\\@evil.test\"",
    "\"kate+x\\%evil.test\"",
    "\"kate+@evil.test\"",
    "\"kate+ @evil.test\"",
    "\"kate+x\\!y\"",
    "postmaster+%evil.test",
    "postmaster+x%evil.test",
    "postmaster+!x",
    "\"postmaster+x@evil.test\"",
    "abuse+%evil.test",
    "postmaster%evil.test",
    "kate+x\u{ff05}evil.test",
    "kate+x\u{ff20}evil.test",
    "kate+\u{ff01}x",
    "kate+x\u{fe6a}evil.test",
    "kate+x\u{fe6b}evil.test",
    "\"kate+x\u{ff20}evil.test\"",
];

/// Says a whole transaction; the answer to the message.
fn deliver(server: SocketAddr, recipient: &str, id: &str) -> String {
    let mut client = Client::greeted(server);
    client.ask("MAIL FROM:<friend@sender.example.test>", "250");
    client.ask(&format!("RCPT TO:<{recipient}>"), "250");
    client.ask("DATA", "354 ");
    client.ask(&format!("Message-ID: <{id}>\r\n\r\nHello\r\n."), "250")
}

#[test]
fn s33_no_sub_address_relays_through_the_server_behind_us() {
    let elsewhere = Sink::start();
    let relaying = Setup { smarthost: Some(elsewhere.address()), ..Setup::default() };
    let postfix = Postfix::start(&Setup { domains: &[ON_POSTFIX], ..relaying }).unwrap();
    let percent_hack = format!("percent_hack_domains = {ON_EXIM}");
    let exim = Exim::start(&Setup { domains: &[ON_EXIM], settings: &percent_hack, ..relaying }).unwrap();
    let server = Server::with(Settings::default().set("guard.enabled", "false"));
    server.protect(ON_POSTFIX, postfix.address(), &["kate"]);
    server.protect(ON_EXIM, exim.address(), &["kate"]);
    server.done(&["domain", "alias", "add", ON_POSTFIX, "alias.example.test"]);

    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<friend@sender.example.test> SMTPUTF8", "250 ");
    for domain in [ON_POSTFIX, ON_EXIM, "alias.example.test"] {
        for local in HOSTILE {
            client.ask(&format!("RCPT TO:<{local}@{domain}>"), "550 5.7.1 ");
        }
    }
    client.ask("DATA", "554 5.5.1");
    for domain in [ON_POSTFIX, ON_EXIM] {
        deliver(server.smtp(), &format!("kate+news@{domain}"), "honest@test");
    }
    for maildir in [postfix.maildir(), exim.maildir()] {
        let delivered = maildir.wait_for(1, LONGEST).unwrap();
        assert!(delivered[0].recipient.starts_with("kate+news@"), "{delivered:?}");
    }
    wait_until("the queue is empty", LONGEST, || server.queue().is_empty());
    wait_until("Postfix has nothing left", LONGEST, || postfix.queued().unwrap() == 0);
    wait_until("Exim has nothing left", LONGEST, || exim.queued().unwrap() == 0);
    assert_eq!(elsewhere.connections(), 0, "{:?}", elsewhere.taken());

    // They would have relayed: said to them directly, it comes out elsewhere, and these two are all that ever does.
    deliver(postfix.address(), &format!("kate+x%evil.test@{ON_POSTFIX}"), "direct@postfix");
    deliver(exim.address(), &format!("kate+x%evil.test@{ON_EXIM}"), "direct@exim");
    let mut relayed: Vec<(String, Vec<String>)> =
        elsewhere.wait_for(2).into_iter().map(|taken| (taken.id(), taken.recipients)).collect();
    relayed.sort();
    let victim = || vec!["<kate+x@evil.test>".to_owned()];
    assert_eq!(relayed, [("direct@exim".to_owned(), victim()), ("direct@postfix".to_owned(), victim())]);
    assert_eq!((postfix.maildir().count().unwrap(), exim.maildir().count().unwrap()), (1, 1));
}
