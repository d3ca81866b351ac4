//! The names of a domain as one text, a line each, in the order of their rows, and finding words in it. Pure.

use super::NameChange;
use crate::tenants::query::Lookup;
use memchr::memmem::Finder;
use std::collections::HashMap;

/// All names of a domain, as of a version of the list.
#[derive(Clone, Debug)]
pub(super) struct SearchText {
    version: i64,
    /// Each name between two line ends, so that a beginning and an end can be looked for, too.
    text: Vec<u8>,
    /// Where each name begins in it, its row, and whether it is an alias.
    lines: Vec<SearchLine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SearchLine {
    start: u32,
    id: u32,
    is_alias: bool,
}

impl SearchText {
    pub(super) fn new(version: i64) -> Self {
        Self { version, text: vec![b'\n'], lines: Vec::new() }
    }

    pub(super) fn version(&self) -> i64 {
        self.version
    }

    pub(super) fn octets(&self) -> usize {
        self.text.len() + self.lines.len() * size_of::<SearchLine>()
    }

    /// Adds a name; no local part has a line end in it.
    pub(super) fn push(&mut self, id: u32, is_alias: bool, local: &str) {
        let Ok(start) = u32::try_from(self.text.len()) else { return };
        self.lines.push(SearchLine { start, id, is_alias });
        self.text.extend_from_slice(local.as_bytes());
        self.text.push(b'\n');
    }

    /// The same after changes: rows stay in order.
    pub(super) fn with(&self, version: i64, changes: &[NameChange]) -> Self {
        let mut changed: Vec<(u32, (&str, Option<bool>))> =
            changes.iter().map(|(id, local, is_alias)| (*id, (local.as_str(), *is_alias))).collect();
        let of: HashMap<u32, (&str, Option<bool>)> = changed.iter().copied().collect();
        changed.sort_unstable_by_key(|change| change.0);
        changed.dedup_by_key(|change| change.0);
        let mut next = Self { version, text: Vec::with_capacity(self.text.len()), lines: Vec::new() };
        next.text.push(b'\n');
        next.lines.reserve(self.lines.len() + changed.len());
        let mut rest = self.lines.as_slice();
        for (id, _) in changed {
            let (before, behind) = rest.split_at(rest.partition_point(|line| line.id < id));
            next.push_all(self, before);
            rest = behind.split_first().filter(|(line, _)| line.id == id).map_or(behind, |(_, behind)| behind);
            if let Some((local, Some(is_alias))) = of.get(&id) {
                next.push(id, *is_alias, local);
            }
        }
        next.push_all(self, rest);
        next
    }

    /// Adds lines that follow one another in another text, as one piece: most of a text stays as it is.
    fn push_all(&mut self, other: &Self, lines: &[SearchLine]) {
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return };
        let end = last.start as usize + other.name(*last).len() + 1;
        let (Some(piece), Ok(start)) = (other.text.get(first.start as usize..end), u32::try_from(self.text.len()))
        else {
            return;
        };
        self.text.extend_from_slice(piece);
        self.lines.extend(
            lines.iter().map(|line| SearchLine { start: start.saturating_add(line.start - first.start), ..*line }),
        );
    }

    fn name(&self, line: SearchLine) -> &str {
        let rest = self.text.get(line.start as usize..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        rest.get(..end).and_then(|name| str::from_utf8(name).ok()).unwrap_or_default()
    }

    /// Calls `found` with the row of each name that has everything that is wanted, in order.
    pub(super) fn find(&self, wanted: &[(Lookup, String)], aliases: bool, found: &mut dyn FnMut(u32)) {
        let Some((first, others)) = wanted.split_first() else { return };
        let (needle, before) = match first {
            (Lookup::StartsWith, text) => (format!("\n{text}"), 1),
            (Lookup::EndsWith, text) => (format!("{text}\n"), 0),
            (_, text) => (text.clone(), 0),
        };
        let fits =
            |line: SearchLine| line.is_alias == aliases && others.iter().all(|other| has(self.name(line), other));
        if needle.is_empty() || needle == "\n" {
            self.lines.iter().copied().filter(|line| fits(*line)).for_each(|line| found(line.id));
            return;
        }
        let (finder, mut from, mut rest) = (Finder::new(&needle), 0, self.lines.as_slice());
        while let Some(at) = self.text.get(from..).and_then(|text| finder.find(text)) {
            let hit = from + at + before;
            // Lines that begin at the hit or before: the last of them has it.
            let upto = advance(rest, hit);
            rest = rest.get(upto.saturating_sub(1)..).unwrap_or_default();
            let Some(line) = rest.first() else { return };
            if fits(*line) {
                found(line.id);
            }
            rest = rest.get(1..).unwrap_or_default();
            match rest.first() {
                // From the line end before the next name on.
                Some(next) => from = next.start as usize - 1,
                None => return,
            }
        }
    }
}

/// How many lines begin at `hit` or before. Mostly few: it looks near first.
fn advance(lines: &[SearchLine], hit: usize) -> usize {
    let mut reach = 1;
    while lines.get(reach).is_some_and(|line| line.start as usize <= hit) {
        reach *= 2;
    }
    let near = lines.get(..reach.min(lines.len())).unwrap_or_default();
    near.partition_point(|line| line.start as usize <= hit)
}

fn has(name: &str, (lookup, text): &(Lookup, String)) -> bool {
    match lookup {
        Lookup::StartsWith => name.starts_with(text.as_str()),
        Lookup::EndsWith => name.ends_with(text.as_str()),
        _ => name.contains(text.as_str()),
    }
}

#[cfg(test)]
mod tests;
