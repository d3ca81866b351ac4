//! Import of a file: its rows become claims of a named source. Must not know how a file is read (core does), planned or
//! stored.

mod file_bytes;
mod json_list;
mod uploads;

pub use file_bytes::FileBytes;
pub use uploads::{ImportRequest, LINK_TERM, LINK_TERM_MAX, UploadAnswer, UploadRequest};

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::apply_source::{PlanReport, SourceInput, Then, check_reason};
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
use doorlist_core::change::Source;
use doorlist_core::counted::counted;
use doorlist_core::file_list::{self, ColumnContent, ColumnMap, FileList, ParseOptions, Recognised};
use doorlist_core::shrink_guard::OperationLimits;
use doorlist_core::source_rows::{PackedRows, RowProblem, normalize_packed};
use doorlist_core::visible::is_hidden;
use doorlist_store::recipients::{Coverage, EXAMPLES_MAX};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The name under which a file owns its claims if none is given.
pub(crate) const DEFAULT_SOURCE: &str = "file";
/// Characters of a source's name.
const SOURCE_NAME_MAX: usize = 64;
/// Characters of a file's name that are kept with each address.
const FILE_NAME_MAX: usize = 100;

/// Imports a file: its addresses are added or updated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFile {
    pub domain: DomainName,
    /// The name under which the file owns its claims; without one, `file`, which several files may share.
    #[serde(default)]
    pub source: Option<String>,
    /// What the file is called.
    #[serde(default)]
    pub name: Option<String>,
    pub file: FileBytes,
    /// How it is written; found out if it is not said.
    #[serde(default)]
    pub format: Option<String>,
    /// What its columns are: `column=field`.
    #[serde(default)]
    pub columns: Vec<String>,
    /// What the source claimed before and the file has not goes.
    #[serde(default)]
    pub mirror: bool,
    /// Invisible characters are removed from its text.
    #[serde(default)]
    pub clean: bool,
    /// Rows that a plan shows that is not kept; at most a hundred thousand.
    #[serde(default = "examples_max")]
    pub examples_max: usize,
    /// Write it; otherwise the plan alone is shown.
    #[serde(default)]
    pub apply: bool,
    /// Write it over the limits, for this reason.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The plan of an import, or what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// What follows from the file.
    pub plan: PlanReport,
    /// How it was read.
    pub reading: FileReading,
}

/// How a file was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReading {
    pub format: String,
    /// How: encoding, separator, what each column was taken for.
    pub details: Vec<String>,
    /// Number of addresses in it.
    pub addresses: u64,
    /// Rows that say the same again.
    pub repeated: u64,
    /// Rows that could not be taken, the first of them.
    pub problems: Vec<RowProblem>,
    pub problems_total: u64,
    /// Where the file contradicts itself.
    pub conflicts: Vec<RowProblem>,
    pub conflicts_total: u64,
    /// Number of skipped values, by kind.
    pub skipped: Vec<(String, u64)>,
    /// Addresses of other domains, those of the most frequent ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_domains: Vec<(String, u64)>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// The rows that could not be taken, as a CSV with a column `error`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rejected: String,
}

impl Action for ImportFile {
    type Answer = ImportReport;

    /// One that is not applied looks only: nothing of it is kept.
    fn reach(&self) -> Reach {
        Reach::domain(&self.domain, !self.apply)
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<ImportReport, ActionError> {
        let input = FileInput {
            domain: &self.domain,
            source: self.source.as_deref(),
            name: self.name.as_deref(),
            bytes: self.file.as_bytes(),
            format: self.format.as_deref(),
            columns: &self.columns,
            mirror: self.mirror,
            clean: self.clean,
            examples_max: self.examples_max,
        };
        actions.import(&input, Then::of(self.apply, self.reason.as_deref())).await
    }
}

/// A file and what it is for.
pub(crate) struct FileInput<'a> {
    pub(crate) domain: &'a DomainName,
    /// The name under which it owns its claims, if one was given.
    pub(crate) source: Option<&'a str>,
    /// What it is called, for those who ask later where an address came from.
    pub(crate) name: Option<&'a str>,
    pub(crate) bytes: &'a [u8],
    pub(crate) format: Option<&'a str>,
    pub(crate) columns: &'a [String],
    /// What the source claimed before and the file has not goes.
    pub(crate) mirror: bool,
    pub(crate) clean: bool,
    pub(crate) examples_max: usize,
}

pub(crate) fn examples_max() -> usize {
    EXAMPLES_MAX
}

impl Actions {
    /// Reads the file, and plans or applies what follows.
    pub(crate) async fn import(&self, input: &FileInput<'_>, then: Then<'_>) -> Result<ImportReport, ActionError> {
        let source_name = input.source.unwrap_or(DEFAULT_SOURCE);
        check_source(source_name)?;
        if let Then::Override(reason) = then {
            check_reason(reason)?;
        }
        let began = self.now();
        let details = self.services.domain_details(input.domain).await?;
        let name = details.summary.name;
        let (rows, mut reading) = read(input, &name, &details.domain_aliases)?;
        let list = normalize_packed(rows);
        reading.addresses = list.rows.len() as u64;
        reading.repeated = list.repeated;
        reading.conflicts = list.conflicts.clone();
        reading.conflicts_total = list.conflicts_total;
        if input.mirror && list.rows.is_empty() {
            let message = format!(
                "the file has no address of {name}; an empty file never removes recipients. Nothing was changed"
            );
            return Err(ActionError::new(ErrorKind::Data, message));
        }
        let source = Source::File(source_name.to_owned());
        let file = input.name.map(file_name);
        let summary = summary(&name, &source, file.as_deref(), list.rows.len());
        let told = serde_json::to_string(&reading).map_err(|e| ActionError::new(ErrorKind::Store, e.to_string()))?;
        let bring = SourceInput {
            domain: &name,
            source: &source,
            coverage: if input.mirror { Coverage::Whole } else { Coverage::Part },
            file: file.as_deref(),
            only_own_file: input.mirror && input.source.is_none(),
            examples_max: input.examples_max,
            summary: &summary,
            limits: OperationLimits::default(),
            report: &told,
            then,
        };
        let plan = self.apply_source(&bring, list, &self.actor()).await?;
        if then != Then::Show {
            // The rows themselves stay with the plan.
            let brief =
                FileReading { problems: Vec::new(), conflicts: Vec::new(), rejected: String::new(), ..reading.clone() };
            self.note_run(&bring, began, &plan, serde_json::to_string(&brief).unwrap_or_default()).await?;
        }
        Ok(ImportReport { plan, reading })
    }
}

/// The rows of a file, and how it was read.
fn read(
    input: &FileInput<'_>,
    domain: &DomainName,
    aliases: &[DomainName],
) -> Result<(PackedRows, FileReading), ActionError> {
    let (bytes, removed) = if input.clean { file_list::cleaned(input.bytes) } else { (Cow::Borrowed(input.bytes), 0) };
    let usage = |e: &dyn std::fmt::Display| ActionError::new(ErrorKind::Usage, e.to_string());
    let columns: Vec<ColumnMap> =
        input.columns.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(|e| usage(&e))?;
    if input.format == Some(json_list::FORMAT) || (input.format.is_none() && json_list::looks_like(&bytes)) {
        let options = ParseOptions { domain, domain_aliases: aliases, format: None, columns: &columns };
        return json_list::read(&bytes, &options, input.clean.then_some(removed));
    }
    let format = input.format.map(str::parse).transpose().map_err(|e| usage(&e))?;
    let options = ParseOptions { domain, domain_aliases: aliases, format, columns: &columns };
    let list = file_list::parse(&bytes, &options).map_err(|e| ActionError::new(ErrorKind::Data, e.to_string()))?;
    let rejected = if list.problems_total > 0 { file_list::rejected(&bytes, &list) } else { String::new() };
    let mut reading = told_of(&list, rejected);
    reading.notes.extend(cleaned_note(removed));
    reading.problems = list.problems;
    Ok((list.rows.into(), reading))
}

/// All that is told of a list but its problems.
fn told_of(list: &FileList, rejected: String) -> FileReading {
    FileReading {
        format: list.recognised.format.to_string(),
        details: details(&list.recognised),
        problems_total: list.problems_total,
        skipped: list.skipped.iter().map(|(what, count)| (what.to_string(), *count)).collect(),
        other_domains: list.other_domains.iter().map(|(domain, count)| (domain.to_string(), *count)).collect(),
        notes: list.notes.iter().map(ToString::to_string).collect(),
        rejected,
        ..FileReading::default()
    }
}

/// What `--clean` removed, if anything.
pub(crate) fn cleaned_note(removed: u64) -> Option<String> {
    (removed > 0).then(|| format!("invisible characters removed from the text: {removed}"))
}

/// How it was read, in words: the preview shows what was guessed as a guess.
fn details(recognised: &Recognised) -> Vec<String> {
    let mut details = vec![format!("encoding: {}", recognised.encoding)];
    // A file of one column has none.
    if let Some(delimiter) = recognised.delimiter.filter(|_| recognised.columns.len() > 1) {
        let name = match delimiter {
            '\t' => "tabs".to_owned(),
            other => format!("{other:?}"),
        };
        details.push(format!("separator: {name}"));
    }
    details.extend(columns_taken(recognised, "column"));
    details
}

/// What each column or key was taken for.
fn columns_taken(recognised: &Recognised, called: &str) -> Vec<String> {
    let taken = recognised.columns.iter().filter(|column| column.field != ColumnContent::Ignore);
    taken.map(|column| format!("{called} {:?}: {}, {}", column.name, column.field, column.by)).collect()
}

fn summary(domain: &DomainName, source: &Source, file: Option<&str>, count: usize) -> String {
    let addresses = counted(count as u64, "address");
    match file {
        Some(file) => format!("{addresses} of {domain} from {file} ({source})"),
        None => format!("{addresses} of {domain} from {source}"),
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
