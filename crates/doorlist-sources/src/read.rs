//! Reads a directory: all rows, or an error.

use super::error::{ReadError, ReadFault, Stage};
use super::mapping::{Mapped, Mapper, SkipReason};
use super::position::Position;
use super::protocol::{Search, SearchScope};
use super::ranges::anything;
use super::secret::Secret;
use super::session::{DirectorySession, SearchResult};
use super::sweep::{Sweep, Swept};
use super::terms::ReadTerms;
use super::trust::CertificateVerifier;
use doorlist_core::address::DomainName;
use doorlist_core::connection::{ConnectionError, DirectoryConnection, DirectoryServer, Filter, LdapBind};
use doorlist_core::source_rows::{RowProblem, SourceRow};
use tokio::time::Instant;

/// How much of the directory is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadMode {
    Full,
    /// Changes since the read with this marker. Everything, if the directory cannot tell: the marker is of another
    /// server or database, or its entries have no keys. Only a full read detects deleted entries and those that no
    /// longer match the filter.
    Since(String),
}

/// The scope of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadScope {
    /// Everything: addresses that are not in the rows are not in the directory, as far as base, filter and permissions
    /// reach.
    Full,
    /// Only these entries: addresses listed for one of these keys and not in the rows are gone; others are unaffected.
    Changed {
        /// Keys of all changed entries, with or without rows.
        keys: Vec<Box<str>>,
    },
}

/// The result of a complete read.
#[derive(Clone, Debug)]
pub struct DirectoryRead {
    /// The addresses of the domain. An address of two entries occurs twice.
    pub rows: Vec<SourceRow>,
    /// Number of entries that match base and filter. Zero is a successful read of an empty answer, which must not
    /// remove recipients.
    pub entries: u64,
    pub scope: ReadScope,
    /// The marker for the next [`ReadMode::Since`]; `None` if the directory has no readable order of changes.
    pub marker: Option<String>,
    /// Number of skipped values, by kind.
    pub skipped: Vec<(SkipReason, u64)>,
    /// Values that are no addresses, the first of them
    /// ([`PROBLEMS_KEPT_MAX`](doorlist_core::source_rows::PROBLEMS_KEPT_MAX)).
    pub problems: Vec<RowProblem>,
    pub problems_total: u64,
    /// Number of references to other servers; never followed.
    pub references: u64,
    /// The URLs of some of them, for people to see.
    pub reference_urls: Vec<String>,
    /// The server refuses paged results (RFC 2696), so that everything came in one answer.
    pub unpaged: bool,
    pub server: String,
}

/// The context of a read.
pub(crate) struct ReadContext<'a> {
    pub(crate) connection: &'a DirectoryConnection,
    pub(crate) password: Option<&'a Secret>,
    pub(crate) domain: &'a DomainName,
    pub(crate) aliases: &'a [DomainName],
    pub(crate) terms: &'a ReadTerms,
    pub(crate) believer: CertificateVerifier,
    pub(crate) end: Instant,
}

/// Reads a domain's addresses. Servers are tried in order until one is reachable.
///
/// Limits: the times and sizes of the terms, the entries of the connection. Dropping the future is safe at any point:
/// it only reads.
///
/// # Errors
///
/// [`ReadError`] with the stage and the fault. A failed read returns no rows.
pub async fn read(
    connection: &DirectoryConnection,
    password: Option<&Secret>,
    domain: &DomainName,
    domain_aliases: &[DomainName],
    mode: ReadMode,
    terms: &ReadTerms,
) -> Result<DirectoryRead, ReadError> {
    let reading = ReadContext::new(connection, password, domain, domain_aliases, terms).await?;
    let mut furthest: Option<ReadError> = None;
    for server in &connection.servers {
        let error = match reading.from(server, &mode).await {
            Ok(read) => return Ok(read),
            Err(error) => error.at(server),
        };
        if !error.is_unreachable() {
            return Err(error);
        }
        // Of several servers that are away, the one with which we came furthest says most.
        if furthest.as_ref().is_none_or(|other| other.stage < error.stage) {
            furthest = Some(error);
        }
    }
    Err(furthest.unwrap_or_else(|| ReadError::new(Stage::Settings, ConnectionError::NoServer)))
}

impl<'a> ReadContext<'a> {
    pub(crate) async fn new(
        connection: &'a DirectoryConnection,
        password: Option<&'a Secret>,
        domain: &'a DomainName,
        aliases: &'a [DomainName],
        terms: &'a ReadTerms,
    ) -> Result<Self, ReadError> {
        connection.validate().map_err(|error| ReadError::new(Stage::Settings, error))?;
        if matches!(connection.bind, LdapBind::Simple { .. }) && password.is_none() {
            return Err(ReadError::new(Stage::Settings, ReadFault::NoPassword));
        }
        let believer = CertificateVerifier::of(connection).await?;
        let end = Instant::now() + terms.times.whole;
        Ok(Self { connection, password, domain, aliases, terms, believer, end })
    }

    async fn from(&self, server: &DirectoryServer, mode: &ReadMode) -> Result<DirectoryRead, ReadError> {
        let mut session = DirectorySession::open(server, &self.believer, self.terms, self.end).await?;
        session.bind(&self.connection.bind, self.password).await?;
        self.base(&mut session).await?;
        let done = self.entries(&mut session, server, mode).await?;
        session.close().await;
        Ok(done)
    }

    /// Checks the base. A missing read permission is no error: entries below may be readable.
    pub(crate) async fn base(&self, session: &mut DirectorySession) -> Result<bool, ReadError> {
        let (base, any) = (self.connection.base.as_bytes(), anything());
        // RFC 4511 §4.5.1.8: no attributes.
        let attributes = ["1.1"];
        let mut search = Search {
            base,
            scope: SearchScope::Base,
            filter: &any,
            attributes: &attributes,
            page: None,
            seconds_max: 0,
        };
        session.search(Stage::Base, &mut search).await?;
        let mut is_there = false;
        loop {
            match session.found(Stage::Base).await? {
                SearchResult::Entry(_) => is_there = true,
                SearchResult::Reference(_) => {}
                SearchResult::Done(_) => return Ok(is_there),
            }
        }
    }

    /// The search itself, in an open session.
    pub(crate) async fn entries(
        &self,
        session: &mut DirectorySession,
        server: &DirectoryServer,
        mode: &ReadMode,
    ) -> Result<DirectoryRead, ReadError> {
        // Before the search: what changes while it runs is found again the next time.
        let now = Position::now(session, self.connection, server).await?;
        let marker = now.as_ref().map(Position::marker);
        let filter = self.connection.effective_filter();
        let before = match mode {
            ReadMode::Full => None,
            ReadMode::Since(marker) => Position::parse(marker),
        };
        if let (Some(before), Some(now)) = (&before, &now)
            && let Some(changed) = before.changed_until(now)
        {
            let (mapped, swept) = self.sweep(session, &changed.and(filter.clone()), true).await?;
            // Without a key nobody could say what an entry had before.
            if mapped.keyless == 0 {
                return Ok(self.done(mapped, swept, server, marker, true));
            }
        }
        let (mapped, swept) = self.sweep(session, &filter, false).await?;
        Ok(self.done(mapped, swept, server, marker, false))
    }

    async fn sweep(
        &self,
        session: &mut DirectorySession,
        filter: &Filter,
        wants_keys: bool,
    ) -> Result<(Mapped, Swept), ReadError> {
        let mut mapper = Mapper::new(self.connection, self.domain, self.aliases, wants_keys);
        let sweep = Sweep {
            base: &self.connection.base,
            filter,
            attributes: &Mapper::attributes(self.connection),
            page_entries: self.connection.limits.page_entries,
            entries_max: self.connection.limits.entries_max.min(self.terms.sizes.entries_max),
            sizes: &self.terms.sizes,
        };
        let swept = sweep.run(session, &mut mapper).await?;
        Ok((mapper.finish(), swept))
    }

    fn done(
        &self,
        mapped: Mapped,
        swept: Swept,
        server: &DirectoryServer,
        marker: Option<String>,
        changed: bool,
    ) -> DirectoryRead {
        let skipped = mapped.skipped();
        DirectoryRead {
            rows: mapped.rows,
            entries: mapped.entries,
            scope: if changed { ReadScope::Changed { keys: mapped.keys } } else { ReadScope::Full },
            marker,
            skipped,
            problems: mapped.problems,
            problems_total: mapped.problems_total,
            references: swept.references,
            reference_urls: swept.reference_urls,
            unpaged: swept.unpaged,
            server: server.to_string(),
        }
    }
}
