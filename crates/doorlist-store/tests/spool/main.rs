#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! The spool and the mail log through their public functions, on both engines, under crashes and on failing disks.

mod asked;
mod crash;
mod disk;
mod fixture;
mod lanes;
mod lost;
mod mail_log;
mod outcomes;
mod start;
mod story;
