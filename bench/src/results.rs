//! `bench/RESULTS.md`: the table, with which it begins, and sections behind it, each written by a command of its own. What a
//! person adds under [`REMARKS`] at the end of a section stays, and so do sections that nothing writes.

use crate::machine::project_root;
use anyhow::{Context as _, Result};
use std::fs;

/// What a person says of a section; it goes on to the section's end.
const REMARKS: &str = "\n### Remarks\n";
/// The beginning of every section.
const SECTION: &str = "\n## ";

/// Puts the table, in place of the last one.
pub(crate) fn put_table(table: &str) -> Result<()> {
    change(|page| with_table(page, table))
}

/// Puts a section, which begins with its heading, in place of the last one of that heading.
pub(crate) fn put(section: &str) -> Result<()> {
    change(|page| with_section(page, section))
}

fn change(new: impl FnOnce(&str) -> String) -> Result<()> {
    let file = project_root().join("bench/RESULTS.md");
    let page = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    fs::write(&file, new(&page)).with_context(|| format!("cannot write {}", file.display()))?;
    eprintln!("bench: written to {}", file.display());
    Ok(())
}

fn with_table(page: &str, table: &str) -> String {
    let (_, sections) = page.split_at(page.find(SECTION).unwrap_or(page.len()));
    format!("{}\n{sections}", table.trim_end())
}

fn with_section(page: &str, section: &str) -> String {
    let heading = format!("\n{}", section.split_inclusive('\n').next().unwrap_or_default());
    let Some((before, behind)) = page.split_once(&heading) else { return format!("{}\n\n{section}", page.trim_end()) };
    let (old, rest) = behind.split_at(behind.find(SECTION).unwrap_or(behind.len()));
    let remarks = old.split_at(old.find(REMARKS).unwrap_or(old.len())).1;
    format!("{before}\n{section}{remarks}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_last_one_but_for_its_remarks() {
        let new = "## A trial\n\nnew\n";
        let page = "# Results\n\n## A trial\n\nold\n\n### Remarks\n\nkept\n\n## Other\n\nrows\n";
        assert_eq!(
            with_section(page, new),
            "# Results\n\n## A trial\n\nnew\n\n### Remarks\n\nkept\n\n## Other\n\nrows\n"
        );
        assert_eq!(with_section("# Results\n", new), format!("# Results\n\n{new}"));
        let longer = "# Results\n\n## A trial of thirty days\n\nkept\n";
        assert_eq!(with_section(longer, new), format!("{longer}\n{new}"), "another heading");
    }

    #[test]
    fn the_table_leaves_sections_as_they_are() {
        let page = "# Results\n\nold rows\n\n## A trial\n\nkept\n";
        assert_eq!(with_table(page, "# Results\n\nnew rows\n\n"), "# Results\n\nnew rows\n\n## A trial\n\nkept\n");
        assert_eq!(with_table("", "# Results\n"), "# Results\n");
    }
}
