//! The relay against scripted servers on loopback: every recipient its own result, every fault a retry, nothing lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fairness;
mod fake;
mod faults;
mod home;
mod next_servers;
mod notices;
mod people;
mod places;
mod results;
mod shares;
mod tls;
mod used_connections;
mod wrong_ports;
