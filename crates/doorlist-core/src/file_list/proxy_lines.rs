//! `DN;proxyAddress`, one value per line, as short scripts print it from Active Directory. Lines with one DN are one
//! account.

use super::NotAList;
use super::account::{Account, AccountContext, BareWord};
use super::findings::Findings;
use super::lines::Lines;
use super::values;

/// Reads every line behind the head line.
pub(super) fn read(text: &str, found: &mut Findings<'_>) -> Result<(), NotAList> {
    let mut account = Account::default();
    let (mut of, mut since) = ("", 0);
    for (line, content) in Lines::new(text) {
        let Some((name, value)) = name_and_value(content) else { continue };
        if is_head(content) {
            continue;
        }
        found.begin_row()?;
        if since > 0 && name != of {
            account.finish(found, reading(since), false, false);
            account.clear();
            since = 0;
        }
        if since == 0 {
            (of, since) = (name, line);
        }
        account.proxies(found, reading(line), value);
    }
    if since > 0 {
        account.finish(found, reading(since), false, false);
    }
    Ok(())
}

fn reading(line: u32) -> AccountContext<'static> {
    AccountContext { line, column: Some("proxyAddress"), bare: BareWord::Wrong }
}

/// `DN;proxyAddress`, perhaps in quotes.
pub(super) fn is_head(line: &str) -> bool {
    let normal: String =
        line.chars().filter(|c| c.is_alphanumeric() || *c == ';').flat_map(char::to_lowercase).collect();
    matches!(normal.as_str(), "dn;proxyaddress" | "dn;proxyaddresses" | "distinguishedname;proxyaddresses")
}

/// The value stands behind the last `;` whose word before `:` or whose text says that it is one.
fn name_and_value(line: &str) -> Option<(&str, &str)> {
    let line = values::trimmed(line).trim_matches('"');
    // An X.400 value has semicolons of its own: the name ends where a proxy word follows.
    let ends_name = |at: &usize| {
        let rest = line[*at + 1..].trim_start_matches('"');
        let word = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        word > 0 && rest.as_bytes().get(word) == Some(&b':')
    };
    let at = line.match_indices(';').map(|(at, _)| at).find(ends_name).or_else(|| line.find(';'))?;
    Some((line[..at].trim_matches('"'), line[at + 1..].trim_matches('"')))
}
