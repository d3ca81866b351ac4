//! Attributes of LDIF: which are read, and which hold addresses and are not read.

use super::super::columns::ColumnContent;
use super::super::findings::Findings;
use super::super::heads::normal;
use super::super::lines::Lines;
use super::super::{NotAList, secrets};
use std::collections::BTreeMap;

/// Octets of a value that may be an address or some of them.
const UNREAD_MAX: usize = 4096;
/// Octets of the name of an attribute.
const NAME_MAX: usize = 64;
/// Names that are kept while a mapped one is looked for, and of them those that an error tells.
const NAMES_MAX: usize = 10_000;
const NAMES_SHOWN_MAX: usize = 50;

/// Attributes that are read beside [`FURTHER`], in lower case.
const READ: [&str; 22] = [
    "dn",
    "changetype",
    "objectclass",
    "mail",
    "rfc822mailbox",
    "zimbraaccountstatus",
    "zimbraissystemresource",
    "zimbraissystemaccount",
    "zimbraisexternalvirtualaccount",
    "userprincipalname",
    "useraccountcontrol",
    "accountstatus",
    "mailuserstatus",
    "inetuserstatus",
    "nsaccountlock",
    "msexchrecipienttypedetails",
    "usertype",
    "doorlistkind",
    "doorlistaccount",
    "doorliststanding",
    "# name",
    "# distributionlist",
];

/// Attributes of further addresses.
pub(super) const FURTHER: [&str; 8] = [
    "proxyaddresses",
    "mailalternateaddress",
    "mailalternateaddresses",
    "gosamailalternateaddress",
    "maillocaladdress",
    "mailalias",
    "mailequivalentaddress",
    "zimbramailalias",
];

/// Kinds of entries that send mail on to their members.
const LISTS: [&str; 8] = [
    "group",
    "groupofnames",
    "groupofuniquenames",
    "groupofurls",
    "mailgroup",
    "inetmailgroup",
    "nisMailAlias",
    "zimbradistributionlist",
];

/// What an attribute is to the reader.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AttributeUse {
    /// Read under this name.
    Read(&'static str),
    /// Read as a person says.
    Mapped(ColumnContent),
    /// Not read; addresses of ours in it are told.
    Unread,
    /// Of no use, or a secret.
    Ignored,
}

pub(super) fn usage(name: &str, value: &str, found: &Findings<'_>) -> AttributeUse {
    use ColumnContent as C;
    let normal = normal(name);
    match found.mapped(&normal) {
        Some(field @ (C::Address | C::Local | C::Alias)) => return AttributeUse::Mapped(field),
        Some(C::Ignore | C::Password) => return AttributeUse::Ignored,
        _ => {}
    }
    if let Some(known) = READ.into_iter().chain(FURTHER).find(|known| known.eq_ignore_ascii_case(name)) {
        return AttributeUse::Read(known);
    }
    // Base64 shows no @.
    let may_hold_address = value.len() <= UNREAD_MAX && (value.contains('@') || value.starts_with(':'));
    match may_hold_address && !name.starts_with('#') && !secrets::is_name(&normal) {
        true => AttributeUse::Unread,
        false => AttributeUse::Ignored,
    }
}

/// A class of entries that send mail on to their members.
pub(super) fn is_list_class(class: &str) -> bool {
    LISTS.iter().any(|list| list.eq_ignore_ascii_case(class))
}

/// An attribute of a list that holds its members, of whom nobody says that they are addresses of the list itself.
pub(super) fn holds_members(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["member", "forward", "owner", "manager"].iter().any(|part| name.contains(part))
}

/// Refuses a mapped attribute that the file does not have.
pub(super) fn check_maps(text: &str, found: &Findings<'_>) -> Result<(), NotAList> {
    if found.maps().is_empty() {
        return Ok(());
    }
    let mut names = BTreeMap::new();
    for (_, line) in Lines::new(text) {
        let Some((name, _)) = line.split_once(':').filter(|_| !line.starts_with([' ', '#'])) else { continue };
        let name = name.split(';').next().unwrap_or(name);
        // What is not so short is the value of another attribute.
        if name.len() <= NAME_MAX && names.len() < NAMES_MAX {
            names.entry(normal(name)).or_insert(name);
        }
    }
    match found.maps().iter().find(|map| !names.contains_key(&normal(&map.column))) {
        Some(map) => Err(NotAList::NoSuchColumn {
            column: map.column.clone(),
            columns: names.into_values().take(NAMES_SHOWN_MAX).collect::<Vec<_>>().join(", "),
        }),
        None => Ok(()),
    }
}
