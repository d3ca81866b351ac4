//! The chain: each line's seal is a MAC over the line and the seal before it, under a key derived from the secret key. A line that was
//! changed, put in or taken out breaks the chain from there on, for whoever does not have that key. Lines from before
//! there was a secret key have plain hashes, which the first keyed seal fixes as they were then.

use super::head::HeadFinding;
use super::{AuditNote, AuditRecord};
use crate::error::{ActionError, ErrorKind};
use crate::services::Services;
use doorlist_store::audit::{AuditEntry, AuditStart};
use serde::{Deserialize, Serialize};

/// Lines that are read at a time.
const PAGE: u32 = 1_000;
/// What seals of lines are made for.
const LINE_PURPOSE: &str = "audit line";
/// What the marks of chains' beginnings are made for.
const START_PURPOSE: &str = "audit start";
/// In front of a seal that was made with a key.
const KEYED: &str = "k1:";

/// Where a chain stands: behind its line of this number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLink {
    /// The number of a line; 0: before the first.
    pub number: u64,
    pub seal: String,
}

impl From<&AuditEntry> for AuditLink {
    fn from(entry: &AuditEntry) -> Self {
        Self { number: entry.number, seal: entry.seal.clone() }
    }
}

/// What a look at the whole chain of a node found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerdict {
    pub node: u16,
    /// Lines that are in the store.
    pub lines: u64,
    /// Behind which line the chain begins, since older ones were taken out.
    pub start: AuditLink,
    /// The first line whose seal does not fit what is before it.
    pub broken_at: Option<u64>,
    /// The first line that was sealed with the secret key.
    pub keyed_from: Option<u64>,
    /// What became of the head that was shown.
    pub head: Option<HeadFinding>,
}

impl AuditVerdict {
    /// Whether nothing speaks against the chain.
    pub fn is_whole(&self) -> bool {
        let is_keyed = self.lines == 0 || self.keyed_from.is_some();
        self.broken_at.is_none() && is_keyed && self.head.as_ref().is_none_or(|head| *head == HeadFinding::Holds)
    }
}

/// Lines of an exported part, to be checked behind a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPartCheck {
    /// Of which node's chain.
    pub node: u16,
    /// What they come behind.
    pub after: AuditLink,
    /// What shows that the chain stood there; given with the first lines of the first file.
    pub mark: Option<String>,
    /// A time, a text and a seal each; numbers count on.
    pub lines: Vec<(i64, String, String)>,
}

/// Follows a chain from line to line.
pub(super) struct Follow<'a> {
    services: &'a Services,
    node: u16,
    pub(super) last: AuditLink,
    pub(super) broken_at: Option<u64>,
    pub(super) keyed_from: Option<u64>,
}

impl<'a> Follow<'a> {
    pub(super) fn after(services: &'a Services, node: u16, last: AuditLink) -> Self {
        Self { services, node, last, broken_at: None, keyed_from: None }
    }

    pub(super) fn line(&mut self, number: u64, time: i64, entry: &str, seal: &str) -> Result<(), ActionError> {
        let follows = self.last.number + 1 == number;
        let fits = match seal.strip_prefix(KEYED) {
            Some(mac) => {
                self.keyed_from.get_or_insert(number);
                let text = line_text(self.node, &self.last.seal, number, time, entry);
                self.services.secrets.is_mac(LINE_PURPOSE, &text, mac).map_err(secrets_error)?
            }
            // Behind a seal with a key no other may come.
            None => self.keyed_from.is_none() && self.services.plain_seal(&self.last.seal, number, entry) == seal,
        };
        if !(follows && fits) {
            self.broken_at.get_or_insert(number);
        }
        self.last = AuditLink { number, seal: seal.to_owned() };
        Ok(())
    }
}

fn line_text(node: u16, before: &str, number: u64, time: i64, entry: &str) -> String {
    format!("{node}\n{number}\n{time}\n{before}\n{entry}")
}

pub(super) fn secrets_error(why: String) -> ActionError {
    ActionError::new(ErrorKind::Store, why)
}

impl Services {
    /// Adds lines to this node's chain, each with the tenant in whose share it counts, all or none; gives where the chain
    /// stands then. If `expected` is given and the chain does not stand there, a line says so first.
    pub(super) async fn audit_append(
        &self,
        lines: Vec<(String, AuditRecord)>,
        expected: Option<&AuditLink>,
    ) -> Result<AuditLink, ActionError> {
        let mut link = self.audit_stands().await?;
        self.audit_key(&link).await?;
        let mut notes = Vec::new();
        if link.number > 0 && !link.seal.starts_with(KEYED) {
            notes
                .push(format!("lines are sealed with the secret key from here on; the {} before are not", link.number));
        }
        if let Some(expected) = expected.filter(|expected| **expected != link) {
            notes.push(format!("the chain was changed under the server: it stood at line {}", expected.number));
        }
        let now = self.now();
        let note = |note| (String::new(), AuditRecord::Note(AuditNote { time: now, note }));
        let mut entries = Vec::with_capacity(lines.len() + notes.len());
        for (tenant, record) in notes.into_iter().map(note).chain(lines) {
            let entry = serde_json::to_string(&record).map_err(|e| secrets_error(e.to_string()))?;
            let (number, time) = (link.number + 1, record.time());
            let text = line_text(self.node_number, &link.seal, number, time.as_millis(), &entry);
            let mac = self.secrets.mac(LINE_PURPOSE, &text).map_err(secrets_error)?;
            link = AuditLink { number, seal: format!("{KEYED}{mac}") };
            entries.push(AuditEntry { number, time, entry, seal: link.seal.clone(), tenant });
        }
        if !entries.is_empty() {
            self.audit.append(self.node_number, &entries).await?;
        }
        Ok(link)
    }

    /// Where this node's chain stands.
    pub(super) async fn audit_stands(&self) -> Result<AuditLink, ActionError> {
        if let Some(last) = self.audit.last(self.node_number).await? {
            return Ok(AuditLink::from(&last));
        }
        Ok(self.audit_begins(self.node_number).await?.0)
    }

    /// Makes the secret key if nothing is sealed with one, in this chain or elsewhere: one that is lost is missed, not
    /// replaced.
    pub(super) async fn audit_key(&self, stands: &AuditLink) -> Result<(), ActionError> {
        if !stands.seal.starts_with(KEYED) && !self.book.keeps_secrets().await? {
            self.secrets.make_key().map_err(secrets_error)?;
        }
        Ok(())
    }

    /// Behind which line a node's chain begins, and whether the service itself says so.
    async fn audit_begins(&self, node: u16) -> Result<(AuditLink, bool), ActionError> {
        let Some(start) = self.audit.start(node).await? else { return Ok((AuditLink::default(), true)) };
        let link = AuditLink { number: start.number, seal: start.seal };
        let is_ours = self.is_start(node, &link, &start.mark)?;
        Ok((link, is_ours))
    }

    pub(super) fn is_start(&self, node: u16, link: &AuditLink, mark: &str) -> Result<bool, ActionError> {
        self.secrets.is_mac(START_PURPOSE, &start_text(node, link), mark).map_err(secrets_error)
    }

    pub(super) fn marked_start(&self, node: u16, link: AuditLink) -> Result<AuditStart, ActionError> {
        let mark = self.secrets.mac(START_PURPOSE, &start_text(node, &link)).map_err(secrets_error)?;
        Ok(AuditStart { number: link.number, seal: link.seal, mark })
    }

    /// The seal of a line from before lines were sealed with a key.
    fn plain_seal(&self, before: &str, number: u64, entry: &str) -> String {
        self.secrets.hash(&format!("audit\n{before}\n{number}\n{entry}"))
    }

    /// Follows this node's chain from its beginning to its end.
    pub(super) async fn audit_verify(&self, head: Option<&str>) -> Result<AuditVerdict, ActionError> {
        let node = self.node_number;
        let (start, is_ours) = self.audit_begins(node).await?;
        let head = head.map(|head| self.read_head(head)).transpose()?;
        let shown = head.as_ref().and_then(|head| head.as_ref().ok()).map(|head| head.number);
        let mut seal_there = None;
        let mut follow = Follow::after(self, node, start.clone());
        let mut lines = 0;
        loop {
            let page = self.audit.after(node, follow.last.number, PAGE).await?;
            if page.is_empty() {
                break;
            }
            for entry in &page {
                follow.line(entry.number, entry.time.as_millis(), &entry.entry, &entry.seal)?;
                lines += 1;
                if shown == Some(entry.number) {
                    seal_there = Some(entry.seal.clone());
                }
            }
        }
        // Of a chain that was begun something always stays.
        let is_empty = lines == 0 && start.number > 0;
        let broken_at = if is_ours && !is_empty { follow.broken_at } else { Some(start.number + 1) };
        let head = head.map(|read| match read {
            Ok(head) => head.finding(node, &start, &follow.last, seal_there.as_deref()),
            Err(finding) => finding,
        });
        Ok(AuditVerdict { node, lines, start, broken_at, keyed_from: follow.keyed_from, head })
    }

    /// Follows lines of an exported part; the first that does not fit.
    pub(super) fn audit_check_part(&self, part: &AuditPartCheck) -> Result<Option<u64>, ActionError> {
        let first = part.after.number + 1;
        if let Some(mark) = &part.mark
            && part.after.number > 0
            && !self.is_start(part.node, &part.after, mark)?
        {
            return Ok(Some(first));
        }
        let mut follow = Follow::after(self, part.node, part.after.clone());
        if part.after.seal.starts_with(KEYED) {
            follow.keyed_from = Some(part.after.number);
        }
        for (number, (time, entry, seal)) in (first..).zip(&part.lines) {
            follow.line(number, *time, entry, seal)?;
        }
        Ok(follow.broken_at)
    }
}

fn start_text(node: u16, link: &AuditLink) -> String {
    format!("{node}\n{}\n{}", link.number, link.seal)
}
