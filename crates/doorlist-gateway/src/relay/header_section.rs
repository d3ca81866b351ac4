//! The header section of a stored message, for a bounce and for the question whether it needs SMTPUTF8. Understands no
//! single field.

use super::queue::Part;
use doorlist_store::spool::{MessageBody, SpoolError};

/// Octets of a header section that are looked at; what came in has no longer one.
pub(crate) const HEADER_SECTION_MAX: usize = 256 * 1024;

/// Everything before the first empty line, with the last line's end; at most `max` octets, cut at a line's end.
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

/// Whether a path of this part or a header field has non-ASCII characters (RFC 6531 §3.6). A message that cannot be read
/// counts as if it had; its sending fails for that reason first.
pub(crate) async fn needs_smtp_utf8(part: &Part, body: &MessageBody) -> bool {
    if !part.envelope.sender.is_ascii() || !part.paths().all(str::is_ascii) {
        return true;
    }
    header_section(body, HEADER_SECTION_MAX).await.is_ok_and(|head| !head.is_ascii())
}
