//! Invisible characters: a file without them, for whoever asks for that, and how many reading leaves out.

use super::encoding;
use super::findings::Findings;
use super::notes::FileNote;
use crate::address::is_cleaned;
use std::borrow::Cow;

/// The file without characters that [`is_cleaned`] names, as UTF-8, and how many they were. A file that has none stays as
/// it is.
pub fn cleaned(bytes: &[u8]) -> (Cow<'_, [u8]>, u64) {
    let (_, text) = encoding::decode(bytes);
    match text.chars().filter(|c| is_cleaned(*c)).count() {
        0 => (Cow::Borrowed(bytes), 0),
        count => {
            let rest: String = text.chars().filter(|c| !is_cleaned(*c)).collect();
            (Cow::Owned(rest.into_bytes()), count as u64)
        }
    }
}

/// Tells how many such characters stand at the edges of values, where reading leaves them out.
pub(super) fn tell_edges(text: &str, found: &mut Findings<'_>) {
    let count = if text.is_ascii() { 0 } else { at_edges(text) };
    if count > 0 {
        found.note(FileNote::Invisible(count));
    }
}

/// Characters of runs that begin or end where a value may.
fn at_edges(text: &str) -> u64 {
    let is_edge = |c: char| c.is_whitespace() || ",;|<>\"'(){}[]:".contains(c);
    let (mut count, mut run, mut after_edge) = (0, 0, true);
    for c in text.chars() {
        if is_cleaned(c) {
            run += 1;
            continue;
        }
        if run > 0 && (after_edge || is_edge(c)) {
            count += run;
        }
        (run, after_edge) = (0, is_edge(c));
    }
    count + run
}
