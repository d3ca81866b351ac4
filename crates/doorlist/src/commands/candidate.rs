//! `doorlist candidate ...`

use super::account::change_or_show;
use super::print;
use crate::cli::candidate::CandidateCommand;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{CandidateAdd, CandidateAlias, CandidateEntry, CandidateIgnore, CandidateList, CandidateRefuse};
use doorlist_core::learning::CandidateState;

pub(super) async fn candidate(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &CandidateCommand,
) -> Result<Exit, Failure> {
    let request = match what {
        CandidateCommand::List { domain, ignored, limit } => {
            let wish = CandidateList { domain: domain.clone(), ignored: *ignored, limit: *limit };
            let candidates = target.ask(wish).await?;
            if candidates.is_empty() {
                say!("{domain} has no candidates");
            }
            return show(out, &candidates);
        }
        CandidateCommand::Ignore { addresses, again } => {
            let ignored = target.ask(CandidateIgnore { addresses: addresses.clone(), again: *again }).await?;
            return show(out, &ignored);
        }
        CandidateCommand::Add { addresses } => CandidateAdd { addresses: addresses.clone() }.into(),
        CandidateCommand::Alias { addresses, of } => {
            CandidateAlias { addresses: addresses.clone(), account: of.clone() }.into()
        }
        CandidateCommand::Refuse { addresses } => CandidateRefuse { addresses: addresses.clone() }.into(),
    };
    change_or_show(target, out, request).await
}

fn show(out: &mut Output, candidates: &[CandidateEntry]) -> Result<Exit, Failure> {
    for candidate in candidates {
        out.entry(candidate, || line(candidate))?;
    }
    Ok(Exit::DONE)
}

/// `carol@example.test   3 messages from 2 senders (elsewhere.test), last 2026-11-30 08:12`
fn line(candidate: &CandidateEntry) -> String {
    let named: Vec<&str> =
        candidate.sender_domains.iter().map(|domain| if domain.is_empty() { "<>" } else { domain.as_str() }).collect();
    let state = match candidate.state {
        CandidateState::Waiting | CandidateState::Proven => "; waits to be added",
        CandidateState::Ignored => "; ignored",
        CandidateState::Seen => "",
    };
    let senders = if candidate.senders == "1" { "sender" } else { "senders" };
    format!(
        "{:<40} {} from {} {senders} ({}), last {}{state}",
        candidate.address.to_string(),
        print::counted(candidate.messages, "message"),
        candidate.senders,
        named.join(", "),
        print::minute(candidate.last_seen),
    )
}
