//! Prints messages about failed requests for the operator on stderr: the only module of this crate that may print.

use doorlist_core::visible::visible;
use std::io::{Write, stderr};

/// Prints a message in one line.
pub(crate) fn report(text: &str) {
    let _ = writeln!(stderr(), "doorlist: {}", visible(text));
}
