//! Collects rows, problems and skipped values of a file. All readers report here, and values are judged here: an
//! address of the domain, of another domain, or not an address.

mod column_counts;
mod outcome;

use super::columns::{ColumnContent, ColumnMap};
use super::heads::normal;
use super::notes::{FileNote, Skipped};
use super::other_domains::OtherDomains;
use super::values::one_typo_apart;
use super::{ADDRESSES_MAX, MASKED, NotAList, ParseOptions, ROWS_MAX, encoding, secrets};
use crate::address::{Address, AddressError, DomainName, InvisibleCharacter, LocalPart};
use crate::change::Structure;
use crate::source_rows::{PROBLEMS_KEPT_MAX, RowPosition, RowProblem, SourceRow, shown};
use column_counts::ColumnCounts;

/// What becomes of a value.
pub(super) enum JudgedValue {
    /// An address of the domain, by whichever of its names.
    Ours(LocalPart),
    /// An address of another domain.
    Foreign(DomainName),
    Bad(String),
}

/// The findings so far.
pub(super) struct Findings<'a> {
    options: ParseOptions<'a>,
    rows: Vec<SourceRow>,
    other_domains: OtherDomains,
    problems: Vec<RowProblem>,
    problems_total: u64,
    skipped: [u64; Skipped::ALL.len()],
    records: usize,
    has_items: bool,
    catch_all: Option<u32>,
    notes: Vec<FileNote>,
    type_names: ColumnCounts,
    cut_off: ColumnCounts,
    unread: ColumnCounts,
    word_columns: ColumnCounts,
    members: ColumnCounts,
    /// Accounts that cannot sign in.
    pub(super) blocked: u64,
    /// Aliases that are switched off where they come from.
    pub(super) switched_off: u64,
    /// Addresses whose one target is elsewhere.
    pub(super) elsewhere: u64,
    /// Addresses with several targets.
    pub(super) several: u64,
    /// Words beside addresses, which are not listed.
    pub(super) words: u64,
}

impl<'a> Findings<'a> {
    pub(super) fn new(options: &ParseOptions<'a>) -> Self {
        Self {
            options: *options,
            rows: Vec::new(),
            other_domains: OtherDomains::default(),
            problems: Vec::new(),
            problems_total: 0,
            skipped: [0; Skipped::ALL.len()],
            records: 0,
            has_items: false,
            catch_all: None,
            notes: Vec::new(),
            type_names: ColumnCounts::default(),
            cut_off: ColumnCounts::default(),
            unread: ColumnCounts::default(),
            word_columns: ColumnCounts::default(),
            members: ColumnCounts::default(),
            blocked: 0,
            switched_off: 0,
            elsewhere: 0,
            several: 0,
            words: 0,
        }
    }

    /// Rows are the items of another reader, which stand one in a line below a head.
    pub(super) fn count_items(&mut self) {
        self.has_items = true;
    }

    pub(super) fn has_items(&self) -> bool {
        self.has_items
    }

    fn place(&self, line: u32) -> RowPosition {
        if self.has_items { RowPosition::Item(line.saturating_sub(1)) } else { RowPosition::Line(line) }
    }

    /// Counts a row of the file, before it is read.
    pub(super) fn begin_row(&mut self) -> Result<(), NotAList> {
        self.records += 1;
        if self.records > ROWS_MAX {
            return Err(NotAList::TooManyRows);
        }
        self.within_limits()
    }

    /// No more addresses than are read.
    pub(super) fn within_limits(&self) -> Result<(), NotAList> {
        if self.rows.len() > ADDRESSES_MAX { Err(NotAList::TooManyAddresses) } else { Ok(()) }
    }

    /// Whose list it is.
    pub(super) fn domain(&self) -> &DomainName {
        self.options.domain
    }

    /// A person said how the file is written.
    pub(super) fn is_said(&self) -> bool {
        self.options.format.is_some()
    }

    /// What a person said of columns or keys.
    pub(super) fn maps(&self) -> &[ColumnMap] {
        self.options.columns
    }

    /// What a person said of a column or key, by its name as [`normal`] gives it.
    pub(super) fn mapped(&self, name: &str) -> Option<ColumnContent> {
        self.options.columns.iter().find(|map| normal(&map.column) == name).map(|map| map.field)
    }

    /// The domain is one of ours: the domain itself or another name of it.
    pub(super) fn is_ours(&self, domain: &str) -> bool {
        domain.eq_ignore_ascii_case(self.options.domain.as_str())
            || self.options.domain_aliases.iter().any(|alias| domain.eq_ignore_ascii_case(alias.as_str()))
    }

    pub(super) fn judge(&self, text: &str) -> JudgedValue {
        if !text.is_ascii() && text.contains(encoding::UNREADABLE) {
            return JudgedValue::Bad("has invalid characters; save the file as UTF-8".to_owned());
        }
        // Nearly every value is a plain address in the domain's own spelling.
        if !text.starts_with('"')
            && let Some((local, domain)) = text.rsplit_once('@')
            && self.is_ours(domain)
            && let Ok(local) = LocalPart::parse(local.as_bytes())
        {
            return JudgedValue::Ours(local);
        }
        match text.parse::<Address>() {
            Ok(address) if self.is_ours(address.domain().as_str()) => JudgedValue::Ours(address.local().clone()),
            Ok(address) => JudgedValue::Foreign(address.domain().clone()),
            Err(error) => bad(error),
        }
    }

    /// Judges an address, or a local part of the domain.
    pub(super) fn judge_name(&self, text: &str) -> JudgedValue {
        match self.judge(text) {
            JudgedValue::Bad(_)
                if !text.contains(encoding::UNREADABLE) && (text.starts_with('"') || !text.contains('@')) =>
            {
                if secrets::is_value(text) {
                    return JudgedValue::Bad("looks like a password; it is neither listed nor kept".to_owned());
                }
                LocalPart::parse(text.as_bytes()).map_or_else(bad, JudgedValue::Ours)
            }
            judged => judged,
        }
    }

    /// Why an address of `other` is not taken.
    pub(super) fn belongs_elsewhere(&self, other: &DomainName) -> String {
        let why = format!("belongs to {other}, this import is for {}", self.domain());
        if self.is_nearly_ours(other) { format!("{why}; did you mean @{}?", self.domain()) } else { why }
    }

    /// One typing error away from the domain.
    pub(super) fn is_nearly_ours(&self, other: &DomainName) -> bool {
        one_typo_apart(other.as_str(), self.domain().as_str())
    }

    pub(super) fn row(&mut self, line: u32, local: LocalPart, structure: Structure) {
        self.own_row(line, local, structure, false);
    }

    /// A row of our own export, which may be switched off.
    pub(super) fn own_row(&mut self, line: u32, local: LocalPart, structure: Structure, switched_off: bool) {
        // Who writes `*@example.test` means every name of the domain, and its aliases with it.
        let of_catch_all = matches!(&structure, Structure::AliasOf(account) if account.as_str() == "*");
        if local.as_str() == "*" || of_catch_all {
            self.skip(Skipped::CatchAll);
            self.catch_all.get_or_insert(line);
            return;
        }
        let place = self.place(line);
        self.rows.push(SourceRow { local, structure, switched_off, place });
    }

    pub(super) fn problem(&mut self, line: u32, column: Option<&str>, value: &str, why: impl Into<String>) {
        self.problems_total += 1;
        let value = if secrets::has_value(value) { MASKED } else { value };
        if self.problems.len() < PROBLEMS_KEPT_MAX {
            self.problems.push(RowProblem {
                place: self.place(line).to_string(),
                column: column.map(|name| shown(name.as_bytes())),
                value: shown(value.as_bytes()),
                why: why.into(),
            });
        }
    }

    /// An address of another domain, in a file where such ones are not expected, or are nearly ours.
    pub(super) fn foreign(&mut self, line: u32, column: Option<&str>, value: &str, domain: &DomainName, mixed: bool) {
        if mixed && !self.is_nearly_ours(domain) {
            self.other_domain(domain);
        } else {
            self.other_domains.add(domain);
            let why = self.belongs_elsewhere(domain);
            self.problem(line, column, value, why);
        }
    }

    /// An address of another domain, which is rightly there.
    pub(super) fn other_domain(&mut self, domain: &DomainName) {
        self.other_domains.add(domain);
        self.skip(Skipped::OtherDomain);
    }

    pub(super) fn skip(&mut self, kind: Skipped) {
        if let Some(at) = Skipped::ALL.iter().position(|known| *known == kind) {
            self.skipped[at] += 1;
        }
    }

    pub(super) fn skipped(&self, kind: Skipped) -> u64 {
        Skipped::ALL.iter().position(|known| *known == kind).map_or(0, |at| self.skipped[at])
    }

    /// A line that accepts every name of `domain`.
    pub(super) fn catch_all(&mut self, line: u32, domain: &str) {
        if self.is_ours(domain.trim()) {
            self.skip(Skipped::CatchAll);
            self.catch_all.get_or_insert(line);
        } else {
            self.skip(Skipped::OtherDomain);
        }
    }

    pub(super) fn type_name(&mut self, column: &str) {
        self.type_names.add(column);
    }

    pub(super) fn cut_off(&mut self, column: &str) {
        self.cut_off.add(column);
    }

    /// A word in a column that may be read as local parts.
    pub(super) fn word_column(&mut self, column: &str) {
        self.word_columns.add(column);
    }

    /// An address of the domain in a column of members.
    pub(super) fn member(&mut self, column: &str) {
        self.members.add(column);
    }

    pub(super) fn note(&mut self, note: FileNote) {
        self.notes.push(note);
    }

    /// Something was found that is or was meant as an address.
    pub(super) fn has_addresses(&self) -> bool {
        !self.rows.is_empty() || self.problems_total > 0 || self.skipped.iter().any(|count| *count > 0)
    }

    /// Behind the rows so far.
    pub(super) fn mark(&self) -> usize {
        self.rows.len()
    }

    /// An address of the domain in a column or behind a key that is not read, unless a row since `from` lists it.
    pub(super) fn unread(&mut self, column: &str, local: &LocalPart, from: usize) {
        if !self.rows.get(from..).unwrap_or_default().iter().any(|row| row.local == *local) {
            self.unread.add(column);
        }
    }

    pub(super) fn other_domains(&self) -> &OtherDomains {
        &self.other_domains
    }

    /// Rows of the file that were begun.
    pub(super) fn records(&self) -> usize {
        self.records
    }
}

fn bad(error: AddressError) -> JudgedValue {
    JudgedValue::Bad(match error {
        AddressError::Invisible(InvisibleCharacter { without: Some(_), .. }) => {
            format!("{error}; --clean imports it so")
        }
        error => error.to_string(),
    })
}
