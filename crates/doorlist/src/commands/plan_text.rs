//! A plan as a person reads it: what goes, by name, then what goes missing, what becomes another kind, what comes, and
//! some of the rest. No row says the same twice.

use super::print;
use super::row_text::row_text;
use crate::command_target::CommandTarget;
use crate::exit::Failure;
use crate::output::Output;
use doorlist_actions::{ChangePage, ChangesShow, PlanPage, PlanReport, PlanShow};
use doorlist_core::address::Address;
use doorlist_core::change::PlanId;
use doorlist_core::list_change::RowChange;
use doorlist_store::recipients::{AddressRecord, Applied, ChangeRow};
use serde::Serialize;
use std::io;

/// Rows that are asked for at a time.
const PAGE: u32 = 1_000;

/// What goes, goes missing or becomes another kind, by name.
const NAMED_MAX: u64 = 100;
/// Addresses that come, by name.
const ADDED_SHOWN_MAX: u64 = 20;
/// Addresses of which only the sources differ.
const CLAIMS_SHOWN_MAX: u64 = 5;

/// Whether the plan was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tense {
    /// What would become of the list.
    Would,
    /// What became of it.
    Did,
}

/// The rows of a plan on their way to the screen, in the order of [`RowChange`].
pub(super) struct PlanText<'a> {
    applied: &'a Applied,
    tense: Tense,
    /// How to see the rows that are not shown; `None`: all are shown.
    hint: Option<&'a str>,
    /// Kinds of rows that were begun.
    begun: usize,
    /// Rows of the last of them that were shown.
    shown: u64,
}

impl<'a> PlanText<'a> {
    pub(super) fn new(applied: &'a Applied, tense: Tense, hint: Option<&'a str>) -> Self {
        Self { applied, tense, hint, begun: 0, shown: 0 }
    }

    /// Prints the next row, if it is among those that are shown.
    pub(super) fn row(
        &mut self,
        out: &mut Output,
        address: &Address,
        before: Option<&AddressRecord>,
        after: Option<&AddressRecord>,
    ) -> io::Result<()> {
        let change = RowChange::of(before, after);
        self.go_to(out, change as usize + 1)?;
        if self.hint.is_some() && self.shown >= self.limit(change) {
            return Ok(());
        }
        self.shown += 1;
        out.line(&row_text(address, before, after))
    }

    /// Tells of the rows that did not come.
    pub(super) fn finish(mut self, out: &mut Output) -> io::Result<()> {
        self.go_to(out, RowChange::ALL.len())?;
        self.end_kind(out)
    }

    fn go_to(&mut self, out: &mut Output, end: usize) -> io::Result<()> {
        while self.begun < end {
            self.end_kind(out)?;
            let change = RowChange::ALL[self.begun];
            (self.begun, self.shown) = (self.begun + 1, 0);
            let count = self.applied.rows_of(change);
            if count > 0 && self.limit(change) > 0 {
                out.line(&format!("{}:", self.head(change, count)))?;
            }
        }
        Ok(())
    }

    fn end_kind(&self, out: &mut Output) -> io::Result<()> {
        let Some(last) = self.begun.checked_sub(1) else { return Ok(()) };
        let change = RowChange::ALL[last];
        let hidden = self.applied.rows_of(change).saturating_sub(self.shown);
        if hidden > 0 && self.limit(change) > 0 {
            let hint = self.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            out.line(&format!("  ... and {hidden} more{hint}"))?;
        }
        Ok(())
    }

    /// What has come is on the list now; what has gone is nowhere else to be seen.
    fn limit(&self, change: RowChange) -> u64 {
        match (change, self.tense) {
            _ if self.hint.is_none() => u64::MAX,
            (RowChange::Removed | RowChange::Missing | RowChange::Kind, _) => NAMED_MAX,
            (_, Tense::Did) => 0,
            (RowChange::Added, Tense::Would) => ADDED_SHOWN_MAX,
            (RowChange::Claims, Tense::Would) => CLAIMS_SHOWN_MAX,
        }
    }

    fn head(&self, change: RowChange, count: u64) -> String {
        let addresses = print::counted(count, "address");
        let (would, did) = match change {
            RowChange::Removed => ("would remove", "removed"),
            RowChange::Missing => ("would mark as missing", "marked as missing"),
            RowChange::Kind => ("would change the kind of", "changed the kind of"),
            RowChange::Added => ("would add", "added"),
            RowChange::Claims => ("would change the sources of", "changed the sources of"),
        };
        format!("{} {addresses}", if self.tense == Tense::Would { would } else { did })
    }
}

/// The counts of a plan that was not applied: `would remove 3, add 40; 575 unchanged`.
pub(super) fn would(applied: &Applied) -> String {
    let verbs = [
        (RowChange::Removed, "remove"),
        (RowChange::Missing, "mark as missing"),
        (RowChange::Kind, "change the kind of"),
        (RowChange::Added, "add"),
        (RowChange::Claims, "change the sources of"),
    ];
    let parts: Vec<_> = verbs
        .iter()
        .map(|(change, verb)| (applied.rows_of(*change), verb))
        .filter(|(count, _)| *count > 0)
        .map(|(count, verb)| format!("{verb} {count}"))
        .collect();
    let changes =
        if parts.is_empty() { "would change nothing".to_owned() } else { format!("would {}", parts.join(", ")) };
    let rest = print::rest_of(applied);
    if rest.is_empty() { changes } else { format!("{changes}; {}", rest.join(", ")) }
}

/// A row as JSON: one object a line.
#[derive(Serialize)]
struct RowLine<'a> {
    change: RowChange,
    address: &'a Address,
    before: Option<&'a AddressRecord>,
    after: Option<&'a AddressRecord>,
}

/// Where the rows of a plan are kept.
#[derive(Clone, Copy)]
enum KeptRows {
    Plan(PlanId),
    Change(u64),
}

/// Prints the rows of a plan: those that a person reads, or all; as JSON all of them.
pub(super) async fn rows(
    target: &mut CommandTarget,
    out: &mut Output,
    plan: &PlanReport,
    all: bool,
) -> Result<(), Failure> {
    let kept = match (plan.applied.change_id, plan.plan) {
        (Some(id), _) if plan.written => Some(KeptRows::Change(id)),
        (_, id) => id.map(KeptRows::Plan),
    };
    let hint = match kept {
        Some(KeptRows::Change(id)) => format!("`changes show {id}` shows them"),
        Some(KeptRows::Plan(id)) => format!("`plan show {} --all` shows them", id.0),
        None => "--all shows them".to_owned(),
    };
    let tense = if plan.written { Tense::Did } else { Tense::Would };
    let mut text = PlanText::new(&plan.applied, tense, (!all).then_some(hint.as_str()));
    match kept.filter(|_| all || out.is_json()) {
        Some(kept) => all_rows(target, out, kept, &mut text).await?,
        None => {
            for row in &plan.rows {
                put(out, &mut text, &row.address, row.before.as_ref(), row.after.as_ref())?;
            }
        }
    }
    if !out.is_json() {
        text.finish(out)?;
    }
    Ok(())
}

/// Prints what went with a change that was a plan, by name.
pub(super) async fn what_went(target: &mut CommandTarget, out: &mut Output, applied: &Applied) -> Result<(), Failure> {
    let Some(id) = applied.change_id.filter(|_| !out.is_json()) else { return Ok(()) };
    let hint = format!("`changes show {id}` shows them");
    let mut text = PlanText::new(applied, Tense::Did, Some(&hint));
    // It is done, and said so, whether or not its rows can be read.
    let Ok(page) = target.ask(ChangesShow { id, after: None, limit: PAGE }).await else { return Ok(()) };
    for row in &page.rows {
        if let ChangeRow::Address { address, before, after, .. } = row {
            text.row(out, address, before.as_ref(), after.as_ref())?;
        }
    }
    Ok(text.finish(out)?)
}

async fn all_rows(
    target: &mut CommandTarget,
    out: &mut Output,
    kept: KeptRows,
    text: &mut PlanText<'_>,
) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let (rows, next) = match kept {
            KeptRows::Change(id) => {
                let ChangePage { rows, next, .. } = target.ask(ChangesShow { id, after, limit: PAGE }).await?;
                (rows, next)
            }
            KeptRows::Plan(id) => {
                let PlanPage { rows, next, .. } = target.ask(PlanShow { id, after, limit: PAGE }).await?;
                (rows, next)
            }
        };
        for row in &rows {
            // A source changes no domain.
            if let ChangeRow::Address { address, before, after, .. } = row {
                put(out, text, address, before.as_ref(), after.as_ref())?;
            }
        }
        after = next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn put(
    out: &mut Output,
    text: &mut PlanText<'_>,
    address: &Address,
    before: Option<&AddressRecord>,
    after: Option<&AddressRecord>,
) -> io::Result<()> {
    match out.is_json() {
        true => out.object(&RowLine { change: RowChange::of(before, after), address, before, after }),
        false => text.row(out, address, before, after),
    }
}
