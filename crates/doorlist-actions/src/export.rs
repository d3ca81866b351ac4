//! Export of a list as text, a page at a time, so that ten million lines never stand in memory. Must not know where the
//! text goes.

use crate::error::{ActionError, ErrorKind};
use crate::office::Office;
use crate::request::ExportFormat;
use crate::response::ExportPage;
use doorlist_core::address::{Address, DomainName, LocalPart};
use doorlist_core::list::{Kind, Standing};
use doorlist_store::directory::{AddressEntry, PAGE_MAX};

/// The first line of a CSV export.
const CSV_HEADER: &str = "address,kind,account,standing\r\n";

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
        if after.is_none() && format == ExportFormat::Csv {
            text.push_str(CSV_HEADER);
        }
        for entry in &entries {
            match format {
                ExportFormat::Csv => text.push_str(&csv_line(entry)),
                ExportFormat::Postfix => text.push_str(&postfix_line(entry)),
                ExportFormat::Json => text.push_str(&json_line(entry)?),
            }
        }
        let full = entries.len() >= PAGE_MAX as usize;
        let next = entries.last().filter(|_| full).map(|entry| entry.address.local().clone());
        Ok(ExportPage { text, next })
    }
}

/// RFC 4180: a field with a comma or a quote stands in quotes, quotes doubled.
fn csv_line(entry: &AddressEntry) -> String {
    let account = entry.record.account.as_ref();
    let account = account.map(|local| Address::new(local.clone(), entry.address.domain().clone()).to_string());
    let kind = match entry.record.kind {
        Kind::Mailbox => "mailbox",
        Kind::Alias => "alias",
        Kind::List => "list",
    };
    let standing = match entry.record.standing {
        Standing::Active => "active",
        Standing::SwitchedOff => "switched-off",
        Standing::Vetoed => "vetoed",
    };
    let address = csv_field(&entry.address.to_string());
    format!("{address},{kind},{},{standing}\r\n", csv_field(account.as_deref().unwrap_or_default()))
}

fn csv_field(text: &str) -> String {
    if text.contains(['"', ',']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// `relay_recipient_maps` lists who is accepted; the rest has no line.
fn postfix_line(entry: &AddressEntry) -> String {
    match entry.record.standing {
        Standing::Active => format!("{} OK\n", entry.address),
        Standing::SwitchedOff | Standing::Vetoed => String::new(),
    }
}

fn json_line(entry: &AddressEntry) -> Result<String, ActionError> {
    let line = serde_json::to_string(entry).map_err(|e| ActionError::new(ErrorKind::Store, e.to_string()))?;
    Ok(line + "\n")
}
