//! strace's output as events in their order, and the proof that is looked for in them.

use std::collections::HashMap;

/// What a message's id is preceded by in our trace header, which every stored message begins with.
const ID_MARK: &str = " id ";
const QUEUED: &str = "250 2.0.0 Ok: queued as ";

/// One system call that has ended. Times are line numbers.
#[derive(Debug)]
struct Call {
    name: String,
    /// The file or socket of the first argument.
    path: String,
    /// All that strace printed of the call.
    text: String,
    begun: usize,
    ended: usize,
    result: i64,
}

#[derive(Debug)]
pub(super) struct Trace {
    calls: Vec<Call>,
}

/// Whether the line begins or ends a call that flushes a file.
pub(super) fn is_sync(line: &str) -> bool {
    line.contains("fsync") || line.contains("fdatasync")
}

impl Trace {
    pub(super) fn read(text: &str) -> Self {
        let mut calls = Vec::new();
        let mut unfinished: HashMap<&str, (usize, String)> = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let Some((pid, call)) = line.split_once(' ') else { continue };
            let call = call.trim_start();
            if let Some(begin) = call.strip_suffix("<unfinished ...>") {
                unfinished.insert(pid, (number, begin.to_owned()));
            } else if call.starts_with("<... ") {
                let rest = call.split_once("resumed>").map_or("", |(_, rest)| rest);
                if let Some((begun, begin)) = unfinished.remove(pid) {
                    calls.extend(Call::read(begin + rest, begun, number));
                }
            } else {
                calls.extend(Call::read(call.to_owned(), number, number));
            }
        }
        calls.sort_by_key(|call| call.begun);
        Self { calls }
    }

    /// How many messages were answered with 250; an error if one of them was not on the disk before.
    pub(super) fn prove(&self) -> Result<usize, String> {
        let mut proven = 0;
        for reply in self.calls.iter().filter(|call| call.path.starts_with("TCP")) {
            for part in reply.text.split(QUEUED).skip(1) {
                let id: String = part.chars().take_while(char::is_ascii_alphanumeric).collect();
                self.prove_one(&id, reply.begun)?;
                proven += 1;
            }
        }
        if proven > 0 { Ok(proven) } else { Err("no message was answered with 250".to_owned()) }
    }

    fn prove_one(&self, id: &str, reply: usize) -> Result<(), String> {
        let mark = format!("{ID_MARK}{id}");
        let is_its_write = |call: &&Call| call.is_write() && call.is_of_spool() && call.text.contains(&mark);
        let mut writes = self.calls.iter().filter(is_its_write);
        let first = writes.next().ok_or_else(|| format!("{id} got its 250 and was never written"))?;
        if first.is_of_log() {
            return self.synced(first, reply, id);
        }
        // A body in a file of its own: the file, then the row that names it.
        let file_done =
            self.sync_of(first, reply).ok_or_else(|| format!("{id}: its file was not flushed before the 250"))?;
        let rows = self.calls.iter().filter(|call| call.is_write() && call.is_of_log() && call.begun > file_done.ended);
        let mut rows = rows.filter(|row| row.ended < reply).peekable();
        if rows.peek().is_none() {
            return Err(format!("{id}: no row was written between its file and the 250"));
        }
        match rows.any(|row| self.synced(row, reply, id).is_ok()) {
            true => Ok(()),
            false => Err(format!("{id}: its row was not flushed before the 250")),
        }
    }

    fn synced(&self, write: &Call, reply: usize, id: &str) -> Result<(), String> {
        match self.sync_of(write, reply) {
            Some(_) => Ok(()),
            None => Err(format!("{id} was written to {} and not flushed before its 250", write.path)),
        }
    }

    /// A good flush of the write's file that began behind the write and ended before the reply.
    fn sync_of(&self, write: &Call, reply: usize) -> Option<&Call> {
        let flushed = |call: &&Call| call.is_sync() && call.result == 0 && call.path == write.path;
        self.calls.iter().filter(flushed).find(|call| call.begun > write.ended && call.ended < reply)
    }
}

impl Call {
    /// `pwrite64(9</path>, "...", 4096, 56) = 4096`.
    fn read(text: String, begun: usize, ended: usize) -> Option<Self> {
        let (name, arguments) = text.split_once('(')?;
        let (_, arguments) = arguments.split_once('<')?;
        // A socket's name has an arrow in it: `TCP:[127.0.0.1:25->127.0.0.1:4660]`.
        let end = arguments.find(">,").or_else(|| arguments.find(">)")).or_else(|| arguments.rfind('>'))?;
        let path = arguments[..end].to_owned();
        let result =
            text.rsplit_once(" = ").and_then(|(_, result)| result.split(' ').next()?.parse().ok()).unwrap_or(-1);
        Some(Self { name: name.to_owned(), path, begun, ended, result, text })
    }

    fn is_write(&self) -> bool {
        self.name.contains("write")
    }

    fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync")
    }

    fn is_of_spool(&self) -> bool {
        self.path.contains("/spool/")
    }

    /// The write-ahead log of the queue's rows.
    fn is_of_log(&self) -> bool {
        self.is_of_spool() && self.path.ends_with("-wal")
    }
}
