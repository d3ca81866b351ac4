//! Tests a connection for the person who configures it: the steps of a read with duration and result, the certificate
//! of the server (for pinning), and the first entries. Stores nothing.

use super::dial;
use super::error::{ReadError, Stage, hex};
use super::read::{DirectoryRead, ReadContext, ReadMode};
use super::secret::Secret;
use super::session::DirectorySession;
use super::terms::ReadTerms;
use super::trust::fingerprint;
use doorlist_core::address::DomainName;
use doorlist_core::change::Structure;
use doorlist_core::connection::{DirectoryConnection, DirectoryServer, DirectoryTls, LdapBind};
use doorlist_core::source_rows::{RowPosition, SourceRow, shown};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Number of entries that are shown.
const ENTRIES_SHOWN: usize = 10;

/// The result of a connection test.
#[derive(Clone, Debug, Default)]
pub struct ConnectionTest {
    /// Steps in order; for each server up to the first failure.
    pub steps: Vec<ConnectionTestStep>,
    /// The certificate of the last server that sent one, trusted or not.
    pub certificate: Option<ShownCertificate>,
    /// The first entries with addresses of the domain.
    pub first: Vec<MappedEntry>,
    /// The read; `None` if a step failed.
    pub read: Option<DirectoryRead>,
}

impl ConnectionTest {
    /// Whether everything was read.
    pub fn is_good(&self) -> bool {
        self.read.is_some()
    }
}

/// The outcome of one step of the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionTestStep {
    /// The server; `None` for the settings.
    pub server: Option<String>,
    pub stage: Stage,
    pub ok: bool,
    /// The result, or the error and what to do.
    pub detail: String,
    /// Error text of the system, only for the operator.
    pub cause: Option<String>,
    /// How long it took.
    pub millis: u64,
}

/// A certificate for display. Its texts come from the server, with control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCertificate {
    /// Subject; empty if it cannot be parsed.
    pub subject: String,
    /// Issuer of the certificate, as the server sent it.
    pub issuer: String,
    /// Expiry, such as `Nov 23 06:20:11 2027 +00:00`.
    pub not_after: String,
    /// The pin, 64 hexadecimal digits.
    pub sha256: String,
}

/// An entry as it would be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedEntry {
    /// Distinguished name of the entry.
    pub dn: String,
    pub account: String,
    /// It is a distribution list.
    pub is_list: bool,
    pub aliases: Vec<String>,
}

/// Tests a connection and reads everything, with the limits of [`super::read()`].
pub async fn test(
    connection: &DirectoryConnection,
    password: Option<&Secret>,
    domain: &DomainName,
    domain_aliases: &[DomainName],
    terms: &ReadTerms,
) -> ConnectionTest {
    let mut report = ConnectionTest::default();
    let reading = match ReadContext::new(connection, password, domain, domain_aliases, terms).await {
        Ok(reading) => reading,
        Err(error) => {
            report.failed(None, &error, Duration::ZERO);
            return report;
        }
    };
    for server in &connection.servers {
        let mut trial = Trial { reading: &reading, server, report: &mut report, began: Instant::now() };
        let tried = trial.run().await;
        let took = trial.began.elapsed();
        if let Some(certificate) = reading.believer.shown() {
            report.certificate = Some(ShownCertificate::of(&certificate));
        }
        match tried {
            Ok(read) => {
                report.first = first(&read.rows, domain);
                report.read = Some(read);
                return report;
            }
            Err(error) => {
                report.failed(Some(server), &error, took);
                if !error.is_unreachable() {
                    return report;
                }
            }
        }
    }
    report
}

struct Trial<'t> {
    reading: &'t ReadContext<'t>,
    server: &'t DirectoryServer,
    report: &'t mut ConnectionTest,
    /// Start of the running step.
    began: Instant,
}

impl Trial<'_> {
    async fn run(&mut self) -> Result<DirectoryRead, ReadError> {
        let (reading, server, terms) = (self.reading, self.server, self.reading.terms);
        let addresses = dial::resolve(server, terms).await?;
        let names: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
        self.passed(Stage::Name, names.join(", "));

        let stream = dial::connect(&addresses, terms).await?;
        self.passed(Stage::Connect, format!("port {} answers", server.port));

        let mut session = DirectorySession::new(stream, terms, reading.end);
        session.encrypt(server, &reading.believer, terms).await?;
        self.passed(Stage::Tls, self.encryption());

        session.bind(&reading.connection.bind, reading.password).await?;
        self.passed(
            Stage::Bind,
            match &reading.connection.bind {
                LdapBind::Anonymous => "anonymous".to_owned(),
                LdapBind::Simple { name } => format!("as {name}"),
            },
        );

        let is_there = reading.base(&mut session).await?;
        self.passed(
            Stage::Base,
            match is_there {
                true => "exists".to_owned(),
                false => "the account cannot read this entry; it may still read entries below".to_owned(),
            },
        );

        let read = reading.entries(&mut session, server, &ReadMode::Full).await?;
        session.close().await;
        self.passed(Stage::Search, summary(&read));
        Ok(read)
    }

    fn passed(&mut self, stage: Stage, detail: String) {
        let server = Some(self.server.to_string());
        let millis = self.began.elapsed().as_millis() as u64;
        self.report.steps.push(ConnectionTestStep { server, stage, ok: true, detail, cause: None, millis });
        self.began = Instant::now();
    }

    fn encryption(&self) -> String {
        match (self.server.tls, self.reading.believer.shown()) {
            (DirectoryTls::Plain, _) | (_, None) => "none: the connection is not encrypted".to_owned(),
            (_, Some(certificate)) => {
                let ShownCertificate { subject, not_after, sha256, .. } = ShownCertificate::of(&certificate);
                format!("certificate of {subject}, valid until {not_after}, SHA-256 {sha256}")
            }
        }
    }
}

fn summary(read: &DirectoryRead) -> String {
    let mut text = format!("{} entries, {} addresses of the domain", read.entries, read.rows.len());
    if read.entries == 0 {
        text.push_str(": check base, filter and the read permissions of the bind account");
    }
    for (what, count) in &read.skipped {
        let _ = write!(text, "; {count} {what}");
    }
    if read.problems_total > 0 {
        let _ = write!(text, "; {} invalid addresses", read.problems_total);
    }
    if read.unpaged {
        text.push_str("; the directory refuses paged results (RFC 2696), so everything was read in one answer");
    }
    if read.references > 0 {
        let _ = write!(text, "; {} referrals to other servers, not followed", read.references);
    }
    text
}

impl ConnectionTest {
    fn failed(&mut self, server: Option<&DirectoryServer>, error: &ReadError, took: Duration) {
        self.steps.push(ConnectionTestStep {
            server: server.map(ToString::to_string),
            stage: error.stage,
            ok: false,
            detail: error.fault.to_string(),
            cause: error.cause.clone(),
            millis: took.as_millis() as u64,
        });
    }
}

impl ShownCertificate {
    fn of(der: &[u8]) -> Self {
        let sha256 = hex(&fingerprint(&der.into()));
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return Self { subject: String::new(), issuer: String::new(), not_after: String::new(), sha256 };
        };
        Self {
            subject: shown(certificate.subject().to_string().as_bytes()),
            issuer: shown(certificate.issuer().to_string().as_bytes()),
            not_after: certificate.validity().not_after.to_string(),
            sha256,
        }
    }
}

/// The first entries; rows of one entry are adjacent.
fn first(rows: &[SourceRow], domain: &DomainName) -> Vec<MappedEntry> {
    let same = |a: &SourceRow, b: &SourceRow| match (&a.place, &b.place) {
        (RowPosition::Entry(a), RowPosition::Entry(b)) => Arc::ptr_eq(a, b),
        _ => false,
    };
    let entries = rows.chunk_by(same).take(ENTRIES_SHOWN);
    entries
        .map(|rows| {
            let mut entry = MappedEntry {
                dn: rows.first().map(|row| row.place.to_string()).unwrap_or_default(),
                account: String::new(),
                is_list: false,
                aliases: Vec::new(),
            };
            for row in rows {
                let address = format!("{}@{domain}", row.local);
                match row.structure {
                    Structure::AliasOf(_) => entry.aliases.push(address),
                    Structure::Mailbox | Structure::DistributionList => {
                        entry.is_list = row.structure == Structure::DistributionList;
                        entry.account = address;
                    }
                }
            }
            entry
        })
        .collect()
}
