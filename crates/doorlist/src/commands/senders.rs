//! `doorlist sender ...`

use super::unexpected;
use crate::cli::senders::SenderCommand;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    Request, Response, RulesOf, SENDER_PAGE, SenderList, SenderPut, SenderRemove, SenderRuleChange,
};

pub(super) async fn sender(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &SenderCommand,
) -> Result<Exit, Failure> {
    let request: Request = match what.clone() {
        SenderCommand::Allow { sender, of } => SenderPut { of, sender, allow: true }.into(),
        SenderCommand::Block { sender, of } => SenderPut { of, sender, allow: false }.into(),
        SenderCommand::Remove { sender, of } => SenderRemove { of, sender }.into(),
        SenderCommand::List { of } => return list(target, out, of).await,
    };
    match target.ask(request).await? {
        Response::SenderRule(change) if out.is_json() => out.object(&change)?,
        Response::SenderRule(change) => out.line(&sentence(&change))?,
        other => return Err(unexpected(&other)),
    }
    Ok(Exit::DONE)
}

fn word(allow: bool) -> &'static str {
    if allow { "allowed" } else { "blocked" }
}

fn sentence(change: &SenderRuleChange) -> String {
    let SenderRuleChange { of, sender, before, now } = change;
    match (*before, *now) {
        (Some(before), Some(now)) if before == now => format!("{sender} is already {} for {of}", word(now)),
        (Some(before), Some(now)) => format!("{sender} is now {} for {of}, no longer {}", word(now), word(before)),
        (None, Some(now)) => format!("{sender} is {} for {of}", word(now)),
        (_, None) => format!("{sender} no longer has a rule for {of}"),
    }
}

async fn list(target: &mut CommandTarget, out: &mut Output, of: RulesOf) -> Result<Exit, Failure> {
    let mut offset = 0;
    loop {
        let rules = match target.ask(SenderList { of: of.clone(), offset }).await? {
            Response::SenderRules(rules) => rules,
            other => return Err(unexpected(&other)),
        };
        for rule in &rules {
            if out.is_json() {
                out.object(rule)?;
            } else {
                out.line(&format!("{} {}", word(rule.allow), rule.sender))?;
            }
        }
        offset += rules.len() as u64;
        if rules.len() < SENDER_PAGE as usize {
            break;
        }
    }
    if offset == 0 {
        say!("{of} has no sender rules. Add one: doorlist sender block spam.test --for {of}");
    }
    Ok(Exit::DONE)
}
