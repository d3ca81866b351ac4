//! What the operator has to know of a request that failed, on stderr. Tidy lets nobody else in this crate print.

use doorlist_core::visible::visible;
use std::io::{Write, stderr};

/// Tells it in one line.
pub(crate) fn report(text: &str) {
    let _ = writeln!(stderr(), "doorlist: {}", visible(text));
}
