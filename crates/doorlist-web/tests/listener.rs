//! The web listener as clients see it that write octet by octet, keep their connection, send what nobody asked for, or
//! mean harm. Clients here are bare sockets, so that nothing is polite by itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "listener/bad_input.rs"]
mod bad_input;
#[path = "listener/crowd.rs"]
mod crowd;
#[path = "listener/ends.rs"]
mod ends;
#[path = "listener/kept.rs"]
mod kept;
#[path = "listener/peer.rs"]
mod peer;
#[path = "listener/secure.rs"]
mod secure;
