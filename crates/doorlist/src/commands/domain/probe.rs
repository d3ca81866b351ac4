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
            ServerAnswer::Exists => "accepted",
            ServerAnswer::NoSuchUser => "no such user",
            ServerAnswer::Undecided => "no clear answer",
        };
        out.line(&format!("  {address}: {answer}"))?;
    }
    if let Some(standing) = &probe.standing {
        out.line(&format!("  {}", trust(standing)))?;
    }
    Ok(())
}

/// Whether the answers of a server are trusted, and why.
pub(super) fn trust(standing: &RouteStanding) -> String {
    let said = |what: &str, control: Option<RouteControl>| {
        control.map(|RouteControl { taken, at }| {
            format!("{} {what} at {}", if taken { "accepted" } else { "refused" }, print::minute(at))
        })
    };
    let found: Vec<String> = [said("a random address", standing.random), said("a known address", standing.known)]
        .into_iter()
        .flatten()
        .collect();
    let trust = match standing.trust {
        RouteTrust::Trusted => "trusted: its answers about unlisted recipients are used",
        RouteTrust::AcceptsAll => {
            "accepts every address, so its answers prove nothing; enable recipient filtering on it"
        }
        RouteTrust::RefusesAll => "refuses addresses that exist, so its answers are not used; check its configuration",
        RouteTrust::Unproven => "not tested yet with both a random and a known address",
    };
    if found.is_empty() { trust.to_owned() } else { format!("{trust} ({})", found.join(", ")) }
}
