//! The processes of one server under test: started, measured and stopped together. A control group separates them from
//! the rest of the machine; without one, the process tree is used.

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Between two looks at whether the processes are gone.
const LOOK: Duration = Duration::from_millis(20);
/// Processes get so long to end by themselves after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(35);
/// Clock ticks per second of /proc/PID/stat on every Linux of today.
const TICKS_PER_SEC: f64 = 100.0;

/// Where CPU time is accounted.
#[derive(Debug)]
enum Account {
    /// cgroup v1: a folder of the cpuacct controller.
    V1(PathBuf),
    V2(PathBuf),
    /// Neither: the sum over the process tree; children that left it are missed.
    Tree,
}

/// A started server with all its processes. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Processes {
    first: Child,
    account: Account,
    stopped: bool,
}

impl Processes {
    /// Starts `command` as the first process of a group of its own, called `name`; what it says goes into `output`.
    pub(crate) fn start(name: &str, command: &Command, output: &Path) -> Result<Self> {
        let account = Account::open(name)?;
        // Whatever ends the bench ends what it started.
        let mut inside = Command::new("setpriv");
        inside.args(["--pdeathsig", "TERM", "sh", "-c"]);
        match account.members_file() {
            Some(members) => inside.arg("echo $$ > \"$0\" && exec \"$@\"").arg(members),
            None => inside.args(["exec \"$@\"", "sh"]),
        };
        inside.arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            inside.env(key, value.unwrap_or(OsStr::new("")));
        }
        if let Some(folder) = command.get_current_dir() {
            inside.current_dir(folder);
        }
        let output = fs::File::create(output).with_context(|| format!("cannot write {}", output.display()))?;
        inside.stdin(std::process::Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let first = inside.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { first, account, stopped: false })
    }

    /// CPU seconds of all its processes so far, also of those that have ended.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        match &self.account {
            Account::V1(folder) => Ok(read_number(&folder.join("cpuacct.usage"))? / 1e9),
            Account::V2(folder) => {
                let stat = fs::read_to_string(folder.join("cpu.stat"))?;
                let usage = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
                Ok(usage.context("cpu.stat lacks usage_usec")?.trim().parse::<f64>()? / 1e6)
            }
            Account::Tree => Ok(self.members()?.into_iter().filter_map(cpu_of).sum()),
        }
    }

    /// Memory of all its processes.
    /// The greatest resident memory of its processes so far, added up, in octets.
    pub(crate) fn greatest_memory(&self) -> Result<u64> {
        let mut all = 0;
        for pid in self.members()? {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
            all += line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) << 10;
        }
        Ok(all)
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        let mut sum = Memory::default();
        for pid in self.members()? {
            // A process may end between the two looks.
            let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
            let octets = |field: &str| {
                let line = rollup.lines().find_map(|line| line.strip_prefix(field));
                line.and_then(|l| l.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
            };
            sum.pss += octets("Pss:");
            sum.anonymous += octets("Anonymous:");
        }
        Ok(sum)
    }

    /// Fails when the first process has ended.
    pub(crate) fn assure_running(&mut self) -> Result<()> {
        match self.first.try_wait()? {
            Some(status) => bail!("the server ended by itself: {status}"),
            None => Ok(()),
        }
    }

    /// Ends all processes: SIGTERM, and SIGKILL for what is still there after [`PATIENCE`].
    pub(crate) fn stop(&mut self) -> Result<()> {
        if self.stopped {
            return Ok(());
        }
        let begun = Instant::now();
        self.signal(Signal::SIGTERM)?;
        loop {
            // Collecting the first process; otherwise it would stay in the group as a zombie.
            let _ = self.first.try_wait()?;
            if self.members()?.is_empty() {
                break;
            }
            if begun.elapsed() > PATIENCE {
                self.signal(Signal::SIGKILL)?;
            }
            if begun.elapsed() > 2 * PATIENCE {
                bail!("processes {:?} cannot be ended", self.members()?);
            }
            std::thread::sleep(LOOK);
        }
        self.first.wait()?;
        self.account.close();
        self.stopped = true;
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        for pid in self.members()? {
            // strace ends with the last process that it follows.
            if signal == Signal::SIGTERM && name_of(pid) == "strace" {
                continue;
            }
            let _ = kill(Pid::from_raw(pid), signal);
        }
        Ok(())
    }

    fn members(&self) -> Result<Vec<i32>> {
        match self.account.members_file() {
            Some(file) => {
                let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
            }
            None => tree_below(i32::try_from(self.first.id())?),
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("bench: a server could not be ended: {error:#}");
        }
    }
}

/// Memory of a group of processes, in octets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Proportional set size: shared pages divided among those that share them.
    pub(crate) pss: u64,
    /// Anonymous pages: what the processes themselves allocated.
    pub(crate) anonymous: u64,
}

impl Account {
    fn open(name: &str) -> Result<Self> {
        let group = format!("doorlist-bench-{}-{name}", std::process::id());
        let v1 = Path::new("/sys/fs/cgroup/cpuacct");
        if v1.is_dir() {
            let folder = v1.join(&group);
            fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
            return Ok(Self::V1(folder));
        }
        let v2 = Path::new("/sys/fs/cgroup");
        let folder = v2.join(&group);
        if v2.join("cgroup.controllers").is_file() && fs::create_dir_all(&folder).is_ok() {
            return Ok(Self::V2(folder));
        }
        Ok(Self::Tree)
    }

    fn members_file(&self) -> Option<PathBuf> {
        match self {
            Self::V1(folder) | Self::V2(folder) => Some(folder.join("cgroup.procs")),
            Self::Tree => None,
        }
    }

    fn close(&self) {
        if let Self::V1(folder) | Self::V2(folder) = self {
            // It may be closed already; an empty group left behind harms nobody.
            let _ = fs::remove_dir(folder);
        }
    }
}

fn read_number(path: &Path) -> Result<f64> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().parse()?)
}

/// The fields of /proc/PID/stat behind the name, which may itself contain blanks and brackets.
fn stat_of(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn name_of(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// utime, stime, cutime and cstime (proc(5), fields 14 to 17).
fn cpu_of(pid: i32) -> Option<f64> {
    let fields = stat_of(pid)?;
    let ticks: f64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<f64>().ok()).sum();
    Some(ticks / TICKS_PER_SEC)
}

fn tree_below(root: i32) -> Result<Vec<i32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
        let Some(fields) = stat_of(pid) else { continue };
        let zombie = fields.first().is_some_and(|state| state == "Z");
        if let (false, Some(parent)) = (zombie, fields.get(1).and_then(|p| p.parse::<i32>().ok())) {
            parents.push((pid, parent));
        }
    }
    let mut tree: Vec<i32> = parents.iter().map(|(pid, _)| *pid).filter(|pid| *pid == root).collect();
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        tree.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    Ok(tree)
}
