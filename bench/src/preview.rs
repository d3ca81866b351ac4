//! `doorlist domain preview` of fourteen days of decisions: how long it takes, and its greatest memory.

use crate::packages::{Packages, build_asked_days};
use crate::samples::{Samples, Subject};
use crate::server::{Doorlist, Peer, fresh_folder, must};
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Decisions of the fourteen days.
const DECISIONS: u32 = 10_000_000;
/// The domain of the example that writes them.
const DOMAIN: &str = "big.test";
/// How often the memory of the command is looked at: what the kernel tells is its greatest so far.
const LOOK: Duration = Duration::from_millis(2);

const US: Subject = Subject::Server(Peer::Doorlist);

/// Measures what is wanted of `preview` and `preview-memory`; `part` divides the decisions.
pub(crate) fn measure(
    packages: &Packages,
    work: &Path,
    (runs, part): (u32, u32),
    wanted: &dyn Fn(&str) -> bool,
    samples: &mut Samples,
) -> Result<()> {
    if !wanted("preview") && !wanted("preview-memory") {
        return Ok(());
    }
    build_asked_days()?;
    let folder = work.join("doorlist-preview");
    fresh_folder(&folder)?;
    eprintln!("bench: writing {} decisions", DECISIONS / part);
    must(Command::new(packages.asked_days()).arg(folder.join("state")).arg((DECISIONS / part).to_string()))?;
    let doorlist = Doorlist::new(packages, &folder);
    for run in 1..=runs {
        eprintln!("bench: round {run}, a preview of them");
        let mut command = doorlist.command();
        command.args(["domain", "preview", DOMAIN]).stdin(Stdio::null()).stdout(Stdio::null());
        let begun = Instant::now();
        let mut child = command.spawn().context("cannot run `doorlist domain preview`")?;
        let mut greatest = 0;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            greatest = greatest.max(resident(child.id()));
            sleep(LOOK);
        };
        let took = begun.elapsed().as_secs_f64();
        ensure!(status.success(), "doorlist domain preview: {status}");
        samples.add("preview", US, took);
        samples.add("preview-memory", US, greatest as f64 / 1024.0);
    }
    Ok(())
}

/// The greatest resident memory of a process so far, in KiB.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
