//! A running program that ends with the test in every case.
//!
//! Dropping a [`Running`] ends the program by its pid. If the test process is killed, nothing is dropped; so each
//! program has a watcher, a shell that waits for its pipe to close and then ends the program. (`PR_SET_PDEATHSIG` is
//! lost when a program changes its account, as mail servers do.)

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, User};

/// How long a peer may take until it is ready, on a machine that does much else.
pub const READY_MAX: Duration = Duration::from_secs(60);
/// How long a peer may take to end when asked to; then it is killed.
pub const END_MAX: Duration = Duration::from_secs(10);
/// The pause between two looks whether a peer is ready or gone.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How much of a peer's log is shown when it does not start.
const LOG_SHOWN_MAX: usize = 4_000;

/// What the watchman does when the test process is gone: `$1` is the program's pid and group, `$2` the signal.
const WATCHMAN: &str = "read -r line; kill -s $2 $1; \
    for second in 1 2 3 4 5 6 7 8 9 10; do kill -s 0 $1 || break; sleep 1; done; kill -s KILL -- -$1";

/// A command line under construction: which program, as whom, and how it is asked to end.
#[derive(Debug)]
pub struct Program {
    command: Command,
    name: String,
    log: PathBuf,
    end_signal: Signal,
}

impl Program {
    /// `program`, run as `user` (None: as whoever runs the test), its output in the file `log`.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, user: Option<&User>, log: PathBuf) -> Self {
        Self::ending_with(Signal::SIGTERM, program, user, log)
    }

    /// The same for a program that ends well by another signal than SIGTERM.
    #[must_use]
    pub fn ending_with(end: Signal, program: impl Into<PathBuf>, user: Option<&User>, log: PathBuf) -> Self {
        let program = program.into();
        let name = program.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut command = as_user(&program, user);
        // A group of its own: what the program started in turn is ended with it.
        command.stdin(Stdio::null()).process_group(0);
        Self { command, name, log, end_signal: end }
    }

    /// The command, to add arguments, environment and a folder to.
    pub fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// Starts it; it runs until the returned value is dropped.
    ///
    /// # Errors
    /// Fails if the program is missing or cannot be run.
    pub fn start(mut self) -> Result<Running> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        self.command.stdout(log.try_clone()?).stderr(log);
        let child = self.command.spawn().with_context(|| format!("starting {}", self.name))?;
        let watchman = Command::new("/bin/sh")
            .args(["-c", WATCHMAN, "watchman", &child.id().to_string()])
            .arg(self.end_signal.as_str().trim_start_matches("SIG"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Running { child, watchman, name: self.name, log: self.log, end_signal: self.end_signal })
    }
}

/// A program that runs, and ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Holds our end of its pipe.
    watchman: Child,
    name: String,
    log: PathBuf,
    end_signal: Signal,
}

impl Running {
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// Fails if it has already ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(self.process_id()?, signal).with_context(|| format!("{signal} to {}", self.name))
    }

    /// Waits until something accepts connections on `address`.
    ///
    /// # Errors
    /// Fails if the program has ended or needs longer than [`READY_MAX`]; with the end of its log.
    pub fn wait_for_port(&mut self, address: SocketAddr) -> Result<()> {
        self.wait_until(&format!("listens on {address}"), || TcpStream::connect(address).is_ok())
    }

    /// Waits until `ready` holds.
    ///
    /// # Errors
    /// Fails if the program has ended or needs longer than [`READY_MAX`]; with the end of its log.
    pub fn wait_until(&mut self, what: &str, mut ready: impl FnMut() -> bool) -> Result<()> {
        let end = Instant::now() + READY_MAX;
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended ({status}) before it {what}; its log:\n{}", self.name, self.log_tail());
            }
            if Instant::now() > end {
                bail!("{} does not say that it {what} after {READY_MAX:?}; its log:\n{}", self.name, self.log_tail());
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Waits until the program has ended by itself.
    ///
    /// # Errors
    /// Fails if it still runs after `longest`; it is killed then.
    pub fn wait(&mut self, longest: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + longest;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > end {
                self.child.kill()?;
                self.child.wait()?;
                self.end_group()?;
                bail!("{} did not end within {longest:?}; its log:\n{}", self.name, self.log_tail());
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Asks the program to end and waits for it; then ends what it left behind.
    ///
    /// # Errors
    /// Fails if it had to be killed.
    pub fn end(&mut self) -> Result<ExitStatus> {
        if self.child.try_wait()?.is_none() {
            self.signal(self.end_signal)?;
        }
        let status = self.wait(END_MAX)?;
        self.end_group()?;
        Ok(status)
    }

    /// Ends the processes of the program's group, such as a delivery that its daemon had begun.
    fn end_group(&self) -> Result<()> {
        match killpg(self.process_id()?, Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("ending what {} left behind", self.name)),
        }
        self.await_group_end()
    }

    fn await_group_end(&self) -> Result<()> {
        let end = Instant::now() + END_MAX;
        while group_runs(self.child.id())? {
            ensure!(Instant::now() < end, "{} left something behind that does not end", self.name);
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn process_id(&self) -> Result<Pid> {
        Ok(Pid::from_raw(i32::try_from(self.child.id())?))
    }

    /// What it has printed so far.
    ///
    /// # Errors
    /// Fails if its log cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    fn log_tail(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(LOG_SHOWN_MAX)..]).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("{error:#}");
        }
        // Killed before its pipe closes: there is nothing left to watch.
        let dismissed = self.watchman.kill().and_then(|()| self.watchman.wait());
        if let Err(error) = dismissed {
            eprintln!("dismissing the watchman of {}: {error}", self.name);
        }
    }
}

/// Does a process of this group still run? One that only waits to be reaped by whoever inherited it does not.
fn group_runs(group: u32) -> io::Result<bool> {
    for entry in fs::read_dir("/proc")? {
        // Processes come and go while we look.
        let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else { continue };
        // "pid (name) state parent group ...", and a name may hold anything.
        let Some((_, after_name)) = stat.rsplit_once(") ") else { continue };
        let mut fields = after_name.split(' ');
        let state = fields.next();
        if fields.nth(1) == Some(group.to_string().as_str()) && state != Some("Z") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A command run as `user`: by `setpriv`, which every Debian has, since changing the account by ourselves is unsafe code.
#[must_use]
pub fn as_user(program: &Path, user: Option<&User>) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user.name, "--regid", &user.gid.to_string(), "--init-groups", "--"]).arg(program);
    command
}

/// Runs a program to its end and hands back what it printed.
///
/// # Errors
/// Fails if it cannot be run or fails; with what it wrote on stderr.
pub fn run(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("{command:?} failed ({}):\n{out}{err}", output.status);
    }
    Ok(output.stdout)
}

/// The account that a peer runs as: `name` when the test is root, else whoever runs the test.
///
/// # Errors
/// Fails if the test is root and there is no such account.
pub fn account(name: &str) -> Result<Option<User>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let user = User::from_name(name)?;
    user.map(Some).with_context(|| format!("no account {name} on this machine; `cargo xtask check` installs it"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::folder::Folder;

    fn shell(folder: &Folder, script: &str) -> Running {
        let mut program = Program::new("/bin/sh", None, folder.path().join("log"));
        program.command().args(["-c", script]);
        program.start().unwrap()
    }

    fn is_gone(pid: u32) -> bool {
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), None).is_err()
    }

    #[test]
    fn dropping_ends_it() {
        let folder = Folder::new("process").unwrap();
        let running = shell(&folder, "exec sleep 600");
        let pid = running.pid();
        assert!(!is_gone(pid));
        drop(running);
        assert!(is_gone(pid));
    }

    #[test]
    fn what_it_left_behind_ends_with_it() {
        let folder = Folder::new("process").unwrap();
        let mut running = shell(&folder, "sleep 600 & echo $!; wait");
        running.wait_until("has a child", || !fs::read(folder.path().join("log")).unwrap().is_empty()).unwrap();
        let group = running.pid();
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        assert!(group_runs(group).unwrap());
        drop(running);
        assert!(!group_runs(group).unwrap());
    }

    #[test]
    fn a_program_that_dies_early_is_reported_with_its_log() {
        let folder = Folder::new("process").unwrap();
        let mut running = shell(&folder, "echo the disk is full; exit 3");
        let error = running.wait_until("is ready", || false).unwrap_err().to_string();
        assert!(error.contains("the disk is full") && error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn the_watchman_ends_it_when_the_test_is_gone() {
        let folder = Folder::new("process").unwrap();
        let mut running = shell(&folder, "sleep 600 & exec sleep 600");
        // What the kernel does when the test process is killed.
        drop(running.watchman.stdin.take());
        running.wait(END_MAX).unwrap();
        running.watchman.wait().unwrap();
        // Killed is not gone yet.
        running.await_group_end().unwrap();
    }

    #[test]
    fn a_failing_command_shows_its_stderr() {
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 1"])).unwrap_err().to_string();
        assert!(error.contains("why"), "{error}");
    }
}
