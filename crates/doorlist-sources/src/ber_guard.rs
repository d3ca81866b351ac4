//! Cuts the byte stream of a directory into messages and checks each one completely before it is parsed: size, depth,
//! every length. Independent of segmentation.

use super::ber::{self, BerFault, CONSTRUCTED, SEQUENCE};
use std::ops::Range;

/// Elements in elements. A search result entry has five levels, controls no more.
pub(crate) const DEPTH_MAX: usize = 16;
/// Room that is made for the next bytes.
const CHUNK: usize = 128 * 1024;

/// Bytes that have come, and where the next message in them begins.
#[derive(Debug)]
pub(crate) struct MessageBuffer {
    buffer: Vec<u8>,
    start: usize,
    message_max: usize,
}

impl MessageBuffer {
    /// `message_max`: bytes of one message, its header included.
    pub(crate) fn new(message_max: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, message_max }
    }

    /// Where the next bytes are to be appended. Never grows beyond one message and one chunk, if [`Self::next`] was
    /// asked first until it had nothing more.
    pub(crate) fn space(&mut self) -> &mut Vec<u8> {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.reserve(CHUNK);
        &mut self.buffer
    }

    /// Bytes that no message has been made of.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// The next whole message, for [`Self::get`]; None when more bytes are needed. An announced length above the limit
    /// is refused at once, not when its bytes have come.
    pub(crate) fn next(&mut self) -> Result<Option<Range<usize>>, BerFault> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        if rest.first().is_some_and(|tag| *tag != SEQUENCE) {
            return Err(BerFault::NotAMessage);
        }
        let Some(header) = ber::header(rest)? else { return Ok(None) };
        let length = header.length.saturating_add(header.octets as u64);
        let Some(whole) = usize::try_from(length).ok().filter(|whole| *whole <= self.message_max) else {
            return Err(BerFault::TooLarge { length, max: self.message_max });
        };
        let Some(message) = rest.get(..whole) else { return Ok(None) };
        check(message)?;
        let range = self.start..self.start + whole;
        self.start = range.end;
        Ok(Some(range))
    }

    /// A message that [`Self::next`] has found, until bytes are appended.
    pub(crate) fn get(&self, range: Range<usize>) -> &[u8] {
        self.buffer.get(range).unwrap_or_default()
    }
}

/// Every element ends within the one that it lies in, and none lies too deep.
pub(crate) fn check(message: &[u8]) -> Result<(), BerFault> {
    let mut ends = [0; DEPTH_MAX];
    let (mut depth, mut at, mut end) = (0, 0, message.len());
    loop {
        while at == end {
            if depth == 0 {
                return Ok(());
            }
            depth -= 1;
            end = ends[depth];
        }
        let header = ber::header(message.get(at..end).unwrap_or_default())?.ok_or(BerFault::Overrun)?;
        let content = at + header.octets;
        let length = usize::try_from(header.length).map_err(|_| BerFault::Overrun)?;
        let content_end = content.checked_add(length).filter(|last| *last <= end).ok_or(BerFault::Overrun)?;
        if header.tag & CONSTRUCTED == 0 {
            at = content_end;
            continue;
        }
        *ends.get_mut(depth).ok_or(BerFault::TooDeep)? = end;
        depth += 1;
        (at, end) = (content, content_end);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::ber::BerWriter;
    use proptest::prelude::*;

    fn push(messages: &mut MessageBuffer, bytes: &[u8]) {
        messages.space().extend_from_slice(bytes);
    }

    /// All messages, and how the stream ends: at the first fault, or waiting for more.
    fn cut(pieces: &[&[u8]], max: usize) -> (Vec<Vec<u8>>, Option<BerFault>) {
        let mut messages = MessageBuffer::new(max);
        let mut found = Vec::new();
        for piece in pieces {
            push(&mut messages, piece);
            loop {
                match messages.next() {
                    Ok(Some(range)) => found.push(messages.get(range).to_vec()),
                    Ok(None) => break,
                    Err(fault) => return (found, Some(fault)),
                }
            }
        }
        (found, None)
    }

    fn deep(levels: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..levels {
            let mut writer = BerWriter::default();
            writer.primitive(SEQUENCE, &bytes);
            bytes = writer.0;
        }
        bytes
    }

    #[test]
    fn l06_faults_have_names() {
        let fault = |bytes: &[u8]| cut(&[bytes], 1_000).1;
        assert_eq!(fault(b"HTTP/1.1 400"), Some(BerFault::NotAMessage));
        assert_eq!(fault(b"\x15\x03\x01"), Some(BerFault::NotAMessage));
        assert_eq!(fault(b"\x30\x80"), Some(BerFault::IndefiniteLength));
        assert_eq!(fault(b"\x30\x04\x30\x80\0\0"), Some(BerFault::IndefiniteLength));
        assert_eq!(fault(b"\x30\x85\0\0\0\0\x01"), Some(BerFault::LongLength));
        assert_eq!(fault(b"\x30\xff"), Some(BerFault::LongLength));
        assert_eq!(fault(b"\x30\x84\x80\0\0\0"), Some(BerFault::TooLarge { length: (1 << 31) + 6, max: 1_000 }));
        assert_eq!(fault(b"\x30\x84\xff\xff\xff\xff"), Some(BerFault::TooLarge { length: (1 << 32) + 5, max: 1_000 }));
        assert_eq!(fault(b"\x30\x03\x02\x02\x01"), Some(BerFault::Overrun));
        assert_eq!(fault(b"\x30\x01\x02"), Some(BerFault::Overrun));
        assert_eq!(fault(b"\x30\x02\x1f\x01"), Some(BerFault::LongTag));
        assert_eq!(fault(&deep(DEPTH_MAX + 1)), Some(BerFault::TooDeep));
        assert_eq!(fault(&deep(DEPTH_MAX)), None);
        assert_eq!(cut(&[&deep(10_000)], 1 << 20).1, Some(BerFault::TooDeep));
        assert_eq!(fault(b""), None);
        assert_eq!(fault(b"\x30\x84\0\0"), None);
        assert_eq!(cut(&[b"\x30\x00\x30\x84\0\0\0\0"], 1_000).0, [b"\x30\x00".as_slice(), b"\x30\x84\0\0\0\0"]);
    }

    #[test]
    fn the_buffer_stays_small() {
        let mut messages = MessageBuffer::new(1_000);
        let message = deep(3);
        for _ in 0..100_000 {
            push(&mut messages, &message);
            assert!(messages.next().unwrap().is_some());
        }
        assert!(messages.is_empty() && messages.buffer.capacity() < 3 * CHUNK);
    }

    /// Elements of all kinds, some of them broken.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop::collection::vec(any::<u8>(), 0..4).prop_map(|content| {
            let mut writer = BerWriter::default();
            writer.primitive(0x04, &content);
            writer.0
        });
        let tree = leaf.prop_recursive(4, 20, 3, |inner| {
            prop::collection::vec(inner, 0..3).prop_map(|parts| {
                let mut writer = BerWriter::default();
                writer.primitive(SEQUENCE, &parts.concat());
                writer.0
            })
        });
        let message = prop_oneof![6 => tree, 1 => prop::collection::vec(any::<u8>(), 1..6)];
        prop::collection::vec(message, 0..5).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_segmentation_gives_the_same(bytes in bytes(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            let whole = cut(&[&bytes], 60);
            prop_assert_eq!(&cut(&pieces, 60), &whole);
            prop_assert_eq!(&cut(&single, 60), &whole);
        }
    }
}
