//! The relay against scripted servers on loopback: every recipient its own result, every fault a retry, nothing lost.
//! The scanner against a scripted name server, and the whole gateway with both.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fairness;
mod fake;
mod faults;
mod home;
mod name_server;
mod next_servers;
mod notices;
mod people;
mod places;
mod results;
mod rspamd;
mod shares;
mod signing;
mod tls;
mod used_connections;
mod verdicts;
mod whole_gateway;
mod wrong_ports;
