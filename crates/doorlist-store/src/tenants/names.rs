//! Text in names, found in memory: the local parts of a domain as one text that is searched as such, since an index that
//! finds a part of a word would cost an import more than the import. A domain's text is read when somebody first searches
//! it, and brought up to date by the change log. Must not know who asks.

mod text;

use super::View;
use super::accounts::{AddressColumn, ColumnRole, What};
use super::count_cache::Count;
use super::query::{Lookup, PAGE_ROWS_MAX, Query, QueryValue, RowFilter};
use crate::db::{Db, Read, binds};
use crate::error::StoreError;
use crate::json_rows::unpack;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use text::SearchText;
use tokio::task::spawn_blocking;

/// Octets of all texts that are kept; who would need more is answered by the store, slowly.
const OCTETS_MAX: usize = 512 * 1024 * 1024;
/// Octets that a name takes, about.
const OCTETS_OF_NAME: u64 = 24;
/// Changes that are taken up one by one; beyond, the text is read anew.
const CHANGES_MAX: usize = 10_000;
/// Domains whose texts are read one after another for one search.
const DOMAINS_MAX: usize = 50_000;

/// So many texts are read at once, each by one search; others that need it wait for it.
const READ_AT_ONCE: usize = 4;

/// The texts of domains that were searched.
#[derive(Default)]
pub(super) struct SearchTexts {
    texts: Mutex<HashMap<i64, Arc<SearchText>>>,
    reading: [tokio::sync::Mutex<()>; READ_AT_ONCE],
}

/// What is looked for in local parts.
pub(super) struct Sought {
    wanted: Vec<(Lookup, String)>,
    domain: Option<i64>,
}

impl Sought {
    /// The text that a query looks for, if that and its domain are all that it asks.
    pub(super) fn of<C: AddressColumn>(query: &Query<C>) -> Option<Self> {
        if !query.order.is_empty() {
            return None;
        }
        let mut sought = Sought { wanted: Vec::new(), domain: None };
        sought.wanted.extend(query.search.iter().map(|text| (Lookup::Contains, text.to_lowercase())));
        for RowFilter { column, lookup, values } in &query.filters {
            match (column.role(), lookup, values.as_slice()) {
                (Some(ColumnRole::Domain), Lookup::Exact, [QueryValue::Int(id)]) => sought.domain = Some(*id),
                (
                    Some(ColumnRole::LocalPart),
                    Lookup::Contains | Lookup::EndsWith | Lookup::StartsWith,
                    [QueryValue::Text(text)],
                ) => {
                    sought.wanted.push((*lookup, text.to_lowercase()));
                }
                _ => return None,
            }
        }
        (!sought.wanted.is_empty()).then_some(sought)
    }
}

impl View {
    /// The page, if there is room for the texts that it needs.
    pub(super) async fn sought<C: AddressColumn>(
        &self,
        query: &Query<C>,
        sought: &Sought,
    ) -> Result<Option<(Vec<u32>, u64)>, StoreError> {
        if self.sees_single_accounts() {
            // An account's own key sees one row: no text is needed for it.
            return Ok(None);
        }
        let Some(domains) = self.searched(sought.domain).await? else { return Ok(None) };
        let mut texts = Vec::with_capacity(domains.len());
        for domain in &domains {
            texts.push(self.names().text(self.db(), domain).await?);
        }
        let (wanted, limit) = (sought.wanted.clone(), query.limit.min(PAGE_ROWS_MAX) as usize);
        let offset = query.offset;
        let found = spawn_blocking(move || {
            let (mut ids, mut total) = (Vec::new(), 0);
            for text in texts {
                text.find(&wanted, C::LIST == What::Aliases, &mut |id| {
                    if total >= offset && ids.len() < limit {
                        ids.push(id);
                    }
                    total += 1;
                });
            }
            (ids, total)
        });
        Ok(Some(found.await.map_err(|e| StoreError::Engine(Box::new(e)))?))
    }

    /// The domains that may be seen and have names; `None`: too much text.
    async fn searched(&self, domain: Option<i64>) -> Result<Option<Vec<Count>>, StoreError> {
        let seen = self.domains_seen(domain).await?;
        let names = |count: &Count| count.accounts + count.aliases;
        let domains: Vec<Count> = seen.iter().filter(|count| names(count) > 0).copied().collect();
        let octets = domains.iter().map(|count| names(count) * OCTETS_OF_NAME).sum::<u64>();
        let fits = domains.len() <= DOMAINS_MAX && octets <= OCTETS_MAX as u64;
        Ok(fits.then_some(domains))
    }
}

impl SearchTexts {
    async fn text(&self, db: &Db, of: &Count) -> Result<Arc<SearchText>, StoreError> {
        if let Some(text) = self.kept(of).filter(|text| text.version() >= of.changed) {
            return Ok(text);
        }
        let place = usize::try_from(of.domain).unwrap_or(0) % READ_AT_ONCE;
        let _reading = self.reading[place].lock().await;
        let text = match self.kept(of) {
            Some(text) if text.version() >= of.changed => return Ok(text),
            Some(text) => match changes(db, of.domain, text.version(), of.changed).await? {
                Some(changes) => text.with(of.changed, &changes),
                None => read(db, of).await?,
            },
            None => read(db, of).await?,
        };
        let text = Arc::new(text);
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.insert(of.domain, Arc::clone(&text));
        // Whatever is dropped is read again when it is searched again.
        let mut octets = texts.values().map(|text| text.octets()).sum::<usize>();
        while octets > OCTETS_MAX && texts.len() > 1 {
            let Some(other) = texts.keys().find(|id| **id != of.domain).copied() else { break };
            octets -= texts.remove(&other).map_or(0, |text| text.octets());
        }
        Ok(text)
    }

    fn kept(&self, of: &Count) -> Option<Arc<SearchText>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).get(&of.domain).cloned()
    }
}

/// All names of a domain. What is written meanwhile is in it or is taken up with the next change: rows are read as of the
/// version that was read first.
async fn read(mut db: &Db, of: &Count) -> Result<SearchText, StoreError> {
    // Each half is read in the order of its own index; together they would be sorted anew for every part.
    const SQL: &str = "
        SELECT string_agg(id || ' ' || kind || ' ' || local, $3) FROM
        (SELECT id, kind, local FROM
         (SELECT * FROM (SELECT id, kind, local FROM address
                         WHERE domain_id = $1 AND kind <> 1 AND standing <> 2 AND id > $2
                         ORDER BY domain_id, id LIMIT $4) AS accounts
          UNION ALL
          SELECT * FROM (SELECT id, kind, local FROM address
                         WHERE domain_id = $1 AND kind = 1 AND standing <> 2 AND id > $2
                         ORDER BY domain_id, id LIMIT $4) AS aliases) AS both_kinds
         ORDER BY id LIMIT $4) AS names";
    let mut text = SearchText::new(of.changed);
    let mut after = 0;
    loop {
        let lines: Option<Option<String>> = db.value(SQL, &binds![of.domain, after, "\n", 20_000_u32]).await?;
        let Some(lines) = lines.flatten() else { return Ok(text) };
        let mut rows: Vec<(u32, bool, &str)> = lines.lines().filter_map(line).collect();
        rows.sort_unstable_by_key(|row| row.0);
        let Some(last) = rows.last() else { return Ok(text) };
        after = last.0;
        for (id, is_alias, local) in rows {
            text.push(id, is_alias, local);
        }
    }
}

fn line(line: &str) -> Option<(u32, bool, &str)> {
    let mut words = line.splitn(3, ' ');
    let (id, kind) = (words.next()?.parse().ok()?, words.next()?);
    Some((id, kind == "1", words.next()?))
}

/// A name that changed: its row, and whether it is an alias if it is there at all.
pub(super) type NameChange = (u32, String, Option<bool>);

/// What changed in a domain behind a version; `None`: too much, or rows of it were removed.
pub(super) async fn changes(
    mut db: &Db,
    domain: i64,
    from: i64,
    to: i64,
) -> Result<Option<Vec<NameChange>>, StoreError> {
    const COUNT: &str = "
        SELECT CAST(COALESCE(SUM(CASE WHEN c.rows_gone THEN 1000000000 ELSE c.added + c.changed + c.removed END), 0)
                    + (SELECT CASE WHEN changes_gone > $2 THEN 1000000000 ELSE 0 END FROM list_state) AS BIGINT)
        FROM change_domain AS d CROSS JOIN change AS c WHERE d.domain_id = $1 AND d.change_id > $2 AND c.id = d.change_id";
    const SQL: &str = "
        SELECT CAST(JSON_ROWS(COALESCE(r.address_id, c.first_address + r.place), COALESCE(a.local, r.local), a.kind, a.standing)) AS TEXT)
        FROM change_domain AS d CROSS JOIN change AS c CROSS JOIN change_row AS r
        LEFT JOIN address AS a ON a.id = COALESCE(r.address_id, c.first_address + r.place)
        WHERE d.domain_id = $1 AND d.change_id > $2 AND d.change_id <= $3 AND c.id = d.change_id
          AND r.batch = c.batch AND r.domain_id = $1 AND r.local IS NOT NULL";
    if db.value(COUNT, &binds![domain, from]).await? > Some(CHANGES_MAX as i64) {
        return Ok(None);
    }
    let Some(row) = db.row(SQL, &binds![domain, from, to]).await? else { return Ok(Some(Vec::new())) };
    let rows: Vec<(u32, String, Option<i64>, Option<i64>)> = unpack(&row, "change_row")?;
    let change = |(id, local, kind, standing): (u32, String, Option<i64>, Option<i64>)| {
        let is_alias = kind.filter(|_| standing != Some(2)).map(|kind| kind == 1);
        (id, local, is_alias)
    };
    Ok(Some(rows.into_iter().map(change).collect()))
}
