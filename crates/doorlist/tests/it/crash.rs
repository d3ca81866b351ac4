//! D01: the server is killed at random moments under load, again and again. Every message that got its 250 is delivered
//! or in the queue, and every duplicate is explained by a kill just behind its delivery.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use doorlist_testbed::postgres::Cluster;

use crate::client::Client;
use crate::random::Random;
use crate::server::{Server, Settings};
use crate::sink::Sink;

/// Sessions that send at the same time.
const SENDERS: usize = 4;
/// Kills on SQLite, if the environment does not say `DOORLIST_CRASH_KILLS`.
const KILLS: usize = 200;
const KILLS_ON_POSTGRES: usize = 20;
/// A delivery is settled in the queue so soon that only a kill within this time makes it a duplicate.
const SETTLED_WITHIN: Duration = Duration::from_secs(2);

/// No server lives so long that it could be silent for this time.
const SILENCE_MAX: Duration = Duration::from_secs(35);

/// What the senders heard.
#[derive(Default)]
struct Heard {
    accepted: Mutex<HashSet<String>>,
    count: AtomicUsize,
    over: AtomicBool,
}

#[test]
fn d01_kill_9_under_load_loses_nothing_on_sqlite() {
    let kills = std::env::var("DOORLIST_CRASH_KILLS").ok().and_then(|kills| kills.parse().ok());
    survives(Server::start(), kills.unwrap_or(KILLS));
}

#[test]
fn d01_kill_9_under_load_loses_nothing_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    let server = Server::with(Settings::default().set("store.url", cluster.url("crash").unwrap()));
    survives(server, KILLS_ON_POSTGRES);
}

fn survives(mut server: Server, kills: usize) {
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    server.kill();
    let heard = Heard::default();
    let mut killed = Vec::with_capacity(kills);
    let smtp = server.smtp();
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let heard = &heard;
            scope.spawn(move || send(sender, smtp, heard));
        }
        let mut random = Random::new(0x5eed);
        for _ in 0..kills {
            killed.push(run_and_kill(&mut server, &heard, &mut random));
        }
        heard.over.store(true, Ordering::Relaxed);
    });
    server.run();
    let accepted = heard.accepted.into_inner().unwrap();
    assert!(accepted.len() >= kills, "{} messages in {kills} runs are no load", accepted.len());
    everything_is_there(&server, &sink, &accepted);
    duplicates_are_explained(&server, &sink, &killed);
}

/// Starts the server, waits until it has taken some messages (sometimes none), and kills it a little later.
fn run_and_kill(server: &mut Server, heard: &Heard, random: &mut Random) -> Instant {
    const LONGEST: Duration = Duration::from_secs(30);
    let before = heard.count.load(Ordering::Relaxed);
    let messages = random.below(40);
    let pause = Duration::from_micros(random.below(30_000) as u64);
    server.launch();
    let end = Instant::now() + LONGEST;
    while heard.count.load(Ordering::Relaxed) < before + messages {
        assert!(Instant::now() < end, "no mail is taken after a restart:\n{}", last_lines(&server.log()));
        std::thread::sleep(Duration::from_millis(1));
    }
    // The moment itself is the only thing that is left to chance.
    std::thread::sleep(pause);
    server.kill();
    Instant::now()
}

/// Sends until all is over; whatever breaks is begun anew with the next message.
fn send(sender: usize, server: SocketAddr, heard: &Heard) {
    let mut number = 0;
    while !heard.over.load(Ordering::Relaxed) {
        let Ok(mut client) = Client::try_connect(Ipv4Addr::LOCALHOST.into(), server) else {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        // A kernel does not always tell the client of a killed server that nobody is there any more.
        client.give_up_after(SILENCE_MAX);
        if !client.reply().is_some_and(|reply| reply.starts_with("220 "))
            || !client.wants("EHLO client.example.test\r\n", "250 ")
        {
            continue;
        }
        loop {
            number += 1;
            let id = format!("{sender}-{number}@crash.test");
            if !transaction(&mut client, &id, number) {
                break;
            }
            heard.accepted.lock().unwrap().insert(id);
            heard.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether this message got its 250.
fn transaction(client: &mut Client, id: &str, number: usize) -> bool {
    // Every twentieth is too large for the memory and goes through a file.
    let lines = if number.is_multiple_of(20) { 5_000 } else { 10 };
    let text = "Sixty octets of text, so that a line looks like a line of mail.\r\n".repeat(lines);
    client.wants("MAIL FROM:<friend@sender.example.test>\r\n", "250 ")
        && client.wants("RCPT TO:<ann@example.test>\r\n", "250 ")
        && client.wants("DATA\r\n", "354 ")
        && client.wants(&format!("Message-ID: <{id}>\r\nSubject: {number}\r\n\r\n{text}.\r\n"), "250 2.0.0 ")
}

/// Waits until the queue is empty, and finds every accepted message at the destination.
fn everything_is_there(server: &Server, sink: &Sink, accepted: &HashSet<String>) {
    const LONGEST: Duration = Duration::from_secs(60);
    let end = Instant::now() + LONGEST;
    loop {
        let queue = server.queue();
        if queue.is_empty() {
            break;
        }
        assert!(Instant::now() < end, "{} messages are still in the queue: {}", queue.len(), queue[0]);
        server.done(&["queue", "retry", "--domain", "example.test"]);
        std::thread::sleep(Duration::from_millis(100));
    }
    let arrived: HashSet<String> = sink.taken().iter().map(|taken| taken.id()).collect();
    let lost: Vec<&String> = accepted.difference(&arrived).collect();
    assert!(lost.is_empty(), "{} of {} accepted messages are lost: {lost:?}", lost.len(), accepted.len());
}

/// A message arrives twice only if a kill came between its arrival and the note of it in the queue.
fn duplicates_are_explained(server: &Server, sink: &Sink, killed: &[Instant]) {
    let log = server.log();
    let mut arrivals: HashMap<String, Vec<Instant>> = HashMap::new();
    for taken in sink.taken() {
        arrivals.entry(taken.id()).or_default().push(taken.at);
    }
    let mut duplicates = 0;
    for (id, times) in arrivals.iter().filter(|(_, times)| times.len() > 1) {
        for pair in times.windows(2) {
            duplicates += 1;
            let kill = killed.iter().find(|kill| pair[0] < **kill && **kill < pair[1]);
            let explained = kill.is_some_and(|kill| kill.duration_since(pair[0]) < SETTLED_WITHIN);
            assert!(explained || is_told_as_duplicate(&log, id), "{id} arrived twice, and nothing explains it");
        }
    }
    println!("{} messages arrived, {duplicates} of them again after {} kills", arrivals.len(), killed.len());
}

/// Whether the log names this very message, by its queue id, as one that its server may have got twice.
fn is_told_as_duplicate(log: &str, message_id: &str) -> bool {
    let named = log.lines().filter(|line| line.contains("message-id=") && line.contains(message_id));
    let queue_ids: Vec<&str> = named.filter_map(|line| line.split("]: ").nth(1)?.split(':').next()).collect();
    let mut told = log.lines().filter(|line| line.contains("possible duplicate"));
    told.any(|line| queue_ids.iter().any(|id| line.contains(id)))
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
