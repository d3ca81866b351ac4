//! What the tests share: connections to loopback, terms that allow it, rows as text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use doorlist_core::address::DomainName;
use doorlist_core::change::Structure;
use doorlist_core::connection::{DirectoryConnection, DirectoryServer, DirectoryTls, LdapBind, Preset, Trust};
use doorlist_sources::{ConnectionTest, DirectoryRead, ReadError, ReadMode, ReadTerms, Secret};
use std::time::Duration;

/// Loopback is allowed, and nothing may take long.
pub(crate) fn terms() -> ReadTerms {
    let mut terms = ReadTerms { allowed: vec!["127.0.0.1/32".parse().unwrap()], ..ReadTerms::default() };
    terms.times.connect = Duration::from_secs(20);
    terms.times.handshake = Duration::from_secs(20);
    terms
}

pub(crate) fn connection(url: &str, tls: DirectoryTls, bind: LdapBind, preset: Preset) -> DirectoryConnection {
    let servers = DirectoryServer::parse_list(url, tls).unwrap();
    let mut connection = DirectoryConnection::new(servers, bind, "dc=example,dc=test".into(), preset);
    connection.allow_plain_password = true;
    connection
}

pub(crate) fn simple(name: &str) -> LdapBind {
    LdapBind::Simple { name: name.into() }
}

pub(crate) fn trusting(mut connection: DirectoryConnection, pem: &str) -> DirectoryConnection {
    connection.trust = Trust::Ca(pem.into());
    connection
}

/// A runtime of its own for each call: the peers block, and are started outside of it.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn domain() -> DomainName {
    "example.test".parse().unwrap()
}

pub(crate) fn read_with(
    connection: &DirectoryConnection,
    password: &str,
    mode: ReadMode,
    terms: &ReadTerms,
) -> Result<DirectoryRead, ReadError> {
    let secret = Secret::new(password);
    block_on(doorlist_sources::read(connection, secret.as_ref(), &domain(), &[], mode, terms))
}

pub(crate) fn read(connection: &DirectoryConnection, password: &str) -> Result<DirectoryRead, ReadError> {
    read_with(connection, password, ReadMode::Full, &terms())
}

pub(crate) fn test(connection: &DirectoryConnection, password: &str) -> ConnectionTest {
    let secret = Secret::new(password);
    block_on(doorlist_sources::test(connection, secret.as_ref(), &domain(), &[], &terms()))
}

/// `alice`, `a -> alice`, `staff (list)`, sorted.
pub(crate) fn rows(read: &DirectoryRead) -> Vec<String> {
    let mut rows: Vec<String> = read
        .rows
        .iter()
        .map(|row| match &row.structure {
            Structure::Mailbox => row.local.to_string(),
            Structure::DistributionList => format!("{} (list)", row.local),
            Structure::AliasOf(of) => format!("{} -> {of}", row.local),
        })
        .collect();
    rows.sort();
    rows
}
