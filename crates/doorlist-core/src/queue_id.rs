//! Queue ids: sorted by time, unique among the nodes of a cluster, short enough to read out.

use crate::serde_text::serde_as_text;
use crate::time::Timestamp;
use std::fmt;
use std::str::FromStr;

/// 2020-01-01 UTC; 44 bits of milliseconds from there reach the year 2577.
const EPOCH_MILLIS: i64 = 1_577_836_800_000;
const NODE_BITS: u32 = 10;
const SEQUENCE_BITS: u32 = 10;
/// Digits of the text form: 13 times 5 bits hold 64.
const DIGITS: usize = 13;
/// Crockford's base 32: no I, L, O, U, so that an id can be read out.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The queue id in the 250 reply after DATA, in the log and in the queue commands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(u64);

impl QueueId {
    /// Maximum number of ids of one node per millisecond.
    pub const PER_MILLISECOND: u16 = 1 << SEQUENCE_BITS;
    /// Maximum number of nodes.
    pub const NODES: u16 = 1 << NODE_BITS;

    /// From its parts; bits beyond the ten of `node` and of `sequence` are dropped.
    pub const fn new(at: Timestamp, node: u16, sequence: u16) -> Self {
        let millis = at.as_millis().saturating_sub(EPOCH_MILLIS);
        let millis = if millis < 0 { 0 } else { millis.cast_unsigned() & ((1 << 44) - 1) };
        let node = (node % Self::NODES) as u64;
        let sequence = (sequence % Self::PER_MILLISECOND) as u64;
        Self(millis << (NODE_BITS + SEQUENCE_BITS) | node << SEQUENCE_BITS | sequence)
    }

    /// From the number that the store keeps.
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The number that the store keeps; its order is that of time.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Time of its creation.
    pub const fn time(self) -> Timestamp {
        Timestamp::from_millis((self.0 >> (NODE_BITS + SEQUENCE_BITS)).cast_signed() + EPOCH_MILLIS)
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; DIGITS];
        for (at, digit) in text.iter_mut().enumerate() {
            let shift = 5 * (DIGITS - 1 - at);
            *digit = ALPHABET[(self.0 >> shift) as usize & 31];
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a queue id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a queue ID must have {DIGITS} digits and capital letters, as in the mail log")]
pub struct NotAQueueId;

impl FromStr for QueueId {
    type Err = NotAQueueId;

    /// Lower case is taken too.
    fn from_str(text: &str) -> Result<Self, NotAQueueId> {
        if text.len() != DIGITS {
            return Err(NotAQueueId);
        }
        let mut number = 0u64;
        for byte in text.bytes() {
            let digit = ALPHABET.iter().position(|a| *a == byte.to_ascii_uppercase()).ok_or(NotAQueueId)?;
            if number >> 59 != 0 {
                return Err(NotAQueueId);
            }
            number = number << 5 | digit as u64;
        }
        Ok(Self(number))
    }
}

serde_as_text!(QueueId);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_and_number_are_the_same_id(number: u64) {
            let id = QueueId::from_u64(number);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.to_string().to_lowercase().parse(), Ok(id));
        }

        #[test]
        fn later_ids_sort_later(at in 1_600_000_000_000i64..9_000_000_000_000, more in 1i64..1_000_000, n in 0u16..1024, s in 0u16..1024) {
            let early = QueueId::new(Timestamp::from_millis(at), n, s);
            let late = QueueId::new(Timestamp::from_millis(at + more), 0, 0);
            prop_assert!(early < late && early.to_string() < late.to_string());
            prop_assert_eq!(early.time(), Timestamp::from_millis(at));
        }

        #[test]
        fn no_text_panics(text in ".{0,20}") {
            if let Ok(id) = text.parse::<QueueId>() {
                prop_assert_eq!(id.to_string(), text.to_uppercase());
            }
        }
    }
}
