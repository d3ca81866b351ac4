//! Laws that hold for any bytes. The fuzz targets look for bytes that break them, the tests replay those that were kept.

// The fuzz crate takes this module in by its path, as a public one.
#![allow(unreachable_pub)]

pub mod address;
pub mod connection;
pub mod file_list;

/// A fuzz target: its name, and the laws that it checks.
pub type Target = (&'static str, fn(&[u8]));

/// Every target of this crate. Each has a folder of the same name under `fuzz/corpus`.
pub const TARGETS: [Target; 3] =
    [("address_parse", address::check), ("connection_parse", connection::check), ("file_list", file_list::check)];
