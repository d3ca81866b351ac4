//! The mail doors: listeners, sessions, relay. The only crate that speaks SMTP over sockets.
