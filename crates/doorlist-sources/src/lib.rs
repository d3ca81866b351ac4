//! Reads the recipients of a domain from a directory (LDAP, Active Directory), which may be slow, wrong or hostile. A read
//! returns everything or an error, so that a partial answer never looks complete.
//!
//! The few LDAP operations that this needs are written here, over bytes that are checked first; there is no general
//! client below. This crate must not depend on the list, the store, schedules or commands.
//!
//! | module | what it is |
//! |---|---|
//! | `read`, `trial` | [`read()`] for a sync, [`test()`] for a person who configures a connection |
//! | `dial`, `trust`, `session` | name, address check, TCP, certificate, requests and answers, each with a deadline |
//! | `sweep`, `ranges`, `position` | pages, values in ranges, changes since the last read |
//! | `mapping` | pure: attributes of an entry to rows |
//! | `ber_guard`, `ber`, `protocol` | pure: checked byte stream, elements, messages |
//! | `terms`, `secret`, `error` | the operator's limits, the password, errors |

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
pub use error::{CertificateFault, LdapRefusal, ReadError, ReadFault, Stage};
pub use mapping::SkipReason;
pub use read::{DirectoryRead, ReadMode, ReadScope, read};
pub use secret::{SECRET_BYTES_MAX, Secret};
pub use terms::{Addresses, NameResolver, ReadTerms, ReadTimeouts, Sizes, SystemNames};
pub use trial::{ConnectionTest, ConnectionTestStep, MappedEntry, ShownCertificate, test};
pub use trust::check_ca;
