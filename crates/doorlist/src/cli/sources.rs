//! `doorlist source`, `sync`, `plan`: directories that are read on a schedule, and what waits for a person.

use clap::{Args, Subcommand, ValueEnum};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::connection::{AttributeName, Filter, Glob};
use serde::Deserialize;
use std::path::PathBuf;

/// Directories.
#[derive(Debug, Subcommand)]
pub(crate) enum Source {
    /// Add a directory (LDAP, Active Directory) that keeps a domain's list
    #[command(after_help = "\
The password is read from a file, never from the command line, and is kept encrypted. Certificates
are always checked: with an authority of your own say --ca-file, or pin one certificate with --pin
(`sync test` shows its SHA-256). Directories on private networks are read only if the operator says
so: sources.allow_networks.

Examples:
  doorlist source add office --domain example.test --url ldaps://dc1.example.test,ldaps://dc2.example.test \\
    --base dc=example,dc=test --bind-dn doorlist@example.test --password-file secret.txt
  doorlist source add people --domain example.test --url ldap://ldap.example.test --preset openldap \\
    --base ou=people,dc=example,dc=test")]
    Add {
        /// Its name, which stands beside each address that it claims
        name: String,
        /// Whose list it keeps
        #[arg(long, value_name = "NAME")]
        domain: DomainName,
        /// What is set
        #[command(flatten)]
        options: Box<SourceOptions>,
    },
    /// Change a directory's settings; what is not named stays
    #[command(after_help = "\
When server, encryption or bind name change, the password must be given again.

Example:
  doorlist source set office --every 15 --limit-total 200")]
    Set {
        /// Which
        name: String,
        /// What is set
        #[command(flatten)]
        options: Box<SourceOptions>,
    },
    /// List the directories
    #[command(after_help = "Example:\n  doorlist source list")]
    List,
    /// Show a directory's settings
    #[command(after_help = "Example:\n  doorlist source show office")]
    Show {
        /// Which
        name: String,
    },
    /// Read a directory no more; what it claims stays, unless it is withdrawn
    #[command(after_help = "Example:\n  doorlist source remove office --withdraw")]
    Remove {
        /// Which
        name: String,
        /// Withdraw what it claims, as one change that can be undone
        #[arg(long)]
        withdraw: bool,
    },
}

/// Settings of a directory. The file of the agent has the same words.
#[derive(Args, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SourceOptions {
    /// Its servers in the order in which they are tried, with commas between; ldap:// means StartTLS
    #[arg(long, value_name = "ldaps://HOST[:PORT],...")]
    pub url: Option<String>,
    /// ldap:// means without encryption; no password travels so, unless --allow-plain-password says so
    #[arg(long)]
    pub plain: bool,
    /// Let the password travel unencrypted
    #[arg(long)]
    pub allow_plain_password: bool,
    /// Where in the tree
    #[arg(long, value_name = "DN")]
    pub base: Option<String>,
    /// As whom: a distinguished name, or user@domain; without it, as nobody
    #[arg(long, value_name = "NAME")]
    pub bind_dn: Option<String>,
    /// The file with its password
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// What kind of directory it is [default: active-directory]
    #[arg(long, value_enum, value_name = "KIND")]
    pub preset: Option<PresetWord>,
    /// Which entries; without it the preset's
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<Filter>,
    /// The attribute with the account's address [default: mail]
    #[arg(long, value_name = "NAME")]
    pub email_attribute: Option<AttributeName>,
    /// An attribute with further addresses; may be given several times
    #[arg(long, value_name = "NAME")]
    pub alias_attribute: Vec<AttributeName>,
    /// What marks a distribution list: ATTRIBUTE=VALUE
    #[arg(long, value_name = "ATTRIBUTE=VALUE")]
    pub list_mark: Option<String>,
    /// Addresses that are left out, with * and ? and sets of characters; may be given several times
    #[arg(long, value_name = "PATTERN, such as old-*@* or [xy]?@*")]
    pub exclude: Vec<Glob>,
    /// Leave out accounts that cannot log in. Shared mailboxes cannot log in either
    #[arg(long)]
    pub skip_disabled: bool,
    /// The certificates of your own authority, PEM
    #[arg(long, value_name = "FILE", conflicts_with = "pin")]
    pub ca_file: Option<PathBuf>,
    /// The one certificate that is believed, by its SHA-256
    #[arg(long, value_name = "SHA256")]
    pub pin: Option<String>,
    /// Minutes between two readings, 5 to 1440 [default: 60]
    #[arg(long, value_name = "MINUTES")]
    pub every: Option<u32>,
    /// New accounts that one reading may bring
    #[arg(long, value_name = "N")]
    pub limit_accounts_add: Option<u64>,
    /// Accounts that may go in one reading
    #[arg(long, value_name = "N")]
    pub limit_accounts_delete: Option<u64>,
    /// New aliases that one reading may bring
    #[arg(long, value_name = "N")]
    pub limit_aliases_add: Option<u64>,
    /// Aliases that may go in one reading
    #[arg(long, value_name = "N")]
    pub limit_aliases_delete: Option<u64>,
    /// All of these together
    #[arg(long, value_name = "N")]
    pub limit_total: Option<u64>,
    /// Who gets a mail with what came of a reading, at most 10 in 24 hours; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub report_to: Vec<Address>,
    /// When they get it [default: changes]
    #[arg(long, value_enum)]
    pub tell: Option<TellWord>,
}

/// Kinds of directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PresetWord {
    /// Active Directory with Exchange's schema
    ActiveDirectoryExchange,
    /// Active Directory without it, Samba
    ActiveDirectory,
    /// OpenLDAP and its kin
    Openldap,
    /// Any other
    Generic,
}

/// When people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TellWord {
    /// Each time
    Always,
    /// When something changed or went wrong
    Changes,
    /// When something went wrong or waits for a person
    Trouble,
}

/// Readings of directories.
#[derive(Debug, Subcommand)]
pub(crate) enum Sync {
    /// Try a connection step by step: name, TCP, TLS, bind, base, the first 10 entries. Changes nothing
    #[command(after_help = "Example:\n  doorlist sync test office")]
    Test {
        /// Which directory
        name: String,
    },
    /// Read a directory and show what would come of it. Exit code 2 if something would change, 4 if a limit would stop it
    #[command(after_help = "Example:\n  doorlist sync preview office")]
    Preview {
        /// Which directory
        name: String,
    },
    /// Read a directory now
    #[command(after_help = "\
An error, a part of an answer or an empty answer never removes anybody. What is missing stays accepted
for 7 days. Exit code 4 if a limit stopped it: a plan waits then.

Examples:
  doorlist sync run office
  doorlist sync run office --override-limit --reason 'the Oslo office closed'")]
    Run {
        /// Which directory
        name: String,
        /// Only what has changed since the last reading, as on the schedule
        #[arg(long, conflicts_with = "override_limit")]
        changes: bool,
        /// Pass over the limits
        #[command(flatten)]
        over: Override,
    },
    /// Show what came of earlier readings, newest first
    #[command(after_help = "Example:\n  doorlist sync history office")]
    History {
        /// Which directory
        name: String,
    },
}

/// Passing over a limit needs a reason, which stands in the change log.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Override {
    /// Pass over the limit that would stop it
    #[arg(long, requires = "reason")]
    pub override_limit: bool,
    /// Why; it stands in the change log
    #[arg(long, value_name = "TEXT", requires = "override_limit")]
    pub reason: Option<String>,
}

/// Plans.
#[derive(Debug, Subcommand)]
pub(crate) enum Plan {
    /// List plans, newest first: those that wait, and what became of others
    #[command(after_help = "\
Examples:
  doorlist plan list
  doorlist plan list --domain example.test")]
    List {
        /// Only those of this domain
        #[arg(long, value_name = "NAME")]
        domain: Option<DomainName>,
    },
    /// Show a plan, row by row
    #[command(after_help = "Example:\n  doorlist plan show 12")]
    Show {
        /// Its number in the list
        id: u64,
    },
    /// Apply a plan that waits
    #[command(after_help = "\
Examples:
  doorlist plan apply 12
  doorlist plan apply 12 --override-limit --reason 'checked with the customer'")]
    Apply {
        /// Its number in the list
        id: u64,
        /// Pass over the limit that stopped it
        #[command(flatten)]
        over: Override,
    },
    /// Throw a plan away that waits
    #[command(after_help = "Example:\n  doorlist plan discard 12")]
    Discard {
        /// Its number in the list
        id: u64,
    },
}
