//! Parses a Rust file into the facts that the rules need: paths, texts and attributes, with their lines.
//!
//! Test code (`#[cfg(test)]`, `#[test]`) is left out unless a fact says otherwise. Macro calls are read as tokens.

use anyhow::Result;
use proc_macro2::{LineColumn, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Item, Meta, UseTree, Visibility};

/// What the rules want to know of a file.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Paths in production code, `use` groups written out: `std::fs::File`.
    pub(super) paths: Vec<(usize, String)>,
    /// Strings in production code, without their quotes.
    pub(super) texts: Vec<(usize, String)>,
    /// `#[allow]` and `#[expect]` without a reason, in production code: the lint's name.
    pub(super) unexplained: Vec<(usize, String)>,
    /// Lines with `#[ignore]`, in tests, too.
    pub(super) ignored: Vec<usize>,
    /// Does the file open with `//!`?
    pub(super) opens_with_doc: bool,
    /// `pub` types without a doc comment, in production code: the type's name.
    pub(super) undocumented: Vec<(usize, String)>,
    /// Structs, enums, traits and type aliases that production code defines; not the types that belong to a trait.
    pub(super) types: Vec<(usize, String)>,
}

pub(super) fn read(text: &str) -> Result<Facts> {
    let file = syn::parse_file(text)?;
    let mut reader = Reader::default();
    reader.facts.opens_with_doc = file.attrs.iter().any(|attribute| attribute.path().is_ident("doc"));
    reader.in_test = file.attrs.iter().any(is_test);
    reader.visit_file(&file);
    Ok(reader.facts)
}

#[derive(Default)]
struct Reader {
    facts: Facts,
    in_test: bool,
}

/// Finds `#[cfg(test)]`, `#[test]` and `#[tokio::test]`.
fn is_test(attribute: &Attribute) -> bool {
    let path = attribute.path();
    let is_cfg_test = || {
        let Meta::List(list) = &attribute.meta else { return false };
        list.tokens.to_string() == "test"
    };
    path.segments.last().is_some_and(|last| last.ident == "test") || (path.is_ident("cfg") && is_cfg_test())
}

fn line(at: LineColumn) -> usize {
    at.line
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The visibility and the name of a struct, enum, trait or type alias.
fn defined_type(item: &Item) -> Option<(&Visibility, &Ident)> {
    match item {
        Item::Enum(item) => Some((&item.vis, &item.ident)),
        Item::Struct(item) => Some((&item.vis, &item.ident)),
        Item::Trait(item) => Some((&item.vis, &item.ident)),
        Item::Type(item) => Some((&item.vis, &item.ident)),
        _ => None,
    }
}

impl Reader {
    fn path(&mut self, line: usize, path: String) {
        if !self.in_test {
            self.facts.paths.push((line, path));
        }
    }

    fn text(&mut self, line: usize, text: String) {
        if !self.in_test {
            self.facts.texts.push((line, text));
        }
    }

    /// Writes the paths of a `use` out, one for each leaf.
    fn use_tree(&mut self, before: &str, tree: &UseTree) {
        let join = |name: String| if before.is_empty() { name } else { format!("{before}::{name}") };
        match tree {
            UseTree::Path(path) => self.use_tree(&join(path.ident.to_string()), &path.tree),
            UseTree::Name(name) => self.path(line(name.span().start()), join(name.ident.to_string())),
            UseTree::Rename(name) => self.path(line(name.span().start()), join(name.ident.to_string())),
            UseTree::Glob(glob) => self.path(line(glob.span().start()), join("*".to_owned())),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.use_tree(before, item)),
        }
    }

    /// Reads what stands inside a macro call: names joined by `::`, and strings.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Option<(usize, String)> = None;
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => match &mut path {
                    Some((_, so_far)) if colons == 2 => *so_far = format!("{so_far}::{ident}"),
                    _ => {
                        let begun = path.replace((line(ident.span().start()), ident.to_string()));
                        begun.into_iter().for_each(|(line, whole)| self.path(line, whole));
                    }
                },
                other => {
                    path.take().into_iter().for_each(|(line, whole)| self.path(line, whole));
                    match other {
                        TokenTree::Group(group) => self.tokens(group.stream()),
                        TokenTree::Literal(literal) => {
                            if let Ok(literal) = syn::parse_str(&literal.to_string()) {
                                self.literal(line(token.span().start()), &literal);
                            }
                        }
                        _ => {}
                    }
                }
            }
            colons = 0;
        }
        path.into_iter().for_each(|(line, whole)| self.path(line, whole));
    }

    fn literal(&mut self, line: usize, literal: &syn::Lit) {
        match literal {
            syn::Lit::Str(text) => self.text(line, text.value()),
            syn::Lit::ByteStr(bytes) => self.text(line, String::from_utf8_lossy(&bytes.value()).into_owned()),
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        let outside = self.in_test;
        self.in_test |= attributes_of(item).iter().any(is_test);
        let has_doc = || attributes_of(item).iter().any(|attribute| attribute.path().is_ident("doc"));
        if let Some((visibility, name)) = defined_type(item).filter(|_| !self.in_test) {
            let definition = (line(name.span().start()), name.to_string());
            if matches!(visibility, Visibility::Public(_)) && !has_doc() {
                self.facts.undocumented.push(definition.clone());
            }
            self.facts.types.push(definition);
        }
        visit::visit_item(self, item);
        self.in_test = outside;
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        let outside = self.in_test;
        self.in_test |= function.attrs.iter().any(is_test);
        visit::visit_impl_item_fn(self, function);
        self.in_test = outside;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        item.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
        self.use_tree("", &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.path(line(path.span().start()), names.join("::"));
        visit::visit_path(self, path);
    }

    fn visit_lit(&mut self, literal: &'ast syn::Lit) {
        self.literal(line(literal.span().start()), literal);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    /// Attributes hold documentation and derive names, no code; only lints and tests are looked at.
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let at = line(attribute.span().start());
        let path = attribute.path();
        if path.is_ident("ignore") {
            self.facts.ignored.push(at);
        }
        if (path.is_ident("allow") || path.is_ident("expect"))
            && !self.in_test
            && let Meta::List(list) = &attribute.meta
            && !list.tokens.to_string().contains("reason =")
        {
            self.facts.unexplained.push((at, list.tokens.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    const FILE: &str = r#"//! What it is for.
use std::{fs, net::{IpAddr, TcpStream as Wire}};
/// Not a text: "550 in a comment".
#[allow(dead_code)]
fn one() -> std::time::Duration {
    println!("220 {}", std::env::args().count());
    write(b"250 Ok")
}
#[allow(dead_code, reason = "shown")]
fn two() {}
pub enum Three { A }
impl Three {
    #[cfg(test)]
    #[allow(unused)]
    fn four() { std::env::vars(); }
}
#[cfg(test)]
mod tests {
    #[test]
    #[ignore]
    fn three() { std::fs::read("550 no"); }
}
"#;

    #[test]
    fn paths_are_written_out_also_inside_macros() {
        let facts = read(FILE).unwrap();
        for (line, path) in [
            (2, "std::fs"),
            (2, "std::net::IpAddr"),
            (2, "std::net::TcpStream"),
            (5, "std::time::Duration"),
            (6, "println"),
            (6, "std::env::args"),
        ] {
            assert!(facts.paths.contains(&(line, path.to_owned())), "{path} is missing in {:?}", facts.paths);
        }
        for path in ["std::fs::read", "std::env::vars"] {
            assert!(!facts.paths.iter().any(|(_, there)| there == path), "tests are left out");
        }
    }

    #[test]
    fn texts_are_code_and_not_comments_or_tests() {
        assert_eq!(read(FILE).unwrap().texts, [(6, "220 {}".to_owned()), (7, "250 Ok".to_owned())]);
    }

    #[test]
    fn attributes_are_found() {
        let facts = read(FILE).unwrap();
        assert!(facts.opens_with_doc);
        assert_eq!(facts.unexplained, [(4, "dead_code".to_owned())]);
        assert_eq!(facts.ignored, [20]);
        assert_eq!(facts.undocumented, [(11, "Three".to_owned())]);
        assert!(!read("/// of the item\nfn f() {}").unwrap().opens_with_doc);
    }

    #[test]
    fn types_are_found_at_any_depth_but_not_those_of_traits_and_tests() {
        let code = "struct A;\nmod m { pub(super) enum B {} }\nfn f() { struct C; }\ntrait D { type Row; }\n\
            impl D for A { type Row = u8; }\ntype E = u8;\n#[cfg(test)]\nstruct F;\n#[cfg(test)]\nmod tests { struct G; }\n";
        let types = read(code).unwrap().types;
        let names: Vec<(usize, &str)> = types.iter().map(|(line, name)| (*line, name.as_str())).collect();
        assert_eq!(names, [(1, "A"), (2, "B"), (3, "C"), (4, "D"), (6, "E")]);
    }
}
