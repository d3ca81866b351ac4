//! Maps the attributes of an entry to rows.
//!
//! An entry is one account: one of its addresses is the mailbox or the distribution list, the others are its aliases.
//! If two entries have the same address, both rows are returned; the plan reports the conflict.

mod account;
mod facts;
#[cfg(test)]
mod tests;

use super::ber::BerFault;
use super::error::readable;
use super::protocol::SearchEntry;
use account::EntryAddresses;
use doorlist_core::address::DomainName;
use doorlist_core::change::Structure;
use doorlist_core::connection::{AttributeName, DirectoryConnection};
use doorlist_core::source_rows::{EntryPlace, PROBLEMS_KEPT_MAX, RowPosition, RowProblem, SourceRow, shown};
pub(crate) use facts::guid_text;
use facts::{DirectoryEntryKind, Facts};
use std::fmt;
use std::sync::Arc;

/// Maximum characters of a distinguished name.
const DN_CHARS_MAX: usize = 2_048;

/// Why a valid entry or value gave no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkipReason {
    /// A value that is not an email address: `sip:`, `x500:`, `x400:`, `SPO:`, `NOTES:`, `EUM:` and others.
    OtherKind,
    /// An address of another domain.
    OtherDomain,
    /// A duplicate address of the entry, in any spelling.
    Repeated,
    /// An excluded address. If it is the account's own, its aliases are skipped without counting.
    Excluded,
    /// A disabled account, if those are skipped.
    Disabled,
    /// An entry marked as deleted.
    Deleted,
    /// A system mailbox, such as Exchange's arbitration mailboxes.
    SystemMailbox,
    /// An entry without any address of this domain.
    NoAddress,
}

/// All of them, in the order in which they are counted.
const SKIPPED: [SkipReason; 8] = [
    SkipReason::OtherKind,
    SkipReason::OtherDomain,
    SkipReason::Repeated,
    SkipReason::Excluded,
    SkipReason::Disabled,
    SkipReason::Deleted,
    SkipReason::SystemMailbox,
    SkipReason::NoAddress,
];

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SkipReason::OtherKind => "values that are not email addresses (SIP, X500 and others)",
            SkipReason::OtherDomain => "addresses of other domains",
            SkipReason::Repeated => "addresses given twice in one entry",
            SkipReason::Excluded => "excluded addresses",
            SkipReason::Disabled => "disabled accounts",
            SkipReason::Deleted => "deleted entries",
            SkipReason::SystemMailbox => "system mailboxes",
            SkipReason::NoAddress => "entries without an address of the domain",
        })
    }
}

/// The result of all entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mapped {
    pub(crate) rows: Vec<SourceRow>,
    pub(crate) entries: u64,
    counts: [u64; SKIPPED.len()],
    pub(crate) problems: Vec<RowProblem>,
    pub(crate) problems_total: u64,
    /// Keys of all entries, if requested.
    pub(crate) keys: Vec<Box<str>>,
    /// Entries without a key.
    pub(crate) keyless: u64,
}

impl Mapped {
    /// Number of skipped values by kind, without zeros.
    pub(crate) fn skipped(&self) -> Vec<(SkipReason, u64)> {
        SKIPPED.into_iter().zip(self.counts).filter(|(_, count)| *count > 0).collect()
    }

    fn skip(&mut self, what: SkipReason) {
        self.counts[what as usize] += 1;
    }

    fn problem(&mut self, dn: &[u8], attribute: &AttributeName, value: &[u8], why: impl fmt::Display) {
        self.problems_total += 1;
        if self.problems.len() < PROBLEMS_KEPT_MAX {
            self.problems.push(RowProblem {
                place: shown(dn),
                column: Some(attribute.to_string()),
                value: shown(value),
                why: why.to_string(),
            });
        }
    }
}

/// Turns entries into rows, one after another.
#[derive(Debug)]
pub(crate) struct Mapper<'c> {
    connection: &'c DirectoryConnection,
    /// The domain itself, then its aliases.
    domains: Vec<&'c DomainName>,
    wants_keys: bool,
    out: Mapped,
}

impl<'c> Mapper<'c> {
    /// A mapper for one domain; addresses of its domain aliases count as addresses of the domain. `wants_keys`:
    /// collect the key of every entry.
    pub(crate) fn new(
        connection: &'c DirectoryConnection,
        domain: &'c DomainName,
        aliases: &'c [DomainName],
        wants_keys: bool,
    ) -> Self {
        let domains = std::iter::once(domain).chain(aliases).collect();
        Self { connection, domains, wants_keys, out: Mapped::default() }
    }

    /// The attributes to request in the search.
    pub(crate) fn attributes(connection: &DirectoryConnection) -> Vec<&str> {
        let mut names = vec![connection.email_attribute.as_str(), "objectClass"];
        names.extend(connection.alias_attributes.iter().map(AttributeName::as_str));
        names.extend(connection.list_mark.iter().map(|mark| mark.attribute.as_str()));
        if !matches!(connection.preset, doorlist_core::connection::Preset::OpenLdap) {
            names.extend(["objectGUID", "userAccountControl", "msExchRecipientTypeDetails", "isDeleted"]);
        }
        if !connection.preset.is_active_directory() {
            names.push("entryUUID");
        }
        let mut wanted: Vec<&str> = Vec::with_capacity(names.len());
        for name in names {
            if !wanted.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                wanted.push(name);
            }
        }
        wanted
    }

    /// Maps one entry.
    ///
    /// # Errors
    ///
    /// [`BerFault`] if its bytes are malformed; then all results so far are void.
    pub(crate) fn entry(&mut self, entry: &SearchEntry<'_>) -> Result<(), BerFault> {
        self.out.entries += 1;
        let facts = Facts::read(self.connection, entry)?;
        if self.wants_keys {
            match facts.key() {
                Some(key) => self.out.keys.push(key),
                None => self.out.keyless += 1,
            }
        }
        if facts.deleted {
            self.out.skip(SkipReason::Deleted);
            return Ok(());
        }
        if facts.kind() == DirectoryEntryKind::System {
            self.out.skip(SkipReason::SystemMailbox);
            return Ok(());
        }
        if facts.is_disabled() && !self.connection.include_disabled {
            self.out.skip(SkipReason::Disabled);
            return Ok(());
        }
        let found = self.addresses(entry.dn, &facts)?;
        self.rows(entry.dn, &facts, found);
        Ok(())
    }

    /// Everything that the entries gave.
    pub(crate) fn finish(self) -> Mapped {
        self.out
    }

    fn rows(&mut self, dn: &[u8], facts: &Facts<'_>, mut found: EntryAddresses) {
        let Some(account) = found.account() else {
            self.out.skip(SkipReason::NoAddress);
            return;
        };
        if self.is_excluded(found.locals.get(account)) {
            self.out.skip(SkipReason::Excluded);
            return;
        }
        let account = found.locals.remove(account);
        let place = Arc::new(EntryPlace { key: facts.key(), dn: readable(dn, DN_CHARS_MAX).into() });
        let structure = match facts.kind() {
            DirectoryEntryKind::List => Structure::DistributionList,
            _ => Structure::Mailbox,
        };
        for alias in found.locals {
            if self.is_excluded(Some(&alias)) {
                self.out.skip(SkipReason::Excluded);
                continue;
            }
            self.out.rows.push(SourceRow {
                local: alias.local,
                structure: Structure::AliasOf(account.local.clone()),
                switched_off: false,
                place: RowPosition::Entry(Arc::clone(&place)),
            });
        }
        let place = RowPosition::Entry(place);
        self.out.rows.push(SourceRow { local: account.local, structure, switched_off: false, place });
    }

    fn is_excluded(&self, address: Option<&account::Local>) -> bool {
        let (Some(address), false) = (address, self.connection.exclusions.is_empty()) else { return false };
        let named = self.domains.get(address.domain).into_iter().chain(self.domains.first());
        named
            .map(|domain| format!("{}@{domain}", address.local))
            .any(|text| self.connection.exclusions.iter().any(|exclusion| exclusion.matches(&text)))
    }
}
