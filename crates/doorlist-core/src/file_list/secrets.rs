//! What looks like a secret: it is never listed, shown, kept, or written back among the rejected rows.

use super::heads::normal;

/// Parts of the names of fields that hold a secret, as [`normal`] gives them.
const NAME_PARTS: [&str; 30] = [
    "password",
    "passwd",
    "passwort",
    "kennwort",
    "passphrase",
    "pwd",
    "motdepasse",
    "contraseña",
    "contrasena",
    "senha",
    "wachtwoord",
    "lösenord",
    "passord",
    "adgangskode",
    "salasana",
    "hasło",
    "heslo",
    "jelszó",
    "пароль",
    "secret",
    "geheim",
    "token",
    "apikey",
    "privatekey",
    "logincode",
    "loginkey",
    "zugangsdaten",
    "pwhash",
    "パスワード",
    "密码",
];
/// Whole names of such fields.
const NAMES: [&str; 8] = ["pass", "pw", "mdp", "clave", "hash", "crypt", "pin", "parola"];
/// Characters between the braces or dollar signs that name a scheme.
const SCHEME_MAX: usize = 30;
/// Hexadecimal digits of MD5, SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512.
const DIGEST_DIGITS: [usize; 6] = [32, 40, 56, 64, 96, 128];
/// A word of letters and digits that is this long may be a password.
const WORD_MIN: usize = 6;

/// A field of this name (as [`normal`] gives it) holds a secret.
pub(super) fn is_name(normal: &str) -> bool {
    let is_part = |part: &&str| normal.contains(*part);
    // A secretary's address is none.
    NAMES.contains(&normal) || (NAME_PARTS.iter().any(is_part) && !normal.contains("secretar"))
}

/// A hash or password behind its scheme: `{SSHA}...` (RFC 2307 5.3), `$6$...` (crypt(5)); or a bare hash.
pub(super) fn is_value(value: &str) -> bool {
    let value = value.trim_start_matches(['"', '\'', ' ']);
    let of_scheme = |open: char, close: char| {
        let (scheme, rest) = value.strip_prefix(open)?.split_once(close)?;
        let is_scheme = scheme.len() <= SCHEME_MAX
            && scheme.starts_with(|c: char| c.is_ascii_alphanumeric())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
        Some(is_scheme && !rest.is_empty() && !rest.starts_with('@'))
    };
    of_scheme('{', '}').or_else(|| of_scheme('$', '$')).unwrap_or_else(|| is_digest(value))
}

/// MD5, SHA-1 and SHA-2 in hexadecimal digits, and the hash that MySQL keeps: `*` and a SHA-1.
fn is_digest(value: &str) -> bool {
    let digits = value.strip_prefix('*').filter(|digits| digits.len() == 40).unwrap_or(value);
    DIGEST_DIGITS.contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && digits.contains(|c: char| c.is_ascii_digit())
        && digits.contains(|c: char| c.is_ascii_alphabetic())
}

/// A line, cell or value with a secret somewhere in it.
pub(super) fn has_value(text: &str) -> bool {
    (text.contains(['{', '$']) || text.len() >= DIGEST_DIGITS[0])
        && text.split([' ', '\t', ':', ',', ';', '|', '=']).any(is_value)
}

/// A line whose key names a secret: `Passwort: ...`, `secret = ...`.
pub(super) fn is_field(line: &str) -> bool {
    let key = line.find([':', '=']).and_then(|at| line.get(..at));
    key.is_some_and(|key| is_name(&normal(key)))
}

/// A first row that is no head: it has a word that reads like a password.
pub(super) fn may_be_password(cell: &str) -> bool {
    let is_mixed = |word: &str| {
        word.len() >= WORD_MIN
            && word.contains(|c: char| c.is_ascii_digit())
            && word.contains(|c: char| c.is_alphabetic())
    };
    is_value(cell) || cell.split(char::is_whitespace).any(is_mixed)
}
