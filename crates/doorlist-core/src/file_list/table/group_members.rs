//! Groups with a row for each member: each group is listed once, and its members are not, as they may be anybody.

use super::super::ADDRESSES_MAX;
use super::super::columns::{ColumnContent, TakenBy};
use super::super::findings::{Findings, JudgedValue};
use super::super::notes::Skipped;
use super::super::values::{self, CellValues, Proxy};
use super::Roles;
use crate::address::LocalPart;
use crate::change::Structure;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What the rows say so far.
#[derive(Default)]
pub(super) struct GroupMembers {
    groups: BTreeSet<LocalPart>,
    /// The group of the row before.
    last: String,
    /// Addresses of the domain in columns that are not read.
    members: BTreeSet<(usize, LocalPart)>,
}

impl GroupMembers {
    pub(super) fn row(&mut self, roles: &Roles<'_>, line: u32, cells: &[Cow<'_, str>], found: &mut Findings<'_>) {
        let group = roles.cell(cells, roles.address);
        if group != self.last {
            group.clone_into(&mut self.last);
            self.group(roles, line, group, found);
        }
        for (at, (column, cell)) in roles.columns.iter().zip(cells).enumerate() {
            let is_unread = column.field == ColumnContent::Ignore && column.by != TakenBy::Map;
            if !is_unread || !cell.contains('@') || self.members.len() > ADDRESSES_MAX {
                continue;
            }
            let values = CellValues::new(cell).filter(|(word, _)| *word != Proxy::NotSmtp);
            self.members.extend(values.filter_map(|(_, value)| match found.judge(value) {
                JudgedValue::Ours(local) => Some((at, local)),
                JudgedValue::Foreign(_) | JudgedValue::Bad(_) => None,
            }));
        }
    }

    fn group(&mut self, roles: &Roles<'_>, line: u32, group: &str, found: &mut Findings<'_>) {
        let (column, value) = (roles.name(roles.address), values::bare(group));
        if value.is_empty() {
            return found.skip(Skipped::NoAddress);
        }
        match found.judge(value) {
            JudgedValue::Ours(local) if !self.groups.insert(local.clone()) => {}
            JudgedValue::Ours(local) => found.row(line, local, Structure::DistributionList),
            JudgedValue::Foreign(domain) => found.foreign(line, column, value, &domain, true),
            JudgedValue::Bad(why) => found.problem(line, column, value, why),
        }
    }

    /// Tells of the members that are no groups themselves.
    pub(super) fn tell(self, roles: &Roles<'_>, found: &mut Findings<'_>) {
        for (at, local) in &self.members {
            if !self.groups.contains(local) {
                found.member(&roles.columns[*at].name);
            }
        }
    }
}
