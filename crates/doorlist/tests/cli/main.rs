//! The binary as scripts and operators see it: words in, text and exit codes out. Everything runs on loopback and in
//! folders of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod asking;
mod beside_a_server;
mod codes;
mod examples;
mod help;
mod owner;
mod plans;
mod run;
mod server;
mod sources;
mod terminal;
mod tour;
