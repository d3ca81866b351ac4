//! The rules, as seen from outside: laws for any bytes, replayed on what the fuzz targets kept.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod corpus;
mod invariants;
