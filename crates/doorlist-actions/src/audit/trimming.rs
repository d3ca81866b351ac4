//! The oldest lines of the audit go: those beyond their term for good, those beyond its size into files. Either way the chain
//! begins behind the last of them, with its seal, and a mark that only the secret key makes.

use super::chain::{AuditLink, secrets_error};
use crate::error::ActionError;
use crate::ports::AuditPart;
use crate::services::Services;
use doorlist_core::time::Timestamp;
use doorlist_store::audit::AuditEntry;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Lines that one transaction takes out.
const STEP: u32 = 1_000;
/// Octets of a file, about.
const PART_MAX: u64 = 16 << 20;
/// When there is too much, as much goes as this part of all that may be, so that it need not be done all the time.
const ROOM: u64 = 8;

/// How long the audit is kept, and how large it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditTerms {
    /// How long lines are kept, in the store and in files.
    pub keep: Duration,
    /// Octets of the lines in the store; nodes that share one have equal parts of it.
    pub size_max: u64,
    /// Files of exported lines.
    pub files_max: usize,
}

impl Default for AuditTerms {
    fn default() -> Self {
        Self { keep: Duration::from_hours(24 * 400), size_max: 1 << 30, files_max: 64 }
    }
}

impl Services {
    /// Trims the audit of this node, whose key marks where it begins; tells what was exported or removed, a sentence each.
    pub(crate) async fn audit_trim(&self) -> Result<Vec<String>, ActionError> {
        let (terms, node) = (&self.retention.audit, self.node_number);
        let before = self.now() - terms.keep;
        self.take_out_old(node, before).await?;
        let mut told = Vec::new();
        let sizes = self.audit_sizes().await?;
        // Each node has the same part of it.
        let size_max = terms.size_max / (sizes.len() as u64).max(1);
        let mut size = sizes.get(&node).copied().unwrap_or(0);
        if size > size_max {
            while size > size_max - size_max / ROOM
                && let Some((octets, sentence)) = self.export_oldest(node, size_max).await?
            {
                size = size.saturating_sub(octets);
                told.push(sentence);
            }
        }
        let gone = self.archive.prune(before, terms.files_max).await.map_err(secrets_error)?;
        let sentence = |name| format!("the exported audit {name} was removed (audit.keep, audit.files_max)");
        told.extend(gone.into_iter().map(sentence));
        Ok(told)
    }

    /// Removes the chains of other nodes that are gone: all of their lines are beyond the term.
    pub(crate) async fn audit_forget_nodes(&self) -> Result<(), ActionError> {
        let before = self.now() - self.retention.audit.keep;
        let others = self.audit_sizes().await?.into_keys().filter(|node| *node != self.node_number);
        for node in others {
            if self.audit.last(node).await?.is_some_and(|last| last.time < before) {
                self.audit.forget(node).await?;
            }
        }
        Ok(())
    }

    /// How many octets, by node.
    async fn audit_sizes(&self) -> Result<BTreeMap<u16, u64>, ActionError> {
        let mut sizes = BTreeMap::new();
        for size in self.audit.sizes().await? {
            *sizes.entry(size.node).or_default() += size.octets;
        }
        Ok(sizes)
    }

    /// Takes out lines from before this time, but never a chain's last line, which the next one follows.
    async fn take_out_old(&self, node: u16, before: Timestamp) -> Result<(), ActionError> {
        loop {
            let mut lines = self.oldest(node, None).await?;
            let old = lines.iter().take_while(|line| line.time < before).count();
            let is_all = old == lines.len();
            lines.truncate(old);
            let Some(last) = lines.last() else { return Ok(()) };
            self.audit.take_out(node, &self.marked_start(node, AuditLink::from(last))?).await?;
            if !is_all {
                return Ok(());
            }
        }
    }

    /// A page of a chain's lines from its beginning or behind a line, without its last.
    async fn oldest(&self, node: u16, after: Option<u64>) -> Result<Vec<AuditEntry>, ActionError> {
        let after = match after {
            Some(after) => after,
            None => self.audit.start(node).await?.map_or(0, |start| start.number),
        };
        let last = self.audit.last(node).await?.map_or(0, |last| last.number);
        let mut lines = self.audit.after(node, after, STEP).await?;
        lines.retain(|line| line.number < last);
        Ok(lines)
    }

    /// Writes the oldest part of a chain to a file, then takes it out. Gives its octets; `None`: nothing is left to go.
    async fn export_oldest(&self, node: u16, size_max: u64) -> Result<Option<(u64, String)>, ActionError> {
        let start = match self.audit.start(node).await? {
            Some(start) => start,
            None => self.marked_start(node, AuditLink::default())?,
        };
        let head = json!({"node": node, "number": start.number, "seal": start.seal, "mark": start.mark});
        let mut part = AuditPart {
            node,
            first: start.number + 1,
            last: start.number,
            newest: Timestamp::default(),
            text: format!("{head}\n"),
        };
        let (mut octets, mut steps) = (0, Vec::new());
        let most = PART_MAX.min(size_max / ROOM).max(1);
        while octets < most {
            let lines = self.oldest(node, Some(part.last)).await?;
            let Some(last) = lines.last() else { break };
            (part.last, part.newest) = (last.number, part.newest.max(last.time));
            steps.push(AuditLink::from(last));
            for line in &lines {
                octets += line.octets();
                part.text.push_str(&json!([line.number, line.time.as_millis(), line.entry, line.seal]).to_string());
                part.text.push('\n');
            }
        }
        let Some(end) = steps.last().cloned() else { return Ok(None) };
        self.archive.keep(&part).await.map_err(secrets_error)?;
        for step in steps {
            self.audit.take_out(node, &self.marked_start(node, step)?).await?;
        }
        let AuditLink { number, seal } = end;
        let sentence =
            format!("the audit of node {node} was exported up to line {number}; it begins behind the seal {seal}");
        Ok(Some((octets, sentence)))
    }
}
