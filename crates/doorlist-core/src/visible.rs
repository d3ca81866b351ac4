//! Text of strangers for people's eyes: characters that are not seen, or that change how their neighbours are read, are
//! written as escapes. What prints text goes through here; the JSON form stands in `doorlist_store::json`.

use std::borrow::Cow;
use std::fmt::Write;

/// Code points that leave no mark of their own, or reorder others, beside the control characters: line and paragraph
/// separators, Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties.txt), the annotation characters and the
/// format controls of Egyptian hieroglyphs. In ascending order.
const HIDDEN: &[(char, char)] = &[
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether the character is a control character (C0, DEL, C1), a bidirectional control, or invisible.
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || HIDDEN
            .binary_search_by(|(first, last)| {
                if c < *first {
                    std::cmp::Ordering::Greater
                } else if c > *last {
                    std::cmp::Ordering::Less
                } else {
                    std::cmp::Ordering::Equal
                }
            })
            .is_ok()
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

/// The text with its line breaks; each line as [`visible`] has it, all but the first begin with a blank, so that none can
/// be taken for a line of ours.
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
    fn the_table_is_in_order_and_has_every_named_character() {
        assert!(HIDDEN.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(HIDDEN.iter().all(|(first, last)| first <= last));
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
