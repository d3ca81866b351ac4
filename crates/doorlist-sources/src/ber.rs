//! Basic Encoding Rules as used by LDAP (RFC 4511 §5.1): definite lengths, short tags. Reading borrows, never recurses
//! and never panics, for any bytes.

/// What is wrong with bytes that should be LDAP. Shown to people without the bytes themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BerFault {
    /// The stream does not go on with a message: another protocol, or TLS where none is expected.
    #[error("its answer is not LDAP")]
    NotAMessage,
    /// RFC 4511 §5.1 allows definite lengths only.
    #[error("it sent a length of the indefinite form, which LDAP forbids")]
    IndefiniteLength,
    /// More octets than any honest length needs.
    #[error("it sent a length of more than 4 octets")]
    LongLength,
    /// A tag number above 30.
    #[error("it sent a tag that LDAP does not have")]
    LongTag,
    /// The message is longer than allowed.
    #[error("it sent a message of {length} bytes; the limit is {max}")]
    TooLarge {
        /// Octets that the element announces.
        length: u64,
        /// Octets that are allowed.
        max: usize,
    },
    /// Elements lie in elements without end.
    #[error("it sent a message with more than {} levels", super::ber_guard::DEPTH_MAX)]
    TooDeep,
    /// An element is longer than the one that it lies in.
    #[error("it sent an element that ends behind its message")]
    Overrun,
    /// Negative, empty or too large.
    #[error("it sent an invalid number")]
    Number,
    /// The elements are not those of any message that answers us.
    #[error("it sent a message that is not a valid answer")]
    Shape,
}

/// The bit that says: made of elements.
pub(crate) const CONSTRUCTED: u8 = 0x20;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Octets of a length, at most: Active Directory writes four for every length.
const LENGTH_OCTETS_MAX: usize = 4;

/// What stands before an element's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) tag: u8,
    /// Octets of tag and length.
    pub(crate) octets: usize,
    /// Octets of the content.
    pub(crate) length: u64,
}

/// The header at the start of `bytes`; None when more bytes are needed.
pub(crate) fn header(bytes: &[u8]) -> Result<Option<Header>, BerFault> {
    let [tag, rest @ ..] = bytes else { return Ok(None) };
    if tag & 0x1f == 0x1f {
        return Err(BerFault::LongTag);
    }
    let [first, rest @ ..] = rest else { return Ok(None) };
    if *first < 0x80 {
        return Ok(Some(Header { tag: *tag, octets: 2, length: u64::from(*first) }));
    }
    let count = usize::from(first & 0x7f);
    match count {
        0 => return Err(BerFault::IndefiniteLength),
        LENGTH_OCTETS_MAX.. if count > LENGTH_OCTETS_MAX => return Err(BerFault::LongLength),
        _ => {}
    }
    let Some(octets) = rest.get(..count) else { return Ok(None) };
    let length = octets.iter().fold(0, |length, octet| length << 8 | u64::from(*octet));
    Ok(Some(Header { tag: *tag, octets: 2 + count, length }))
}

/// Elements one behind the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BerReader<'a>(&'a [u8]);

impl<'a> BerReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element's tag.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: its tag and content.
    pub(crate) fn element(&mut self) -> Result<(u8, &'a [u8]), BerFault> {
        let header = header(self.0)?.ok_or(BerFault::Overrun)?;
        let behind = self.0.get(header.octets..).ok_or(BerFault::Overrun)?;
        let length = usize::try_from(header.length).map_err(|_| BerFault::Overrun)?;
        let (content, rest) = behind.split_at_checked(length).ok_or(BerFault::Overrun)?;
        self.0 = rest;
        Ok((header.tag, content))
    }

    /// The content of the next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<&'a [u8], BerFault> {
        match self.element()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(BerFault::Shape),
        }
    }

    /// The content of the next element if it has this tag; else nothing is taken.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, BerFault> {
        if self.peek() == Some(tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// A number from 0 to 2^31-1 (RFC 4511 §4.1.1 maxInt).
    pub(crate) fn number(&mut self, tag: u8) -> Result<u32, BerFault> {
        let octets = self.expect(tag)?;
        let negative = octets.first().is_none_or(|first| first & 0x80 != 0);
        if negative || octets.len() > LENGTH_OCTETS_MAX {
            return Err(BerFault::Number);
        }
        Ok(octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
    }
}

#[derive(Debug, Default)]
pub(crate) struct BerWriter(pub(crate) Vec<u8>);

impl BerWriter {
    /// An element made of what `inner` writes.
    pub(crate) fn nested(&mut self, tag: u8, inner: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        inner(self);
        let length = self.0.len() - start;
        let mut header = [0; 2 + LENGTH_OCTETS_MAX];
        let used = write_header(&mut header, tag, length);
        self.0.splice(start..start, header.into_iter().take(used));
    }

    /// An element with this content.
    pub(crate) fn primitive(&mut self, tag: u8, content: &[u8]) {
        let mut header = [0; 2 + LENGTH_OCTETS_MAX];
        let used = write_header(&mut header, tag, content.len());
        self.0.extend(header.into_iter().take(used));
        self.0.extend_from_slice(content);
    }

    /// A number that is not negative.
    pub(crate) fn number(&mut self, tag: u8, number: u32) {
        let octets = number.to_be_bytes();
        // A leading zero octet is needed where the next one's first bit would make the number negative.
        let skip = (0..3).take_while(|&at| octets[at] == 0 && octets[at + 1] & 0x80 == 0).count();
        if octets[0] & 0x80 != 0 {
            self.primitive(tag, &[&[0], octets.as_slice()].concat());
        } else {
            self.primitive(tag, octets.get(skip..).unwrap_or_default());
        }
    }
}

/// Writes tag and length in the shortest form, and says how many octets that are. What we send never comes near 2^32
/// bytes: every part of it has a limit.
fn write_header(out: &mut [u8; 2 + LENGTH_OCTETS_MAX], tag: u8, length: usize) -> usize {
    let octets = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    out[0] = tag;
    if length < 0x80 {
        out[1] = octets[3];
        return 2;
    }
    let skip = octets.iter().take_while(|octet| **octet == 0).count();
    let count = octets.len() - skip;
    out[1] = 0x80 | u8::try_from(count).unwrap_or_default();
    for (to, octet) in out.iter_mut().skip(2).zip(octets.iter().skip(skip)) {
        *to = *octet;
    }
    2 + count
}
