//! `doorlist export`

use super::remote::RemoteServer;
use clap::{Args, ValueEnum};
use doorlist_core::address::DomainName;

#[derive(Args, Debug)]
#[command(after_help = "\
Every format can be imported again.

Examples:
  doorlist export --domain example.test
  doorlist export --domain example.test --spreadsheet > list.csv
  doorlist export --domain example.test --format postfix > relay_recipients")]
pub(crate) struct ExportArgs {
    /// Domain of the recipients
    #[arg(long, value_name = "NAME")]
    pub domain: DomainName,
    /// Format: csv with a header row, postfix for relay_recipient_maps, ldif, or json (JSON Lines)
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "csv", hide_possible_values = true)]
    pub format: ExportFormatArg,
    /// Prefix cells that a spreadsheet would run as a formula with '
    #[arg(long)]
    pub spreadsheet: bool,
    #[command(flatten)]
    pub elsewhere: RemoteServer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormatArg {
    /// CSV with a header row
    Csv,
    /// Postfix map for relay_recipient_maps
    Postfix,
    /// LDAP Data Interchange Format
    Ldif,
    /// JSON Lines, one object each
    Json,
}
