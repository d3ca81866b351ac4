//! Values of a cell, a line or an attribute: `Name <address>`, `mailto:`, `smtp:`, several in one cell.

use crate::address::is_invisible;

/// What the word before a colon says of an address (`SMTP:alice@example.test`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    None,
    /// `SMTP:`, the address that the account writes from.
    Primary,
    /// A further address: the prefix `smtp:` in lower case.
    Further,
    /// `SIP:`, `X500:`, `EUM:` and all others.
    NotSmtp,
}

/// Characters that people cannot see around an address: copied from a mail program, or blanks of other widths.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || (is_invisible(c) && !c.is_control()))
}

/// The word before the colon, and what is behind it.
pub(super) fn proxy(value: &str) -> (Proxy, &str) {
    let word = value.bytes().take_while(u8::is_ascii_alphanumeric).count();
    if word == 0 || value.as_bytes().get(word) != Some(&b':') {
        return (Proxy::None, value);
    }
    let (word, rest) = (&value[..word], trimmed(&value[word + 1..]));
    match word {
        "SMTP" => (Proxy::Primary, rest),
        _ if word.eq_ignore_ascii_case("smtp") => (Proxy::Further, rest),
        _ if word.eq_ignore_ascii_case("mailto") => (Proxy::None, rest.split('?').next().unwrap_or(rest)),
        _ => (Proxy::NotSmtp, rest),
    }
}

/// The address in `Name <address>`, `<address>`, `"address"`, `'address'`, `address;`.
pub(super) fn bare(value: &str) -> &str {
    let value = trimmed(value).trim_end_matches([';', ',']);
    let value = match (value.rfind('<'), value.strip_suffix('>')) {
        (Some(open), Some(rest)) if !within_quotes(value, open) => &rest[open + 1..],
        _ => value,
    };
    let value = trimmed(value);
    for quote in ['"', '\''] {
        let inner = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        // A quoted local part alone keeps its quotes.
        if let Some(inner) = inner.filter(|inner| inner.contains('@') && !inner.contains(quote)) {
            return trimmed(inner);
        }
    }
    value
}

/// Whether the byte at `at` stands in the quoted string with which the value begins or that opens before it.
fn within_quotes(value: &str, at: usize) -> bool {
    let mut open = false;
    let mut escaped = false;
    for byte in value.as_bytes()[..at].iter() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if open => escaped = true,
            b'"' => open = !open,
            _ => {}
        }
    }
    open
}

/// Whether a formula's first character stands behind apostrophes: then one of them is a guard for spreadsheets.
pub(crate) fn is_guarded(cell: &str) -> bool {
    cell.starts_with('\'') && is_formula(cell)
}

/// A spreadsheet would take the cell as a formula, or would once its guard is off.
pub(crate) fn is_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r', '|', '＝', '＋', '－', '＠'])
}

/// The cell without its guard.
pub(super) fn unguarded(cell: &str) -> &str {
    if is_guarded(cell) { &cell[1..] } else { cell }
}

/// A cell that holds what PowerShell calls the type of its values.
pub(super) fn is_type_name(cell: &str) -> bool {
    (cell.starts_with("System.") || cell.starts_with("Microsoft.")) && !cell.contains('@') && !cell.contains(';')
}

/// A cell that was cut when it was printed.
pub(super) fn is_cut_off(cell: &str) -> bool {
    let cell = cell.trim_end_matches(['}', ')', ']', ' ']);
    cell.len() > 4 && (cell.ends_with("...") || cell.ends_with('…'))
}

/// The values of a cell, joined by `;`, `,`, `|`, `+`, `%`, or line breaks, perhaps in braces.
pub(super) struct CellValues<'t> {
    rest: &'t str,
    /// In braces a value may be `name=value`.
    in_braces: bool,
    /// Behind `X400:` and the like the pieces without `@` belong to it.
    in_other: bool,
}

impl<'t> CellValues<'t> {
    pub(super) fn new(cell: &'t str) -> Self {
        let cell = trimmed(cell);
        let in_braces = cell.starts_with(['{', '[', '(']) && cell.ends_with(['}', ']', ')']);
        Self { rest: cell, in_braces, in_other: false }
    }

    /// One piece: up to a separator that does not stand in quotes.
    fn piece(&mut self) -> &'t str {
        let bytes = self.rest.as_bytes();
        let (mut quoted, mut is_address) = (false, false);
        let mut end = bytes.len();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                b';' | b',' | b'|' | b'\n' | b'\r' if !quoted => {
                    end = at;
                    break;
                }
                // `Ann <ann@example.test>` goes on.
                b'<' => is_address = false,
                b'@' => is_address = true,
                b' ' | b'\t' if !quoted => {
                    let text = &self.rest[at..];
                    if begins_smtp(&text[1..]) || (is_address && begins_address(text)) {
                        end = at;
                        break;
                    }
                    is_address = false;
                }
                b'+' | b'%' if !quoted && begins_proxy(&self.rest[at + 1..]) => {
                    end = at;
                    break;
                }
                _ => {}
            }
            at += 1;
        }
        let piece = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        piece
    }
}

/// `smtp:`, in any case.
fn begins_smtp(text: &str) -> bool {
    text.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("smtp:"))
}

/// An address behind the blanks: `smtp:a@example.test`, `b@example.test`.
fn begins_address(text: &str) -> bool {
    let text = text.trim_start();
    let next = text.split(char::is_whitespace).next().unwrap_or_default();
    !next.starts_with('<') && (next.contains('@') || begins_proxy(text))
}

/// `smtp:`, `X500:` ... as the next of values that are joined by `+` or `%`.
fn begins_proxy(text: &str) -> bool {
    let word = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    (2..=16).contains(&word) && text.as_bytes().get(word) == Some(&b':')
}

impl<'t> Iterator for CellValues<'t> {
    type Item = (Proxy, &'t str);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let mut piece = trimmed(self.piece());
            if self.in_braces {
                piece = trimmed(piece.trim_start_matches(['{', '[', '(']).trim_end_matches(['}', ']', ')']));
                match piece.split_once('=') {
                    Some(("email" | "address" | "value", value)) => piece = value,
                    Some(("primary" | "type" | "customType" | "default" | "verified", _)) => continue,
                    _ => {}
                }
            }
            if piece.is_empty() {
                continue;
            }
            let (word, value) = proxy(piece);
            let belongs_to_other = self.in_other && word == Proxy::None && !piece.contains('@');
            self.in_other = word == Proxy::NotSmtp || belongs_to_other;
            if !belongs_to_other {
                return Some((word, bare(value)));
            }
        }
        None
    }
}

/// Two names that differ by one character: another, one more, one less, or two that changed places.
pub(super) fn one_typo_apart(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    let same_start = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let rest = |skip_short: usize, skip_long: usize| {
        short.get(same_start + skip_short..).unwrap_or_default()
            == long.get(same_start + skip_long..).unwrap_or_default()
    };
    match long.len() - short.len() {
        0 if same_start == short.len() => false,
        0 => {
            let swapped = same_start + 1 < short.len()
                && short[same_start] == long[same_start + 1]
                && short[same_start + 1] == long[same_start];
            rest(1, 1) || (swapped && rest(2, 2))
        }
        1 => rest(0, 1),
        _ => false,
    }
}
