//! `doorlist harvest ...`

use super::print;
use crate::cli::harvest::HarvestCommand;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    FlaggedSource, HarvestBlock, HarvestDomain, HarvestExtend, HarvestNames, HarvestRelease, HarvestReleased,
    HarvestReport, HarvestSources, HarvestStatus,
};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::harvest::{AttackState, Block};
use doorlist_core::time::Timestamp;

pub(super) async fn harvest(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &HarvestCommand,
) -> Result<Exit, Failure> {
    match what.clone() {
        HarvestCommand::Status { domain } => return status(target, out, domain).await,
        HarvestCommand::Sources { limit } => return sources(target, out, limit).await,
        HarvestCommand::Block { network, length, reason } => {
            let block = target.ask(HarvestBlock { network, seconds: length.as_secs(), reason }).await?;
            out.entry(&block, || format!("blocked {}", block_line(&block)))?;
        }
        HarvestCommand::Release { target: what } => {
            let released = target.ask(HarvestRelease { target: what.to_string() }).await?;
            out.entry(&released, || released_line(&released))?;
        }
        HarvestCommand::Extend { domain, length } => {
            let until = target.ask(HarvestExtend { name: domain.clone(), seconds: length.as_secs() }).await?;
            let extended = serde_json::json!({ "domain": domain, "until": until });
            out.entry(&extended, || format!("{domain}: its state lasts until {} at the latest", print::minute(until)))?;
        }
    }
    Ok(Exit::DONE)
}

async fn status(target: &mut CommandTarget, out: &mut Output, domain: Option<DomainName>) -> Result<Exit, Failure> {
    let report = target.ask(HarvestStatus { name: domain.clone() }).await?;
    if out.is_json() {
        out.object(&report)?;
        return Ok(Exit::DONE);
    }
    let HarvestReport { sources_flagged, blocks, domains, events, names } = report;
    match sources_flagged {
        0 => out.line("no source is flagged")?,
        flagged => out.line(&format!("{} flagged: doorlist harvest sources", print::counted(flagged, "source")))?,
    }
    if domains.is_empty() {
        match &domain {
            Some(name) => out.line(&format!("{name} is normal"))?,
            None => out.line("all domains are normal")?,
        }
    }
    for domain in &domains {
        out.line(&domain_line(domain))?;
        if let Some(since) = domain.slow_since {
            out.line(&slow_line(domain, since))?;
        }
    }
    for block in &blocks {
        out.line(&format!("blocked {}", block_line(block)))?;
    }
    if let Some(names) = &names {
        names_of_day(out, names)?;
    }
    if !events.is_empty() {
        out.line("events, the newest first:")?;
    }
    for event in &events {
        let at = print::time(event.at);
        out.line(&format!("  {at}  {}  {}  {}", event.event, event.subject, event.detail))?;
    }
    Ok(Exit::DONE)
}

fn domain_line(domain: &HarvestDomain) -> String {
    let HarvestDomain { name, node, state, since, until, rate, .. } = domain;
    let since = print::minute(*since);
    match state {
        AttackState::Normal => format!("{name} is normal since {since} (node {node})"),
        state => format!(
            "{name} is {} since {since}, until {} at the latest; it began with {rate} unknown names in ten minutes \
             (node {node})",
            word(*state),
            print::minute(*until)
        ),
    }
}

fn slow_line(domain: &HarvestDomain, since: Timestamp) -> String {
    let HarvestDomain { name, node, names_of_day, .. } = domain;
    format!(
        "{name} shows the sign of a slow attack since {}: {names_of_day} unknown names in 24 hours (node {node})",
        print::minute(since)
    )
}

fn word(state: AttackState) -> &'static str {
    match state {
        AttackState::Normal => "normal",
        AttackState::Elevated => "elevated",
        AttackState::Attack => "under attack",
    }
}

fn block_line(block: &Block) -> String {
    let Block { network, until, reason, by, .. } = block;
    format!("{network} until {} by {by}: {reason}", print::minute(*until))
}

fn names_of_day(out: &mut Output, names: &HarvestNames) -> Result<(), Failure> {
    let guessed = print::counted(names.guessed, "unlisted name");
    out.line(&format!("within 24 hours: {guessed}, {} deferred by the defence", listed(names.listed)))?;
    for (what, most) in [("unlisted", &names.guessed_most), ("listed", &names.listed_most)] {
        for (address, times) in most {
            out.line(&format!("  {what}  {}  {}", shown(address), print::counted(*times, "attempt")))?;
        }
    }
    Ok(())
}

fn listed(count: u64) -> String {
    print::counted(count, "listed address")
}

fn shown(address: &Address) -> String {
    address.to_string()
}

async fn sources(target: &mut CommandTarget, out: &mut Output, limit: u32) -> Result<Exit, Failure> {
    let sources = target.ask(HarvestSources { limit }).await?;
    for source in &sources {
        out.entry(source, || source_line(source))?;
    }
    if sources.is_empty() {
        say!("no source is flagged");
    }
    Ok(Exit::DONE)
}

fn source_line(source: &FlaggedSource) -> String {
    let FlaggedSource { source, until, flags, unknown, known, domain, network } = source;
    let domain = domain.as_ref().map(|name| format!(", last of {name}")).unwrap_or_default();
    let times = if *flags > 1 { format!(", flag {flags} in a row") } else { String::new() };
    let all = network.as_ref().map(|network| format!("; all of {network} is flagged")).unwrap_or_default();
    let until = print::minute(*until);
    format!("{source}  until {until}  {unknown} unknown and {known} known names{domain}{times}{all}")
}

fn released_line(released: &HarvestReleased) -> String {
    let HarvestReleased { target, flags, blocks, state_ended } = released;
    if *state_ended {
        return format!("{target}: its state ends");
    }
    format!("{target}: {} and {} released", print::counted(*flags, "flag"), print::counted(*blocks, "block"))
}
