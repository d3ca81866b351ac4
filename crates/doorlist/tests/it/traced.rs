//! Every 250 behind a message follows an fsync that covers it: the server's system calls, written down by strace and
//! read in their order. That the reader finds a lie is shown with traces into which one was put.

mod trace;

use crate::client::Client;
use crate::server::Server;
use crate::sink::Sink;
use trace::Trace;

/// Messages that go into the row of the queue; every fourth goes into a file of its own.
const MESSAGES: usize = 40;
const SENDERS: usize = 4;

fn traced_run() -> String {
    let mut server = Server::start();
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    server.stop();
    let file = server.folder().path().join("trace");
    let calls = "trace=fsync,fdatasync,write,writev,pwrite64,pwritev,sendto,sendmsg";
    let mut server = server.wrapped(&[
        "strace",
        "-D",
        "-f",
        "-qq",
        "-yy",
        "-s",
        "5000",
        "-e",
        calls,
        "-e",
        "signal=none",
        "-o",
        &file.to_string_lossy(),
    ]);
    server.run();
    let smtp = server.smtp();
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            scope.spawn(move || {
                let mut client = Client::greeted(smtp);
                for number in 0..MESSAGES / SENDERS {
                    let lines = if number % 4 == 3 { 6_000 } else { 3 };
                    let text = "Sixty octets of text, so that a line looks like a line of mail.\r\n".repeat(lines);
                    let reply = client.mail("ann@example.test", &format!("Subject: {sender}-{number}\r\n\r\n{text}"));
                    assert!(reply.starts_with("250 2.0.0"), "{reply}");
                }
            });
        }
    });
    server.stop();
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn every_250_behind_a_message_follows_an_fsync_that_covers_it() {
    let text = traced_run();
    let trace = Trace::read(&text);
    let proven = trace.prove().unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(proven, MESSAGES);
    // The same trace, had the server not waited for the disk.
    let unsynced: String = text.lines().filter(|line| !trace::is_sync(line)).map(|line| format!("{line}\n")).collect();
    Trace::read(&unsynced).prove().expect_err("a trace without any fsync is no proof");
    let failed = text.replace(") = 0", ") = -1 EIO (Input/output error)");
    Trace::read(&failed).prove().expect_err("a failed fsync proves nothing");
}

#[test]
fn a_lie_in_a_trace_is_found() {
    let (row, sync, reply) = (
        r#"7 pwrite64(9</s/spool/gen-1.db-wal>, "Received: ... id 0F3K7ZQ4M8T2A;\r\n"..., 4096, 56) = 4096"#,
        "7 fdatasync(9</s/spool/gen-1.db-wal>) = 0",
        r#"8 sendto(12<TCP:[1.2.3.4:25->1.2.3.5:4660]>, "250 2.0.0 Ok: queued as 0F3K7ZQ4M8T2A\r\n", 40, 0) = 40"#,
    );
    let proves = |lines: &[&str]| Trace::read(&lines.join("\n")).prove();
    assert_eq!(proves(&[row, sync, reply]).unwrap(), 1);
    assert!(proves(&[row, reply, sync]).unwrap_err().contains("0F3K7ZQ4M8T2A"));
    assert!(proves(&[sync, row, reply]).is_err(), "an fsync before the row covers nothing");
    assert!(proves(&[sync, reply]).is_err(), "no row at all");
    let begun = "7 fdatasync(9</s/spool/gen-1.db-wal> <unfinished ...>";
    let ended = "7 <... fdatasync resumed>) = 0";
    assert_eq!(proves(&[row, begun, ended, reply]).unwrap(), 1);
    assert!(proves(&[row, begun, reply, ended]).is_err(), "the fsync had not ended");
    assert!(proves(&[begun, row, ended, reply]).is_err(), "the fsync had begun before the row");
    let other = "7 fdatasync(10</s/spool/gen-2.db-wal>) = 0";
    assert!(proves(&[row, other, reply]).is_err(), "another file");
    let body = r#"6 write(11</s/spool/bodies/3.part>, "Received: ... id 0F3K7ZQ4M8T2A;\r\n"..., 300000) = 300000"#;
    let body_sync = "6 fsync(11</s/spool/bodies/3.part>) = 0";
    assert_eq!(proves(&[body, body_sync, row, sync, reply]).unwrap(), 1);
    assert!(proves(&[body, row, sync, reply]).is_err(), "the file of the body is not on the disk");
    let bare_row = r#"7 pwrite64(9</s/spool/gen-1.db-wal>, "\0\1"..., 4096, 56) = 4096"#;
    assert_eq!(proves(&[body, body_sync, bare_row, sync, reply]).unwrap(), 1);
    assert!(proves(&[body, body_sync, reply]).is_err(), "a body without its row");
}
