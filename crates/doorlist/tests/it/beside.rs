//! Commands beside a running server, as root and as the service's user; what a reload changes; the same on PostgreSQL.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use doorlist_testbed::postgres::Cluster;
use doorlist_testbed::process;
use nix::sys::signal::Signal;
use nix::unistd::User;

use crate::client::{Client, wait_until};
use crate::server::{DOORLIST, Server, Settings};
use crate::sink::Sink;

const ANN: &str = "ann@example.test";

/// Whom the files and folders below belong to, each user once.
fn owners(folder: &Path) -> Vec<u32> {
    let mut owners = vec![folder.metadata().unwrap().uid()];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => owners.extend(self::owners(&path)),
            Ok(metadata) => owners.push(metadata.uid()),
            // A file of the store that went meanwhile.
            Err(_) => {}
        }
    }
    owners.sort_unstable();
    owners.dedup();
    owners
}

fn is_listed(server: &Server, address: &str) -> bool {
    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<friend@sender.example.test>", "250 ");
    client.wants(&format!("RCPT TO:<{address}>\r\n"), "250 ")
}

#[test]
fn commands_work_beside_a_server_for_root_and_for_its_own_user_and_for_nobody_else() {
    let account = |name: &str| User::from_name(name).unwrap().expect("an account of Debian's");
    let (service, stranger) = (account("nobody"), account("daemon"));
    let mut server = Server::with(Settings::default().set("state.user", &service.name));
    // Where every account may run it.
    let program = server.folder().path().join("doorlist");
    std::fs::copy(DOORLIST, &program).unwrap();
    let as_user = |server: &Server, user: &User, words: &[&str]| {
        server.command_of(process::as_user(&program, Some(user)), words, b"")
    };
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    let printed = as_user(&server, &service, &["account", "add", "bob@example.test"]);
    assert_eq!(printed.code, 0, "{printed:?}");
    assert!(is_listed(&server, "bob@example.test"));
    let printed = as_user(&server, &stranger, &["account", "add", "eve@example.test"]);
    assert_ne!(printed.code, 0, "{printed:?}");
    assert!(printed.talk.contains(&service.name), "it says who may: {printed:?}");
    assert!(!is_listed(&server, "eve@example.test"));
    let changes = server.done(&["changes", "list", "--json"]);
    assert!(changes.contains("root") && changes.contains(&service.name), "{changes}");
    let uid = service.uid.as_raw();
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process().pid())).unwrap();
    assert!(status.contains(&format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n")), "{status}");
    assert_eq!(owners(&server.state()), [uid]);

    // Without a server the command opens the store itself, as the owner of the folder.
    server.stop();
    server.done(&["account", "add", "carl@example.test"]);
    let printed = as_user(&server, &service, &["account", "add", "dora@example.test"]);
    assert_eq!(printed.code, 0, "{printed:?}");
    assert_ne!(as_user(&server, &stranger, &["domain", "list"]).code, 0);
    assert_eq!(owners(&server.state()), [uid]);
    server.run();
    for name in ["ann", "bob", "carl", "dora"] {
        assert!(is_listed(&server, &format!("{name}@example.test")), "{name}");
    }
}

/// The size that EHLO offers.
fn size_offered(server: &Server) -> String {
    let mut client = Client::connect(server.smtp());
    client.expect("220 ");
    client.send("EHLO client.example.test\r\n");
    loop {
        let line = client.line().expect("an extension");
        if let Some(size) = line.strip_prefix("250-SIZE ") {
            return size.to_owned();
        }
    }
}

#[test]
fn sighup_reads_the_configuration_again_and_keeps_what_it_had_if_that_is_wrong() {
    let mut server = Server::stopped(Settings::default());
    let write = |server: &Server, text: &str| server.folder().write("doorlist.toml", text).unwrap();
    let file = write(&server, "[smtp]\nmessage_max = \"1 MiB\"\n");
    server.configure(&file);
    server.run();
    assert_eq!(size_offered(&server), "1048576");
    let mut old = Client::greeted(server.smtp());
    write(&server, "[smtp]\nmessage_max = \"2 MiB\"\n");
    server.process().signal(Signal::SIGHUP).unwrap();
    wait_until("the new size is offered", Duration::from_secs(20), || size_offered(&server) == "2097152");
    old.ask("MAIL FROM:<friend@sender.example.test> SIZE=1500000", "552 5.3.4");
    write(&server, "[smtp]\nmesage_max = \"3 MiB\"\n");
    server.process().signal(Signal::SIGHUP).unwrap();
    server.wait_for_log(&["did you mean smtp.message_max"]);
    assert_eq!(size_offered(&server), "2097152");
}

#[test]
fn sighup_reads_the_certificate_again_and_keeps_the_old_one_if_that_is_wrong() {
    let mut server = Server::start();
    let other = Server::start();
    let tls = |server: &Server, name: &str| server.state().join("tls").join(name);
    let shakes_hands = |server: &Server, certificate: &Path| {
        let mut client = Client::greeted(server.smtp());
        client.ask("STARTTLS", "220 ");
        client.try_start_tls(certificate).is_ok()
    };
    let theirs = tls(&other, "cert.pem");
    assert!(shakes_hands(&server, &tls(&server, "cert.pem")));
    assert!(!shakes_hands(&server, &theirs), "another server's certificate is trusted");
    for name in ["cert.pem", "key.pem"] {
        std::fs::copy(tls(&other, name), tls(&server, name)).unwrap();
    }
    server.process().signal(Signal::SIGHUP).unwrap();
    wait_until("the new certificate is shown", Duration::from_secs(20), || shakes_hands(&server, &theirs));
    std::fs::write(tls(&server, "cert.pem"), "no certificate").unwrap();
    server.process().signal(Signal::SIGHUP).unwrap();
    server.wait_for_log(&["cert.pem"]);
    assert!(shakes_hands(&server, &theirs));
}

#[test]
fn serve_on_postgresql_tells_the_same_story() {
    let mut cluster = Cluster::start().unwrap();
    let mut server = Server::with(Settings::default().set("store.url", cluster.url("story").unwrap()));
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann", "bob"]);
    server.done(&["alias", "add", ANN, "annie"]);
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail("annie@example.test", "Message-ID: <first@test>\r\n\r\ntext").starts_with("250 2.0.0"));
    assert_eq!(sink.wait_for(1)[0].recipients, ["<annie@example.test>"]);
    server.done(&["account", "remove", "bob@example.test"]);
    server.done(&["domain", "hold", "example.test"]);
    let large = "Sixty octets of text, so that a line looks like a line of mail.\r\n".repeat(20_000);
    assert!(client.mail(ANN, &format!("Message-ID: <large@test>\r\n\r\n{large}")).starts_with("250 2.0.0"));
    // Killed and started again: the list and the queue are there.
    server.kill();
    server.run();
    assert!(is_listed(&server, "annie+x@example.test") && !is_listed(&server, "bob@example.test"));
    assert_eq!(server.queue().len(), 1);
    server.done(&["domain", "release", "example.test"]);
    let taken = sink.wait_for(2);
    assert!(taken[1].text().ends_with(&format!("Message-ID: <large@test>\r\n\r\n{large}\r\n")));
    wait_until("the queue is empty", Duration::from_secs(20), || server.queue().is_empty());
    let log = server.done(&["log", "--to", ANN, "--json"]);
    assert!(log.contains("large@test"), "{log}");

    // Without its database it lives, refuses no recipient for good, and recovers.
    cluster.stop().unwrap();
    wait_until("mail is deferred", Duration::from_secs(30), || {
        let mut client = Client::greeted(server.smtp());
        if client.wants("MAIL FROM:<friend@sender.example.test>\r\n", "451 4.3.0") {
            return true;
        }
        client.ask(&format!("RCPT TO:<{ANN}>"), "250 ");
        client.ask("RCPT TO:<nobody@example.test>", "550 5.1.1");
        client.ask("DATA", "354 ");
        client.send("Message-ID: <away@test>\r\n\r\n.\r\n");
        client.expect("451 4.3.0");
        false
    });
    assert_eq!(server.page("/healthz").0, 200);
    cluster.start_again().unwrap();
    wait_until("mail is accepted again", Duration::from_secs(30), || {
        let mut client = Client::greeted(server.smtp());
        client.wants("MAIL FROM:<friend@sender.example.test>\r\n", "250 2.1.0")
    });
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <back@test>\r\n\r\n").starts_with("250 2.0.0"));
    wait_until("it comes out", Duration::from_secs(30), || sink.taken().iter().any(|taken| taken.id() == "back@test"));
}
