//! Other facts of an entry: its kind, its identifier, and whether it is disabled.

use crate::ber::BerFault;
use crate::protocol::{AttributeValues, SearchEntry};
use doorlist_core::connection::{AttributeName, DirectoryConnection};
use std::fmt::Write;

/// Object classes of distribution lists.
const LIST_CLASSES: [&[u8]; 7] = [
    b"group",
    b"groupOfNames",
    b"groupOfUniqueNames",
    b"groupOfMembers",
    b"groupOfURLs",
    b"msExchDynamicDistributionList",
    b"nisMailAlias",
];
/// The flag ADS_UF_ACCOUNTDISABLE in userAccountControl.
const ACCOUNT_DISABLED: u32 = 2;
/// Kinds of recipients of Exchange, as bits of msExchRecipientTypeDetails: groups of all sorts, and room lists.
const LIST_TYPES: u64 = 0x100 | 0x200 | 0x400 | 0x800 | 0x1000_0000;
/// System recipients of Exchange: attendant, system, arbitration and discovery mailboxes, mailbox plans.
const SYSTEM_TYPES: u64 = 0x2000 | 0x4000 | 0x0080_0000 | 0x0100_0000 | 0x2000_0000;
/// Mailboxes with a disabled account by design that receive mail: linked, shared, room, equipment, team, and their
/// remote variants.
const NO_LOGIN_TYPES: u64 = 0x2 | 0x4 | 0x10 | 0x20 | 0x2_0000_0000 | 0x4_0000_0000 | 0x8_0000_0000 | 0x20_0000_0000;
/// Bytes of a key.
const KEY_BYTES_MAX: usize = 64;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DirectoryEntryKind {
    Account,
    List,
    System,
}

/// Facts collected in one pass over an entry's attributes.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    /// The values of each of its descriptions, the one without options first.
    pub(super) email: Vec<AttributeValues<'a>>,
    /// Each with its index in the connection's list, those without options first.
    pub(super) aliases: Vec<(usize, AttributeValues<'a>)>,
    pub(super) deleted: bool,
    is_list: bool,
    account_control: u32,
    recipient_type: u64,
    guid: Option<&'a [u8]>,
    uuid: Option<&'a [u8]>,
}

impl<'a> Facts<'a> {
    pub(super) fn read(connection: &DirectoryConnection, entry: &SearchEntry<'a>) -> Result<Self, BerFault> {
        let mut facts = Self::default();
        let mut attributes = entry.attributes().collect::<Result<Vec<_>, _>>()?;
        // An entry may have an attribute under several descriptions (RFC 4512 §2.5): plain `mail` goes before
        // `mail;x-work`, since the first address is the account.
        attributes.sort_by_key(|attribute| attribute.name.iter().filter(|byte| **byte == b';').count());
        for attribute in attributes {
            let (name, mut values) = (attribute.name, attribute.values);
            if matches(&connection.email_attribute, name) {
                facts.email.push(values);
            }
            for (at, alias) in connection.alias_attributes.iter().enumerate() {
                // One attribute may be named for both; its values count once.
                if matches(alias, name) && !alias.is(connection.email_attribute.as_str().as_bytes()) {
                    facts.aliases.push((at, values));
                }
            }
            if let Some(mark) = &connection.list_mark
                && matches(&mark.attribute, name)
            {
                let wanted = mark.value.as_bytes();
                facts.is_list |= values.any(|value| value.is_ok_and(|value| value.eq_ignore_ascii_case(wanted)));
                values = attribute.values;
            }
            facts.known(name, values)?;
        }
        Ok(facts)
    }

    fn known(&mut self, name: &[u8], mut values: AttributeValues<'a>) -> Result<(), BerFault> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("objectClass") {
            for class in values {
                let class = class?;
                self.is_list |= LIST_CLASSES.iter().any(|list| class.eq_ignore_ascii_case(list));
            }
            return Ok(());
        }
        let mut first = || values.next().transpose();
        if is("objectGUID") {
            self.guid = first()?;
        } else if is("entryUUID") {
            self.uuid = first()?;
        } else if is("userAccountControl") {
            // A signed number; the sign is of no interest.
            self.account_control = first()?.and_then(number::<i64>).map_or(0, |number| (number & 0xffff_ffff) as u32);
        } else if is("msExchRecipientTypeDetails") {
            self.recipient_type = first()?.and_then(number).unwrap_or_default();
        } else if is("isDeleted") {
            self.deleted = first()?.is_some_and(|value| value.eq_ignore_ascii_case(b"TRUE"));
        }
        Ok(())
    }

    pub(super) fn kind(&self) -> DirectoryEntryKind {
        if self.recipient_type & SYSTEM_TYPES != 0 {
            DirectoryEntryKind::System
        } else if self.is_list || self.recipient_type & LIST_TYPES != 0 {
            DirectoryEntryKind::List
        } else {
            DirectoryEntryKind::Account
        }
    }

    /// Whether the account is disabled and not a mailbox without a login by design.
    pub(super) fn is_disabled(&self) -> bool {
        self.account_control & ACCOUNT_DISABLED != 0 && self.recipient_type & NO_LOGIN_TYPES == 0
    }

    /// The identifier that survives renames and moves.
    pub(super) fn key(&self) -> Option<Box<str>> {
        if let Some(guid) = self.guid.and_then(|guid| <&[u8; 16]>::try_from(guid).ok()) {
            return Some(guid_text(guid));
        }
        let uuid = self.uuid.filter(|uuid| !uuid.is_empty() && uuid.len() <= KEY_BYTES_MAX)?;
        let uuid = std::str::from_utf8(uuid).ok().filter(|uuid| uuid.bytes().all(|b| b.is_ascii_graphic()))?;
        Some(uuid.to_ascii_lowercase().into())
    }
}

/// Whether `name` describes this attribute: it, or with further options a part of it (`mail;lang-de`, RFC 4512 §2.5.2.1).
fn matches(wanted: &AttributeName, name: &[u8]) -> bool {
    if wanted.is(name) {
        return true;
    }
    let mut described = name.split(|byte| *byte == b';');
    let (mut wanted, base) = (wanted.as_str().split(';'), described.next().unwrap_or_default());
    let same_base = wanted.next().is_some_and(|wanted| wanted.as_bytes().eq_ignore_ascii_case(base));
    // Options have no order.
    same_base && wanted.all(|option| described.clone().any(|own| own.eq_ignore_ascii_case(option.as_bytes())))
}

fn number<N: std::str::FromStr>(value: &[u8]) -> Option<N> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// A GUID as text; its first three groups are little-endian ([MS-DTYP] §2.3.4).
pub(crate) fn guid_text(guid: &[u8; 16]) -> Box<str> {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::with_capacity(36);
    for (place, from) in ORDER.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{:02x}", guid[from]);
    }
    text.into()
}
