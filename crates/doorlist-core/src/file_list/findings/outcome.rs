//! What becomes of the findings once the file is read.

use super::super::notes::{FileNote, Skipped};
use super::super::{FileList, Recognised};
use super::Findings;
use crate::change::Structure;

impl Findings<'_> {
    /// Rows of one address that lead to different targets make it a distribution list.
    pub(in super::super) fn join_forwards(&mut self) {
        let rows = &mut self.rows;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|a, b| rows[*a].local.cmp(&rows[*b].local));
        let mut joined = Vec::new();
        for same in order.chunk_by(|a, b| rows[*a].local == rows[*b].local) {
            if same.iter().any(|at| rows[*at].structure != rows[same[0]].structure) {
                self.several += 1;
                joined.extend_from_slice(same);
            }
        }
        joined.iter().for_each(|at| rows[*at].structure = Structure::DistributionList);
    }

    /// All that was found.
    pub(in super::super) fn into_list(self, recognised: Recognised) -> FileList {
        let mut notes = Vec::new();
        let changes = self.skipped(Skipped::Change);
        notes.extend(self.catch_all.map(|line| FileNote::CatchAll { line }));
        notes.extend(self.type_names.told(|column, cells| FileNote::TypeNames { column, cells }));
        notes.extend(self.cut_off.told(|column, cells| FileNote::CutOff { column, cells }));
        notes.extend(self.unread.told(|column, addresses| FileNote::UnreadColumn { column, addresses }));
        notes.extend(self.word_columns.told(|column, words| FileNote::WordColumn { column, words }));
        notes.extend(self.members.told(|column, addresses| FileNote::Members { column, addresses }));
        let counted = [
            (self.blocked, FileNote::Blocked as fn(u64) -> FileNote),
            (self.switched_off, FileNote::SwitchedOff),
            (self.elsewhere, FileNote::ForwardsElsewhere),
            (self.several, FileNote::ForwardsToSeveral),
            (changes, FileNote::Changes),
            (self.words, FileNote::Words),
        ];
        notes.extend(counted.iter().filter(|(n, _)| *n > 0).map(|(n, note)| note(*n)));
        notes.extend(self.notes);
        let skipped = Skipped::ALL.into_iter().zip(self.skipped).filter(|(_, n)| *n > 0).collect();
        let (problems, problems_total) = (self.problems, self.problems_total);
        let other_domains = self.other_domains.sorted();
        FileList { recognised, rows: self.rows, problems, problems_total, skipped, other_domains, notes }
    }
}
