//! Networks that a person blocked, for a time and with a reason. A block works as a flag does: uniform answers, no 5xx.

use crate::network::Network;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// Blocks that hold at a time.
pub const BLOCKS_MAX: usize = 1_000;
/// Longest time of a block: nothing is blocked for ever.
pub const BLOCK_LONGEST: Duration = Duration::from_hours(365 * 24);
/// Longest reason of a block in octets.
pub const REASON_MAX: usize = 200;

/// A network that a person blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub network: Network,
    pub until: Timestamp,
    pub reason: String,
    /// The person who blocked it.
    pub by: String,
    pub made: Timestamp,
}

impl Block {
    /// The end of the last block that holds for an address now.
    pub fn until(blocks: &[Block], peer: IpAddr, now: Timestamp) -> Option<Timestamp> {
        let of_it = blocks.iter().filter(|block| now < block.until && block.network.contains_peer(peer));
        of_it.map(|block| block.until).max()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_block_holds_for_its_network_and_its_time() {
        let now = Timestamp::from_secs(1_700_000_000);
        let hour = Duration::from_hours(1);
        let block = |network: &str, until| Block {
            network: network.parse().unwrap(),
            until,
            reason: "guesses".to_owned(),
            by: "ann".to_owned(),
            made: now,
        };
        let blocks = [block("192.0.2.0/24", now + hour), block("192.0.2.7", now + hour * 2)];
        let until = |peer: &str, now| Block::until(&blocks, peer.parse().unwrap(), now);
        assert_eq!(until("192.0.2.1", now), Some(now + hour));
        assert_eq!(until("192.0.2.7", now), Some(now + hour * 2));
        assert_eq!(until("::ffff:192.0.2.7", now + hour), Some(now + hour * 2));
        assert_eq!(until("192.0.2.1", now + hour), None);
        assert_eq!(until("198.51.100.1", now), None);
    }
}
