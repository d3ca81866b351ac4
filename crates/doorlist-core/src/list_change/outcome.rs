//! What comes of a change set: its counts, and what a person should know.

use super::draft::Draft;
use super::note::Note;
use super::row_change::RowChange;
use crate::address::{Address, DomainName, LocalPart};
use serde::{Deserialize, Serialize};

/// Notes that a result carries at most; further ones are only counted.
pub const NOTES_MAX: usize = 1_000;

/// A change set that was applied (or, in a plan, would be).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The list's version with it.
    pub version: u64,
    /// Its entry in the change log; `None` if nothing differed, so that nothing was written.
    pub change_id: Option<u64>,
    pub added: u64,
    /// Listed addresses that differ now: kind, claims, switched on or off.
    pub changed: u64,
    /// Addresses no longer listed.
    pub removed: u64,
    /// Of those changed: no source has them any more, and they are accepted until the grace is over. Plans alone count them.
    #[serde(default)]
    pub missing: u64,
    /// Of those changed: another kind, or an alias of another account. Plans alone count them.
    #[serde(default)]
    pub kinds: u64,
    /// Addresses that were so already, each once.
    pub same: u64,
    /// Addresses left alone since a person removed them before.
    pub vetoed: u64,
    /// Addresses of which sources of equal rank say different things.
    #[serde(default)]
    pub conflicts: u64,
    /// Domains added, changed or removed.
    pub domains: u64,
    /// What a person should know, at most [`NOTES_MAX`].
    pub notes: Vec<Note>,
    /// Notes above that number.
    pub notes_omitted: u64,
}

impl Applied {
    /// Whether the list differs for it.
    pub fn changes_something(&self) -> bool {
        self.added + self.changed + self.removed + self.domains > 0
    }

    /// Counts an address that differs. One that is new and looks like another is noted.
    pub fn count_address(&mut self, (local, domain): (&LocalPart, &DomainName), was_listed: bool, is_listed: bool) {
        match (was_listed, is_listed) {
            (false, true) => {
                self.added += 1;
                if let Some(character) = local.lookalike() {
                    let address = Address::new(local.clone(), domain.clone());
                    self.add_notes(vec![Note::Lookalike { address, character }]);
                }
            }
            (true, false) => self.removed += 1,
            _ => self.changed += 1,
        }
    }

    /// How many rows of a plan there are of this kind.
    pub fn rows_of(&self, change: RowChange) -> u64 {
        match change {
            RowChange::Removed => self.removed,
            RowChange::Missing => self.missing,
            RowChange::Kind => self.kinds,
            RowChange::Added => self.added,
            RowChange::Claims => self.changed.saturating_sub(self.missing + self.kinds),
        }
    }

    /// Adds what the rules found out beside the addresses that differ.
    pub fn add_findings(&mut self, draft: &mut Draft) {
        self.same += draft.same();
        self.vetoed += draft.vetoed;
        self.conflicts += draft.conflicts;
        self.add_notes(std::mem::take(&mut draft.notes));
    }

    /// Keeps notes up to [`NOTES_MAX`], and counts those above.
    pub fn add_notes(&mut self, notes: Vec<Note>) {
        let room = NOTES_MAX - self.notes.len();
        self.notes_omitted += notes.len().saturating_sub(room) as u64;
        self.notes.extend(notes.into_iter().take(room));
    }
}
