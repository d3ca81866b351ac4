//! A real OpenLDAP: a slapd with its own directory, over plain LDAP, StartTLS and LDAPS on loopback.
//!
//! Four identities bind to it: the root, without limits; a reader, who can read everything within the limits of the
//! [`Setup`]; one without read access, whose searches succeed and find nothing; and anonymous, who is told that the
//! base does not exist.

mod settings;
mod tree;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::certificates::{Authority, Shown};
use crate::folder::Folder;
use crate::ldap_tools::{Client, Said};
use crate::ports;
use crate::process::{self, Program, Running};

pub use tree::{Person, large_address};

/// Where Debian keeps the program, which loads a directory too when it is called slapadd.
const PROGRAM: &str = "/usr/sbin/slapd";
/// The root of the tree.
const BASE: &str = "dc=example,dc=test";
/// The password of everybody who binds.
const PASSWORD: &str = "read it all";
/// The names in the server's certificate.
const NAMES: &[&str] = &["127.0.0.1", "localhost", "ldap.example.test"];

/// How a directory differs from the plain one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Setup<'a> {
    /// What is wrong with the certificate of StartTLS and LDAPS.
    pub shown: Shown,
    /// The most entries that a search of anyone but the root gets, and then `sizeLimitExceeded`; None: no limit.
    pub entries_max: Option<u32>,
    /// The limits of the reader in slapd's own words (slapd.conf(5), `limits`), such as `size.soft=5 size.hard=10`,
    /// `size.pr=3` (the largest page), `size.prtotal=10` (the most in all pages), `time.hard=1`. They go before
    /// `entries_max`.
    pub reader_limits: &'a str,
    /// Where the referral object `ou=elsewhere` points to; None: there is none.
    pub referral: Option<&'a str>,
    /// Further lines for slapd.conf, in the section of the database.
    pub settings: &'a str,
}

/// A running directory. Dropping it ends the server and removes its data.
#[derive(Debug)]
pub struct OpenLdap {
    /// Dropped first: the server ends before its folder goes.
    server: Option<Running>,
    folder: Folder,
    authority: Authority,
    plain: SocketAddr,
    tls: SocketAddr,
}

impl OpenLdap {
    /// Makes a directory without people and starts it.
    ///
    /// # Errors
    /// Fails if OpenLDAP is not installed or does not start.
    pub fn start(setup: &Setup<'_>) -> Result<Self> {
        Self::start_with(setup, "")
    }

    /// The same with `entries` people who have `addresses` each: their `mail`, the rest in `proxyAddresses`. Which, says
    /// [`large_address`].
    ///
    /// # Errors
    /// Fails if OpenLDAP is not installed or does not start.
    pub fn large(setup: &Setup<'_>, entries: u32, addresses: u32) -> Result<Self> {
        Self::start_with(setup, &tree::large(entries, addresses))
    }

    fn start_with(setup: &Setup<'_>, more: &str) -> Result<Self> {
        let folder = Folder::new("openldap")?;
        let authority = Authority::new()?;
        let issued = authority.issue(NAMES, setup.shown)?;
        folder.write("authority.pem", authority.pem())?;
        folder.write("certificate.pem", issued.certificate_pem)?;
        folder.write("key.pem", issued.key_pem)?;
        folder.add("data", 0o700, None)?;
        folder.write("slapd.conf", settings::text(folder.path(), setup))?;
        // Under another path than the package's, where the machine's AppArmor would keep it out of our folder. Copied by
        // another process: a program that another thread starts while we write would hold the file open, and nobody runs
        // a file that is being written ("Text file busy").
        process::run(Command::new("cp").arg(PROGRAM).arg(folder.path().join("slapd")))
            .with_context(|| format!("copying {PROGRAM}; `cargo xtask check` installs it"))?;
        load(folder.path(), &(tree::fixed(setup.referral) + more))?;
        let (plain, tls) = (ports::free()?, ports::free()?);
        let on_loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut server = Self { server: None, folder, authority, plain: on_loopback(plain), tls: on_loopback(tls) };
        server.start_again()?;
        Ok(server)
    }

    /// Where it listens for plain LDAP and StartTLS, also while it is stopped.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.plain
    }

    /// Where it listens for LDAPS.
    #[must_use]
    pub fn ldaps_address(&self) -> SocketAddr {
        self.tls
    }

    /// The URL for plain LDAP and StartTLS.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ldap://{}", self.plain)
    }

    /// The URL for LDAPS.
    #[must_use]
    pub fn ldaps_url(&self) -> String {
        format!("ldaps://{}", self.tls)
    }

    /// The certificate of the authority that a client has to trust.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.authority.pem()
    }

    /// The same as a file.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The root of the tree; people are in `ou=people` below it.
    #[must_use]
    pub fn base(&self) -> &'static str {
        BASE
    }

    #[must_use]
    pub fn bind_dn(&self) -> &'static str {
        "cn=reader,ou=services,dc=example,dc=test"
    }

    /// The one without rights: every search of theirs succeeds and finds nothing.
    #[must_use]
    pub fn blind_dn(&self) -> &'static str {
        "cn=blind,ou=services,dc=example,dc=test"
    }

    /// The password of everybody.
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// A client over plain LDAP that binds as the reader; its fields say how else.
    #[must_use]
    pub fn client(&self) -> Client {
        Client {
            url: self.url(),
            authority: Some(self.ca_file()),
            bind_dn: self.bind_dn().to_owned(),
            password: PASSWORD.to_owned(),
            ..Client::default()
        }
    }

    /// Carries out changes as the root, written as LDIF; a record without `changetype` adds an entry.
    ///
    /// # Errors
    /// Fails if one is refused.
    pub fn modify(&self, ldif: &str) -> Result<()> {
        self.root().modify(ldif)
    }

    /// Adds people below `ou=people`.
    ///
    /// # Errors
    /// Fails if one already exists.
    pub fn add_people(&self, people: &[Person<'_>]) -> Result<()> {
        self.modify(&people.iter().map(Person::ldif).collect::<String>())
    }

    /// What the root finds, with the operational attributes, as LDIF.
    ///
    /// # Errors
    /// Fails if the filter is invalid or the server is stopped.
    pub fn search(&self, filter: &str) -> Result<String> {
        let Said { code, ldif, error } = self.root().search(BASE, filter, &["-M", "--", "*", "+"])?;
        ensure!(code == 0, "ldapsearch was told {code}: {error}");
        Ok(ldif)
    }

    fn root(&self) -> Client {
        Client { bind_dn: settings::ROOT.to_owned(), ..self.client() }
    }

    /// What it has logged: connections, and each operation with its result.
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
        let mut slapd = Program::new(self.folder.path().join("slapd"), None, self.folder.path().join("log"));
        let urls = format!("{} {}", self.url(), self.ldaps_url());
        slapd.command().arg("-f").arg(self.folder.path().join("slapd.conf")).args(["-h", &urls, "-d", "stats"]);
        let mut running = slapd.start()?;
        running.wait_for_port(self.plain)?;
        running.wait_for_port(self.tls)?;
        self.server = Some(running);
        Ok(())
    }
}

/// Loads entries into a directory that does not run.
fn load(folder: &Path, ldif: &str) -> Result<()> {
    let file = folder.join("load.ldif");
    fs::write(&file, ldif)?;
    process::run(
        Command::new(folder.join("slapd"))
            .args(["-T", "add", "-q", "-w", "-f"])
            .arg(folder.join("slapd.conf"))
            .arg("-l")
            .arg(&file),
    )?;
    fs::remove_file(file)?;
    Ok(())
}
