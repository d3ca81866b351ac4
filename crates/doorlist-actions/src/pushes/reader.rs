//! Pushed data as JSON, read while it comes in: an array of accounts, or an object with it in `items` and with `limits`.
//! Each account is judged and let go before the next one is read, so that neither the text nor a tree of it is ever in
//! memory as a whole. Must not know how the octets travel.

use super::parts::check_items;
use super::{PushItem, PushReading};
use crate::error::ActionError;
use doorlist_core::shrink_guard::OperationLimits;
use serde::de::{DeserializeOwned, IgnoredAny};

/// Octets of one account as JSON, its aliases among them.
pub const ITEM_OCTETS_MAX: usize = 4 << 20;

/// Reads what is pushed.
#[derive(Debug)]
pub struct PushReader {
    content: PushContent,
    limits: Option<OperationLimits>,
    /// What came and could not be read yet, from `at` on.
    text: Vec<u8>,
    at: usize,
    /// So much of it must be there before it is tried again.
    wanted: usize,
    expects: Expects,
    in_object: bool,
    /// The list of accounts was there.
    has_list: bool,
    ended: bool,
}

#[derive(Debug)]
pub(crate) enum PushContent {
    /// All of them, judged already.
    Whole(PushReading),
    /// Those of a part, which is kept as it came.
    Part(Vec<PushItem>),
}

impl PushContent {
    fn take(&mut self, item: PushItem) -> Result<(), ActionError> {
        match self {
            PushContent::Whole(reading) => reading.take(&item),
            PushContent::Part(items) => {
                items.push(item);
                check_items(items.len(), items.last())
            }
        }
    }

    fn items(&self) -> usize {
        match self {
            PushContent::Whole(reading) => reading.items,
            PushContent::Part(items) => items.len(),
        }
    }
}

/// What was pushed, read to its end.
#[derive(Debug)]
pub struct PushState {
    pub(crate) content: PushContent,
    pub(crate) limits: OperationLimits,
}

/// Why it cannot be read. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushFault {
    /// It is no JSON, or not of this form; a sentence for whoever sent it.
    #[error("{0}")]
    Text(String),
    /// There is more than is taken.
    #[error("{0}")]
    Limit(ActionError),
}

/// What comes next in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    Start,
    /// No list and no object: it only has to be JSON.
    Other,
    ItemOrEnd,
    Item,
    CommaInList,
    KeyOrEnd,
    Key,
    Colon(PushField),
    Value(PushField),
    CommaInObject,
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PushField {
    Items,
    Limits,
    Unknown,
}

impl PushReader {
    pub(crate) fn of(content: PushContent) -> Self {
        Self {
            content,
            limits: None,
            text: Vec::new(),
            at: 0,
            wanted: 0,
            expects: Expects::Start,
            in_object: false,
            has_list: false,
            ended: false,
        }
    }

    /// Takes the next octets.
    ///
    /// # Errors
    /// When they are no JSON of this form, or more than is taken.
    pub fn take(&mut self, octets: &[u8]) -> Result<(), PushFault> {
        self.text.drain(..self.at);
        self.at = 0;
        self.text.extend_from_slice(octets);
        if self.text.len() < self.wanted {
            return Ok(());
        }
        while self.step()? {}
        let rest = self.text.len() - self.at;
        if rest > ITEM_OCTETS_MAX {
            return Err(PushFault::Text(format!("an account of the list has more than {ITEM_OCTETS_MAX} octets")));
        }
        // An account that comes in many pieces is not begun anew with each of them.
        self.wanted = 2 * rest;
        Ok(())
    }

    /// The text has ended.
    ///
    /// # Errors
    /// When it has ended too early, or is no list of accounts.
    pub fn finish(mut self) -> Result<PushState, PushFault> {
        self.ended = true;
        while self.step()? {}
        let Self { content, limits, expects, has_list, .. } = self;
        match expects {
            Expects::Nothing if has_list => Ok(PushState { content, limits: limits.unwrap_or_default() }),
            Expects::Nothing => {
                Err(PushFault::Text("the body must be a list of objects with email and aliases".to_owned()))
            }
            _ => Err(PushFault::Text("the body is not JSON: it ends too early".to_owned())),
        }
    }

    /// Reads one thing; false: more has to come.
    fn step(&mut self) -> Result<bool, PushFault> {
        let blanks = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.at += self.text.get(self.at..).unwrap_or_default().iter().take_while(|byte| blanks(byte)).count();
        let Some(&byte) = self.text.get(self.at) else { return Ok(false) };
        let (next, length) = match (self.expects, byte) {
            (Expects::Start | Expects::Value(PushField::Items), b'[') => {
                self.begin_list()?;
                (Expects::ItemOrEnd, 1)
            }
            (Expects::Start, b'{') => {
                self.in_object = true;
                (Expects::KeyOrEnd, 1)
            }
            (Expects::Start, _) => (Expects::Other, 0),
            (Expects::ItemOrEnd | Expects::CommaInList, b']') => (self.behind_list(), 1),
            (Expects::CommaInList, b',') => (Expects::Item, 1),
            (Expects::KeyOrEnd | Expects::CommaInObject, b'}') => (Expects::Nothing, 1),
            (Expects::CommaInObject, b',') => (Expects::Key, 1),
            (Expects::Colon(field), b':') => (Expects::Value(field), 1),
            (Expects::CommaInList | Expects::CommaInObject | Expects::Colon(_) | Expects::Nothing, _) => {
                let shown = char::from(byte).escape_default();
                return Err(PushFault::Text(format!("the body is not JSON: unexpected `{shown}`")));
            }
            (expects, _) => match self.value(expects)? {
                Some(next) => (next, 0),
                None => return Ok(false),
            },
        };
        self.expects = next;
        self.at += length;
        Ok(true)
    }

    fn behind_list(&self) -> Expects {
        if self.in_object { Expects::CommaInObject } else { Expects::Nothing }
    }

    fn begin_list(&mut self) -> Result<(), PushFault> {
        if std::mem::replace(&mut self.has_list, true) {
            return Err(wrong("duplicate field `items`"));
        }
        Ok(())
    }

    /// Reads a whole value; what comes behind it.
    fn value(&mut self, expects: Expects) -> Result<Option<Expects>, PushFault> {
        let next = match expects {
            Expects::Item | Expects::ItemOrEnd => {
                let Some(item) = self.parse::<PushItem>()? else { return Ok(None) };
                self.content.take(item).map_err(PushFault::Limit)?;
                Expects::CommaInList
            }
            Expects::Key | Expects::KeyOrEnd => match self.parse::<String>()?.as_deref() {
                None => return Ok(None),
                Some("items") => Expects::Colon(PushField::Items),
                Some("limits") => Expects::Colon(PushField::Limits),
                Some(_) => Expects::Colon(PushField::Unknown),
            },
            Expects::Value(PushField::Limits) => {
                let Some(limits) = self.parse::<OperationLimits>()? else { return Ok(None) };
                if self.limits.replace(limits).is_some() {
                    return Err(wrong("duplicate field `limits`"));
                }
                Expects::CommaInObject
            }
            Expects::Value(PushField::Items) => match self.parse::<Option<[(); 0]>>()? {
                None => return Ok(None),
                Some(_) => Expects::CommaInObject,
            },
            Expects::Value(PushField::Unknown) => match self.parse::<IgnoredAny>()? {
                None => return Ok(None),
                Some(IgnoredAny) => Expects::CommaInObject,
            },
            _ => match self.parse::<IgnoredAny>()? {
                None => return Ok(None),
                Some(IgnoredAny) => Expects::Nothing,
            },
        };
        Ok(Some(next))
    }

    /// A value that is there as a whole. One at the very end may go on in what comes.
    fn parse<T: DeserializeOwned>(&mut self) -> Result<Option<T>, PushFault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<T>();
        match values.next() {
            Some(Ok(_)) if values.byte_offset() == rest.len() && !self.ended => Ok(None),
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(Some(value))
            }
            None => Ok(None),
            Some(Err(error)) if error.is_eof() && !self.ended => Ok(None),
            Some(Err(error)) => Err(self.fault(&error)),
        }
    }

    fn fault(&self, error: &serde_json::Error) -> PushFault {
        // Lines and columns would be those of a piece.
        let text = error.to_string();
        let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
        if !error.is_data() {
            return PushFault::Text(format!("the body is not JSON: {what}"));
        }
        match self.expects {
            Expects::Item | Expects::ItemOrEnd => wrong(&format!("{what}, account {}", self.content.items() + 1)),
            _ => wrong(what),
        }
    }
}

fn wrong(what: &str) -> PushFault {
    PushFault::Text(format!("invalid account or limit: {what}"))
}

#[cfg(test)]
mod tests;
