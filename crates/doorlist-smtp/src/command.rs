//! Parses a command line into its verb and the arguments of MAIL, RCPT and HELO (RFC 5321 §4.1).
//!
//! Everything borrows from the line; nothing is copied or folded, because Doorlist relays addresses as the sender
//! wrote them. An error is the [`Reply`] to send. `server` decides which verb may come when.

mod parameters;
mod path;
#[cfg(test)]
mod tests;

pub use path::PATH_MAX;

use crate::reply::Reply;
use path::Path;

/// Maximum octets of a domain in HELO or EHLO (RFC 5321 §4.5.3.1.2).
const HELO_NAME_MAX: usize = 255;
/// Maximum octets of a verb; longer ones are unknown.
const VERB_MAX: usize = 8;

/// The verb of a command line. Unknown words are [`Verb::Unknown`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// RFC 5321 §4.1.1.1, with extensions.
    Ehlo,
    /// RFC 5321 §4.1.1.1, without.
    Helo,
    /// MAIL, RFC 5321 §4.1.1.2.
    Mail,
    /// RCPT, RFC 5321 §4.1.1.3.
    Rcpt,
    /// DATA, RFC 5321 §4.1.1.4.
    Data,
    /// RSET, RFC 5321 §4.1.1.5.
    Rset,
    /// VRFY, RFC 5321 §4.1.1.6.
    Vrfy,
    /// HELP, RFC 5321 §4.1.1.8.
    Help,
    /// NOOP, RFC 5321 §4.1.1.9.
    Noop,
    /// QUIT, RFC 5321 §4.1.1.10.
    Quit,
    /// STARTTLS, RFC 3207 §4.
    StartTls,
    /// A known SMTP command that is not offered: EXPN, AUTH, BDAT, ETRN, XCLIENT, ...
    NotImplemented,
    /// A request line of HTTP, sent by a browser (cross-protocol attack).
    Http,
    Unknown,
}

/// Splits a line (without its CRLF) into verb and arguments, which begin right after the verb.
pub fn split(line: &[u8]) -> (Verb, &[u8]) {
    let word = line.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(line.len());
    let (word, arguments) = line.split_at(word);
    let mut upper = [0; VERB_MAX];
    let Some(upper) = upper.get_mut(..word.len()) else { return (Verb::Unknown, arguments) };
    upper.copy_from_slice(word);
    upper.make_ascii_uppercase();
    let verb = match &*upper {
        b"RCPT" => Verb::Rcpt,
        b"MAIL" => Verb::Mail,
        b"DATA" => Verb::Data,
        b"EHLO" => Verb::Ehlo,
        b"HELO" => Verb::Helo,
        b"RSET" => Verb::Rset,
        b"NOOP" => Verb::Noop,
        b"QUIT" => Verb::Quit,
        b"VRFY" => Verb::Vrfy,
        b"HELP" => Verb::Help,
        b"STARTTLS" => Verb::StartTls,
        b"EXPN" | b"AUTH" | b"BDAT" | b"ETRN" | b"ATRN" | b"TURN" | b"SEND" | b"SOML" | b"SAML" | b"XCLIENT"
        | b"XFORWARD" | b"LHLO" => Verb::NotImplemented,
        b"GET" | b"POST" | b"HEAD" | b"PUT" | b"CONNECT" | b"OPTIONS" | b"DELETE" | b"PATCH" | b"TRACE"
            if !arguments.is_empty() =>
        {
            Verb::Http
        }
        _ => Verb::Unknown,
    };
    (verb, arguments)
}

/// The arguments of MAIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailFrom<'a> {
    /// Text between the angle brackets, without a source route; empty for the null sender.
    pub path: &'a [u8],
    /// SIZE (RFC 1870), as the client declares it.
    pub size: Option<u64>,
    /// The parameter BODY=8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// The parameter SMTPUTF8 (RFC 6531).
    pub smtp_utf8: bool,
}

impl<'a> MailFrom<'a> {
    /// Parses the text after MAIL.
    pub fn parse(arguments: &'a [u8]) -> Result<Self, Reply> {
        let rest = keyword(arguments, b"FROM:").ok_or(Reply::BadArguments)?;
        let (path, rest) = Path::parse(rest, Reply::BadSenderSyntax)?;
        if !path.written.is_empty() && path.domain.is_empty() {
            return Err(Reply::BadSenderSyntax);
        }
        let mail = parameters::of_mail(path.written, rest)?;
        check_charset(path.written, mail.smtp_utf8, Reply::BadSenderSyntax)?;
        Ok(mail)
    }
}

/// The arguments of RCPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RcptTo<'a> {
    /// Text between the angle brackets, as written, without a source route.
    pub path: &'a [u8],
    /// The part before the last `@` outside quotes, with its quotes.
    pub local: &'a [u8],
    /// The part after it, with the brackets of an address literal; empty for bare `<postmaster>`.
    pub domain: &'a [u8],
    /// Whether there was a source route (RFC 5321 appendix C).
    pub source_route: bool,
}

impl<'a> RcptTo<'a> {
    /// Parses the text after RCPT, in a transaction with or without SMTPUTF8.
    pub fn parse(arguments: &'a [u8], smtp_utf8: bool) -> Result<Self, Reply> {
        let rest = keyword(arguments, b"TO:").ok_or(Reply::BadArguments)?;
        let (path, rest) = Path::parse(rest, Reply::BadRecipientSyntax)?;
        if path.domain.is_empty() && (path.source_route || !path.local.eq_ignore_ascii_case(b"postmaster")) {
            return Err(Reply::BadRecipientSyntax);
        }
        parameters::of_rcpt(rest)?;
        check_charset(path.written, smtp_utf8, Reply::BadRecipientSyntax)?;
        Ok(Self { path: path.written, local: path.local, domain: path.domain, source_route: path.source_route })
    }
}

/// The name in HELO or EHLO: whatever is printable, because many clients do not know their name and none is refused for
/// it. Octets beyond ASCII are taken as they are.
pub fn helo_name(arguments: &[u8]) -> Result<&[u8], Reply> {
    let name = arguments.trim_ascii();
    let printable = !name.iter().any(u8::is_ascii_control);
    if name.is_empty() || name.len() > HELO_NAME_MAX || !printable { Err(Reply::BadArguments) } else { Ok(name) }
}

/// Skips blanks and `word` case-insensitively, and blanks that some clients put after the colon.
fn keyword<'a>(arguments: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let arguments = arguments.trim_ascii_start();
    let (found, rest) = arguments.split_at_checked(word.len())?;
    found.eq_ignore_ascii_case(word).then(|| rest.trim_ascii_start())
}

/// Allows non-ASCII only in a transaction with SMTPUTF8, and then only UTF-8 (RFC 6531 §3.3).
fn check_charset(path: &[u8], smtp_utf8: bool, bad_syntax: Reply) -> Result<(), Reply> {
    if path.is_ascii() {
        return Ok(());
    }
    if !smtp_utf8 {
        return Err(Reply::NonAsciiAddress);
    }
    if std::str::from_utf8(path).is_err() { Err(bad_syntax) } else { Ok(()) }
}
