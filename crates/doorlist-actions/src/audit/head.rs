//! A head: where a node's chain stands, with a MAC, as one word that can be kept elsewhere. Whoever kept it can tell later
//! that lines up to there were neither changed nor cut off.

use super::chain::{AuditLink, secrets_error};
use crate::error::ActionError;
use crate::services::Services;
use doorlist_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What heads are signed for.
const PURPOSE: &str = "audit head";
/// In front of a head: how it is written.
const FORMAT: &str = "1";
/// Characters of a head; longer ones are none.
const TEXT_MAX: usize = 400;

/// Where a chain stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    pub node: u16,
    /// The number of its last line; 0: it has none.
    pub number: u64,
    /// When the head was made.
    pub time: Timestamp,
    /// The seal of that line.
    pub seal: String,
    /// All of it, signed, in one word.
    pub head: String,
}

/// What became of the line that a head names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadFinding {
    /// It is there as it was.
    Holds,
    /// The head was not made with this server's secret key, or was changed.
    NotOurs,
    /// The head is of another node.
    OfNode(u16),
    /// The chain ends at this line, before the one that the head names.
    CutAt(u64),
    /// There is another line in its place.
    Replaced,
    /// The line was taken out of the store: look into the files.
    TakenOut,
}

impl AuditHead {
    fn signed_text(node: u16, number: u64, time: Timestamp, seal: &str) -> String {
        format!("{node}\n{number}\n{}\n{seal}", time.as_millis())
    }

    /// A head without its signature's proof.
    fn parse(head: &str) -> Option<(Self, &str)> {
        if head.len() > TEXT_MAX {
            return None;
        }
        let mut words = head.split('.');
        let (format, node, number) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let time = Timestamp::from_millis(words.next()?.parse().ok()?);
        let (seal, mac) = (words.next()?.to_owned(), words.next()?);
        let is_whole = format == FORMAT && words.next().is_none();
        is_whole.then(|| (Self { node, number, time, seal, head: head.to_owned() }, mac))
    }

    /// What became of its line in a chain that begins behind `start` and stands at `last`; `seal`: the line's, if it is there.
    pub(super) fn finding(&self, node: u16, start: &AuditLink, last: &AuditLink, seal: Option<&str>) -> HeadFinding {
        let of_start = (self.number == start.number).then_some(start.seal.as_str());
        match seal.or(of_start) {
            _ if self.node != node => HeadFinding::OfNode(self.node),
            Some(seal) if seal == self.seal => HeadFinding::Holds,
            Some(_) => HeadFinding::Replaced,
            None if self.number < start.number => HeadFinding::TakenOut,
            None if self.number > last.number => HeadFinding::CutAt(last.number),
            None => HeadFinding::Replaced,
        }
    }
}

impl Services {
    /// Where this node's chain stands now.
    ///
    /// # Errors
    /// When the store fails, or the key cannot be read.
    pub async fn audit_head(&self) -> Result<AuditHead, ActionError> {
        let stands = self.audit_stands().await?;
        self.audit_key(&stands).await?;
        let AuditLink { number, seal } = stands;
        let (node, time) = (self.node_number, self.now());
        let text = AuditHead::signed_text(node, number, time, &seal);
        let mac = self.secrets.mac(PURPOSE, &text).map_err(secrets_error)?;
        let head = format!("{FORMAT}.{node}.{number}.{}.{seal}.{mac}", time.as_millis());
        Ok(AuditHead { node, number, time, seal, head })
    }

    /// A head that was shown, if it was made here.
    pub(super) fn read_head(&self, head: &str) -> Result<Result<AuditHead, HeadFinding>, ActionError> {
        let Some((head, mac)) = AuditHead::parse(head.trim()) else { return Ok(Err(HeadFinding::NotOurs)) };
        let text = AuditHead::signed_text(head.node, head.number, head.time, &head.seal);
        let is_ours = self.secrets.is_mac(PURPOSE, &text, mac).map_err(secrets_error)?;
        Ok(if is_ours { Ok(head) } else { Err(HeadFinding::NotOurs) })
    }
}
