//! Errors of a read: the stage, and a sentence that says what happened and what to do. The sentences never contain
//! text of the server, and do not distinguish a closed port from a silent one: whoever edits a connection must not
//! learn about the operator's network.

use super::ber::BerFault;
use doorlist_core::connection::{AttributeName, ConnectionError, DirectoryServer};
use std::fmt;

/// Characters of a cause that are kept.
const CAUSE_CHARS_MAX: usize = 500;

/// A read that gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// Which server, where one was asked.
    pub server: Option<DirectoryServer>,
    /// How far it came.
    pub stage: Stage,
    pub fault: Fault,
    /// What the system said, for the operator's log only.
    pub cause: Option<String>,
}

/// The stages of a read, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Settings,
    Name,
    /// The connection to it.
    Connect,
    /// Encryption, and its certificate.
    Tls,
    Bind,
    /// The place that is searched.
    Base,
    Search,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Settings => "settings",
            Stage::Name => "name",
            Stage::Connect => "connect",
            Stage::Tls => "TLS",
            Stage::Bind => "bind",
            Stage::Base => "base",
            Stage::Search => "search",
        })
    }
}

/// What went wrong at the stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The settings are wrong; no server was contacted.
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    /// A name without a password would be taken for nobody (RFC 4513 §5.1.2).
    #[error("the bind requires a password: set it again")]
    NoPassword,
    /// The own authority's certificates are none.
    #[error("the CA certificates are not readable: give them as PEM")]
    Authority,
    /// This machine knows no authorities.
    #[error("this machine has no CA certificates: install them (package ca-certificates), or give a CA file")]
    NoAuthorities,
    /// The server's name has no address.
    #[error("the server's name does not exist in DNS: check the name")]
    NoName,
    /// Private, local or our own address, or a port of another service.
    #[error(
        "the server's address is private or local, or its port is not a directory port: the operator must allow it in \
         sources.allow_networks"
    )]
    NotAllowed,
    /// Closed, filtered, unreachable, cut: all the same to whoever asks.
    #[error("cannot connect to the server: check name, port and firewall")]
    NotReached,
    /// The handshake failed for another reason than the certificate.
    #[error("no TLS with the server: check that it uses TLS on this port")]
    Handshake,
    /// The certificate is not believed.
    #[error("{0}")]
    Certificate(#[from] CertificateFault),
    /// The server refused StartTLS (RFC 4511 §4.14.2).
    #[error("the server refuses StartTLS: use ldaps://, or set up its certificate")]
    StartTlsRefused,
    /// Something stood behind the answer to StartTLS: it would have been taken for encrypted.
    #[error("the server sent unencrypted data after its answer to StartTLS; nothing was used")]
    StartTlsInjection,
    /// A stage took too long.
    #[error("the server did not answer in time")]
    TooSlow,
    /// All of it took too long.
    #[error("the read exceeded its time limit; nothing was used")]
    TimeUp,
    /// The connection ended before the answer.
    #[error("the connection was lost before everything was read; nothing was used")]
    Lost,
    /// The server said that it ends the connection (RFC 4511 §4.4.1).
    #[error("the server closed the connection before everything was read; nothing was used")]
    Ended,
    /// What came is no LDAP.
    #[error("protocol error of the server: {0}")]
    Protocol(#[from] BerFault),
    /// An answer to something that was not asked.
    #[error("protocol error of the server: it answered a request that was not sent")]
    WrongAnswer,
    /// The server said no.
    #[error("{0}")]
    Refused(Refusal),
    /// More entries than are believed.
    #[error("more than {max} entries match the filter: narrow base or filter, or raise the limit")]
    TooManyEntries { max: u64 },
    /// More bytes in a page than are believed.
    #[error("a page of the answer has more than {max} bytes; nothing was used")]
    PageTooLarge { max: u64 },
    /// An attribute of one entry has more values than are believed.
    #[error("an entry has more than {max} values of {attribute}; nothing was used")]
    TooManyValues { attribute: AttributeName, max: usize },
    /// Pages without end, by whatever cookies.
    #[error("the server sends pages without end; nothing was used")]
    EndlessPages,
    /// A range of values that does not go on where the one before ended.
    #[error("protocol error of the server: it sends values of an entry without end")]
    EndlessValues,
}

/// Why a certificate is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Self-signed, or by an authority that is not known.
    #[error("the server's certificate is not signed by a trusted CA: give its CA certificate, or pin it")]
    Untrusted,
    /// Or not valid yet.
    #[error("the server's certificate is not valid at this time: renew it, and check the clocks")]
    Expired,
    /// The certificate is for another name.
    #[error("the server's certificate is for another name: use the name in the certificate, or pin it")]
    OtherName,
    /// Not the pinned one.
    #[error("the server's certificate is not the pinned one: if it was renewed, check and pin the new one")]
    NotPinned,
    #[error("the server's certificate is not valid")]
    Invalid,
}

/// The server's no, by its result code (RFC 4511 §4.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// operationsError(1): what Active Directory says to a search without a bind.
    #[error("the directory refuses this account: if none is set, set a bind DN and password")]
    BindFirst,
    /// Result code 3, timeLimitExceeded (RFC 4511 §A.2).
    #[error("the search exceeded the directory's time limit; narrow base or filter, or raise its limit")]
    TimeLimit,
    /// Result code 4, sizeLimitExceeded.
    #[error("the directory's size limit for this account cut the answer off; raise it, or allow paging")]
    SizeLimit,
    /// Result code 11, adminLimitExceeded.
    #[error("the search exceeded an administrative limit of the directory: narrow base or filter, or raise the limit")]
    AdminLimit,
    /// Result codes 8, strongerAuthRequired, and 13, confidentialityRequired.
    #[error("the directory accepts no password over an unencrypted connection: use ldaps:// or StartTLS")]
    Encrypt,
    /// Result code 10, referral (RFC 4511).
    #[error("the base is on another server: use that server (referrals are not followed)")]
    Elsewhere,
    /// Result code 32, noSuchObject.
    #[error("the base does not exist, or the bind account cannot read it: check the base DN")]
    NoBase,
    /// Result code 34, invalidDNSyntax.
    #[error("the base is not a distinguished name: write it as dc=example,dc=test")]
    BadName,
    /// undefinedAttributeType(17), inappropriateMatching(18), unwillingToPerform(53) to a search
    #[error("the directory rejects the filter: check it")]
    BadFilter,
    /// Result code 48, inappropriateAuthentication.
    #[error("the directory rejects this kind of bind: set a bind DN and password")]
    BindKind,
    /// Result code 49, invalidCredentials.
    #[error("the directory rejects the bind DN or the password")]
    Credentials,
    /// invalidCredentials(49) with Active Directory's word that the account is switched off, expired or locked.
    #[error("the bind account is disabled, locked or expired: enable it in the directory")]
    AccountState,
    /// invalidCredentials(49) with Active Directory's word that the password has to be changed.
    #[error("the password of the bind account has expired: set a new one in the directory and here")]
    PasswordExpired,
    /// Result code 50, insufficientAccessRights.
    #[error("the bind account has no read access: grant it read access to the base and the entries below")]
    Rights,
    /// Result codes 51, busy, and 52, unavailable.
    #[error("the directory is busy or shutting down; the next sync tries again")]
    Busy,
    #[error("the directory returned error {code}; nothing was used")]
    Other { code: u32 },
}

impl ReadError {
    pub(crate) fn new(stage: Stage, fault: impl Into<Fault>) -> Self {
        Self { server: None, stage, fault: fault.into(), cause: None }
    }

    /// With what the system said.
    pub(crate) fn caused(stage: Stage, fault: Fault, cause: impl fmt::Display) -> Self {
        // What the system says of a certificate has names out of it: they must not steer a terminal.
        let readable = readable(cause.to_string().as_bytes(), CAUSE_CHARS_MAX);
        Self { server: None, stage, fault, cause: Some(readable) }
    }

    pub(crate) fn at(mut self, server: &DirectoryServer) -> Self {
        self.server = Some(server.clone());
        self
    }

    /// Whether another server may do better: this one was not there, or had no time. One that refuses the bind speaks
    /// for all.
    pub fn is_unreachable(&self) -> bool {
        match self.stage {
            Stage::Settings => false,
            Stage::Name | Stage::Connect | Stage::Tls => true,
            Stage::Bind | Stage::Base => {
                matches!(self.fault, Fault::Refused(Refusal::Busy) | Fault::Lost | Fault::Ended | Fault::TooSlow)
            }
            Stage::Search => false,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(server) = &self.server {
            write!(f, "{server}: ")?;
        }
        write!(f, "{}: {}", self.stage, self.fault)
    }
}

impl std::error::Error for ReadError {}

/// The refusal that a result code means; None for success. `text` is the server's own, from which only Active
/// Directory's code for the state of the account is taken: `data 52e`.
pub(crate) fn refusal(stage: Stage, code: u32, text: &[u8]) -> Option<Refusal> {
    Some(match code {
        0 => return None,
        1 => Refusal::BindFirst,
        3 => Refusal::TimeLimit,
        4 => Refusal::SizeLimit,
        8 | 13 => Refusal::Encrypt,
        10 => Refusal::Elsewhere,
        11 => Refusal::AdminLimit,
        17 | 18 => Refusal::BadFilter,
        32 => Refusal::NoBase,
        34 if stage == Stage::Bind => Refusal::Credentials,
        34 => Refusal::BadName,
        48 => Refusal::BindKind,
        49 => match active_directory_code(text) {
            Some(0x530 | 0x531 | 0x533 | 0x701 | 0x775) => Refusal::AccountState,
            Some(0x532 | 0x773) => Refusal::PasswordExpired,
            _ => Refusal::Credentials,
        },
        50 => Refusal::Rights,
        51 | 52 => Refusal::Busy,
        53 if stage == Stage::Bind => Refusal::BindKind,
        53 => Refusal::BadFilter,
        code => Refusal::Other { code },
    })
}

/// A text that came from elsewhere, for people to read: hidden characters escaped, and not without end.
pub(crate) fn readable(text: &[u8], chars_max: usize) -> String {
    let text: String = String::from_utf8_lossy(text).chars().take(chars_max).collect();
    doorlist_core::visible::visible(&text).into_owned()
}

fn active_directory_code(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.split_once("data ")?.1.split([',', ' ']).next()?;
    u32::from_str_radix(digits, 16).ok()
}
