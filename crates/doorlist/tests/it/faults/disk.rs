//! D03, D04 and D05: a disk that says it did not write, a disk that is full, and one that takes no writes any more.

use std::process::Command;
use std::time::Duration;

use doorlist_testbed::process::{Program, Running};

use crate::client::{Client, wait_until};
use crate::server::{DOORLIST, Printed, Server, Settings};
use crate::sink::Sink;

const ANN: &str = "ann@example.test";

/// Lets these system calls of this process fail, until dropped.
fn failing(server: &mut Server, calls: &str, error: &str) -> Running {
    let pid = server.process().pid().to_string();
    let log = server.folder().path().join("strace");
    let mut strace = Program::new("strace", None, log);
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:error={error}"));
    strace.command().args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject, "-p", &pid]);
    let mut strace = strace.start().unwrap();
    strace.wait_until("traces every thread", || every_thread_is_traced(&pid)).unwrap();
    strace
}

/// A server that keeps one message, and the sink that gets it once the domain is released.
fn with_a_held_message() -> (Server, Sink) {
    let server = Server::start();
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    server.done(&["domain", "hold", "example.test"]);
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <before@test>\r\n\r\n").starts_with("250 2.0.0"));
    (server, sink)
}

fn every_thread_is_traced(pid: &str) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.filter_map(Result::ok).all(|thread| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        !status.contains("TracerPid:\t0\n")
    })
}

#[test]
fn d03_a_failed_fsync_is_never_answered_with_250_and_ends_accepting() {
    let (mut server, sink) = with_a_held_message();
    let strace = failing(&mut server, "fsync,fdatasync", "EIO");
    for size in [10, 400_000] {
        let text = "x".repeat(70).repeat(size / 70 + 1);
        let mut client = Client::greeted(server.smtp());
        client.send("MAIL FROM:<friend@sender.example.test>\r\n");
        // The first failure is heard behind the message, the next ones at MAIL.
        if client.reply().is_some_and(|reply| reply.starts_with("451 4.3.0")) {
            continue;
        }
        client.ask(&format!("RCPT TO:<{ANN}>"), "250 ");
        client.ask("DATA", "354 ");
        client.send(format!("Message-ID: <lost{size}@test>\r\n\r\n{text}\r\n.\r\n"));
        client.expect("451 4.3.0");
    }
    drop(strace);
    // The disk works again, but what it had in its cache then may be gone: this process accepts no more.
    Client::greeted(server.smtp()).ask("MAIL FROM:<friend@sender.example.test>", "451 4.3.0");
    let (status, why) = server.page("/readyz");
    assert_eq!(status, 503);
    assert!(why.contains("spool"), "{why}");
    assert_eq!(server.page("/healthz").0, 200);
    server.stop();
    server.run();
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <after@test>\r\n\r\n").starts_with("250 2.0.0"));
    server.done(&["domain", "release", "example.test"]);
    let mut ids: Vec<String> = sink.wait_for(2).iter().map(|taken| taken.id()).collect();
    ids.sort();
    assert_eq!(ids[..2], ["after@test", "before@test"]);
    wait_until("the queue is empty", Duration::from_secs(20), || server.queue().is_empty());
}

/// What a file system does that was made read-only behind our back: files stay open, and no write succeeds.
#[test]
fn d05_a_disk_that_takes_no_writes_any_more_defers_mail_and_keeps_the_queue() {
    let (mut server, sink) = with_a_held_message();
    let strace = failing(&mut server, "pwrite64", "EROFS");
    let reply = Client::greeted(server.smtp()).mail(ANN, "Message-ID: <unwritten@test>\r\n\r\n");
    assert!(reply.starts_with("451 4.3.0") || reply.starts_with("452 4.3.1"), "{reply}");
    let changed = server.command(&["account", "add", "bob@example.test"]);
    assert_ne!(changed.code, 0, "{changed:?}");
    assert_eq!(server.page("/healthz").0, 200);
    assert_eq!(server.queue().len(), 1);
    drop(strace);
    server.stop();
    server.run();
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <after@test>\r\n\r\n").starts_with("250 2.0.0"));
    server.done(&["account", "add", "bob@example.test"]);
    server.done(&["domain", "release", "example.test"]);
    let mut ids: Vec<String> = sink.wait_for(2).iter().map(|taken| taken.id()).collect();
    ids.sort();
    assert_eq!(ids, ["after@test", "before@test"]);
}

/// A server whose state lies on a disk of its own, of this size, which nobody else sees.
fn on_a_small_disk(size: &str, settings: Settings) -> Server {
    let mut server = Server::stopped(settings);
    std::fs::create_dir(server.state()).unwrap();
    let mount = format!("mount -t tmpfs -o size={size},mode=700 tmpfs \"$DOORLIST__STATE__DIR\" && exec \"$@\"");
    server = server.wrapped(&["unshare", "--mount", "--propagation", "private", "sh", "-c", &mount, "sh"]);
    server.run();
    server
}

/// Runs a program where the server's disk can be seen.
fn on_its_disk(server: &mut Server, program: &str, arguments: &[&str]) -> Printed {
    let mut enter = Command::new("nsenter");
    enter.args(["--mount", "--target", &server.process().pid().to_string(), "--", program]);
    server.command_of(enter, arguments, b"")
}

#[test]
fn d04_a_disk_that_is_low_defers_new_mail_and_recovers_without_a_restart() {
    let mut server = on_a_small_disk("120m", Settings::default().set("smtp.message_max", "1 MiB"));
    let sink = Sink::start();
    let destination = sink.address().to_string();
    let commands: [&[&str]; 4] = [
        &["domain", "add", "example.test", "--server", &destination],
        &["account", "add", ANN],
        &["domain", "mode", "example.test", "enforce", "--now"],
        &["domain", "hold", "example.test"],
    ];
    for command in commands {
        let printed = on_its_disk(&mut server, DOORLIST, command);
        assert_eq!(printed.code, 0, "{command:?}: {printed:?}");
    }
    let ballast = server.state().join("ballast").to_string_lossy().into_owned();
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <before@test>\r\n\r\n").starts_with("250 2.0.0"));
    // A message has begun when the disk becomes full to the last block.
    client.begin_data(ANN);
    client.send("Message-ID: <full@test>\r\n\r\n");
    on_its_disk(&mut server, "sh", &["-c", "cat /dev/zero > \"$1\"", "sh", &ballast]);
    client.send("x".repeat(70).repeat(8_000));
    client.send("\r\n.\r\n");
    let reply = client.reply().expect("an answer");
    assert!(reply.starts_with("452 4.3.1") || reply.starts_with("451 4.3.0"), "{reply}");
    wait_until("MAIL hears of the low disk", Duration::from_secs(10), || {
        Client::greeted(server.smtp()).wants("MAIL FROM:<friend@sender.example.test>\r\n", "452 4.3.1")
    });
    assert_eq!(server.page("/readyz").0, 503);
    // A change that finds no room is not made, and does not keep later ones from being made.
    let people: Vec<String> = (0..400).map(|number| format!("no-room-{number:03}@example.test")).collect();
    let add: Vec<&str> = ["account", "add"].into_iter().chain(people.iter().map(String::as_str)).collect();
    let printed = on_its_disk(&mut server, DOORLIST, &add);
    assert_ne!(printed.code, 0, "{printed:?}");
    // What is there can be looked at, and goes out.
    let printed = on_its_disk(&mut server, DOORLIST, &["queue", "list"]);
    assert_eq!(printed.code, 0, "{printed:?}");
    on_its_disk(&mut server, "rm", &[&ballast]);
    wait_until("MAIL is accepted again", Duration::from_secs(10), || {
        Client::greeted(server.smtp()).wants("MAIL FROM:<friend@sender.example.test>\r\n", "250 2.1.0")
    });
    let mut client = Client::greeted(server.smtp());
    assert!(client.mail(ANN, "Message-ID: <after@test>\r\n\r\n").starts_with("250 2.0.0"));
    on_its_disk(&mut server, DOORLIST, &["domain", "release", "example.test"]);
    let mut ids: Vec<String> = sink.wait_for(2).iter().map(|taken| taken.id()).collect();
    ids.sort();
    assert_eq!(ids, ["after@test", "before@test"], "no part of the message that did not fit");
    let printed = on_its_disk(&mut server, DOORLIST, &add);
    assert_eq!(printed.code, 0, "{printed:?}");
    // A write that failed is told of for a second.
    wait_until("it is ready again", Duration::from_secs(10), || server.page("/readyz").0 == 200);
}
