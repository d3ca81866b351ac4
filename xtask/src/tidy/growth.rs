//! Checks that docs/growth.md names every table of the migrations, with its limit.

use super::Fault;
use super::tree::Tree;

const PAGE: &str = "docs/growth.md";
const MIGRATIONS: &str = "/migrations/";
const MAKES: &str = "CREATE TABLE ";

pub(super) fn tables(tree: &Tree) -> Vec<Fault> {
    let page = tree.file(PAGE).map_or("", |page| page.text.as_str());
    // Words between backticks, in rows of tables only: prose that speaks of a table does not bound it.
    let named: Vec<&str> =
        page.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split('`').skip(1).step_by(2)).collect();
    let mut faults = Vec::new();
    for file in tree.ending(".sql").filter(|file| file.path.contains(MIGRATIONS)) {
        for (index, line) in file.text.lines().enumerate() {
            let Some(rest) = line.trim_start().strip_prefix(MAKES) else { continue };
            let rest = rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest);
            let table: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !named.contains(&table.as_str()) {
                let what = format!("makes {table}, of which {PAGE} does not say what bounds it");
                faults.push(Fault::new(&file.path, index + 1, what));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::fixture::faults;
    use super::*;

    #[test]
    fn a_table_that_no_row_names_is_found() {
        let page = "`prose` is no bound\n| table | bound |\n| `known`, `other` | 30 days |\n";
        let sql =
            "CREATE TABLE known (\n  id BIGINT\n);\nCREATE TABLE prose (id BIGINT);\nCREATE TABLE other(id BIGINT);";
        let path = "crates/doorlist-store/migrations/directory/0001_x.sql";
        let files = [("docs/growth.md", page), (path, sql), ("elsewhere/x.sql", "CREATE TABLE not_ours (id BIGINT);")];
        let fault = format!("{path}:4: makes prose, of which docs/growth.md does not say what bounds it");
        assert_eq!(faults(tables, &files), [fault]);
        assert_eq!(faults(tables, &files[1..]).len(), 3, "without the page");
    }
}
