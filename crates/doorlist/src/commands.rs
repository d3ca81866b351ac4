//! Runs the commands: each one sends a request to `doorlist-actions` and prints the answer.

mod account;
mod account_history;
mod admin;
mod alias;
mod api_key;
mod audit;
mod candidate;
mod changes;
mod check;
mod confirm;
mod contact;
mod domain;
mod export;
mod harvest;
mod import;
mod input;
mod log;
mod plan;
mod plan_text;
mod print;
mod progress;
mod queue;
mod row_text;
mod sender;
mod shell_word;
mod source;
mod status;
mod sync;

use crate::cli::CliCommand;
use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure};
use crate::output::Output;

pub(crate) use input::{Input, read_input};
pub(crate) use print::time;
pub(crate) use source::new_settings;

/// Runs a command. `input` is the content of the caller's files, read before the process changed its user.
pub(crate) async fn run(
    command: &CliCommand,
    input: Input,
    target: &mut CommandTarget,
    out: &mut Output,
) -> Result<Exit, Failure> {
    match command {
        CliCommand::Check(what) => check::check(target, out, what).await,
        CliCommand::Status => status::status(target, out).await,
        CliCommand::Domain(what) => domain::domain(target, out, what).await,
        CliCommand::Account(asked) => account::account(target, out, &asked.what).await,
        CliCommand::Alias(asked) => alias::alias(target, out, &asked.what).await,
        CliCommand::Candidate(asked) => candidate::candidate(target, out, &asked.what).await,
        CliCommand::Import(what) => import::import(target, out, what, input).await,
        CliCommand::Export(what) => export::export(target, out, what).await,
        CliCommand::Source(what) => source::source(target, out, what, input).await,
        CliCommand::Sync(what) => sync::sync(target, out, what).await,
        CliCommand::Admin(what) => admin::admin(target, out, what, input).await,
        CliCommand::ApiKey(what) => api_key::api_key(target, out, what).await,
        CliCommand::Audit(what) => audit::audit(target, out, what).await,
        CliCommand::Queue(what) => queue::queue(target, out, what).await,
        CliCommand::Log(what) => log::log(target, out, what).await,
        CliCommand::Contact(what) => contact::contact(target, out, what).await,
        CliCommand::Sender(what) => sender::sender(target, out, what).await,
        CliCommand::Harvest(what) => harvest::harvest(target, out, what).await,
        CliCommand::Plan(asked) => plan::plan(target, out, &asked.what).await,
        CliCommand::Changes(asked) => changes::changes(target, out, &asked.what).await,
        CliCommand::Serve
        | CliCommand::Config(_)
        | CliCommand::Doctor
        | CliCommand::Agent(_)
        | CliCommand::Completion { .. }
        | CliCommand::Man { .. } => Ok(Exit::DONE),
    }
}
