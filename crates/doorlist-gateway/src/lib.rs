//! SMTP over sockets: sessions in, relay to the domains' own servers out.
//!
//! The only crate that speaks SMTP over sockets. It decides on recipients with `doorlist_core::policy::decide`, stores mail
//! in `doorlist_store::Spool`, and must not contain SQL, commands or pages.
//!
//! | module | what it is |
//! |---|---|
//! | [`config`] | the settings |
//! | [`gateway`] | starts and stops listeners and relay |
//! | `inbound` | incoming sessions |
//! | `callout` | asks domains' own servers for recipients that are on no list |
//! | `fall_back` | takes a domain back to mode monitor when senders with a good record are refused |
//! | `people` | the people of a domain whom the gateway tells |
//! | `harvest` | the harvest defence of all sessions: sources, networks, domains |
//! | `asked` | what is noted of each recipient, for previews and completeness |
//! | [`journal`] | the log, one line per event |
//! | [`relay`] | outgoing mail |
//! | [`verdict`] | scanners: what is known of a message before its 250 |

mod asked;
mod callout;
mod clock;
pub mod config;
mod fall_back;
pub mod gateway;
mod harvest;
mod inbound;
pub mod journal;
mod people;
pub mod relay;
pub mod verdict;
