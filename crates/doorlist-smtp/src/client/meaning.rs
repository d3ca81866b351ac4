//! What a refusal means beyond its class: whether it is about the number of recipients, about time, or about the dialogue.

use super::reply_parser::ServerReply;

/// Texts of servers that greylist, in lower case.
const GREYLISTING: [&str; 2] = ["greylist", "graylist"];
/// The text of servers that take fewer recipients in one transaction, in lower case.
const TOO_MANY_RECIPIENTS: &str = "too many recipients";

/// Texts of servers that want a login, in lower case.
const LOGIN: [&str; 5] = [
    "authentication required",
    "authentication is required",
    "not authenticated",
    "auth required",
    "must authenticate",
];

/// What a server wants before it takes mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A login by AUTH (RFC 4954).
    Login,
    /// STARTTLS (RFC 3207 §4).
    Encryption,
}

impl ServerReply {
    /// What a server that refuses MAIL or RCPT wants first: 530 (RFC 4954 §6, RFC 3207 §4), or 5.7.X and a text that
    /// says so.
    pub fn wants(&self) -> Option<Wanted> {
        let is_policy = self.is_permanent() && self.enhanced().is_some_and(|status| status.subject == 7);
        if self.code() == 530 && self.says("tls") {
            Some(Wanted::Encryption)
        } else if self.code() == 530 || is_policy && LOGIN.iter().any(|words| self.says(words)) {
            Some(Wanted::Login)
        } else {
            None
        }
    }

    /// Whether a reply to RCPT means too many recipients in this transaction (RFC 5321 §4.5.3.1.10): 452 without an
    /// enhanced code, and 452 or 552 with X.5.3 or with a text that says so. A full mailbox (X.2.2) is none of them.
    pub fn is_too_many_recipients(&self) -> bool {
        let detail = self.enhanced().map(|status| (status.subject, status.detail));
        match (self.code(), detail) {
            (452 | 552, Some((5, 3))) | (452, None) => true,
            (452 | 552, Some((2, 2))) => false,
            (452 | 552, _) => self.says(TOO_MANY_RECIPIENTS),
            _ => false,
        }
    }

    /// Whether a reply to RCPT asks to come again later, as greylisting does: 450 or 451 with 4.7.X, or a temporary
    /// failure with a text that says so. Another server of the domain would say the same.
    pub fn is_greylisting(&self) -> bool {
        let is_policy = matches!(self.code(), 450 | 451) && self.enhanced().is_some_and(|status| status.subject == 7);
        self.class() == 4 && (is_policy || GREYLISTING.iter().any(|word| self.says(word)))
    }

    /// Whether the server did not understand the command, or not at this place (RFC 5321 §4.2.4): 500 to 503.
    pub fn is_misunderstanding(&self) -> bool {
        matches!(self.code(), 500..=503)
    }

    /// Whether the text has these words, which are in lower case; line ends count as blanks.
    pub(super) fn says(&self, words: &str) -> bool {
        let text = self.lines().collect::<Vec<_>>().join(" ");
        text.to_ascii_lowercase().contains(words)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::super::reply_parser::ReplyParser;
    use super::*;

    fn reply(text: &str) -> ServerReply {
        ReplyParser::default().next(&mut format!("{text}\r\n").as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn too_many_recipients_in_every_dress() {
        for (text, expected) in [
            ("452 too much", true),
            ("452 4.5.3 Error: too many recipients", true),
            ("452 4.3.1 Too many recipients", true),
            ("452 4.3.1 insufficient system storage", false),
            ("452 4.2.2 mailbox full", false),
            ("452 4.2.2 mailbox full, too many recipients", false),
            ("552 5.5.3 limit", true),
            ("552 Too Many Recipients", true),
            ("552-sorry\r\n552 too many recipients", true),
            ("552-too many\r\n552 recipients", true),
            ("552 5.2.2 mailbox full", false),
            ("552 mailbox full", false),
            ("550 5.5.3 too many recipients", false),
            ("450 4.5.3 too many recipients", false),
        ] {
            assert_eq!(reply(text).is_too_many_recipients(), expected, "{text}");
        }
    }

    #[test]
    fn a_server_says_what_it_wants_first() {
        for (text, expected) in [
            ("530 5.7.0 Authentication required", Some(Wanted::Login)),
            ("530 no", Some(Wanted::Login)),
            ("530 5.7.0 Must issue a STARTTLS command first", Some(Wanted::Encryption)),
            ("550 5.7.57 Client not authenticated to send mail", Some(Wanted::Login)),
            ("554 5.7.1 <x>: Client host rejected: Authentication is required", Some(Wanted::Login)),
            ("550 5.7.26 This mail is unauthenticated", None),
            ("550 5.7.1 rejected", None),
            ("550 5.1.1 authentication required", None),
            ("450 4.7.1 authentication required", None),
        ] {
            assert_eq!(reply(text).wants(), expected, "{text}");
        }
    }

    #[test]
    fn greylisting_by_code_and_by_word() {
        for (text, expected) in [
            ("450 4.7.1 try again", true),
            ("451 4.7.0 try again", true),
            ("450 4.2.0 Recipient address rejected: Greylisted for 300 s", true),
            ("451 Graylisted, come again", true),
            ("421 4.7.1 try again", false),
            ("450 4.2.1 try again", false),
            ("451 4.3.0 disk", false),
            ("550 5.7.1 greylisted for ever", false),
        ] {
            assert_eq!(reply(text).is_greylisting(), expected, "{text}");
        }
    }
}
