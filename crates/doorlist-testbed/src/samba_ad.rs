//! A real Active Directory: a Samba domain controller in its own network, reached through ports on loopback.
//!
//! It has the people of `samba_ad/fixture.ldif`. Like a company's directory it refuses a bind over plain LDAP, and
//! returns references to other servers with each search of the whole tree.

mod provision;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::geteuid;

use crate::certificates::{Authority, Shown};
use crate::folder::Folder;
use crate::ldap_tools::Client;
use crate::network::{self, Forward, Network};
use crate::ports;
use crate::process::{self, Program, Running};

/// Where Debian keeps the server.
const PROGRAM: &str = "/usr/sbin/samba";
/// Its tool for everything else.
const TOOL: &str = "/usr/bin/samba-tool";
/// The name of the domain controller.
const HOST: &str = "dc1.ad.example.test";
/// The root of the domain.
const BASE: &str = "DC=ad,DC=example,DC=test";
/// The password of everybody who has one.
const PASSWORD: &str = "Passw0rd!test";
/// Where it listens in its own network.
const LDAP_PORT: u16 = 389;
const LDAPS_PORT: u16 = 636;

/// Which certificate the domain controller shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// One that an authority of the test has issued for [`ActiveDirectory::host`] and 127.0.0.1.
    Issued(Shown),
    /// The one that Samba makes itself: it names its host in the common name alone, which today's clients do not read.
    SelfMade,
}

/// How a domain controller differs from the plain one.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// What it shows to those who want TLS.
    pub certificate: Certificate,
    /// Takes a bind with a password over plain LDAP, which by default is `strongerAuthRequired`.
    pub plain_binds: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { certificate: Certificate::Issued(Shown::Good), plain_binds: false }
    }
}

/// Who binds: the user principal name, and the password.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// Bind name, as `name@domain`.
    pub name: &'static str,
    pub password: &'static str,
}

/// A running domain controller. Dropping it ends the server and removes its data.
#[derive(Debug)]
pub struct ActiveDirectory {
    /// Dropped first: who connects from now on is refused.
    forwards: Vec<Forward>,
    /// Dropped before its folder goes.
    server: Option<Running>,
    folder: Folder,
    ca_pem: String,
    ldap: SocketAddr,
    ldaps: SocketAddr,
}

impl ActiveDirectory {
    /// Starts one with the people of the fixture. The first on a machine sets it up, which takes some seconds; it is
    /// kept in the cache folder.
    ///
    /// # Errors
    /// Fails if Samba is not installed, the test is not root, or the server does not start.
    pub fn start(setup: &Setup) -> Result<Self> {
        let folder = Folder::new("samba-ad")?;
        provision::unpack(folder.path())?;
        Self::start_in(folder, setup)
    }

    fn start_in(folder: Folder, setup: &Setup) -> Result<Self> {
        ensure!(geteuid().is_root(), "only root makes a network; `cargo xtask check` runs tests so");
        ensure!(Path::new(PROGRAM).exists(), "{PROGRAM} is not there; `cargo xtask check` installs it");
        for name in ["cache", "lock", "run"] {
            folder.add(name, 0o755, None)?;
        }
        let on_loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (ldap, ldaps) = (on_loopback(ports::free()?), on_loopback(ports::free()?));
        let (ca_pem, tls) = match setup.certificate {
            Certificate::Issued(shown) => issue(&folder, shown)?,
            Certificate::SelfMade => (String::new(), String::new()),
        };
        folder.write("smb.conf", settings(folder.path(), setup.plain_binds) + &tls)?;
        let mut server = Self { forwards: Vec::new(), server: None, folder, ca_pem, ldap, ldaps };
        server.start_again()?;
        if setup.certificate == Certificate::SelfMade {
            server.ca_pem = fs::read_to_string(server.folder.path().join("private/tls/ca.pem"))?;
        }
        Ok(server)
    }

    /// Where it listens for plain LDAP and StartTLS, also while it is stopped.
    #[must_use]
    pub fn ldap_address(&self) -> SocketAddr {
        self.ldap
    }

    /// Where it listens for LDAPS.
    #[must_use]
    pub fn ldaps_address(&self) -> SocketAddr {
        self.ldaps
    }

    /// The name of the domain controller.
    #[must_use]
    pub fn host(&self) -> &'static str {
        HOST
    }

    /// The root of the domain.
    #[must_use]
    pub fn base(&self) -> &'static str {
        BASE
    }

    /// The certificate of the authority that a client has to trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Who may do everything.
    #[must_use]
    pub fn administrator(&self) -> Account {
        Account { name: "administrator@ad.example.test", password: PASSWORD }
    }

    /// An account that reads what everybody in the domain may read.
    #[must_use]
    pub fn reader(&self) -> Account {
        Account { name: "reader@ad.example.test", password: PASSWORD }
    }

    /// A client over LDAPS that binds as the reader; its fields say how else.
    ///
    /// # Errors
    /// Fails if the authority's certificate cannot be written into a file.
    pub fn client(&self) -> Result<Client> {
        Ok(Client {
            url: format!("ldaps://{}", self.ldaps),
            authority: Some(self.folder.write("authority.pem", &self.ca_pem)?),
            bind_dn: self.reader().name.to_owned(),
            password: PASSWORD.to_owned(),
            ..Client::default()
        })
    }

    /// Carries out changes as the administrator, written as LDIF; a record without `changetype` adds an entry.
    ///
    /// # Errors
    /// Fails if one is refused.
    pub fn modify(&self, ldif: &str) -> Result<()> {
        let administrator = self.administrator().name.to_owned();
        Client { bind_dn: administrator, any_certificate: true, ..self.client()? }.modify(ldif)
    }

    /// Runs samba-tool on the data, which it may do beside the server, and hands back what it said.
    ///
    /// # Errors
    /// Fails if it fails.
    pub fn samba_tool(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(TOOL);
        command.args(arguments).arg("-s").arg(self.folder.path().join("smb.conf"));
        Ok(String::from_utf8_lossy(&process::run(&mut command)?).into_owned())
    }

    /// What it has logged.
    ///
    /// # Errors
    /// Fails if the log cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.folder.path().join("log"))?).into_owned())
    }

    /// Stops the server and cuts every connection; its data stay.
    ///
    /// # Errors
    /// Fails if it does not stop.
    pub fn stop(&mut self) -> Result<()> {
        self.forwards.clear();
        if let Some(mut server) = self.server.take() {
            server.end()?;
        }
        Ok(())
    }

    /// Starts it again on the same ports with the same data, after [`Self::stop`].
    ///
    /// # Errors
    /// Fails if it does not start.
    pub fn start_again(&mut self) -> Result<()> {
        let [program, words @ ..] = network::COMMAND else { bail!("no command to make a network with") };
        let mut samba = Program::new(PathBuf::from(program), None, self.folder.path().join("log"));
        samba.command().args(words).args([PROGRAM, "--foreground", "--no-process-group", "--model=single"]);
        samba.command().arg("--debug-stdout").arg("-s").arg(self.folder.path().join("smb.conf"));
        let mut running = samba.start()?;
        let pid = running.pid();
        for (from, port) in [(self.ldap, LDAP_PORT), (self.ldaps, LDAPS_PORT)] {
            let to = SocketAddr::from(([127, 0, 0, 1], port));
            let is_ready = || Network::of(pid).is_ok_and(|network| network.is_some_and(|inside| inside.accepts(to)));
            running.wait_until(&format!("listens on port {port} of its network"), is_ready)?;
            let network = Network::of(pid)?.context("the server has left its network")?;
            self.forwards.push(Forward::start(from, network, to)?);
        }
        self.server = Some(running);
        Ok(())
    }
}

/// Issues a certificate: the authority's own, and the settings for the server.
fn issue(folder: &Folder, shown: Shown) -> Result<(String, String)> {
    let authority = Authority::new()?;
    let issued = authority.issue(&[HOST, "127.0.0.1"], shown)?;
    let path = folder.add("tls", 0o700, None)?;
    folder.write("tls/authority.pem", authority.pem())?;
    folder.write("tls/certificate.pem", issued.certificate_pem)?;
    let key = folder.write("tls/key.pem", issued.key_pem)?;
    // Samba does not start with a key that others may read.
    fs::set_permissions(key, fs::Permissions::from_mode(0o600))?;
    let path = path.display();
    let settings = format!(
        "tls cafile = {path}/authority.pem\ntls certfile = {path}/certificate.pem\ntls keyfile = {path}/key.pem\n"
    );
    Ok((authority.pem(), settings))
}

/// The settings: the directory alone, without file shares, Kerberos and the rest, and all it writes in its own folder.
fn settings(folder: &Path, plain_binds: bool) -> String {
    format!(
        "[global]
netbios name = DC1
realm = AD.EXAMPLE.TEST
workgroup = EXAMPLE
server role = active directory domain controller
server services = ldap
interfaces = lo
bind interfaces only = yes
private dir = {folder}/private
state directory = {folder}/state
cache directory = {folder}/cache
lock directory = {folder}/lock
pid directory = {folder}/run
ncalrpc dir = {folder}/run/ncalrpc
binddns dir = {folder}/bind-dns
ntp signd socket directory = {folder}/run/ntp
winbindd socket directory = {folder}/run/winbindd
log file = {folder}/samba.log
ldap server require strong auth = {strong}
",
        folder = folder.display(),
        strong = if plain_binds { "no" } else { "yes" },
    )
}
