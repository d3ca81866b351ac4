//! D13: yesterday's list with today's queue, and the reverse. A backup here is a copy of files while the server is stopped.

use std::path::Path;

use crate::client::Client;
use crate::server::Server;
use crate::sink::Sink;

const ANN: &str = "ann@example.test";

/// Puts files whose names begin so from one folder in place of those of another.
fn put_back(from: &Path, into: &Path, begin: &str) {
    let named = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(begin);
    for entry in std::fs::read_dir(into).unwrap().map(Result::unwrap).filter(named) {
        match entry.file_type().unwrap().is_dir() {
            true => std::fs::remove_dir_all(entry.path()).unwrap(),
            false => std::fs::remove_file(entry.path()).unwrap(),
        }
    }
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap).filter(named) {
        copy(&entry.path(), &into.join(entry.file_name()));
    }
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        // A socket is not copied.
        if entry.file_type().unwrap().is_file() || entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    }
}

/// A server with one message of yesterday in its queue, stopped, and a copy of its state.
fn yesterday() -> (Server, Sink, tempfile::TempDir) {
    let mut server = Server::start();
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    server.done(&["domain", "hold", "example.test"]);
    assert!(Client::greeted(server.smtp()).mail(ANN, "Message-ID: <yesterday@test>\r\n\r\n").starts_with("250 2.0.0"));
    server.stop();
    let backup = tempfile::tempdir().unwrap();
    copy(&server.state(), &backup.path().join("state"));
    server.run();
    server.done(&["account", "add", "bob@example.test"]);
    let mail = Client::greeted(server.smtp()).mail("bob@example.test", "Message-ID: <today@test>\r\n\r\n");
    assert!(mail.starts_with("250 2.0.0"), "{mail}");
    (server, sink, backup)
}

#[test]
fn d13_yesterdays_list_with_todays_queue_loses_no_mail() {
    let (mut server, sink, backup) = yesterday();
    server.stop();
    put_back(&backup.path().join("state"), &server.state(), "directory.db");
    server.run();
    // Bob is not known any more, but what was accepted for him is delivered.
    assert_eq!(server.command(&["check", "bob@example.test"]).code, 3);
    server.done(&["domain", "release", "example.test"]);
    let mut ids: Vec<String> = sink.wait_for(2).iter().map(|taken| taken.id()).collect();
    ids.sort();
    assert_eq!(ids, ["today@test", "yesterday@test"]);
    // And the list goes on from there.
    server.done(&["account", "add", "bob@example.test"]);
    assert_eq!(server.command(&["check", "bob@example.test"]).code, 0);
}

#[test]
fn d13_yesterdays_queue_with_todays_list_delivers_what_it_has() {
    let (mut server, sink, backup) = yesterday();
    server.stop();
    put_back(&backup.path().join("state"), &server.state(), "spool");
    server.run();
    assert_eq!(server.command(&["check", "bob@example.test"]).code, 0, "the list is today's");
    server.done(&["domain", "release", "example.test"]);
    assert_eq!(sink.wait_for(1)[0].id(), "yesterday@test");
    assert!(Client::greeted(server.smtp()).mail(ANN, "Message-ID: <after@test>\r\n\r\n").starts_with("250 2.0.0"));
    sink.wait_for(2);
}
