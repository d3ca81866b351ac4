//! Writes a bounce: the failures as text and in machine-readable form, and the header section of the message (RFC
//! 3464, RFC 6522; RFC 6533 for addresses outside ASCII).

use crate::clock::header_date;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_smtp::reply::EnhancedCode;
use std::fmt::Write as _;

/// Maximum octets of the original header section in the report.
pub(crate) const HEADERS_QUOTED_MAX: usize = 64 * 1024;
/// Width at which lines of the report are folded, so that no reply causes lines over 998 octets.
const WIDTH: usize = 78;

/// The input of a bounce.
pub(crate) struct BounceInput<'a> {
    pub(crate) hostname: &'a str,
    /// The bounce's own queue id.
    pub(crate) id: QueueId,
    /// Queue id of the message.
    pub(crate) original: QueueId,
    /// The message's sender, who gets the bounce.
    pub(crate) sender: &'a str,
    /// Each failed recipient with its stored reply.
    pub(crate) failed: &'a [(&'a str, &'a str)],
    /// The message's header section.
    pub(crate) headers: &'a [u8],
    /// Time of arrival of the message.
    pub(crate) arrived: Timestamp,
    pub(crate) now: Timestamp,
}

/// The parts of a stored failure: `5.1.1 host h[ip] said: 550 5.1.1 text (in reply to RCPT TO command)`.
struct DeliveryFailure<'a> {
    status: EnhancedCode,
    why: &'a str,
    /// The server that sent the reply.
    remote: Option<&'a str>,
    /// Its reply without the text around it.
    reply: Option<&'a str>,
}

impl<'a> DeliveryFailure<'a> {
    fn parse(kept: &'a str) -> Self {
        let status = EnhancedCode::in_front_of(kept);
        let why = kept.split_once(' ').filter(|_| status.is_some()).map_or(kept, |(_, why)| why);
        let said = why.strip_prefix("host ").and_then(|rest| rest.split_once(" said: "));
        let remote = said.and_then(|(server, _)| server.split('[').next());
        let reply = said.map(|(_, reply)| reply.rsplit_once(" (in reply to ").map_or(reply, |(reply, _)| reply));
        Self { status: status.unwrap_or(EnhancedCode::new(5, 0, 0)), why, remote, reply }
    }
}

impl BounceInput<'_> {
    /// The whole message with CRLF line ends.
    pub(crate) fn message(&self) -> Vec<u8> {
        let boundary = self.boundary();
        // RFC 6533: 8-bit addresses and header fields have media types of their own.
        let ascii =
            self.headers.is_ascii() && self.sender.is_ascii() && self.failed.iter().all(|(path, _)| path.is_ascii());
        let (status_type, headers_type) = match ascii {
            true => ("message/delivery-status", "text/rfc822-headers"),
            false => ("message/global-delivery-status", "message/global-headers"),
        };
        let encoding = if ascii { "7bit" } else { "8bit" };
        let mut text = String::new();
        self.head(&boundary, &mut text);
        let _ = write!(text, "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n");
        let _ = write!(text, "Content-Transfer-Encoding: 8bit\r\n\r\n");
        self.words(&mut text);
        let _ = write!(text, "\r\n--{boundary}\r\nContent-Type: {status_type}\r\n");
        let _ = write!(text, "Content-Transfer-Encoding: {encoding}\r\n\r\n");
        self.fields(ascii, &mut text);
        let _ = write!(text, "\r\n--{boundary}\r\nContent-Type: {headers_type}\r\n");
        let _ = write!(text, "Content-Transfer-Encoding: {encoding}\r\n\r\n");
        let mut message = text.into_bytes();
        message.extend_from_slice(self.headers);
        message.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        message
    }

    fn head(&self, boundary: &str, text: &mut String) {
        let Self { hostname, id, sender, .. } = self;
        let _ = write!(text, "Date: {}\r\n", header_date(self.now));
        let _ = write!(text, "From: Mail Delivery System <MAILER-DAEMON@{hostname}>\r\n");
        let _ = write!(text, "To: <{sender}>\r\n");
        text.push_str("Subject: Undelivered Mail Returned to Sender\r\n");
        let _ = write!(text, "Message-ID: <{id}@{hostname}>\r\n");
        // RFC 3834 §5: nobody shall answer this.
        text.push_str("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
        let _ = write!(
            text,
            "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\r\n"
        );
    }

    fn words(&self, text: &mut String) {
        let _ = write!(text, "This is the mail system at {}.\r\n\r\n", self.hostname);
        text.push_str("Your message could not be delivered to one or more recipients.\r\n");
        text.push_str("The first lines of it follow at the end of this report.\r\n\r\n");
        for (path, kept) in self.failed {
            let line = format!("<{path}>: {}", DeliveryFailure::parse(kept).why);
            fold(&line, "    ", text);
        }
    }

    /// RFC 3464 §2.2 and §2.3.
    fn fields(&self, ascii: bool, text: &mut String) {
        let _ = write!(text, "Reporting-MTA: dns; {}\r\n", self.hostname);
        let _ = write!(text, "X-Doorlist-Queue-ID: {}\r\n", self.original);
        let _ = write!(text, "Arrival-Date: {}\r\n", header_date(self.arrived));
        let address_type = if ascii { "rfc822" } else { "utf-8" };
        for (path, kept) in self.failed {
            let failure = DeliveryFailure::parse(kept);
            let _ = write!(text, "\r\nFinal-Recipient: {address_type}; {path}\r\nAction: failed\r\n");
            let _ = write!(text, "Status: {}\r\n", failure.status);
            if let Some(remote) = failure.remote {
                let _ = write!(text, "Remote-MTA: dns; {remote}\r\n");
            }
            let (kind, said) = failure.reply.map_or(("x-doorlist", failure.why), |reply| ("smtp", reply));
            let said: String = said.chars().map(|c| if ascii && !c.is_ascii() { '?' } else { c }).collect();
            fold(&format!("Diagnostic-Code: {kind}; {said}"), "    ", text);
            let _ = write!(text, "Last-Attempt-Date: {}\r\n", header_date(self.now));
        }
    }

    /// A boundary that does not occur in the quoted headers.
    fn boundary(&self) -> String {
        let mut boundary = format!("{}={}", self.id, self.hostname.len());
        while memchr::memmem::find(self.headers, boundary.as_bytes()).is_some() {
            boundary.push('=');
        }
        boundary
    }
}

/// Folds a line at spaces; continuation lines begin with `indent`.
fn fold(line: &str, indent: &str, out: &mut String) {
    let mut width = 0;
    for word in line.split(' ') {
        if width > 0 && width + 1 + word.len() > WIDTH {
            out.push_str("\r\n");
            out.push_str(indent);
            width = indent.len();
        } else if width > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += word.len();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests;
