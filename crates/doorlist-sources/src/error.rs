//! Errors of a read: the stage, and a sentence that says what happened and what to do. The sentences never contain
//! text of the server, and do not distinguish a closed port from a silent one: whoever edits a connection must not
//! learn about the operator's network. Only an address that is not allowed is named, since the operator has to allow it.

use super::ber::BerFault;
use doorlist_core::connection::{AttributeName, ConnectionError, DirectoryServer};
use std::fmt::{self, Write};
use std::net::SocketAddr;

/// Maximum characters of a cause.
const CAUSE_CHARS_MAX: usize = 500;

/// Why and where a read failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The server, if one was contacted.
    pub server: Option<DirectoryServer>,
    /// The stage at which it failed.
    pub stage: Stage,
    pub fault: ReadFault,
    /// Error text of the system, only for the operator's log.
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
    /// The base of the search.
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
pub enum ReadFault {
    /// The settings are wrong; no server was contacted.
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    /// A name without a password would be an anonymous bind (RFC 4513 §5.1.2).
    #[error("the bind requires a password: set it again")]
    NoPassword,
    /// The CA file has no valid certificate.
    #[error("the CA certificates are not readable: give them as PEM")]
    Authority,
    /// The CA file has certificates of servers only; the fingerprint is that of the first.
    #[error(
        "the CA file has no CA certificate: give that of the CA which signed the server's, or trust just this \
         certificate with --pin {}",
        hex(.0)
    )]
    NoCa([u8; 32]),
    /// This machine has no CA certificates.
    #[error("this machine has no CA certificates: install them (package ca-certificates), or give a CA file")]
    NoAuthorities,
    /// The server's name has no address.
    #[error("the server's name does not exist in DNS: check the name")]
    NoName,
    /// A private or local address, or not a directory port.
    #[error(
        "{address} is a private or local address, or its port is not a directory port: to allow it, put the line \
         allow_networks = [\"{}\"] into the section [sources] of the configuration file, and restart the server (an \
         agent has this line at the top of its own file)",
        address.ip()
    )]
    NotAllowed { address: SocketAddr },
    /// Closed, filtered, unreachable or reset, not distinguished on purpose.
    #[error("cannot connect to the server: check name, port and firewall")]
    NotReached,
    /// The handshake failed, but not because of the certificate.
    #[error("no TLS with the server: check that it uses TLS on this port")]
    Handshake,
    /// The certificate is not trusted.
    #[error("{0}")]
    Certificate(#[from] CertificateFault),
    /// The server refused StartTLS (RFC 4511 §4.14.2).
    #[error("the server refuses StartTLS: use ldaps://, or set up its certificate")]
    StartTlsRefused,
    /// Data followed the answer to StartTLS, and would have been treated as encrypted.
    #[error("the server sent unencrypted data after its answer to StartTLS; nothing was used")]
    StartTlsInjection,
    /// The deadline of a stage.
    #[error("the server did not answer in time")]
    TooSlow,
    /// The deadline of the whole read.
    #[error("the read exceeded its time limit; nothing was used")]
    TimeUp,
    /// The connection ended before the answer.
    #[error("the connection was lost before everything was read; nothing was used")]
    Lost,
    /// The server said that it ends the connection (RFC 4511 §4.4.1).
    #[error("the server closed the connection before everything was read; nothing was used")]
    Ended,
    /// The answer is not LDAP.
    #[error("protocol error of the server: {0}")]
    Protocol(#[from] BerFault),
    /// An answer to an unknown request.
    #[error("protocol error of the server: it answered a request that was not sent")]
    WrongAnswer,
    /// An error result of the server.
    #[error("{0}")]
    Refused(LdapRefusal),
    /// The refusal of the search without the control for paged results, after one with it.
    #[error("the directory refuses the search with paged results (RFC 2696), and without them: {0}")]
    Unpaged(LdapRefusal),
    /// The refusal of a later page: by a limit of paged results, or because the server lost its place.
    #[error("the directory refuses the next page of paged results (RFC 2696), and nothing was used: {0}")]
    NextPage(LdapRefusal),
    /// More entries than the limit.
    #[error("more than {max} entries match the filter: narrow base or filter, or raise the limit")]
    TooManyEntries { max: u64 },
    /// More bytes in a page than the limit.
    #[error("a page of the answer has more than {max} bytes; nothing was used")]
    PageTooLarge { max: u64 },
    /// An attribute of one entry has more values than the limit.
    #[error("an entry has more than {max} values of {attribute}; nothing was used")]
    TooManyValues { attribute: AttributeName, max: usize },
    /// Pages without end, with any cookies.
    #[error("the server sends pages without end; nothing was used")]
    EndlessPages,
    /// A range of values that does not continue the previous one.
    #[error("protocol error of the server: it sends values of an entry without end")]
    EndlessValues,
}

/// Why a certificate is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Self-signed, or of an unknown CA.
    #[error("the server's certificate is not signed by a trusted CA: give its CA certificate, or pin it")]
    Untrusted,
    /// It is the one in the CA file, but a server's own certificate is no CA.
    #[error(
        "the CA file has the server's own certificate, which is no CA: trust just this certificate with --pin {}",
        hex(.0)
    )]
    NoCa([u8; 32]),
    /// Or not valid yet.
    #[error("the server's certificate is not valid at this time: renew it, and check the clocks")]
    Expired,
    /// The certificate is for another name.
    #[error("the server's certificate is for another name: use the name in the certificate, or pin it")]
    OtherName,
    /// It is not the pinned certificate.
    #[error("the server's certificate is not the pinned one: if it was renewed, check and pin the new one")]
    NotPinned,
    #[error("the server's certificate is not valid")]
    Invalid,
}

/// An error result, by its code (RFC 4511 §4.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LdapRefusal {
    /// Result code 1, operationsError: Active Directory's answer to a search without a bind.
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
    /// Result code 12, unavailableCriticalExtension.
    #[error("the directory refuses a control of the request; nothing was used")]
    Control,
    /// Result codes 17, undefinedAttributeType, and 18, inappropriateMatching.
    #[error("the directory rejects the filter: check it")]
    BadFilter,
    /// Result code 53, unwillingToPerform, to something else than a bind.
    #[error(
        "the directory is not willing to answer this search: check the base, and rights and limits of the bind account"
    )]
    Unwilling,
    /// Result code 48, inappropriateAuthentication.
    #[error("the directory rejects this kind of bind: set a bind DN and password")]
    BindKind,
    /// Result code 49, invalidCredentials.
    #[error("the directory rejects the bind DN or the password")]
    Credentials,
    /// Result code 49 with Active Directory's code for a disabled, expired or locked account.
    #[error("the bind account is disabled, locked or expired: enable it in the directory")]
    AccountState,
    /// Result code 49 with Active Directory's code for an expired password.
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
    pub(crate) fn new(stage: Stage, fault: impl Into<ReadFault>) -> Self {
        Self { server: None, stage, fault: fault.into(), cause: None }
    }

    /// An error with the error text of the system.
    pub(crate) fn caused(stage: Stage, fault: ReadFault, cause: impl fmt::Display) -> Self {
        // What the system says of a certificate has names out of it: they must not steer a terminal.
        let readable = readable(cause.to_string().as_bytes(), CAUSE_CHARS_MAX);
        Self { server: None, stage, fault, cause: Some(readable) }
    }

    pub(crate) fn at(mut self, server: &DirectoryServer) -> Self {
        self.server = Some(server.clone());
        self
    }

    /// Whether another server should be tried: this one was unreachable or busy. A refused bind counts for all
    /// servers.
    pub fn is_unreachable(&self) -> bool {
        match self.stage {
            Stage::Settings => false,
            Stage::Name | Stage::Connect | Stage::Tls => true,
            Stage::Bind | Stage::Base => {
                matches!(
                    self.fault,
                    ReadFault::Refused(LdapRefusal::Busy) | ReadFault::Lost | ReadFault::Ended | ReadFault::TooSlow
                )
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

/// The refusal for a result code; `None` for success. `text` is the server's; only Active Directory's code for the
/// state of the account is read from it: `data 52e`.
pub(crate) fn refusal(stage: Stage, code: u32, text: &[u8]) -> Option<LdapRefusal> {
    Some(match code {
        0 => return None,
        1 => LdapRefusal::BindFirst,
        3 => LdapRefusal::TimeLimit,
        4 => LdapRefusal::SizeLimit,
        8 | 13 => LdapRefusal::Encrypt,
        10 => LdapRefusal::Elsewhere,
        11 => LdapRefusal::AdminLimit,
        12 => LdapRefusal::Control,
        17 | 18 => LdapRefusal::BadFilter,
        32 => LdapRefusal::NoBase,
        34 if stage == Stage::Bind => LdapRefusal::Credentials,
        34 => LdapRefusal::BadName,
        48 => LdapRefusal::BindKind,
        49 => match active_directory_code(text) {
            Some(0x530 | 0x531 | 0x533 | 0x701 | 0x775) => LdapRefusal::AccountState,
            Some(0x532 | 0x773) => LdapRefusal::PasswordExpired,
            _ => LdapRefusal::Credentials,
        },
        50 => LdapRefusal::Rights,
        51 | 52 => LdapRefusal::Busy,
        53 if stage == Stage::Bind => LdapRefusal::BindKind,
        53 => LdapRefusal::Unwilling,
        code => LdapRefusal::Other { code },
    })
}

/// Untrusted text for people: escaped and limited in length.
pub(crate) fn readable(text: &[u8], chars_max: usize) -> String {
    let text: String = String::from_utf8_lossy(text).chars().take(chars_max).collect();
    doorlist_core::visible::visible(&text).into_owned()
}

/// A fingerprint as `--pin` takes it.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn active_directory_code(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.split_once("data ")?.1.split([',', ' ']).next()?;
    u32::from_str_radix(digits, 16).ok()
}
