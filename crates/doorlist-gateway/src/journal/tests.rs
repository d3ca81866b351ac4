//! The two shapes, escaping, and the bound.
#![allow(clippy::unwrap_used)]

use super::*;
use doorlist_core::queue_id::QueueId;
use std::sync::Mutex;
use std::time::Duration;

/// A file that the test can read.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn written(format: JournalFormat, lines: &[Line<'_>]) -> String {
    let paper = Paper::default();
    let journal = Journal::start(LineRenderer::new(format, "gw.test", "doorlist"), Box::new(paper.clone())).unwrap();
    lines.iter().for_each(|line| journal.write(line));
    journal.flush();
    let text = paper.0.lock().unwrap().clone();
    String::from_utf8(text).unwrap()
}

/// Without time and pid.
fn plain(text: &str) -> String {
    text.lines()
        .map(|l| l.split_once("gw.test ").unwrap().1.replace(&format!("[{}]", std::process::id()), "[PID]") + "\n")
        .collect()
}

#[test]
fn lines_have_the_shape_that_log_readers_know() {
    let id = Some(QueueId::from_u64(1 << 60));
    let sent = Line {
        process: Process::Smtp,
        queue: id,
        event: "",
        fields: &[
            ("to", FieldValue::Path("ann@example.test")),
            ("relay", FieldValue::Str("mail.example.test[192.0.2.1]:25")),
            ("delay", FieldValue::Secs(Duration::from_millis(1234))),
            ("dsn", FieldValue::Str("2.0.0")),
            ("status", FieldValue::Status("sent", "250 2.0.0 Ok: queued")),
        ],
    };
    let reject = Line {
        process: Process::Smtpd,
        queue: None,
        event: "NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 550 5.1.1 <x@example.test>: unknown;",
        fields: &[
            ("from", FieldValue::Path("")),
            ("helo", FieldValue::Path("a\r\nb\u{202e}")),
            ("reason", FieldValue::JsonOnly("unlisted")),
        ],
    };
    assert_eq!(
        plain(&written(JournalFormat::Text, &[sent, reject])),
        "doorlist/smtp[PID]: 1000000000000: to=<ann@example.test>, relay=mail.example.test[192.0.2.1]:25, delay=1.23, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued)\n\
         doorlist/smtpd[PID]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 550 5.1.1 <x@example.test>: unknown; from=<> helo=<a\\r\\nb\\u{202e}>\n"
    );
    let json = written(JournalFormat::Json, &[sent, reject]);
    let objects: Vec<serde_json::Value> = json.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(objects[0]["status"], "sent");
    assert_eq!(objects[0]["reply"], "250 2.0.0 Ok: queued");
    assert_eq!(objects[1]["reason"], "unlisted");
    assert_eq!(objects[1]["helo"], "a\r\nb\u{202e}");
    assert!(!json.contains('\u{202e}'), "hidden characters are escapes in JSON, too");
}

#[test]
fn what_does_not_fit_is_dropped_and_counted() {
    struct Stuck(std::sync::mpsc::Receiver<()>);
    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (release, held) = std::sync::mpsc::channel();
    let journal =
        Journal::start(LineRenderer::new(JournalFormat::Text, "gw.test", "doorlist"), Box::new(Stuck(held))).unwrap();
    let long = "x".repeat(1024 * 1024);
    let line = Line { process: Process::Master, queue: None, event: &long, fields: &[] };
    for _ in 0..40 {
        journal.write(&line);
    }
    assert!(journal.dropped() >= 8, "{}", journal.dropped());
    drop(release);
    journal.flush();
}
