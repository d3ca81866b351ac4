//! H01 with a tool that attackers use: what smtp-user-enum gets out of a list and out of a domain's own server.

use super::FLAGGED;
use crate::server::Server;
use crate::sink::{Manners, Sink};
use doorlist_testbed::smtp_user_enum::{self, Guess};

/// New names of one source that a domain's own server is asked for within a minute.
const ASKED_MAX: usize = 10;
/// Unknown names of a session that are answered at once: whoever knows it begins a new one.
const FREE: usize = 5;
/// Unknown names of a source within an hour before it is told nothing any more.
const UNKNOWN_MAX: usize = 25;

fn ask(server: &Server, mode: &str, names: &[String]) -> Vec<Guess> {
    smtp_user_enum::ask(server.smtp(), mode, "example.test", names).unwrap()
}

fn numbered(prefix: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{prefix}{number}")).collect()
}

/// It hears the same of every name, and calls none of them existing.
fn assert_silent(server: &Server, listed: &[String]) {
    let names = [listed, &numbered("nobody", 0..4)].concat();
    for (mode, code) in [("VRFY", "252 "), ("EXPN", "502 ")] {
        let guesses = ask(server, mode, &names);
        let reply = &guesses[0].reply;
        assert!(reply.starts_with(code), "{mode}: {reply}");
        assert!(guesses.iter().all(|guess| !guess.exists && guess.reply == *reply), "{mode}: {guesses:?}");
    }
}

#[test]
fn of_an_enforced_list_it_learns_what_a_few_guesses_hit() {
    let (server, sink) = (Server::start(), Sink::start());
    let listed = numbered("user", 0..8);
    server.protect("example.test", sink.address(), &listed.iter().map(String::as_str).collect::<Vec<_>>());
    assert_silent(&server, &listed);
    let sessions = UNKNOWN_MAX / FREE;
    for session in 0..sessions {
        // In every other session one of its guesses is right.
        let mut names = numbered("guess", session * FREE..(session + 1) * FREE);
        names.splice(2..2, listed.get(session).filter(|_| session % 2 == 0).cloned());
        for Guess { name, exists, reply } in ask(&server, "RCPT", &names) {
            let code = if exists { "250 2.1.5" } else { "550 5.1.1" };
            assert!(exists == name.starts_with("user") && reply.starts_with(code), "{name}: {reply}");
        }
    }
    let names = [&listed[..], &numbered("more", 0..4)].concat();
    let guesses = ask(&server, "RCPT", &names);
    assert!(guesses.iter().all(|guess| !guess.exists && guess.reply == FLAGGED), "{guesses:?}");
    assert_eq!(server.metric("doorlist_harvest_sources_flagged"), 1.0);
    assert_silent(&server, &listed);
}

#[test]
fn of_a_server_that_is_asked_it_learns_no_more_than_is_asked_for() {
    let names = numbered("user", 0..20);
    // Every other name exists there; nobody is on the list.
    let known = names.iter().step_by(2).map(|name| format!("{name}@example.test")).collect();
    let sink = Sink::with(Manners { known: Some(known), ..Manners::default() });
    let server = Server::start();
    server.done(&["domain", "add", "example.test", "--server", &sink.address().to_string()]);
    assert_silent(&server, &names);
    let asked = || sink.asked().iter().filter(|path| path.starts_with("<user")).count();
    assert_eq!(asked(), 0, "its server is not asked by VRFY or EXPN");
    for (at, guess) in ask(&server, "RCPT", &names).iter().enumerate() {
        let is_told = at < ASKED_MAX && at % 2 == 0;
        let code = if is_told { "250 2.1.5" } else { "451 4.1.1" };
        assert!(guess.exists == is_told && guess.reply.starts_with(code), "{guess:?}");
    }
    assert_eq!(asked(), ASKED_MAX);
    assert_silent(&server, &names);
}
