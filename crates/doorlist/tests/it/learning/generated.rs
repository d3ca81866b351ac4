//! Mail of which chance decides who gets what, through a real scanner to a real server of the domain's own.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use doorlist_testbed::maildir::Setup;
use doorlist_testbed::postfix::Postfix;
use doorlist_testbed::rspamd::{DOUBTFUL_SUBJECT, Rspamd, SPAM_SUBJECT, VIRUS};

use super::{PATIENCE, auto_added, candidates};
use crate::client::{Client, wait_until};
use crate::random::Random;
use crate::server::{Server, Settings};

const PEOPLE: usize = 40;
/// All names stay below what a server that proves nothing is asked for in a minute.
const ABSENT: usize = 8;
const MESSAGES: usize = 120;
const SEED: u64 = 0x1157;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Clean,
    Doubtful,
    Spam,
    Virus,
    Bounce,
}

const KINDS: [Kind; 5] = [Kind::Clean, Kind::Doubtful, Kind::Spam, Kind::Virus, Kind::Bounce];

impl Kind {
    fn sender(self) -> &'static str {
        if self == Self::Bounce { "" } else { "friend@elsewhere.test" }
    }

    fn text(self) -> String {
        let (subject, text) = match self {
            Self::Clean | Self::Bounce => ("hello", "How are you?"),
            Self::Doubtful => (DOUBTFUL_SUBJECT, "Well"),
            Self::Spam => (SPAM_SUBJECT, "Buy"),
            Self::Virus => ("hello", VIRUS),
        };
        format!("From: friend@elsewhere.test\r\nSubject: {subject}\r\n\r\n{text}\r\n.\r\n")
    }
}

/// A message from an address of its own, so that no limit of a source holds it up. Whether the recipient was taken, and the
/// message.
fn play(server: &Server, number: usize, local: &str, kind: Kind) -> (bool, bool) {
    let source = Ipv4Addr::new(127, 3, 0, u8::try_from(number + 1).unwrap());
    let mut client = Client::try_connect(source.into(), server.smtp()).unwrap();
    assert!(client.reply().is_some_and(|reply| reply.starts_with("220 ")));
    client.ask("EHLO client.example.test", "250");
    client.ask(&format!("MAIL FROM:<{}>", kind.sender()), "250");
    client.send(format!("RCPT TO:<{local}@example.test>\r\n"));
    let reply = client.reply().expect("an answer");
    if !reply.starts_with("250") {
        assert!(reply.starts_with('4'), "{local}: {reply}");
        return (false, false);
    }
    client.ask("DATA", "354");
    client.send(kind.text());
    (true, client.reply().expect("an answer to the message").starts_with("250"))
}

/// The domain's own server and the gateway before it, with the first address on the list or among the candidates.
fn begin(known: Option<&[&str]>) -> (Postfix, Rspamd, Server) {
    let next = Postfix::start(&Setup { domains: &["example.test"], known, settings: "", smarthost: None }).unwrap();
    let scanner = Rspamd::start().unwrap();
    let settings = Settings::default()
        .set("verdict.engine", "rspamd")
        .set("verdict.rspamd_url", format!("http://{}/", scanner.address()));
    let server = Server::with(settings);
    server.done(&["domain", "add", "example.test", "--server", &next.address().to_string()]);
    assert_eq!(play(&server, 250, "first", Kind::Clean), (true, true));
    wait_until("what mail shows is counted", PATIENCE, || {
        !auto_added(&server).is_empty() || !candidates(&server).is_empty()
    });
    (next, scanner, server)
}

/// Local parts, by what came for them.
#[derive(Debug, Default)]
struct Played {
    clean: BTreeSet<String>,
    /// What is clean and comes from the null sender is a sign of life, and teaches nothing.
    bounces: BTreeSet<String>,
    /// Named, and not taken.
    refused: BTreeSet<String>,
}

/// Plays mail for people and for nobody, until all of it is delivered.
fn play_all(server: &Server, next: &Postfix) -> Played {
    let mut random = Random::new(SEED);
    let mut delivered = 1;
    let mut played = Played { clean: BTreeSet::from(["first".to_owned()]), ..Played::default() };
    for number in 0..MESSAGES {
        let name = random.below(PEOPLE + ABSENT);
        let local = if name < PEOPLE { format!("p{name}") } else { format!("absent{name}") };
        let kind = *random.pick(&KINDS);
        let (is_taken, is_delivered) = play(server, number, &local, kind);
        assert_eq!(is_delivered, is_taken && kind != Kind::Virus, "{kind:?} for {local}");
        delivered += usize::from(is_delivered);
        match kind {
            _ if !is_taken => played.refused.insert(local),
            Kind::Clean => played.clean.insert(local),
            Kind::Bounce => played.bounces.insert(local),
            Kind::Doubtful | Kind::Spam | Kind::Virus => false,
        };
    }
    wait_until("all is delivered", PATIENCE, || next.maildir().count().unwrap() == delivered);
    played
}

fn is_absent(local: &str) -> bool {
    local.starts_with("absent")
}

#[test]
fn who_gets_clean_mail_and_exists_is_added() {
    let people: Vec<String> = (0..PEOPLE).map(|number| format!("p{number}@example.test")).collect();
    let known: Vec<&str> = people.iter().map(String::as_str).chain(["first@example.test"]).collect();
    let (next, _scanner, server) = begin(Some(&known));
    let Played { clean, bounces, refused } = play_all(&server, &next);
    assert!(!refused.is_empty() && refused.iter().all(|local| is_absent(local)), "{refused:?}");
    assert!(clean.len() > 10 && clean.len() < PEOPLE && !clean.iter().any(|local| is_absent(local)), "{clean:?}");
    wait_until("who earned it is on the list", PATIENCE, || auto_added(&server).is_superset(&clean));
    let bounces_alone: BTreeSet<String> = bounces.difference(&clean).cloned().collect();
    assert!(!bounces_alone.is_empty());
    wait_until("others wait for a person", PATIENCE, || candidates(&server) == bounces_alone);
    assert_eq!(auto_added(&server), clean);
    assert_eq!(super::locals(&server, &["account", "list", "--domain", "example.test"], "address"), clean);
    for local in &clean {
        let shown = server.done(&["account", "show", &format!("{local}@example.test")]);
        assert!(shown.contains("Auto-Added") && shown.contains("from elsewhere.test was taken"), "{shown}");
    }
}

#[test]
fn where_everybody_is_taken_nobody_is_added() {
    let (next, _scanner, server) = begin(None);
    let Played { clean, bounces, refused } = play_all(&server, &next);
    assert!(refused.is_empty() && clean.iter().any(|local| is_absent(local)), "{refused:?} {clean:?}");
    let expected: BTreeSet<String> = clean.union(&bounces).cloned().collect();
    wait_until("who got clean mail is a candidate", PATIENCE, || candidates(&server) == expected);
    wait_until("it is seen through", PATIENCE, || {
        !server.done(&["candidate", "list", "example.test"]).contains("waits to be added")
    });
    assert_eq!((auto_added(&server), candidates(&server)), (BTreeSet::new(), expected));
}
