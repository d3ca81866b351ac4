//! `doorlist apikey ...`

use clap::{Args, Subcommand};
use doorlist_core::address::DomainName;
use doorlist_core::network::Network;

#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// Create an API key for a login or an email account, and print it once
    #[command(after_help = "\
A key without --name replaces the previous key without a name.

Examples:
  doorlist apikey create ops@example.test
  doorlist apikey create ops@example.test --name backup --read-only --from 192.0.2.0/24 --days 365
  (umask 077; doorlist apikey create ops@example.test --login-key-only > key)")]
    Create(KeyCreate),
    /// List API keys with login, limits and last use
    #[command(after_help = "Example:\n  doorlist apikey list")]
    List,
    /// Show an API key with its limits and last use
    #[command(after_help = "Example:\n  doorlist apikey show 7")]
    Show {
        /// Number of the key, from `apikey list`
        id: u32,
    },
    /// Revoke an API key immediately
    #[command(visible_alias = "remove", after_help = "Example:\n  doorlist apikey revoke 7")]
    Revoke {
        /// Number of the key, from `apikey list`
        id: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct KeyCreate {
    /// Login, or address of an email account
    pub login: String,
    /// Name of the key
    #[arg(long, default_value = "", hide_default_value = true)]
    pub name: String,
    /// Allow read requests only
    #[arg(long)]
    pub read_only: bool,
    /// Limit the key to this domain (repeatable)
    #[arg(long, value_name = "NAME")]
    pub domain: Vec<DomainName>,
    /// Limit the key to this network or IP address (repeatable)
    #[arg(long, value_name = "NETWORK")]
    pub from: Vec<Network>,
    /// Expire the key after this many days
    #[arg(long, value_name = "N")]
    pub days: Option<u16>,
    /// Print only LOGIN:KEY, for scripts
    #[arg(long)]
    pub login_key_only: bool,
}
