//! A list that grows from the mail itself: what gets clean mail and exists is added, and nothing else, whatever happens
//! between the domain's own server and the list.

mod generated;
mod suggestions;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use doorlist_testbed::maildir::Setup;
use doorlist_testbed::postfix::Postfix;
use doorlist_testbed::postgres::Cluster;
use doorlist_testbed::rspamd::{DOUBTFUL_SUBJECT, Rspamd, SPAM_SUBJECT, VIRUS};
use serde_json::Value;

use crate::client::{Client, wait_until};
use crate::name_server::authenticating;
use crate::random::Random;
use crate::server::{Server, Settings};
use crate::sink::{Manners, Sink};

/// Longer than a look at what deliveries showed: the domain's server is asked for its controls once a minute.
const PATIENCE: Duration = Duration::from_secs(100);
/// In two parts, so that this file is none of them.
const GTUBE: [&str; 2] = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-", "STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"];
const CLEAN: &str = "From: friend@sender.example.test\r\nSubject: hello\r\n\r\nHow are you?";

/// A domain of which nothing but its mail server is known.
fn gateway(settings: Settings, destination: SocketAddr) -> Server {
    let server = Server::with(authenticating(settings));
    server.done(&["domain", "add", "example.test", "--server", &destination.to_string()]);
    server
}

fn spam() -> String {
    format!("From: friend@sender.example.test\r\nSubject: offer\r\n\r\n{}", GTUBE.concat())
}

/// The answer to a message for this recipient, or to the recipient.
fn send(server: &Server, sender: &str, local: &str, message: &str) -> String {
    let mut client = Client::greeted(server.smtp());
    client.ask(&format!("MAIL FROM:<{sender}>"), "250");
    client.send(format!("RCPT TO:<{local}@example.test>\r\n"));
    let reply = client.reply().expect("an answer");
    if !reply.starts_with("250") {
        return reply;
    }
    client.ask("DATA", "354");
    client.send(format!("{message}\r\n.\r\n"));
    client.reply().expect("an answer to the message")
}

fn friend(server: &Server, local: &str, message: &str) -> String {
    send(server, "friend@sender.example.test", local, message)
}

/// What a command lists, by the local parts of the addresses.
fn locals(server: &Server, command: &[&str], at: &str) -> BTreeSet<String> {
    let listed = server.done(&[command, &["--json"]].concat());
    let address = |line: &str| serde_json::from_str::<Value>(line).unwrap()[at].as_str().unwrap().to_owned();
    listed.lines().map(|line| address(line).split('@').next().unwrap().to_owned()).collect()
}

fn auto_added(server: &Server) -> BTreeSet<String> {
    locals(server, &["account", "list", "--domain", "example.test", "--auto-added"], "address")
}

fn candidates(server: &Server) -> BTreeSet<String> {
    locals(server, &["candidate", "list", "example.test"], "address")
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn a_list_completes_itself_from_mixed_mail() {
    let people = ["ann", "bob", "carol", "dave", "erin"].map(|name| format!("{name}@example.test"));
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let next =
        Postfix::start(&Setup { domains: &["example.test"], known: Some(&people), settings: "", smarthost: None });
    let next = next.unwrap();
    let server = gateway(Settings::default(), next.address());
    assert!(friend(&server, "ann", CLEAN).starts_with("250 2.0.0"));
    wait_until("ann is on the list", PATIENCE, || auto_added(&server) == set(["ann"]));
    let shown = server.done(&["domain", "show", "example.test"]);
    assert!(shown.contains("mode") && shown.contains("learn"), "{shown}");

    // Spam reaches who exists, and teaches nothing; so do bounces and mail that nobody vouches for.
    assert!(friend(&server, "carol", &spam()).starts_with("250 2.0.0"));
    assert!(send(&server, "", "dave", CLEAN).starts_with("250 2.0.0"));
    assert!(send(&server, "eve@elsewhere.test", "erin", CLEAN).starts_with("250 2.0.0"));
    for guess in ["sales", "info", "x7"] {
        assert!(friend(&server, guess, CLEAN).starts_with('4'), "{guess}");
    }
    for _ in 0..2 {
        assert!(friend(&server, "bob", CLEAN).starts_with("250 2.0.0"));
    }
    wait_until("all is delivered", PATIENCE, || next.maildir().messages().unwrap().len() == 6);
    wait_until("bob is on the list", PATIENCE, || auto_added(&server) == set(["ann", "bob"]));
    assert_eq!(locals(&server, &["account", "list", "--domain", "example.test"], "address"), set(["ann", "bob"]));

    let shown = server.done(&["account", "show", "ann@example.test"]);
    assert!(shown.contains("by learned since") && shown.contains("Auto-Added"), "{shown}");
    assert!(shown.contains("from sender.example.test was taken") && shown.contains("refused a random name"), "{shown}");
    let changes = server.done(&["changes", "list", "--domain", "example.test"]);
    assert!(changes.contains("learned from mail: ann@example.test"), "{changes}");

    // A person has the last word.
    server.done(&["account", "confirm", "ann@example.test"]);
    server.done(&["account", "remove", "bob@example.test"]);
    assert!(friend(&server, "bob", CLEAN).starts_with("550 5.1.1"));
    assert_eq!(auto_added(&server), set([]));
}

#[test]
fn through_a_real_scanner_only_clean_mail_teaches() {
    let people = ["ann", "bob", "carol", "dave", "erin"].map(|name| format!("{name}@example.test"));
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let next =
        Postfix::start(&Setup { domains: &["example.test"], known: Some(&people), settings: "", smarthost: None });
    let (next, mut scanner) = (next.unwrap(), Rspamd::start().unwrap());
    let settings = Settings::default()
        .set("verdict.engine", "rspamd")
        .set("verdict.rspamd_url", format!("http://{}/", scanner.address()));
    let server = Server::with(settings);
    server.done(&["domain", "add", "example.test", "--server", &next.address().to_string()]);
    let message = |subject: &str, text: &str| format!("From: a@elsewhere.test\r\nSubject: {subject}\r\n\r\n{text}");
    let from = |local: &str, message: &str| send(&server, "a@elsewhere.test", local, message);
    assert!(from("ann", &message("hello", "How are you?")).starts_with("250 2.0.0"));
    wait_until("ann is on the list", PATIENCE, || auto_added(&server) == set(["ann"]));
    assert!(from("bob", &message(SPAM_SUBJECT, "Buy")).starts_with("250 2.0.0"));
    assert!(from("carol", &message(DOUBTFUL_SUBJECT, "Well")).starts_with("250 2.0.0"));
    assert!(from("dave", &message("hello", VIRUS)).starts_with("550 5.7.1"), "a virus is refused");
    assert!(from("nobody", &message("hello", "How are you?")).starts_with('4'));
    assert!(from("erin", &message("hello", "How are you?")).starts_with("250 2.0.0"));
    wait_until("erin is, too, behind all others", PATIENCE, || auto_added(&server) == set(["ann", "erin"]));
    scanner.end_clamav().unwrap();
    assert!(from("dave", &message("hello", VIRUS)).starts_with("250 2.0.0"), "nobody looked");
    drop(scanner);
    assert!(from("dave", &message("hello", "How are you?")).starts_with("250 2.0.0"), "there is no scanner");
    wait_until("all is delivered", PATIENCE, || next.maildir().messages().unwrap().len() == 6);
    assert_eq!((auto_added(&server), candidates(&server)), (set(["ann", "erin"]), set([])));
    let tagged = next.maildir().messages().unwrap();
    let is_tagged = |text: &[u8]| String::from_utf8_lossy(text).contains("X-Spam-Flag: YES");
    assert_eq!(tagged.iter().filter(|one| is_tagged(&one.bytes)).count(), 1);
}

/// V01, V04: its answers prove nothing.
#[test]
fn a_server_that_takes_every_name_makes_candidates() {
    let next = Sink::start();
    let server = gateway(Settings::default(), next.address());
    for name in ["ann", "bob", "x7"] {
        assert!(friend(&server, name, CLEAN).starts_with("250 2.0.0"), "{name}");
    }
    next.wait_for(3);
    wait_until("they are candidates", PATIENCE, || candidates(&server) == set(["ann", "bob", "x7"]));
    wait_until("it is seen through", PATIENCE, || {
        !server.done(&["candidate", "list", "example.test"]).contains("waits to be added")
    });
    assert_eq!(auto_added(&server), set([]));

    server.done(&["candidate", "add", "ann@example.test"]);
    server.done(&["candidate", "alias", "bob@example.test", "--of", "ann@example.test"]);
    server.done(&["candidate", "refuse", "x7@example.test"]);
    let empty = server.command(&["candidate", "list", "example.test"]);
    assert!(empty.code == 0 && empty.out.is_empty() && empty.talk.contains("has no candidates"), "{empty:?}");
    let shown = server.done(&["account", "show", "ann@example.test"]);
    assert!(shown.contains("bob"), "{shown}");
    assert!(friend(&server, "x7", CLEAN).starts_with("550 5.1.1"));
}

/// Kills on SQLite, if the environment does not say `DOORLIST_CRASH_KILLS`.
const KILLS: usize = 200;
const KILLS_ON_POSTGRES: usize = 20;

/// The pause between two messages.
const PAUSE: Duration = Duration::from_millis(100);

/// What the sender heard.
#[derive(Default)]
struct Heard {
    /// Names whose message got its 250.
    accepted: Mutex<BTreeSet<String>>,
    count: AtomicUsize,
    over: AtomicBool,
}

#[test]
fn kill_9_adds_what_was_earned_and_nothing_twice_on_sqlite() {
    let kills = std::env::var("DOORLIST_CRASH_KILLS").ok().and_then(|kills| kills.parse().ok());
    survives(Settings::default(), kills.unwrap_or(KILLS));
}

#[test]
fn kill_9_adds_what_was_earned_and_nothing_twice_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    survives(Settings::default().set("store.url", cluster.url("learning").unwrap()), KILLS_ON_POSTGRES);
}

fn survives(settings: Settings, kills: usize) {
    let names: Vec<String> = (0..kills * 8).map(|number| format!("n{number}")).collect();
    let known = names.iter().map(|name| format!("{name}@example.test")).collect();
    let sink = Sink::with(Manners { known: Some(known), ..Manners::default() });
    let mut server = gateway(settings, sink.address());
    server.kill();
    let (heard, smtp) = (Heard::default(), server.smtp());
    std::thread::scope(|scope| {
        scope.spawn(|| send_to_each(&names, smtp, &heard));
        let mut random = Random::new(0xacce);
        for _ in 0..kills {
            run_and_kill(&mut server, &heard, &mut random);
        }
        heard.over.store(true, Ordering::Relaxed);
    });
    server.run();
    let accepted = heard.accepted.into_inner().unwrap();
    assert!(accepted.len() >= kills / 2, "{} messages in {kills} runs are no load", accepted.len());
    wait_until("the queue is empty", PATIENCE, || {
        server.done(&["queue", "retry", "--domain", "example.test"]);
        server.queue().is_empty()
    });
    // The sender may have missed the 250 of a message that is on the list.
    wait_until("all that earned it are on the list", PATIENCE, || auto_added(&server).is_superset(&accepted));
    let listed = auto_added(&server);
    let delivered: BTreeSet<String> = sink.taken().iter().flat_map(|taken| taken.recipients.clone()).collect();
    let delivered: BTreeSet<String> = delivered
        .iter()
        .filter_map(|path| path.split(['<', '@']).find(|part| part.starts_with('n')).map(str::to_owned))
        .collect();
    assert!(listed.is_subset(&delivered), "only who got mail: {:?}", listed.difference(&delivered));
    let log = server.done(&["changes", "list", "--domain", "example.test", "--json"]);
    let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let learned: Vec<Value> = entries.filter(|entry| entry["actor"]["via"] == "learning").collect();
    let sum = |field: &str| learned.iter().map(|entry| entry[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("added"), sum("removed")), (listed.len() as u64, 0), "each was added exactly once");
    println!("{} addresses were learned in {kills} runs, {} of them told 250", listed.len(), accepted.len());
}

/// Starts the server, waits until it has taken a message or two, and kills it a little later: on its way to the domain's
/// server, at it, or on its way to the list.
fn run_and_kill(server: &mut Server, heard: &Heard, random: &mut Random) {
    const LONGEST: Duration = Duration::from_secs(60);
    let before = heard.count.load(Ordering::Relaxed);
    let messages = random.below(3);
    let pause = Duration::from_millis(random.below(500) as u64);
    server.launch();
    let end = Instant::now() + LONGEST;
    while heard.count.load(Ordering::Relaxed) < before + messages {
        assert!(Instant::now() < end, "no mail is taken after a restart:\n{}", server.log());
        std::thread::sleep(Duration::from_millis(1));
    }
    // The moment itself is the only thing that is left to chance.
    std::thread::sleep(pause);
    server.kill();
}

/// One message for each name, from an address of its own, so that no limit of a source holds it up.
fn send_to_each(names: &[String], server: SocketAddr, heard: &Heard) {
    for (number, name) in names.iter().enumerate() {
        let source =
            Ipv4Addr::new(127, 1, u8::try_from(number / 200).unwrap(), u8::try_from(number % 200 + 1).unwrap());
        while !heard.over.load(Ordering::Relaxed) && !message(source.into(), server, name) {
            std::thread::sleep(Duration::from_millis(5));
        }
        if heard.over.load(Ordering::Relaxed) {
            return;
        }
        // So that each run has some of them.
        std::thread::sleep(PAUSE);
        heard.accepted.lock().unwrap().insert(name.clone());
        heard.count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether this message got its 250.
fn message(source: IpAddr, server: SocketAddr, name: &str) -> bool {
    let Ok(mut client) = Client::try_connect(source, server) else { return false };
    client.give_up_after(Duration::from_secs(10));
    client.reply().is_some_and(|reply| reply.starts_with("220 "))
        && client.wants("EHLO client.example.test\r\n", "250 ")
        && client.wants("MAIL FROM:<friend@sender.example.test>\r\n", "250 ")
        && client.wants(&format!("RCPT TO:<{name}@example.test>\r\n"), "250 ")
        && client.wants("DATA\r\n", "354 ")
        && client.wants(&format!("{CLEAN}\r\n.\r\n"), "250 2.0.0 ")
}
