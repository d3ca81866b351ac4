//! `cargo xtask tidy`: the house rules that no compiler checks, each a function from the tree to its faults.

mod doc_comments;
mod documents;
mod growth;
mod imports;
mod printing;
mod purity;
mod replies;
mod shape;
mod source;
mod test_codes;
mod threats;
mod tree;
mod type_names;

use std::fmt;

use anyhow::{Result, bail};

use tree::Tree;

/// One place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    path: String,
    /// From 1; 0 for the whole file.
    line: usize,
    what: String,
}

impl Fault {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(out, "{}: {}", self.path, self.what),
            line => write!(out, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// A rule: what it says, and what breaks it.
type Rule = (&'static str, fn(&Tree) -> Vec<Fault>);

const RULES: &[Rule] = &[
    ("crates import only whom they may", imports::edges),
    ("drivers stay in the crate that owns them", imports::drivers),
    ("pure crates depend on pure crates", imports::pure_dependencies),
    ("versions stand once, in the root Cargo.toml", imports::versions),
    ("pure crates do not touch the world", purity::rule),
    ("what is printed shows what it has", printing::rule),
    ("sockets are opened only where mail or people come in", purity::sockets),
    ("reply digits stand in the reply table", replies::rule),
    ("files are short", shape::lengths),
    ("modules say what they are for, and are named for it", shape::modules),
    ("every public type has a doc comment", doc_comments::public_types),
    ("doc comments say something", doc_comments::lengths),
    ("one type name, one meaning", type_names::rule),
    ("lints are allowed with a reason, and no test is ignored", shape::attributes),
    ("nothing is left for later", shape::leftovers),
    ("no path of a developer's machine", shape::foreign_paths),
    ("every crate has its caption, every named folder exists", documents::architecture),
    ("links resolve", documents::links),
    ("the threat model speaks of every party and names tests that exist", threats::rule),
    ("every table says what bounds it", growth::tables),
    ("every code of a test is explained", test_codes::rule),
];

/// Checks all rules and prints every fault.
pub(crate) fn run() -> Result<()> {
    let tree = Tree::of_repository()?;
    let mut count = 0;
    for (says, rule) in RULES {
        let mut faults = rule(&tree);
        faults.sort();
        if !faults.is_empty() {
            println!("{says}:");
            faults.iter().for_each(|fault| println!("  {fault}"));
        }
        count += faults.len();
    }
    if count > 0 {
        bail!("tidy: {count} faults, listed above");
    }
    println!("tidy: {} rules hold in {} files", RULES.len(), tree.file_count());
    Ok(())
}

/// What the rules' own tests need: a small tree, and the faults as text.
#[cfg(test)]
mod fixture {
    use super::{Fault, Tree};

    /// The faults that a rule finds in these files.
    pub(super) fn faults(rule: fn(&Tree) -> Vec<Fault>, files: &[(&str, &str)]) -> Vec<String> {
        let mut faults = rule(&Tree::of(files));
        faults.sort();
        faults.iter().map(ToString::to_string).collect()
    }
}
