//! The SMTP protocol: server session and client dialogue as pure state machines over bytes.
//!
//! This crate does no I/O and reads no clock: the owner of a socket feeds bytes in and writes replies out. The list is in
//! `doorlist-core`, stored mail in `doorlist-store`.
//!
//! | module | what it is |
//! |---|---|
//! | [`reply`] | the table of all replies |
//! | [`command`] | parses a command line into verb, path and parameters |
//! | [`server`] | the server session: bytes in, events out, independent of segmentation |
//! | [`data`] | the message after DATA: end, dots, line ends |
//! | [`message`] | scans the header section of a streamed message |
//! | [`client`] | the client side: commands to a mail server and the meaning of its replies |

pub mod client;
pub mod command;
pub mod data;
pub mod message;
pub mod reply;
pub mod server;
