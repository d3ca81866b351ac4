//! The header field that Doorlist adds: `Received:` (RFC 5321 §4.4), in front of the message as it is stored.

use crate::clock::header_date;
use doorlist_core::queue_id::QueueId;
use doorlist_core::time::Timestamp;
use doorlist_store::spool::{ClientInfo, EnvelopeRecipient};

/// The content of a `Received:` field.
pub(super) struct Trace<'a> {
    pub(super) client: &'a ClientInfo,
    /// EHLO rather than HELO.
    pub(super) extended: bool,
    pub(super) smtp_utf8: bool,
    pub(super) hostname: &'a str,
    pub(super) id: QueueId,
    /// Written only if there is one, to not reveal recipients to each other.
    pub(super) recipients: &'a [EnvelopeRecipient],
    pub(super) now: Timestamp,
}

impl Trace<'_> {
    /// The header with its line ends.
    pub(super) fn header(&self) -> String {
        let helo = plain(&self.client.helo);
        let address = self.client.address.map_or_else(|| "unknown".to_owned(), |ip| ip.to_canonical().to_string());
        let literal = if address.contains(':') { format!("IPv6:{address}") } else { address };
        let tls = match &self.client.tls {
            Some(tls) => format!("\r\n\t(using {tls})"),
            None => String::new(),
        };
        let recipient = match self.recipients {
            [one] => format!("\r\n\tfor <{}>", one.path),
            _ => String::new(),
        };
        format!(
            "Received: from {helo} (unknown [{literal}]){tls}\r\n\tby {} (Doorlist) with {} id {}{recipient};\r\n\t{}\r\n",
            self.hostname,
            self.protocol(),
            self.id,
            header_date(self.now),
        )
    }

    /// RFC 3848 and RFC 6531 §4.3.
    pub(super) fn protocol(&self) -> &'static str {
        match (self.extended, self.smtp_utf8, self.client.tls.is_some()) {
            (_, true, true) => "UTF8SMTPS",
            (_, true, false) => "UTF8SMTP",
            (true, false, true) => "ESMTPS",
            (true, false, false) => "ESMTP",
            (false, false, _) => "SMTP",
        }
    }
}

/// Sanitizes a HELO name to the characters of host names and address literals.
fn plain(helo: &str) -> String {
    helo.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_:[]".contains(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn the_header_tells_where_the_message_came_from() {
        let client = ClientInfo {
            address: Some(IpAddr::from([192, 0, 2, 9])),
            port: 4660,
            helo: "client.example.test".into(),
            tls: Some("TLSv1.3 with cipher TLS_AES_128_GCM_SHA256".into()),
        };
        let recipient = EnvelopeRecipient {
            path: "ann@example.test".into(),
            domain: None,
            address: None,
            system: false,
            unlisted: false,
        };
        let trace = Trace {
            client: &client,
            extended: true,
            smtp_utf8: false,
            hostname: "gw.example.test",
            id: QueueId::from_u64(1 << 60),
            recipients: std::slice::from_ref(&recipient),
            now: Timestamp::from_secs(1_700_000_000),
        };
        assert_eq!(
            trace.header(),
            "Received: from client.example.test (unknown [192.0.2.9])\r\n\
             \t(using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256)\r\n\
             \tby gw.example.test (Doorlist) with ESMTPS id 1000000000000\r\n\
             \tfor <ann@example.test>;\r\n\
             \tTue, 14 Nov 2023 22:13:20 +0000\r\n"
        );
        let hostile = ClientInfo { helo: "a)\r\nX-Evil: b".into(), tls: None, ..client };
        let header = Trace { client: &hostile, recipients: &[], ..trace }.header();
        assert!(header.starts_with("Received: from a???X-Evil:?b (unknown [192.0.2.9])\r\n\tby"), "{header}");
    }
}
