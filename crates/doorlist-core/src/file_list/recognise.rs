//! Detects the format of a text: the checks, in the order in which they are made.

use super::columns::{ColumnContent, TakenBy};
use super::findings::Findings;
use super::format::FileFormat;
use super::sample::{DELIMITERS, Holds, RecordsStart, Sample, distinct, is_most, share};
use super::shape::{self, TableLayout};
use super::title_lines::TitleLines;
use super::{NotAList, ParseOptions, heads, line_kinds, mapped, records_of_keys, secrets, title_lines, word_columns};
use std::borrow::Cow;

/// How a text is read.
pub(super) enum TextLayout {
    Table(TableLayout),
    Lines(FileFormat),
}

/// Says what the text is.
pub(super) fn recognise(text: &str, options: &ParseOptions<'_>, found: &Findings<'_>) -> Result<TextLayout, NotAList> {
    let start = title_lines::behind(text, RecordsStart::of(text), found);
    // Where a head was found below other lines, the first line says nothing.
    let has_titles = start.titles.lines > 0;
    if let Some(format) = options.format {
        return match format.is_table() {
            true => said(text, &start, format, options, found).map(TextLayout::Table),
            false => Ok(TextLayout::Lines(format)),
        };
    }
    let by_first_line = if has_titles { None } else { line_kinds::by_first_line(text) };
    if let Some(format @ (FileFormat::Ldif | FileFormat::ZimbraVerbose)) = by_first_line {
        return Ok(TextLayout::Lines(format));
    }
    if !options.columns.is_empty() && !has_titles && records_of_keys::is_like(text, found) {
        return Ok(TextLayout::Lines(FileFormat::Records));
    }
    if !options.columns.is_empty() {
        let known = known_table(text, &start).map_or(FileFormat::Table, |table| table.format);
        return said(text, &start, known, options, found).map(TextLayout::Table);
    }
    if let Some(format) = by_first_line {
        return Ok(TextLayout::Lines(format));
    }
    if let Some(mut table) = known_table(text, &start) {
        if !table.has(ColumnContent::Address)
            && let Some(sample) = Sample::take(text, &start, table.delimiter)
        {
            need_addresses(&mut table, &sample, found)?;
        }
        return Ok(TextLayout::Table(table));
    }
    if !has_titles
        && !has_tab_head(text, &start, found)
        && let Some(format) = line_kinds::by_shape(text, found)
    {
        return Ok(TextLayout::Lines(format));
    }
    if let Some(table) = headless_cpanel(text, &start, found) {
        return Ok(TextLayout::Table(table));
    }
    if let Some(table) = headless_table(text, &start, found) {
        return Ok(TextLayout::Table(table));
    }
    match unknown_table(text, &start, found)? {
        Some(table) => Ok(TextLayout::Table(table)),
        None => Ok(TextLayout::Lines(plain(text))),
    }
}

/// Zimbra prints its own accounts among the others.
fn plain(text: &str) -> FileFormat {
    let is_zimbra = |name: &str| memchr::memmem::find(text.as_bytes(), name.as_bytes()).is_some();
    if is_zimbra("galsync") || is_zimbra("virus-quarantine.") { FileFormat::Zimbra } else { FileFormat::Plain }
}

/// A table with a head line that is known.
fn known_table(text: &str, start: &RecordsStart) -> Option<TableLayout> {
    let samples = start.delimiters().into_iter().filter_map(|delimiter| Sample::take(text, start, delimiter));
    let tables = samples.filter(|sample| !sample.begins_with_address()).filter_map(|sample| {
        let names: Vec<String> = sample.head.iter().map(|cell| cell.trim().to_owned()).collect();
        let (format, fields) = heads::read(&names);
        let format = match names.as_slice() {
            [name] => one_column(name, &sample, &fields).then(|| format.unwrap_or(FileFormat::Table)),
            _ => format,
        };
        Some(TableLayout::new(text, start, &sample, format?, &fields))
    });
    tables.max_by_key(|table| table.columns.len())
}

/// Columns parted by tabs, as a map's are, under names of which two and more are known or name a secret, or one is known
/// and has the addresses.
fn has_tab_head(text: &str, start: &RecordsStart, found: &Findings<'_>) -> bool {
    let Some(sample) = Sample::take(text, start, b'\t') else { return false };
    let names: Vec<String> = sample.head.iter().map(|cell| cell.trim().to_owned()).collect();
    let fields = heads::read(&names).1;
    let is_known =
        |(name, field): &(&String, &Option<ColumnContent>)| field.is_some() || secrets::is_name(&heads::normal(name));
    let known = names.iter().zip(&fields).filter(is_known).count();
    !sample.begins_with_address()
        && sample.is_even()
        && (known >= 2 || (known == 1 && names.len() > 1 && is_head_of(&sample, &fields, found)))
}

/// The known column is the only one with addresses, and the words of the head stand in no row: the first line of a map of
/// aliases is a row like the others.
fn is_head_of(sample: &Sample<'_>, fields: &[Option<ColumnContent>], found: &Findings<'_>) -> bool {
    let holds = |at: usize| share(sample.rows.iter(), at, Holds::Any, found);
    let is_repeated = |row: &Vec<Cow<'_, str>>| {
        row.iter().any(|cell| sample.head.iter().any(|name| name.trim().eq_ignore_ascii_case(cell.trim())))
    };
    let is_as_named = |(at, field): (usize, &Option<ColumnContent>)| match field {
        Some(ColumnContent::Address) => is_most(holds(at)),
        _ => holds(at).0 == 0,
    };
    fields.contains(&Some(ColumnContent::Address))
        && fields.iter().enumerate().all(is_as_named)
        && !sample.rows.iter().any(is_repeated)
}

/// A list with a head line of one word: the word is known, and nobody's name.
fn one_column(name: &str, sample: &Sample<'_>, fields: &[Option<ColumnContent>]) -> bool {
    // Cut at another separator, it is several columns; before a colon it is a key.
    !name.contains(DELIMITERS.map(char::from))
        && !name.ends_with(':')
        && matches!(fields, [Some(ColumnContent::Address | ColumnContent::Alias | ColumnContent::Login)])
        && match sample.rows.first() {
            Some(row) => row.iter().any(|cell| cell.contains('@')),
            None => heads::is_surely_head(name),
        }
}

/// Accounts of cPanel without a head line: the second column names the domain.
fn headless_cpanel(text: &str, start: &RecordsStart, found: &Findings<'_>) -> Option<TableLayout> {
    let samples = start.delimiters().into_iter().filter_map(|delimiter| Sample::take(text, start, delimiter));
    let is_domain = |row: &Vec<Cow<'_, str>>| row.get(1).is_some_and(|cell| found.is_ours(cell.trim()));
    let is_one = |sample: &Sample<'_>| {
        let hits = sample.with_head().filter(|row| is_domain(row)).count();
        sample.head.len() > 2 && sample.is_even() && is_most((hits, sample.rows.len() + 1))
    };
    samples.into_iter().find(is_one).map(|sample| TableLayout::headless(start, &sample, FileFormat::CpanelAccounts))
}

/// A table without a head line: Proofpoint Essentials, or one with a column of addresses beside others.
fn headless_table(text: &str, start: &RecordsStart, found: &Findings<'_>) -> Option<TableLayout> {
    for delimiter in start.delimiters() {
        let Some(sample) = Sample::take(text, start, delimiter) else { continue };
        if sample.head.len() < 2 || !sample.begins_with_address() {
            continue;
        }
        let part = |column: usize| share(sample.with_head(), column, Holds::Any, found);
        if is_most(part(2)) && part(0).0 + part(1).0 == 0 && part(0).1 > 0 {
            return Some(TableLayout::headless(start, &sample, FileFormat::Proofpoint));
        }
        if sample.head.len() == 2 && is_most(part(0)) && is_most(part(1)) && sample.has_joined(1) {
            return Some(TableLayout::headless(start, &sample, FileFormat::MailRoute));
        }
        let holds_others = (0..sample.head.len()).map(part).any(|(hits, all)| all > 0 && hits * 5 < all);
        let mut table = TableLayout::headless(start, &sample, FileFormat::Table);
        if sample.is_even() && holds_others && by_content(&mut table, &sample, found) {
            return Some(table);
        }
    }
    None
}

/// A table that a reader made of records: its first line is surely a head, and commas part its cells.
pub(super) fn table_of_keys(
    text: &str,
    options: &ParseOptions<'_>,
    found: &Findings<'_>,
) -> Result<TableLayout, NotAList> {
    let start = RecordsStart { at: 0, line: 1, delimiter: Some(b','), titles: TitleLines::default() };
    let known = known_table(text, &start);
    if !options.columns.is_empty() {
        let format = known.map_or(FileFormat::Table, |table| table.format);
        return said(text, &start, format, options, found);
    }
    let sample = Sample::take(text, &start, b',').ok_or(NotAList::Empty)?;
    let mut table = known.unwrap_or_else(|| {
        let names: Vec<String> = sample.head.iter().map(|cell| cell.trim().to_owned()).collect();
        TableLayout::new(text, &start, &sample, FileFormat::Table, &heads::read(&names).1)
    });
    prefer_addresses(&mut table, &sample, found);
    need_addresses(&mut table, &sample, found)?;
    Ok(table)
}

/// A table with a head line that nobody knows.
fn unknown_table(text: &str, start: &RecordsStart, found: &Findings<'_>) -> Result<Option<TableLayout>, NotAList> {
    let samples = start.delimiters().into_iter().filter_map(|delimiter| Sample::take(text, start, delimiter));
    let tables =
        samples.filter(|sample| !sample.begins_with_address() && sample.head.len() > 1 && !sample.rows.is_empty());
    let Some(sample) = tables.max_by_key(|sample| (sample.is_even(), sample.head.len())) else { return Ok(None) };
    let names: Vec<String> = sample.head.iter().map(|cell| cell.trim().to_owned()).collect();
    let (_, fields) = heads::read(&names);
    let is_head = fields.iter().any(Option::is_some) || !names.iter().any(|name| secrets::may_be_password(name));
    let mut table = match is_head {
        true => TableLayout::new(text, start, &sample, FileFormat::Table, &fields),
        false => TableLayout::headless(start, &sample, FileFormat::Table),
    };
    prefer_addresses(&mut table, &sample, found);
    if !table.has(ColumnContent::Address) {
        by_content(&mut table, &sample, found);
    }
    need_addresses(&mut table, &sample, found)?;
    Ok(Some(table))
}

/// Refuses a table in which no column holds addresses, by name or by content.
fn need_addresses(table: &mut TableLayout, sample: &Sample<'_>, found: &Findings<'_>) -> Result<(), NotAList> {
    let has_addresses = table.has_addresses() || by_content(table, sample, found);
    table.words = word_columns::find(table, sample, found);
    if has_addresses {
        return Ok(());
    }
    let words = table.words.map(|at| table.columns[at].name.clone());
    Err(NotAList::NoAddresses { columns: table.names().join(", "), domain: found.domain().to_string(), words })
}

/// Takes another column where the one that is named so holds streets.
fn prefer_addresses(table: &mut TableLayout, sample: &Sample<'_>, found: &Findings<'_>) {
    if let Some(street) = street(table, sample, found) {
        table.columns[street].field = ColumnContent::Ignore;
        if !by_content(table, sample, found) {
            table.columns[street].field = ColumnContent::Address;
        }
    }
}

/// A column `address` may hold streets: one that is named so and holds few mail addresses.
fn street(table: &TableLayout, sample: &Sample<'_>, found: &Findings<'_>) -> Option<usize> {
    let named = table.columns.iter().position(|column| column.field == ColumnContent::Address)?;
    let (hits, all) = share(sample.rows.iter(), named, Holds::Any, found);
    (hits * 2 < all).then_some(named)
}

/// Takes the column with the most addresses of the domain, or else of any domain, so that the rows say which.
fn by_content(table: &mut TableLayout, sample: &Sample<'_>, found: &Findings<'_>) -> bool {
    let has_head = table.head_line.is_some();
    let part = |column: usize, holds: Holds| match has_head {
        true => share(sample.rows.iter(), column, holds, found),
        false => share(sample.with_head(), column, holds, found),
    };
    // Several addresses of one record behind an unknown key may be anybody's.
    let is_open = |at: usize| !found.has_items() || !sample.has_joined(at);
    let free = |at: &usize| {
        let column = &table.columns[*at];
        column.field == ColumnContent::Ignore && column.by != TakenBy::Map && is_open(*at)
    };
    let best = |holds: Holds| {
        let most = (0..table.columns.len()).filter(free).filter(|at| is_most(part(*at, holds)));
        // A column of managers has addresses too, but few different ones.
        most.max_by_key(|at| (distinct(sample.with_head(), *at), usize::MAX - at))
    };
    let Some(best) = best(Holds::Ours).or_else(|| best(Holds::Any)) else { return false };
    table.columns[best].field = ColumnContent::Address;
    table.columns[best].by = TakenBy::Content;
    true
}

/// A table whose format or columns a person said.
fn said(
    text: &str,
    start: &RecordsStart,
    format: FileFormat,
    options: &ParseOptions<'_>,
    found: &Findings<'_>,
) -> Result<TableLayout, NotAList> {
    let samples = start.delimiters().into_iter().filter_map(|delimiter| Sample::take(text, start, delimiter));
    let sample = samples.max_by_key(|sample| (sample.is_even(), sample.head.len())).ok_or(NotAList::Empty)?;
    let names: Vec<String> = sample.head.iter().map(|cell| cell.trim().to_owned()).collect();
    let fields = heads::read_as(&names, format);
    let by_place = shape::has_places(format) && fields.iter().all(Option::is_none);
    let mut table = if sample.begins_with_address() || by_place {
        TableLayout::headless(start, &sample, format)
    } else {
        TableLayout::new(text, start, &sample, format, &fields)
    };
    mapped::apply(&mut table.columns, options.columns)?;
    // A person says what else is read: the addresses themselves are found as ever.
    use ColumnContent as C;
    if ![C::Address, C::List, C::Local, C::Login].iter().any(|field| table.has(*field)) {
        by_content(&mut table, &sample, found);
    }
    need_addresses(&mut table, &sample, found)?;
    Ok(table)
}
