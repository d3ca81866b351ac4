//! `bench/RESULTS.md`: a section takes the place of the last one of its heading.

use crate::machine::project_root;
use anyhow::{Context as _, Result};
use std::fs;

/// Puts a section, which begins with its heading, into the page.
pub(crate) fn put(section: &str) -> Result<()> {
    let file = project_root().join("bench/RESULTS.md");
    let page = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    fs::write(&file, replaced(&page, section)).with_context(|| format!("cannot write {}", file.display()))?;
    eprintln!("bench: written to {}", file.display());
    Ok(())
}

fn replaced(page: &str, section: &str) -> String {
    let heading = section.split_inclusive('\n').next().unwrap_or_default();
    let Some(begin) = page.find(heading) else { return format!("{}\n\n{section}", page.trim_end()) };
    let behind = page.get(begin + heading.len()..).unwrap_or_default();
    let rest = behind.find("\n## ").and_then(|at| behind.get(at..)).unwrap_or_default();
    format!("{}{section}{rest}", page.get(..begin).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_last_one() {
        let new = "## A trial\n\nnew\n";
        let page = "# Results\n\n## A trial\n\nold\n\n## Other\n\nrows\n";
        assert_eq!(replaced(page, new), format!("# Results\n\n{new}\n## Other\n\nrows\n"));
        assert_eq!(replaced("# Results\n", new), format!("# Results\n\n{new}"));
        let longer = "# Results\n\n## A trial of thirty days\n\nkept\n";
        assert_eq!(replaced(longer, new), format!("{longer}\n{new}"), "another heading");
    }
}
