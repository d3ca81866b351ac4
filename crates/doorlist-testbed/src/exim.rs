//! A real Exim as a destination: unpacked, with its own folders; keeps every message in a maildir. Like Postfix, it
//! only runs as root.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;

use crate::folder::Folder;
use crate::mail_server::{NextHop, QueueingSender};
use crate::maildir::{Maildir, Setup, files_below};
use crate::process::{self, Program, Running};
use crate::{packages, ports};

/// A running Exim. Dropping it ends its processes and removes its mail.
#[derive(Debug)]
pub struct Exim {
    /// Dropped first: the server ends before its folder goes.
    server: Option<Running>,
    folder: Folder,
    program: PathBuf,
    address: SocketAddr,
}

impl Exim {
    /// Starts a daemon of its own.
    ///
    /// # Errors
    /// Fails if Exim is not unpacked, the test is not root, or the server does not start.
    pub fn start(setup: &Setup<'_>) -> Result<Self> {
        ensure!(geteuid().is_root(), "Exim only delivers as root; `cargo xtask check` runs tests so");
        let program = packages::unpacked_program("usr/sbin/exim4")?;
        let account = process::account(packages::EXIM_ACCOUNT)?.context("no account for Exim")?;
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let folder = Folder::new("exim")?;
        // It runs itself again as its own account, which cannot enter every home folder that a cache lies in.
        let copy = folder.path().join("exim4");
        std::fs::copy(&program, &copy).with_context(|| format!("copying {}", program.display()))?;
        for name in ["spool", "log", "mail"] {
            folder.add(name, 0o750, Some(&account))?;
        }
        folder.write("known", setup.known.unwrap_or_default().join("\n"))?;
        folder.write("later", "")?;
        folder.write("exim.conf", settings(&copy, folder.path(), address, setup))?;
        let mut server = Self { server: None, folder, program: copy, address };
        server.start_again()?;
        Ok(server)
    }

    /// Where it takes mail, also while it is stopped.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has taken.
    #[must_use]
    pub fn maildir(&self) -> Maildir {
        Maildir::at(self.folder.path().join("mail/inbox"))
    }

    /// How many files are in its queue; a message is two of them.
    ///
    /// # Errors
    /// Fails if the queue cannot be read.
    pub fn queued(&self) -> Result<usize> {
        files_below(&self.folder.path().join("spool/input"))
    }

    /// What it has logged.
    ///
    /// # Errors
    /// Fails if the log cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(self.folder.path().join("log/mainlog"))?).into_owned())
    }

    /// A command of its own, on its queue.
    fn command(&self, option: &str) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.arg("-C").arg(self.folder.path().join("exim.conf")).arg(option);
        Ok(String::from_utf8_lossy(&process::run(&mut command)?).into_owned())
    }

    /// Stops it; its mail stays.
    ///
    /// # Errors
    /// Fails if it does not stop.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.end()?;
        }
        Ok(())
    }

    /// Starts it again on the same port, after [`Self::stop`].
    ///
    /// # Errors
    /// Fails if it does not start.
    pub fn start_again(&mut self) -> Result<()> {
        let mut exim = Program::new(&self.program, None, self.folder.path().join("out"));
        exim.command().arg("-C").arg(self.folder.path().join("exim.conf")).args(["-bdf", "-q1m"]);
        let mut running = exim.start()?;
        running.wait_for_port(self.address)?;
        self.server = Some(running);
        Ok(())
    }
}

impl NextHop for Exim {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn maildir(&self) -> Maildir {
        self.maildir()
    }

    fn defer(&self, recipients: &[&str]) -> Result<()> {
        self.folder.write("later", recipients.join("\n")).map(drop)
    }
}

impl QueueingSender for Exim {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn waiting(&self) -> Result<Vec<String>> {
        // A message is a line with its sender in angle brackets, then a line for each recipient that is not delivered.
        let queue = self.command("-bpu")?;
        let recipients = queue.lines().map(str::trim).filter(|line| line.contains('@') && !line.contains('<'));
        let mut waiting: Vec<String> = recipients.map(str::to_owned).collect();
        waiting.sort();
        Ok(waiting)
    }

    fn retry(&self) -> Result<()> {
        self.command("-qff").map(drop)
    }
}

/// The settings: quick, local, and nothing of a message is touched.
fn settings(program: &Path, folder: &Path, address: SocketAddr, setup: &Setup<'_>) -> String {
    let condition = match setup.known {
        None => "yes".to_owned(),
        Some(_) => {
            format!("${{lookup{{${{lc:$local_part@$domain}}}}lsearch{{{}/known}}{{yes}}{{no}}}}", folder.display())
        }
    };
    let (relay_from, smarthost) = match setup.smarthost {
        None => (String::new(), String::new()),
        Some(host) => ("  accept hosts = 127.0.0.1\n".to_owned(), smarthost(host)),
    };
    format!(
        "exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
primary_hostname = exim.destination.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
domainlist ours = {domains}
keep_environment =
deliver_drop_privilege = true
tls_advertise_hosts =
rfc1413_query_timeout = 0s
host_lookup =
dns_dnssec_ok = 0
message_size_limit = 0
header_maxsize = 10M
received_headers_max = 200
return_path_remove = false
envelope_to_remove = false
delivery_date_remove = false
smtp_accept_max = 300
smtp_accept_queue_per_connection = 0
acl_smtp_rcpt = rcpt
acl_smtp_data = data
{more}
begin acl
rcpt:
  defer condition = ${{lookup{{${{lc:$local_part@$domain}}}}lsearch{{{folder}/later}}{{yes}}{{no}}}}
        message = 4.2.0 Mailbox busy
  accept domains = +ours
         condition = {condition}
{relay_from}  deny message = 5.1.1 User unknown
data:
  accept
begin routers
{smarthost}inbox:
  driver = accept
  domains = +ours
  transport = inbox
begin transports
relay:
  driver = smtp
inbox:
  driver = appendfile
  maildir_format
  directory = {folder}/mail/inbox
  envelope_to_add
  return_path_add
begin retry
* * F,1h,1m
",
        program = program.display(),
        folder = folder.display(),
        port = address.port(),
        domains = setup.domains.join(" : "),
        more = setup.settings,
    )
}

/// The router for all mail that is not for its own domains.
fn smarthost(host: SocketAddr) -> String {
    format!(
        "smarthost:
  driver = manualroute
  domains = ! +ours
  route_list = * {}::{} byname
  self = send
  transport = relay
",
        host.ip(),
        host.port()
    )
}
