//! The server side of the language, as seen from outside: laws for any bytes, and the attacks by their number.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod corpus;
mod dialogues;
mod end_of_data;
mod invariants;
mod paths;
mod script;
mod segmentation;
