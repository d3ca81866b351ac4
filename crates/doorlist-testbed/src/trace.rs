//! Checks that a message was relayed byte for byte, except for the trace fields of each server.

use anyhow::{Context, Result, bail, ensure};

/// The headers that the servers on the way may add (RFC 5321 section 4.4, and what mail servers add at delivery).
const TRACE: &[&str] = &["Return-Path", "X-Original-To", "Delivered-To", "Envelope-To", "Received", "Received-SPF"];

/// The trace headers that were put before the message `sent` on its way to `delivered`, first line first.
///
/// Line ends are compared as lines: a mailbox holds LF where SMTP had CRLF.
///
/// # Errors
/// Fails if what was sent did not come out whole and unchanged, or something else than trace headers was added.
pub fn added(delivered: &[u8], sent: &[u8]) -> Result<Vec<String>> {
    let (delivered, sent) = (lf_lines(delivered), lf_lines(sent));
    let Some(top) = delivered.strip_suffix(sent.as_slice()) else {
        let same = delivered.iter().rev().zip(sent.iter().rev()).take_while(|(a, b)| a == b).count();
        bail!(
            "the message was changed: {} bytes were sent, the last {same} of them came out; before them was sent\n{}\nand came out\n{}",
            sent.len(),
            around(&sent, sent.len() - same),
            around(&delivered, delivered.len() - same),
        );
    };
    let headers = fields(top)?;
    for header in &headers {
        let name = header.split(':').next().unwrap_or_default();
        ensure!(TRACE.iter().any(|trace| trace.eq_ignore_ascii_case(name)), "not a trace header: {header:?}");
    }
    Ok(headers)
}

/// CRLF becomes LF; a CR that stands alone stays.
fn lf_lines(bytes: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        if byte != b'\r' || bytes.get(at + 1) != Some(&b'\n') {
            lines.push(byte);
        }
    }
    lines
}

/// Header fields, each with the lines that continue it (RFC 5322 section 2.2.3).
fn fields(top: &[u8]) -> Result<Vec<String>> {
    let text = std::str::from_utf8(top).context("the added headers are not text")?;
    let mut fields: Vec<String> = Vec::new();
    for line in text.split_terminator('\n') {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => {
                field.push('\n');
                field.push_str(line);
            }
            _ => fields.push(line.to_owned()),
        }
    }
    Ok(fields)
}

/// The end of the part before `at`, to be shown.
fn around(bytes: &[u8], at: usize) -> String {
    /// How much of a difference is shown.
    const SHOWN_MAX: usize = 200;
    format!("{:?}", String::from_utf8_lossy(&bytes[at.saturating_sub(SHOWN_MAX)..at]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    const SENT: &[u8] = b"Received: from a\r\nSubject: x\r\n\r\nHi\rthere\r\n";

    #[test]
    fn what_was_added_is_handed_back_and_what_was_there_is_not() {
        let out = b"Return-Path: <a@b>\nReceived: from c\n\tby d\nReceived: from a\nSubject: x\n\nHi\rthere\n";
        assert_eq!(added(out, SENT).unwrap(), ["Return-Path: <a@b>", "Received: from c\n\tby d"]);
    }

    #[test]
    fn any_change_is_found() {
        for out in [
            &b"Received: from c\nReceived: from a\nSubject: y\n\nHi\rthere\n"[..],
            b"Received: from a\nSubject: x\n\nHi\nthere\n",
            b"Received: from a\nSubject: x\n\nHi\rthere\n\n",
            b"Subject: x\n\nHi\rthere\n",
            b"X-Scanned: yes\nReceived: from a\nSubject: x\n\nHi\rthere\n",
        ] {
            assert!(added(out, SENT).is_err(), "{}", String::from_utf8_lossy(out));
        }
    }
}
