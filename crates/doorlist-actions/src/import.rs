//! Import of a plain address list: the file's rows become claims of a named source. Without `apply` the same change set
//! is planned and thrown away. Must not know how a file is read (core does) or stored.

use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use crate::response::ImportReport;
use doorlist_core::address::DomainName;
use doorlist_core::change::{Actor, Change, ChangeSet, Source, Structure};
use doorlist_core::plain_list::{self, PlainList};
use doorlist_store::directory::Applied;

/// Characters of a source's name.
const SOURCE_NAME_MAX: usize = 64;

impl Office {
    /// Plans the import of `file`, or writes it: `write` is `Some(base)` then, `base` the version of a plan that was
    /// looked at before.
    pub(crate) async fn import(
        &self,
        domain: &DomainName,
        source: &str,
        file: &[u8],
        write: Option<Option<u64>>,
        actor: &Actor,
    ) -> Result<ImportReport, ActionError> {
        check_source(source)?;
        let details = self.domain_show(domain).await?;
        let name = details.summary.name;
        let list = plain_list::parse(file, &name, &details.domain_aliases)
            .map_err(|e| ActionError::new(ErrorKind::Data, e.to_string()))?;
        let (set, report) = change_set(list, &name, source);
        let applied = match write {
            Some(base) => self.directory.apply(&set, actor, base).await?,
            None => self.directory.plan(&set).await?,
        };
        Ok(ImportReport { written: write.is_some(), applied, ..report })
    }
}

fn change_set(list: PlainList, domain: &DomainName, source: &str) -> (ChangeSet, ImportReport) {
    let summary = format!("{} addresses of {domain} from file:{source}", list.rows.len());
    let report = ImportReport {
        written: false,
        applied: Applied::default(),
        errors: list.errors,
        errors_total: list.errors_total as u64,
        repeated: list.repeated as u64,
    };
    let claim = |row: plain_list::Row| Change::Claim {
        address: row.address,
        structure: Structure::Mailbox,
        source: Source::File(source.to_owned()),
    };
    (ChangeSet { changes: list.rows.into_iter().map(claim).collect(), summary }, report)
}

/// A source's name stands in the change log and on screen.
fn check_source(name: &str) -> Result<(), ActionError> {
    let fits = !name.is_empty()
        && name.chars().count() <= SOURCE_NAME_MAX
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' '));
    if fits {
        return Ok(());
    }
    let message = format!("a source's name has 1 to {SOURCE_NAME_MAX} letters, digits, spaces, dots, - or _");
    Err(ActionError::new(ErrorKind::Usage, message))
}
