//! Laws that hold for any bytes. The fuzz targets look for bytes that break them, the tests replay those that were kept.
//!
//! The first byte of an input chooses limits and segmentation, the rest is what a client sends.

// The fuzz crate takes this module in by its path, as a public one.
#![allow(unreachable_pub)]

pub mod command;
pub mod data_reader;
pub mod header_scan;
pub mod segments;
pub mod server_reply;
pub mod session;

/// A fuzz target: its name, and the laws that it checks.
pub type Target = (&'static str, fn(&[u8]));

/// Every target of this crate. Each has a folder of the same name under `fuzz/corpus`.
pub const TARGETS: [Target; 5] = [
    ("command", command::check),
    ("data_reader", data_reader::check),
    ("header_scan", header_scan::check),
    ("server_reply", server_reply::check),
    ("smtp_session", session::check),
];
