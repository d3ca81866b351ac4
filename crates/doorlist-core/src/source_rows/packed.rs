//! Rows of a source in little memory: a list of a million addresses comes in at once, and several at a time. A row takes
//! 17 octets beside its name; an alias leads to the name of its account instead of having a copy of it.

use super::{EntryPlace, RowPosition, SourceRow};
use crate::address::LocalPart;
use crate::change::Structure;
use std::cmp::Ordering;
use std::sync::Arc;

/// Stands behind each name; no local part has it in its canonical form.
const END: char = '\n';
/// Octets of a piece of names, as a power of two: it does not move while others are taken, so that a large list is never
/// copied as a whole.
const PIECE_BITS: u32 = 20;
/// A list of few names has a small piece.
const FIRST_PIECE: usize = 1 << 10;

/// Rows, each of them made when it is asked for.
#[derive(Clone, Debug, Default)]
pub struct PackedRows {
    names: PackedNames,
    rows: Vec<PackedRow>,
    entries: Vec<Arc<EntryPlace>>,
    /// The account, or the target, that was met last.
    account: Option<NameOffset>,
}

/// All names, one behind the other; none lies in two pieces.
#[derive(Clone, Debug, Default)]
struct PackedNames(Vec<String>);

impl PackedNames {
    fn push(&mut self, name: &str) -> NameOffset {
        let needed = name.len() + END.len_utf8();
        if self.0.last().is_none_or(|piece| piece.capacity() - piece.len() < needed) {
            let before = self.0.last().map_or(FIRST_PIECE, |piece| 2 * piece.capacity());
            self.0.push(String::with_capacity(before.min(1 << PIECE_BITS).max(needed)));
        }
        let (number, piece) = (self.0.len().saturating_sub(1), self.0.last_mut());
        let at = piece.as_ref().map_or(0, |piece| piece.len());
        if let Some(piece) = piece {
            piece.push_str(name);
            piece.push(END);
        }
        NameOffset::at(number << PIECE_BITS | at)
    }

    fn get(&self, name: NameOffset) -> &str {
        let place = name.place();
        let piece = self.0.get(place >> PIECE_BITS).map_or("", String::as_str);
        let rest = piece.get(place & ((1 << PIECE_BITS) - 1)..).unwrap_or_default();
        rest.split_once(END).map_or(rest, |(name, _)| name)
    }
}

/// Where a name begins: 40 bits, the number of its piece before its place in there. Later names have greater ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NameOffset([u8; 5]);

#[derive(Clone, Copy, Debug)]
struct PackedRow {
    local: NameOffset,
    /// Of an alias; of others it is the local part.
    target: NameOffset,
    /// Line or item, or which entry.
    place: [u8; 4],
    form: Form,
    switched_off: bool,
    place_kind: PlaceKind,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Mailbox,
    List,
    Alias,
}

#[derive(Clone, Copy, Debug)]
enum PlaceKind {
    Line,
    Item,
    Entry,
}

impl NameOffset {
    fn at(place: usize) -> Self {
        let [a, b, c, d, e, ..] = (place as u64).to_le_bytes();
        Self([a, b, c, d, e])
    }

    fn place(self) -> usize {
        let [a, b, c, d, e] = self.0;
        usize::try_from(u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])).unwrap_or(usize::MAX)
    }
}

impl PackedRows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn push(&mut self, row: &SourceRow) {
        let local = self.names.push(row.local.as_str());
        let (form, target) = match &row.structure {
            Structure::Mailbox => (Form::Mailbox, local),
            Structure::DistributionList => (Form::List, local),
            Structure::AliasOf(account) => {
                let last = self.account.filter(|last| self.names.get(*last) == account.as_str());
                (Form::Alias, last.unwrap_or_else(|| self.names.push(account.as_str())))
            }
        };
        self.account = Some(target);
        let (place_kind, place) = match &row.place {
            RowPosition::Line(line) => (PlaceKind::Line, *line),
            RowPosition::Item(item) => (PlaceKind::Item, *item),
            RowPosition::Entry(entry) => (PlaceKind::Entry, self.entry_number(entry)),
        };
        self.rows.push(PackedRow {
            local,
            target,
            place: place.to_le_bytes(),
            form,
            switched_off: row.switched_off,
            place_kind,
        });
    }

    /// Rows of one entry come one after the other.
    fn entry_number(&mut self, entry: &Arc<EntryPlace>) -> u32 {
        if self.entries.last().is_none_or(|last| !Arc::ptr_eq(last, entry)) {
            self.entries.push(Arc::clone(entry));
        }
        u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
    }

    pub fn get(&self, at: usize) -> Option<SourceRow> {
        self.rows.get(at).map(|row| self.row(row))
    }

    pub fn iter(&self) -> impl Iterator<Item = SourceRow> {
        self.rows.iter().map(|row| self.row(row))
    }

    fn row(&self, row: &PackedRow) -> SourceRow {
        row.unpack(&self.names, &self.entries)
    }

    /// Whom a row names, as text; empty where there is no row.
    pub fn local(&self, at: usize) -> &str {
        self.rows.get(at).map_or("", |row| self.names.get(row.local))
    }

    /// To whom a row leads, if it is an alias.
    pub fn target(&self, at: usize) -> Option<&str> {
        self.target_name(at).map(|name| self.names.get(name))
    }

    /// The entry of a directory that a row comes from.
    pub fn entry(&self, at: usize) -> Option<&EntryPlace> {
        self.rows.get(at).and_then(|row| row.entry(&self.entries)).map(|entry| &**entry)
    }

    /// The row of a name, where rows are sorted.
    pub fn find(&self, local: &str) -> Option<usize> {
        self.rows.binary_search_by(|row| self.names.get(row.local).cmp(local)).ok()
    }

    /// By name; among rows of one name the first in the source stays first.
    pub(super) fn sort(&mut self) {
        let Self { names, rows, .. } = self;
        let order = |a: &PackedRow, b: &PackedRow| -> Ordering {
            names.get(a.local).cmp(names.get(b.local)).then(a.local.place().cmp(&b.local.place()))
        };
        rows.sort_unstable_by(order);
    }

    /// Leaves one of the sorted rows that name the same address. `takes_over` is shown the one that is kept and the next,
    /// and says whether that one stands in its place.
    pub(super) fn merge(&mut self, mut takes_over: impl FnMut(&SourceRow, &SourceRow) -> bool) {
        let Self { names, rows, entries, .. } = self;
        rows.dedup_by(|row, kept| {
            let is_same = names.get(row.local) == names.get(kept.local);
            if is_same && takes_over(&kept.unpack(names, entries), &row.unpack(names, entries)) {
                *kept = *row;
            }
            is_same
        });
    }

    /// Follows an alias at most `steps` steps along other aliases, and lets it lead to the end. False: there is none, or
    /// it is the alias itself.
    pub(super) fn straighten(&mut self, at: usize, steps: usize) -> bool {
        let Some(mut target) = self.target_name(at) else { return true };
        for _ in 0..steps {
            let name = self.names.get(target);
            let next = self.find(name).and_then(|at| self.target_name(at));
            let Some(next) = next else {
                let ends = name != self.local(at);
                if let Some(row) = self.rows.get_mut(at).filter(|_| ends) {
                    row.target = target;
                }
                return ends;
            };
            target = next;
        }
        false
    }

    /// An alias becomes an account.
    pub(super) fn make_mailbox(&mut self, at: usize) {
        if let Some(row) = self.rows.get_mut(at) {
            row.form = Form::Mailbox;
        }
    }

    fn target_name(&self, at: usize) -> Option<NameOffset> {
        self.rows.get(at).filter(|row| matches!(row.form, Form::Alias)).map(|row| row.target)
    }
}

impl From<Vec<SourceRow>> for PackedRows {
    fn from(rows: Vec<SourceRow>) -> Self {
        let mut packed = Self { rows: Vec::with_capacity(rows.len()), ..Self::default() };
        for row in rows {
            packed.push(&row);
        }
        packed
    }
}

impl PackedRow {
    fn entry<'a>(&self, entries: &'a [Arc<EntryPlace>]) -> Option<&'a Arc<EntryPlace>> {
        match self.place_kind {
            PlaceKind::Entry => entries.get(u32::from_le_bytes(self.place) as usize),
            PlaceKind::Line | PlaceKind::Item => None,
        }
    }

    fn unpack(&self, names: &PackedNames, entries: &[Arc<EntryPlace>]) -> SourceRow {
        let local = |name: NameOffset| LocalPart::from_canonical(names.get(name));
        let number = u32::from_le_bytes(self.place);
        SourceRow {
            local: local(self.local),
            structure: match self.form {
                Form::Mailbox => Structure::Mailbox,
                Form::List => Structure::DistributionList,
                Form::Alias => Structure::AliasOf(local(self.target)),
            },
            switched_off: self.switched_off,
            place: match (self.place_kind, self.entry(entries)) {
                (PlaceKind::Entry, Some(entry)) => RowPosition::Entry(Arc::clone(entry)),
                (PlaceKind::Line, _) => RowPosition::Line(number),
                (PlaceKind::Item | PlaceKind::Entry, _) => RowPosition::Item(number),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_of_many_pieces_are_found_again_and_stay_in_their_order() {
        let local = |n: u32| LocalPart::parse(format!("user.with.a.name.{n:012}").as_bytes()).unwrap();
        let mut packed = PackedRows::default();
        let count = 100_000;
        for n in (0..count).rev() {
            let structure = if n % 2 == 0 { Structure::Mailbox } else { Structure::AliasOf(local(n - 1)) };
            packed.push(&SourceRow { local: local(n), structure, switched_off: false, place: RowPosition::Line(n) });
        }
        assert!(packed.names.0.len() > 3, "{}", packed.names.0.len());
        assert!(packed.names.0.iter().all(|piece| piece.capacity() <= 1 << PIECE_BITS));
        packed.sort();
        for n in 0..count {
            let at = usize::try_from(n).unwrap();
            assert_eq!((packed.local(at), packed.find(local(n).as_str())), (local(n).as_str(), Some(at)));
            assert_eq!(packed.target(at), (n % 2 == 1).then(|| local(n - 1)).as_ref().map(LocalPart::as_str));
        }
    }

    #[test]
    fn rows_come_out_as_they_went_in_and_are_small() {
        let local = |text: &str| LocalPart::parse(text.as_bytes()).unwrap();
        let entry = |dn: &str| RowPosition::Entry(Arc::new(EntryPlace { key: Some("key".into()), dn: dn.into() }));
        let row = |name: &str, structure, switched_off, place| SourceRow {
            local: local(name),
            structure,
            switched_off,
            place,
        };
        let shared = entry("cn=ann");
        let rows = vec![
            row("ann", Structure::Mailbox, false, shared.clone()),
            row("a.n.n", Structure::AliasOf(local("ann")), false, shared),
            row("\"ann of here\"", Structure::AliasOf(local("ann")), true, entry("cn=other")),
            row("büro", Structure::DistributionList, true, RowPosition::Line(u32::MAX)),
            row("elsewhere", Structure::AliasOf(local("nobody")), false, RowPosition::Item(7)),
            row("ann", Structure::Mailbox, true, RowPosition::Item(1)),
        ];
        let packed = PackedRows::from(rows.clone());
        assert_eq!(packed.iter().collect::<Vec<_>>(), rows);
        assert_eq!((packed.len(), packed.entries.len(), packed.get(6)), (6, 2, None));
        assert_eq!(packed.names.0.concat().matches("ann\n").count(), 2, "aliases have no copy of their account's name");
        assert_eq!(size_of::<PackedRow>(), 17);
    }
}
