//! A state folder that belongs to another user than root, who may put into it what they like: commands that root runs and a
//! server that root starts open, make and change nothing outside of it, wait for nothing, and say what is wrong.
//!
//! | module | what it asks |
//! |---|---|
//! | `planted` | every command, every file: links, fifos, folders, hard links |
//! | `ways` | state folders behind links, in folders of others, not there yet; control sockets of others |
//! | `rights` | which rights a server has left |

mod planted;
mod rights;
mod ways;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use doorlist_testbed::folder::Folder;
use nix::unistd::User;

use crate::server::{DOORLIST, Printed};

/// A command that is not done by then hangs.
const DONE_MAX: Duration = Duration::from_secs(120);

/// Whose state folder it is.
fn other() -> User {
    let user = User::from_name("nobody").unwrap().expect("the user nobody");
    assert!(nix::unistd::Uid::effective().is_root(), "these tests are about what root does");
    user
}

/// A folder of root's with a state folder of somebody else, and things of root's beside it.
struct Place {
    folder: Folder,
    other: User,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: Folder::new("other-user").unwrap(), other: other() };
        place.folder.add("state", 0o700, Some(&place.other)).unwrap();
        let outside = place.folder.add("outside", 0o755, None).unwrap();
        place.folder.write("outside/file", "of root's").unwrap();
        fs::set_permissions(outside.join("file"), fs::Permissions::from_mode(0o640)).unwrap();
        place.folder.add("outside/folder", 0o755, None).unwrap();
        place
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    fn give(&self, path: &Path) {
        chown(path, Some(self.other.uid.as_raw()), Some(self.other.gid.as_raw())).unwrap();
    }

    /// All that can be seen of what is not in the state folder.
    fn seen(&self) -> Vec<String> {
        let mut seen = Vec::new();
        look(&self.outside(), &mut seen);
        seen
    }

    /// Words for `doorlist`, on this state folder.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(DOORLIST);
        command.args(words);
        self.set(&mut command);
        command
    }

    fn set(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DOORLIST_")) {
            command.env_remove(name);
        }
        command.env("DOORLIST__STATE__DIR", self.state()).env("DOORLIST__WEB__LISTEN", "127.0.0.1:0");
        command.env("DOORLIST__SMTP__LISTEN", "127.0.0.1:0").env("DOORLIST__METRICS__LISTEN", "");
        command.current_dir(self.folder.path());
    }

    /// Runs it to its end.
    #[track_caller]
    fn run(&self, words: &[&str]) -> Printed {
        printed(self.command(words), &words.join(" "))
    }
}

/// What `command` prints until it ends, which it does.
#[track_caller]
fn printed(mut command: Command, shown: &str) -> Printed {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // What it prints fits into its pipes, so that it can be read afterwards.
    let code = wait(&mut child, shown);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Printed { code, out: text(&output.stdout), talk: text(&output.stderr) }
}

#[track_caller]
fn wait(child: &mut Child, shown: &str) -> i32 {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if began.elapsed() > DONE_MAX {
            child.kill().unwrap();
            panic!("{shown}: it waits for something");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn look(path: &Path, seen: &mut Vec<String>) {
    let meta = fs::symlink_metadata(path).unwrap();
    let text = if meta.is_file() { fs::read_to_string(path).unwrap() } else { String::new() };
    // Not how many names a file has: one in the state folder may go.
    let what = (meta.uid(), meta.gid(), meta.mode(), meta.mtime_nsec());
    seen.push(format!("{} {what:?} {text}", path.display()));
    if meta.is_dir() {
        let mut inside: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        inside.sort();
        inside.iter().for_each(|path| look(path, seen));
    }
}
