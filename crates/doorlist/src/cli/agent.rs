//! `doorlist agent`: reads a directory inside a network and pushes its accounts to a remote server.

use clap::Args;

#[derive(Args, Debug)]
#[command(after_help = concat!("\
For networks that allow no inbound connections: the agent runs inside, reads the whole directory
like `sync run`, and pushes the result to the remote Doorlist with an API key. An unchanged result
is pushed once a day, or every 3 hours while a limit stops it there. A failed or incomplete read is
never pushed. --config names the agent's own file; its options for a directory are those of
`source add`, and relative paths start at its folder. Each run prints one line per domain.

Exit codes with --once: 0 success, 1 a directory could not be read, 2 dry run found changes, 4 a
limit stopped the change and a plan is pending on the server, 64-78 see sysexits.h.

Examples:
  doorlist agent --config /etc/doorlist/agent.toml
  doorlist agent --config /etc/doorlist/agent.toml --once
  doorlist agent --config /etc/doorlist/agent.toml --dry-run

Configuration file:
", include_str!("../agent/example.toml")))]
pub(crate) struct Agent {
    /// Run once and exit, for cron [default: run on a schedule]
    #[arg(long)]
    pub once: bool,
    /// Run once and show what a push would change, without changing it
    #[arg(long)]
    pub dry_run: bool,
}
