//! Verifies exported audit files like the chain in the store. Prints nothing of a file: root may be asked to verify a
//! file of another user.

use crate::command_target::CommandTarget;
use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use doorlist_actions::{AuditCheckPart, AuditLink, AuditPartCheck, AuditPartChecked, AuditVerdict, HeadFinding};
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Maximum octets of a file; far above what the server writes.
const FILE_MAX: u64 = 128 << 20;
const LINES: usize = 1_000;

/// The header of a part.
#[derive(Debug, Deserialize)]
struct Begin {
    node: u16,
    number: u64,
    seal: String,
    mark: String,
}

#[derive(Debug)]
struct ExportedPart {
    name: String,
    begin: Begin,
    /// Number, time, text and seal.
    lines: Vec<(u64, i64, String, String)>,
}

/// All given parts, the oldest first.
#[derive(Debug)]
pub(super) struct Exported {
    parts: Vec<ExportedPart>,
    /// Seals of verified entries.
    seals: HashMap<u64, String>,
}

impl Exported {
    /// Reads files of this node's chain.
    pub(super) fn read(files: &[PathBuf], node: u16) -> Result<Self, Failure> {
        let mut parts = files.iter().map(|path| part(path)).collect::<Result<Vec<_>, Failure>>()?;
        if let Some(other) = parts.iter().find(|part| part.begin.node != node) {
            let (name, of) = (&other.name, other.begin.node);
            let why = format!(
                "{name} belongs to node {of}, this audit log to node {node}; run the command on that \
                               node"
            );
            return Err(Failure::because(Exit::USAGE, why));
        }
        parts.sort_by_key(|part| part.begin.number);
        Ok(Self { parts, seals: HashMap::new() })
    }

    /// Verifies all entries up to those in the store. Returns the faults.
    pub(super) async fn check(
        &mut self,
        target: &mut CommandTarget,
        verdict: &AuditVerdict,
    ) -> Result<Vec<String>, Failure> {
        let mut faults = Vec::new();
        let mut link: Option<AuditLink> = None;
        for part in std::mem::take(&mut self.parts) {
            let begin = AuditLink { number: part.begin.number, seal: part.begin.seal };
            // Only the first one's beginning needs its mark; the others follow.
            let (after, mut mark) = match link.take() {
                Some(link) => (link, None),
                None => (begin.clone(), Some(part.begin.mark)),
            };
            if begin.number > after.number {
                faults.push(format!("entries {} to {} are missing from the files", after.number + 1, begin.number));
                return Ok(faults);
            }
            let mut last = after;
            // A part that was written twice, because its end was not reached the first time, begins anew in the next file.
            let lines: Vec<_> = part.lines.into_iter().filter(|line| line.0 > last.number).collect();
            for page in lines.chunks(LINES) {
                if let Some(line) = broken_at(target, verdict.node, &last, mark.take(), page).await? {
                    faults.push(format!("{} was changed: entry {line} does not match its seal", part.name));
                    return Ok(faults);
                }
                for (number, _, _, seal) in page {
                    self.seals.insert(*number, seal.clone());
                    last = AuditLink { number: *number, seal: seal.clone() };
                }
            }
            link = Some(last);
        }
        if let Some(last) = link.filter(|last| last.number < verdict.start.number) {
            let (from, to) = (last.number + 1, verdict.start.number);
            faults.push(format!("entries {from} to {to} are missing from the files and the store"));
        } else if self.seals.get(&verdict.start.number).is_some_and(|seal| *seal != verdict.start.seal) {
            faults.push("the entries in the store do not continue those in the files".to_owned());
        }
        Ok(faults)
    }

    /// Looks up the entry of a head, after all files were verified. The head itself was checked before.
    pub(super) fn finding(&self, head: &str) -> HeadFinding {
        let words: Vec<&str> = head.trim().split('.').collect();
        let number = words.get(2).and_then(|number| number.parse().ok()).unwrap_or(0);
        match (self.seals.get(&number), words.get(4)) {
            (Some(here), Some(kept)) if here == kept => HeadFinding::Holds,
            (Some(_), _) => HeadFinding::Replaced,
            (None, _) => HeadFinding::TakenOut,
        }
    }
}

async fn broken_at(
    target: &mut CommandTarget,
    node: u16,
    after: &AuditLink,
    mark: Option<String>,
    lines: &[(u64, i64, String, String)],
) -> Result<Option<u64>, Failure> {
    let gap = (after.number + 1..).zip(lines).find(|(number, line)| *number != line.0);
    if let Some((number, _)) = gap {
        return Ok(Some(number));
    }
    let lines = lines.iter().map(|(_, time, entry, seal)| (*time, entry.clone(), seal.clone())).collect();
    let check = AuditPartCheck { node, after: after.clone(), mark, lines };
    let AuditPartChecked { broken_at } = target.ask(AuditCheckPart { part: Box::new(check) }).await?;
    Ok(broken_at)
}

fn part(path: &Path) -> Result<ExportedPart, Failure> {
    let name = path.display().to_string();
    let text = text(path).with_context(|| format!("cannot read {name}")).or_exit(Exit::NO_INPUT)?;
    let wrong = || Failure::because(Exit::NO_INPUT, format!("{name} is not an exported audit file"));
    let mut lines = text.lines();
    let begin = lines.next().and_then(|line| serde_json::from_str(line).ok()).ok_or_else(wrong)?;
    let lines = lines.map(|line| serde_json::from_str(line).map_err(|_| wrong())).collect::<Result<_, _>>()?;
    Ok(ExportedPart { name, begin, lines })
}

/// Reads a regular file, without following links or blocking.
fn text(path: &Path) -> std::io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    file.take(FILE_MAX).read_to_string(&mut text)?;
    Ok(text)
}
