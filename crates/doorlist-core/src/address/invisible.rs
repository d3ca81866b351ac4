//! The invisible character for which an address is refused, by its name in Unicode, and the address without it.

use super::characters::is_invisible;
use std::fmt;

/// The first invisible character of a text that is no address because of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvisibleCharacter {
    /// The character as it stands there.
    pub character: char,
    /// The address without all such characters; `None`: what is left is no address either.
    pub without: Option<Box<str>>,
}

impl InvisibleCharacter {
    /// Looks for an invisible character in `text`; `parse` reads what is left without them.
    pub(super) fn find<T: ToString>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Self> {
        let character = text.chars().find(|c| is_invisible(*c))?;
        let rest: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        Some(Self { character, without: parse(&rest).map(|part| part.to_string().into()) })
    }
}

impl fmt::Display for InvisibleCharacter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X}", u32::from(self.character))?;
        match (name(self.character), tag(self.character), variation(self.character)) {
            (Some(name), ..) => write!(f, " {name}")?,
            (_, Some(tag), _) => write!(f, " TAG {tag:?}")?,
            (.., Some(number)) => write!(f, " VARIATION SELECTOR-{number}")?,
            _ if self.character.is_control() => f.write_str(" (a control character)")?,
            _ => f.write_str(" (a format character)")?,
        }
        match &self.without {
            Some(without) => write!(f, "; without it, the address is {without}"),
            None => Ok(()),
        }
    }
}

/// The ASCII character that a tag character repeats out of sight.
fn tag(c: char) -> Option<char> {
    u32::from(c).checked_sub(0xe_0000).and_then(char::from_u32).filter(|c| (' '..='~').contains(c))
}

fn variation(c: char) -> Option<u32> {
    match c {
        '\u{fe00}'..='\u{fe0f}' => Some(u32::from(c) - 0xfe00 + 1),
        '\u{e0100}'..='\u{e01ef}' => Some(u32::from(c) - 0xe_0100 + 17),
        _ => None,
    }
}

fn name(c: char) -> Option<&'static str> {
    NAMES.binary_search_by_key(&c, |(known, _)| *known).ok().map(|at| NAMES[at].1)
}

/// Names as UnicodeData.txt has them.
const NAMES: &[(char, &str)] = &[
    ('\u{a0}', "NO-BREAK SPACE"),
    ('\u{ad}', "SOFT HYPHEN"),
    ('\u{34f}', "COMBINING GRAPHEME JOINER"),
    ('\u{61c}', "ARABIC LETTER MARK"),
    ('\u{115f}', "HANGUL CHOSEONG FILLER"),
    ('\u{1160}', "HANGUL JUNGSEONG FILLER"),
    ('\u{1680}', "OGHAM SPACE MARK"),
    ('\u{17b4}', "KHMER VOWEL INHERENT AQ"),
    ('\u{17b5}', "KHMER VOWEL INHERENT AA"),
    ('\u{180b}', "MONGOLIAN FREE VARIATION SELECTOR ONE"),
    ('\u{180c}', "MONGOLIAN FREE VARIATION SELECTOR TWO"),
    ('\u{180d}', "MONGOLIAN FREE VARIATION SELECTOR THREE"),
    ('\u{180e}', "MONGOLIAN VOWEL SEPARATOR"),
    ('\u{180f}', "MONGOLIAN FREE VARIATION SELECTOR FOUR"),
    ('\u{2000}', "EN QUAD"),
    ('\u{2001}', "EM QUAD"),
    ('\u{2002}', "EN SPACE"),
    ('\u{2003}', "EM SPACE"),
    ('\u{2004}', "THREE-PER-EM SPACE"),
    ('\u{2005}', "FOUR-PER-EM SPACE"),
    ('\u{2006}', "SIX-PER-EM SPACE"),
    ('\u{2007}', "FIGURE SPACE"),
    ('\u{2008}', "PUNCTUATION SPACE"),
    ('\u{2009}', "THIN SPACE"),
    ('\u{200a}', "HAIR SPACE"),
    ('\u{200b}', "ZERO WIDTH SPACE"),
    ('\u{200c}', "ZERO WIDTH NON-JOINER"),
    ('\u{200d}', "ZERO WIDTH JOINER"),
    ('\u{200e}', "LEFT-TO-RIGHT MARK"),
    ('\u{200f}', "RIGHT-TO-LEFT MARK"),
    ('\u{2028}', "LINE SEPARATOR"),
    ('\u{2029}', "PARAGRAPH SEPARATOR"),
    ('\u{202a}', "LEFT-TO-RIGHT EMBEDDING"),
    ('\u{202b}', "RIGHT-TO-LEFT EMBEDDING"),
    ('\u{202c}', "POP DIRECTIONAL FORMATTING"),
    ('\u{202d}', "LEFT-TO-RIGHT OVERRIDE"),
    ('\u{202e}', "RIGHT-TO-LEFT OVERRIDE"),
    ('\u{202f}', "NARROW NO-BREAK SPACE"),
    ('\u{205f}', "MEDIUM MATHEMATICAL SPACE"),
    ('\u{2060}', "WORD JOINER"),
    ('\u{2061}', "FUNCTION APPLICATION"),
    ('\u{2062}', "INVISIBLE TIMES"),
    ('\u{2063}', "INVISIBLE SEPARATOR"),
    ('\u{2064}', "INVISIBLE PLUS"),
    ('\u{2066}', "LEFT-TO-RIGHT ISOLATE"),
    ('\u{2067}', "RIGHT-TO-LEFT ISOLATE"),
    ('\u{2068}', "FIRST STRONG ISOLATE"),
    ('\u{2069}', "POP DIRECTIONAL ISOLATE"),
    ('\u{206a}', "INHIBIT SYMMETRIC SWAPPING"),
    ('\u{206b}', "ACTIVATE SYMMETRIC SWAPPING"),
    ('\u{206c}', "INHIBIT ARABIC FORM SHAPING"),
    ('\u{206d}', "ACTIVATE ARABIC FORM SHAPING"),
    ('\u{206e}', "NATIONAL DIGIT SHAPES"),
    ('\u{206f}', "NOMINAL DIGIT SHAPES"),
    ('\u{2800}', "BRAILLE PATTERN BLANK"),
    ('\u{3000}', "IDEOGRAPHIC SPACE"),
    ('\u{3164}', "HANGUL FILLER"),
    ('\u{feff}', "ZERO WIDTH NO-BREAK SPACE"),
    ('\u{ffa0}', "HALFWIDTH HANGUL FILLER"),
    ('\u{fff9}', "INTERLINEAR ANNOTATION ANCHOR"),
    ('\u{fffa}', "INTERLINEAR ANNOTATION SEPARATOR"),
    ('\u{fffb}', "INTERLINEAR ANNOTATION TERMINATOR"),
    ('\u{1bca0}', "SHORTHAND FORMAT LETTER OVERLAP"),
    ('\u{1bca1}', "SHORTHAND FORMAT CONTINUING OVERLAP"),
    ('\u{1bca2}', "SHORTHAND FORMAT DOWN STEP"),
    ('\u{1bca3}', "SHORTHAND FORMAT UP STEP"),
    ('\u{1d173}', "MUSICAL SYMBOL BEGIN BEAM"),
    ('\u{1d174}', "MUSICAL SYMBOL END BEAM"),
    ('\u{1d175}', "MUSICAL SYMBOL BEGIN TIE"),
    ('\u{1d176}', "MUSICAL SYMBOL END TIE"),
    ('\u{1d177}', "MUSICAL SYMBOL BEGIN SLUR"),
    ('\u{1d178}', "MUSICAL SYMBOL END SLUR"),
    ('\u{1d179}', "MUSICAL SYMBOL BEGIN PHRASE"),
    ('\u{1d17a}', "MUSICAL SYMBOL END PHRASE"),
    ('\u{e0001}', "LANGUAGE TAG"),
    ('\u{e007f}', "CANCEL TAG"),
];
