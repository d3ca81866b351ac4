//! Reads the rows of a table whose columns are known.

mod group_members;
mod roles;

use super::account::{Account, AccountContext, BareWord};
use super::cells::Records;
use super::columns::{ColumnContent, TakenBy};
use super::findings::{Findings, JudgedValue};
use super::format::FileFormat;
use super::heads::normal;
use super::kinds::{self, AccountState, RecipientKind};
use super::notes::{FileNote, Skipped};
use super::shape::TableLayout;
use super::targets::{self, Forward};
use super::values::{self, CellValues, Proxy};
use super::{MASKED, NotAList, column_words, word_columns};
use group_members::GroupMembers;
use roles::Roles;
use std::borrow::Cow;

pub(super) fn read(text: &str, table: &TableLayout, found: &mut Findings<'_>) -> Result<(), NotAList> {
    let roles = Roles::new(table, found.is_said());
    let mut records = records(text, table);
    let mut cells = Vec::new();
    let mut account = Account::default();
    let mut members = GroupMembers::default();
    while let Some(record) = records.next_into(&mut cells) {
        let line = match record {
            Ok(_) if is_blank(&cells) => continue,
            Ok(line) => line,
            Err(bad) => {
                found.begin_row()?;
                found.problem(bad.line, None, if roles.hides_rows() { MASKED } else { bad.text }, bad.why);
                continue;
            }
        };
        found.begin_row()?;
        let from = found.mark();
        if let Some(why) = ragged(&roles, &cells) {
            let shown = if roles.hides_rows() { MASKED } else { roles.cell(&cells, roles.address) };
            found.problem(line, None, shown, why);
            continue;
        }
        if roles.standing.is_some() {
            own_row(&roles, line, &cells, found);
        } else if roles.target.is_some() || roles.account.is_some() {
            forward_row(&roles, line, &cells, found);
        } else if roles.has_members() {
            members.row(&roles, line, &cells, found);
            continue;
        } else {
            account_row(&roles, line, &cells, &mut account, found);
        }
        unread(&roles, &cells, from, found);
        if let Some(column) = table.words
            && word_columns::is_word(cells.get(column).map_or("", AsRef::as_ref), found)
        {
            found.word_column(&table.columns[column].name);
        }
    }
    members.tell(&roles, found);
    if roles.target.is_some() {
        found.join_forwards();
    }
    without_aliases(&roles, found);
    Ok(())
}

/// Addresses of the domain in columns that are not read, or only where there is no other.
fn unread(roles: &Roles<'_>, cells: &[Cow<'_, str>], from: usize, found: &mut Findings<'_>) {
    for (column, cell) in roles.columns.iter().zip(cells) {
        let is_unread = match column.field {
            ColumnContent::Ignore => column.by != TakenBy::Map,
            ColumnContent::Login => true,
            _ => false,
        };
        if !is_unread || !cell.contains('@') {
            continue;
        }
        for (word, value) in CellValues::new(cell) {
            if word != Proxy::NotSmtp
                && let JudgedValue::Ours(local) = found.judge(value)
            {
                found.unread(&column.name, &local, from);
            }
        }
    }
}

/// The records behind the head line.
pub(super) fn records<'t>(text: &'t str, table: &TableLayout) -> Records<'t> {
    let mut records = Records::new(text.get(table.start..).unwrap_or_default(), table.start_line, table.delimiter);
    if table.head_line.is_some() {
        let _ = records.next_into(&mut Vec::new());
    }
    records
}

/// Nothing in it, or a comment.
pub(super) fn is_blank(cells: &[Cow<'_, str>]) -> bool {
    match cells {
        [only] => only.trim().is_empty() || only.trim_start().starts_with('#'),
        cells => cells.iter().all(|cell| cell.trim().is_empty()),
    }
}

/// More cells than the head line has: which of them is the address, nobody knows. Aliases may go on at the end.
fn ragged(roles: &Roles<'_>, cells: &[Cow<'_, str>]) -> Option<String> {
    let columns = roles.columns.len();
    let more = cells.get(columns..).unwrap_or_default();
    let ends_in_aliases = roles.columns.last().is_some_and(|last| last.field == ColumnContent::Alias);
    if !roles.has_head || ends_in_aliases || more.iter().all(|cell| cell.trim().is_empty()) {
        return None;
    }
    Some(format!("has {} cells, the header has {columns}; quote cells that contain the separator", cells.len()))
}

/// A row of our own export.
fn own_row(roles: &Roles<'_>, line: u32, cells: &[Cow<'_, str>], found: &mut Findings<'_>) {
    let address = roles.cell(cells, roles.address);
    let local = match found.judge(address) {
        JudgedValue::Ours(local) => local,
        JudgedValue::Foreign(domain) => return found.foreign(line, roles.name(roles.address), address, &domain, false),
        JudgedValue::Bad(why) => return found.problem(line, roles.name(roles.address), address, why),
    };
    let standing = roles.cell(cells, roles.standing);
    let switched_off = match standing.to_ascii_lowercase().as_str() {
        "active" | "" => false,
        "switched-off" => true,
        "vetoed" => return found.skip(Skipped::Vetoed),
        _ => {
            let why = "is not a standing; use active, switched-off or vetoed";
            return found.problem(line, roles.name(roles.standing), standing, why);
        }
    };
    let (kind, account) = (roles.cell(cells, roles.kind), roles.cell(cells, roles.account));
    match targets::own_structure(kind, account, found) {
        Ok(structure) => found.own_row(line, local, structure, switched_off),
        Err(why) => found.problem(line, roles.name(roles.kind), kind, why),
    }
}

/// An address and where its mail goes.
fn forward_row(roles: &Roles<'_>, line: u32, cells: &[Cow<'_, str>], found: &mut Findings<'_>) {
    let goes_to = roles.target.or(roles.account);
    let forward = Forward {
        line,
        column: roles.name(roles.address),
        name: roles.cell(cells, roles.address),
        targets: roles.cell(cells, goes_to),
        local_parts: roles.format.takes_local_parts(),
        mixed: roles.format.is_mixed(),
    };
    let state = state(roles, cells);
    if forward.name.is_empty() {
        return found.skip(Skipped::NoAddress);
    }
    if state == AccountState::Closed {
        return found.skip(Skipped::Closed);
    }
    let from = found.mark();
    targets::read(&forward, found);
    if state == AccountState::Blocked && found.mark() > from {
        found.switched_off += 1;
    }
}

/// Whether the account or alias is switched off in the system that exports it.
fn state(roles: &Roles<'_>, cells: &[Cow<'_, str>]) -> AccountState {
    match kinds::status(roles.cell(cells, roles.status)) {
        AccountState::Normal => kinds::blocked(roles.cell(cells, roles.blocked)),
        state => state,
    }
}

/// An account with its further addresses.
fn account_row(roles: &Roles<'_>, line: u32, cells: &[Cow<'_, str>], account: &mut Account, found: &mut Findings<'_>) {
    account.clear();
    let kind = match roles.kind {
        _ if roles.is_list => RecipientKind::List,
        Some(at) => kinds::recipient(roles.cell(cells, Some(at))),
        None => RecipientKind::Mailbox,
    };
    let login = roles.cell(cells, roles.login);
    let is_guest = roles.guest.is_some_and(|at| roles.cell(cells, Some(at)).eq_ignore_ascii_case("guest"));
    if kind == RecipientKind::Guest || is_guest || login.contains("#EXT#") {
        return found.skip(Skipped::Guest);
    }
    if kind == RecipientKind::System {
        return found.skip(Skipped::System);
    }
    let state = state(roles, cells);
    if state == AccountState::Closed {
        return found.skip(Skipped::Closed);
    }
    let column = roles.name(roles.address).or_else(|| roles.name(roles.aliases.first().copied()));
    let at = AccountContext { line, column, bare: roles.bare };
    own_address(roles, cells, at, account, found);
    alias_cells(roles, line, cells, account, found);
    account.login(found, login);
    let mixed = roles.format.is_mixed() || kind == RecipientKind::Contact;
    if account.finish(found, at, kind == RecipientKind::List, mixed) && state == AccountState::Blocked {
        found.blocked += 1;
    }
}

/// The address, or the local part with the domain beside it.
fn own_address(
    roles: &Roles<'_>,
    cells: &[Cow<'_, str>],
    at: AccountContext<'_>,
    account: &mut Account,
    found: &mut Findings<'_>,
) {
    let address = roles.cell(cells, roles.address.or(roles.local));
    let domain = roles.cell(cells, roles.domain);
    if values::is_type_name(address) {
        return found.type_name(at.column.unwrap_or_default());
    }
    let is_local = roles.address.is_none() || (at.bare == BareWord::LocalPart && !address.contains('@'));
    // Several in one cell: the first is its own.
    if address.matches('@').nth(1).is_some() && !address.starts_with('"') {
        account.proxies(found, at, address);
    } else if is_local && !domain.is_empty() && !address.is_empty() {
        account.address(found, at, &format!("{address}@{domain}"));
    } else {
        let column = at.column.or_else(|| roles.name(roles.local));
        let bare = if is_local { BareWord::LocalPart } else { at.bare };
        account.address(found, AccountContext { column, bare, ..at }, address);
    }
}

fn alias_cells(roles: &Roles<'_>, line: u32, cells: &[Cow<'_, str>], account: &mut Account, found: &mut Findings<'_>) {
    // What goes on behind the last column belongs to it.
    let beyond = if roles.aliases.last().is_some_and(|at| at + 1 == roles.columns.len()) {
        roles.columns.len()..cells.len()
    } else {
        0..0
    };
    for index in roles.aliases.iter().copied().chain(beyond) {
        let cell = roles.cell(cells, Some(index));
        let column = roles.name(Some(index)).or_else(|| roles.name(roles.aliases.last().copied()));
        if cell.is_empty() || (roles.format == FileFormat::Proofpoint && !cell.contains('@')) {
            continue;
        }
        if values::is_type_name(cell) {
            found.type_name(column.unwrap_or_default());
            continue;
        }
        if values::is_cut_off(cell) {
            found.cut_off(column.unwrap_or_default());
        }
        let bare = match column {
            _ if roles.local.is_some() => BareWord::LocalPart,
            Some(name) if roles.bare == BareWord::Wrong && column_words::may_be_street(&normal(name)) => {
                BareWord::Doubtful
            }
            _ => roles.bare,
        };
        account.proxies(found, AccountContext { line, column, bare }, cell);
    }
}

/// Exports that never hold aliases, or were made without them.
fn without_aliases(roles: &Roles<'_>, found: &mut Findings<'_>) {
    if found.records() == 0 {
        return found.note(FileNote::HeadOnly);
    }
    if !roles.aliases.is_empty() {
        return;
    }
    let how = match roles.format {
        FileFormat::Google => "import them as well, under another --source: gam print aliases, gam print groups",
        FileFormat::Exchange => "add @{n='EmailAddresses';e={$_.EmailAddresses -join ';'}} to the columns",
        FileFormat::Entra => "export them with Get-Recipient, or from the Microsoft 365 admin center",
        FileFormat::CpanelAccounts => "import the forwarders as well, under another --source",
        _ => return,
    };
    found.note(FileNote::NoAliases { how });
}
