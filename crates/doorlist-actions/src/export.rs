//! Export of a list as text, a page at a time, so that ten million lines never stand in memory. Must not know where the
//! text goes.

use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use crate::request::ExportFormat;
use crate::response::ExportPage;
use doorlist_core::address::{DomainName, LocalPart};
use doorlist_core::list_text::{self, ExportEntry, ExportForm};
use doorlist_store::directory::{AddressEntry, PAGE_MAX};

impl Office {
    /// The page behind `after`; the first one begins with the header.
    pub(crate) async fn export(
        &self,
        domain: &DomainName,
        format: ExportFormat,
        after: Option<&LocalPart>,
    ) -> Result<ExportPage, ActionError> {
        let name = self.domain_show(domain).await?.summary.name;
        let entries = self.directory.addresses(&name, after, PAGE_MAX).await?;
        let mut text = String::new();
        let form = form(format);
        if let Some(form) = form.filter(|_| after.is_none()) {
            text.push_str(&list_text::head(form, &name));
        }
        for entry in &entries {
            match form {
                Some(form) => list_text::entry(form, &as_exported(entry), &mut text),
                None => text.push_str(&json_line(entry)?),
            }
        }
        let full = entries.len() >= PAGE_MAX as usize;
        let next = entries.last().filter(|_| full).map(|entry| entry.address.local().clone());
        Ok(ExportPage { text, next })
    }
}

/// How the text is written; JSON is not core's.
fn form(format: ExportFormat) -> Option<ExportForm> {
    match format {
        ExportFormat::Csv => Some(ExportForm::CsvExact),
        ExportFormat::Spreadsheet => Some(ExportForm::CsvSpreadsheet),
        ExportFormat::Postfix => Some(ExportForm::Postfix),
        ExportFormat::Ldif => Some(ExportForm::Ldif),
        ExportFormat::Json => None,
    }
}

fn as_exported(entry: &AddressEntry) -> ExportEntry {
    ExportEntry {
        address: entry.address.clone(),
        kind: entry.record.kind,
        account: entry.record.account.clone(),
        standing: entry.record.standing,
    }
}

fn json_line(entry: &AddressEntry) -> Result<String, ActionError> {
    let line = doorlist_store::json::to_string(entry).map_err(|e| ActionError::new(ErrorKind::Store, e.to_string()))?;
    Ok(line + "\n")
}
