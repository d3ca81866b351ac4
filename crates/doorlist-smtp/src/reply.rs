//! The reply table: every SMTP reply that a client can get. Reply digits are here and nowhere else.
//!
//! The machine and the gateway pass [`Reply`] values; only [`Reply::line`] writes text. Texts are fixed, so that a
//! sender never sees text of a domain's server. The reason for a reply is in the `Decision`, the log and the mail log.

mod enhanced;
mod opening;
#[cfg(test)]
mod tests;

pub use enhanced::EnhancedCode;
pub use opening::{Extensions, ehlo, greeting, hello, queued};

use doorlist_core::policy::{Decision, Reason};
use doorlist_core::verdict::ContentRefusal;
use std::fmt;

/// Builds a line at compile time; `-` for a reply without an enhanced code (RFC 2034 §4: greetings and 3yz).
macro_rules! reply_line {
    ($code:literal - $text:literal) => {
        concat!($code, " ", $text, "\r\n")
    };
    ($code:literal $enhanced:literal $text:literal) => {
        concat!($code, " ", $enhanced, " ", $text, "\r\n")
    };
}

macro_rules! enhanced_code {
    (-) => {
        None
    };
    ($enhanced:literal) => {
        EnhancedCode::parse($enhanced.as_bytes())
    };
}

macro_rules! replies {
    ($($(#[$doc:meta])* $name:ident = $code:literal $enhanced:tt $text:literal;)*) => {
        /// A reply with fixed text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reply {
            $($(#[$doc])* $name,)*
        }

        impl Reply {
            /// Every reply, for tests and for the reference page.
            pub const ALL: &[Reply] = &[$(Reply::$name,)*];

            /// The three digits (RFC 5321 §4.2).
            pub const fn code(self) -> u16 {
                match self { $(Reply::$name => $code,)* }
            }

            /// The enhanced status code (RFC 3463), where RFC 2034 requires one.
            pub const fn enhanced(self) -> Option<EnhancedCode> {
                match self { $(Reply::$name => enhanced_code!($enhanced),)* }
            }

            /// The text behind the codes.
            pub const fn text(self) -> &'static str {
                match self { $(Reply::$name => $text,)* }
            }

            /// The whole line with its CRLF, ready to be written.
            pub const fn line(self) -> &'static [u8] {
                match self { $(Reply::$name => reply_line!($code $enhanced $text).as_bytes(),)* }
            }
        }
    };
}

replies! {
    // Commands that were done.

    /// RFC 5321 §4.1.1.5, §4.1.1.9: RSET, NOOP.
    Ok = 250 "2.0.0" "Ok";
    /// RFC 5321 §3.3: MAIL.
    SenderOk = 250 "2.1.0" "Ok";
    /// RFC 5321 §3.3: RCPT.
    RecipientOk = 250 "2.1.5" "Ok";
    /// RFC 5321 §4.1.1.4: the message may come.
    StartMail = 354 - "End data with <CR><LF>.<CR><LF>";
    /// RFC 5321 §4.1.1.10: QUIT.
    Bye = 221 "2.0.0" "Bye";
    /// RFC 3207 §4: the handshake may begin.
    ReadyForTls = 220 "2.0.0" "Ready to start TLS";
    /// RFC 5321 §4.1.1.8: HELP.
    Help = 214 "2.0.0" "This server speaks SMTP as RFC 5321 has it";
    /// RFC 5321 §3.5.3: VRFY reveals nothing.
    NotVerified = 252 "2.0.0" "Not verified here; RCPT TO is answered from the list";

    // Recipients and senders.

    /// RFC 5321 §4.2.3, RFC 3463 §3.2: no such mailbox.
    RecipientUnknown = 550 "5.1.1" "Recipient address rejected: user unknown";
    /// RFC 3463 §3.2, in the 72 hours of temporary rejection: the same, but the sender retries.
    RecipientUnknownSoft = 450 "4.1.1" "Recipient address rejected: user unknown for now; try again later";
    /// RFC 3463 §3.2: not known yet whether the mailbox exists.
    RecipientUndecided = 451 "4.1.1" "Recipient address not verified yet; try again later";
    /// RFC 3463 §3.3: the mailbox is switched off.
    RecipientSwitchedOff = 550 "5.2.1" "Recipient address rejected: mailbox disabled";
    /// RFC 3463 §3.2: the domain is switched off.
    DomainInactive = 550 "5.1.2" "Recipient address rejected: this domain takes no mail here";
    /// RFC 5321 §7.9, RFC 3463 §3.8: not a protected domain, or a form that requests relaying.
    RelayDenied = 550 "5.7.1" "Recipient address rejected: relay access denied";
    /// RFC 3463 §3.8: the client guessed too many addresses; every recipient gets this reply.
    SourceFlagged = 451 "4.7.1" "Too many unknown recipients from your address; try again later";
    /// RFC 3463 §3.8: the domain is under a harvest attack; every recipient of it gets this reply.
    DomainUnderAttack = 451 "4.7.1" "Too many unknown recipients at this domain now; try again in five minutes";
    /// RFC 3463 §3.8: the recipient exists, but blocks this sender.
    SenderRefused = 550 "5.7.1" "Sender address rejected: refused by the recipient's policy";
    /// RFC 1870 §6.1: declared or real size exceeds the limit of the recipient.
    TooLargeForRecipient = 552 "5.3.4" "Message size exceeds the recipient's limit";
    /// RFC 5321 §4.5.3.1.10: DATA has one reply for all recipients, so they must have the same limits.
    OtherPolicy = 452 "4.5.3" "Recipient has other limits than those before; send to it in another transaction";
    /// RFC 5321 §4.1.2: the recipient's path is invalid.
    BadRecipientSyntax = 501 "5.1.3" "Bad recipient address syntax";
    /// RFC 5321 §4.1.2: the sender's path is invalid.
    BadSenderSyntax = 501 "5.1.7" "Bad sender address syntax";
    /// RFC 6531 §3.5: an address that needs SMTPUTF8, not asked for or not possible on the route.
    NonAsciiAddress = 553 "5.6.7" "Internationalized address not permitted without SMTPUTF8";
    /// RFC 5321 §4.5.3.1.10: the client may retry the other recipients.
    TooManyRecipients = 452 "4.5.3" "Too many recipients; send the rest in another transaction";

    // The message.

    /// RFC 1870 §6.1: declared or found to be too large.
    MessageTooLarge = 552 "5.3.4" "Message size exceeds the limit";
    /// The header section exceeds its limit.
    HeaderTooLarge = 552 "5.3.4" "Header section exceeds the limit";
    /// RFC 5321 §6.3: a mail loop.
    TooManyHops = 554 "5.4.6" "Too many hops";
    /// RFC 5321 §2.3.8: CR and LF must occur together; anything else could smuggle a second message.
    BareLineEnd = 550 "5.5.2" "Message has a bare CR or LF, or a lone dot not framed by CRLF";
    /// RFC 5321 §4.5.3.1.6: the limit is far above the required 1,000 octets.
    BodyLineTooLong = 550 "5.5.2" "Message has a line that exceeds the limit";
    /// RFC 5322 §2.2: a NUL in a header.
    NulInHeader = 550 "5.6.0" "Message header has a NUL character";
    /// RFC 3463 §3.8: a scanner found a virus in it.
    VirusFound = 550 "5.7.1" "Message content rejected: a virus was found";
    /// RFC 3463 §3.8: a scanner found that it is spam, and the recipients' domain refuses spam.
    SpamRefused = 550 "5.7.1" "Message content rejected: it is spam";
    /// RFC 3463 §3.4: the scanner or the name servers that it needs do not answer.
    ContentUnchecked = 451 "4.3.0" "Message content could not be checked; try again later";
    /// RFC 3463 §3.4: disk space or memory for messages is low.
    InsufficientStorage = 452 "4.3.1" "Insufficient system storage; try again later";
    /// RFC 5321 §4.2.3: the message could not be stored, so it is not accepted.
    LocalError = 451 "4.3.0" "Local error in processing; try again later";

    // Commands that were not done.

    /// RFC 5321 §4.2.4: not a command of SMTP.
    UnknownCommand = 500 "5.5.2" "Command not recognized";
    /// RFC 5321 §4.2.4: a command of SMTP, not offered here.
    NotImplemented = 502 "5.5.1" "Command not implemented";
    /// RFC 5321 §4.1.1: the arguments are invalid.
    BadArguments = 501 "5.5.4" "Syntax error in parameters or arguments";
    /// RFC 5321 §4.1.1.11: a parameter of an extension that was not offered.
    UnknownParameter = 555 "5.5.4" "Parameter not recognized or not implemented";
    /// RFC 5321 §4.5.3.1.4: the command line is too long.
    LineTooLong = 500 "5.5.2" "Line too long";
    /// RFC 5321 §2.3.8: a command line ends in CRLF.
    BareLfCommand = 500 "5.5.2" "Command line does not end in CRLF";
    /// RFC 5321 §2.3.8, §4.1.1: NUL or a bare CR in a command.
    ControlInCommand = 501 "5.5.2" "Control character in command";
    /// RFC 5321 §4.1.4: no greeting yet, or none since TLS started.
    HelloFirst = 503 "5.5.1" "Send EHLO or HELO first";
    /// RFC 5321 §4.1.4: RCPT or DATA without MAIL.
    MailFirst = 503 "5.5.1" "Send MAIL FROM first";
    /// RFC 5321 §4.1.4: DATA without RCPT.
    RcptFirst = 503 "5.5.1" "Send RCPT TO first";
    /// RFC 5321 §4.1.4: MAIL in a transaction.
    NestedMail = 503 "5.5.1" "A transaction is already open";
    /// RFC 5321 §3.3: every recipient was refused.
    NoValidRecipients = 554 "5.5.1" "No valid recipients";
    /// RFC 3207 §4: STARTTLS inside TLS.
    AlreadyTls = 503 "5.5.1" "TLS is already active";
    /// RFC 3207 §4: no certificate at the moment.
    TlsNotAvailable = 454 "4.7.0" "TLS not available at the moment";

    // Replies behind which the connection is closed.

    /// RFC 3207 §5: bytes after STARTTLS would be treated as sent inside TLS.
    PipelinedStartTls = 501 "5.5.1" "Nothing may be sent behind STARTTLS before its reply";
    /// RFC 5321 §3.8: the junk limit of a session.
    TooManyErrors = 421 "4.7.0" "Too many errors or idle commands; closing";
    /// The limit of unknown recipients of a session.
    TooManyUnknown = 421 "4.7.0" "Too many unknown recipients; closing";
    /// A command line of more than a mebibyte.
    EndlessLine = 421 "4.5.2" "Line without end; closing";
    /// A browser, or a TLS client on a plain port.
    NotSmtp = 421 "4.7.0" "This is a mail server; closing";
    /// RFC 5321 §3.1: the client talked before the greeting.
    EarlyTalker = 554 "5.5.1" "Speak after the greeting; closing";
    /// RFC 5321 §4.5.3.2.7: idle too long.
    Timeout = 421 "4.4.2" "Timeout; closing";
    /// RFC 5321 §4.5.3.2: message bytes come too slowly.
    TooSlow = 421 "4.4.2" "Data comes too slowly; closing";
    /// RFC 5321 §3.8: the session limit of the server.
    TooManySessions = 421 "4.3.2" "Too many sessions; try again later";
    /// The session limit of one address.
    TooManySessionsFromYou = 421 "4.7.0" "Too many sessions from your address; try again later";
    /// RFC 5321 §3.8: the server stops.
    ShuttingDown = 421 "4.3.2" "Service shutting down; try again later";
}

impl Reply {
    /// The line without its end, for logs.
    pub const fn as_str(self) -> &'static str {
        match str::from_utf8(self.line().split_at(self.line().len() - 2).0) {
            Ok(text) => text,
            // The table is text; a test reads all of it.
            Err(_) => "",
        }
    }

    /// The reply to a recipient, for every [`Reason`].
    pub fn to_rcpt(decision: &Decision) -> Reply {
        match decision.reason {
            Reason::Listed
            | Reason::SubAddress
            | Reason::System
            | Reason::SignedSender
            | Reason::RewrittenSender
            | Reason::Confirmed => Reply::RecipientOk,
            Reason::SwitchedOff => Reply::RecipientSwitchedOff,
            Reason::Vetoed | Reason::Unlisted | Reason::Absent => Reply::RecipientUnknown,
            Reason::UnlistedSoft | Reason::AbsentSoft => Reply::RecipientUnknownSoft,
            Reason::Undecided => Reply::RecipientUndecided,
            Reason::DomainInactive => Reply::DomainInactive,
            Reason::RelayDenied => Reply::RelayDenied,
            Reason::SourceFlagged => Reply::SourceFlagged,
            Reason::UnderAttack => Reply::DomainUnderAttack,
            Reason::SenderBlocked => Reply::SenderRefused,
            Reason::TooLarge => Reply::TooLargeForRecipient,
            Reason::OtherPolicy => Reply::OtherPolicy,
            Reason::NoSmtpUtf8 => Reply::NonAsciiAddress,
        }
    }

    /// The reply to a message that is not accepted for what is in it.
    pub const fn to_content(refusal: ContentRefusal) -> Reply {
        match refusal {
            ContentRefusal::Virus => Reply::VirusFound,
            ContentRefusal::Spam => Reply::SpamRefused,
            ContentRefusal::Unchecked => Reply::ContentUnchecked,
        }
    }

    /// Whether it is permanent: 5yz.
    pub const fn is_permanent(self) -> bool {
        self.code() / 100 == 5
    }
}

impl fmt::Display for Reply {
    /// Prints the line without its end, for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.code())?;
        if let Some(enhanced) = self.enhanced() {
            write!(f, "{enhanced} ")?;
        }
        f.write_str(self.text())
    }
}
