//! The memory of Doorlist: tenants, domains, the list with its change log, the spool of accepted mail, the mail log.
//!
//! The only crate that knows SQL. One set of statements serves SQLite (embedded, three files: directory, spool, mail
//! log) and PostgreSQL (several nodes on one database). It must not know sockets, SMTP, commands or pages.

pub mod audit;
pub mod contact_book;
mod db;
mod error;
pub mod harvest;
pub mod json;
mod json_rows;
pub mod last_mail;
pub mod learning;
pub mod limits;
pub mod logins;
pub mod mail_log;
pub mod mail_policy;
mod migrate;
mod numbers;
pub mod recent_messages;
pub mod recipients;
pub mod retention;
pub mod source_book;
pub mod spool;
pub mod tenants;
mod url;
pub mod verification;
mod work_progress;
mod write_check;

pub use audit::Audit;
pub use contact_book::ContactBook;
pub use error::StoreError;
pub use harvest::HarvestBook;
pub use learning::LearningBook;
pub use logins::Logins;
pub use mail_log::MailLog;
pub use recipients::RecipientStore;
pub use retention::Retention;
pub use source_book::SourceBook;
pub use spool::Spool;
pub use tenants::Tenants;
pub use url::{StoreUrl, UrlError};
pub use verification::VerificationBook;
pub use work_progress::WorkProgress;
pub use write_check::WriteCheck;
