#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod domains;
mod laws;
mod list;
mod rules;
mod sources;
mod undo;
