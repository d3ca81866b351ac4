//! Characters that an address must not contain, and those that route mail to another host.

use crate::visible::is_hidden;
use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use unicode_normalization::UnicodeNormalization;

/// Whether the character is invisible ([`is_hidden`]) or a blank other than the plain space. Addresses that look the
/// same must be the same.
pub fn is_invisible(c: char) -> bool {
    is_hidden(c)
        || (!c.is_ascii() && CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::SpaceSeparator)
}

/// Whether the character shows nothing at all and parts no words: a text of a list means the same without it.
pub fn is_cleaned(c: char) -> bool {
    is_hidden(c) && !c.is_control() && !c.is_whitespace()
}

/// Whether a non-ASCII character becomes ASCII in Unicode's normal form: U+212A becomes a K, U+037E a semicolon. Such
/// a character would match an entry that nobody listed.
pub(super) fn becomes_ascii(c: char) -> bool {
    !c.is_ascii() && std::iter::once(c).nfc().all(|c| c.is_ascii())
}

/// Whether the character is `%`, `!` or `@`, or becomes one on a server that applies NFKC to addresses: full width,
/// small or doubled forms.
pub(super) fn asks_for_relay(c: char) -> bool {
    let is_routing = |c| matches!(c, '%' | '!' | '@');
    if c.is_ascii() { is_routing(c) } else { std::iter::once(c).nfkd().any(is_routing) }
}
