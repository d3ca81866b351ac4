//! Pushes a domain's full state in several parts under one name: a part can be sent again, and an incomplete push
//! changes nothing.

use super::attempts::Again;
use super::exchange::Call;
use super::{Remote, answers};
use crate::exit::{Exit, Failure, OrExit};
use doorlist_actions::{PARTS_MAX, PushAnswer, PushItem, PushReport};
use doorlist_core::address::DomainName;
use doorlist_core::shrink_guard::OperationLimits;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use std::fmt::Write;

const REMOTE_DATA: &str = "/api/v1/ldapsync/remote_data/";

/// Size limits of parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PushSize {
    pub items: usize,
    /// Maximum octets of accounts; a larger account gets its own part.
    pub octets: usize,
}

impl Default for PushSize {
    fn default() -> Self {
        Self { items: 5_000, octets: 900 << 10 }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct OutgoingPush<'a> {
    pub domain: &'a DomainName,
    /// All of its accounts.
    pub items: &'a [PushItem],
    pub limits: OperationLimits,
    /// Whether it is a dry run.
    pub test_run: bool,
    /// How large its parts are.
    pub size: PushSize,
}

#[derive(Serialize)]
struct PushBody<'a> {
    items: &'a [PushItem],
    limits: OperationLimits,
}

impl Remote {
    /// Pushes all parts. Returns the result and their number.
    pub(crate) async fn push(&self, push: &OutgoingPush<'_>) -> Result<(PushReport, usize), Failure> {
        let parts = cut(push.items, push.size);
        if parts.len() > PARTS_MAX as usize {
            let why = format_args!("{} needs more than {PARTS_MAX} parts; nothing was pushed", push.domain);
            return Err(Failure::because(Exit::FAILURE, why));
        }
        let name = push_name()?;
        let mut have = 0;
        for (number, items) in (1..).zip(&parts) {
            let (domain, test_run) = (push.domain, u8::from(push.test_run));
            let path = format!(
                "{REMOTE_DATA}?domain={domain}&test_run={test_run}&push={name}&part={number}&parts={}",
                parts.len()
            );
            let body = serde_json::to_vec(&PushBody { items, limits: push.limits }).or_exit(Exit::SYSTEM)?;
            let call = Call { path, body: body.into() };
            let answered = self.ask(&call, Again::Always).await.map_err(|trouble| trouble.of_push(&self.place))?;
            match answers::of_push(&answered, &self.place)? {
                PushAnswer::Done(report) => return Ok((*report, parts.len())),
                PushAnswer::Taken(taken) => have = taken.have,
            }
        }
        let why = format_args!(
            "{} has {have} of {} parts of this push of {}; it dropped the others, perhaps because of a newer push. \
             The list there is unchanged; the next push sends everything again",
            self.place,
            parts.len(),
            push.domain
        );
        Err(Failure::because(Exit::LATER, why))
    }
}

/// Splits the items into parts; no items give one empty part.
fn cut(items: &[PushItem], size: PushSize) -> Vec<&[PushItem]> {
    let mut parts = Vec::new();
    let (mut from, mut octets) = (0, 0);
    for (at, item) in items.iter().enumerate() {
        // The JSON around an address and around an alias, and what of an address is escaped, is in these numbers.
        let of_item = 80 + 2 * item.email.len() + item.aliases.iter().map(|alias| 4 + 2 * alias.len()).sum::<usize>();
        if at > from && (at - from >= size.items || octets + of_item > size.octets) {
            parts.push(&items[from..at]);
            (from, octets) = (at, 0);
        }
        octets += of_item;
    }
    parts.push(&items[from..]);
    parts
}

/// A random name for a push.
fn push_name() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Failure::because(Exit::SYSTEM, "the system provides no random numbers; nothing was pushed"))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::{PushSize, cut};
    use doorlist_actions::PushItem;

    #[test]
    fn parts_are_cut_by_count_and_by_octets() {
        let items: Vec<PushItem> =
            (0..11).map(|n| PushItem { email: format!("user{n}"), ..PushItem::default() }).collect();
        let sizes = |size| cut(&items, size).iter().map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(sizes(PushSize { items: 5, octets: 1 << 20 }), [5, 5, 1]);
        assert_eq!(sizes(PushSize { items: 11, octets: 1 << 20 }), [11]);
        assert_eq!(sizes(PushSize { items: 5, octets: 300 }), [3, 3, 3, 2]);
        assert_eq!(sizes(PushSize { items: 5, octets: 1 }), [1; 11], "one that is too large is by itself");
        assert_eq!(cut(&[], PushSize::default()), [&[] as &[PushItem]]);
    }
}
