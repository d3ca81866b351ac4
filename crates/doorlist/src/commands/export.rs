//! `doorlist export`

use crate::cli::export::{ExportArgs, ExportFormatArg};
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{self as actions, ExportFormat};

/// Writes the list to stdout page by page.
pub(super) async fn export(target: &mut CommandTarget, out: &mut Output, what: &ExportArgs) -> Result<Exit, Failure> {
    let format = match what.format {
        _ if out.is_json() => ExportFormat::Json,
        ExportFormatArg::Csv if what.spreadsheet => ExportFormat::Spreadsheet,
        ExportFormatArg::Csv => ExportFormat::Csv,
        ExportFormatArg::Postfix => ExportFormat::Postfix,
        ExportFormatArg::Ldif => ExportFormat::Ldif,
        ExportFormatArg::Json => ExportFormat::Json,
    };
    let mut after = None;
    loop {
        let page = target.ask(actions::Export { domain: what.domain.clone(), format, after }).await?;
        out.file(&page.text)?;
        after = page.next;
        if after.is_none() {
            return Ok(Exit::DONE);
        }
    }
}
