//! The proving ground: real peers that tests talk to, started on loopback in folders of their own, ended by pid when
//! dropped. Only tests and the bench depend on it; it knows nothing of Doorlist's code.
//!
//! Everything here blocks. A peer is ready when its `start` returns; an asynchronous test calls it before its own
//! work begins. The programs come from Debian's packages, and `cargo xtask check` installs them: a missing one is an
//! error, never a skipped test.
//!
//! | module | what it gives |
//! |---|---|
//! | [`postgres`] | a PostgreSQL cluster with durable commits |
//! | [`postfix`], [`exim`] | real destinations, which keep every message in a [`maildir`] |
//! | [`openldap`] | a directory over LDAP, StartTLS and LDAPS, with limits, rights and as many people as wanted |
//! | [`samba_ad`] | an Active Directory with people of all kinds, on a domain controller of its own |
//! | [`python`] | smtplib to send, aiosmtpd to receive, scripts of a test's own |
//! | [`schemathesis`] | whether answers over HTTP are as an OpenAPI document says |
//! | [`haproxy`] | a load balancer that speaks the PROXY protocol |
//! | [`smtp_tools`] | smtp-source, smtp-sink, swaks |
//! | [`ldap_tools`] | ldapsearch, ldapmodify |
//! | [`certificates`] | an authority, and certificates that are good, expired or for another host |
//! | [`trace`] | did a message come out byte for byte? |
//! | [`packages`] | what `cargo xtask check` installs for all this, and the sample mail in it |
//! | [`ports`], [`folder`], [`process`], [`network`] | what the peers stand on |

pub mod certificates;
pub mod exim;
pub mod folder;
pub mod haproxy;
pub mod ldap_tools;
pub mod maildir;
pub mod network;
pub mod openldap;
pub mod packages;
pub mod ports;
pub mod postfix;
pub mod postgres;
pub mod process;
pub mod python;
pub mod samba_ad;
pub mod schemathesis;
pub mod smtp_tools;
pub mod trace;
