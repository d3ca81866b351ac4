//! Searches a whole tree page by page (RFC 2696), or once without pages if the server refuses them, with the values that
//! come in ranges. Returns everything or an error. Referrals to other servers are counted and not followed.

use super::error::{LdapRefusal, ReadError, ReadFault, Stage};
use super::mapping::Mapper;
use super::protocol::{Search, SearchEntry, SearchScope, urls, write_entry};
use super::ranges::Ranged;
use super::session::{DirectorySession, SearchResult};
use super::terms::Sizes;
use doorlist_core::connection::Filter;
use doorlist_core::source_rows::shown;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Maximum number of reference URLs that are kept.
const REFERENCES_KEPT_MAX: usize = 20;
/// Maximum number of empty pages in a row: Active Directory sends some if a filter is slow.
const EMPTY_PAGES_MAX: u32 = 100;
/// Allowance for pages that are not full: this many more, and this many times as many.
const PAGES_MORE: u64 = 100;
const PAGES_TIMES: u64 = 4;

/// A search and its limits.
pub(crate) struct Sweep<'a> {
    pub(crate) base: &'a str,
    pub(crate) filter: &'a Filter,
    pub(crate) attributes: &'a [&'a str],
    pub(crate) page_entries: u32,
    pub(crate) entries_max: u64,
    pub(crate) sizes: &'a Sizes,
}

/// The result besides the entries.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    pub(crate) references: u64,
    pub(crate) reference_urls: Vec<String>,
    /// The server refused the control for paged results, and sent everything in one answer without it.
    pub(crate) unpaged: bool,
}

/// The progress of a search.
#[derive(Default)]
struct SweepProgress {
    entries: u64,
    pages: u64,
    empty_pages: u32,
    /// The first entry of every page, to detect repeated pages.
    firsts: HashSet<u64>,
    ranged: Vec<Ranged>,
    ranged_bytes: u64,
    swept: Swept,
}

impl Sweep<'_> {
    /// Searches, and passes every entry to the mapper.
    pub(crate) async fn run(
        &self,
        session: &mut DirectorySession,
        mapper: &mut Mapper<'_>,
    ) -> Result<Swept, ReadError> {
        let mut progress = SweepProgress::default();
        if let Err(error) = self.pages(session, mapper, &mut progress).await {
            let ReadFault::Refused(refusal) = error.fault else { return Err(error) };
            match (progress.pages, progress.entries, refusal) {
                // Some servers forbid or limit the control for some accounts.
                (0, 0, LdapRefusal::AdminLimit | LdapRefusal::Control | LdapRefusal::Unwilling) => {
                    self.unpaged(session, mapper, &mut progress).await?;
                }
                (0, ..) => return Err(error),
                _ => return Err(failed(ReadFault::NextPage(refusal))),
            }
        }
        // After the last page: some servers forget where they were when another search comes between two pages.
        for ranged in std::mem::take(&mut progress.ranged) {
            let entry = ranged.complete(session, self.sizes).await?;
            let bytes = write_entry(&entry.dn, entry.attributes());
            let entry = SearchEntry::from_message(&bytes).map_err(failed)?;
            mapper.entry(&entry).map_err(failed)?;
        }
        Ok(progress.swept)
    }

    async fn pages(
        &self,
        session: &mut DirectorySession,
        mapper: &mut Mapper<'_>,
        progress: &mut SweepProgress,
    ) -> Result<(), ReadError> {
        let mut cookie = Vec::new();
        loop {
            self.ask(session, Some((self.page_entries, &cookie))).await?;
            match self.page(session, mapper, progress).await? {
                None => return Ok(()),
                Some(next) if next.is_empty() => return Ok(()),
                Some(next) if next.len() > self.sizes.cookie_max => return Err(failed(ReadFault::EndlessPages)),
                Some(next) => cookie = next,
            }
        }
    }

    /// Everything in one answer.
    async fn unpaged(
        &self,
        session: &mut DirectorySession,
        mapper: &mut Mapper<'_>,
        progress: &mut SweepProgress,
    ) -> Result<(), ReadError> {
        self.ask(session, None).await?;
        progress.swept.unpaged = true;
        match self.page(session, mapper, progress).await {
            Err(ReadError { fault: ReadFault::Refused(refusal), .. }) => Err(failed(ReadFault::Unpaged(refusal))),
            // A page that was not asked for, and not the last one.
            Ok(Some(next)) if !next.is_empty() => Err(failed(ReadFault::WrongAnswer)),
            read => read.map(drop),
        }
    }

    async fn ask(&self, session: &mut DirectorySession, page: Option<(u32, &[u8])>) -> Result<(), ReadError> {
        let mut search = Search {
            base: self.base.as_bytes(),
            scope: SearchScope::Subtree,
            filter: self.filter,
            attributes: self.attributes,
            page,
            seconds_max: 0,
        };
        session.search(Stage::Search, &mut search).await
    }

    /// Reads one page. Returns the cookie of the next.
    async fn page(
        &self,
        session: &mut DirectorySession,
        mapper: &mut Mapper<'_>,
        progress: &mut SweepProgress,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let mut is_empty = true;
        let next = loop {
            match session.found(Stage::Search).await? {
                SearchResult::Entry(range) => {
                    progress.entries += 1;
                    if progress.entries > self.entries_max {
                        return Err(failed(ReadFault::TooManyEntries { max: self.entries_max }));
                    }
                    let entry = session.entry(Stage::Search, &range)?;
                    if is_empty && !progress.firsts.insert(hash(entry.dn)) {
                        return Err(failed(ReadFault::EndlessPages));
                    }
                    is_empty = false;
                    self.entry(&entry, mapper, progress)?;
                }
                SearchResult::Reference(range) => {
                    progress.swept.reference(urls(session.reference(Stage::Search, &range)?))
                }
                SearchResult::Done(next) => break next,
            }
        };
        progress.pages += 1;
        progress.empty_pages = if is_empty { progress.empty_pages + 1 } else { 0 };
        let pages_max = self.entries_max / u64::from(self.page_entries.max(1)) * PAGES_TIMES + PAGES_MORE;
        if progress.empty_pages > EMPTY_PAGES_MAX || progress.pages > pages_max {
            return Err(failed(ReadFault::EndlessPages));
        }
        Ok(next)
    }

    fn entry(
        &self,
        entry: &SearchEntry<'_>,
        mapper: &mut Mapper<'_>,
        progress: &mut SweepProgress,
    ) -> Result<(), ReadError> {
        let Some(ranged) = Ranged::of(entry).map_err(failed)? else { return mapper.entry(entry).map_err(failed) };
        progress.ranged_bytes += ranged.bytes();
        if progress.ranged_bytes > self.sizes.page_max {
            return Err(failed(ReadFault::PageTooLarge { max: self.sizes.page_max }));
        }
        progress.ranged.push(ranged);
        Ok(())
    }
}

impl Swept {
    fn reference<'a>(&mut self, urls: impl Iterator<Item = &'a [u8]>) {
        self.references += 1;
        let room = REFERENCES_KEPT_MAX.saturating_sub(self.reference_urls.len());
        self.reference_urls.extend(urls.take(room).map(shown));
    }
}

fn failed(fault: impl Into<ReadFault>) -> ReadError {
    ReadError::new(Stage::Search, fault)
}

fn hash(dn: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    dn.hash(&mut hasher);
    hasher.finish()
}
