//! The server's life: start, readiness, reload, end, and the lock.

use super::run::{PATIENCE, Place, Server, Smtp, http, within};
use nix::sys::signal::Signal;
use std::os::unix::fs::PermissionsExt;

#[test]
fn it_works_without_any_file_and_says_where() {
    let place = Place::new();
    let server = Server::start(&place);
    assert!(Smtp::connect(server.address("SMTP")).reply().starts_with("220 gw.example.test"));
    assert!(http(server.address("web"), "/healthz").starts_with("HTTP/1.1 200"));
    assert!(http(server.address("web"), "/readyz").starts_with("HTTP/1.1 200"));
    let metrics = http(server.address("metrics"), "/metrics");
    let names = ["doorlist_build_info{version=\"", "doorlist_list_addresses 0", "doorlist_queue_messages 0"];
    assert!(names.iter().all(|name| metrics.contains(name)), "{metrics}");
    // Who does not ask for OpenMetrics gets the older text.
    assert!(metrics.contains("text/plain; version=0.0.4") && !metrics.contains("# EOF"), "{metrics}");
    assert!(!metrics.contains("doorlist_doorlist"), "{metrics}");
    within(PATIENCE, "the store is measured", || {
        http(server.address("metrics"), "/metrics").contains("doorlist_plans_waiting 0\n")
    });

    let mode = |name: &str| std::fs::metadata(place.state().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("lock"), mode("control.sock")), (0o700, 0o600, 0o660));
    assert_eq!(mode("tls/key.pem"), 0o600);
    assert!(server.end().success());
    assert!(!place.state().join("control.sock").exists());
}

#[test]
fn one_server_has_a_state_folder() {
    let place = Place::new();
    let server = Server::start(&place);
    let second = place.run("serve");
    assert_eq!(second.code, 69, "{second:?}");
    assert!(second.err.contains(&format!("a server (pid {}) already uses", server.pid())), "{second:?}");
    assert!(http(server.address("web"), "/readyz").starts_with("HTTP/1.1 200"), "the first goes on");
}

#[test]
fn a_killed_server_leaves_nothing_in_the_way() {
    let place = Place::new();
    let mut server = Server::start(&place);
    place.done("domain add example.test --server 127.0.0.1:1");
    server.signal(Signal::SIGKILL);
    server.wait();
    assert!(place.state().join("control.sock").exists(), "a dead socket lies there");
    assert!(place.done("domain list").starts_with("example.test"));
    let again = Server::start(&place);
    assert!(place.done("domain list").starts_with("example.test"));
    assert!(again.end().success());
}

#[test]
fn a_hangup_reads_the_settings_again_and_a_mistake_changes_nothing() {
    let place = Place::new();
    let text = |name: &str| format!("smtp.postmaster = \"{name}@example.test\"\nsmtp.recipients_max = 2\n");
    let file = place.file("doorlist.toml", &text("ops"));
    let mut server = Server::start_with(&place, &["--config", file.to_str().unwrap()]);
    let smtp = server.address("SMTP");

    place.file("doorlist.toml", "smtp.sizemax = 1\n");
    server.signal(Signal::SIGHUP);
    server.wait_for("unknown setting smtp.sizemax");
    server.wait_for("keeps its current configuration");
    assert!(Smtp::connect(smtp).reply().starts_with("220 "));

    place.file("doorlist.toml", "smtp.message_max = \"1 MiB\"\nlog.format = \"json\"\n");
    server.signal(Signal::SIGHUP);
    server.wait_for("reloaded");
    server.wait_for("need a restart: log.format");
    let mut session = Smtp::connect(smtp);
    session.reply();
    assert!(session.say("EHLO client.example.test").contains("SIZE 1048576"));
}

#[test]
fn the_end_waits_for_a_message_under_way_and_turns_others_away() {
    let place = Place::new();
    let server = Server::start(&place);
    place.done("domain add example.test --server 127.0.0.1:1");
    place.done("account add alice@example.test");
    let mut under_way = Smtp::greeted(server.address("SMTP"));
    under_way.say("RCPT TO:<alice@example.test>");
    assert!(under_way.say("DATA").starts_with("354"));
    let mut idle = Smtp::greeted(server.address("SMTP"));

    server.signal(Signal::SIGTERM);
    assert!(idle.reply().starts_with("421"));
    assert!(under_way.say("Subject: x\r\n\r\nx\r\n.").starts_with("250 2.0.0"));
    let mut server = server;
    assert!(server.wait().success());
    assert_eq!(place.done("queue list").lines().count(), 1, "what got its 250 is there");
}

#[test]
fn a_taken_port_is_told() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for setting in ["smtp.listen", "web.listen", "metrics.listen"] {
        let ran = place.run(&format!("serve --set {setting}={address}"));
        assert_eq!(ran.code, 69, "{ran:?}");
        assert!(ran.err.contains(&address.to_string()), "{setting}: {ran:?}");
    }
    within(PATIENCE, "and the folder is free again", || place.run("domain list").code == 0);
}
