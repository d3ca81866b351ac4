//! A file without invisible characters, for whoever asks for that.

use super::encoding;
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
