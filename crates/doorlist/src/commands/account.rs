//! `doorlist account ...`

use super::{account_history, confirm, print};
use crate::cli::account::AccountCommand;
use crate::command_target::{CommandTarget, unexpected};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_actions::{
    AccountAdd, AccountConfirm, AccountList, AccountRemove, AccountReport, AccountShow, Request, Response,
};
use doorlist_core::address::Address;
use doorlist_core::time::Timestamp;
use doorlist_store::learning::LearnedAddress;
use doorlist_store::recipients::{AccountDetails, AccountFilter, ClaimRecord, WithoutMail};

/// Accounts that are asked for at a time.
const PAGE: u32 = 1_000;

pub(super) async fn account(
    target: &mut CommandTarget,
    out: &mut Output,
    what: &AccountCommand,
) -> Result<Exit, Failure> {
    let request = match what {
        AccountCommand::Add { addresses, list } => AccountAdd { addresses: addresses.clone(), list: *list }.into(),
        AccountCommand::Remove { addresses, yes } => {
            if !yes {
                confirm_removal(target, addresses).await?;
            }
            AccountRemove { addresses: addresses.clone() }.into()
        }
        AccountCommand::Show { address } => AccountShow { address: address.clone() }.into(),
        AccountCommand::Confirm { addresses } => AccountConfirm { addresses: addresses.clone() }.into(),
        AccountCommand::List { domain, search, auto_added, never_mailed, no_mail_for } => {
            let without_mail =
                if *never_mailed { Some(WithoutMail::Ever) } else { no_mail_for.map(WithoutMail::ForDays) };
            let filter = AccountFilter {
                domain: domain.clone(),
                search: search.clone(),
                auto_added: *auto_added,
                without_mail,
                after: None,
                limit: PAGE,
            };
            return list(target, out, filter).await;
        }
    };
    change_or_show(target, out, request).await
}

/// Asks if more than one address would go: accounts, and their aliases with them.
async fn confirm_removal(target: &mut CommandTarget, addresses: &[Address]) -> Result<(), Failure> {
    let mut aliases = 0;
    if let [one] = addresses {
        let shown = target.ask(AccountShow { address: one.clone() }).await?;
        aliases = shown.details.aliases.len() as u64;
        // An alias is not removed by this command, which says so itself.
        if aliases == 0 || shown.details.entry.record.account.is_some() {
            return Ok(());
        }
    }
    let accounts = print::counted(addresses.len() as u64, "account");
    let with = if aliases > 0 { print::counted(aliases, "alias") } else { "all their aliases".to_owned() };
    confirm::removal(&format!("this removes {accounts} with {with}; mail for them is rejected from then on"), false)
}

pub(super) async fn change_or_show(
    target: &mut CommandTarget,
    out: &mut Output,
    request: Request,
) -> Result<Exit, Failure> {
    match target.respond(request).await? {
        Response::Applied(applied) => print::applied(out, &applied)?,
        Response::Account(details) if out.is_json() => out.object(&details)?,
        Response::Account(details) => show(out, &details)?,
        other => return Err(unexpected(&other)),
    }
    Ok(Exit::DONE)
}

fn show(out: &mut Output, report: &AccountReport) -> Result<(), Failure> {
    let details = &report.details;
    let entry = &details.entry;
    out.line(&format!("{}: {}", entry.address, print::what_it_is(entry)))?;
    for alias in &details.aliases {
        out.line(&format!("  alias    {}", print::beside(entry, alias)))?;
    }
    for claim in &entry.record.claims {
        out.line(&format!("  claimed  {}", claim_text(claim, &report.last_seen)))?;
    }
    if let Some(learned) = &report.learned {
        out.line(&format!("  learned  {}", learned_text(learned)))?;
    }
    if let Some(veto) = &entry.record.veto {
        out.line(&format!(
            "  vetoed   by {} since {}; `account add` or `alias add` lifts the veto",
            veto.by,
            print::time(veto.since)
        ))?;
    }
    account_history::show(out, &report.timeline)
}

/// Auto-Added, and the delivery that did it.
fn learned_text(learned: &LearnedAddress) -> String {
    let LearnedAddress { learned: at, messages, evidence, .. } = learned;
    let sender = evidence.sender_domain().unwrap_or_else(|| "the null sender".to_owned());
    let messages = print::counted(*messages, "clean message");
    let control = evidence
        .control
        .map_or_else(String::new, |control| format!(", which refused a random name at {}", print::time(control)));
    format!(
        "Auto-Added {}: {messages}; {} from {sender} was taken ({}) by {}{control}",
        print::time(*at),
        evidence.queue_id,
        evidence.status,
        evidence.server,
    )
}

/// `directory:office since ..., brought by schedule, cn=Ann,...; last seen ...`
fn claim_text(claim: &ClaimRecord, last_seen: &[(String, Timestamp)]) -> String {
    let source = claim.source.to_string();
    let mut text = format!("by {source} since {}", print::time(claim.since));
    if !claim.by.is_empty() {
        text.push_str(&format!(", added by {}", claim.by));
    }
    if let Some(place) = &claim.place {
        text.push_str(&format!(", {place}"));
    }
    let seen = last_seen.iter().find(|(name, _)| *name == source);
    match (claim.missing_since.zip(claim.counts_until()), seen) {
        (Some((since, until)), _) => {
            let (since, until) = (print::time(since), print::time(until));
            text.push_str(&format!("; missing from the source since {since}, accepted until {until}"));
        }
        (None, Some((_, at))) => text.push_str(&format!("; last seen {}", print::time(*at))),
        (None, None) => {}
    }
    text
}

async fn list(target: &mut CommandTarget, out: &mut Output, mut filter: AccountFilter) -> Result<Exit, Failure> {
    loop {
        let accounts = target.ask(AccountList { filter: filter.clone() }).await?;
        if accounts.is_empty() && filter.after.is_none() {
            let kind = if filter.auto_added { "Auto-Added " } else { "" };
            let with = if filter.search.is_some() { " with this text" } else { "" };
            let without = if filter.without_mail.is_some() { " without mail" } else { "" };
            say!("no {kind}accounts of {}{with}{without}", filter.domain);
        }
        for account in &accounts {
            let mail = if filter.without_mail.is_some() { last_mail_text(account) } else { String::new() };
            out.entry(account, || line(account) + &mail)?;
        }
        match accounts.last() {
            Some(last) if accounts.len() >= PAGE as usize => {
                filter.after = Some(last.entry.address.local().clone());
            }
            _ => return Ok(Exit::DONE),
        }
    }
}

/// Its own last mail, not that of its aliases.
fn last_mail_text(account: &AccountDetails) -> String {
    account
        .mail
        .map_or_else(|| ", no mail".to_owned(), |mail| format!(", last mail {}", print::day(mail.last_accepted)))
}

fn line(account: &AccountDetails) -> String {
    let mut text = format!("{:<40} {}", account.entry.address.to_string(), print::what_it_is(&account.entry));
    if !account.aliases.is_empty() {
        let names: Vec<_> = account.aliases.iter().map(ToString::to_string).collect();
        text.push_str(&format!(", also {}", names.join(", ")));
    }
    text
}
