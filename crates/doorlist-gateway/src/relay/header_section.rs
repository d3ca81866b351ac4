//! The header section of a stored message, for bounces and for the question whether it needs SMTPUTF8.

use super::queue::Part;
use doorlist_smtp::client::SmtpUtf8;
use doorlist_store::spool::{MessageBody, SpoolError};

/// Maximum octets of a header section; accepted messages have no longer one.
pub(crate) const HEADER_SECTION_MAX: usize = 256 * 1024;

/// The text before the first empty line; at most `max` octets, cut at the end of a line.
pub(crate) async fn header_section(body: &MessageBody, max: usize) -> Result<Vec<u8>, SpoolError> {
    let mut reader = body.reader().await?;
    let mut head = Vec::new();
    while head.len() < max
        && let Some(chunk) = reader.chunk().await?
    {
        let before = head.len().saturating_sub(3);
        head.extend_from_slice(&chunk[..chunk.len().min(max - head.len())]);
        if let Some(end) = memchr::memmem::find(&head[before..], b"\r\n\r\n") {
            head.truncate(before + end + 2);
            return Ok(head);
        }
    }
    let whole_lines = memchr::memmem::rfind(&head, b"\r\n").map_or(0, |at| at + 2);
    head.truncate(whole_lines);
    Ok(head)
}

/// Whether this part needs SMTPUTF8 (RFC 6531 §3.6). Decided by its content, not by the sender's request.
pub(crate) async fn smtp_utf8(part: &Part, body: &MessageBody) -> SmtpUtf8 {
    if !part.envelope.sender.is_ascii() || !part.paths().all(str::is_ascii) {
        return SmtpUtf8::Required;
    }
    // One that was not declared is relayed as it came, raw headers and all. One that cannot be read is not sent anyway.
    let may_have = part.envelope.smtp_utf8;
    match may_have && header_section(body, HEADER_SECTION_MAX).await.is_ok_and(|head| !head.is_ascii()) {
        true => SmtpUtf8::Preferred,
        false => SmtpUtf8::Unused,
    }
}
