//! Selects the addresses of an entry that belong to the domain, and the one that is the account.

use super::facts::Facts;
use super::{Mapper, SkipReason};
use crate::ber::BerFault;
use doorlist_core::address::{Address, AddressError, LocalPart};
use doorlist_core::connection::AttributeName;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Number of addresses from which duplicates are found by hash.
const FEW: usize = 16;

/// An address of the domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) local: LocalPart,
    /// Index into the mapper's domains.
    pub(super) domain: usize,
}

/// The addresses of an entry, each once.
#[derive(Debug, Default)]
pub(super) struct EntryAddresses {
    pub(super) locals: Vec<Local>,
    /// Positions by hash, for many addresses; a hash collision at worst keeps a duplicate.
    seen: HashMap<u64, usize>,
    /// The first one of the email attribute.
    email: Option<usize>,
    /// The first one marked as primary by `SMTP:` in capitals.
    primary: Option<usize>,
}

impl EntryAddresses {
    /// The address that is the account.
    ///
    /// The email attribute, which people see in the directory and other programs use; if it is of another domain, the
    /// address that Exchange sends from (`SMTP:`); otherwise the first one. Not the other way round: with several
    /// domains in one directory `SMTP:` often is of another one, and directories without Exchange have no `SMTP:`.
    pub(super) fn account(&self) -> Option<usize> {
        self.email.or(self.primary).or(if self.locals.is_empty() { None } else { Some(0) })
    }

    /// Adds an address. Returns its position, and whether it is new.
    fn take(&mut self, local: Local) -> (usize, bool) {
        let known = if self.locals.len() <= FEW {
            self.locals.iter().position(|other| other.local == local.local)
        } else {
            let at = self.seen.get(&hash(&local.local)).copied();
            at.filter(|at| self.locals.get(*at).is_some_and(|other| other.local == local.local))
        };
        if let Some(at) = known {
            return (at, false);
        }
        self.locals.push(local);
        let last = self.locals.len() - 1;
        if last == FEW {
            self.seen = self.locals.iter().enumerate().map(|(at, local)| (hash(&local.local), at)).collect();
        } else if let (Some(local), true) = (self.locals.get(last), last > FEW) {
            self.seen.insert(hash(&local.local), last);
        }
        (last, true)
    }
}

fn hash(local: &LocalPart) -> u64 {
    let mut hasher = DefaultHasher::new();
    local.hash(&mut hasher);
    hasher.finish()
}

/// A value of an attribute.
enum MappedValue<'v> {
    /// Possibly an email address, and whether it is marked as primary.
    Mail(&'v [u8], bool),
    /// Of another kind, by its prefix.
    Other,
}

/// Reads the prefix of a value: `smtp:` in any case marks an email address, another prefix something else.
fn value(raw: &[u8]) -> MappedValue<'_> {
    let text = raw.trim_ascii();
    let Some(colon) = text.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b':').position(|b| *b == b':')
    else {
        return MappedValue::Mail(text, false);
    };
    let (prefix, address) = (text.get(..colon).unwrap_or_default(), text.get(colon + 1..).unwrap_or_default());
    if prefix.eq_ignore_ascii_case(b"smtp") {
        MappedValue::Mail(address.trim_ascii(), prefix == b"SMTP")
    } else {
        MappedValue::Other
    }
}

/// Where an address belongs.
enum AddressOwner {
    Ours(Local),
    Foreign,
    Bad(AddressError),
}

impl Mapper<'_> {
    pub(super) fn addresses(&mut self, dn: &[u8], facts: &Facts<'_>) -> Result<EntryAddresses, BerFault> {
        let mut found = EntryAddresses::default();
        let email = &self.connection.email_attribute;
        for raw in facts.email.iter().copied().flatten() {
            let at = self.address(dn, email, raw?, &mut found);
            found.email = found.email.or(at.map(|(at, _)| at));
        }
        for (attribute, values) in &facts.aliases {
            let Some(attribute) = self.connection.alias_attributes.get(*attribute) else { continue };
            for raw in *values {
                if let Some((at, true)) = self.address(dn, attribute, raw?, &mut found) {
                    found.primary = found.primary.or(Some(at));
                }
            }
        }
        Ok(found)
    }

    /// Handles one value. Returns the position of its address, and whether it is marked as primary.
    fn address(
        &mut self,
        dn: &[u8],
        attribute: &AttributeName,
        raw: &[u8],
        found: &mut EntryAddresses,
    ) -> Option<(usize, bool)> {
        let (text, primary) = match value(raw) {
            MappedValue::Mail(text, primary) => (text, primary),
            MappedValue::Other => {
                self.out.skip(SkipReason::OtherKind);
                return None;
            }
        };
        match self.whose(text) {
            AddressOwner::Ours(local) => {
                let (at, is_new) = found.take(local);
                // `mail` and `SMTP:` are the same address in nearly every entry: that is no repetition.
                if !is_new && !primary {
                    self.out.skip(SkipReason::Repeated);
                }
                Some((at, primary))
            }
            AddressOwner::Foreign => {
                self.out.skip(SkipReason::OtherDomain);
                None
            }
            AddressOwner::Bad(error) => {
                self.out.problem(dn, attribute, raw, error);
                None
            }
        }
    }

    /// Fast path: most addresses are ASCII, and their domain is compared without parsing.
    fn whose(&self, text: &[u8]) -> AddressOwner {
        let Some(at) = text.iter().rposition(|b| *b == b'@') else { return AddressOwner::Bad(AddressError::NoAt) };
        let (local, domain) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        let same = |own: &&doorlist_core::address::DomainName| own.as_str().as_bytes().eq_ignore_ascii_case(domain);
        if let Some(at) = self.domains.iter().position(same) {
            return match LocalPart::parse(local) {
                Ok(local) => AddressOwner::Ours(Local { local, domain: at }),
                // With its domain, it is shown whole.
                Err(error) => AddressOwner::Bad(Address::from_parts(local, domain).err().unwrap_or(error)),
            };
        }
        if domain.is_ascii() && !domain.is_empty() && !domain.ends_with(b".") {
            return AddressOwner::Foreign;
        }
        // A name in U-labels may be ours, and one that is none is an error.
        match Address::from_parts(local, domain) {
            Ok(address) => match self.domains.iter().position(|own| *own == address.domain()) {
                Some(domain) => AddressOwner::Ours(Local { local: address.local().clone(), domain }),
                None => AddressOwner::Foreign,
            },
            Err(error) => AddressOwner::Bad(error),
        }
    }
}
