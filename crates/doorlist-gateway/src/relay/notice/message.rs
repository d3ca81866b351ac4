//! Writes a notice as a message (RFC 5322, RFC 2045): ASCII only and with short lines, so that every server accepts
//! it.

use doorlist_core::address::Address;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_core::visible::{is_hidden, visible};
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as Mailbox;
use mail_builder::headers::raw::Raw;

/// Maximum characters of a subject; a longer one is cut.
const SUBJECT_CHARS_MAX: usize = 200;

/// The input of a notice.
pub(super) struct Notice<'a> {
    pub(super) hostname: &'a str,
    /// The Reply-To address, if it is not the postmaster.
    pub(super) reply_to: Option<&'a Address>,
    pub(super) id: QueueId,
    pub(super) to: &'a [&'a str],
    pub(super) subject: &'a str,
    pub(super) text: &'a str,
    pub(super) now: Timestamp,
}

impl Notice<'_> {
    /// The whole message with CRLF line ends, and its Message-ID.
    pub(super) fn message(&self) -> (Vec<u8>, String) {
        let message_id = format!("{}@{}", self.id, self.hostname);
        // In our own name, whatever the operator's mailbox is: a foreign one would not pass its domain's DMARC policy.
        let from = format!("postmaster@{}", self.hostname);
        // An address that is not ASCII would need SMTPUTF8 of everybody's server; its owner gets the message either way.
        let shown: Vec<Mailbox<'_>> = self.to.iter().filter(|to| to.is_ascii()).map(|to| (*to).into()).collect();
        let to = match shown.is_empty() {
            true => Mailbox::new_group(Some("undisclosed-recipients"), Vec::new()),
            false => Mailbox::new_list(shown),
        };
        let mut builder = MessageBuilder::new()
            .date(self.now.as_millis() / 1_000)
            .from(("Doorlist", from.as_str()))
            .to(to)
            .subject(one_line(self.subject))
            .message_id(message_id.as_str())
            // RFC 3834 §5: nobody's machine shall answer this.
            .header("Auto-Submitted", Raw::new("auto-generated"));
        if let Some(person) =
            self.reply_to.map(ToString::to_string).filter(|person| person.is_ascii() && *person != from)
        {
            builder = builder.reply_to(person);
        }
        let mut message = Vec::new();
        builder.text_body(plain(self.text)).serialize(&mut message);
        (message, format!("<{message_id}>"))
    }
}

/// Makes a subject one line, so that it cannot start another header field.
fn one_line(subject: &str) -> String {
    let line: String = subject.chars().take(SUBJECT_CHARS_MAX).map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    line.trim().to_owned()
}

/// Normalizes line ends and escapes hidden characters.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 32 + 2);
    for line in text.trim_end().replace("\r\n", "\n").split(['\n', '\r']) {
        let parts: Vec<_> = line.split('\t').map(visible).collect();
        out.push_str(&parts.join("\t"));
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn made(to: &[&str], subject: &str, text: &str) -> String {
        let reply_to = "admin@ops.example.test".parse().unwrap();
        let id = QueueId::new(Timestamp::from_secs(1_764_000_000), 1, 7);
        let (message, message_id) = Notice {
            hostname: "gw.example.test",
            reply_to: Some(&reply_to),
            id,
            to,
            subject,
            text,
            now: Timestamp::from_secs(1_764_000_000),
        }
        .message();
        assert_eq!(message_id, format!("<{id}@gw.example.test>"));
        String::from_utf8(message).unwrap()
    }

    fn is_canonical(message: &str) {
        assert!(message.is_ascii(), "{message}");
        assert!(message.ends_with("\r\n"));
        for line in message.strip_suffix("\r\n").unwrap().split("\r\n") {
            assert!(line.len() < 998, "{} octets", line.len());
            assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        }
    }

    #[test]
    fn a_plain_notice_reads_as_it_was_written() {
        let message = made(&["ann@a.example.test", "bob@b.example.test"], "A list waits", "Look:\n\n.a dot\r\nend");
        is_canonical(&message);
        let (head, body) = message.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "Look:\r\n\r\n.a dot\r\nend\r\n");
        for line in [
            "Date: Mon, 24 Nov 2025 16:00:00 +0000",
            "From: \"Doorlist\" <postmaster@gw.example.test>",
            "Reply-To: <admin@ops.example.test>",
            "To: <ann@a.example.test>, <bob@b.example.test>",
            "Subject: A list waits",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=\"utf-8\"",
        ] {
            assert!(head.split("\r\n").any(|found| found == line), "{line} is not in\n{head}");
        }
    }

    #[test]
    fn other_letters_and_long_lines_are_encoded() {
        let long = "wort ".repeat(10_000);
        let message =
            made(&["ann@a.example.test"], "Eine Liste für Müller wartet \u{1F4EC}", &format!("Grüße\n{long}"));
        is_canonical(&message);
        assert!(message.contains("Subject: =?utf-8?"), "{message}");
        assert!(message.contains("Content-Transfer-Encoding: "), "{message}");
        is_canonical(&made(&["ann@a.example.test"], &"x".repeat(5_000), &"y".repeat(5_000)));
    }

    #[test]
    fn nothing_that_is_told_becomes_a_header_field() {
        let message =
            made(&["ann@a.example.test"], "one\r\nBcc: <eve@evil.example.test>\n\0\x1b[31m", "a\0b\x1b[31mc\rd");
        is_canonical(&message);
        assert!(!message.contains("\nBcc:") && message.contains("Subject: one"), "{message}");
        assert!(message.ends_with("\r\n\r\na\\u{0}b\\u{1b}[31mc\r\nd\r\n"), "{message:?}");
        is_canonical(&made(&["ann@a.example.test"], "", ""));
    }

    #[test]
    fn addresses_that_need_smtputf8_are_not_shown_to_the_others() {
        let message = made(&["ann@a.example.test", "jürgen@b.example.test"], "s", "t");
        is_canonical(&message);
        assert!(message.contains("To: <ann@a.example.test>\r\n"), "{message}");
        let message = made(&["jürgen@b.example.test"], "s", "t");
        is_canonical(&message);
        assert!(message.contains("undisclosed-recipients"), "{message}");
    }
}
