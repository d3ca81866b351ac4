//! A mount namespace for a peer with fixed paths: folders of the test in the place of the machine's, seen by nobody else.
//!
//! Mail programs that run from an unpacked package look for `/etc/nullmailer`, `/var/spool/smtpd` or accounts of their
//! own. Here they find them, and no name server: what they look up is in the `hosts` file.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use nix::unistd::gethostname;

use crate::folder::Folder;
use crate::process::Program;

/// The accounts that programs know inside; only `nobody` and `mail` are the machine's, with the numbers of every Debian.
const PASSWD: &str = "\
root:x:0:0::/root:/bin/sh
mail:x:8:8::/var/mail:/usr/sbin/nologin
opensmtpd:x:64001:64001::/nonexistent:/usr/sbin/nologin
opensmtpq:x:64002:64002::/nonexistent:/usr/sbin/nologin
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
";
const GROUP: &str = "root:x:0:\nmail:x:8:\nopensmtpd:x:64001:\nopensmtpq:x:64002:\nnogroup:x:65534:\n";
const SERVICES: &str = "hosts: files\npasswd: files\ngroup: files\n";

/// Which folder is seen in the place of which.
#[derive(Debug)]
pub struct Mounts {
    folder: PathBuf,
    /// Path inside, and the folder that is seen there.
    places: Vec<(PathBuf, PathBuf)>,
}

impl Mounts {
    /// An `/etc`, `/run`, `/var/lib` and `/var/spool` below `folder`, on a machine with this host name.
    ///
    /// # Errors
    /// Fails if they cannot be made.
    pub fn new(folder: &Folder, host: &str) -> Result<Self> {
        let mut mounts = Self { folder: folder.path().to_owned(), places: Vec::new() };
        for (name, place) in [("etc", "/etc"), ("run", "/run"), ("lib", "/var/lib"), ("spool", "/var/spool")] {
            let own = folder.add(name, 0o755, None)?;
            mounts = mounts.put(place, own);
        }
        let machine = gethostname()?.to_string_lossy().into_owned();
        folder.write("etc/hosts", format!("127.0.0.1 {host} localhost {machine}\n"))?;
        folder.write("etc/mailname", format!("{host}\n"))?;
        folder.write("etc/passwd", PASSWD)?;
        folder.write("etc/group", GROUP)?;
        folder.write("etc/nsswitch.conf", SERVICES)?;
        folder.write("etc/resolv.conf", "")?;
        // Where libraries are is the machine's.
        fs::copy("/etc/ld.so.cache", folder.path().join("etc/ld.so.cache"))?;
        Ok(mounts)
    }

    /// Shows `folder` at `place` too, which need not exist outside.
    #[must_use]
    pub fn put(mut self, place: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        self.places.push((place.into(), folder.into()));
        self
    }

    /// `program` in a namespace of its own, its output in the file `log` of the folder. The process id is the program's.
    #[must_use]
    pub fn program(&self, program: &Path) -> Program {
        let mut started = Program::new("unshare", None, self.folder.join("log"));
        started.command().args(["--mount", "--propagation", "private", "--", "/bin/sh", "-c"]);
        started.command().arg(include_str!("mounts/enter.sh")).arg("mounts").args(self.words()).arg(program);
        started
    }

    fn words(&self) -> Vec<OsString> {
        let mut words = vec![self.folder.join("mounts").into_os_string()];
        for (place, folder) in &self.places {
            words.extend([place.clone().into_os_string(), folder.clone().into_os_string()]);
        }
        words.push("--".into());
        words
    }
}

/// A command that sees what the running process `pid` sees.
#[must_use]
pub fn beside(pid: u32, program: &Path) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--mount", "--target", &pid.to_string(), "--"]).arg(program);
    command
}
