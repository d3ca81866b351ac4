//! `doorlist domain ...`

use super::{print, typed_name};
use crate::cli::domain::{DomainAlias, DomainCommand, ModeWord, Switch};
use crate::command_target::{CommandTarget, unexpected};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    DomainAdd, DomainAliasAdd, DomainAliasRemove, DomainList, DomainMode, DomainPatch, DomainRemove, DomainSet,
    DomainShow, ErrorKind, ModeWish, Request, Response, ServerSetup, SetupStep,
};
use doorlist_core::address::DomainName;
use doorlist_core::change::{MailServer, NamedBy, ServerTls};
use doorlist_core::domain::Mode;
use doorlist_store::recipients::{DomainDetails, DomainSummary};
use std::io::IsTerminal;

pub(super) async fn domain(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &DomainCommand,
) -> Result<Exit, Failure> {
    let request: Request = match what.clone() {
        DomainCommand::List => DomainList.into(),
        DomainCommand::Show { name } => DomainShow { name }.into(),
        DomainCommand::Add { name, servers, customer } => DomainAdd { name, servers, customer }.into(),
        DomainCommand::Remove { name, yes } => {
            if !yes && std::io::stdin().is_terminal() {
                confirm_removal(&name)?;
            }
            DomainRemove { name }.into()
        }
        DomainCommand::Mode { name, mode, now, confirm } => {
            return set_mode(target, out, name, mode, now, confirm).await;
        }
        DomainCommand::Set { name, servers, plus, minus, abuse } => {
            let is_on = |switch: Option<Switch>| switch.map(|switch| switch == Switch::On);
            let (plus, minus, accept_abuse) = (is_on(plus), is_on(minus), is_on(abuse));
            set(name, DomainPatch { servers, plus, minus, accept_abuse, ..DomainPatch::default() })
        }
        DomainCommand::Hold { name } => set(name, DomainPatch { hold: Some(true), ..DomainPatch::default() }),
        DomainCommand::Release { name } => set(name, DomainPatch { hold: Some(false), ..DomainPatch::default() }),
        DomainCommand::Activate { name } => set(name, DomainPatch { active: Some(true), ..DomainPatch::default() }),
        DomainCommand::Deactivate { name } => set(name, DomainPatch { active: Some(false), ..DomainPatch::default() }),
        DomainCommand::Alias(DomainAlias::Add { name, alias }) => DomainAliasAdd { name, alias }.into(),
        DomainCommand::Alias(DomainAlias::Remove { alias }) => DomainAliasRemove { alias }.into(),
    };
    match target.respond(request).await? {
        Response::Domains(domains) => list(out, &domains)?,
        Response::Domain(details) => show(out, &details)?,
        Response::Applied(applied) => print::applied(out, &applied)?,
        Response::DomainAdded(added) if out.is_json() => out.object(&added)?,
        Response::DomainAdded(added) => setup(out, &added.setup)?,
        other => return Err(unexpected(&other)),
    }
    Ok(Exit::DONE)
}

fn set(name: DomainName, patch: DomainPatch) -> Request {
    DomainSet { name, patch }.into()
}

fn confirm_removal(name: &DomainName) -> Result<(), Failure> {
    say!("This removes {name} with all its recipients and domain aliases. Mail for it is rejected from then on.");
    if typed_name("Type the domain's name to confirm").as_ref() == Some(name) {
        return Ok(());
    }
    Err(Failure::because(Exit::FAILURE, "the name does not match; nothing was removed"))
}

/// Sets the mode; enforcing an empty list needs the domain's name as confirmation.
async fn set_mode(
    target: &mut CommandTarget,
    out: &mut Output,
    name: DomainName,
    mode: ModeWord,
    now: bool,
    mut confirmed: Option<DomainName>,
) -> Result<Exit, Failure> {
    let mode = match mode {
        ModeWord::Learn => ModeWish::Learn,
        ModeWord::Monitor => ModeWish::Monitor,
        ModeWord::Enforce => ModeWish::Enforce,
    };
    loop {
        let request = DomainMode { name: name.clone(), mode, now, confirmed: confirmed.clone() };
        let failure = match target.ask(request).await {
            Ok(applied) => {
                print::applied(out, &applied)?;
                return Ok(Exit::DONE);
            }
            Err(failure) => failure,
        };
        let error = failure.error.downcast_ref::<doorlist_actions::ActionError>();
        if confirmed.is_some() || error.is_none_or(|error| error.kind() != ErrorKind::Unconfirmed) {
            return Err(failure);
        }
        confirmed = Some(typed_name(&format!("{:#}", failure.error)).ok_or(failure)?);
    }
}

fn list(out: &mut Output, domains: &[DomainSummary]) -> Result<(), Failure> {
    for domain in domains {
        if out.is_json() {
            out.object(domain)?;
            continue;
        }
        let counts = print::list_counts(&domain.counts);
        out.line(&format!("{:<32} {:<12} {counts}{}", domain.name.to_string(), domain.mode.word(), switches(domain)))?;
    }
    if domains.is_empty() {
        say!("no domains. Add one: doorlist domain add example.test --server mail.example.test");
    }
    Ok(())
}

fn switches(domain: &DomainSummary) -> &'static str {
    match (domain.active, domain.hold) {
        (true, false) => "",
        (true, true) => ", on hold",
        (false, false) => ", inactive",
        (false, true) => ", inactive, on hold",
    }
}

fn show(out: &mut Output, details: &DomainDetails) -> Result<(), Failure> {
    if out.is_json() {
        return Ok(out.object(details)?);
    }
    let domain = &details.summary;
    out.line(&format!("{}{}", domain.name, switches(domain)))?;
    out.line(&format!("  customer     {}", domain.customer))?;
    out.line(&format!("  mode         {}", domain.mode))?;
    if let Mode::Enforce { soft_until: Some(until) } = domain.mode {
        out.line(&format!("  soft until   {}: 450 until then, 550 afterwards", print::time(until)))?;
    }
    out.line(&format!("  list         {}", print::list_counts(&domain.counts)))?;
    for server in &details.servers {
        out.line(&format!("  server       {}", server_text(server)))?;
    }
    for alias in &details.domain_aliases {
        out.line(&format!("  alias        {alias}"))?;
    }
    let sub = details.sub_addressing;
    let separators = [(sub.plus, "user+tag"), (sub.minus, "user-tag")];
    let on: Vec<_> = separators.iter().filter(|(on, _)| *on).map(|(_, form)| *form).collect();
    out.line(&format!("  sub-address  {}", if on.is_empty() { "off".to_owned() } else { on.join(", ") }))?;
    let abuse = if details.accept_abuse { "postmaster, abuse" } else { "postmaster" };
    out.line(&format!("  system       {abuse}: always accepted"))?;
    if let Some(contact) = &details.technical_contact {
        out.line(&format!("  technical    {contact}"))?;
    }
    Ok(())
}

fn server_text(server: &MailServer) -> String {
    let host = if server.host.contains(':') { format!("[{}]", server.host) } else { server.host.clone() };
    let tls = match server.tls {
        ServerTls::Opportunistic => "TLS when offered",
        ServerTls::Required => "TLS required",
        ServerTls::Verify => "TLS with a valid certificate",
    };
    let xforward = if server.xforward { ", XFORWARD" } else { "" };
    let by = match server.named_by {
        NamedBy::Tenant => ", named by a tenant",
        NamedBy::Operator => ", named by the operator over the API",
        NamedBy::Machine => "",
    };
    format!("{host}:{} preference {}, {tls}{xforward}{by}", server.port, server.preference)
}

/// Prints the settings that the domain's server needs, and the next steps.
fn setup(out: &mut Output, setup: &ServerSetup) -> Result<(), Failure> {
    let domain = &setup.domain;
    out.line(&format!("Added {domain}. Its mail goes to {}.", setup.servers.join(", ")))?;
    out.line("")?;
    out.line("That server now receives all mail from one client, this gateway. For the gateway's address:")?;
    steps(out, "allow", &setup.allow)?;
    steps(out, "switch off", &setup.switch_off)?;
    steps(out, "then", &setup.then)?;
    out.line("")?;
    out.line("Until the list is enforced, unlisted recipients are deferred and no mail is lost. Next:")?;
    out.line(&format!("  doorlist import staff.txt --domain {domain} --apply"))?;
    out.line(&format!("  doorlist domain mode {domain} enforce"))?;
    Ok(())
}

fn steps(out: &mut Output, title: &str, steps: &[SetupStep]) -> Result<(), Failure> {
    out.line(&format!("  {title}:"))?;
    for step in steps {
        out.line(&format!("    - {}", step.what))?;
        out.line(&format!("        {}", step.why))?;
    }
    Ok(())
}
