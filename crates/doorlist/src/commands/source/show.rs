//! `doorlist source show`: the settings that every source has, and those that differ from the defaults.

use super::line;
use crate::commands::print;
use crate::exit::Failure;
use crate::output::Output;
use doorlist_actions::{SourceEntry, SourceSettings, Tell};
use doorlist_core::connection::{DirectoryConnection, DirectoryTls, LdapBind, Preset, Trust};
use doorlist_core::shrink_guard::OperationLimits;

pub(super) fn show(out: &mut Output, source: &SourceEntry) -> Result<(), Failure> {
    let connection = &source.settings.connection;
    out.line(&line(source))?;
    for server in &connection.servers {
        let how = match server.tls {
            DirectoryTls::Ldaps => "TLS",
            DirectoryTls::StartTls => "StartTLS",
            DirectoryTls::Plain => "not encrypted",
        };
        out.line(&format!("  connect    {server}, {how}"))?;
    }
    out.line(&format!("  bind       {}", bind(source)))?;
    out.line(&format!("  trust      {}", trust(connection)))?;
    out.line(&format!("  type       {}", preset(connection.preset)))?;
    out.line(&format!("  base       {}", connection.base))?;
    out.line(&format!("  filter     {}", connection.effective_filter()))?;
    let aliases: Vec<_> = connection.alias_attributes.iter().map(ToString::to_string).collect();
    out.line(&format!("  attributes {}; aliases {}", connection.email_attribute, aliases.join(", ")))?;
    for text in differing(&source.settings) {
        out.line(&format!("  {text}"))?;
    }
    out.line(&format!("  next       {}", print::time(source.next_run)))?;
    Ok(())
}

fn bind(source: &SourceEntry) -> String {
    let connection = &source.settings.connection;
    match &connection.bind {
        LdapBind::Anonymous => "anonymous".to_owned(),
        LdapBind::Simple { name } => {
            let password = if source.has_password { "kept" } else { "missing" };
            let plain = if connection.allow_plain_password { ", may be sent unencrypted" } else { "" };
            format!("as {name}, password {password}{plain}")
        }
    }
}

fn trust(connection: &DirectoryConnection) -> &'static str {
    match &connection.trust {
        _ if connection.servers.iter().all(|server| server.tls == DirectoryTls::Plain) => {
            "no certificate is checked: not encrypted"
        }
        Trust::System => "the CAs of this machine",
        Trust::Ca(_) => "a private CA",
        Trust::Pinned(_) => "one pinned certificate",
    }
}

fn preset(preset: Preset) -> &'static str {
    match preset {
        Preset::ActiveDirectoryExchange => "active-directory-exchange",
        Preset::ActiveDirectory => "active-directory",
        Preset::OpenLdap => "openldap",
        Preset::Generic => "generic",
    }
}

/// Settings that a new source does not have.
fn differing(settings: &SourceSettings) -> Vec<String> {
    let connection = &settings.connection;
    let mut lines: Vec<_> = connection.exclusions.iter().map(|glob| format!("exclude    {glob}")).collect();
    if let Some(mark) = &connection.list_mark {
        lines.push(format!("lists      {}={}", mark.attribute, mark.value));
    }
    if !connection.include_disabled {
        lines.push("disabled   accounts are skipped".to_owned());
    }
    lines.extend(limits(&settings.limits));
    lines.extend(settings.recipients.iter().map(|address| format!("report to  {address}")));
    match settings.tell {
        Tell::Changes => {}
        Tell::Always => lines.push("report     after every sync".to_owned()),
        Tell::Trouble => lines.push("report     after errors and when a plan is pending".to_owned()),
    }
    lines
}

/// `limits     new accounts 5, all changes 20 per sync`.
fn limits(limits: &OperationLimits) -> Option<String> {
    let all = [
        ("new accounts", limits.accounts_add),
        ("removed accounts", limits.accounts_delete),
        ("new aliases", limits.aliases_add),
        ("removed aliases", limits.aliases_delete),
        ("all changes", limits.total),
    ];
    let set: Vec<_> = all.iter().filter_map(|(what, limit)| Some(format!("{what} {}", (*limit)?))).collect();
    (!set.is_empty()).then(|| format!("limits     {} per sync", set.join(", ")))
}
