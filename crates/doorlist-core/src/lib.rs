//! The rules of Doorlist: the recipient list, and the decision on each recipient.
//!
//! This crate is pure: no I/O, no clock, no environment, no randomness, no SQL, no SMTP reply digits, no sockets. Whatever
//! it needs of the world is a parameter, so that every rule can be tested with values.
//!
//! | module | what it is |
//! |---|---|
//! | [`address`] | local parts, domain names, addresses: one normalizer, equal addresses <=> equal keys |
//! | [`access`] | roles and permissions, and the position of an object among the tenants |
//! | [`domain`] | a protected domain: its mode, switches and domain aliases |
//! | [`learning`] | how a list grows from mail: evidence, candidates, additions, the trial |
//! | [`list`] | the list in memory: a snapshot of compact shards, and the look-up |
//! | [`policy`] | [`policy::decide`]: the decision on a recipient, with its reason |
//! | [`sender_rules`] | allowed and blocked senders: patterns, and how they match |
//! | [`mail_policy`] | mail settings of domains and accounts: sender rules, size limits, technical contacts |
//! | [`change`] | changes to the list, with actor and source |
//! | [`list_change`] | what a change does to the list: claims, vetoes, aliases, domains, plans, undo |
//! | [`completeness`] | the share of clean mail that goes to listed addresses |
//! | [`connection`] | connection settings of a directory: servers, trust, filter, attributes, patterns |
//! | [`fall_back`] | when a domain stops to enforce its list by itself |
//! | [`harvest`] | directory harvest defence: sources, networks, domains, good records, blocks |
//! | [`network`] | networks, and kinds of IP addresses |
//! | [`preview`] | who would be refused if a list were enforced, and what speaks for each |
//! | [`queue_id`] | the queue id of an accepted message |
//! | [`retry`] | the retry schedule of queued mail |
//! | [`file_list`] | files of any mail system: rows, problems, skipped values |
//! | [`list_text`] | a list as text, entry by entry: CSV, Postfix, LDIF |
//! | [`shrink_guard`] | limits at which a shrinking list needs approval |
//! | [`source_rows`] | the recipients that a file, a directory or a push lists for a domain |
//! | [`verification`] | what a domain's own server said about addresses: records, routes, limits of probes |
//! | [`time`] | the timestamp that every rule takes as a parameter |
//! | [`verdict`] | the verdict on a message's content, its sender's authentication, and who may get a bounce |
//! | [`visible`] | escapes for invisible characters in untrusted text |

pub mod access;
pub mod address;
pub mod change;
pub mod completeness;
pub mod connection;
pub mod counted;
pub mod domain;
pub mod fall_back;
pub mod file_list;
pub mod harvest;
pub mod learning;
pub mod list;
pub mod list_change;
pub mod list_text;
pub mod mail_policy;
pub mod mail_server_access;
pub mod network;
pub mod policy;
pub mod preview;
pub mod queue_id;
pub mod retry;
pub mod sender_rules;
mod serde_text;
pub mod shrink_guard;
pub mod source_rows;
pub mod time;
pub mod verdict;
pub mod verification;
pub mod visible;
