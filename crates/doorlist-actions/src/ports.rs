//! What actions need of the outside beside the store, as small traits: directories to read, a place for secrets, mail to
//! people, TXT records, an archive for the audit. The binary implements them; the queue has its own (`queue`).

use crate::domains::{RouteStanding, ServerProbe};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::connection::DirectoryConnection;
use doorlist_core::source_rows::{RowProblem, SourceRow};
use doorlist_core::time::Timestamp;
use doorlist_store::contact_book::MailPermit;
use serde::{Deserialize, Serialize};
use std::pin::Pin;

/// Something that is waited for.
pub type Waited<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Reads the recipients of a domain from a directory.
pub trait DirectoryReader: Send + Sync {
    /// Reads what a directory has of a domain: everything, or an error.
    fn read<'a>(&'a self, wish: &'a ReadWish<'a>) -> Waited<'a, Result<DirectoryReading, ReadFailure>>;
    /// Tries each step of a read, and says what each found.
    fn test<'a>(&'a self, wish: &'a ReadWish<'a>) -> Waited<'a, TestReport>;
}

/// How much of the directory is read.
pub struct ReadWish<'a> {
    pub connection: &'a DirectoryConnection,
    pub password: Option<&'a [u8]>,
    /// The addresses of this domain.
    pub domain: &'a DomainName,
    pub domain_aliases: &'a [DomainName],
    /// Only what has changed since this marker.
    pub since: Option<&'a str>,
}

/// What a directory has.
#[derive(Clone, Debug)]
pub struct DirectoryReading {
    pub rows: Vec<SourceRow>,
    pub entries: u64,
    /// `None`: everything was read. Else the keys of the entries that changed; about others nothing is said.
    pub changed: Option<Vec<Box<str>>>,
    /// From where the next reading of changes goes on.
    pub marker: Option<String>,
    /// Number of skipped values, by kind.
    pub skipped: Vec<(String, u64)>,
    /// Values that are no addresses.
    pub problems: Vec<RowProblem>,
    pub problems_total: u64,
    /// References to other servers, which are never followed.
    pub references: u64,
    pub reference_urls: Vec<String>,
    /// The directory refuses paged results, so that everything came in one answer.
    pub unpaged: bool,
    pub server: String,
}

/// Why a directory could not be read. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ReadFailure {
    /// What happened and what to do, fit for whoever may see the connection.
    pub message: String,
    /// What the system said, for the operator.
    pub cause: Option<String>,
}

/// The result of a connection test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// In order, up to the first that failed.
    pub steps: Vec<TestStep>,
    /// SHA-256 of the certificate that the server showed, to be pinned.
    pub certificate_sha256: Option<String>,
    /// Whose certificate it is, and until when.
    pub certificate: Option<String>,
    /// The first entries as they would be listed.
    pub first: Vec<String>,
    pub good: bool,
}

/// One step of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestStep {
    pub server: Option<String>,
    /// Which: name, connect, TLS, bind, base, search.
    pub stage: String,
    pub ok: bool,
    /// The result, or the error and what to do.
    pub detail: String,
    /// How long, in milliseconds.
    pub millis: u64,
}

/// Keeps secrets: what is sealed can be stored anywhere, and opened only here.
pub trait SecretStore: Send + Sync {
    /// Encrypts a secret; `name` says what it is for, and must be the same when it is opened.
    fn seal(&self, name: &str, secret: &[u8]) -> Result<String, String>;
    /// The secret again.
    ///
    /// # Errors
    /// A sentence for people: the key is another one, or what was stored is damaged.
    fn open(&self, name: &str, sealed: &str) -> Result<Vec<u8>, String>;
    /// A new token: 256 random bits as text that fits into a URL.
    fn token(&self) -> Result<String, String>;
    /// A new key of the API: 160 random bits as 40 hexadecimal digits.
    fn key(&self) -> Result<String, String>;
    /// A password as it is kept: argon2id with a salt of its own.
    fn hash_password(&self, password: &str) -> Result<String, String>;
    /// What is kept of a token: nobody can make the token of it.
    fn hash(&self, token: &str) -> String;
    /// Makes the key if there is none. Only for whoever knows that nothing is sealed yet: a key that is lost is missed.
    ///
    /// # Errors
    /// A sentence for people: the key cannot be read or made.
    fn make_key(&self) -> Result<(), String>;
    /// A message authentication code of data, as 64 hexadecimal digits. `purpose` says what it is for; a code for one
    /// purpose is none for another.
    ///
    /// # Errors
    /// A sentence for people: the key cannot be read or is not there.
    fn mac(&self, purpose: &str, data: &str) -> Result<String, String>;
    /// Whether it is the code of this data.
    ///
    /// # Errors
    /// A sentence for people: the key cannot be read or is not there.
    fn is_mac(&self, purpose: &str, data: &str, mac: &str) -> Result<bool, String>;
}

/// Keeps parts of the audit that were taken out of the store.
pub trait AuditArchive: Send + Sync {
    /// Keeps a part on stable storage; it takes the place of one of the same name.
    fn keep<'a>(&'a self, part: &'a AuditPart) -> Waited<'a, Result<(), String>>;
    /// Removes parts whose newest entry is from before this time, and the oldest ones beyond a number. Gives the names of
    /// what went.
    fn prune(&self, before: Timestamp, number_max: usize) -> Waited<'_, Result<Vec<String>, String>>;
}

/// A part of the audit that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPart {
    /// Of which node's chain.
    pub node: u16,
    /// The number of its first entry.
    pub first: u64,
    /// The number of its last entry.
    pub last: u64,
    /// When its newest entry was made.
    pub newest: Timestamp,
    /// JSON Lines: where the chain stood before it, then an entry a line.
    pub text: String,
}

/// Looks up what proves that a domain is somebody's.
pub trait TxtLookup: Send + Sync {
    /// The texts of the TXT records of this name (RFC 1035 section 3.3.14); none if the name has none.
    fn txt<'a>(&'a self, name: &'a str) -> Waited<'a, Result<Vec<String>, String>>;
}

/// Tells people by mail, each of whom needs a permit of the contact book.
pub trait Notifier: Send + Sync {
    /// Takes a message for delivery by the way that bounces go. Must not wait for its delivery.
    fn tell<'a>(&'a self, to: Vec<MailPermit>, subject: &'a str, text: &'a str) -> Waited<'a, Result<(), String>>;
}

/// Where nobody can be told: a command without a server.
pub struct NoNotifier;

impl Notifier for NoNotifier {
    fn tell<'a>(&'a self, _: Vec<MailPermit>, _: &'a str, _: &'a str) -> Waited<'a, Result<(), String>> {
        Box::pin(async { Err("no server is running".to_owned()) })
    }
}

/// The running server: what only it knows, and what only it can ask.
pub trait ServerState: Send + Sync {
    fn started(&self) -> Timestamp;
    /// Sources that are flagged for guessing at this time.
    fn sources_flagged(&self) -> u64;
    /// Whether the answers of each server of a protected name about unlisted recipients are trusted.
    fn routes(&self, name: &DomainName) -> Vec<RouteStanding>;
    /// Asks the servers of a protected name now: for an address, or whether their answers can be trusted.
    fn probe<'a>(&'a self, name: &'a DomainName, address: Option<&'a Address>) -> Waited<'a, Vec<ServerProbe>>;
}
