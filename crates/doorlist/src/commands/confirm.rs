//! Asking before addresses leave a list: on a terminal a person answers; without one, `--yes` must have been given.

use crate::exit::{Exit, Failure};
use doorlist_core::address::DomainName;
use std::io::IsTerminal;

/// Lets the command go on if it was given `--yes`, or a person agrees. `what` is a sentence: what it takes away.
pub(super) fn removal(what: &str, yes: bool) -> Result<(), Failure> {
    agreed(what, yes, "yes")
}

/// The same for messages in the queue, `--yes` not given.
pub(super) fn messages(what: &str) -> Result<(), Failure> {
    agreed(what, false, "yes")
}

/// The same, where the person types a domain's name.
pub(super) fn removal_of_domain(what: &str, name: &DomainName, yes: bool) -> Result<(), Failure> {
    agreed(what, yes, name.as_str())
}

fn agreed(what: &str, yes: bool, word: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let why = format_args!("{what}. Nothing was changed: without a terminal, confirm with --yes");
        return Err(Failure::because(Exit::USAGE, why));
    }
    say!("{what}.");
    match typed(&format!("Type {word} to confirm")) {
        Some(line) if line.eq_ignore_ascii_case(word) => Ok(()),
        _ => Err(Failure::because(Exit::FAILURE, "not confirmed; nothing was changed")),
    }
}

/// The domain's name as a person types it. `None` without a terminal.
pub(super) fn typed_name(question: &str) -> Option<DomainName> {
    DomainName::parse(typed(question)?.as_bytes()).ok()
}

fn typed(question: &str) -> Option<String> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    crate::output::ask(question);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok()?;
    Some(line.trim().to_owned())
}
