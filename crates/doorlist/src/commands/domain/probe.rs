//! What a domain's own servers say: `doorlist domain probe`, and the routes of `doorlist domain show`.

use super::print;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{DomainProbe, RouteStanding, ServerProbe};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::verification::{RouteControl, RouteTrust, ServerAnswer};

/// Asks, and shows each dialogue. Without a server that could be asked, it fails.
pub(super) async fn probe(
    target: &mut CommandTarget,
    out: &mut Output,
    name: DomainName,
    address: Option<Address>,
) -> Result<Exit, Failure> {
    let probes = target.ask(DomainProbe { name: name.clone(), address }).await?;
    for probe in &probes {
        if out.is_json() {
            out.object(probe)?;
            continue;
        }
        text(out, probe)?;
    }
    if probes.is_empty() {
        say!("{name} has no mail server; set one: doorlist domain set {name} --server HOST");
    }
    let asked = probes.iter().any(|probe| probe.failure.is_none());
    Ok(if asked { Exit::DONE } else { Exit::FAILURE })
}

fn text(out: &mut Output, probe: &ServerProbe) -> Result<(), Failure> {
    out.line(&probe.server)?;
    for line in &probe.dialogue {
        out.line(&format!("  {line}"))?;
    }
    if let Some(why) = &probe.failure {
        out.line(&format!("  cannot be asked: {why}"))?;
    }
    for (address, answer) in &probe.answers {
        let answer = match answer {
            ServerAnswer::Exists => "taken",
            ServerAnswer::NoSuchUser => "no such user",
            ServerAnswer::Undecided => "no clear answer",
        };
        out.line(&format!("  {address}: {answer}"))?;
    }
    if let Some(standing) = &probe.standing {
        out.line(&format!("  {}", worth(standing)))?;
    }
    Ok(())
}

/// What the word of a server is worth, and why.
pub(super) fn worth(standing: &RouteStanding) -> String {
    let said = |what: &str, control: Option<RouteControl>| {
        control.map(|RouteControl { taken, at }| {
            format!("{} {what} at {}", if taken { "took" } else { "refused" }, print::minute(at))
        })
    };
    let found: Vec<String> =
        [said("a random name", standing.random), said("a known name", standing.known)].into_iter().flatten().collect();
    let worth = match standing.trust {
        RouteTrust::Trusted => "trusted: its word about unlisted recipients counts",
        RouteTrust::AcceptsAll => "takes every name: its word proves nothing; switch on recipient filtering there",
        RouteTrust::RefusesAll => "refuses known names: its word proves nothing",
        RouteTrust::Unproven => "not proven yet: unlisted recipients that it refuses are deferred",
    };
    if found.is_empty() { worth.to_owned() } else { format!("{worth} ({})", found.join(", ")) }
}
