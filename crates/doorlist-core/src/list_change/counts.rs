//! How many addresses a domain's list has, and how a change moves the numbers.

use crate::list::{EntryKind, Standing};
use serde::{Deserialize, Serialize};

/// How many addresses a domain's list has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCounts {
    /// Accounts that are mailboxes: the number that counts for billing.
    pub mailboxes: u64,
    /// Further names of accounts.
    pub aliases: u64,
    /// Accounts that are distribution lists.
    pub lists: u64,
    /// Removed by a person, and kept so.
    pub vetoed: u64,
}

impl ListCounts {
    /// Addresses of the list; vetoed ones are not on it.
    pub fn listed(&self) -> u64 {
        self.mailboxes + self.aliases + self.lists
    }

    /// Rows of the list, vetoed ones included.
    pub fn rows(&self) -> u64 {
        self.listed() + self.vetoed
    }
}

/// How a change moves the counts of a domain: mailboxes, aliases, lists, vetoed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CountDifference([i64; 4]);

impl CountDifference {
    /// An address is counted as this from now on.
    pub fn add(&mut self, kind: EntryKind, standing: Standing) {
        self.0[place(kind, standing)] += 1;
    }

    /// An address is no longer counted as this.
    pub fn subtract(&mut self, kind: EntryKind, standing: Standing) {
        self.0[place(kind, standing)] -= 1;
    }

    /// How many rows more the list has.
    pub fn total(self) -> i64 {
        self.0.iter().sum()
    }

    /// Mailboxes, aliases, lists and vetoed addresses more than before.
    pub fn values(self) -> [i64; 4] {
        self.0
    }
}

/// Which of the four numbers an address counts in.
fn place(kind: EntryKind, standing: Standing) -> usize {
    match (standing, kind) {
        (Standing::Vetoed, _) => 3,
        (_, EntryKind::Mailbox) => 0,
        (_, EntryKind::Alias) => 1,
        (_, EntryKind::List) => 2,
    }
}
