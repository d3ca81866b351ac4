//! The rules of Doorlist: who is on the list, and what a `RCPT TO` is answered.
//!
//! This crate is pure. It does no I/O, reads no clock, no environment and no randomness, and knows neither SQL, SMTP
//! reply digits nor sockets; whatever it needs of the world is a parameter. So every rule can be tested with a value.
//!
//! | module | what it is |
//! |---|---|
//! | [`address`] | local parts, domain names, addresses: one normaliser, equal addresses <=> equal keys |
//! | [`access`] | who may see and change what: roles, and where an object stands among the tenants |
//! | [`domain`] | a protected domain: its mode, switches and domain aliases |
//! | [`list`] | the list in memory: a snapshot of compact shards, and the look-up |
//! | [`policy`] | [`policy::decide`]: the answer to a recipient, with its reason |
//! | [`sender_rules`] | senders taken or not: patterns, and what a list of them says of a sender |
//! | [`mail_policy`] | what domains and accounts set about their mail, by what the list said of a recipient |
//! | [`change`] | what can be changed in the list, by whom and from which source |
//! | [`list_change`] | what a change does: claims, vetoes, aliases, domains, plans, undo |
//! | [`connection`] | how a domain's directory is reached and read: servers, trust, filter, attributes, patterns |
//! | [`harvest`] | the guard against guessing: delays in a session, flags per source |
//! | [`network`] | networks, and which addresses are those of the public Internet |
//! | [`queue_id`] | the name of an accepted message |
//! | [`retry`] | when queued mail is tried again, and when it is given up |
//! | [`file_list`] | a file from any mail system -> rows, problems, what was left out |
//! | [`list_text`] | a list as text, entry by entry: CSV, Postfix, LDIF |
//! | [`shrink_guard`] | when a list that shrinks waits for a person |
//! | [`source_rows`] | what a file, a directory or pushed data says of a domain's list |
//! | [`time`] | the timestamp that every rule takes as a parameter |
//! | [`visible`] | text of strangers for people's eyes: hidden characters as escapes |

pub mod access;
pub mod address;
pub mod change;
pub mod connection;
pub mod domain;
pub mod file_list;
pub mod harvest;
pub mod list;
pub mod list_change;
pub mod list_text;
pub mod mail_policy;
pub mod mail_server_access;
pub mod network;
pub mod policy;
pub mod queue_id;
pub mod retry;
pub mod sender_rules;
pub mod shrink_guard;
pub mod source_rows;
pub mod time;
pub mod visible;
