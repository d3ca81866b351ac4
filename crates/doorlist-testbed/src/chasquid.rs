//! A real chasquid as a destination: unpacked, with its own folders; keeps every message in a maildir.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, ensure};

use crate::certificates::{Authority, Shown};
use crate::folder::Folder;
use crate::mail_server::NextHop;
use crate::maildir::{self, Maildir, Setup};
use crate::mounts::Mounts;
use crate::process::Running;
use crate::{packages, ports};

/// A running chasquid. Dropping it ends its processes and removes its mail.
#[derive(Debug)]
pub struct Chasquid {
    /// Dropped first: the server ends before its folder goes.
    _server: Running,
    folder: Folder,
    maildir: Maildir,
    address: SocketAddr,
}

impl Chasquid {
    /// Starts one of its own. It takes mail for known addresses only, which must be given.
    ///
    /// # Errors
    /// Fails if chasquid is not unpacked, the test is not root, or the server does not start.
    pub fn start(setup: &Setup<'_>) -> Result<Self> {
        let known = setup.known.context("chasquid has no address for everybody")?;
        ensure!(setup.smarthost.is_none(), "chasquid has no smart host");
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()?));
        let folder = Folder::new("chasquid")?;
        let (maildir, script) = maildir::add(&folder, None)?;
        // Without a name server, its checks of the sender's domain ask nobody.
        let mounts = Mounts::new(&folder, "chasquid.example.test")?;
        for name in ["conf", "conf/certs", "conf/certs/mx", "conf/domains", "conf/hooks", "data"] {
            folder.add(name, 0o755, None)?;
        }
        let certificate = Authority::new()?.issue(&["chasquid.example.test"], Shown::Good)?;
        folder.write("conf/certs/mx/fullchain.pem", &certificate.certificate_pem)?;
        folder.write("conf/certs/mx/privkey.pem", &certificate.key_pem)?;
        for domain in setup.domains {
            folder.add(&format!("conf/domains/{domain}"), 0o755, None)?;
            let end = format!("@{domain}");
            let users = known.iter().filter_map(|address| address.strip_suffix(&end));
            let users: String = users.map(|user| format!("users: {{ key: \"{user}\" value: {{}} }}\n")).collect();
            folder.write(&format!("conf/domains/{domain}/users"), users)?;
        }
        let hook = format!("#!/bin/sh\nif [ -e {}/later ]; then exit 1; fi\n", folder.path().display());
        fs::set_permissions(folder.write("conf/hooks/post-data", hook)?, fs::Permissions::from_mode(0o755))?;
        let keeps = [&script.display().to_string(), &maildir.path().display().to_string(), "%to%", "%from%"];
        let keeps: String = keeps.iter().map(|word| format!("mail_delivery_agent_args: \"{word}\"\n")).collect();
        let folders = folder.path().display();
        folder.write(
            "conf/chasquid.conf",
            format!(
                "hostname: \"chasquid.example.test\"\nsmtp_address: \"{address}\"\ndata_dir: \"{folders}/data\"\n\
                 mail_log_path: \"{folders}/maillog\"\nmail_delivery_agent_bin: \"/bin/sh\"\n{keeps}{}\n",
                setup.settings
            ),
        )?;
        let mut program = mounts.program(&packages::unpacked_program("usr/bin/chasquid")?);
        program.command().arg("-config_dir").arg(folder.path().join("conf"));
        let mut server = program.start()?;
        server.wait_for_port(address)?;
        Ok(Self { _server: server, folder, maildir, address })
    }
}

impl NextHop for Chasquid {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn maildir(&self) -> Maildir {
        self.maildir.clone()
    }

    /// It knows no recipient that is only busy: as long as there are any here, every message is put off at its end.
    fn defer(&self, recipients: &[&str]) -> Result<()> {
        let later = self.folder.path().join("later");
        match recipients.is_empty() {
            true => Ok(fs::remove_file(later)?),
            false => self.folder.write("later", "").map(drop),
        }
    }
}
