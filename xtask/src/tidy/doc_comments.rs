//! Doc comments: public types have one, and none is too short to say anything.

use super::Fault;
use super::tree::Tree;

/// A doc comment has at least this many words.
const WORDS_MIN: usize = 4;
/// Paths whose doc comments may be shorter, each with its reason.
const MAY_BE_SHORT: &[(&str, &str)] = &[(
    "crates/doorlist/src/cli",
    "doc comments are the lines of --help there, and may be as short as `Manage API keys`",
)];

/// Every `pub` struct, enum, trait and type alias has a doc comment.
pub(super) fn public_types(tree: &Tree) -> Vec<Fault> {
    let production = tree.rust().iter().filter(|file| !file.is_test());
    production
        .flat_map(|file| {
            let types = file.facts.undocumented.iter();
            types
                .map(|(line, name)| Fault::new(&file.path, *line, format!("the public type {name} has no doc comment")))
        })
        .collect()
}

/// No doc comment has fewer than four words.
pub(super) fn lengths(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in tree.ending(".rs").filter(|file| !MAY_BE_SHORT.iter().any(|(path, _)| file.path.starts_with(path))) {
        for (line, text) in doc_comments(&file.text) {
            if words(&text) < WORDS_MIN {
                let what = format!("the doc comment {text:?} has fewer than {WORDS_MIN} words: say more, or remove it");
                faults.push(Fault::new(&file.path, line, what));
            }
        }
    }
    faults
}

/// Each block of `///` lines, with the number of its first line. A section head such as `# Errors` belongs to its block.
fn doc_comments(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let doc = line.trim_start().strip_prefix("///").filter(|rest| !rest.starts_with('/'));
        match (doc, found.last_mut()) {
            (Some(more), Some((_, block))) if inside => {
                block.push(' ');
                block.push_str(more.trim());
            }
            (Some(first), _) => found.push((index + 1, first.trim().to_owned())),
            (None, _) => {}
        }
        inside = doc.is_some();
    }
    found
}

/// Pieces between spaces that have a letter or a digit.
fn words(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::super::fixture::faults;
    use super::*;

    #[test]
    fn a_public_type_without_a_doc_comment_is_found() {
        let code = "pub struct A;\n/// One of several letters.\npub enum B {}\npub(crate) trait C {}\npub type D = u8;\n\
            /// Of the derived kind.\n#[derive(Clone)]\npub struct E;\n#[cfg(test)]\nmod tests { pub struct F; }\n";
        let files = [("crates/a/src/a.rs", code), ("crates/a/tests/a.rs", "pub struct A;\n")];
        assert_eq!(
            faults(public_types, &files),
            [
                "crates/a/src/a.rs:1: the public type A has no doc comment",
                "crates/a/src/a.rs:5: the public type D has no doc comment",
            ]
        );
    }

    #[test]
    fn a_doc_comment_of_few_words_is_found() {
        let slashes = "///";
        let code = format!(
            "    {slashes} Which.\n{slashes} Its name `->` here.\nfn f() {{}}\n{slashes} It has four words.\n\
             {slashes}\n{slashes} # Errors\n{slashes}/ Ruler.\nfn g() {{}}\n{slashes} Fails: [`E`].\nfn h() {{}}\n"
        );
        let found = faults(lengths, &[("crates/a/src/a.rs", &code)]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("crates/a/src/a.rs:9: the doc comment \"Fails: [`E`].\""), "{found:?}");
    }

    #[test]
    fn lines_of_one_comment_count_together_and_help_may_be_short() {
        let slashes = "///";
        let code = format!("{slashes} The\n{slashes}\n{slashes} # Errors\n{slashes} None.\nfn f() {{}}\n");
        let short = format!("{slashes} API keys\nfn f() {{}}\n");
        let files = [("crates/a/src/a.rs", code.as_str()), ("crates/doorlist/src/cli/admin.rs", &short)];
        let found = faults(lengths, &files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("\"The  # Errors None.\""), "{found:?}");
    }
}
