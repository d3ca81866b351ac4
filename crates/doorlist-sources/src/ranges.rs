//! Values that a server returns in ranges (Active Directory, `proxyAddresses;range=0-1499`, [MS-ADTS] §3.1.1.3.1.3.3):
//! such an entry is set aside, its other values are fetched, and it is put together again.

use super::ber::BerFault;
use super::error::{ReadError, ReadFault, Stage};
use super::protocol::{Search, SearchEntry, SearchScope};
use super::session::{DirectorySession, SearchResult};
use super::terms::Sizes;
use doorlist_core::connection::{AttributeName, Filter};

/// Questions for one attribute of one entry; each brings 1,500 values from Active Directory.
const QUESTIONS_MAX: usize = 100;

/// An entry that has attributes with further values.
#[derive(Debug)]
pub(crate) struct Ranged {
    pub(crate) dn: Vec<u8>,
    attributes: Vec<Partial>,
}

#[derive(Debug)]
struct Partial {
    /// Attribute name without the range.
    name: Vec<u8>,
    values: Vec<Vec<u8>>,
    /// The number of the first value that has not come; None when all have.
    next: Option<u64>,
}

/// `name;range=from-to` in its parts, the name with its other options; None for a name without a range. `to` is None for
/// the last range.
fn range(name: &[u8]) -> Option<(Vec<u8>, u64, Option<u64>)> {
    // The usual name has no option at all.
    let (base, options) = std::str::from_utf8(name).ok()?.split_once(';')?;
    let mut rest = base.to_owned();
    let mut span = None;
    for option in options.split(';') {
        match option.split_once('=') {
            Some((key, value)) if key.eq_ignore_ascii_case("range") && span.is_none() => span = Some(value),
            _ => rest.extend([";", option]),
        }
    }
    let (from, to) = span?.split_once('-')?;
    let to = if to == "*" { None } else { Some(to.parse().ok()?) };
    Some((rest.into_bytes(), from.parse().ok()?, to))
}

impl Ranged {
    /// The entry, if one of its attributes has come as a range.
    pub(crate) fn of(entry: &SearchEntry<'_>) -> Result<Option<Self>, BerFault> {
        let mut is_ranged = false;
        for attribute in entry.attributes() {
            is_ranged |= range(attribute?.name).is_some();
        }
        if !is_ranged {
            return Ok(None);
        }
        let mut whole = Self { dn: entry.dn.to_vec(), attributes: Vec::new() };
        for attribute in entry.attributes() {
            let attribute = attribute?;
            let (name, next) = match range(attribute.name) {
                None => (attribute.name.to_vec(), None),
                Some((name, 0, to)) => (name, to.map(|to| to.saturating_add(1))),
                Some(_) => return Err(BerFault::Shape),
            };
            let values = attribute.values.map(|value| value.map(<[u8]>::to_vec)).collect::<Result<Vec<_>, _>>()?;
            // Beside the range stands the same attribute without values.
            match whole.attributes.iter_mut().find(|other| other.name.eq_ignore_ascii_case(&name)) {
                Some(other) => {
                    other.values.extend(values);
                    other.next = other.next.or(next);
                }
                None => whole.attributes.push(Partial { name, values, next }),
            }
        }
        Ok(Some(whole))
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let values = self.attributes.iter().flat_map(|attribute| &attribute.values);
        (self.dn.len() + values.map(|value| value.len() + size_of::<Vec<u8>>()).sum::<usize>()) as u64
    }

    /// The attributes with the values that have come.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&[u8], &[Vec<u8>])> {
        self.attributes.iter().map(|attribute| (attribute.name.as_slice(), attribute.values.as_slice()))
    }

    /// Asks for the values that have not come.
    pub(crate) async fn complete(mut self, session: &mut DirectorySession, sizes: &Sizes) -> Result<Self, ReadError> {
        for attribute in &mut self.attributes {
            let mut questions = 0;
            while let Some(from) = attribute.next {
                questions += 1;
                if questions > QUESTIONS_MAX {
                    return Err(ReadError::new(Stage::Search, ReadFault::EndlessValues));
                }
                attribute.more(session, &self.dn, from).await?;
                if attribute.values.len() > sizes.values_max {
                    let name =
                        String::from_utf8_lossy(&attribute.name).parse().unwrap_or_else(|_| AttributeName::mail());
                    let fault = ReadFault::TooManyValues { attribute: name, max: sizes.values_max };
                    return Err(ReadError::new(Stage::Search, fault));
                }
            }
        }
        Ok(self)
    }
}

impl Partial {
    async fn more(&mut self, session: &mut DirectorySession, dn: &[u8], from: u64) -> Result<(), ReadError> {
        let failed = |fault: ReadFault| ReadError::new(Stage::Search, fault);
        let any: Filter = anything();
        let name = format!("{};range={from}-*", String::from_utf8_lossy(&self.name));
        let attributes = [name.as_str()];
        let mut search = Search {
            base: dn,
            scope: SearchScope::Base,
            filter: &any,
            attributes: &attributes,
            page: None,
            seconds_max: 0,
        };
        session.search(Stage::Search, &mut search).await?;
        let mut next = None;
        loop {
            let found = match session.found(Stage::Search).await? {
                SearchResult::Entry(found) => found,
                SearchResult::Reference(_) => continue,
                SearchResult::Done(_) => break,
            };
            for attribute in session.entry(Stage::Search, &found)?.attributes() {
                let attribute = attribute.map_err(|fault| failed(fault.into()))?;
                let Some((name, start, to)) = range(attribute.name) else { continue };
                // Whoever asks for `mail` gets `mail;x-work` too (RFC 4512 §2.5.2.1), which is asked for by itself.
                if !name.eq_ignore_ascii_case(&self.name) {
                    continue;
                }
                // It must go on just where the values before ended, and come nearer to the end.
                let goes_on = start == from && to.is_none_or(|to| to >= from) && next.is_none();
                if !goes_on {
                    return Err(failed(ReadFault::EndlessValues));
                }
                for value in attribute.values {
                    self.values.push(value.map_err(|fault| failed(fault.into()))?.to_vec());
                }
                next = Some(to.map(|to| to.saturating_add(1)));
            }
        }
        self.next = next.ok_or(failed(ReadFault::EndlessValues))?;
        Ok(())
    }
}

/// `(objectClass=*)`, which every entry fulfils.
pub(crate) fn anything() -> Filter {
    Filter::Present(AttributeName::object_class())
}
