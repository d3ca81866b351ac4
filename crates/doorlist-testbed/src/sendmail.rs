//! A real Sendmail: unpacked, with its own folders; keeps every message in a maildir. Its configuration is made by `m4`
//! from Debian's `sendmail-cf`, as an administrator makes it.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::unistd::geteuid;

use crate::folder::Folder;
use crate::mail_server::{NextHop, QueueingSender};
use crate::maildir::{self, Maildir, Setup};
use crate::mounts::{self, Mounts};
use crate::process::{self, Running};
use crate::{packages, ports};

const PROGRAM: &str = "usr/libexec/sendmail/sendmail";

/// A running Sendmail. Dropping it ends its processes and removes its mail.
#[derive(Debug)]
pub struct Sendmail {
    /// Dropped first: the server ends before its folder goes.
    server: Running,
    folder: Folder,
    maildir: Maildir,
    address: SocketAddr,
}

impl Sendmail {
    /// Starts one of its own.
    ///
    /// # Errors
    /// Fails if Sendmail is not unpacked, the test is not root, or the server does not start.
    pub fn start(setup: &Setup<'_>) -> Result<Self> {
        ensure!(geteuid().is_root(), "Sendmail delivers as root; `cargo xtask check` runs tests so");
        let nobody = process::account("nobody")?.context("no account nobody")?;
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let folder = Folder::new("sendmail")?;
        let (maildir, script) = maildir::add(&folder, Some(&nobody))?;
        // Without a name server it would wait for the machine's at its start.
        let mounts = Mounts::new(&folder, "sendmail.example.test")?;
        folder.add("queue", 0o700, None)?;
        folder.write("switch", "hosts files\naliases files\npasswd files\n")?;
        folder.write("known", known(setup, &[]))?;
        let keeps = format!("sh {} {} $u $g", script.display(), maildir.path().display());
        folder.write("sendmail.mc", macros(&folder, &keeps, address, setup))?;
        let sources = packages::unpacked().join("usr/share/sendmail/cf/");
        let made = process::run(
            Command::new("m4")
                .arg(format!("-D_CF_DIR_={}", sources.display()))
                .arg(sources.join("m4/cf.m4"))
                .arg(folder.path().join("sendmail.mc")),
        )?;
        folder.write("sendmail.cf", made)?;
        let mut program = mounts.program(&packages::unpacked_program(PROGRAM)?);
        program.command().arg(format!("-C{}/sendmail.cf", folder.path().display())).args(["-bD", "-q1h"]);
        let mut server = program.start()?;
        server.wait_for_port(address)?;
        Ok(Self { server, folder, maildir, address })
    }
}

impl NextHop for Sendmail {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn maildir(&self) -> Maildir {
        self.maildir.clone()
    }

    fn defer(&self, recipients: &[&str]) -> Result<()> {
        // It looks into the file for each recipient, and takes the first line that fits.
        let known = fs::read_to_string(self.folder.path().join("known"))?;
        let kept = known.lines().filter(|line| line.ends_with(" keep")).map(|line| format!("{line}\n"));
        let later: String = recipients.iter().map(|address| format!("{address} later\n")).collect();
        self.folder.write("known", later + &kept.collect::<String>()).map(drop)
    }
}

impl QueueingSender for Sendmail {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn waiting(&self) -> Result<Vec<String>> {
        let mut waiting = Vec::new();
        for entry in fs::read_dir(self.folder.path().join("queue"))? {
            let path = entry?.path();
            if !path.file_name().unwrap_or_default().to_string_lossy().starts_with("qf") {
                continue;
            }
            // A message that has just been sent is gone.
            let Ok(bytes) = fs::read(&path) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            // "RPFD:ann@example.test"; what was delivered is written away.
            let recipients = text.lines().filter_map(|line| line.strip_prefix('R')?.split_once(':'));
            waiting.extend(recipients.map(|(_, address)| address.trim_matches(['<', '>']).to_owned()));
        }
        waiting.sort();
        Ok(waiting)
    }

    fn retry(&self) -> Result<()> {
        let mut command = mounts::beside(self.server.pid(), &packages::unpacked_program(PROGRAM)?);
        command.arg(format!("-C{}/sendmail.cf", self.folder.path().display())).arg("-q");
        process::run(&mut command).map(drop)
    }
}

/// What becomes of each recipient: `keep` or `later`.
fn known(setup: &Setup<'_>, later: &[&str]) -> String {
    let later = later.iter().map(|address| format!("{address} later\n"));
    let keep = setup.known.unwrap_or_default().iter().map(|address| format!("{address} keep\n"));
    later.chain(keep).collect()
}

/// The macros: local, without a name server, and nothing of a message is touched.
fn macros(folder: &Folder, keeps: &str, address: SocketAddr, setup: &Setup<'_>) -> String {
    let folder = folder.path().display();
    let otherwise = if setup.known.is_some() { "unknown" } else { "keep" };
    let smarthost = match setup.smarthost {
        Some(host) => format!(
            "define(`SMART_HOST', `relay:[{}]')dnl\ndefine(`RELAY_MAILER_ARGS', `TCP $h {}')dnl\n\
             FEATURE(`promiscuous_relay')dnl\n",
            host.ip(),
            host.port()
        ),
        None => String::new(),
    };
    format!(
        "divert(0)dnl
OSTYPE(linux)dnl
define(`confDOMAIN_NAME', `sendmail.example.test')dnl
define(`confCW_FILE', `-o {folder}/none')dnl
define(`confPID_FILE', `{folder}/pid')dnl
define(`confSERVICE_SWITCH_FILE', `{folder}/switch')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
define(`confTO_IDENT', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confDELAY_LA', `1000')dnl
define(`confDONT_BLAME_SENDMAIL', `MapInUnsafeDirPath')dnl
define(`QUEUE_DIR', `{folder}/queue')dnl
define(`HELP_FILE', `')dnl
define(`STATUS_FILE', `')dnl
define(`ALIAS_FILE', `')dnl
define(`LOCAL_MAILER_PATH', `/bin/false')dnl
{smarthost}{more}
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Port={port}, Addr={ip}, Name=MTA')dnl
MAILER(local)dnl
MAILER(smtp)dnl
MAILER_DEFINITIONS
Mkeep, P=/bin/sh, F=lsn8uS, U=nobody:nogroup, D=/, A={keeps}
LOCAL_CONFIG
Kknown text -k0 -v1 {folder}/known
CV {domains}
LOCAL_RULE_0
R$+ < @ $=V . >\t$: < $(known $1@$2 $: {otherwise} $) > $1 < @ $2 . >
R< unknown > $*\t$#error $@ 5.1.1 $: \"550 User unknown\"
R< later > $*\t$#error $@ 4.2.0 $: \"450 Mailbox busy\"
R< keep > $+ < @ $+ . >\t$#keep $@ $2 $: $1@$2
",
        more = setup.settings,
        ip = address.ip(),
        port = address.port(),
        domains = setup.domains.join(" "),
    )
}
