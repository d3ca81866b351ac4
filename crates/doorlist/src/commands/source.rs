//! `doorlist source ...`: LDAP and Active Directory sources.

mod show;

use super::{confirm, input::Input, plan_text, print};
use crate::cli::source::{Clearable, PresetWord, SourceCommand, SourceOptions, TellWord};
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    EVERY_MINUTES, PutSource, SourceEntry, SourceList, SourceRemove, SourceSettings, SourceShow, Tell,
};
use doorlist_core::connection::{
    DirectoryConnection, DirectoryServer, DirectoryTls, LdapBind, ListMark, Preset, Trust,
};
use doorlist_core::shrink_guard::OperationLimits;
use doorlist_sources::{ReadFault, check_ca};
use doorlist_store::source_book::SourceHealth;

pub(super) async fn source(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &SourceCommand,
    input: Input,
) -> Result<Exit, Failure> {
    match what {
        SourceCommand::Add { name, domain, options } => {
            let settings = new_settings(options, &input)?;
            let put = PutSource {
                name: name.clone(),
                domain: domain.clone(),
                settings,
                password: input.password,
                replace: false,
            };
            saved(target, out, put).await?;
            say!("test it with `sync test {name}`; the first sync starts within a minute");
        }
        SourceCommand::Set { name, clear, options } => {
            let SourceEntry { domain, mut settings, .. } = entry(target, name).await?;
            clear.iter().for_each(|setting| cleared(&mut settings, *setting));
            change(&mut settings.connection, options, &input)?;
            let settings = with_rest(settings, options);
            let put = PutSource { name: name.clone(), domain, settings, password: input.password, replace: true };
            saved(target, out, put).await?;
        }
        SourceCommand::List => {
            let sources = target.ask(SourceList).await?;
            for source in &sources {
                out.entry(source, || line(source))?;
            }
            if sources.is_empty() {
                say!("no sources. Add one: doorlist source add office --domain example.test --url ... --base ...");
            }
        }
        SourceCommand::Show { name } => {
            let source = entry(target, name).await?;
            if out.is_json() { out.object(&source)? } else { show::show(out, &source)? }
        }
        SourceCommand::Remove { name, withdraw, yes } => {
            if *withdraw {
                let what = format!("this takes every recipient off the list that only source {name} has");
                confirm::removal(&what, *yes)?;
            }
            let applied = target.ask(SourceRemove { name: name.clone(), withdraw: *withdraw }).await?;
            if applied.change_id.is_some() {
                plan_text::what_went(target, out, &applied).await?;
                print::applied(out, &applied)?;
            } else {
                let rest = if *withdraw { "it had no recipients" } else { "its recipients stay on the list" };
                out.entry(&applied, || format!("source {name} removed; {rest}"))?;
                if !out.is_json() {
                    out.flush()?;
                    print::notes(&applied);
                }
            }
        }
    }
    Ok(Exit::DONE)
}

async fn entry(target: &mut CommandTarget, name: &str) -> Result<SourceEntry, Failure> {
    target.ask(SourceShow { name: name.to_owned() }).await
}

async fn saved(target: &mut CommandTarget, out: &mut Output, put: PutSource) -> Result<(), Failure> {
    let entry = target.ask(Box::new(put)).await?;
    out.entry(&entry, || line(&entry))?;
    out.flush()?;
    if entry.health.failing_since.is_some() {
        say!("that failure is of the settings before; to read it now: doorlist sync run {}", entry.name);
    }
    Ok(())
}

/// The settings of a new source.
pub(crate) fn new_settings(options: &SourceOptions, input: &Input) -> Result<SourceSettings, Failure> {
    let mut connection = new_connection(options)?;
    change(&mut connection, options, input)?;
    let settings = SourceSettings {
        connection,
        every_minutes: EVERY_MINUTES,
        limits: OperationLimits::default(),
        recipients: Vec::new(),
        tell: Tell::default(),
    };
    Ok(with_rest(settings, options))
}

/// Takes a setting back to what a new source has.
fn cleared(settings: &mut SourceSettings, setting: Clearable) {
    let connection = &mut settings.connection;
    match setting {
        Clearable::Plain => {
            let plain = connection.servers.iter_mut().filter(|server| server.tls == DirectoryTls::Plain);
            plain.for_each(|server| server.tls = DirectoryTls::StartTls);
        }
        Clearable::AllowPlainPassword => connection.allow_plain_password = false,
        Clearable::BindDn => connection.bind = LdapBind::Anonymous,
        Clearable::Filter => connection.filter = None,
        Clearable::ListMark => connection.list_mark = None,
        Clearable::Exclude => connection.exclusions.clear(),
        Clearable::SkipDisabled => connection.include_disabled = true,
        Clearable::Trust => connection.trust = Trust::System,
        Clearable::Limits => settings.limits = OperationLimits::default(),
        Clearable::ReportTo => settings.recipients.clear(),
    }
}

fn new_connection(options: &SourceOptions) -> Result<DirectoryConnection, Failure> {
    let (Some(url), Some(base)) = (&options.url, &options.base) else {
        return Err(Failure::because(Exit::USAGE, "a source requires --url and --base"));
    };
    let bind = options.bind_dn.clone().map_or(LdapBind::Anonymous, |name| LdapBind::Simple { name });
    let preset = options.preset.map_or(Preset::ActiveDirectory, preset);
    Ok(DirectoryConnection::new(servers(url, options.plain)?, bind, base.clone(), preset))
}

fn servers(url: &str, plain: bool) -> Result<Vec<DirectoryServer>, Failure> {
    let meaning = if plain { DirectoryTls::Plain } else { DirectoryTls::StartTls };
    DirectoryServer::parse_list(url, meaning).map_err(|error| Failure::because(Exit::USAGE, error))
}

/// `--plain` for the servers that are there.
fn unencrypted(servers: &mut [DirectoryServer]) -> Result<(), Failure> {
    if let Some(server) = servers.iter().find(|server| server.tls == DirectoryTls::Ldaps) {
        let why =
            format_args!("--plain: {server} always uses TLS; to change that, give --url ldap://HOST[:PORT] as well");
        return Err(Failure::because(Exit::USAGE, why));
    }
    servers.iter_mut().for_each(|server| server.tls = DirectoryTls::Plain);
    Ok(())
}

fn preset(word: PresetWord) -> Preset {
    match word {
        PresetWord::ActiveDirectoryExchange => Preset::ActiveDirectoryExchange,
        PresetWord::ActiveDirectory => Preset::ActiveDirectory,
        PresetWord::Openldap => Preset::OpenLdap,
        PresetWord::Generic => Preset::Generic,
    }
}

/// Changes the given settings; others keep their value.
fn change(connection: &mut DirectoryConnection, options: &SourceOptions, input: &Input) -> Result<(), Failure> {
    match &options.url {
        Some(url) => {
            // What ldap:// means does not change with the name of a server.
            let was_plain = connection.servers.iter().any(|server| server.tls == DirectoryTls::Plain);
            connection.servers = servers(url, options.plain || was_plain)?;
        }
        None if options.plain => unencrypted(&mut connection.servers)?,
        None => {}
    }
    if let Some(word) = options.preset {
        connection.preset = preset(word);
        connection.alias_attributes = connection.preset.alias_attributes();
    }
    if let Some(name) = &options.bind_dn {
        connection.bind = LdapBind::Simple { name: name.clone() };
    }
    if let Some(base) = &options.base {
        connection.base.clone_from(base);
    }
    if options.filter.is_some() {
        connection.filter.clone_from(&options.filter);
    }
    if let Some(attribute) = &options.email_attribute {
        connection.email_attribute = attribute.clone();
    }
    if !options.alias_attribute.is_empty() {
        connection.alias_attributes.clone_from(&options.alias_attribute);
    }
    if !options.exclude.is_empty() {
        connection.exclusions.clone_from(&options.exclude);
    }
    connection.allow_plain_password |= options.allow_plain_password;
    connection.include_disabled &= !options.skip_disabled;
    if let Some(mark) = &options.list_mark {
        connection.list_mark = Some(list_mark(mark)?);
    }
    if let Some(pem) = &input.authority {
        if let Err(fault @ ReadFault::NoCa(_)) = check_ca(pem) {
            return Err(Failure::because(Exit::USAGE, fault));
        }
        connection.trust = Trust::Ca(pem.clone());
    }
    if let Some(pin) = &options.pin {
        let wrong = || Failure::because(Exit::USAGE, "--pin requires a SHA-256 fingerprint of 64 hexadecimal digits");
        connection.trust = Trust::pinned(pin).ok_or_else(wrong)?;
    }
    Ok(())
}

fn list_mark(text: &str) -> Result<ListMark, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::because(Exit::USAGE, format_args!("--list-mark {text}: {why}"));
    let (attribute, value) = text.split_once('=').ok_or_else(|| wrong(&"write it as ATTRIBUTE=VALUE"))?;
    let attribute = attribute.parse().map_err(|error| wrong(&error))?;
    Ok(ListMark { attribute, value: value.to_owned() })
}

fn with_rest(mut settings: SourceSettings, options: &SourceOptions) -> SourceSettings {
    settings.every_minutes = options.every.unwrap_or(settings.every_minutes);
    let limits = &mut settings.limits;
    limits.accounts_add = options.limit_accounts_add.or(limits.accounts_add);
    limits.accounts_delete = options.limit_accounts_delete.or(limits.accounts_delete);
    limits.aliases_add = options.limit_aliases_add.or(limits.aliases_add);
    limits.aliases_delete = options.limit_aliases_delete.or(limits.aliases_delete);
    limits.total = options.limit_total.or(limits.total);
    if !options.report_to.is_empty() {
        settings.recipients.clone_from(&options.report_to);
    }
    settings.tell = match options.tell {
        Some(TellWord::Always) => Tell::Always,
        Some(TellWord::Changes) => Tell::Changes,
        Some(TellWord::Trouble) => Tell::Trouble,
        None => settings.tell,
    };
    settings
}

fn line(source: &SourceEntry) -> String {
    let servers: Vec<_> = source.settings.connection.servers.iter().map(ToString::to_string).collect();
    format!(
        "{}: {} from {}, every {}, {}",
        source.name,
        source.domain,
        servers.join(", "),
        print::counted(source.settings.every_minutes.into(), "minute"),
        health(&source.health)
    )
}

/// `last good reading ...`, behind `failing since ...: why` if it fails.
fn health(health: &SourceHealth) -> String {
    let good =
        health.last_good.map_or("never synced".to_owned(), |at| format!("last good reading {}", print::time(at)));
    match health.failing_since {
        None => good,
        Some(since) => {
            let why = health.why.as_deref().unwrap_or_default();
            format!("failing since {}: {why}; {good}", print::time(since))
        }
    }
}
