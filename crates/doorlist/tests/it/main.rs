//! Doorlist as a whole: the binary as an operator runs it, talked to by real clients, delivering to real servers,
//! killed and starved in every way that a machine knows. One test binary, so that it is linked once.
//!
//! | module | what it asks |
//! |---|---|
//! | `dialogue` | does every recipient get the answer that the files in `tests/dialogues` say? |
//! | `bad_input` | is whatever strangers send answered, and nothing lost by it? |
//! | `faults` | what if the disk fails or fills, files are damaged, destinations go away, the server must stop? |
//! | `crash` | does a server that is killed again and again lose a message? |
//! | `verification` | whose word counts for recipients that are on no list? |
//! | `harvest` | what do dictionaries learn, from one source, a network or everywhere, and who gets through? |
//! | `fall_back` | which refused senders take a domain back to mode monitor, and who is told? |
//! | `traced` | does every 250 follow an fsync? |
//! | `real_mail` | does mail come out at a real Postfix and a real Exim as it went in? |
//! | `real_senders` | do Exim, OpenSMTPD, Sendmail and small clients bring everybody one copy, whatever the rest hears? |
//! | `real_next_hops` | does each server that Debian has get everybody's mail once, when it refuses and defers some? |
//! | `no_server` | does mail for a domain without a server wait, and go when it has one? |
//! | `readme` | does the tour print what the README shows? |
//! | `api` | does the HTTP API answer as its clients need it, and nobody what is not theirs? |
//! | `web` | does the web listener show the right certificate, and end well? |
//! | `work` | is heavy work done apart from mail, and no more of it taken than fits? |
//! | `agent` | does a list come whole from a directory that the server cannot reach? |
//! | `other_user` | what can the owner of a state folder do to root, and which rights does a server keep? |
//! | `beside` | do commands work beside a running server, for whom, and on PostgreSQL, too? |
//!
//! `server`, `client` and `sink` are what they are made of: our binary, a client that says what it is told to say, a
//! destination that keeps what it gets. `random` is chance that can be repeated.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agent;
mod api;
mod bad_input;
mod beside;
mod client;
mod crash;
mod dialogue;
mod directories;
mod fall_back;
mod faults;
mod harvest;
mod imports;
mod learning;
mod name_server;
mod no_server;
mod other_user;
mod preview;
mod random;
mod readers;
mod readiness;
mod readme;
mod real_mail;
mod real_next_hops;
mod real_senders;
mod server;
mod sink;
mod traced;
mod verdicts;
mod verification;
mod web;
mod work;
