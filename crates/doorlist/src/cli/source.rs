//! `doorlist source ...`: LDAP and Active Directory sources.

use clap::{Args, Subcommand, ValueEnum};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::connection::{AttributeName, Filter, Glob};
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// Add an LDAP or Active Directory source for a domain
    #[command(after_help = "\
The password is read from a file and stored encrypted. Certificates are always verified: for a
private CA use --ca-file, or pin one certificate with --pin (`sync test` shows its SHA-256).
Directories on private networks are read only if the operator allows them: sources.allow_networks.

Examples:
  doorlist source add office --domain example.test --url ldaps://dc1.example.test,ldaps://dc2.example.test \\
    --base dc=example,dc=test --bind-dn doorlist@example.test --password-file secret.txt
  doorlist source add people --domain example.test --url ldap://ldap.example.test --preset openldap \\
    --base ou=people,dc=example,dc=test")]
    Add {
        /// Name of the source, shown with each recipient that it provides
        name: String,
        /// Domain of the recipients
        #[arg(long, value_name = "NAME")]
        domain: DomainName,
        #[command(flatten)]
        options: Box<SourceOptions>,
    },
    /// Change the settings of a source
    #[command(after_help = "\
Options that are not given keep their value. If the server, the encryption or the bind DN changes,
give the password again.

Example:
  doorlist source set office --every 15 --limit-total 200")]
    Set {
        /// Name of the source
        name: String,
        #[command(flatten)]
        options: Box<SourceOptions>,
    },
    /// List all sources
    #[command(after_help = "Example:\n  doorlist source list")]
    List,
    /// Show the settings of a source
    #[command(after_help = "Example:\n  doorlist source show office")]
    Show {
        /// Name of the source
        name: String,
    },
    /// Remove a source; its recipients stay unless --withdraw is given
    #[command(after_help = "\
--withdraw asks on a terminal; without one, it requires --yes.

Examples:
  doorlist source remove office
  doorlist source remove office --withdraw --yes")]
    Remove {
        /// Name of the source
        name: String,
        /// Also remove its recipients, as one change that can be undone
        #[arg(long)]
        withdraw: bool,
        /// Skip the confirmation prompt of --withdraw
        #[arg(long)]
        yes: bool,
    },
}

/// Settings of a source. The agent's file has the same names.
#[derive(Args, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SourceOptions {
    /// Servers in order of preference, separated by commas; ldap:// uses StartTLS
    #[arg(long, value_name = "ldaps://HOST[:PORT],...")]
    pub url: Option<String>,
    /// Use ldap:// without encryption; requires --allow-plain-password to send a password
    #[arg(long)]
    pub plain: bool,
    /// Allow the password to be sent unencrypted
    #[arg(long)]
    pub allow_plain_password: bool,
    /// Base DN of the search
    #[arg(long, value_name = "DN")]
    pub base: Option<String>,
    /// Bind DN or user@domain [default: anonymous bind]
    #[arg(long, value_name = "NAME")]
    pub bind_dn: Option<String>,
    /// Read the bind password from this file
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Type of the directory [default: active-directory]
    #[arg(long, value_enum, value_name = "KIND")]
    pub preset: Option<PresetWord>,
    /// Search filter [default: the preset's filter]
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<Filter>,
    /// Attribute with the account's address [default: mail]
    #[arg(long, value_name = "NAME")]
    pub email_attribute: Option<AttributeName>,
    /// Attribute with alias addresses (repeatable)
    #[arg(long, value_name = "NAME")]
    pub alias_attribute: Vec<AttributeName>,
    /// Attribute value that marks a distribution list
    #[arg(long, value_name = "ATTRIBUTE=VALUE")]
    pub list_mark: Option<String>,
    /// Skip addresses that match a pattern with *, ? and [...] (repeatable)
    #[arg(long, value_name = "PATTERN, such as old-*@* or [xy]?@*")]
    pub exclude: Vec<Glob>,
    /// Skip disabled accounts; shared mailboxes are disabled accounts, too
    #[arg(long)]
    pub skip_disabled: bool,
    /// Trusted CA for this directory (PEM)
    #[arg(long, value_name = "FILE", conflicts_with = "pin")]
    pub ca_file: Option<PathBuf>,
    /// Trust only the certificate with this SHA-256 fingerprint
    #[arg(long, value_name = "SHA256")]
    pub pin: Option<String>,
    /// Minutes between two syncs, 5 to 1440 [default: 60]
    #[arg(long, value_name = "MINUTES")]
    pub every: Option<u32>,
    /// Maximum number of accounts that a sync may add
    #[arg(long, value_name = "N")]
    pub limit_accounts_add: Option<u64>,
    /// Maximum number of accounts that a sync may remove
    #[arg(long, value_name = "N")]
    pub limit_accounts_delete: Option<u64>,
    /// Maximum number of aliases that a sync may add
    #[arg(long, value_name = "N")]
    pub limit_aliases_add: Option<u64>,
    /// Maximum number of aliases that a sync may remove
    #[arg(long, value_name = "N")]
    pub limit_aliases_delete: Option<u64>,
    /// Maximum number of changes in a sync
    #[arg(long, value_name = "N")]
    pub limit_total: Option<u64>,
    /// Send a report to this address after a sync, at most 10 in 24 hours (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    pub report_to: Vec<Address>,
    /// When to send reports [default: changes]
    #[arg(long, value_enum)]
    pub tell: Option<TellWord>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PresetWord {
    /// Active Directory with Exchange schema
    ActiveDirectoryExchange,
    /// Active Directory without Exchange, or Samba
    ActiveDirectory,
    /// OpenLDAP and similar servers
    Openldap,
    /// Any other LDAP server
    Generic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TellWord {
    /// After every sync
    Always,
    /// After changes and errors
    Changes,
    /// After errors and when a plan is pending
    Trouble,
}
