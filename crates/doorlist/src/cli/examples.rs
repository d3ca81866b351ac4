//! Examples in help text: a command that is copied from a narrow terminal must be whole, so clap, which breaks lines at
//! spaces, is given none in them.

use clap::Command;

/// Stands for a space where no line may be broken.
const FIXED_SPACE: char = '\u{a0}';

/// The command with all its subcommands, the lines of whose examples are not broken.
pub(super) fn kept_whole(mut command: Command) -> Command {
    if let Some(help) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(without_breaks(&help));
    }
    command.mut_subcommands(kept_whole)
}

/// The text with the spaces that a person types.
pub(super) fn as_typed(rendered: &str) -> String {
    rendered.replace(FIXED_SPACE, " ")
}

/// Examples are indented by two spaces.
fn without_breaks(help: &str) -> String {
    let line = |line: &str| match line.strip_prefix("  ") {
        Some(example) => format!("  {}", example.replace(' ', &FIXED_SPACE.to_string())),
        None => line.to_owned(),
    };
    help.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::Cli;
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn no_example_is_broken_on_a_narrow_terminal() {
        fn look(command: &mut Command, plain: &Command) {
            let shown = as_typed(&command.clone().term_width(50).render_long_help().to_string());
            let help = plain.get_after_help().map(ToString::to_string).unwrap_or_default();
            for example in help.lines().filter(|line| line.starts_with("  ")) {
                assert!(shown.lines().any(|line| line == example), "{example}\n{shown}");
            }
            for (inner, plain) in command.get_subcommands_mut().zip(plain.get_subcommands()) {
                look(inner, plain);
            }
        }
        look(&mut kept_whole(Cli::command()), &Cli::command());
    }
}
