//! The LDAP messages that a reader needs (RFC 4511), from and to bytes. Values borrow from the bytes.

mod ask;
#[cfg(test)]
mod tests;

pub(crate) use ask::{Search, SearchScope, bind, search, start_tls, unbind};

use super::ber::{BOOLEAN, BerFault, BerReader, ENUMERATED, INTEGER, OCTETS, SEQUENCE, SET};

/// StartTLS (RFC 4511 §4.14.1).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// Simple paged results (RFC 2696 §2).
const PAGED_RESULTS: &[u8] = b"1.2.840.113556.1.4.319";

/// One message of the server.
#[derive(Debug)]
pub(crate) struct LdapMessage<'a> {
    /// Of the request that it answers; 0 for what was not asked for.
    pub(crate) id: u32,
    pub(crate) answer: LdapResponse<'a>,
    /// The cookie of the control for paged results; empty on the last page, None without the control.
    pub(crate) cookie: Option<&'a [u8]>,
}

#[derive(Debug)]
pub(crate) enum LdapResponse<'a> {
    Bind(LdapResult<'a>),
    Entry(SearchEntry<'a>),
    /// A part of the tree lies elsewhere (RFC 4511 §4.5.3): URLs, one behind the other.
    Reference(BerReader<'a>),
    SearchDone(LdapResult<'a>),
    Extended(LdapResult<'a>),
    /// Any other kind, which answers nothing that we ask.
    Other,
}

/// LDAPResult (RFC 4511 §4.1.9). The referral is not read: it is never followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LdapResult<'a> {
    pub(crate) code: u32,
    /// Never shown to anybody as it is.
    pub(crate) text: &'a [u8],
}

/// SearchResultEntry (RFC 4511 §4.5.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SearchEntry<'a> {
    pub(crate) dn: &'a [u8],
    attributes: &'a [u8],
}

/// One attribute of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    /// Attribute name with its options.
    pub(crate) name: &'a [u8],
    pub(crate) values: AttributeValues<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct AttributeValues<'a>(BerReader<'a>);

impl<'a> LdapMessage<'a> {
    /// Reads a message that [`super::ber_guard`] has let through.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, BerFault> {
        let mut message = BerReader::new(BerReader::new(bytes).expect(SEQUENCE)?);
        let id = message.number(INTEGER)?;
        let (tag, content) = message.element()?;
        let mut inner = BerReader::new(content);
        let answer = match tag {
            0x61 => LdapResponse::Bind(outcome(&mut inner)?),
            0x64 => {
                let dn = inner.expect(OCTETS)?;
                LdapResponse::Entry(SearchEntry { dn, attributes: inner.expect(SEQUENCE)? })
            }
            0x65 => LdapResponse::SearchDone(outcome(&mut inner)?),
            0x73 => LdapResponse::Reference(inner),
            0x78 => LdapResponse::Extended(outcome(&mut inner)?),
            _ => LdapResponse::Other,
        };
        // Active Directory puts the name of a notice of disconnection ([10]) here, outside its answer. It is passed over.
        message.optional(0x8a)?;
        let controls = message.optional(0xa0)?;
        let cookie = controls.map(|controls| paged_cookie(BerReader::new(controls))).transpose()?.flatten();
        Ok(Self { id, answer, cookie })
    }
}

fn outcome<'a>(reader: &mut BerReader<'a>) -> Result<LdapResult<'a>, BerFault> {
    let code = reader.number(ENUMERATED)?;
    reader.expect(OCTETS)?;
    Ok(LdapResult { code, text: reader.expect(OCTETS)? })
}

fn paged_cookie<'a>(mut controls: BerReader<'a>) -> Result<Option<&'a [u8]>, BerFault> {
    while !controls.is_empty() {
        let mut control = BerReader::new(controls.expect(SEQUENCE)?);
        let name = control.expect(OCTETS)?;
        control.optional(BOOLEAN)?;
        if name != PAGED_RESULTS {
            continue;
        }
        let value = control.optional(OCTETS)?.ok_or(BerFault::Shape)?;
        let mut value = BerReader::new(BerReader::new(value).expect(SEQUENCE)?);
        // The server's guess of the total, which may be anything.
        value.expect(INTEGER)?;
        return value.expect(OCTETS).map(Some);
    }
    Ok(None)
}

impl<'a> SearchEntry<'a> {
    /// The entry of a message that [`write_entry`] has made.
    pub(crate) fn from_message(bytes: &'a [u8]) -> Result<Self, BerFault> {
        match LdapMessage::read(bytes)?.answer {
            LdapResponse::Entry(entry) => Ok(entry),
            _ => Err(BerFault::Shape),
        }
    }

    /// Its attributes, in the server's order.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Result<Attribute<'a>, BerFault>> + use<'a> {
        let mut rest = BerReader::new(self.attributes);
        std::iter::from_fn(move || (!rest.is_empty()).then(|| attribute(&mut rest)))
    }
}

fn attribute<'a>(rest: &mut BerReader<'a>) -> Result<Attribute<'a>, BerFault> {
    let mut inner = BerReader::new(rest.expect(SEQUENCE)?);
    let name = inner.expect(OCTETS)?;
    Ok(Attribute { name, values: AttributeValues(BerReader::new(inner.expect(SET)?)) })
}

impl<'a> Iterator for AttributeValues<'a> {
    type Item = Result<&'a [u8], BerFault>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let value = self.0.expect(OCTETS);
        if value.is_err() {
            // What follows an element that is none is nothing.
            self.0 = BerReader::new(&[]);
        }
        Some(value)
    }
}

/// The URLs of a search reference, those of them that can be read.
pub(crate) fn urls<'a>(mut reference: BerReader<'a>) -> impl Iterator<Item = &'a [u8]> {
    std::iter::from_fn(move || if reference.is_empty() { None } else { reference.expect(OCTETS).ok() })
}

/// An entry in the form in which a server sends it: for one that was put together from several answers.
pub(crate) fn write_entry<'v>(dn: &[u8], attributes: impl Iterator<Item = (&'v [u8], &'v [Vec<u8>])>) -> Vec<u8> {
    let mut message = super::ber::BerWriter::default();
    message.nested(SEQUENCE, |message| {
        message.number(INTEGER, 0);
        message.nested(0x64, |entry| {
            entry.primitive(OCTETS, dn);
            entry.nested(SEQUENCE, |list| {
                for (name, values) in attributes {
                    list.nested(SEQUENCE, |attribute| {
                        attribute.primitive(OCTETS, name);
                        attribute.nested(SET, |set| values.iter().for_each(|value| set.primitive(OCTETS, value)));
                    });
                }
            });
        });
    });
    message.0
}
