//! One event in both formats. Untrusted text is escaped here, for all writers.

use doorlist_core::queue_id::QueueId;
use doorlist_core::visible::visible;
use std::io::Write;
use std::time::Duration;

/// The part of Doorlist that logs, with the name of the Postfix daemon that does the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    Smtpd,
    /// Headers of accepted mail.
    Cleanup,
    /// Queue events, as Postfix's qmgr logs them.
    Qmgr,
    Smtp,
    Bounce,
    /// Questions to domains' own servers, as Postfix's verify.
    Verify,
    Master,
}

impl Process {
    fn word(self) -> &'static str {
        match self {
            Process::Smtpd => "smtpd",
            Process::Cleanup => "cleanup",
            Process::Qmgr => "qmgr",
            Process::Smtp => "smtp",
            Process::Bounce => "bounce",
            Process::Verify => "verify",
            Process::Master => "master",
        }
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub enum FieldValue<'a> {
    Str(&'a str),
    /// A mail path: in angle brackets in text.
    Path(&'a str),
    /// A count or size.
    Num(u64),
    /// A time in seconds.
    Secs(Duration),
    /// A status word with the reply that explains it: `sent (250 2.0.0 Ok)`; in JSON the reply is a field of its own.
    Status(&'a str, &'a str),
    /// Shown in JSON only: in text the event says it already.
    JsonOnly(&'a str),
}

/// One line of the log.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub process: Process,
    /// The queue id of the message.
    pub queue: Option<QueueId>,
    /// Text before the fields, which are then separated by spaces; without it they are separated by commas, as in
    /// Postfix.
    pub event: &'a str,
    pub fields: &'a [(&'a str, FieldValue<'a>)],
}

impl<'a> Line<'a> {
    /// What happened to a message, by its fields alone.
    pub fn of(process: Process, id: QueueId, fields: &'a [(&'a str, FieldValue<'a>)]) -> Self {
        Self { process, queue: Some(id), event: "", fields }
    }
}

/// Writes `stamp host program/smtpd[pid]: QUEUEID: event field=value ...`; `before` is ` host program/`, `behind` is
/// `[pid]: `. Both are rendered in advance, because a harvest causes hundreds of thousands of lines per second.
pub(super) fn text(line: &Line<'_>, stamp: &str, before: &str, behind: &str, out: &mut Vec<u8>) {
    for part in [stamp, before, line.process.word(), behind] {
        out.extend_from_slice(part.as_bytes());
    }
    if let Some(id) = line.queue {
        let _ = write!(out, "{id}: ");
    }
    escape(line.event, out);
    let joint: &[u8] = if line.event.is_empty() { b", " } else { b" " };
    let mut first = line.event.is_empty();
    for (name, value) in line.fields {
        if matches!(value, FieldValue::JsonOnly(_)) {
            continue;
        }
        if !first {
            out.extend_from_slice(joint);
        }
        first = false;
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        text_value(value, out);
    }
    out.push(b'\n');
}

fn text_value(value: &FieldValue<'_>, out: &mut Vec<u8>) {
    match value {
        FieldValue::Str(text) => escape(text, out),
        FieldValue::Path(path) => {
            out.push(b'<');
            escape(path, out);
            out.push(b'>');
        }
        FieldValue::Num(number) => drop(write!(out, "{number}")),
        FieldValue::Secs(time) => drop(write!(out, "{:.2}", time.as_secs_f64())),
        FieldValue::Status(word, reply) => {
            out.extend_from_slice(word.as_bytes());
            out.extend_from_slice(b" (");
            escape(reply, out);
            out.push(b')');
        }
        FieldValue::JsonOnly(_) => {}
    }
}

/// Escapes text so that one event cannot look like two or like another one.
fn escape(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(visible(text).as_bytes());
}

/// Writes one JSON object per line, with the same names.
pub(super) fn json(line: &Line<'_>, stamp: &str, host: &str, pid: u32, out: &mut Vec<u8>) {
    let mut object = serde_json::Map::new();
    let mut put = |name: &str, value: serde_json::Value| drop(object.insert(name.to_owned(), value));
    put("time", stamp.into());
    put("host", host.into());
    put("process", line.process.word().into());
    put("pid", pid.into());
    if let Some(id) = line.queue {
        put("queue_id", id.to_string().into());
    }
    if !line.event.is_empty() {
        put("event", line.event.trim_end_matches(';').into());
    }
    for (name, value) in line.fields {
        match value {
            FieldValue::Str(text) | FieldValue::Path(text) | FieldValue::JsonOnly(text) => put(name, (*text).into()),
            FieldValue::Num(number) => put(name, (*number).into()),
            FieldValue::Secs(time) => put(name, time.as_secs_f64().into()),
            FieldValue::Status(word, reply) => {
                put(name, (*word).into());
                put("reply", (*reply).into());
            }
        }
    }
    let _ = doorlist_store::json::to_writer(&mut *out, &object);
    out.push(b'\n');
}
