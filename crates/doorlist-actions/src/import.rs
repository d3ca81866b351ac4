//! Import of a file: its rows become claims of a named source. Must not know how a file is read (core does), planned or
//! stored.

use crate::error::{ActionError, ErrorKind};
use crate::guarded::{Then, Wish, check_reason};
use crate::json_list;
use crate::office::Office;
use crate::request::ImportFile;
use crate::response::{FileReading, ImportReport};
use doorlist_core::address::DomainName;
use doorlist_core::change::{Actor, Source};
use doorlist_core::file_list::{self, ColumnMap, Field, ParseOptions, Recognised};
use doorlist_core::shrink_guard::OperationLimits;
use doorlist_core::source_rows::{PackedRows, settle_packed};
use doorlist_core::visible::is_hidden;
use doorlist_store::directory::Coverage;

/// Characters of a source's name.
const SOURCE_NAME_MAX: usize = 64;
/// Characters of a file's name that are kept with each address.
const FILE_NAME_MAX: usize = 100;

/// A file and what it is for.
pub(crate) struct FileWish<'a> {
    pub(crate) domain: &'a DomainName,
    /// The name under which it owns its claims.
    pub(crate) source: &'a str,
    /// What it is called, for those who ask later where an address came from.
    pub(crate) name: Option<&'a str>,
    pub(crate) bytes: &'a [u8],
    pub(crate) format: Option<&'a str>,
    pub(crate) columns: &'a [String],
    /// What the source claimed before and the file has not goes.
    pub(crate) mirror: bool,
}

impl Office {
    /// Reads the file, and plans or applies what follows.
    pub(crate) async fn import(
        &self,
        wish: &FileWish<'_>,
        then: Then<'_>,
        actor: &Actor,
    ) -> Result<ImportReport, ActionError> {
        check_source(wish.source)?;
        if let Then::Override(reason) = then {
            check_reason(reason)?;
        }
        let began = (self.clock)();
        let details = self.domain_show(wish.domain).await?;
        let name = details.summary.name;
        let (rows, mut reading) = read(wish, &name, &details.domain_aliases)?;
        let list = settle_packed(rows);
        reading.addresses = list.rows.len() as u64;
        reading.repeated = list.repeated;
        reading.conflicts = list.conflicts.clone();
        reading.conflicts_total = list.conflicts_total;
        if wish.mirror && list.rows.is_empty() {
            let message = format!(
                "the file has no address of {name}; an empty file never removes recipients. Nothing was changed"
            );
            return Err(ActionError::new(ErrorKind::Data, message));
        }
        let source = Source::File(wish.source.to_owned());
        let file = wish.name.map(file_name);
        let summary = summary(&name, &source, file.as_deref(), list.rows.len());
        let told = serde_json::to_string(&reading).map_err(|e| ActionError::new(ErrorKind::Store, e.to_string()))?;
        let bring = Wish {
            domain: &name,
            source: &source,
            coverage: if wish.mirror { Coverage::Whole } else { Coverage::Part },
            file: file.as_deref(),
            summary: &summary,
            limits: OperationLimits::default(),
            report: &told,
            then,
        };
        let plan = self.bring_in(&bring, list, actor).await?;
        if then != Then::Show {
            // The rows themselves stay with the plan.
            let brief =
                FileReading { problems: Vec::new(), conflicts: Vec::new(), rejected: String::new(), ..reading.clone() };
            self.note_run(&bring, began, &plan, serde_json::to_string(&brief).unwrap_or_default()).await?;
        }
        Ok(ImportReport { plan, reading })
    }
}

impl Office {
    pub(crate) async fn import_file(&self, import: &ImportFile, actor: &Actor) -> Result<ImportReport, ActionError> {
        let wish = FileWish {
            domain: &import.domain,
            source: &import.source,
            name: import.name.as_deref(),
            bytes: import.file.as_bytes(),
            format: import.format.as_deref(),
            columns: &import.columns,
            mirror: import.mirror,
        };
        let then = Then::of(import.apply, import.reason.as_deref());
        self.import(&wish, then, actor).await
    }
}

/// The rows of a file, and how it was read.
fn read(
    wish: &FileWish<'_>,
    domain: &DomainName,
    aliases: &[DomainName],
) -> Result<(PackedRows, FileReading), ActionError> {
    if wish.format == Some(json_list::FORMAT) || (wish.format.is_none() && json_list::looks_like(wish.bytes)) {
        return json_list::read(wish.bytes, domain, aliases);
    }
    let usage = |e: &dyn std::fmt::Display| ActionError::new(ErrorKind::Usage, e.to_string());
    let format = wish.format.map(str::parse).transpose().map_err(|e| usage(&e))?;
    let columns: Vec<ColumnMap> =
        wish.columns.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(|e| usage(&e))?;
    let options = ParseOptions { domain, domain_aliases: aliases, format, columns: &columns };
    let list = file_list::parse(wish.bytes, &options).map_err(|e| ActionError::new(ErrorKind::Data, e.to_string()))?;
    let rejected = if list.problems_total > 0 { file_list::rejected(wish.bytes, &list) } else { String::new() };
    let reading = FileReading {
        format: list.recognised.format.to_string(),
        details: details(&list.recognised),
        problems_total: list.problems_total,
        skipped: list.skipped.iter().map(|(what, count)| (what.to_string(), *count)).collect(),
        notes: list.notes.iter().map(ToString::to_string).collect(),
        problems: list.problems,
        rejected,
        ..FileReading::default()
    };
    Ok((list.rows.into(), reading))
}

/// How it was read, in words: the preview shows what was guessed as a guess.
fn details(recognised: &Recognised) -> Vec<String> {
    let mut details = vec![format!("encoding: {}", recognised.encoding)];
    if let Some(delimiter) = recognised.delimiter {
        let name = match delimiter {
            '\t' => "tabs".to_owned(),
            other => format!("{other:?}"),
        };
        details.push(format!("separator: {name}"));
    }
    let taken = recognised.columns.iter().filter(|column| column.field != Field::Ignore);
    details.extend(taken.map(|column| format!("column {:?}: {}, {}", column.name, column.field, column.by)));
    details
}

fn summary(domain: &DomainName, source: &Source, file: Option<&str>, count: usize) -> String {
    match file {
        Some(file) => format!("{count} addresses of {domain} from {file} ({source})"),
        None => format!("{count} addresses of {domain} from {source}"),
    }
}

/// A file's name without its folder, and nothing in it that could steer a terminal.
fn file_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    name.chars().filter(|c| !is_hidden(*c)).take(FILE_NAME_MAX).collect()
}

/// A source's name stands in the change log and on screen.
pub(crate) fn check_source(name: &str) -> Result<(), ActionError> {
    let fits = !name.is_empty()
        && name.chars().count() <= SOURCE_NAME_MAX
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '));
    if fits {
        return Ok(());
    }
    let message = format!("a source name must have 1 to {SOURCE_NAME_MAX} letters, digits, spaces, dots, - or _");
    Err(ActionError::new(ErrorKind::Usage, message))
}
