//! `doorlist admin ...`: logins and their roles.

use clap::{Args, Subcommand};
use doorlist_core::address::{Address, DomainName};
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
    /// List all admins with their roles
    #[command(after_help = "Examples:\n  doorlist admin list\n  doorlist admin list --json")]
    List,
    /// Show the roles and memberships of a login
    #[command(after_help = "Example:\n  doorlist admin show it@example.test")]
    Show {
        /// Login name (email address)
        login: String,
    },
    /// Remove a login's roles; a login without a role is removed with its API keys
    #[command(after_help = "\
Without --reseller, --customer, --domain or --everything, all roles are removed.

Examples:
  doorlist admin remove it@example.test
  doorlist admin remove it@example.test --customer 'Example Inc'")]
    Remove {
        /// Login name (email address)
        login: String,
        /// Remove only the role as operator
        #[arg(long, conflicts_with_all = ["reseller", "customer", "domain"])]
        everything: bool,
        /// Remove only the role at this reseller
        #[arg(long, value_name = "NAME", conflicts_with_all = ["customer", "domain"])]
        reseller: Option<String>,
        /// Remove only the role at this customer
        #[arg(long, value_name = "NAME", conflicts_with = "domain")]
        customer: Option<String>,
        /// Remove only the role at this domain
        #[arg(long, value_name = "NAME")]
        domain: Option<DomainName>,
    },
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
