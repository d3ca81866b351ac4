//! `doorlist alias ...`

use super::account::change_or_show;
use super::{confirm, print};
use crate::cli::alias::Alias;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{AliasAdd, AliasPromote, AliasReason, AliasReassign, AliasRemove, AliasSuggest, SuggestedAlias};
use doorlist_core::address::{Address, DomainName};

pub(super) async fn alias(target: &mut CommandTarget, out: &mut Output, what: &Alias) -> Result<Exit, Failure> {
    let request = match what {
        Alias::Add { account, names } => AliasAdd { account: account.clone(), locals: names.clone() }.into(),
        Alias::Remove { addresses, yes } => {
            if addresses.len() > 1 {
                let aliases = print::counted(addresses.len() as u64, "alias");
                confirm::removal(&format!("this removes {aliases}; mail for them is rejected from then on"), *yes)?;
            }
            AliasRemove { addresses: addresses.clone() }.into()
        }
        Alias::Reassign { addresses, to } => AliasReassign { addresses: addresses.clone(), to: to.clone() }.into(),
        Alias::Promote { addresses } => AliasPromote { addresses: addresses.clone() }.into(),
        Alias::Suggest { domain } => return suggest(target, out, domain).await,
    };
    change_or_show(target, out, request).await
}

async fn suggest(target: &mut CommandTarget, out: &mut Output, domain: &DomainName) -> Result<Exit, Failure> {
    let suggestions = target.ask(AliasSuggest { domain: domain.clone() }).await?;
    if suggestions.is_empty() {
        say!("no account of {domain} looks like another name of another one");
    }
    for suggestion in &suggestions {
        out.entry(suggestion, || line(suggestion))?;
    }
    Ok(Exit::DONE)
}

/// A command to copy, and behind it why.
fn line(suggestion: &SuggestedAlias) -> String {
    let SuggestedAlias { alias, account, reasons } = suggestion;
    let reasons: Vec<String> = reasons.iter().map(|reason| reason_text(reason, account)).collect();
    format!("doorlist alias reassign {alias} --to {account}  # {}", reasons.join("; "))
}

fn reason_text(reason: &AliasReason, account: &Address) -> String {
    match reason {
        AliasReason::SharedMail { shared, messages, sender_domains } => {
            format!("{shared} of {messages} messages also went to {account}, from {sender_domains} sender domains")
        }
        AliasReason::NamePattern => "short form of the same name".to_owned(),
    }
}
