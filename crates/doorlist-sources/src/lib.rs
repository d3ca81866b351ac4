//! The fetchers: read a domain's addresses out of a directory (LDAP, Active Directory), which may be slow, wrong or
//! hostile. Nothing that is read partly ever looks complete: a read gives everything, or an error.
//!
//! The few LDAP operations that this needs are written here, over bytes that are checked first; there is no general
//! client below. This crate must not know the list, the store, schedules or commands.
//!
//! | module | what it is |
//! |---|---|
//! | `read`, `trial` | [`read()`] for a sync, [`test()`] for a person who sets a connection up |
//! | `dial`, `trust`, `session` | name, address check, TCP, certificate, requests and answers with an end to each wait |
//! | `sweep`, `ranges`, `position` | pages, values in pieces, what has changed since |
//! | `mapping` | pure: an entry's attributes to rows |
//! | `ber_guard`, `ber`, `protocol` | pure: the byte stream cut and checked, elements, messages |
//! | `terms`, `secret`, `error` | what the operator allows, a password, what went wrong |

mod ber;
mod ber_guard;
mod dial;
mod error;
mod mapping;
mod position;
mod protocol;
mod ranges;
mod read;
mod secret;
mod session;
mod sweep;
mod terms;
mod trial;
mod trust;

pub use ber::BerFault;
pub use error::{CertificateFault, Fault, ReadError, Refusal, Stage};
pub use mapping::Skipped;
pub use read::{DirectoryRead, ReadMode, ReadScope, read};
pub use secret::{SECRET_BYTES_MAX, Secret};
pub use terms::{Addresses, Names, Sizes, SystemNames, Terms, Times};
pub use trial::{MappedEntry, ShownCertificate, Step, TestReport, test};
