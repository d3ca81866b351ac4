//! `doorlist config ...`

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration and report errors
    #[command(after_help = "\
Exit code: 0 valid, 78 invalid.

Example:
  doorlist config check --config /etc/doorlist/doorlist.toml")]
    Check,
    /// Print all settings, with passwords masked
    #[command(after_help = "\
Examples:
  doorlist config show
  doorlist config show --origin")]
    Show {
        /// Show where each value comes from: file and line, environment, option or default
        #[arg(long)]
        origin: bool,
    },
}
