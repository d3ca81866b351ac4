//! Ports on loopback that no other test uses.
//!
//! They are below the range that the kernel uses for outgoing connections, and every test process starts in its own
//! part of it: two tests that run in parallel do not collide between choosing and binding a port.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, bail};

/// The first port that is handed out.
const FIRST: u32 = 12_000;
/// How many ports there are; the last lies below 32768, where Linux begins with outgoing connections.
const COUNT: u32 = 20_000;
/// The distance between the stretches of processes with neighbouring pids.
const STRETCH: u32 = 61;

/// How many ports this process has looked at.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// A port on 127.0.0.1 on which nobody listens, given out once in this process.
///
/// # Errors
/// Fails if every port of the range is in use.
pub fn free() -> Result<u16> {
    let begin = std::process::id().wrapping_mul(STRETCH) % COUNT;
    for _ in 0..COUNT {
        let step = TAKEN.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = u16::try_from(FIRST + (begin + step) % COUNT)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1 between {FIRST} and {}", FIRST + COUNT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_port_is_given_once_and_can_be_bound() {
        let ports: HashSet<u16> = (0..50).map(|_| free().unwrap()).collect();
        assert_eq!(ports.len(), 50);
        for port in ports {
            TcpListener::bind(("127.0.0.1", port)).unwrap();
        }
    }

    #[test]
    fn a_port_in_use_is_not_given() {
        let begin = free().unwrap();
        let _taken = TcpListener::bind(("127.0.0.1", begin + 1)).unwrap();
        assert_ne!(free().unwrap(), begin + 1);
    }
}
