//! Escapes characters of untrusted text that are invisible or change how their neighbours are read. All text output
//! goes through here; `doorlist_store::json` does the same for JSON.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use std::borrow::Cow;
use std::fmt::Write;

/// A blank character without a Unicode property that says so.
const BRAILLE_BLANK: char = '\u{2800}';

/// Whether the character is invisible or changes how its neighbours are read: controls (C0, DEL, C1), direction and
/// format characters, line separators, and `Default_Ignorable_Code_Point`.
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(
        category,
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    ) || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || c == BRAILLE_BLANK
}

/// The text in one line, with hidden characters as `\n`, `\r`, `\t` or `\u{..}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            let _ = match c {
                '\n' | '\r' | '\t' => write!(out, "{}", c.escape_default()),
                _ => write!(out, "{}", c.escape_unicode()),
            };
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// The text with its line breaks, each line escaped by [`visible`]. All lines but the first are indented, so that none
/// can look like a log line.
pub fn visible_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
            if !line.is_empty() && !line.starts_with(' ') {
                out.push_str("  ");
            }
        }
        out.push_str(&visible(line));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The characters that the rule names.
    const NAMED: &[char] = &[
        '\0',
        '\u{7}',
        '\n',
        '\r',
        '\t',
        '\u{1b}',
        '\u{7f}',
        '\u{80}',
        '\u{85}',
        '\u{9b}',
        '\u{9f}',
        '\u{ad}',
        '\u{61c}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{2029}',
        '\u{202a}',
        '\u{202e}',
        '\u{2060}',
        '\u{2066}',
        '\u{2069}',
        '\u{180e}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{fffb}',
        '\u{e0041}',
        '\u{e01ef}',
    ];

    fn text() -> impl Strategy<Value = String> {
        let character = prop_oneof![any::<char>(), proptest::sample::select(NAMED)];
        proptest::collection::vec(character, 0..40).prop_map(|chars| chars.into_iter().collect())
    }

    #[test]
    fn every_named_character_is_hidden_and_what_is_seen_is_not() {
        for c in NAMED {
            assert!(is_hidden(*c), "{}", c.escape_unicode());
        }
        for c in " ~aé\u{a0}ßж中\u{2011}\u{1f4ec}".chars() {
            assert!(!is_hidden(c), "{}", c.escape_unicode());
        }
    }

    #[test]
    fn a_terminal_and_the_order_of_words_stay_as_they_are() {
        assert_eq!(visible("a\x1b[31mb\r\n\u{9b}é"), "a\\u{1b}[31mb\\r\\n\\u{9b}é");
        assert_eq!(visible("ann\u{202e}tset.elpmaxe@"), "ann\\u{202e}tset.elpmaxe@");
        assert_eq!(visible_lines("one\nroot: done\n  two\u{200b}\n"), "one\n  root: done\n  two\\u{200b}\n");
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in text()) {
            prop_assert!(!visible(&text).contains(is_hidden));
            prop_assert!(!visible_lines(&text).contains(|c| c != '\n' && is_hidden(c)));
        }

        #[test]
        fn what_can_be_seen_stays(text in "[ -~éж中]{0,40}") {
            prop_assert!(matches!(visible(&text), Cow::Borrowed(same) if same == text));
        }
    }
}
