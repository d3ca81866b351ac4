//! The server's own messages: `tracing` events of our crates, on stderr, in the shape of the mail log (`log.format`).
//! Commands print through `output` instead.

use doorlist_gateway::journal::{FieldValue, JournalFormat, Line, LineRenderer, Process};
use std::fmt::{self, Write as _};
use std::io::{Write as _, stderr};
use tracing::field::Visit;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// The targets of our crates begin with it. What libraries say is left out.
const OURS: &str = "doorlist";

/// Writes events to stderr from here on. A second call in the same process has no effect.
pub(crate) fn start(format: JournalFormat, renderer: LineRenderer) {
    let _ = tracing::subscriber::set_global_default(subscriber(LogLineLayer { format, renderer, write: to_stderr }));
}

/// A reader that is gone is no fault of the server.
fn to_stderr(line: &[u8]) {
    let _ = stderr().write_all(line);
}

fn subscriber(messages: LogLineLayer<impl Fn(&[u8]) + Send + Sync + 'static>) -> impl Subscriber + Send + Sync {
    let ours = Targets::new().with_target(OURS, LevelFilter::INFO);
    tracing_subscriber::registry().with(messages.with_filter(ours))
}

/// Renders each event as one line, in which hidden characters are escaped.
struct LogLineLayer<W> {
    format: JournalFormat,
    renderer: LineRenderer,
    write: W,
}

impl<S: Subscriber, W: Fn(&[u8]) + 'static> Layer<S> for LogLineLayer<W> {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let level = word(*event.metadata().level());
        let mut text = EventText(String::new());
        if self.format == JournalFormat::Text && level != INFO {
            text.0 = format!("{level}: ");
        }
        event.record(&mut text);
        let line = Line {
            process: Process::Master,
            queue: None,
            event: &text.0,
            fields: &[("level", FieldValue::JsonOnly(level))],
        };
        (self.write)(&self.renderer.line(&line));
    }
}

const INFO: &str = "info";

/// As Postfix writes it.
fn word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        _ => INFO,
    }
}

/// The message, then the other fields as `name=value`.
struct EventText(String);

impl Visit for EventText {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::sync::{Arc, Mutex};

    fn written(format: JournalFormat, say: impl FnOnce()) -> String {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        let write = move |line: &[u8]| kept.lock().unwrap().extend_from_slice(line);
        let messages = LogLineLayer { format, renderer: LineRenderer::new(format, "gw.test", "doorlist"), write };
        tracing::subscriber::with_default(subscriber(messages), say);
        String::from_utf8(lines.lock().unwrap().clone()).unwrap()
    }

    fn say() {
        tracing::warn!("the audit cannot be written: {}", "a\nb\u{202e}\u{1b}[31m");
        tracing::info!(number = 7, "ended");
        tracing::debug!("not for the operator");
        tracing::error!(target: "sqlx::query", "not ours");
    }

    #[test]
    fn messages_have_the_shape_of_the_mail_log_and_hide_nothing() {
        let text = written(JournalFormat::Text, say);
        let pid = std::process::id();
        let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
        let escaped = r"warning: the audit cannot be written: a\nb\u{202e}\u{1b}[31m";
        assert_eq!(
            lines,
            [
                format!("gw.test doorlist/master[{pid}]: {escaped}"),
                format!("gw.test doorlist/master[{pid}]: ended number=7")
            ]
        );
    }

    #[test]
    fn as_json_they_have_the_fields_of_the_mail_log() {
        let json = written(JournalFormat::Json, say);
        let objects: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 2, "{json}");
        assert!(json.is_ascii() && !json.contains('\u{1b}'), "{json}");
        let of_first = ["host", "process", "level", "event"].map(|name| objects[0][name].as_str().unwrap());
        assert_eq!(of_first, ["gw.test", "master", "warning", "the audit cannot be written: a\nb\u{202e}\u{1b}[31m"]);
        assert_eq!(objects[1]["level"], "info");
        assert!(objects[0]["time"].is_string() && objects[0]["pid"].is_number());
    }
}
