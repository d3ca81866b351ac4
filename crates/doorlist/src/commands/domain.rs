//! `doorlist domain ...`

mod completeness;
mod mode;
mod preview;
mod probe;
mod unlisted;

use super::{confirm, print};
use crate::cli::domain::{DomainAlias, DomainCommand, SpamWord, Switch};
use crate::command_target::{CommandTarget, unexpected};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    DomainAdd, DomainAliasAdd, DomainAliasRemove, DomainList, DomainMode, DomainPatch, DomainRemove, DomainRoutes,
    DomainSet, DomainShow, Request, Response, ServerSetup, SetupStep, SourceList,
};
use doorlist_core::address::DomainName;
use doorlist_core::change::{MailServer, NamedBy, ServerTls};
use doorlist_core::mail_policy::SpamTreatment;
use doorlist_store::recipients::{DomainDetails, DomainSummary};

pub(super) async fn domain(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &DomainCommand,
) -> Result<Exit, Failure> {
    let request: Request = match what.clone() {
        DomainCommand::List => DomainList.into(),
        DomainCommand::Add { name, servers, customer } => DomainAdd { name, servers, customer }.into(),
        DomainCommand::Remove { name, yes } => return remove(target, out, name, yes).await,
        DomainCommand::Mode { name, mode, days, now, confirm: confirmed } => {
            let request = DomainMode { name, mode: mode::wish(mode), days, now, confirmed };
            return mode::set_mode(target, out, request).await;
        }
        DomainCommand::Probe { name, address } => return probe::probe(target, out, name, address).await,
        DomainCommand::Show { name } => return show(target, out, name).await,
        DomainCommand::Unlisted { name, days } => return unlisted::unlisted(target, out, name, days).await,
        DomainCommand::Preview { name, days } => return preview::preview(target, out, name, days).await,
        DomainCommand::Completeness { name, days } => {
            return completeness::completeness(target, out, name, days).await;
        }
        DomainCommand::Set { name, servers, plus, minus, abuse, batv, srs, spam, fall_back } => {
            let is_on = |switch: Option<Switch>| switch.map(|switch| switch == Switch::On);
            let (plus, minus, accept_abuse) = (is_on(plus), is_on(minus), is_on(abuse));
            let (batv, srs, fall_back) = (is_on(batv), is_on(srs), is_on(fall_back));
            let spam = spam.map(|word| match word {
                SpamWord::Tag => SpamTreatment::Tag,
                SpamWord::Refuse => SpamTreatment::Refuse,
            });
            let patch = DomainPatch {
                servers,
                plus,
                minus,
                accept_abuse,
                batv,
                srs,
                spam,
                fall_back,
                ..DomainPatch::default()
            };
            set(name, patch)
        }
        DomainCommand::Hold { name } => set(name, DomainPatch { hold: Some(true), ..DomainPatch::default() }),
        DomainCommand::Release { name } => set(name, DomainPatch { hold: Some(false), ..DomainPatch::default() }),
        DomainCommand::Activate { name } => set(name, DomainPatch { active: Some(true), ..DomainPatch::default() }),
        DomainCommand::Deactivate { name } => set(name, DomainPatch { active: Some(false), ..DomainPatch::default() }),
        DomainCommand::Alias(DomainAlias::Add { name, alias }) => DomainAliasAdd { name, alias }.into(),
        DomainCommand::Alias(DomainAlias::Remove { alias }) => return remove_alias(target, out, alias).await,
    };
    match target.respond(request).await? {
        Response::Domains(domains) => list(out, &domains)?,
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

async fn remove(target: &mut CommandTarget, out: &mut Output, name: DomainName, yes: bool) -> Result<Exit, Failure> {
    let details = target.ask(DomainShow { name: name.clone() }).await?;
    let sources = target.ask(SourceList).await?;
    let sources: Vec<_> =
        sources.iter().filter(|s| s.domain == details.summary.name).map(|s| s.name.as_str()).collect();
    if !yes {
        let (counts, aliases) = (print::list_counts(&details.summary.counts), details.domain_aliases.len() as u64);
        let aliases = print::counted(aliases, "domain alias");
        let sources = if sources.is_empty() { String::new() } else { format!(", and sources {}", sources.join(", ")) };
        let with = format!("{counts}, {aliases}{sources}");
        let what = format!("this removes {name} with {with}; mail for it is rejected from then on");
        confirm::removal_of_domain(&what, &name, yes)?;
    }
    let applied = target.ask(DomainRemove { name }).await?;
    print::applied(out, &applied)?;
    if applied.removed == 0 {
        print::undo(&applied);
    }
    if !sources.is_empty() && !out.is_json() {
        say!("sources {} are no longer read; the undo brings them back", sources.join(", "));
    }
    Ok(Exit::DONE)
}

/// A domain alias goes without a prompt, since no address goes with it; mail for it is rejected from then on.
async fn remove_alias(target: &mut CommandTarget, out: &mut Output, alias: DomainName) -> Result<Exit, Failure> {
    let applied = target.ask(DomainAliasRemove { alias: alias.clone() }).await?;
    print::applied(out, &applied)?;
    if !out.is_json() && applied.change_id.is_some() {
        say!("mail for {alias} is rejected from now on");
        print::undo(&applied);
    }
    Ok(Exit::DONE)
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

async fn show(target: &mut CommandTarget, out: &mut Output, name: DomainName) -> Result<Exit, Failure> {
    let details = target.ask(DomainShow { name: name.clone() }).await?;
    if out.is_json() {
        out.object(&details)?;
        return Ok(Exit::DONE);
    }
    details_text(out, &details)?;
    for route in target.ask(DomainRoutes { name }).await? {
        out.line(&format!("  route        {}: {}", route.server, probe::trust(&route)))?;
    }
    Ok(Exit::DONE)
}

fn details_text(out: &mut Output, details: &DomainDetails) -> Result<(), Failure> {
    let domain = &details.summary;
    out.line(&format!("{}{}", domain.name, switches(domain)))?;
    out.line(&format!("  customer     {}", domain.customer))?;
    out.line(&format!("  mode         {}", domain.mode))?;
    if let Some(replies) = mode::replies(domain.mode) {
        out.line(&format!("  unlisted     {replies}"))?;
    }
    out.line(&format!("  list         {}", print::list_counts(&domain.counts)))?;
    for server in &details.servers {
        out.line(&format!("  server       {}", server_text(server)))?;
    }
    for alias in &details.domain_aliases {
        out.line(&format!("  alias        {alias}"))?;
    }
    let sub = details.separators();
    let separators = [(sub.plus, "user+tag"), (sub.minus, "user-tag")];
    let on: Vec<_> = separators.iter().filter(|(on, _)| *on).map(|(_, form)| *form).collect();
    out.line(&format!("  sub-address  {}", if on.is_empty() { "off".to_owned() } else { on.join(", ") }))?;
    if details.sub_addressing.plus && details.plus_refused {
        out.line(
            "               user+tag is unsupported and off: the mail server refuses it for a user that it takes",
        )?;
    }
    let forms = details.bounce_addresses;
    let bounces = [(forms.batv, "signed senders (BATV)"), (forms.srs, "rewritten senders (SRS)")];
    let on: Vec<_> = bounces.iter().filter(|(on, _)| *on).map(|(_, form)| *form).collect();
    out.line(&format!(
        "  bounces to   {}",
        if on.is_empty() { "listed addresses alone".to_owned() } else { on.join(", ") }
    ))?;
    if details.fall_back {
        out.line(
            "  fall-back    on: goes back to mode monitor if authenticated senders with a good record are refused",
        )?;
    }
    let abuse = if details.accept_abuse { "postmaster, abuse" } else { "postmaster" };
    out.line(&format!("  system       {abuse}: always accepted"))?;
    let spam = match details.spam {
        SpamTreatment::Tag => "tagged: X-Spam-Flag: YES in front",
        SpamTreatment::Refuse => "refused at the end of DATA",
    };
    out.line(&format!("  spam         {spam}"))?;
    if let Some(contact) = &details.technical_contact {
        out.line(&format!("  technical    {contact}"))?;
    }
    Ok(())
}

fn server_text(server: &MailServer) -> String {
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
    format!("{} preference {}, {tls}{xforward}{by}", server.host_and_port(), server.preference)
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
    out.line("Until the list is enforced, this server is asked for unlisted recipients, and no mail is lost. Next:")?;
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
