//! Characters that an address must not contain, and those that route mail to another host.

use crate::visible::is_hidden;
use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use unicode_normalization::UnicodeNormalization;

/// Whether nobody sees this character, as [`is_hidden`] says, or it is a blank other than the plain space. Two addresses
/// that look alike are one.
pub fn is_invisible(c: char) -> bool {
    is_hidden(c)
        || (!c.is_ascii() && CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::SpaceSeparator)
}

/// Whether this is no ASCII character, but Unicode's normal form makes it one: U+212A is a K, U+037E a semicolon. Such a
/// character would be listed by a name that nobody listed.
pub(super) fn becomes_ascii(c: char) -> bool {
    !c.is_ascii() && std::iter::once(c).nfc().all(|c| c.is_ascii())
}

/// Whether this character is `%`, `!` or `@`, or may be one to a server that folds compatible forms (NFKC) before it
/// reads an address: full width, small, doubled.
pub(super) fn asks_for_relay(c: char) -> bool {
    let is_routing = |c| matches!(c, '%' | '!' | '@');
    if c.is_ascii() { is_routing(c) } else { std::iter::once(c).nfkd().any(is_routing) }
}
