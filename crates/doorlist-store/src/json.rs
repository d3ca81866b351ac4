//! JSON that leaves the house: values stay what they are, and hidden characters in them (`doorlist_core::visible`) are
//! written as `\uXXXX`, which every reader takes for the same text.

use doorlist_core::visible::is_hidden;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{Result, Write};

/// Compact JSON without hidden characters.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hidden) {
            let (before, found) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut chars = found.chars();
            let mut units = [0; 2];
            for unit in chars.next().unwrap_or_default().encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Writes a value on one line.
///
/// # Errors
/// When it cannot be written, or is not JSON (a map whose keys are no texts).
pub fn to_writer(writer: impl Write, value: &(impl Serialize + ?Sized)) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(writer, Visible))
}

/// The value as a text of one line.
///
/// # Errors
/// When it is not JSON (a map whose keys are no texts).
pub fn to_string(value: &(impl Serialize + ?Sized)) -> serde_json::Result<String> {
    let mut out = Vec::with_capacity(128);
    to_writer(&mut out, value)?;
    String::from_utf8(out).map_err(serde::ser::Error::custom)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn text() -> impl Strategy<Value = String> {
        let hidden = any::<char>().prop_filter("hidden", |c| is_hidden(*c));
        let named =
            proptest::sample::select(vec!['\u{7f}', '\u{9b}', '\u{202e}', '\u{200b}', '\u{feff}', '\u{e0041}', '"']);
        proptest::collection::vec(prop_oneof![any::<char>(), named, hidden], 0..30)
            .prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_written_and_the_value_is_the_same(texts in proptest::collection::vec(text(), 0..4), key in text()) {
            let mut value = json!({ "list": texts, "number": 7, "nothing": null });
            value[key.as_str()] = json!(true);
            let written = to_string(&value).unwrap();
            prop_assert!(!written.contains(is_hidden), "{}", written.escape_unicode());
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }

    #[test]
    fn hidden_characters_are_escapes_in_utf_16() {
        assert_eq!(to_string("a\u{202e}\u{7f}\u{e0041}\n\"é").unwrap(), r#""a\u202e\u007f\udb40\udc41\n\"é""#);
    }
}
