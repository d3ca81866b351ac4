//! Runs other programs: prints the command, and turns a failure into an error that names it.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::unistd::geteuid;

/// Variables that `cargo xtask` has set for us. Handed on to another cargo they would look like a changed environment
/// to build scripts that watch them, and every run would build half of the tree again.
const SET_BY_CARGO: &[&str] = &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];

/// Shows the command line and runs it; its output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", line_of(command));
    let status = command.status().with_context(|| format!("running {}", line_of(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", line_of(command));
    }
    Ok(())
}

/// Runs it quietly and hands back what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {}", line_of(command)))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed ({}): {}", line_of(command), output.status, why.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Does it run, and end well?
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// The cargo that runs us, in the folder of the repository.
pub(crate) fn cargo(root: &Path) -> Command {
    clean(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), root)
}

/// The cargo of another toolchain, in the folder of the repository.
pub(crate) fn cargo_of(toolchain: &str, root: &Path) -> Command {
    let mut command = clean("rustup", root);
    command.args(["run", toolchain, "cargo"]);
    command
}

fn clean(program: impl AsRef<OsStr>, root: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root);
    for (name, _) in env::vars_os() {
        if SET_BY_CARGO.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// The program, run as root: directly, or through sudo.
pub(crate) fn as_root(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
}

/// The command line as a person would type it; a script given as an argument is cut.
fn line_of(command: &Command) -> String {
    /// More of one argument is not worth showing.
    const ARGUMENT_SHOWN_MAX: usize = 120;
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    let words: Vec<String> = words
        .map(|word| {
            let word = word.to_string_lossy();
            let shown: String = word.chars().take(ARGUMENT_SHOWN_MAX).take_while(|&c| c != '\n').collect();
            if shown.len() < word.len() { format!("{shown}...") } else { shown }
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn a_failure_names_the_command_and_its_words() {
        let error = output(Command::new("sh").args(["-c", "echo no space left >&2; exit 2"])).unwrap_err().to_string();
        assert!(error.contains("sh -c") && error.contains("no space left"), "{error}");
        assert!(run(&mut Command::new("false")).unwrap_err().to_string().contains("false failed"));
    }

    #[test]
    fn a_program_is_shown_by_its_name_and_a_script_is_cut() {
        assert_eq!(line_of(Command::new("/bin/sh").args(["-c", "one\ntwo"])), "sh -c one...");
    }

    #[test]
    fn another_cargo_does_not_inherit_what_cargo_set_for_us() {
        // Cargo sets this one for every test.
        assert!(env::var_os("CARGO_PKG_NAME").is_some());
        let removed = |name: &str| cargo(Path::new("/")).get_envs().any(|(key, value)| key == name && value.is_none());
        assert!(removed("CARGO_PKG_NAME"));
        assert!(!removed("PATH"));
    }
}
