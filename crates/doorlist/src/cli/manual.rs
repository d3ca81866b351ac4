//! `doorlist completion` and `doorlist man`: what the grammar of the commands says, for shells and for `man`.

use super::Cli;
use crate::exit::{Exit, Failure, OrExit};
use clap::{Command, CommandFactory, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;

/// Shells with completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletionShell {
    Bash,
    Zsh,
    Fish,
}

/// The script that a shell reads.
pub(crate) fn completion(shell: CompletionShell) -> String {
    let shell = match shell {
        CompletionShell::Bash => Shell::Bash,
        CompletionShell::Zsh => Shell::Zsh,
        CompletionShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "doorlist", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page of a command, in roff.
///
/// # Errors
/// When there is no such command.
pub(crate) fn page(names: &[String]) -> Result<String, Failure> {
    let mut command = Cli::command();
    command.build();
    for name in names {
        command = subcommand(&command, name)?;
    }
    // What a mandatory option takes stands in the synopsis as it does in the help.
    let usage = command.render_usage().to_string();
    let command = command.override_usage(usage.trim_start_matches("Usage: ").to_owned());
    let mut page = Vec::new();
    let version = concat!("doorlist ", env!("CARGO_PKG_VERSION"));
    Man::new(command).source(version).render(&mut page).or_exit(Exit::IO)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn subcommand(of: &Command, name: &str) -> Result<Command, Failure> {
    let found = of.find_subcommand(name).cloned();
    found.ok_or_else(|| Failure::because(Exit::USAGE, format_args!("{} has no command {name}", of.get_name())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_command_has_a_page_and_completions() {
        fn look(command: &Command, path: &[String]) {
            let page = page(path).unwrap();
            let is_leaf = !command.has_subcommands();
            assert!(page.contains(".SH NAME") && (!is_leaf || page.contains("Example")), "{path:?}: {page}");
            for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
                look(inner, &[path, &[inner.get_name().to_owned()]].concat());
            }
        }
        look(&Cli::command(), &[]);
        for shell in [CompletionShell::Bash, CompletionShell::Zsh, CompletionShell::Fish] {
            let script = completion(shell);
            assert!(script.contains("unlisted") && script.contains("confirm"), "{shell:?}");
        }
        assert!(page(&["domain".to_owned(), "enforce".to_owned()]).is_err());
        let add = page(&["domain".to_owned(), "add".to_owned()]).unwrap();
        let version = concat!("doorlist ", env!("CARGO_PKG_VERSION"));
        assert!(add.contains(version) && add.contains("server <HOST"), "{add}");
    }
}
