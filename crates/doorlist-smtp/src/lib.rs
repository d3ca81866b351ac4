//! The language: SMTP server session and client dialogue as pure state machines over bytes.
//!
//! This crate does no I/O and reads no clock: whoever owns a socket feeds bytes in and writes replies out. It knows
//! how mail is spoken, not who is on the list (`doorlist-core`) nor where mail is kept (`doorlist-store`).
//!
//! | module | what it is |
//! |---|---|
//! | [`reply`] | the one table of replies: every digit that a client of ours can see |
//! | [`command`] | one command line -> verb, path, parameters |
//! | [`server`] | the server session: bytes in, events out, whatever the segmentation |
//! | [`data`] | the message behind DATA: its one true end, dots, line ends |
//! | [`message`] | a streaming look at the header section of a message |
//! | [`client`] | what we say to a mail server, and what its replies mean |

pub mod client;
pub mod command;
pub mod data;
pub mod message;
pub mod reply;
pub mod server;
