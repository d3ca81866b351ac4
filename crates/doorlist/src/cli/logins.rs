//! `doorlist admin`, `apikey`, `audit`: who may do what over HTTP, and who did.

use clap::{Args, Subcommand};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::network::Network;
use std::path::PathBuf;

/// Logins.
#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Make somebody an admin; without a scope, of everything: an operator
    #[command(after_help = "\
A login may be an admin of several customers: say it once for each. Keys are made with `doorlist apikey create`.

Examples:
  doorlist admin create ops@example.test
  doorlist admin create it@example.test --customer 'Example Inc'
  doorlist admin create audit@example.test --auditor --password-file password.txt")]
    Create(AdminCreate),
    /// List the memberships that other tenants offer to a login, and those that it has accepted
    #[command(after_help = "Example:\n  doorlist admin memberships it@example.test")]
    Memberships {
        /// The login
        login: String,
    },
    /// Accept a membership for a login; keys that it has do no more by it
    #[command(after_help = "\
The login itself accepts over the API: POST /api/v1/memberships/ID/accept/

Example:
  doorlist admin accept it@example.test 17")]
    Accept {
        /// The login
        login: String,
        /// Its number, as `admin memberships` shows it
        id: u32,
    },
    /// Decline a membership for a login, or give an accepted one back
    #[command(after_help = "Example:\n  doorlist admin decline it@example.test 17")]
    Decline {
        /// The login
        login: String,
        /// Its number, as `admin memberships` shows it
        id: u32,
    },
}

/// `admin create`
#[derive(Debug, Args)]
pub(crate) struct AdminCreate {
    /// The mail address, which is the login
    pub email: Address,
    /// Of this reseller
    #[arg(long, value_name = "NAME", conflicts_with_all = ["customer", "domain"])]
    pub reseller: Option<String>,
    /// Of this customer
    #[arg(long, value_name = "NAME", conflicts_with = "domain")]
    pub customer: Option<String>,
    /// Of this domain
    #[arg(long, value_name = "NAME")]
    pub domain: Option<DomainName>,
    /// May look at everything there, and change nothing
    #[arg(long)]
    pub auditor: bool,
    /// The file with a password
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// Keys of the API.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiKey {
    /// Make a key of a login or of an email account; it is printed once
    #[command(after_help = "\
A key without --name takes the place of the former one without a name.

Examples:
  doorlist apikey create ops@example.test
  doorlist apikey create ops@example.test --name backup --read-only --from 192.0.2.0/24 --days 365
  doorlist apikey create ops@example.test --login-key-only > key")]
    Create(KeyCreate),
    /// List keys: whose, what for, when last used
    #[command(after_help = "Example:\n  doorlist apikey list")]
    List,
    /// Revoke a key; the next request with it is refused
    #[command(after_help = "Example:\n  doorlist apikey revoke 7")]
    Revoke {
        /// Its number, as `apikey list` shows it
        id: u32,
    },
}

/// `apikey create`
#[derive(Debug, Args)]
pub(crate) struct KeyCreate {
    /// A login, or the address of an email account
    pub login: String,
    /// What it is called
    #[arg(long, default_value = "", hide_default_value = true)]
    pub name: String,
    /// It may look, not change
    #[arg(long)]
    pub read_only: bool,
    /// Only for this domain; may be given several times
    #[arg(long, value_name = "NAME")]
    pub domain: Vec<DomainName>,
    /// Only from this network or address; may be given several times
    #[arg(long, value_name = "NETWORK")]
    pub from: Vec<Network>,
    /// It ends after so many days
    #[arg(long, value_name = "N")]
    pub days: Option<u16>,
    /// Print LOGIN:KEY and nothing else, for scripts
    #[arg(long)]
    pub login_key_only: bool,
}

/// What was written over HTTP.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// The newest requests that wrote, or would have
    #[command(after_help = "Examples:\n  doorlist audit list\n  doorlist audit list --limit 1000 --json")]
    List {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        /// Before this line
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
    },
    /// Say where the audit stands: a word to keep elsewhere, for `audit verify --head`
    #[command(after_help = "\
The log has one every hour, too. What a head proves stands in SECURITY.md.

Example:
  doorlist audit head")]
    Head,
    /// Check whether a line was changed, put in or taken out since it was written
    #[command(after_help = "\
With a head that was kept: whether the audit still has what it had then. With files that were
exported: whether they are as they were written, without a gap up to the lines in the store.
Exit code 1 if something does not fit.

Examples:
  doorlist audit verify
  doorlist audit verify --head 1.0.812.1795914000000.k1:9f...a0.77...c3
  doorlist audit verify doorlist-data/audit/audit-0-*.jsonl")]
    Verify {
        /// What `audit head` or the log said at some time
        #[arg(long, value_name = "HEAD")]
        head: Option<String>,
        /// Exported files, in any order
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}
