//! The language: SMTP server session and client dialogue as pure state machines over bytes.

pub mod client;
