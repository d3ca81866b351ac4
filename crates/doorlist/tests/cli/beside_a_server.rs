//! Commands beside a running server.

use super::run::{Place, Server, Smtp, within};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A change made with a command is effective in a running server by then.
const EFFECTIVE: Duration = Duration::from_secs(1);

#[test]
fn a_change_is_effective_at_once() {
    let place = Place::new();
    let server = Server::start(&place);
    let smtp = server.address("SMTP");
    // A transaction is judged by one list from its beginning to its end, so each try is a new one.
    let answers = |code: &str, rcpt: &str| {
        within(EFFECTIVE, &format!("{code} to {rcpt}"), || {
            Smtp::greeted(smtp).say(&format!("RCPT TO:<{rcpt}>")).starts_with(code)
        });
    };
    answers("550 5.7.1", "alice@example.test");
    place.done("domain add example.test --server 127.0.0.1:1");
    answers("451 4.1.1", "alice@example.test");
    place.done("account add alice@example.test");
    answers("250 2.1.5", "alice@example.test");
    place.done("account remove alice@example.test");
    answers("550 5.1.1", "alice@example.test");
    place.done("domain deactivate example.test");
    answers("550 5.1.2", "alice@example.test");
}

#[test]
fn the_configuration_of_the_running_server_is_valid() {
    let mut place = Place::new();
    let own = format!("127.0.0.1:{}", doorlist_testbed::ports::free().unwrap());
    place.set("SMTP__LISTEN", &own);
    let server = Server::start(&place);
    let ran = place.run("config check");
    let said = format!("smtp.listen: {own} is in use by the running server of this state folder");
    assert!(ran.code == 0 && ran.err.contains(&said), "{ran:?}");
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ran = place.run(&format!("config check --set web.listen={}", other.local_addr().unwrap()));
    assert!(ran.code == 69 && ran.err.contains("web.listen: cannot listen on"), "{ran:?}");
    assert!(server.end().success());
}

#[test]
fn accepted_mail_is_in_the_queue_and_in_the_log() {
    let place = Place::new();
    let server = Server::start(&place);
    place.done("domain add example.test --server 127.0.0.1:1");
    place.done("account add alice@example.test");
    place.done("domain hold example.test");
    let mut follower = place
        .command(["log", "--follow", "--action", "accepted", "--since", "1h"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut followed = BufReader::new(follower.stdout.take().unwrap()).lines();

    let mut smtp = Smtp::greeted(server.address("SMTP"));
    smtp.say("RCPT TO:<alice@example.test>");
    smtp.say("RCPT TO:<nobody@example.test>");
    smtp.say("DATA");
    let reply = smtp.say("Subject: hello\r\n\r\nhi\r\n.");
    let id = reply.trim_end().rsplit(' ').next().unwrap().to_owned();
    assert!(reply.starts_with("250 2.0.0"), "{reply}");

    let line = followed.next().unwrap().unwrap();
    assert!(line.contains(&format!("{id} accepted: from=<sender@client.example.test>, to=<alice@")), "{line}");
    follower.kill().unwrap();
    follower.wait().unwrap();

    assert!(place.done("queue list").starts_with(&id));
    assert!(place.done(&format!("queue show {id}")).contains("to        <alice@example.test>"));
    within(Duration::from_secs(5), "the refusal is in the log", || {
        place.done("log --action deferred --to <nobody@example.test>").contains("reason=undecided")
    });
    place.done(&format!("queue hold {id}"));
    assert!(place.done("queue list").contains("on hold"));
    place.done(&format!("queue release {id}"));
    assert_eq!(place.done("queue retry --domain example.test").lines().count(), 1);
    place.done(&format!("queue delete {id}"));
    within(Duration::from_secs(5), "the queue is empty", || place.done("queue list").is_empty());
    assert_eq!(place.run(&format!("queue delete {id}")).code, 3);
}

#[test]
fn many_commands_at_once_are_all_done() {
    let place = Place::new();
    let server = Server::start(&place);
    place.done("domain add example.test --server 127.0.0.1:1");
    let children: Vec<_> = (0..24)
        .map(|n| {
            let mut command = place.command(["account", "add", &format!("user{n}@example.test")]);
            command.stdout(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(place.done("account list --domain example.test").lines().count(), 24);
    assert!(server.end().success());
    assert_eq!(place.done("account list --domain example.test").lines().count(), 24, "and they are there without it");
}

#[test]
fn a_server_waits_for_the_commands_that_have_the_store_and_no_longer() {
    let place = Place::new();
    place.done("domain add example.test --server 127.0.0.1:1");
    let lock = std::fs::File::open(place.state().join("lock")).unwrap();
    lock.lock_shared().unwrap();
    let begun = Instant::now();
    let held = std::thread::spawn(move || {
        // What a command does: it keeps its share while it works.
        std::thread::sleep(Duration::from_millis(300));
        lock.unlock().unwrap();
    });
    let server = Server::start(&place);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    held.join().unwrap();
    assert!(server.end().success());
}
