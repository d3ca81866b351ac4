//! A push that comes in several parts: kept until all are there, then done once, as a push that came whole. A connection
//! that is cut in between leaves the list as it was. Must not know how a part travelled.

use super::{ALIASES_MAX, ITEMS_MAX, PushItem, PushReading, PushReport};
use crate::actions::Actions;
use crate::apply_source::Then;
use crate::error::{ActionError, ErrorKind};
use doorlist_core::address::DomainName;
use doorlist_core::shrink_guard::OperationLimits;
use doorlist_store::recipients::Refusal;
use doorlist_store::source_book::{PUSH_BYTES_MAX, PUSH_BYTES_OF_CUSTOMER_MAX, PartKept, PushPart};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Parts of one push.
pub const PARTS_MAX: u32 = 1_000;
/// Accounts in one part.
pub const PART_ITEMS_MAX: usize = 10_000;
/// Characters of the word that names a push.
const PUSH_NAME_MAX: usize = 64;
/// How long the parts of a push that is not complete are kept.
pub(crate) const PARTS_WAIT: Duration = Duration::from_hours(1);
/// A push that takes longer is given up by whoever holds its lease.
const LEASE: Duration = Duration::from_mins(15);

/// A part of a push, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartWish {
    pub domain: DomainName,
    /// Which push: a word of the one who pushes, 1 to 64 letters, digits, `-` and `_`. The next push has another one.
    pub push: String,
    /// Which part, from 1.
    pub part: u32,
    pub parts: u32,
    pub items: Vec<PushItem>,
    /// How many changes the whole push may make; said alike in each part, as is all below.
    pub limits: OperationLimits,
    /// Write it; otherwise the plan alone is shown.
    pub apply: bool,
    /// Why the limits are passed over.
    pub reason: Option<String>,
}

/// What a part is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PushAnswer {
    /// All parts were there: what came of the push.
    Done(Box<PushReport>),
    /// It is kept; others are missing.
    Taken(PartTaken),
}

/// A part that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartTaken {
    /// So many parts are there.
    pub have: u32,
    pub parts: u32,
}

/// A part as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct KeptPart {
    terms: PushTerms,
    items: Vec<PushItem>,
}

/// What all parts of a push must say alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PushTerms {
    limits: OperationLimits,
    apply: bool,
    reason: Option<String>,
}

impl Actions {
    /// Takes a part of a push. With the last one the push is done: once, in whatever order the parts come and however
    /// often.
    ///
    /// # Errors
    /// When the part does not fit those before it, or the push cannot be done; the list is as it was then.
    pub async fn push_part(&self, wish: PartWish) -> Result<PushAnswer, ActionError> {
        check(&wish)?;
        let PartWish { domain, push, part, parts, items, limits, apply, reason } = wish;
        let name = self.services.domain_details(&domain).await?.summary.name;
        let body = to_json(&KeptPart { terms: PushTerms { limits, apply, reason }, items })?;
        let now = self.now();
        let kept = PushPart { domain: &name, push: &push, part, parts, actor: &self.caller().login, body: &body };
        match self.services.book.keep_part(&kept, now, now - PARTS_WAIT).await? {
            PartKept::Have(have) if have < parts => Ok(PushAnswer::Taken(PartTaken { have, parts })),
            PartKept::Have(_) => self.push_whole(&name, &push, parts).await,
            PartKept::Ended(outcome) => read(&outcome),
            no => Err(refused(&no, &name, &push, parts)),
        }
    }

    /// All parts are there. Of a domain one push is done at a time.
    async fn push_whole(&self, domain: &DomainName, push: &str, parts: u32) -> Result<PushAnswer, ActionError> {
        let (lease, holder) = (format!("push:{domain}"), self.services.lease_holder());
        if !self.services.book.take_lease(&lease, &holder, self.now(), LEASE).await? {
            let message = format!("another push of {domain} is being applied; send this part again in a moment");
            return Err(ActionError::new(ErrorKind::Busy, message));
        }
        let answer = self.push_alone(domain, push, parts).await;
        // It runs out by itself if the store is away.
        let _ = self.services.book.end_lease(&lease, &holder).await;
        answer
    }

    async fn push_alone(&self, domain: &DomainName, push: &str, parts: u32) -> Result<PushAnswer, ActionError> {
        let bodies = self.services.book.part_bodies(domain, push).await?;
        if bodies.len() != parts as usize {
            // Another call has ended it a moment ago: the part is answered with what came of it.
            let message = format!("the push {push} of {domain} has just ended; send this part again");
            return Err(ActionError::new(ErrorKind::Busy, message));
        }
        match self.push_joined(domain, &bodies).await {
            Ok((report, applies)) => {
                let answer = PushAnswer::Done(Box::new(report));
                let body = to_json(&answer)?;
                let outcome = PushPart { domain, push, part: 0, parts, actor: &self.caller().login, body: &body };
                self.services.book.end_push(&outcome, applies, self.now()).await?;
                Ok(answer)
            }
            Err(error) => {
                // The same may succeed later; otherwise these parts are of no use to anybody.
                if !matches!(
                    error.kind(),
                    ErrorKind::Store | ErrorKind::Moved | ErrorKind::Unavailable | ErrorKind::Busy
                ) {
                    self.services.book.forget_push(domain, Some(push)).await?;
                }
                Err(error)
            }
        }
    }

    async fn push_joined(&self, domain: &DomainName, bodies: &[String]) -> Result<(PushReport, bool), ActionError> {
        let (reading, terms) = joined(bodies, self.services.push_reading(domain).await?)?;
        let then = Then::of(terms.apply, terms.reason.as_deref());
        Ok((self.apply_push(reading, terms.limits, then).await?, terms.apply))
    }

    /// Takes the full state of a domain that came whole. What is there of others in parts is older, and forgotten.
    pub(crate) async fn push_at_once(
        &self,
        reading: PushReading,
        limits: OperationLimits,
        then: Then<'_>,
    ) -> Result<PushReport, ActionError> {
        let name = reading.domain.clone();
        let report = self.apply_push(reading, limits, then).await?;
        if then != Then::Show {
            // If the store is away, they are forgotten with their time.
            let _ = self.services.book.forget_push(&name, None).await;
        }
        Ok(report)
    }
}

fn check(wish: &PartWish) -> Result<(), ActionError> {
    let usage = |message: String| Err(ActionError::new(ErrorKind::Usage, message));
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !(1..=PUSH_NAME_MAX).contains(&wish.push.len()) || !wish.push.bytes().all(word) {
        return usage(format!("the name of a push must have 1 to {PUSH_NAME_MAX} letters, digits, - and _"));
    }
    if !(1..=PARTS_MAX).contains(&wish.parts) || !(1..=wish.parts).contains(&wish.part) {
        return usage(format!("a push must have 1 to {PARTS_MAX} parts, numbered from 1"));
    }
    wish.items.iter().try_for_each(|item| check_items(wish.items.len(), Some(item)))
}

/// Whether a part may have so many accounts, and this one.
pub(crate) fn check_items(items: usize, item: Option<&PushItem>) -> Result<(), ActionError> {
    if items > PART_ITEMS_MAX || item.is_some_and(|item| item.aliases.len() > ALIASES_MAX) {
        let message = format!("a part has at most {PART_ITEMS_MAX} accounts, each with at most {ALIASES_MAX} aliases");
        return Err(ActionError::new(ErrorKind::Data, message));
    }
    Ok(())
}

/// All parts as one, an account after the other.
fn joined(bodies: &[String], mut reading: PushReading) -> Result<(PushReading, PushTerms), ActionError> {
    let mut terms: Option<PushTerms> = None;
    for body in bodies {
        let kept: KeptPart = read(body)?;
        if terms.as_ref().is_some_and(|terms| *terms != kept.terms) {
            let message = "all parts of a push must have the same test_run, limits and reason; nothing was changed \
                           and the parts were dropped. Push again with another name";
            return Err(ActionError::new(ErrorKind::Usage, message));
        }
        terms = Some(kept.terms);
        if reading.items + kept.items.len() > ITEMS_MAX {
            let message = format!("a push has at most {ITEMS_MAX} accounts; nothing was changed");
            return Err(ActionError::new(ErrorKind::Data, message));
        }
        kept.items.iter().for_each(|item| reading.item(item));
    }
    match terms {
        Some(terms) => Ok((reading, terms)),
        None => Err(ActionError::new(ErrorKind::Data, "a push without parts; nothing was changed")),
    }
}

fn refused(kept: &PartKept, domain: &DomainName, push: &str, parts: u32) -> ActionError {
    let message = match kept {
        PartKept::NoDomain => return Refusal::UnknownDomain { name: domain.clone() }.into(),
        PartKept::OfAnother => format!("push {push} belongs to another login; use another name"),
        PartKept::OtherCount(before) => {
            format!("push {push} started with {before} parts, not {parts}; push again with another name")
        }
        PartKept::TooLarge => {
            let (one, all) = (PUSH_BYTES_MAX >> 20, PUSH_BYTES_OF_CUSTOMER_MAX >> 20);
            format!(
                "the push {push} has more than {one} MiB, or all open pushes of its customer more than {all} MiB; \
                     nothing was changed"
            )
        }
        _ => format!("this part of push {push} was sent before with another content; push again with another name"),
    };
    ActionError::new(if *kept == PartKept::TooLarge { ErrorKind::Data } else { ErrorKind::Refused }, message)
}

fn to_json(value: &impl Serialize) -> Result<String, ActionError> {
    serde_json::to_string(value).map_err(|e| ActionError::new(ErrorKind::Store, e.to_string()))
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, ActionError> {
    serde_json::from_str(text)
        .map_err(|e| ActionError::new(ErrorKind::Store, format!("a part of a push is damaged: {e}")))
}
