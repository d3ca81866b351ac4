//! `doorlist status`: one screen.

use super::print;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{DomainStatus, QueueStatus, SourceStatus, Status, StatusReport};

pub(super) async fn status(target: &mut CommandTarget, out: &mut Output) -> Result<Exit, Failure> {
    let report = target.ask(Status).await?;
    if out.is_json() {
        out.object(&report)?;
        return Ok(Exit::DONE);
    }
    out.line(&format!("doorlist {}, {}", report.version, server(&report)))?;
    out.line(&format!("  domains  {}", domains(&report.domains)))?;
    for name in &report.domains.enforced_empty {
        out.line(&format!("           {name} is enforced, and its list is empty"))?;
    }
    out.line(&format!("  queue    {}", queue(&report.queue)))?;
    out.line(&format!("  sources  {}", sources(&report.sources)))?;
    for source in &report.sources.failing {
        let (name, domain, since) = (&source.name, &source.domain, print::time(source.since));
        out.line(&format!("           {name} of {domain} fails since {since}: {}", source.why))?;
    }
    let plans = match report.plans_waiting {
        0 => "none waits".to_owned(),
        1 => "1 waits for you: doorlist plan list".to_owned(),
        many => format!("{many} wait for you: doorlist plan list"),
    };
    out.line(&format!("  plans    {plans}"))?;
    out.line(&format!("  attacks  {}", attacks(&report)))?;
    Ok(Exit::DONE)
}

/// `running for 3 d 4 h, since ...`
fn server(report: &StatusReport) -> String {
    let Some(server) = &report.server else { return "no server is running".to_owned() };
    let minutes = server.uptime_seconds / 60;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    let uptime = match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    };
    format!("running for {uptime}, since {}", print::time(server.started))
}

fn domains(status: &DomainStatus) -> String {
    let counts = [
        (status.learn, "in learn"),
        (status.monitor, "in monitor"),
        (status.enforce_soft, "enforced softly (450)"),
        (status.enforce, "enforced"),
        (status.hold, "on hold"),
        (status.inactive, "inactive"),
    ];
    let parts: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    let (total, addresses) = (status.total, print::counted(status.addresses, "address"));
    format!("{total}{parts}; {addresses}")
}

fn queue(status: &QueueStatus) -> String {
    let counts = [(status.deferred, "deferred"), (status.held, "held"), (status.failed, "failed")];
    let parts = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {n} {what}"));
    let oldest = status.oldest.map(|at| format!(", oldest {}", print::time(at))).unwrap_or_default();
    format!("{}{}{oldest}", print::counted(status.messages, "message"), parts.collect::<String>())
}

fn sources(status: &SourceStatus) -> String {
    match (status.total, status.failing.len()) {
        (0, _) => "none".to_owned(),
        (total, 0) => format!("{total}, none fails"),
        (total, failing) => format!("{total}, {failing} failing"),
    }
}

fn attacks(report: &StatusReport) -> String {
    match report.server.as_ref().map(|server| server.sources_flagged) {
        None => "unknown without a server".to_owned(),
        Some(0) => "no source is flagged".to_owned(),
        Some(flagged) => format!("{} flagged for guessing", print::counted(flagged, "source")),
    }
}
