//! D09 and D12: files in the state folder that others touched, and a folder that belongs to another server or version.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use doorlist_testbed::python;

use crate::client::Client;
use crate::server::{DOORLIST, Server, Settings};
use crate::sink::Sink;

const ANN: &str = "ann@example.test";

/// A stopped server whose queue holds these messages.
fn with_queued(ids: &[&str]) -> (Server, Sink) {
    let mut server = Server::start();
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    server.done(&["domain", "hold", "example.test"]);
    let mut client = Client::greeted(server.smtp());
    for id in ids {
        assert!(client.mail(ANN, &format!("Message-ID: <{id}>\r\n\r\ntext of {id}")).starts_with("250 2.0.0"));
    }
    server.stop();
    (server, sink)
}

/// The files below the folder that hold these bytes, and where.
fn holding(folder: &Path, wanted: &[u8]) -> Vec<(PathBuf, usize)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, wanted));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let at = bytes.windows(wanted.len()).position(|window| window == wanted);
            found.extend(at.map(|at| (path, at)));
        }
    }
    found
}

#[test]
fn d09_a_flipped_bit_in_one_message_stops_that_message_alone() {
    let ids = ["one@test", "flipped@test", "three@test"];
    let (mut server, sink) = with_queued(&ids);
    let places = holding(&server.state().join("spool"), b"text of flipped@test");
    assert!(!places.is_empty(), "the message is in no file of the spool");
    for (path, at) in places {
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    server.run();
    server.done(&["domain", "release", "example.test"]);
    let mut arrived: Vec<String> = sink.wait_for(2).iter().map(|taken| taken.id()).collect();
    arrived.sort();
    assert_eq!(arrived, ["one@test", "three@test"]);
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <new@test>\r\n\r\n").starts_with("250 2.0.0"));
    assert_eq!(sink.wait_for(3).len(), 3);
    server.wait_for_log(&["cannot read"]);
    assert_eq!(server.queue().len(), 1, "the damaged message is kept for a person");
}

#[test]
fn d09_foreign_files_are_set_aside_and_never_followed() {
    let (mut server, sink) = with_queued(&["mine@test"]);
    let spool = server.state().join("spool");
    let outside = server.folder().write("outside", "not ours").unwrap();
    let bodies = spool.join("bodies");
    std::fs::create_dir_all(&bodies).unwrap();
    for folder in [&spool, &bodies] {
        std::fs::write(folder.join("notes.txt"), "a foreign file").unwrap();
        std::fs::write(folder.join("gen-9999.db"), "").unwrap();
        std::fs::create_dir(folder.join("a folder")).unwrap();
        symlink(&outside, folder.join("link")).unwrap();
        symlink("/nonexistent", folder.join("dangling")).unwrap();
    }
    server.run();
    server.done(&["domain", "release", "example.test"]);
    assert_eq!(sink.wait_for(1)[0].id(), "mine@test");
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "not ours");
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <new@test>\r\n\r\n").starts_with("250 2.0.0"));
    assert_eq!(sink.wait_for(2).len(), 2);
}

#[test]
fn d12_a_second_server_on_the_same_state_is_refused() {
    let server = Server::start();
    let printed = server.command(&["serve"]);
    assert_eq!(printed.code, 69, "{printed:?}");
    assert!(printed.talk.contains("already uses"), "{printed:?}");
    // The first one does not mind, and a dead one's lock is no lock.
    Client::greeted(server.smtp());
    let mut server = server;
    server.kill();
    server.run();
    Client::greeted(server.smtp());
}

#[test]
fn d12_a_store_of_a_newer_version_is_left_alone() {
    const MAKE_NEWER: &str = "
import glob, sqlite3, sys
for path in glob.glob(sys.argv[1] + '/**/*.db', recursive=True):
    with sqlite3.connect(path) as store:
        if store.execute(\"SELECT 1 FROM sqlite_master WHERE name = 'doorlist_format'\").fetchone():
            store.execute('UPDATE doorlist_format SET format = format + 1000')
";
    let mut server = Server::start();
    server.stop();
    python::run(MAKE_NEWER, &[&server.state().to_string_lossy()]).unwrap();
    let printed = server.command(&["serve"]);
    assert_ne!(printed.code, 0, "{printed:?}");
    assert!(printed.talk.contains("newer"), "{printed:?}");
}

#[test]
fn an_unknown_setting_is_named_and_nothing_starts() {
    let server = Server::stopped(Settings::default().set("smtp.lisen", "127.0.0.1:1"));
    let printed = server.command(&["serve"]);
    assert_eq!(printed.code, 78, "{printed:?}");
    assert!(printed.talk.contains("smtp.lisen") && printed.talk.contains("smtp.listen"), "{printed:?}");
    assert!(!server.state().exists());
}

/// What a stopped server says when it is started on a state that it must refuse.
fn refusal(server: &Server) -> String {
    let refused = server.command_of(Command::new("timeout"), &["60", DOORLIST, "serve"], b"");
    assert!(![0, 124].contains(&refused.code), "it must not run: {}", refused.talk);
    refused.talk
}

#[test]
fn d08_a_list_that_is_lost_or_damaged_is_never_taken_for_an_empty_one() {
    let (mut server, sink) = with_queued(&["kept@test"]);
    let file = server.state().join("directory.db");
    // All of it into the file itself: what the log still holds would mend some of the damage.
    let checkpoint =
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall()";
    let done = Command::new("python3").args(["-c", checkpoint]).arg(&file).status().unwrap();
    assert!(done.success());
    let whole = std::fs::read(&file).unwrap();
    assert!(whole.len() > 8 * 4096, "a database of several pages");
    std::fs::remove_file(&file).unwrap();
    let told = refusal(&server);
    assert!(told.contains("directory.db is missing or empty") && told.contains("from a backup"), "{told}");
    assert!(!file.exists(), "nothing was put in its place");
    std::fs::write(&file, "").unwrap();
    assert!(refusal(&server).contains("directory.db is missing or empty"));
    // Cut off in the middle; pages overwritten; another file altogether.
    let mut garbled = whole.clone();
    garbled[4096..].fill(0xa5);
    let damaged: [&[u8]; 3] =
        [&whole[..whole.len() / 2], &garbled, b"no database at all, but long enough to be read as one"];
    for bytes in damaged {
        std::fs::write(&file, bytes).unwrap();
        let told = refusal(&server);
        assert!(told.contains("directory.db is damaged") && told.contains("from a backup"), "{told}");
        assert!(!told.contains("panicked"), "{told}");
    }
    // With the file back, everything is as it was: the list, and the mail that waited.
    std::fs::write(&file, &whole).unwrap();
    server.run();
    server.done(&["domain", "release", "example.test"]);
    assert_eq!(sink.wait_for(1)[0].id(), "kept@test");
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <new@test>\r\n\r\n").starts_with("250 2.0.0"));
}
