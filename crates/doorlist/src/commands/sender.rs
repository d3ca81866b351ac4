//! `doorlist sender ...`

use crate::cli::sender::SenderCommand;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{RulesOf, SENDER_PAGE, SenderList, SenderPut, SenderRemove, SenderRuleChange};

pub(super) async fn sender(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &SenderCommand,
) -> Result<Exit, Failure> {
    let change = match what.clone() {
        SenderCommand::Allow { sender, of } => target.ask(SenderPut { of, sender, allow: true }).await?,
        SenderCommand::Block { sender, of } => target.ask(SenderPut { of, sender, allow: false }).await?,
        SenderCommand::Remove { sender, of } => target.ask(SenderRemove { of, sender }).await?,
        SenderCommand::List { of } => return list(target, out, of).await,
    };
    out.entry(&change, || sentence(&change))?;
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
        let rules = target.ask(SenderList { of: of.clone(), offset }).await?;
        for rule in &rules {
            out.entry(rule, || format!("{} {}", word(rule.allow), rule.sender))?;
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
