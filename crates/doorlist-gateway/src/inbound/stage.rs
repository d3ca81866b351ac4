//! Where in a session a refusal stands, in Postfix's words: its log readers take the word behind `reject:` for that.

use doorlist_smtp::reply::Reply;
use doorlist_smtp::server::Verb;

/// The reply to a client that has said nothing.
pub(super) const CONNECT: &str = "CONNECT";
/// The reply to the end of a message.
pub(super) const END_OF_MESSAGE: &str = "END-OF-MESSAGE";

/// The word for the last command line.
pub(super) fn of(verb: Option<Verb>) -> &'static str {
    match verb {
        None => CONNECT,
        Some(Verb::Ehlo) => "EHLO",
        Some(Verb::Helo) => "HELO",
        Some(Verb::Mail) => "MAIL",
        Some(Verb::Rcpt) => "RCPT",
        Some(Verb::Data) => "DATA",
        Some(Verb::Rset) => "RSET",
        Some(Verb::Vrfy) => "VRFY",
        Some(Verb::Help) => "HELP",
        Some(Verb::Noop) => "NOOP",
        Some(Verb::Quit) => "QUIT",
        Some(Verb::StartTls) => "STARTTLS",
        Some(Verb::NotImplemented | Verb::Http | Verb::Unknown) => "UNKNOWN",
    }
}

/// What the log says of a reply: Postfix's words, where it has others for the same.
pub(super) fn reason(reply: Reply) -> &'static str {
    match reply {
        Reply::RelayDenied => "Relay access denied",
        other => other.text(),
    }
}

/// A session that ends like this is no refusal of a command: Postfix has events of their own.
pub(super) fn end_of_session(reply: Reply) -> Option<&'static str> {
    match reply {
        Reply::TooManyErrors => Some("too many errors"),
        Reply::Timeout | Reply::TooSlow => Some("timeout"),
        _ => None,
    }
}
