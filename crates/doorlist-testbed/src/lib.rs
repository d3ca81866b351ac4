//! The proving ground: real peers that tests talk to, started on loopback in folders of their own, ended by pid when
//! dropped. Only tests depend on it; it knows nothing of Doorlist's code.
//!
//! Everything here blocks. A peer is ready when its `start` returns; an asynchronous test calls it before its own
//! work begins. The programs come from Debian's packages, and `cargo xtask check` installs them: a missing one is an
//! error, never a skipped test.
//!
//! | module | what it gives |
//! |---|---|
//! | [`postgres`] | a PostgreSQL cluster with durable commits |
//! | [`ports`] | ports that no other test takes |
//! | [`process`] | a running program that ends with the test, come what may |
//! | [`folder`] | a temporary folder in which other accounts may own parts |

pub mod folder;
pub mod ports;
pub mod postgres;
pub mod process;
