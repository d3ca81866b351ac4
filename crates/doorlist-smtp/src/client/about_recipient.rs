//! What a reply to RCPT says about the address: taken, no such user, or neither. Doubt never says *no such user*: what is
//! refused by policy, for a full mailbox or for no reason says nothing about who exists.

use super::reply_parser::ServerReply;
use doorlist_core::verification::ServerAnswer;

/// Texts of servers without enhanced codes that know no such user, in lower case.
const NO_SUCH_USER: [&str; 17] = [
    "user unknown",
    "unknown user",
    "no such user",
    "user not found",
    "user does not exist",
    "unrouteable address",
    "unrouteable mail",
    "no such recipient",
    "unknown recipient",
    "recipient unknown",
    "invalid recipient",
    "recipient not found",
    "no such mailbox",
    "mailbox not found",
    "no mailbox here by that name",
    "unknown local part",
    "no such address",
];

/// Words of a refusal that is about the sender or about us, whatever else the text says, in lower case.
const OF_POLICY: [&str; 11] = [
    "relay",
    "spam",
    "block",
    "blacklist",
    "denylist",
    "policy",
    "reputation",
    "not permitted",
    "access denied",
    "sender",
    "verif",
];

/// Words of a refusal that is about the sender alone, in lower case.
const OF_SENDER: [&str; 3] = ["sender address rejected", "sender verif", "sender rejected"];

/// How Exchange Online refuses a recipient that its directory has not, in lower case; with 5.4.1.
const DIRECTORY_BLOCKING: &str = "recipient address rejected";

impl ServerReply {
    /// What a reply to RCPT says about the address. No such user is 550, 551 or 553 with 5.1.1, 5.1.6 or 5.1.10 (RFC 3463
    /// §3.2, RFC 7505 §5), with 5.4.1 and the text of Exchange Online, or without an enhanced code and with a text that is
    /// known.
    pub fn about_recipient(&self) -> ServerAnswer {
        if self.is_positive() {
            return ServerAnswer::Exists;
        }
        if !matches!(self.code(), 550 | 551 | 553) {
            return ServerAnswer::Undecided;
        }
        let is_no_such_user = match self.enhanced().map(|status| (status.subject, status.detail)) {
            Some((1, 1 | 6 | 10)) => true,
            Some((4, 1)) => self.says(DIRECTORY_BLOCKING),
            Some(_) => false,
            None => {
                NO_SUCH_USER.iter().any(|words| self.says(words)) && !OF_POLICY.iter().any(|words| self.says(words))
            }
        };
        if is_no_such_user { ServerAnswer::NoSuchUser } else { ServerAnswer::Undecided }
    }

    /// Whether a refused RCPT is refused because of who sends: X.1.7 or X.1.8 (RFC 3463 §3.2), or a text that is known.
    /// Postfix judges senders there as it comes (`smtpd_delay_reject`), not at MAIL.
    pub fn is_about_sender(&self) -> bool {
        let has_code = self.enhanced().is_some_and(|status| matches!((status.subject, status.detail), (1, 7 | 8)));
        !self.is_positive() && (has_code || OF_SENDER.iter().any(|words| self.says(words)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::super::reply_parser::ReplyParser;
    use super::*;

    #[test]
    fn servers_say_no_such_user_in_many_ways() {
        use ServerAnswer::{Exists, NoSuchUser, Undecided};
        for (text, expected) in [
            ("250 2.1.5 Ok", Exists),
            ("251 User not local; will forward", Exists),
            (
                "550 5.1.1 <x@example.test>: Recipient address rejected: User unknown in local recipient table",
                NoSuchUser,
            ),
            ("550-5.1.1 The email account that you tried to reach does not exist.\r\n550 5.1.1 Try again", NoSuchUser),
            ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", NoSuchUser),
            ("551 5.1.6 moved away", NoSuchUser),
            ("553 5.1.1 no", NoSuchUser),
            ("550 5.4.1 Recipient address rejected: Access denied. [AM1.example]", NoSuchUser),
            ("550 5.4.1 All recipient addresses rejected : Access denied", Undecided),
            ("550 Unrouteable address", NoSuchUser),
            ("550 No such user here", NoSuchUser),
            ("553 sorry, no mailbox here by that name (#5.7.1)", NoSuchUser),
            ("550 Invalid recipient <x@example.test>", NoSuchUser),
            ("550 invalid recipient: relaying denied", Undecided),
            ("550 User unknown; your address is blocked", Undecided),
            (
                "550-Verification failed for <ops@example.test>\r\n550-No Such User Here\r\n550 Sender verify failed",
                Undecided,
            ),
            ("550 5.7.1 Relaying denied", Undecided),
            ("550 5.7.1 User unknown", Undecided),
            ("550 5.2.1 mailbox disabled", Undecided),
            ("552 5.2.2 mailbox full", Undecided),
            ("554 5.1.1 no such user", Undecided),
            ("550 no", Undecided),
            ("550 Mailbox unavailable", Undecided),
            ("450 4.1.1 user unknown", Undecided),
            ("451 greylisted", Undecided),
            ("421 4.7.0 come back", Undecided),
            ("503 5.5.1 bad sequence", Undecided),
            ("354 go on", Undecided),
        ] {
            let reply = ReplyParser::default().next(&mut format!("{text}\r\n").as_bytes()).unwrap().unwrap();
            assert_eq!(reply.about_recipient(), expected, "{text}");
        }
    }

    #[test]
    fn some_refuse_the_sender_when_they_are_told_the_recipient() {
        for (text, expected) in [
            ("554 5.7.1 <ops@example.test>: Sender address rejected: Access denied", true),
            ("450 4.1.8 <ops@example.test>: Sender address rejected: Domain not found", true),
            ("550 5.1.8 bad system", true),
            ("501 5.1.7 bad address", true),
            ("550-Verification failed for <ops@example.test>\r\n550 Sender verify failed", true),
            ("550 5.1.1 no such user", false),
            ("550 5.1.10 no such user", false),
            ("550 5.7.1 Relaying denied", false),
            ("250 2.1.0 sender rejected by nobody", false),
        ] {
            let reply = ReplyParser::default().next(&mut format!("{text}\r\n").as_bytes()).unwrap().unwrap();
            assert_eq!(reply.is_about_sender(), expected, "{text}");
        }
    }
}
