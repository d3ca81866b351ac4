//! Export of a list as text, a page at a time, so that ten million lines never stand in memory. Must not know where the
//! text goes.

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::{DomainName, LocalPart};
use doorlist_core::list_text::{self, ExportEntry, ExportForm};
use doorlist_store::recipients::{AddressEntry, PAGE_MAX};
use serde::{Deserialize, Serialize};

/// Exports a list as text, a page at a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Export {
    pub domain: DomainName,
    /// How it is written.
    pub format: ExportFormat,
    /// Behind this local part, in byte order.
    pub after: Option<LocalPart>,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// With a header line: address, kind, account, standing.
    Csv,
    /// The same for a spreadsheet program: no cell is taken for a formula.
    Spreadsheet,
    /// `relay_recipient_maps` of Postfix: accepted addresses only.
    Postfix,
    /// LDAP Data Interchange Format.
    Ldif,
    Json,
}

/// A page of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportPage {
    /// Whole lines; the first page begins with the header where the format has one.
    pub text: String,
    /// Where the next page begins; `None`: this was the last.
    pub next: Option<LocalPart>,
}

impl Action for Export {
    type Answer = ExportPage;

    fn reach(&self) -> Reach {
        Reach::domain(&self.domain, true)
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<ExportPage, ActionError> {
        let Self { domain, format, after } = self;
        let name = actions.services.domain_details(&domain).await?.summary.name;
        let entries = actions.services.recipients.addresses(&name, after.as_ref(), PAGE_MAX).await?;
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
