//! What the owner of the state folder puts in the place of a file of ours, before root runs a command.

use super::{DONE_MAX, Place, printed};
use crate::server::DOORLIST;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

/// Tries to make a command run that lacks files: one more is made each time.
const FILES_MAX: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plant {
    Link,
    LinkToFolder,
    HardLink,
    Fifo,
    Folder,
}

const PLANTS: [Plant; 5] = [Plant::Link, Plant::LinkToFolder, Plant::HardLink, Plant::Fifo, Plant::Folder];

impl Plant {
    /// Takes the place of whatever is at `path`. Made by root, who can make more than the folder's owner.
    fn put(self, place: &Place, path: &Path) {
        let folder = path.parent().unwrap();
        if !folder.exists() {
            fs::create_dir(folder).unwrap();
            place.give(folder);
        }
        match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).unwrap(),
            Ok(_) => fs::remove_file(path).unwrap(),
            Err(_) => {}
        }
        match self {
            Plant::Link => symlink(place.outside().join("file"), path).unwrap(),
            Plant::LinkToFolder => symlink(place.outside().join("folder"), path).unwrap(),
            Plant::HardLink => fs::hard_link(place.outside().join("file"), path).unwrap(),
            Plant::Fifo => mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap(),
            Plant::Folder => fs::create_dir(path).unwrap(),
        }
        if matches!(self, Plant::Fifo | Plant::Folder) {
            place.give(path);
        }
    }
}

/// Every command of the command line with the words of the first example in its help: a new one is among them by itself.
fn commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    below(&mut Vec::new(), &mut found);
    assert!(found.len() > 40, "{found:?}");
    found
}

fn below(path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let output = Command::new(DOORLIST).args(&*path).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let inner = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let inner: Vec<String> =
        inner.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned)).collect();
    for name in inner.iter().filter(|name| !name.is_empty() && *name != "help") {
        path.push(name.clone());
        below(path, found);
        path.pop();
    }
    if inner.is_empty() {
        let start = format!("doorlist {}", path.join(" "));
        let example = example(&help, &start).unwrap_or_else(|| panic!("no example of {start}"));
        // What a shell would make of it: words and quotes; a pipe or a redirection ends it.
        let words = Command::new("sh").args(["-c", &format!("printf '%s\\n' {}", plain(&example))]).output().unwrap();
        found.push(String::from_utf8(words.stdout).unwrap().lines().skip(1).map(str::to_owned).collect());
    }
}

/// The first example of a help that begins so, in one line.
fn example(help: &str, start: &str) -> Option<String> {
    let lines = help.lines().map(|line| line.trim().trim_start_matches("Example:").trim());
    let mut lines = lines.skip_while(|line| !line.starts_with(start));
    let mut whole = lines.next()?.to_owned();
    for more in lines.take_while(|line| !line.is_empty() && !line.starts_with("doorlist")) {
        whole = format!("{} {more}", whole.trim_end_matches('\\'));
    }
    Some(whole.trim_end_matches('\\').to_owned())
}

fn plain(example: &str) -> &str {
    example.split(['|', '>', '<']).next().unwrap_or(example)
}

/// These do not look at the state folder.
fn is_elsewhere(words: &[String]) -> bool {
    matches!(words[0].as_str(), "config" | "agent" | "completion" | "man")
}

/// Runs a command, with the files that its example names.
fn run_with_files(place: &Place, words: &[String]) -> crate::server::Printed {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for _ in 0..FILES_MAX {
        let ended = place.run(&words);
        let Some(missing) = ended.talk.strip_prefix("doorlist: cannot read ").and_then(|talk| talk.split_once(": "))
        else {
            return ended;
        };
        let path = place.folder.path().join(missing.0.rsplit(' ').next().unwrap());
        assert!(!path.exists(), "{words:?}: {ended:?}");
        fs::write(&path, "ann@example.test\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    panic!("{words:?} needs more than {FILES_MAX} files");
}

#[test]
fn no_command_of_roots_is_led_out_of_the_state_folder() {
    let commands = commands();
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for plant in PLANTS {
            let (commands, faults) = (&commands, &faults);
            scope.spawn(move || {
                let place = Place::new();
                let lock = place.state().join("lock");
                plant.put(&place, &lock);
                let before = place.seen();
                for words in commands.iter().filter(|words| !is_elsewhere(words)) {
                    let ended = run_with_files(&place, words);
                    let said = format!("{}{}", ended.out, ended.talk);
                    let told = said.contains(&format!("{} ", lock.display())) && said.contains("Nothing was opened");
                    if ended.code == 0 || !told || place.seen() != before {
                        faults.lock().unwrap().push(format!("{plant:?}, {words:?}: {ended:?}"));
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// All that lies in a state folder, and what is made beside it now and then.
const FILES: [&str; 24] = [
    "lock",
    "control.sock",
    "secret.key",
    "directory.db",
    "directory.db-wal",
    "directory.db-shm",
    "directory.db-journal",
    "tls",
    "tls/cert.pem",
    "tls/key.pem",
    "mail",
    "mail/mail-2026-01-01.db",
    "mail/mail-2026-01-01.db-wal",
    "audit",
    "audit/audit-1-000000000001-000000000009-20260101.jsonl",
    "spool",
    "spool/gen-0001.db",
    "spool/gen-0001.db-wal",
    "spool/gen-0001.db-shm",
    "spool/new-0001.db",
    "spool/bodies",
    "spool/corrupt",
    "spool/bodies/0.body",
    "spool/anything",
];

/// In the spool, what is not ours is moved aside and the start goes on. The key is only ever read.
fn is_looked_after(plant: Plant, file: &str) -> bool {
    file.starts_with("spool/") || (file, plant) == ("secret.key", Plant::HardLink)
}

#[test]
fn no_file_of_the_state_folder_leads_out_of_it() {
    let whole = Place::new();
    let added = whole.run(&["domain", "add", "example.test", "--server", "127.0.0.1:1"]);
    assert_eq!(added.code, 0, "{added:?}");
    serve_until_ready(&whole);
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for plant in PLANTS {
            let (whole, faults) = (&whole, &faults);
            scope.spawn(move || {
                for file in FILES {
                    let place = Place::new();
                    let copied =
                        Command::new("cp").arg("-a").args([whole.state(), place.folder.path().into()]).status();
                    assert!(copied.unwrap().success());
                    let path = place.state().join(file);
                    plant.put(&place, &path);
                    let is_folder =
                        matches!(file, "tls" | "mail" | "audit" | "spool" | "spool/bodies" | "spool/corrupt");
                    let fits = plant == Plant::Folder && is_folder;
                    let before = place.seen();
                    let mut all =
                        vec![vec!["domain", "list"], vec!["account", "add", "ann@example.test"], vec!["doctor"]];
                    if !fits && !is_looked_after(plant, file) {
                        all.push(vec!["serve"]);
                    }
                    for words in all {
                        let ended = place.run(&words);
                        let said = format!("{}{}", ended.out, ended.talk);
                        let refused = ended.code != 0 && said.contains(&format!("{} ", path.display()));
                        let is_right = fits || is_looked_after(plant, file) || refused;
                        if !is_right || place.seen() != before {
                            faults.lock().unwrap().push(format!("{plant:?} at {file}, {words:?}: {ended:?}"));
                        }
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// A server makes what only a server makes.
fn serve_until_ready(place: &Place) {
    let log = place.folder.path().join("log");
    let mut command = place.command(&["serve"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
    let mut server = command.spawn().unwrap();
    let began = Instant::now();
    while !fs::read_to_string(&log).unwrap().contains("ready after") {
        assert!(server.try_wait().unwrap().is_none() && began.elapsed() < DONE_MAX, "{:?}", fs::read_to_string(&log));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(server.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(server.wait().unwrap().success());
}

#[test]
fn the_table_has_every_command_once() {
    let commands = commands();
    let names: BTreeSet<String> = commands.iter().map(|words| words.join(" ")).collect();
    assert_eq!(names.len(), commands.len());
    let shown = printed(Command::new(DOORLIST), "doorlist");
    for name in ["serve", "doctor", "domain", "queue"] {
        assert!(shown.talk.contains(name) || shown.out.contains(name), "{shown:?}");
        assert!(commands.iter().any(|words| words[0] == name), "{name}");
    }
}
