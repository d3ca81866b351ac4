//! Doorlist with its own state folder, configured by its commands and environment variables.

use super::{Task, must};
use crate::load::{DOMAIN, listed};
use crate::packages::Packages;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Settings beyond the addresses: guard and limits of sessions and recipients out of the way, as with the others.
const SETTINGS: &[(&str, &str)] = &[
    ("DOORLIST__GUARD__ENABLED", "false"),
    ("DOORLIST__SMTP__HOSTNAME", "gw.test"),
    ("DOORLIST__SMTP__RECIPIENTS_MAX", "100000"),
    ("DOORLIST__SMTP__JUNK_COMMANDS_MAX", "1000000000"),
    ("DOORLIST__SMTP__SESSIONS_PER_ADDRESS_MAX", "1000"),
    ("DOORLIST__WEB__LISTEN", "127.0.0.1:0"),
    ("DOORLIST__METRICS__LISTEN", "127.0.0.1:0"),
    ("DOORLIST__SOURCES__ALLOW_NETWORKS", "127.0.0.1"),
    // Ten million belong to one customer.
    ("DOORLIST__TENANTS__ADDRESSES_MAX", "20000000"),
];
/// The others evaluate no senders either.
const NO_VERDICT: (&str, &str) = ("DOORLIST__VERDICT__ENGINE", "none");
/// Addresses of one import.
const IMPORT: u32 = 1_000_000;

/// A Doorlist binary and a state folder.
#[derive(Clone, Debug)]
pub(crate) struct Doorlist {
    binary: PathBuf,
    folder: PathBuf,
    /// The engine for verdicts is left as it is by default, which an earlier binary does not know.
    default_verdict: bool,
}

impl Doorlist {
    /// That binary, with its state under `folder`.
    pub(crate) fn new(packages: &Packages, folder: &Path) -> Self {
        Self { binary: packages.doorlist().to_path_buf(), folder: folder.to_path_buf(), default_verdict: false }
    }

    /// Another binary of it, perhaps an earlier one, with its state under `folder`.
    pub(crate) fn of_binary(binary: &Path, folder: &Path) -> Self {
        Self { binary: binary.to_path_buf(), folder: folder.to_path_buf(), default_verdict: true }
    }

    /// Makes domain and list, and says how the server is started.
    pub(crate) fn prepare(&self, task: &Task, address: SocketAddr) -> Result<Command> {
        self.fill(task.next_hop, 0..task.listed)?;
        Ok(self.serve(task, address))
    }

    /// Lets the domain learn from now on.
    pub(crate) fn learn(&self) -> Result<()> {
        must(self.command().args(["domain", "mode", DOMAIN, "learn"])).map(drop)
    }

    /// The domain in Enforce with these names on its list.
    pub(crate) fn fill(&self, next_hop: SocketAddr, names: std::ops::Range<u32>) -> Result<()> {
        must(self.command().args(["domain", "add", DOMAIN, "--server", &next_hop.to_string()]))?;
        self.import(names)?;
        // An empty list is not enforced: names come first.
        must(self.command().args(["domain", "mode", DOMAIN, "enforce", "--now"])).map(|_| ())
    }

    /// These names onto the list, while no server runs.
    pub(crate) fn import(&self, names: std::ops::Range<u32>) -> Result<()> {
        let mut first = names.start;
        while first < names.end {
            let last = names.end.min(first.saturating_add(IMPORT));
            let file = self.folder.join("list.txt");
            write_list(&file, first..last).with_context(|| format!("cannot write {}", file.display()))?;
            must(self.command().arg("import").arg(&file).args(["--domain", DOMAIN, "--apply"]))?;
            first = last;
        }
        Ok(())
    }

    /// How the server is started on what [`Doorlist::fill`] made.
    pub(crate) fn serve(&self, task: &Task, address: SocketAddr) -> Command {
        let mut command = task.disk.command(&self.binary);
        self.settings(&mut command);
        command.env("DOORLIST__SMTP__LISTEN", address.to_string()).arg("serve");
        command
    }

    /// Starts `doorlist account add`, beside the running server.
    pub(crate) fn add_account(&self, address: &str) -> Result<Child> {
        let mut command = self.command();
        command.args(["account", "add", address]).stdin(Stdio::null()).stdout(Stdio::null());
        command.spawn().context("cannot run `doorlist account add`")
    }

    /// A command beside the running server.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        self.settings(&mut command);
        command
    }

    fn settings(&self, command: &mut Command) {
        command.current_dir(&self.folder).env("DOORLIST__STATE__DIR", self.folder.join("state"));
        command.envs(SETTINGS.iter().copied());
        if !self.default_verdict {
            command.env(NO_VERDICT.0, NO_VERDICT.1);
        }
    }
}

fn write_list(path: &Path, names: std::ops::Range<u32>) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for number in names {
        writeln!(file, "{}", listed(number))?;
    }
    file.flush()
}
