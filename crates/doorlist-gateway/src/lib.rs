//! The mail doors of Doorlist: listeners and sessions in, relay to the domains' own servers out.
//!
//! The only crate that speaks SMTP over sockets. It judges recipients by `doorlist_core::policy::decide`, keeps mail by
//! `doorlist_store::Spool`, and knows neither SQL nor commands nor pages.
//!
//! | module | what it is |
//! |---|---|
//! | [`config`] | what the doors can be told |
//! | [`gateway`] | starts and stops the doors |
//! | `inbound` | sessions that come in |
//! | [`journal`] | the log, one line an event |
//! | [`relay`] | the way out |

mod clock;
pub mod config;
pub mod gateway;
mod inbound;
pub mod journal;
pub mod relay;
