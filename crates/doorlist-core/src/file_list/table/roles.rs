//! Which column of a table holds what.

use super::super::account::BareWord;
use super::super::columns::{ColumnContent, ColumnTaken};
use super::super::format::FileFormat;
use super::super::shape::TableLayout;
use super::super::values;
use std::borrow::Cow;

/// Which column holds what, by index.
pub(super) struct Roles<'t> {
    pub(super) columns: &'t [ColumnTaken],
    pub(super) format: FileFormat,
    pub(super) address: Option<usize>,
    pub(super) local: Option<usize>,
    pub(super) domain: Option<usize>,
    pub(super) kind: Option<usize>,
    pub(super) standing: Option<usize>,
    pub(super) account: Option<usize>,
    pub(super) target: Option<usize>,
    pub(super) login: Option<usize>,
    pub(super) status: Option<usize>,
    pub(super) blocked: Option<usize>,
    pub(super) guest: Option<usize>,
    pub(super) aliases: Vec<usize>,
    /// What words are in its cells of addresses.
    pub(super) bare: BareWord,
    pub(super) has_password: bool,
    /// Apostrophes in front of formulas are guards for spreadsheets.
    pub(super) is_guarded: bool,
    pub(super) has_head: bool,
    /// Its addresses are distribution lists.
    pub(super) is_list: bool,
}

impl<'t> Roles<'t> {
    pub(super) fn new(table: &'t TableLayout, is_said: bool) -> Self {
        let columns = &table.columns[..];
        // Without a head a column holds whatever its first rows hold. Accounts of cPanel have their domain beside them.
        let is_sure = is_said || table.head_line.is_some() || table.format == FileFormat::CpanelAccounts;
        let bare = match is_sure {
            true if table.format.takes_local_parts() => BareWord::LocalPart,
            true => BareWord::Wrong,
            false => BareWord::Doubtful,
        };
        let find = |field| columns.iter().position(|column| column.field == field);
        Self {
            columns,
            format: table.format,
            address: find(ColumnContent::Address).or(find(ColumnContent::List)),
            local: find(ColumnContent::Local),
            domain: find(ColumnContent::Domain),
            kind: find(ColumnContent::Kind),
            standing: find(ColumnContent::Standing),
            account: find(ColumnContent::Account),
            target: find(ColumnContent::Target),
            login: find(ColumnContent::Login),
            status: find(ColumnContent::Status),
            blocked: find(ColumnContent::Blocked),
            guest: find(ColumnContent::Guest),
            aliases: (0..columns.len()).filter(|at| columns[*at].field == ColumnContent::Alias).collect(),
            bare,
            has_password: find(ColumnContent::Password).is_some(),
            is_guarded: !table.is_exact,
            has_head: table.head_line.is_some(),
            is_list: find(ColumnContent::Address).is_none() && find(ColumnContent::List).is_some(),
        }
    }

    /// The cell of a column, trimmed; empty where the row is short.
    pub(super) fn cell<'r>(&self, cells: &'r [Cow<'_, str>], at: Option<usize>) -> &'r str {
        let cell = at.and_then(|at| cells.get(at)).map_or("", AsRef::as_ref);
        // In our own export an invisible character is part of the name.
        let cell = if self.format == FileFormat::Doorlist { cell.trim() } else { values::trimmed(cell) };
        if self.is_guarded { values::unguarded(cell) } else { cell }
    }

    /// A list comes again in the row of each member.
    pub(super) fn has_members(&self) -> bool {
        self.is_list && self.aliases.is_empty()
    }

    /// Any part of a row that is not cut into its cells may be a password.
    pub(super) fn hides_rows(&self) -> bool {
        self.has_password || !self.has_head
    }

    pub(super) fn name(&self, at: Option<usize>) -> Option<&'t str> {
        at.and_then(|at| self.columns.get(at)).map(|column| column.name.as_str())
    }
}
