//! V02, V03, V06, V07: domains' own servers that say nothing, too much, or something else than who exists. Nobody is refused
//! for what they say, nobody is taken for it, and no session waits for long.

use super::{ANN, BOB, PATIENCE, answer, gateway, knows};
use crate::client::{Client, wait_until};
use crate::harvest::source;
use crate::name_server::authenticating;
use crate::server::{Server, Settings};
use crate::sink::{Manners, Sink};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A sender waits six seconds for an answer of the domain's server; a busy machine takes longer.
const WAIT_MAX: Duration = Duration::from_secs(12);

/// What a server does at one point of the session, where others say 250.
#[derive(Clone, Copy)]
enum Rudeness {
    Says(&'static str),
    Closes,
    IsSilent,
    /// An octet at a time of a reply without end.
    Drips,
    /// Ten million octets without a line end.
    Line,
    /// A reply of 250,000 lines, the last of which says yes.
    Lines,
}

use Rudeness::{Closes, Drips, IsSilent, Line, Lines, Says};

const CASES: &[(&str, Rudeness)] = &[
    ("greeting", Says("554 5.7.1 no mail from you")),
    ("greeting", Says("421 4.3.2 too busy")),
    ("greeting", Says("hello")),
    ("greeting", Says("HTTP/1.1 400 Bad Request\r\nServer: x\r\n")),
    ("greeting", Closes),
    ("greeting", IsSilent),
    ("greeting", Drips),
    ("greeting", Line),
    ("greeting", Lines),
    ("EHLO", Closes),
    ("EHLO", Says("421 4.3.2 too busy")),
    ("EHLO", Lines),
    ("MAIL", Closes),
    ("MAIL", Says("451 4.3.0 not now")),
    ("MAIL", Says("550 5.7.1 not from there")),
    // The second reply is not one to RCPT.
    ("MAIL", Says("250 2.1.0 Ok\r\n250 2.1.5 Ok")),
    ("RCPT", Closes),
    ("RCPT", IsSilent),
    ("RCPT", Drips),
    ("RCPT", Line),
    ("RCPT", Lines),
    ("RCPT", Says("421 4.3.2 too busy")),
    ("RCPT", Says("450 4.7.1 greylisted, come again")),
    ("RCPT", Says("452 4.2.2 mailbox full")),
    ("RCPT", Says("yes")),
    ("RCPT", Says("25")),
    ("RCPT", Says("2500 Ok")),
    ("RCPT", Says("999 5.1.1 Ok")),
    ("RCPT", Says("354 go on")),
    // V03: a refusal that is about us, or about the mailbox, is none of the name.
    ("RCPT", Says("550 5.7.1 Service unavailable; client host is blocked")),
    ("RCPT", Says("550 5.7.1 User unknown to this policy")),
    ("RCPT", Says("554 5.7.1 Relay access denied")),
    ("RCPT", Says("550 5.2.1 mailbox disabled")),
    ("RCPT", Says("552 5.2.2 over quota")),
    ("RCPT", Says("503 5.5.1 need MAIL before")),
    ("RCPT", Says("550 blocked by our reputation service")),
];

/// A server that is rude at one point; its threads end with the test.
fn rude_server(at: &'static str, rudeness: Rudeness) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Whoever is treated so hangs up.
            std::thread::spawn(move || drop(stream.and_then(|stream| serve(stream, at, rudeness))));
        }
    });
    address
}

fn serve(stream: TcpStream, at: &str, rudeness: Rudeness) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    let (mut verb, mut usual) = ("greeting".to_owned(), "220 rude.example.test ESMTP");
    loop {
        if verb != at {
            writer.write_all(format!("{usual}\r\n").as_bytes())?;
        } else if !be_rude(&mut writer, rudeness)? {
            return Ok(());
        }
        let Some(line) = lines.next().transpose()? else { return Ok(()) };
        verb = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        usual = if verb == "EHLO" { "250 rude.example.test" } else { "250 2.0.0 Ok" };
    }
}

/// Whether the session goes on behind it.
fn be_rude(writer: &mut TcpStream, rudeness: Rudeness) -> std::io::Result<bool> {
    match rudeness {
        Says(text) => writer.write_all(format!("{text}\r\n").as_bytes())?,
        Closes => return Ok(false),
        IsSilent => {}
        Drips => loop {
            writer.write_all(b"2")?;
            std::thread::sleep(Duration::from_secs(1));
        },
        Line => writer.write_all(&b"a".repeat(10_000_000))?,
        Lines => {
            writer.write_all("250-and more\r\n".repeat(250_000).as_bytes())?;
            writer.write_all(b"250 Ok\r\n")?;
        }
    }
    Ok(true)
}

/// A recipient gets this answer, in a session from a source of its own, before its sender loses patience.
fn ask_in_time(server: SocketAddr, number: u32, recipient: &str, expected: &str, what: &str) {
    let mut client = Client::connect_from(source(number), server);
    client.give_up_after(WAIT_MAX);
    client.hello();
    client.ask("MAIL FROM:<friend@sender.example.test>", "250");
    let began = Instant::now();
    let reply = client.ask(&format!("RCPT TO:<{recipient}>"), "");
    assert!(reply.starts_with(expected), "{what}: {reply}");
    assert!(began.elapsed() < WAIT_MAX, "{what}: {:?}", began.elapsed());
}

#[test]
fn v02_v03_a_server_that_is_rude_decides_about_nobody() {
    let server = Server::start();
    for (number, (at, rudeness)) in CASES.iter().enumerate() {
        let (domain, address) = (format!("rude{number}.test"), rude_server(at, *rudeness));
        server.done(&["domain", "add", &domain, "--server", &address.to_string()]);
        server.done(&["account", "add", &format!("listed@{domain}")]);
    }
    let smtp = server.smtp();
    std::thread::scope(|scope| {
        for (number, (at, rudeness)) in (0_u32..).zip(CASES) {
            scope.spawn(move || {
                let what = match rudeness {
                    Says(text) => format!("{at}: {text}"),
                    _ => format!("{at}, case {number}"),
                };
                ask_in_time(smtp, number, &format!("nobody@rude{number}.test"), "451 4.1.1", &what);
                ask_in_time(smtp, number, &format!("listed@rude{number}.test"), "250 2.1.5", &what);
            });
        }
    });
    for answer in ["exists", "no_such_user"] {
        assert_eq!(server.metric(&format!("doorlist_probes_total{{answer=\"{answer}\"}}")), 0.0, "{answer}");
    }
}

#[test]
fn v07_a_server_that_refuses_one_sender_is_asked_with_another() {
    for (refused, taken) in [("<>", "<op@ops.test>"), ("<op@ops.test>", "<>")] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                std::thread::spawn(move || drop(stream.and_then(|stream| choose(stream, refused))));
            }
        });
        let server = Server::with(Settings::default().set("smtp.postmaster", "op@ops.test"));
        server.done(&["domain", "add", "example.test", "--server", &address.to_string()]);
        assert_eq!(answer(&server, ANN), "250 2.1.5", "without {refused}");
        // From then on the one that it took comes first.
        let probed = server.done(&["domain", "probe", "example.test", BOB]);
        assert!(probed.contains(&format!("FROM:{taken}")) && !probed.contains(&format!("FROM:{refused}")), "{probed}");
    }
}

/// Takes every recipient, from all senders but one.
fn choose(stream: TcpStream, refused: &str) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    writer.write_all(b"220 choosy.example.test ESMTP\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let is_refused = line.starts_with("MAIL") && line.contains(&format!("FROM:{refused}"));
        writer.write_all(if is_refused { b"550 5.7.1 not from there\r\n" } else { b"250 2.0.0 Ok\r\n" })?;
    }
    Ok(())
}

#[test]
fn v06_a_refusal_behind_a_yes_counts_against_the_unlisted_alone() {
    let bounces = Sink::start();
    let sink = Sink::with(knows(&[ANN]));
    let server = Server::with(authenticating(Settings::default().set("relay.outbound", bounces.address().to_string())));
    server.done(&["domain", "add", "example.test", "--server", &sink.address().to_string()]);
    server.done(&["account", "add", BOB]);
    assert_eq!(answer(&server, ANN), "250 2.1.5");
    // Nothing of it is taken back: who sent it hears of it.
    sink.behave(Manners { recipient: Some("550 5.1.1 User unknown".to_owned()), ..Manners::default() });
    for recipient in [ANN, BOB] {
        let mut client = Client::greeted(server.smtp());
        assert!(client.mail(recipient, "Subject: too late\r\n\r\n").starts_with("250 2.0.0"), "{recipient}");
    }
    let told: Vec<String> = bounces.wait_for(2).iter().map(|bounce| bounce.text()).collect();
    assert!(told.iter().all(|text| text.contains("Subject: too late") && text.contains("5.1.1")), "{told:?}");
    wait_until("it is not taken again", PATIENCE, || answer(&server, ANN).starts_with('4'));
    assert_eq!(answer(&server, BOB), "250 2.1.5", "a list is not changed by a refusal");
    assert!(server.done(&["account", "list", "--domain", "example.test"]).contains(BOB));
}

/// V05: where nobody has asked yet, a domain that leads to somebody else's server makes it hear of ten names a minute.
#[test]
fn v05_a_third_party_hears_of_no_more_than_a_source_may_name() {
    let victim = Sink::with(knows(&[]));
    let server = gateway(victim.address());
    for number in 0..3 {
        let names: Vec<String> = (0..5).map(|name| format!("x{number}-{name}@example.test")).collect();
        let replies =
            crate::harvest::ask(server.smtp(), source(1), &names.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(replies.iter().all(|reply| reply.starts_with("451 4.1.1")), "{replies:?}");
    }
    // A random name, which the prober may ask for besides, has no hyphen.
    assert_eq!(victim.asked().iter().filter(|path| path.contains('-')).count(), 10);
    assert!(victim.taken().is_empty(), "nobody's mail goes there");
}
