//! Single characters: those that no address has, and those that ask for another host. Knows nothing of quotes.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization;

/// The one character that shows nothing and has no property that says so.
const BRAILLE_BLANK: char = '\u{2800}';

/// Whether nobody sees this character: controls, blanks but the plain space, marks of direction and format, and whatever
/// Unicode lets a renderer leave out (`Default_Ignorable_Code_Point`). Two addresses that look alike are one.
pub fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(
        category,
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::SpaceSeparator
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    ) || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || c == BRAILLE_BLANK
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
