//! The relay against scripted servers on loopback: every recipient its own result, every fault a retry, nothing lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fairness;
mod fake;
mod faults;
mod home;
mod notices;
mod people;
mod results;
mod shares;
mod tls;
