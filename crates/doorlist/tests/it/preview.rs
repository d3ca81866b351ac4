//! Before a list is enforced: mail to who is listed, who exists, who is guessed, who gets spam, and who is undecided. The
//! preview names exactly those whom enforcing then refuses, when the same mail is played again.

use crate::client::{Client, wait_until};
use crate::name_server::authenticating;
use crate::server::{Server, Settings};
use crate::sink::{Manners, Sink};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
const LISTED: &str = "listed@example.test";
const REAL: &str = "real@example.test";
const TAGGED: &str = "real2+tag@example.test";
const SPAMMED: &str = "spammed@example.test";
const UNDECIDED: &str = "undecided@example.test";
const ABSENT: &str = "absent@example.test";
const GUESSES: [&str; 3] = ["guess1@example.test", "guess2@example.test", "guess3@example.test"];
/// The test message of spam filters (GTUBE).
const SPAM: &str = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

fn friend() -> Ipv4Addr {
    Ipv4Addr::LOCALHOST
}

fn guesser() -> Ipv4Addr {
    Ipv4Addr::new(127, 6, 6, 6)
}

/// The code that a recipient gets; with a text it gets a message, too, if it is accepted.
fn play(server: &Server, from: Ipv4Addr, recipient: &str, text: Option<&str>) -> u16 {
    let mut client = Client::connect_from(from.into(), server.smtp());
    client.hello();
    client.ask("MAIL FROM:<friend@sender.example.test>", "250");
    client.send(format!("RCPT TO:<{recipient}>\r\n"));
    let code = client.reply().expect("an answer")[..3].parse().unwrap();
    if let (250, Some(text)) = (code, text) {
        client.ask("DATA", "354");
        client.send(format!("From: <friend@sender.example.test>\r\nMessage-ID: <{recipient}>\r\n\r\n{text}\r\n.\r\n"));
        assert!(client.reply().expect("an answer").starts_with("250"));
    }
    code
}

/// All mail of the test, once more: what each recipient is answered.
fn play_again(server: &Server) -> BTreeMap<&'static str, u16> {
    let mails = [LISTED, REAL, TAGGED, SPAMMED, UNDECIDED, ABSENT].map(|recipient| (friend(), recipient));
    let guesses = GUESSES.map(|recipient| (guesser(), recipient));
    let all = mails.into_iter().chain(guesses);
    all.map(|(from, recipient)| (recipient, play(server, from, recipient, None))).collect()
}

fn json(server: &Server, words: &[&str]) -> Vec<serde_json::Value> {
    server.done(words).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_preview_names_exactly_those_whom_enforcing_refuses() {
    let known = [LISTED, REAL, TAGGED, SPAMMED].map(str::to_owned).to_vec();
    let knowing = Manners { known: Some(known), ..Manners::default() };
    let sink = Sink::with(knowing.clone());
    let mut server = Server::with(authenticating(Settings::default()));
    server.done(&["domain", "add", "example.test", "--server", &sink.address().to_string()]);
    // Nothing is added by itself: who is missing shall be shown.
    server.done(&["domain", "mode", "example.test", "monitor"]);
    server.done(&["account", "add", LISTED]);

    for (recipient, text) in [(LISTED, "hello"), (REAL, "hello"), (TAGGED, "hello"), (SPAMMED, SPAM)] {
        assert_eq!(play(&server, friend(), recipient, Some(text)), 250, "{recipient}");
    }
    sink.wait_for(4);
    let route = || server.done(&["domain", "show", "example.test"]);
    wait_until("the server is trusted", PATIENCE, || route().contains("trusted: "));
    for guess in GUESSES {
        assert_eq!(play(&server, guesser(), guess, None), 450, "{guess}");
    }
    assert_eq!(play(&server, friend(), ABSENT, None), 450);
    sink.behave(Manners { recipient: Some("451 4.3.0 no".to_owned()), ..Manners::default() });
    assert_eq!(play(&server, friend(), UNDECIDED, None), 451);

    let previewed = || json(&server, &["domain", "preview", "example.test", "--json"]);
    wait_until("deliveries are noted", PATIENCE, || previewed()[0]["looks_real"] == 2);
    let lines = previewed();
    let counts = ["looks_real", "undecided", "spam_only", "guessing", "refused_anyway", "unnamed"];
    let counts = counts.map(|group| lines[0][group].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 1, 3, 1, 0], "{lines:?}");
    let named: BTreeSet<(&str, &str)> =
        lines[1..].iter().map(|line| (line["group"].as_str().unwrap(), line["address"].as_str().unwrap())).collect();
    assert_eq!(named, [("looks_real", TAGGED), ("looks_real", REAL), ("undecided", UNDECIDED)].into());
    let text = server.done(&["domain", "preview", "example.test"]);
    for part in [
        "  looks real     2 recipients",
        "  guessing       3 recipients",
        "real@example.test: looks real: 1 message delivered (1 clean), asked for 1 time, last 20",
        "from sender.example.test",
        "  doorlist account add real2@example.test",
        "  doorlist alias add ACCOUNT@example.test real\n",
        "undecided@example.test: undecided: asked for 1 time",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let complete = server.done(&["domain", "completeness", "example.test"]);
    let sentence =
        "33.3 % of the clean mail of the last 14 days went to listed addresses; 2 addresses explain the rest";
    assert!(complete.contains(sentence), "{complete}");

    let refused = server.command(&["domain", "mode", "example.test", "enforce", "--now"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    for part in ["  real@example.test: looks real: ", "2 recipients of example.test", "--confirm example.test"] {
        assert!(refused.talk.contains(part), "{part}: {refused:?}");
    }
    server.done(&["domain", "mode", "example.test", "enforce", "--now", "--confirm", "example.test"]);
    let answers = play_again(&server);
    let refused: BTreeSet<_> = answers.iter().filter(|(_, code)| **code == 550).map(|(name, _)| *name).collect();
    let expected = [REAL, TAGGED, SPAMMED, UNDECIDED, ABSENT].into_iter().chain(GUESSES).collect();
    assert_eq!(refused, expected, "those of the groups, and nobody else: {answers:?}");
    assert_eq!(answers[LISTED], 250);

    // Put on the list by the commands that the preview shows, nobody real is missed any more; a restart forgets nothing.
    server.done(&["account", "add", REAL, "real2@example.test"]);
    server.stop();
    server.run();
    let lines = json(&server, &["domain", "preview", "example.test", "--json"]);
    assert_eq!(lines[0]["looks_real"], 0, "{lines:?}");
    let complete = json(&server, &["domain", "completeness", "example.test", "--json"]);
    assert_eq!((&complete[0]["clean"], &complete[0]["listed"]), (&3.into(), &3.into()), "{complete:?}");
    assert_eq!(server.metric("doorlist_mail_log_entries_dropped_total"), 0.0);
}
