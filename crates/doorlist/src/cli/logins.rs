//! `doorlist admin`, `apikey`, `audit`: logins, their permissions and keys, and the audit log.

use clap::{Args, Subcommand};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::network::Network;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Create an admin; without --reseller, --customer or --domain, an operator
    #[command(after_help = "\
To make a login an admin of several customers, run the command once for each. `doorlist apikey
create` creates its API keys.

Examples:
  doorlist admin create ops@example.test
  doorlist admin create it@example.test --customer 'Example Inc'
  doorlist admin create audit@example.test --auditor --password-file password.txt")]
    Create(AdminCreateArgs),
    /// List the memberships that a login was offered or has accepted
    #[command(after_help = "Example:\n  doorlist admin memberships it@example.test")]
    Memberships {
        /// Login name (email address)
        login: String,
    },
    /// Accept a membership for a login
    #[command(after_help = "\
Existing API keys of the login gain no permissions. The login itself accepts over the API with
POST /api/v1/memberships/ID/accept/.

Example:
  doorlist admin accept it@example.test 17")]
    Accept {
        /// Login name (email address)
        login: String,
        /// Number of the membership, from `admin memberships`
        id: u32,
    },
    /// Decline an offered or leave an accepted membership
    #[command(after_help = "Example:\n  doorlist admin decline it@example.test 17")]
    Decline {
        /// Login name (email address)
        login: String,
        /// Number of the membership, from `admin memberships`
        id: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AdminCreateArgs {
    /// Email address, used as the login
    pub email: Address,
    /// Limit the admin to this reseller
    #[arg(long, value_name = "NAME", conflicts_with_all = ["customer", "domain"])]
    pub reseller: Option<String>,
    /// Limit the admin to this customer
    #[arg(long, value_name = "NAME", conflicts_with = "domain")]
    pub customer: Option<String>,
    /// Limit the admin to this domain
    #[arg(long, value_name = "NAME")]
    pub domain: Option<DomainName>,
    /// Grant read access only
    #[arg(long)]
    pub auditor: bool,
    /// Read the password from this file
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// Create an API key for a login or an email account, and print it once
    #[command(after_help = "\
A key without --name replaces the previous key without a name.

Examples:
  doorlist apikey create ops@example.test
  doorlist apikey create ops@example.test --name backup --read-only --from 192.0.2.0/24 --days 365
  doorlist apikey create ops@example.test --login-key-only > key")]
    Create(KeyCreate),
    /// List API keys with login, limits and last use
    #[command(after_help = "Example:\n  doorlist apikey list")]
    List,
    /// Revoke an API key immediately
    #[command(after_help = "Example:\n  doorlist apikey revoke 7")]
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

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List write requests over HTTP, newest first
    #[command(after_help = "Examples:\n  doorlist audit list\n  doorlist audit list --limit 1000 --json")]
    List {
        /// Maximum number of entries to list
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        /// List only entries before this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
    },
    /// Print the head of the audit log, for `audit verify --head`
    #[command(after_help = "\
Keep the head on another machine: with it, `audit verify` detects a truncated log. The server also
logs the head every hour. SECURITY.md describes what a head proves.

Example:
  doorlist audit head")]
    Head,
    /// Verify that no entry was changed, inserted or removed
    #[command(after_help = "\
With --head, also verifies that the log still has all entries up to that head. With FILE, verifies
exported files, and that no entry is missing between them and the store. Exit code 1 if the
verification fails.

Examples:
  doorlist audit verify
  doorlist audit verify --head 1.0.812.1795914000000.k1:9f...a0.77...c3
  doorlist audit verify doorlist-data/audit/audit-0-*.jsonl")]
    Verify {
        /// Earlier output of `audit head`
        #[arg(long, value_name = "HEAD")]
        head: Option<String>,
        /// Exported audit files, in any order
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}
