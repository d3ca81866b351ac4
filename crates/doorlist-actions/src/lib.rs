//! The office: one function per action of a person or a script, on the store and the rules.
//!
//! The command line and the control socket call these, later the API and the page too; nothing of an action is written
//! twice. A [`Request`] goes in, a [`Response`] comes out, both plain data that travel over a socket unchanged. What
//! the office needs of a running gateway it declares as a trait ([`QueueControl`]). It must not know SQL, sockets, SMTP,
//! or how an answer is printed.

mod accounts;
mod change_log;
mod check;
mod domains;
mod error;
mod export;
mod import;
mod office;
mod queue;
mod request;
mod response;
mod server_setup;
mod spool_queue;

pub use accounts::ADDRESSES_MAX;
pub use error::{ActionError, ErrorKind};
pub use office::{Clock, Office};
pub use queue::{
    QueueAnswer, QueueControl, QueueEntry, QueueFilter, QueueOrder, QueueRecipient, QueueSelection, QueueState,
};
pub use request::{ExportFormat, FileBytes, ModeWish, Request};
pub use response::{CheckReport, DomainAdded, ExportPage, ImportReport, Response};
pub use server_setup::{ServerSetup, SetupStep};
pub use spool_queue::SpoolQueue;
