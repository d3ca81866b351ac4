//! Pushed data: an identity system tells the full state of a domain as addresses with their aliases. Must not know how
//! it travelled.

mod parts;
mod reader;
mod take;

pub use parts::{PART_ITEMS_MAX, PARTS_MAX, PartTaken, PartWish, PushAnswer};
pub use reader::{ITEM_OCTETS_MAX, PushFault, PushReader, PushState};
pub use take::{PUSH_WINDOW, PushPartOf, PushWish};

pub(crate) use parts::PARTS_WAIT;

use crate::action::{Action, Reach};
use crate::actions::Actions;
use crate::apply_source::{PlanReport, SourceInput, Then, check_reason};
use crate::error::{ActionError, ErrorKind};
use crate::services::Services;
use doorlist_core::address::{Address, DomainName, LocalPart, is_cleaned};
use doorlist_core::change::{Actor, Source, Structure, Via};
use doorlist_core::shrink_guard::OperationLimits;
use doorlist_core::source_rows::{
    PROBLEMS_KEPT_MAX, PackedRows, RowPosition, RowProblem, SourceRow, normalize_packed, shown,
};
use doorlist_store::recipients::{Coverage, EXAMPLES_MAX};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Accounts that are pushed at once.
pub const ITEMS_MAX: usize = 1_000_000;
/// Aliases of one of them.
pub(crate) const ALIASES_MAX: usize = 10_000;

/// An account as it is pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushItem {
    pub email: String,
    /// Its further addresses: whole ones, or local parts.
    #[serde(default, deserialize_with = "few_aliases")]
    pub aliases: Vec<String>,
    /// It is a distribution list.
    #[serde(default, skip_serializing_if = "is_false")]
    pub distribution_list: bool,
    /// It and its aliases are listed and take no mail.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The aliases of an account; of too many, no more than are needed to see that.
fn few_aliases<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct Aliases;
    impl<'de> Visitor<'de> for Aliases {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sequence")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
            let mut aliases = Vec::new();
            while aliases.len() <= ALIASES_MAX {
                let Some(alias) = list.next_element()? else { return Ok(aliases) };
                aliases.push(alias);
            }
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(aliases)
        }
    }
    from.deserialize_seq(Aliases)
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushReport {
    pub plan: PlanReport,
    /// Items and aliases that are no addresses, the first of them, and where the data contradict themselves.
    pub problems: Vec<RowProblem>,
    pub problems_total: u64,
    /// Addresses of other domains, and names that are no mail addresses (`sip:`, `x500:`); left out.
    pub left_out: u64,
}

/// Pushes the full state of a domain, from an identity system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Push {
    pub domain: DomainName,
    /// Its accounts, at most [`ITEMS_MAX`].
    pub items: Vec<PushItem>,
    #[serde(default)]
    pub limits: OperationLimits,
    /// Write it; otherwise the plan alone is shown.
    pub apply: bool,
    /// Why the limits are overridden.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Action for Push {
    type Answer = PushReport;

    fn reach(&self) -> Reach {
        Reach::Machine
    }

    fn is_heavy(&self) -> bool {
        true
    }

    async fn run(self, actions: &Actions) -> Result<PushReport, ActionError> {
        let Self { domain, items, limits, apply, reason } = self;
        let mut reading = actions.services.push_reading(&domain).await?;
        items.iter().try_for_each(|item| reading.take(item))?;
        drop(items);
        actions.push_at_once(reading, limits, Then::of(apply, reason.as_deref())).await
    }
}

impl Services {
    /// What is pushed of a domain is judged by its names.
    pub(crate) async fn push_reading(&self, domain: &DomainName) -> Result<PushReading, ActionError> {
        let details = self.domain_details(domain).await?;
        Ok(PushReading::of(details.summary.name, details.domain_aliases))
    }
}

impl Actions {
    /// Takes the full state of a domain. An empty one is refused: it never removes anybody.
    pub(crate) async fn apply_push(
        &self,
        reading: PushReading,
        limits: OperationLimits,
        then: Then<'_>,
    ) -> Result<PushReport, ActionError> {
        if let Then::Override(reason) = then {
            check_reason(reason)?;
        }
        let began = self.now();
        let PushReading { domain: name, rows, mut problems, mut problems_total, left_out, .. } = reading;
        if rows.is_empty() {
            let message = format!(
                "the data has no address of {name}; an empty list never removes recipients. Nothing was \
                         changed"
            );
            return Err(ActionError::new(ErrorKind::Data, message));
        }
        let list = normalize_packed(rows);
        problems.extend(list.conflicts.iter().take(PROBLEMS_KEPT_MAX.saturating_sub(problems.len())).cloned());
        problems_total += list.conflicts_total;
        let summary = format!("{} addresses of {name} pushed", list.rows.len());
        let input = SourceInput {
            domain: &name,
            source: &Source::Push,
            coverage: Coverage::Whole,
            file: None,
            only_own_file: false,
            examples_max: EXAMPLES_MAX,
            summary: &summary,
            limits,
            report: "{}",
            then,
        };
        let actor = Actor { via: Via::Push, ..self.actor() };
        let plan = self.apply_source(&input, list, &actor).await?;
        if then != Then::Show {
            self.note_run(&input, began, &plan, "{}".to_owned()).await?;
        }
        Ok(PushReport { plan, problems, problems_total, left_out })
    }
}

/// Pushed data on the way to rows.
#[derive(Debug)]
pub(crate) struct PushReading {
    pub(crate) domain: DomainName,
    aliases: Vec<DomainName>,
    /// So many accounts were read.
    pub(crate) items: usize,
    pub(crate) rows: PackedRows,
    pub(crate) problems: Vec<RowProblem>,
    pub(crate) problems_total: u64,
    pub(crate) left_out: u64,
    /// Invisible characters are removed, so many until now.
    pub(crate) cleaned: Option<u64>,
}

impl PushReading {
    pub(crate) fn of(domain: DomainName, aliases: Vec<DomainName>) -> Self {
        let rows = PackedRows::default();
        Self { domain, aliases, items: 0, rows, problems: Vec::new(), problems_total: 0, left_out: 0, cleaned: None }
    }

    /// Takes an account of a push, which has no more than so many.
    pub(crate) fn take(&mut self, item: &PushItem) -> Result<(), ActionError> {
        if self.items >= ITEMS_MAX || item.aliases.len() > ALIASES_MAX {
            let message = format!("a push has at most {ITEMS_MAX} accounts, each with at most {ALIASES_MAX} aliases");
            return Err(ActionError::new(ErrorKind::Data, message));
        }
        self.item(item);
        Ok(())
    }

    /// Takes an account of a file.
    pub(crate) fn item(&mut self, item: &PushItem) {
        self.items += 1;
        let number = u32::try_from(self.items).unwrap_or(u32::MAX);
        let Some(account) = self.local(number, &item.email) else { return };
        let structure = if item.distribution_list { Structure::DistributionList } else { Structure::Mailbox };
        self.row(number, account.clone(), structure, item.disabled);
        for alias in &item.aliases {
            if let Some(local) = self.local(number, alias).filter(|local| *local != account) {
                self.row(number, local, Structure::AliasOf(account.clone()), item.disabled);
            }
        }
    }

    fn row(&mut self, number: u32, local: LocalPart, structure: Structure, switched_off: bool) {
        self.rows.push(&SourceRow { local, structure, switched_off, place: RowPosition::Item(number) });
    }

    fn clean<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        match &mut self.cleaned {
            Some(removed) if text.contains(is_cleaned) => {
                *removed += text.chars().filter(|c| is_cleaned(*c)).count() as u64;
                Cow::Owned(text.replace(is_cleaned, ""))
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// A local part of the domain, if the text is an address of it.
    fn local(&mut self, number: u32, text: &str) -> Option<LocalPart> {
        let text = self.clean(text.trim());
        let text = match text.split_once(':') {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("smtp") => rest,
            // Another kind of name: sip, x500, EUM ...
            Some((prefix, _)) if prefix.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                self.left_out += 1;
                return None;
            }
            _ => &*text,
        };
        let parsed = match text.contains('@') {
            true => text.parse::<Address>().map(|a| (a.local().clone(), Some(a.domain().clone()))),
            false => LocalPart::parse(text.as_bytes()).map(|local| (local, None)),
        };
        match parsed {
            Ok((local, domain)) if domain.as_ref().is_none_or(|d| *d == self.domain || self.aliases.contains(d)) => {
                Some(local)
            }
            Ok(_) => {
                self.left_out += 1;
                None
            }
            Err(error) => {
                self.problems_total += 1;
                if self.problems.len() < PROBLEMS_KEPT_MAX {
                    let place = RowPosition::Item(number).to_string();
                    let (value, why) = (shown(text.as_bytes()), error.to_string());
                    self.problems.push(RowProblem { place, column: None, value, why });
                }
                None
            }
        }
    }
}
