//! Runs the commands: each one sends a request to `doorlist-actions` and prints the answer.

mod audit;
mod changes;
mod check;
mod contacts;
mod domain;
mod files;
mod input;
mod list;
mod log;
mod logins;
mod plan_text;
mod plans;
mod print;
mod queue;
mod row_text;
mod senders;
mod sources;
mod sync;

use crate::cli::CliCommand;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use doorlist_core::address::DomainName;
use std::io::IsTerminal;

pub(crate) use input::{Input, read_input};
pub(crate) use print::time;
pub(crate) use sources::new_settings;

/// Runs a command. `input` is the content of the caller's files, read before the process changed its user.
pub(crate) async fn run(
    command: &CliCommand,
    input: Input,
    target: &mut CommandTarget,
    out: &mut Output,
) -> Result<Exit, Failure> {
    match command {
        CliCommand::Check { address, from } => check::check(target, out, address, from.as_deref()).await,
        CliCommand::Domain(what) => domain::domain(target, out, what).await,
        CliCommand::Account(asked) => list::account(target, out, &asked.what).await,
        CliCommand::Alias(asked) => list::alias(target, out, &asked.what).await,
        CliCommand::Import(what) => files::import(target, out, what, input).await,
        CliCommand::Export(what) => files::export(target, out, what).await,
        CliCommand::Source(what) => sources::source(target, out, what, input).await,
        CliCommand::Sync(what) => sync::sync(target, out, what).await,
        CliCommand::Admin(what) => logins::admin(target, out, what, input).await,
        CliCommand::ApiKey(what) => logins::api_key(target, out, what).await,
        CliCommand::Audit(what) => audit::audit(target, out, what).await,
        CliCommand::Queue(what) => queue::queue(target, out, what).await,
        CliCommand::Log(what) => log::log(target, out, what).await,
        CliCommand::Contact(what) => contacts::contact(target, out, what).await,
        CliCommand::Sender(what) => senders::sender(target, out, what).await,
        CliCommand::Plan(asked) => plans::plan(target, out, &asked.what).await,
        CliCommand::Changes(asked) => changes::changes(target, out, &asked.what).await,
        CliCommand::Serve | CliCommand::Config(_) | CliCommand::Doctor | CliCommand::Agent(_) => Ok(Exit::DONE),
    }
}

/// Prompts for the domain's name on a terminal. `None` without a terminal.
fn typed_name(question: &str) -> Option<DomainName> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    crate::output::ask(question);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok()?;
    DomainName::parse(line.trim().as_bytes()).ok()
}
