//! Facts of the API as files: what is asked, and what must be answered. Every file has a server of its own and is played
//! from its first case to its last, on SQLite and on PostgreSQL; all cases that went wrong are told at once.
//!
//! How a file is written stands in `file`, how a body is described in `pattern`, and what holds for every answer in
//! `laws`.

pub(super) mod file;
mod laws;
mod pattern;
mod play;
mod read_pattern;
mod text;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use doorlist_testbed::postgres::Cluster;

use crate::server::{Server, Settings};
use file::FactsFile;
use play::World;

/// Servers at the same time.
const SIDE_BY_SIDE: usize = 3;
/// Plays only files with this in their names, while one of them is worked on.
const CHOSEN: &str = "DOORLIST_FACTS";

/// Plays every file of a folder, each on a server with this store; panics with all that went wrong.
pub(super) fn play_folder(folder: &str, at_least: usize, cluster: Option<&Cluster>) {
    let files = read(Path::new("tests/api").join(folder).as_path());
    let cases: usize = files.iter().map(|file| file.cases.len()).sum();
    assert!(cases >= at_least || std::env::var_os(CHOSEN).is_some(), "{cases} cases in {folder}");
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some((number, file)) = next_of(&files, &next) {
                    let store = cluster.map(|cluster| cluster.url(&format!("{folder}{number}")).unwrap());
                    let failed = on_a_server(file, store);
                    failures.lock().unwrap().extend(failed);
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(
        failures.is_empty(),
        "{} failures in {cases} cases of {} files:\n\n{}\n",
        failures.len(),
        files.len(),
        failures.join("\n\n")
    );
}

fn next_of<'a, T>(all: &'a [T], next: &AtomicUsize) -> Option<(usize, &'a T)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    all.get(number).map(|one| (number, one))
}

/// Reads every `*.facts` file in the folder.
fn read(folder: &Path) -> Vec<FactsFile> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "facts"));
    let chosen = std::env::var(CHOSEN).unwrap_or_default();
    paths.retain(|path| path.to_string_lossy().contains(&chosen));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        FactsFile::parse(&name, &std::fs::read_to_string(path).unwrap()).unwrap_or_else(|why| panic!("{why}"))
    };
    paths.iter().map(read).collect()
}

fn on_a_server(file: &FactsFile, store: Option<String>) -> Vec<String> {
    // Where a domain's owner is proven by DNS is tested elsewhere; tests have no DNS of their own.
    let mut settings = Settings::default().set("api.domain_proof", "none");
    for (key, value) in &file.settings {
        settings = settings.set(key, value);
    }
    if let Some(url) = store {
        settings = settings.set("store.url", url);
    }
    // A server that does not start fails its file, not the others.
    match std::panic::catch_unwind(|| Server::with(settings)) {
        Ok(server) => play::play(file, &Running(server)),
        Err(_) => vec![format!("{}: the server does not start with the settings of this file", file.name)],
    }
}

/// A server of ours with its operator's shell.
struct Running(Server);

impl World for Running {
    fn web(&self) -> SocketAddr {
        self.0.web()
    }

    fn command(&self, words: &[&str]) -> Result<String, String> {
        let printed = self.0.command(words);
        match printed.code {
            0 => Ok(printed.out),
            code => Err(format!("    doorlist {} ended with {code}: {}", words.join(" "), printed.talk.trim())),
        }
    }

    fn rcpt(&self, address: &str) -> String {
        super::rcpt::answer(&self.0, address)
    }
}

#[test]
fn every_answer_is_as_its_file_says() {
    play_folder("facts", 310, None);
}

#[test]
fn every_answer_is_as_its_file_says_on_postgresql() {
    let cluster = Cluster::start().unwrap();
    play_folder("facts", 310, Some(&cluster));
}
