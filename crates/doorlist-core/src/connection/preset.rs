//! Presets for common directories: attributes with addresses, and the filter for entries that have any.

use super::{AttributeName, Filter};
use serde::{Deserialize, Serialize};

/// A kind of directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Active Directory with Exchange schema: entries with an Exchange alias receive mail.
    ActiveDirectoryExchange,
    /// Active Directory without Exchange (also Samba): entries with an address receive mail.
    ActiveDirectory,
    /// OpenLDAP and similar servers.
    OpenLdap,
    /// Any other server: entries with one of the attributes.
    Generic,
}

impl Preset {
    pub fn is_active_directory(self) -> bool {
        matches!(self, Preset::ActiveDirectoryExchange | Preset::ActiveDirectory)
    }

    /// The default attributes with alias addresses.
    pub fn alias_attributes(self) -> Vec<AttributeName> {
        let names: &[&'static str] = match self {
            Preset::ActiveDirectoryExchange | Preset::ActiveDirectory | Preset::Generic => &["proxyAddresses"],
            Preset::OpenLdap => &["mailAlternateAddress", "mailLocalAddress", "proxyAddresses"],
        };
        names.iter().map(|name| AttributeName::known(name)).collect()
    }

    /// The filter for entries that may have an address. Entries with addresses of other domains only are dropped
    /// later.
    ///
    /// An Active Directory without Exchange has no `mailNickname`, and a filter on it finds nothing: hence two
    /// presets.
    pub fn filter(self, email: &AttributeName, aliases: &[AttributeName]) -> Filter {
        let addresses = std::iter::once(email).chain(aliases).cloned().map(Filter::Present).collect();
        let has_address = Filter::Or(addresses);
        let no_computer =
            || Filter::Not(Box::new(Filter::equal(AttributeName::known("objectCategory"), b"computer".to_vec())));
        match self {
            Preset::ActiveDirectoryExchange => {
                let nickname = Filter::Present(AttributeName::known("mailNickname"));
                Filter::And(vec![nickname, has_address, no_computer()])
            }
            Preset::ActiveDirectory => Filter::And(vec![has_address, no_computer()]),
            Preset::OpenLdap | Preset::Generic => has_address,
        }
    }
}
