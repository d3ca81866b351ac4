//! `doorlist source ...`: LDAP and Active Directory sources.

use clap::{Arg, Args, Subcommand, ValueEnum};
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
    --base ou=people,dc=example,dc=test", mut_args = required_to_add)]
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
Options that are not given keep their value; `source show` shows it. A new --url with ldap:// keeps
the encryption that the source has: --plain or StartTLS. --clear takes a setting back to its
default. If the server, the encryption or the bind DN changes, give the password again.

--clear takes: plain (StartTLS again), allow-plain-password, bind-dn (anonymous), filter, list-mark,
exclude, skip-disabled, trust (no --ca-file, no --pin), limits (all of them), report-to.

Examples:
  doorlist source set office --every 15 --limit-total 200
  doorlist source set office --clear limits --clear skip-disabled", mut_args = without_default)]
    Set {
        /// Name of the source
        name: String,
        /// Take a setting back to its default (repeatable)
        #[arg(long, value_enum, value_name = "SETTING", hide_possible_values = true)]
        clear: Vec<Clearable>,
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
    /// Type of the directory: active-directory-exchange (with Exchange schema), active-directory (also Samba), openldap
    /// or generic [default: active-directory]
    #[arg(long, value_enum, value_name = "KIND", hide_possible_values = true)]
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
    /// When to send reports: always, changes (also errors) or trouble (errors, pending plans) [default: changes]
    #[arg(long, value_enum, value_name = "WHEN", hide_possible_values = true)]
    pub tell: Option<TellWord>,
}

/// `source add` cannot do without a server and a base, which `source set` and the agent's file may leave out.
fn required_to_add(arg: Arg) -> Arg {
    let required = arg.is_required_set() || matches!(arg.get_id().as_str(), "url" | "base");
    arg.required(required)
}

/// An option of `source set` that is not given keeps its value, whatever the default of a new source.
fn without_default(arg: Arg) -> Arg {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    match help.split_once(" [default: ") {
        Some((help, _)) => arg.help(help.to_owned()),
        None => arg,
    }
}

/// Settings that `source set --clear` takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Clearable {
    Plain,
    AllowPlainPassword,
    BindDn,
    Filter,
    ListMark,
    Exclude,
    SkipDisabled,
    Trust,
    Limits,
    ReportTo,
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
