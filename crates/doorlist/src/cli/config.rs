//! `doorlist config ...`

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration and report errors
    #[command(after_help = "\
Also checks the files of the settings (certificate, keys) and whether the server could listen on
the addresses. Exit code: 0 valid, 78 invalid, 69 an address is in use or not of this machine.

Example:
  doorlist config check --config /etc/doorlist/doorlist.toml")]
    Check,
    /// Print all settings, with passwords masked
    #[command(after_help = "\
Examples:
  doorlist config show
  doorlist config show --origin
  doorlist config show --changed")]
    Show {
        /// Show where each value comes from: file and line, environment, option or default
        #[arg(long)]
        origin: bool,
        /// Show only settings that are given somewhere, and where
        #[arg(long)]
        changed: bool,
    },
}
