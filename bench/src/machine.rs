//! Describes the machine for the readers of the figures.

use crate::disk::syncs_per_second;
use crate::packages::{Packages, filter_versions};
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The project's root folder.
pub(crate) fn project_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Where cargo puts what it builds: this program lies in its `release` folder, or in that of another profile.
pub(crate) fn target_folder() -> PathBuf {
    let ours = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.parent()?.to_path_buf()));
    ours.unwrap_or_else(|| project_root().join("target"))
}

/// What a reader needs to know, one fact a line.
pub(crate) fn facts(work: &Path, packages: &Packages) -> Result<Vec<String>> {
    let cpu = first_value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = first_value("/proc/meminfo", "MemTotal")
        .and_then(|value| value.strip_suffix("kB")?.trim().parse::<u64>().ok())
        .map_or_else(|| "unknown".to_owned(), |kib| format!("{} GiB", kib.div_ceil(1024 * 1024)));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let doorlist = said(Command::new(packages.doorlist()).arg("--version"));
    let commit = said(Command::new("git").arg("-C").arg(project_root()).args(["rev-parse", "--short", "HEAD"]));
    Ok(vec![
        format!("Machine: {cores} cores ({cpu}), {memory}, Linux {}", kernel.trim()),
        format!(
            "Disk: {} under {}, {:.0} fdatasync per second, each after 4 KiB more in one file",
            file_system(work),
            work.display(),
            syncs_per_second(work)?
        ),
        format!(
            "Servers: Postfix {}, Exim {}, {doorlist} (commit {commit})",
            said(Command::new("postconf").args(["-dh", "mail_version"])),
            packages.exim_version(),
        ),
        format!("Filters: {}", filter_versions().join(", ")),
        format!("Date: {} (UTC)", said(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"]))),
    ])
}

fn first_value(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or("unknown").trim().to_owned()
}

/// The kind of file system that holds `path`.
fn file_system(path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let holds = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (at, kind) = (fields.next()?, fields.next()?);
        path.starts_with(at).then_some((at.len(), kind))
    });
    holds.max_by_key(|(length, _)| *length).map_or("unknown", |(_, kind)| kind).to_owned()
}
