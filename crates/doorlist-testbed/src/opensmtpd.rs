//! A real OpenSMTPD: unpacked, with its own folders in the place of the machine's; keeps every message in a maildir.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;

use crate::folder::Folder;
use crate::mail_server::{NextHop, QueueingSender};
use crate::maildir::{self, Maildir, Setup};
use crate::mounts::{self, Mounts};
use crate::process::{self, Running};
use crate::{packages, ports};

/// The account of its queue, which its control program must belong to.
const QUEUE_GROUP: &str = "64002";

/// A running OpenSMTPD. Dropping it ends its processes and removes its mail.
#[derive(Debug)]
pub struct OpenSmtpd {
    /// Dropped first: the server ends before its folder goes.
    server: Running,
    folder: Folder,
    maildir: Maildir,
    address: SocketAddr,
}

impl OpenSmtpd {
    /// Starts one of its own.
    ///
    /// # Errors
    /// Fails if OpenSMTPD is not unpacked, the test is not root, or the server does not start.
    pub fn start(setup: &Setup<'_>) -> Result<Self> {
        ensure!(geteuid().is_root(), "OpenSMTPD only runs as root; `cargo xtask check` runs tests so");
        let nobody = process::account("nobody")?.context("no account nobody")?;
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let folder = Folder::new("opensmtpd")?;
        let (maildir, script) = maildir::add(&folder, Some(&nobody))?;
        let mounts = Mounts::new(&folder, "opensmtpd.example.test")?;
        let mounts = mounts.put("/usr/libexec", packages::unpacked().join("usr/libexec"));
        // Where its processes without rights are locked into.
        for name in ["lib/opensmtpd", "lib/opensmtpd/empty"] {
            folder.add(name, 0o755, None)?;
        }
        folder.write("known", known(setup))?;
        folder.write("later", later(&[]))?;
        let keeps = format!("/bin/sh {} {}", script.display(), maildir.path().display());
        folder.write("etc/smtpd.conf", settings(&folder, &keeps, address, setup))?;
        // Refused otherwise.
        fs::set_permissions(folder.path().join("spool"), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
        let mut program = mounts.program(&packages::unpacked_program("usr/sbin/smtpd")?);
        program.command().arg("-d");
        let mut server = program.start()?;
        server.wait_for_port(address)?;
        Ok(Self { server, folder, maildir, address })
    }

    /// What its control program says.
    fn control(&self, words: &[&str]) -> Result<String> {
        let mut command = mounts::beside(self.server.pid(), &PathBuf::from("setpriv"));
        command.args(["--regid", QUEUE_GROUP, "--clear-groups", "--"]);
        command.arg(packages::unpacked_program("usr/sbin/smtpctl")?).args(words);
        Ok(String::from_utf8_lossy(&process::run(&mut command)?).into_owned())
    }
}

impl NextHop for OpenSmtpd {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn maildir(&self) -> Maildir {
        self.maildir.clone()
    }

    fn defer(&self, recipients: &[&str]) -> Result<()> {
        self.folder.write("later", later(recipients))?;
        self.control(&["update", "table", "later"]).map(drop)
    }
}

impl QueueingSender for OpenSmtpd {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn waiting(&self) -> Result<Vec<String>> {
        /// The field of a line of its queue that names the recipient.
        const RECIPIENT: usize = 6;
        let queue = self.control(&["show", "queue"])?;
        let mut waiting: Vec<String> =
            queue.lines().filter_map(|line| line.split('|').nth(RECIPIENT)).map(str::to_owned).collect();
        waiting.sort();
        Ok(waiting)
    }

    fn retry(&self) -> Result<()> {
        self.control(&["schedule", "all"]).map(drop)
    }
}

/// The addresses that it knows, each with the account that delivers to it.
fn known(setup: &Setup<'_>) -> String {
    let names = match setup.known {
        Some(known) => known.iter().map(|&address| address.to_owned()).collect(),
        None => setup.domains.iter().map(|domain| format!("@{domain}")).collect::<Vec<String>>(),
    };
    names.iter().map(|name| format!("{name} nobody\n")).collect()
}

/// The table of those that are deferred. A table that was empty at the start cannot be updated.
fn later(recipients: &[&str]) -> String {
    let nobody = "nobody@nowhere.example.test";
    [nobody].iter().chain(recipients).map(|address| format!("{address}\n")).collect()
}

fn settings(folder: &Folder, keeps: &str, address: SocketAddr, setup: &Setup<'_>) -> String {
    let folder = folder.path().display();
    let domains: Vec<String> = setup.domains.iter().map(|domain| format!("\"{domain}\"")).collect();
    let inbox = match domains.is_empty() {
        true => String::new(),
        false => format!("match from any for domain {{ {} }} action \"inbox\"\n", domains.join(", ")),
    };
    let smarthost = match setup.smarthost {
        Some(host) => format!(
            "action \"relay\" relay host \"smtp://{host}\" src 127.0.0.1\nmatch from any for any action \"relay\"\n"
        ),
        None => String::new(),
    };
    format!(
        "table known file:{folder}/known
table later file:{folder}/later
filter \"later\" phase rcpt-to match rcpt-to <later> reject \"450 4.2.0 Mailbox busy\"
smtp max-message-size 100M
{more}
listen on {ip} port {port} hostname opensmtpd.example.test filter \"later\"
action \"inbox\" mda \"{keeps} %{{dest}} %{{sender}}\" virtual <known>
{inbox}{smarthost}",
        more = setup.settings,
        ip = address.ip(),
        port = address.port(),
    )
}
