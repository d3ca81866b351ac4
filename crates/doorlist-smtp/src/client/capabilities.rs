//! The extensions in a server's reply to EHLO (RFC 5321 §4.1.1.1).

use super::reply_parser::ServerReply;
use super::xforward::XForwardAttributes;

/// Offers that we can use; all others are passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The server offers PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// The server offers 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// The server offers SMTPUTF8 (RFC 6531).
    pub smtp_utf8: bool,
    /// The server offers STARTTLS (RFC 3207).
    pub start_tls: bool,
    /// The server offers SIZE (RFC 1870).
    pub size: Option<SizeOffer>,
    /// Postfix's XFORWARD, with the attributes that the server takes.
    pub xforward: XForwardAttributes,
}

/// `SIZE`, with or without a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeOffer {
    /// Octets of a message at most; `None`: the server names no fixed limit (RFC 1870 §4: absent or 0).
    pub limit: Option<u64>,
}

impl Capabilities {
    /// Reads the reply to EHLO: a greeting line, then one keyword with its parameters a line.
    pub fn from_ehlo(reply: &ServerReply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines().skip(1) {
            // `AUTH=LOGIN` and the like: an equals sign ends the keyword on some servers.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            let Some(keyword) = words.next() else { continue };
            match keyword.to_ascii_uppercase().as_str() {
                "PIPELINING" => offers.pipelining = true,
                "8BITMIME" => offers.eight_bit_mime = true,
                "SMTPUTF8" => offers.smtp_utf8 = true,
                "STARTTLS" => offers.start_tls = true,
                "SIZE" => {
                    let limit = words.next().and_then(|word| word.parse().ok()).filter(|&limit| limit > 0);
                    offers.size = Some(SizeOffer { limit });
                }
                "XFORWARD" => offers.xforward = XForwardAttributes::from_words(words),
                _ => {}
            }
        }
        offers
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::super::reply_parser::ReplyParser;
    use super::*;

    #[test]
    fn offers_are_read_in_any_case_and_with_any_parameters() {
        let mut bytes =
            &b"250-mx.example.test SIZE\r\n250-pipelining\r\n250-SIZE 52428800\r\n250-ETRN\r\n250-StartTLS\r\n\
            250-AUTH=PLAIN LOGIN\r\n250-XFORWARD NAME ADDR FOO\r\n250 8BITMIME\r\n"[..];
        let reply = ReplyParser::default().next(&mut bytes).unwrap().unwrap();
        let offers = Capabilities::from_ehlo(&reply);
        assert!(offers.pipelining && offers.eight_bit_mime && offers.start_tls && !offers.smtp_utf8);
        assert_eq!(offers.size, Some(SizeOffer { limit: Some(52_428_800) }));
        assert_eq!(offers.xforward, XForwardAttributes::from_words(["NAME", "ADDR"].into_iter()));
    }

    #[test]
    fn a_size_without_a_usable_number_is_no_limit() {
        for (line, size) in [
            ("SIZE", Some(SizeOffer { limit: None })),
            ("SIZE 0", Some(SizeOffer { limit: None })),
            ("SIZE x", Some(SizeOffer { limit: None })),
            ("SIZES 5", None),
        ] {
            let bytes = format!("250-mx\r\n250 {line}\r\n");
            let reply = ReplyParser::default().next(&mut bytes.as_bytes()).unwrap().unwrap();
            assert_eq!(Capabilities::from_ehlo(&reply).size, size, "{line}");
        }
    }
}
