//! Adapts `doorlist-sources` to the actions: translates requests and results.

use doorlist_actions::{DirectoryReader, DirectoryReading, ReadFailure, ReadWish, TestReport, TestStep, Waited};
use doorlist_core::network::Network;
use doorlist_sources::{
    ConnectionTestStep, DirectoryRead, MappedEntry, ReadError, ReadFault, ReadMode, ReadScope, ReadTerms,
    SECRET_BYTES_MAX, Secret, ShownCertificate, Stage,
};

/// Reads directories within the operator's limits.
pub(crate) struct Directories {
    terms: ReadTerms,
}

impl Directories {
    /// Allows public addresses and these networks (`sources.allow_networks`).
    pub(crate) fn new(allowed: Vec<Network>) -> Self {
        Self { terms: ReadTerms { allowed, ..ReadTerms::default() } }
    }
}

impl DirectoryReader for Directories {
    fn read<'a>(&'a self, wish: &'a ReadWish<'a>) -> Waited<'a, Result<DirectoryReading, ReadFailure>> {
        Box::pin(async move {
            let password = password(wish)?;
            let mode = wish.since.map_or(ReadMode::Full, |marker| ReadMode::Since(marker.to_owned()));
            let ReadWish { connection, domain, domain_aliases, .. } = wish;
            let read =
                doorlist_sources::read(connection, password.as_ref(), domain, domain_aliases, mode, &self.terms).await;
            read.map(reading).map_err(failure)
        })
    }

    fn test<'a>(&'a self, wish: &'a ReadWish<'a>) -> Waited<'a, TestReport> {
        Box::pin(async move {
            let password = match password(wish) {
                Ok(password) => password,
                Err(failure) => return no_password(failure),
            };
            let ReadWish { connection, domain, domain_aliases, .. } = wish;
            let found =
                doorlist_sources::test(connection, password.as_ref(), domain, domain_aliases, &self.terms).await;
            report(found)
        })
    }
}

/// The password; never empty, because that would be an anonymous bind.
fn password(wish: &ReadWish<'_>) -> Result<Option<Secret>, ReadFailure> {
    let Some(bytes) = wish.password else { return Ok(None) };
    match Secret::new(bytes) {
        Some(secret) => Ok(Some(secret)),
        None if bytes.is_empty() => {
            Err(ReadFailure { message: format!("{}: {}", Stage::Settings, ReadFault::NoPassword), cause: None })
        }
        None => Err(ReadFailure {
            message: format!("{}: the password is longer than {SECRET_BYTES_MAX} bytes", Stage::Settings),
            cause: None,
        }),
    }
}

fn failure(error: ReadError) -> ReadFailure {
    ReadFailure { message: error.to_string(), cause: error.cause }
}

fn reading(read: DirectoryRead) -> DirectoryReading {
    DirectoryReading {
        rows: read.rows,
        entries: read.entries,
        changed: match read.scope {
            ReadScope::Full => None,
            ReadScope::Changed { keys } => Some(keys),
        },
        marker: read.marker,
        skipped: read.skipped.into_iter().map(|(what, count)| (what.to_string(), count)).collect(),
        problems: read.problems,
        problems_total: read.problems_total,
        references: read.references,
        reference_urls: read.reference_urls,
        unpaged: read.unpaged,
        server: read.server,
    }
}

fn no_password(failure: ReadFailure) -> TestReport {
    let stage = Stage::Settings.to_string();
    let detail = failure.message.strip_prefix(&format!("{stage}: ")).unwrap_or(&failure.message).to_owned();
    TestReport { steps: vec![TestStep { server: None, stage, ok: false, detail, millis: 0 }], ..TestReport::default() }
}

fn report(found: doorlist_sources::ConnectionTest) -> TestReport {
    let good = found.is_good();
    let (sha256, certificate) = match found.certificate {
        Some(shown) => (Some(shown.sha256.clone()), Some(certificate(&shown))),
        None => (None, None),
    };
    TestReport {
        steps: found.steps.into_iter().map(step).collect(),
        certificate_sha256: sha256,
        certificate,
        first: found.first.iter().map(entry).collect(),
        good,
    }
}

/// Drops error texts of the system: a report is shown to everyone who may edit the connection.
fn step(ConnectionTestStep { server, stage, ok, detail, cause: _, millis }: ConnectionTestStep) -> TestStep {
    TestStep { server, stage: stage.to_string(), ok, detail, millis }
}

fn certificate(ShownCertificate { subject, issuer, not_after, .. }: &ShownCertificate) -> String {
    if subject.is_empty() && not_after.is_empty() {
        return "cannot be read".to_owned();
    }
    format!("{subject}, signed by {issuer}, valid until {not_after}")
}

/// `alice@example.test (also a@example.test), cn=Alice,dc=example,dc=test`.
fn entry(MappedEntry { dn, account, is_list, aliases }: &MappedEntry) -> String {
    let list = if *is_list { ", a distribution list" } else { "" };
    let also = match aliases.is_empty() {
        true => String::new(),
        false => format!(" (also {})", aliases.join(", ")),
    };
    format!("{account}{also}{list}, {dn}")
}

#[cfg(test)]
mod tests;
