//! Opening the spool's folder: every row is looked at, what cannot be used is set aside with a report, and what a crash
//! left over is swept. Nothing that is not surely ours is followed, opened or deleted.

use super::generation::{self, Generation};
use super::salvage::salvage;
use super::{Generations, Opener, SMALL, SqliteSpoolWriter, begin, read_row};
use crate::error::StoreError;
use crate::spool::disk::Room;
use crate::spool::index::{Index, IndexEntry};
use crate::spool::large_bodies::{LargeBodies, name_of};
use crate::spool::outcome::DeliveryOutcome;
use crate::spool::rows::SpoolReader;
use crate::spool::set_aside::{Folder, SetAsideEntry};
use crate::spool::writer::{LANES_MAX, SpoolEngine};
use crate::spool::{OpenedSpool, SpoolConfig, StartReport};
use doorlist_core::queue_id::QueueId;
use futures_util::TryStreamExt;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// The spool's folder in the state folder.
const SPOOL: &str = "spool";
/// The folder of body files in the spool's folder.
const BODIES: &str = "bodies";

pub(in super::super) async fn open(state: &Path, config: &SpoolConfig) -> Result<OpenedSpool, StoreError> {
    let mut start = SqliteStart {
        folder: Folder::open(state.join(SPOOL))?,
        index: Index::default(),
        apart: HashMap::new(),
        damaged: false,
    };
    let bodies = start.folder.sub_folder(BODIES)?;
    let (numbers, next) = start.list()?;
    let mut open = BTreeMap::new();
    for number in numbers {
        if let Some(generation) = start.take_up(number, next).await? {
            open.insert(generation.number, Arc::new(generation));
        }
    }
    start.sweep(bodies)?;
    let current = start.choose(&mut open, next, config.generation_bytes_max.min(SMALL)).await?;
    let generations = Arc::new(Generations::new(start.folder.path().to_owned(), open, next));
    let needed = config.message_bytes_max.saturating_add(config.message_bytes_max / 2);
    let room = Room::new(start.folder.path().to_owned(), needed.saturating_add(config.disk_reserve));
    let opener = Opener { generations: Arc::clone(&generations), bytes_max: config.generation_bytes_max };
    let mut engines = Vec::new();
    for current in current {
        let connection = current.writer().await?;
        engines.push(SpoolEngine::Sqlite(Box::new(SqliteSpoolWriter::new(opener.clone(), current, connection))));
    }
    let apart = LargeBodies::Folder(start.folder.path().join(BODIES).into());
    let report = StartReport { messages: start.index.len(), set_aside: start.folder.into_report() };
    let reader = SpoolReader::Sqlite(generations);
    Ok(OpenedSpool { index: start.index, engines, reader, apart, room, report })
}

struct SqliteStart {
    folder: Folder,
    index: Index,
    /// Messages whose bytes are in a file of their own, by its name: they count when the file is there.
    apart: HashMap<QueueId, (QueueId, IndexEntry, u64)>,
    /// A row or a file could not be read: what seems to be left over may belong to it.
    damaged: bool,
}

impl SqliteStart {
    /// The numbers of the generation files, and the next free one. Whatever else lies there is set aside.
    fn list(&mut self) -> Result<(Vec<u32>, u32), StoreError> {
        let mut numbers = Vec::new();
        let mut companions = Vec::new();
        for found in self.folder.list()? {
            let base = found.name().and_then(|name| ["-wal", "-shm"].iter().find_map(|end| name.strip_suffix(end)));
            match found.name().and_then(generation::number_of) {
                Some(number) if found.is_file() => numbers.push(number),
                _ if found.is_folder() && found.name() == Some(BODIES) => {}
                // A crash came before it was whole: it never took a message.
                _ if found.is_file() && found.name().is_some_and(generation::is_unfinished) => {
                    self.folder.remove(&found)?
                }
                _ => match base.and_then(generation::number_of) {
                    Some(number) if found.is_file() => companions.push((number, found)),
                    _ => self.folder.set_aside(&found, "it is not a spool file")?,
                },
            }
        }
        for (_, found) in companions.iter().filter(|(number, _)| !numbers.contains(number)) {
            self.folder.set_aside(found, "the file it belongs to is missing")?;
        }
        let next = numbers.iter().max().map_or(1, |newest| newest + 1);
        numbers.sort_unstable();
        Ok((numbers, next))
    }

    /// Opens a generation and looks at its rows. A damaged file is set aside; its readable rows go on in a new one.
    async fn take_up(&mut self, number: u32, next: u32) -> Result<Option<Generation>, StoreError> {
        let opened = Generation::open(self.folder.path(), number).await;
        let scanned = match opened {
            Ok(generation) => match self.scan(&generation).await {
                Ok(()) => return Ok(Some(generation)),
                Err(error) if is_damage(&error) => {
                    generation.pool.close().await;
                    error
                }
                Err(error) => return Err(error.into()),
            },
            Err(StoreError::Engine(error)) => match error.downcast::<sqlx::Error>() {
                Ok(error) if is_damage(&error) => *error,
                Ok(error) => return Err((*error).into()),
                Err(error) => return Err(StoreError::Engine(error)),
            },
            Err(StoreError::Corrupt { why, .. }) => {
                self.set_generation_aside(number, &why)?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        self.index.forget(number);
        self.apart.retain(|_, (_, entry, _)| entry.generation != number);
        let saved = salvage(self.folder.path(), number, next + number).await?;
        self.set_generation_aside(number, &scanned.to_string())?;
        if let Some(saved) = &saved {
            self.scan(saved).await?;
        }
        Ok(saved)
    }

    /// Reads every row but for its bytes.
    async fn scan(&mut self, generation: &Generation) -> Result<(), sqlx::Error> {
        const SQL: &str = "SELECT m.id, m.record, m.seal, p.revision, p.state FROM message m \
            LEFT JOIN progress p ON p.id = m.id ORDER BY m.id";
        let mut rows = sqlx::query(SQL).fetch(&generation.pool);
        while let Some(found) = rows.try_next().await? {
            let opened = read_row(&found).map_err(|error| error.to_string()).and_then(|row| Ok((row.open()?.0, row)));
            match opened {
                Ok((record, row)) => {
                    let entry = IndexEntry { generation: generation.number, revision: row.revision };
                    match record.body.apart {
                        None => self.index.add(row.id, entry, None),
                        Some(name) => drop(self.apart.insert(name, (row.id, entry, record.body.size))),
                    }
                }
                Err(why) => {
                    self.damaged = true;
                    self.index.keep_row(generation.number);
                    self.folder.note(format!(
                        "cannot read a message in {} ({why}); its row was not changed",
                        generation::file_name(generation.number)
                    ));
                }
            }
        }
        drop(rows);
        self.scan_outcomes(generation).await
    }

    /// Takes up the outcomes that nobody has counted yet. One that cannot be read is no evidence: it goes.
    async fn scan_outcomes(&mut self, generation: &Generation) -> Result<(), sqlx::Error> {
        let mut rows =
            sqlx::query_as::<_, (i64, u32, String)>("SELECT id, recipient, state FROM outcome").fetch(&generation.pool);
        let mut unreadable = Vec::new();
        while let Some((id, recipient, state)) = rows.try_next().await? {
            match DeliveryOutcome::parse(&state) {
                Ok(outcome) => self.index.add_outcome(generation.number, outcome),
                Err(_) => unreadable.push((id, recipient)),
            }
        }
        drop(rows);
        for (id, recipient) in unreadable {
            let delete = sqlx::query("DELETE FROM outcome WHERE id = $1 AND recipient = $2");
            delete.bind(id).bind(recipient).execute(&generation.pool).await?;
        }
        Ok(())
    }

    /// Takes the messages with a body file into the index, and removes files that no row names.
    fn sweep(&mut self, mut bodies: Folder) -> Result<(), StoreError> {
        for found in bodies.list()? {
            let name = found.name().and_then(name_of).filter(|_| found.is_file());
            match name.map(|name| (name, self.apart.get(&name).copied())) {
                Some((name, Some((id, entry, size)))) if found.len() == size => {
                    self.index.add(id, entry, Some(name));
                    self.apart.remove(&name);
                }
                Some((_, Some(_))) => bodies.set_aside(&found, "its size is not the stored one")?,
                // A crash came between the file and its row: its sender never heard 250.
                Some((_, None)) if !self.damaged => bodies.remove(&found)?,
                _ => bodies.set_aside(&found, "no message refers to it")?,
            }
        }
        for (name, (id, entry, _)) in self.apart.drain() {
            self.index.keep_row(entry.generation);
            self.folder.note(format!("the body file of message {id} ({name}) is missing; its row was not changed"));
        }
        self.folder.take_notes(bodies);
        Ok(())
    }

    /// The generations that take messages again: the newest, and of those that are not too large as many as there are
    /// lanes; a crash under load leaves so many. The others are closed, empty ones removed.
    async fn choose(
        &mut self,
        open: &mut BTreeMap<u32, Arc<Generation>>,
        next: u32,
        bytes_max: u64,
    ) -> Result<Vec<Arc<Generation>>, StoreError> {
        let Some(newest) = open.last_key_value().map(|(newest, _)| *newest) else {
            let first = begin(self.folder.path(), next).await?;
            open.insert(first.number, Arc::clone(&first));
            return Ok(vec![first]);
        };
        for number in open.keys().copied().collect::<Vec<_>>() {
            if number != newest
                && self.index.is_empty(number)
                && let Some(empty) = open.remove(&number)
            {
                // What cannot be unlinked is empty, and looked at again by the next start.
                drop(empty.remove().await);
            }
        }
        let may_go_on = |found: &&Arc<Generation>| found.number == newest || found.bytes() < bytes_max;
        let current: Vec<_> = open.values().rev().filter(may_go_on).take(LANES_MAX).cloned().collect();
        let is_old = |found: &&Arc<Generation>| current.iter().all(|current| current.number != found.number);
        open.values().filter(is_old).for_each(|old| old.close());
        Ok(current)
    }

    fn set_generation_aside(&mut self, number: u32, why: &str) -> Result<(), StoreError> {
        self.damaged = true;
        for end in ["", "-wal", "-shm"] {
            let found = SetAsideEntry::named(self.folder.path(), format!("{}{end}", generation::file_name(number)));
            if let Some(found) = found {
                self.folder.set_aside(&found, why)?;
            }
        }
        Ok(())
    }
}

/// Whether SQLite calls a file damaged or none of its own. A plain error means that the tables have not the shape that
/// our statements expect.
fn is_damage(error: &sqlx::Error) -> bool {
    const ERROR: i64 = 1;
    const CORRUPT: i64 = 11;
    const NOT_A_DATABASE: i64 = 26;
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    // Extended codes keep the plain one in their low byte.
    let plain = code.parse::<i64>().map_or(0, |code| code & 0xff);
    [ERROR, CORRUPT, NOT_A_DATABASE].contains(&plain)
}
