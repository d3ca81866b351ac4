//! The known file formats and their names.

use std::fmt;
use std::str::FromStr;

/// What a file is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// Our own export as CSV, exact or for spreadsheets.
    Doorlist,
    /// A PowerShell export of recipients, with whatever columns were selected.
    Exchange,
    /// `DN;proxyAddress`, one value a line.
    ExchangeValues,
    /// Users of the Microsoft 365 admin center.
    Microsoft365,
    /// Entra "Download users", old and new columns.
    Entra,
    /// Google Workspace "Download users".
    Google,
    /// `Alias,Target` as GAM prints it.
    GoogleAliases,
    CpanelAccounts,
    CpanelForwarders,
    /// Lines of `plesk bin mail --list`.
    Plesk,
    /// Bare addresses of `zmprov gaa`, with Zimbra's system accounts between them.
    Zimbra,
    /// Blocks of `zmprov gaa -v`.
    ZimbraVerbose,
    /// Proofpoint Essentials, without a head line.
    Proofpoint,
    PostiniUsers,
    PostiniAliases,
    /// Two columns without a header: `email,aliases`.
    MailRoute,
    /// Barracuda alias linking: `primary: alias, alias`.
    Barracuda,
    /// Postfix maps whose keys are recipients: `relay_recipient_maps`, access, transport; our own export too.
    PostfixRelay,
    PostfixVirtual,
    Virtusertable,
    /// Sendmail or Exim `alias: target`.
    Aliases,
    /// LDIF; our own export too.
    Ldif,
    Outlook,
    Passwd,
    /// Names with passwords or hashes behind them: Dovecot, htpasswd, chap-secrets.
    Credentials,
    /// Blocks of `Key : value`, vCards, YAML, header fields of messages.
    Records,
    /// Addresses or local parts by line, comma or semicolon.
    Plain,
    /// A table with columns of its own.
    Table,
}

impl FileFormat {
    /// Every format with its word on the command line and its name for people.
    pub const ALL: [(FileFormat, &'static str, &'static str); 28] = [
        (FileFormat::Doorlist, "doorlist", "an export of Doorlist"),
        (FileFormat::Exchange, "exchange", "an Exchange export"),
        (FileFormat::ExchangeValues, "exchange-values", "proxy addresses of Active Directory, one per line"),
        (FileFormat::Microsoft365, "microsoft365", "users of the Microsoft 365 admin center"),
        (FileFormat::Entra, "entra", "users of Entra"),
        (FileFormat::Google, "google", "users of Google Workspace"),
        (FileFormat::GoogleAliases, "google-aliases", "aliases of Google Workspace"),
        (FileFormat::CpanelAccounts, "cpanel", "accounts of cPanel"),
        (FileFormat::CpanelForwarders, "cpanel-forwarders", "forwarders of cPanel"),
        (FileFormat::Plesk, "plesk", "a Plesk mail list"),
        (FileFormat::Zimbra, "zimbra", "addresses of Zimbra"),
        (FileFormat::ZimbraVerbose, "zimbra-verbose", "accounts of Zimbra with their attributes"),
        (FileFormat::Proofpoint, "proofpoint", "users of Proofpoint Essentials"),
        (FileFormat::PostiniUsers, "postini", "users of Postini"),
        (FileFormat::PostiniAliases, "postini-aliases", "aliases of Postini"),
        (FileFormat::MailRoute, "mailroute", "addresses with their aliases"),
        (FileFormat::Barracuda, "barracuda", "alias linking of Barracuda"),
        (FileFormat::PostfixRelay, "postfix-relay", "a Postfix map of recipients"),
        (FileFormat::PostfixVirtual, "postfix-virtual", "a Postfix map of virtual aliases"),
        (FileFormat::Virtusertable, "virtusertable", "a Sendmail virtual user table"),
        (FileFormat::Aliases, "aliases", "a Sendmail or Exim aliases file"),
        (FileFormat::Ldif, "ldif", "LDIF"),
        (FileFormat::Outlook, "outlook", "contacts of Outlook"),
        (FileFormat::Passwd, "passwd", "a Unix passwd file"),
        (FileFormat::Credentials, "credentials", "a file of credentials, of which the names are read"),
        (FileFormat::Records, "records", "records of keys and values"),
        (FileFormat::Plain, "plain", "a plain list"),
        (FileFormat::Table, "table", "a table"),
    ];

    /// The word for `--format`.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(format, ..)| *format == self).map_or("", |(_, word, _)| word)
    }

    /// Rows and columns with a head line or without one.
    pub(super) fn is_table(self) -> bool {
        use FileFormat as F;
        !matches!(self, F::ExchangeValues | F::Plesk | F::Zimbra | F::ZimbraVerbose | F::Barracuda | F::PostfixRelay)
            && !matches!(self, F::PostfixVirtual | F::Virtusertable | F::Aliases | F::Ldif | F::Passwd | F::Plain)
            && !matches!(self, F::Credentials | F::Records)
    }

    /// The file holds addresses of whatever domains its system serves, or of strangers: those are not to be mended.
    pub(super) fn is_mixed(self) -> bool {
        use FileFormat as F;
        matches!(self, F::Plesk | F::Zimbra | F::ZimbraVerbose | F::PostfixRelay | F::PostfixVirtual | F::Virtusertable)
            || matches!(self, F::Outlook | F::Barracuda)
    }

    /// A name without `@` is a local part of the domain.
    pub(super) fn takes_local_parts(self) -> bool {
        use FileFormat as F;
        matches!(self, F::CpanelAccounts | F::CpanelForwarders | F::MailRoute | F::Barracuda)
    }
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(format, ..)| format == self).map_or("", |(.., name)| name))
    }
}

/// A word that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format {0:?}; use one of {known}", known = words(&FileFormat::ALL.map(|(_, word, _)| word)))]
pub struct UnknownFormat(pub String);

/// Words with commas between.
pub(super) fn words(words: &[&str]) -> String {
    words.join(", ")
}

impl FromStr for FileFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let word = text.trim();
        let found = Self::ALL.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(word));
        found.map(|(format, ..)| *format).ok_or_else(|| UnknownFormat(word.to_owned()))
    }
}
