//! Real peers for tests: started on loopback in their own folders, and ended by pid on drop. Only tests and the bench
//! depend on this crate; it must not depend on Doorlist's code.
//!
//! Everything here blocks. A peer is ready when its `start` returns; an asynchronous test calls it before its own
//! work begins. The programs come from Debian's packages, and `cargo xtask check` installs them: a missing one is an
//! error, never a skipped test.
//!
//! | module | what it gives |
//! |---|---|
//! | [`postgres`] | a PostgreSQL cluster with durable commits |
//! | [`postfix`], [`exim`], [`opensmtpd`], [`sendmail`], [`chasquid`] | real destinations, which keep every message in a [`maildir`] |
//! | [`mail_server`] | what tests ask of each of these: to defer a recipient, to try its queue again |
//! | [`nullmailer`], [`dma`] | mail programs of machines that only send |
//! | [`openldap`] | a directory over LDAP, StartTLS and LDAPS, with limits, access rules and any number of people |
//! | [`samba_ad`] | an Active Directory with people of all kinds, on its own domain controller |
//! | [`python`] | smtplib to send, aiosmtpd to receive, scripts of a test |
//! | [`schemathesis`] | checks HTTP answers against an OpenAPI document |
//! | [`rspamd`] | a scanner with rules of the tests' own, and ClamAV behind it |
//! | [`haproxy`] | a load balancer that speaks the PROXY protocol |
//! | [`name_server`] | a name server with a few records |
//! | [`smtp_tools`] | smtp-source, smtp-sink, swaks, msmtp |
//! | [`smtp_user_enum`] | an attacker who asks a server which names exist |
//! | [`ldap_tools`] | ldapsearch, ldapmodify |
//! | [`certificates`] | a CA, and certificates that are valid, expired or for another host |
//! | [`trace`] | checks that a message was relayed byte for byte |
//! | [`packages`] | the packages that `cargo xtask check` installs, and sample mail |
//! | [`ports`], [`folder`], [`process`], [`network`], [`mounts`] | what the peers run on |

pub mod certificates;
pub mod chasquid;
pub mod dma;
pub mod exim;
pub mod folder;
pub mod haproxy;
pub mod ldap_tools;
pub mod mail_server;
pub mod maildir;
pub mod mounts;
pub mod name_server;
pub mod network;
pub mod nullmailer;
pub mod openldap;
pub mod opensmtpd;
pub mod packages;
pub mod ports;
pub mod postfix;
pub mod postgres;
pub mod process;
pub mod python;
pub mod rspamd;
pub mod samba_ad;
pub mod schemathesis;
pub mod sendmail;
pub mod smtp_tools;
pub mod smtp_user_enum;
pub mod trace;
