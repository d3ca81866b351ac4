//! A real Postfix as a destination: an instance with its own folders; keeps every message in a maildir.
//!
//! Postfix only runs as root, and so do the tests that use it. The machine's own Postfix and `/etc/postfix` are not
//! touched: the master process gets its folder by `MAIL_CONFIG`.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use nix::unistd::{User, geteuid};

use crate::folder::Folder;
use crate::mail_server::NextHop;
use crate::maildir::{Maildir, Setup, files_below};
use crate::ports;
use crate::process::{self, Program, Running};

/// Where Debian keeps Postfix's daemons.
const MASTER: &str = "/usr/lib/postfix/sbin/master";
/// The services that taking and keeping mail needs; none is chrooted.
const SERVICES: &str = "\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
smtp unix - - n - - smtp
postlog unix-dgram n - n - 1 postlogd
";

/// A setting: each connection has a process of its own, which reads all tables again.
pub const FRESH: &str = "max_use = 1";

/// A running Postfix. Dropping it ends its processes and removes its mail.
#[derive(Debug)]
pub struct Postfix {
    /// Dropped first: the server ends before its folder goes.
    server: Option<Running>,
    folder: Folder,
    address: SocketAddr,
}

impl Postfix {
    /// Starts an instance of its own.
    ///
    /// # Errors
    /// Fails if Postfix is not installed, the test is not root, or the server does not start.
    pub fn start(setup: &Setup<'_>) -> Result<Self> {
        anyhow::ensure!(geteuid().is_root(), "Postfix only runs as root; `cargo xtask check` runs tests so");
        let postfix = process::account("postfix")?.context("Postfix is not installed")?;
        let nobody = process::account("nobody")?.context("no account nobody")?;
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let folder = Folder::new("postfix")?;
        let etc = folder.add("etc", 0o755, None)?;
        folder.add("spool", 0o755, None)?;
        folder.add("data", 0o700, Some(&postfix))?;
        folder.add("mail", 0o700, Some(&nobody))?;
        folder.write("later", "")?;
        folder.write("etc/main.cf", main_cf(folder.path(), setup, &nobody)?)?;
        folder.write("etc/master.cf", format!("{address} inet n - n - - smtpd\n{SERVICES}"))?;
        // Makes the folders of the queue, as `postfix start` would.
        process::run(Command::new("postfix").arg("-c").arg(&etc).arg("check"))?;
        let mut server = Self { server: None, folder, address };
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

    /// How many messages are in its queue, deferred ones too.
    ///
    /// # Errors
    /// Fails if the queue cannot be read.
    pub fn queued(&self) -> Result<usize> {
        let spool = self.folder.path().join("spool");
        ["incoming", "active", "deferred", "hold"].iter().map(|name| files_below(&spool.join(name))).sum()
    }

    /// What it has logged.
    ///
    /// # Errors
    /// Fails if the log cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(self.folder.path().join("log"))?).into_owned())
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
        let mut master = Program::new(MASTER, None, self.folder.path().join("log"));
        master.command().arg("-d").env("MAIL_CONFIG", self.folder.path().join("etc"));
        let mut running = master.start()?;
        running.wait_for_port(self.address)?;
        self.server = Some(running);
        Ok(())
    }
}

impl NextHop for Postfix {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn maildir(&self) -> Maildir {
        self.maildir()
    }

    /// Seen at once with [`FRESH`] among the settings; else when the processes that have read the old list end.
    fn defer(&self, recipients: &[&str]) -> Result<()> {
        let lines: String = recipients.iter().map(|address| format!("{address} 450 4.2.0 Mailbox busy\n")).collect();
        self.folder.write("later", lines).map(drop)
    }
}

/// The settings: quick, local, and nothing of a message is touched.
fn main_cf(folder: &Path, setup: &Setup<'_>, owner: &User) -> Result<String> {
    let folder = folder.display();
    let mailboxes = match setup.known {
        None => "static:inbox/".to_owned(),
        Some(known) => {
            let entries: Vec<String> = known.iter().map(|address| format!("{{ {address} = inbox/ }}")).collect();
            format!("inline:{{ {} }}", entries.join(", "))
        }
    };
    let mut text = String::from(
        "compatibility_level = 3.6\n\
         maillog_file = /dev/stdout\n\
         myhostname = postfix.destination.test\n\
         local_recipient_maps =\nalias_maps =\nalias_database =\n\
         inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n\
         smtpd_peername_lookup = no\nsmtp_dns_support_level = disabled\n\
         smtpd_error_sleep_time = 0\nsmtpd_soft_error_limit = 1000\nsmtpd_hard_error_limit = 10000\n\
         smtpd_client_connection_count_limit = 0\nin_flow_delay = 0\n\
         message_size_limit = 0\nmailbox_size_limit = 0\nvirtual_mailbox_limit = 0\nheader_size_limit = 10000000\n\
         message_drop_headers =\nlocal_header_rewrite_clients =\nhopcount_limit = 200\n",
    );
    writeln!(text, "smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/later")?;
    writeln!(text, "queue_directory = {folder}/spool\ndata_directory = {folder}/data")?;
    let domains = setup.domains.join(" ");
    match setup.smarthost {
        None => writeln!(
            text,
            "mydestination =\nvirtual_mailbox_domains = {domains}\nsmtpd_relay_restrictions = reject_unauth_destination"
        )?,
        // Who may relay, and how an address is taken apart, is Postfix's default.
        Some(host) => writeln!(
            text,
            "mydestination = {domains}\nvirtual_mailbox_domains =\nlocal_transport = virtual\nrelayhost = [{}]:{}",
            host.ip(),
            host.port()
        )?,
    }
    writeln!(text, "virtual_mailbox_base = {folder}/mail\nvirtual_mailbox_maps = {mailboxes}")?;
    writeln!(text, "virtual_uid_maps = static:{}\nvirtual_gid_maps = static:{}", owner.uid, owner.gid)?;
    text.push_str(setup.settings);
    text.push('\n');
    Ok(text)
}
