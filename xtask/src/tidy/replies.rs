//! Checks that reply digits are only in the reply table, each with its RFC section.

use super::Fault;
use super::tree::Tree;

/// The table, and the folder of its parts.
const TABLE: &str = "crates/doorlist-smtp/src/reply.rs";
const PARTS: &str = "crates/doorlist-smtp/src/reply/";
/// Where a text like "404 Not found" is another protocol's.
const OTHER_PROTOCOLS: &[&str] = &["doorlist-web", "doorlist-testbed"];

/// No text outside the table begins like an SMTP reply.
pub(super) fn rule(tree: &Tree) -> Vec<Fault> {
    let is_table = |path: &str| path == TABLE || path.starts_with(PARTS);
    let files = tree.rust().iter().filter(|file| !is_table(&file.path) && !file.is_test());
    let ours = files.filter(|file| file.crate_name().is_some_and(|name| !OTHER_PROTOCOLS.contains(&name)));
    let texts = ours.flat_map(|file| file.facts.texts.iter().map(move |(line, text)| (file, *line, text)));
    texts
        .filter(|(_, _, text)| is_reply(text))
        .map(|(file, line, text)| Fault::new(&file.path, line, format!("{text:?} is a reply: it belongs into {TABLE}")))
        .collect()
}

/// Three digits that a server may answer, and a space or a hyphen (RFC 5321 section 4.2). "300 s" is no reply: the only
/// one that begins with a 3 is 354.
fn is_reply(text: &str) -> bool {
    let (code, after) = text.as_bytes().split_at_checked(3).unwrap_or_default();
    let is_code = matches!(code, b"354" | [b'2' | b'4' | b'5', b'0'..=b'9', b'0'..=b'9']);
    is_code && matches!(after, [b' ' | b'-', ..])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::super::fixture::faults;
    use super::*;

    #[test]
    fn a_reply_elsewhere_is_found_in_every_spelling() {
        for code in ["const A: &str = \"550 no\";", "fn f() { w(b\"250-Hello\") }", "fn f() { format!(\"354 {x}\"); }"]
        {
            assert_eq!(faults(rule, &[("crates/doorlist-gateway/src/a.rs", code)]).len(), 1, "{code}");
        }
    }

    #[test]
    fn the_table_comments_tests_and_other_numbers_are_fine() {
        let reply = "const A: &str = \"550 no\";";
        let files = [
            (TABLE, reply),
            ("crates/doorlist-smtp/src/reply/opening.rs", reply),
            ("bench/src/sink.rs", reply),
            ("crates/doorlist-gateway/tests/it.rs", reply),
            ("crates/doorlist-web/src/lib.rs", reply),
            (
                "crates/doorlist-gateway/src/a.rs",
                "/// \"550 no\"\nconst A: [&str; 2] = [\"1024 bytes, or 550\", \"300 s\"];",
            ),
            ("crates/doorlist-gateway/src/b.rs", "#[cfg(test)]\nmod tests { const A: &str = \"550 no\"; }"),
        ];
        assert_eq!(faults(rule, &files), [""; 0]);
    }
}
