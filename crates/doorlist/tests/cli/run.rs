//! Running the binary: one command, or a server that is ended by its pid.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that anything here is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with a state folder in it, and the environment that names it.
pub(crate) struct Place {
    folder: TempDir,
    binary: PathBuf,
    user: Option<u32>,
    settings: Vec<(String, String)>,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            binary: env!("CARGO_BIN_EXE_doorlist").into(),
            user: None,
            settings: Vec::new(),
        }
    }

    /// The same place for another user of the machine, who must be able to run the binary; needs root.
    pub(crate) fn as_user(&self, uid: u32) -> Place {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        Place { folder, binary: self.binary.clone(), user: Some(uid), settings: self.settings.clone() }
    }

    /// A setting of every command here: `STORE__URL`.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((format!("DOORLIST__{name}"), value.to_owned()));
    }

    /// Lets every user in, with a copy of the binary beside: the build's folder may be in a closed home.
    pub(crate) fn open_to_all(&mut self) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(self.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let copy = self.path().join("doorlist");
        std::fs::copy(&self.binary, &copy).unwrap();
        self.binary = copy;
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        match self.user {
            Some(_) => self.path().parent().unwrap().join("state"),
            None => self.path().join("state"),
        }
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn command(&self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(&self.binary);
        command.args(words).current_dir(self.path().ancestors().nth(usize::from(self.user.is_some())).unwrap());
        command.env_clear().env("TZ", "UTC").env("DOORLIST__STATE__DIR", self.state());
        for (setting, value) in [("SMTP", "127.0.0.1:0"), ("WEB", "127.0.0.1:0"), ("METRICS", "127.0.0.1:0")] {
            command.env(format!("DOORLIST__{setting}__LISTEN"), value);
        }
        command.env("DOORLIST__SMTP__HOSTNAME", "gw.example.test").stdin(Stdio::null());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        if let Some(uid) = self.user {
            command.uid(uid).gid(uid);
        }
        command
    }

    /// Runs a command line, parted by spaces.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.run_with(line, "")
    }

    /// The same with something on stdin.
    pub(crate) fn run_with(&self, line: &str, input: &str) -> Ran {
        let mut command = self.command(line.split_whitespace());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that does not read closes its end; that is no failure of the test.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs it and wants the exit code 0.
    pub(crate) fn done(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{line}: {}{}", ran.out, ran.err);
        ran.out
    }
}

pub(crate) struct Server {
    child: Child,
    said: Vec<String>,
    stderr: Receiver<String>,
}

impl Server {
    pub(crate) fn start(place: &Place) -> Self {
        Self::start_with(place, &[])
    }

    /// Starts it and waits for the line that says that it is ready.
    pub(crate) fn start_with(place: &Place, words: &[&str]) -> Self {
        let mut command = place.command(["serve"].iter().chain(words));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, stderr) = channel();
        std::thread::spawn(move || lines.try_for_each(|line| sender.send(line.unwrap())));
        let mut server = Self { child, said: Vec::new(), stderr };
        server.wait_for("ready after");
        server
    }

    /// Reads what it says until a line contains `text`.
    pub(crate) fn wait_for(&mut self, text: &str) {
        loop {
            let line = self.stderr.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("`{text}` was not said ({error}): {:#?}", self.said));
            let found = line.contains(text);
            self.said.push(line);
            if found {
                return;
            }
        }
    }

    /// The address behind a word of the lines that it said at its start.
    pub(crate) fn address(&self, word: &str) -> SocketAddr {
        let line = self.said.iter().find(|line| line.trim_start().starts_with(word)).unwrap();
        let address = line.split_whitespace().nth(1).unwrap().trim_start_matches("http://");
        address.split('/').next().unwrap().parse().unwrap()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Tells it to end and waits until it has.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An SMTP session of a line at a time.
pub(crate) struct Smtp(BufReader<TcpStream>);

impl Smtp {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// The next reply, all of its lines.
    pub(crate) fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            assert!(self.0.read_line(&mut reply).unwrap() > 0, "closed after {reply:?}");
            if reply.as_bytes()[start..].get(3) != Some(&b'-') {
                return reply;
            }
        }
    }

    pub(crate) fn say(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
        self.reply()
    }

    /// Up to MAIL, so that recipients can be tried.
    pub(crate) fn greeted(address: SocketAddr) -> Self {
        let mut smtp = Self::connect(address);
        smtp.reply();
        smtp.say("EHLO client.example.test");
        smtp.say("MAIL FROM:<sender@client.example.test>");
        smtp
    }
}

/// Asks over HTTP and returns the whole answer.
pub(crate) fn http(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Asks again until it is so, for at most `limit`.
pub(crate) fn within(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::yield_now();
    }
}
