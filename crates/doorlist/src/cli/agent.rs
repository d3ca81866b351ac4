//! `doorlist agent`: for networks that let nothing in.

use clap::Args;

/// The agent.
#[derive(Args, Debug)]
#[command(after_help = concat!("\
The directory is read as `source` and `sync` do it, always whole, and pushed with a key of the
Doorlist elsewhere. What did not change is pushed once a day, or every 3 hours while a limit stops
it there; a reading that fails or is not whole is not pushed at all. --config names the agent's own
file, whose words for a directory are those of `source add`; paths are taken from its folder. Each
run says one line for each domain.

Exit codes of --once: 0 done, 1 a directory could not be read, 2 a dry run that would change
something, 4 a limit stopped it and a plan waits there, 64-78 as in sysexits.

Examples:
  doorlist agent --config /etc/doorlist/agent.toml
  doorlist agent --config /etc/doorlist/agent.toml --once
  doorlist agent --config /etc/doorlist/agent.toml --dry-run

A file:
", include_str!("../agent/example.toml")))]
pub(crate) struct Agent {
    /// Read and push once, for cron; without it again and again
    #[arg(long)]
    pub once: bool,
    /// Say once what a push would change; nothing is written there or here
    #[arg(long)]
    pub dry_run: bool,
}
