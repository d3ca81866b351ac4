//! ldapsearch and ldapmodify: an independent LDAP client.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// How a directory is reached, and as whom.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// `ldap://` or `ldaps://` with host and port.
    pub url: String,
    /// Go over to TLS before anything else is said.
    pub start_tls: bool,
    /// The file with the authority to trust, PEM; without it no certificate is good.
    pub authority: Option<PathBuf>,
    /// Who binds, a DN or what else the directory takes; empty: nobody.
    pub bind_dn: String,
    pub password: String,
    /// Takes any certificate, to set a peer up whose own is bad.
    pub any_certificate: bool,
}

/// What a tool said.
#[derive(Debug, Clone)]
pub struct Said {
    /// The result code of LDAP (RFC 4511 §4.1.9), or something else than 0 when the tool has no connection.
    pub code: i32,
    /// Entries as LDIF, each attribute on one line.
    pub ldif: String,
    /// The tool's words about an error.
    pub error: String,
}

impl Said {
    /// The DNs of the entries; one with other than ASCII letters in it is shown as base64, after `dn:: `.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.ldif.lines().filter_map(|line| line.strip_prefix("dn:")).map(str::trim_start).collect()
    }
}

impl Client {
    /// Searches the subtree of `base`; `more` are further options, and after `--` the attributes that are wanted.
    ///
    /// # Errors
    /// Fails if ldapsearch cannot be run. What the directory refuses is in the answer.
    pub fn search(&self, base: &str, filter: &str, more: &[&str]) -> Result<Said> {
        let at = more.iter().position(|&option| option == "--").unwrap_or(more.len());
        let (options, wanted) = more.split_at(at);
        let mut command = self.tool("ldapsearch");
        command.args(["-LLL", "-o", "ldif-wrap=no", "-b", base]).args(options).arg(filter).args(wanted.iter().skip(1));
        said(command, "")
    }

    /// Carries out changes that are written as LDIF; a record without `changetype` adds an entry.
    ///
    /// # Errors
    /// Fails if one is refused.
    pub fn modify(&self, ldif: &str) -> Result<()> {
        let mut command = self.tool("ldapmodify");
        command.arg("-a");
        let said = said(command, ldif)?;
        ensure!(said.code == 0, "ldapmodify was told {}: {}", said.code, said.error);
        Ok(())
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.args(["-x", "-H", &self.url, "-o", "nettimeout=30"]);
        if self.start_tls {
            command.arg("-ZZ");
        }
        if !self.bind_dn.is_empty() {
            command.args(["-D", &self.bind_dn, "-w", &self.password]);
        }
        // Nothing from the settings of the machine or the account.
        let nothing = PathBuf::from("/dev/null");
        let authority = self.authority.as_ref().unwrap_or(&nothing);
        command.env("LDAPCONF", &nothing).env("LDAPRC", &nothing).env("HOME", "/nonexistent");
        let check = if self.any_certificate { "never" } else { "demand" };
        command.env("LDAPTLS_CACERT", authority).env("LDAPTLS_REQCERT", check);
        command
    }
}

fn said(mut command: Command, input: &str) -> Result<Said> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let missing = "running the LDAP tools; `cargo xtask check` installs them";
    let mut child = command.spawn().context(missing)?;
    if let Some(mut stdin) = child.stdin.take() {
        // The tool reads all of it before it is done, or says why not.
        stdin.write_all(input.as_bytes()).ok();
    }
    let output = child.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().context("ldapsearch or ldapmodify was ended by a signal")?;
    Ok(Said { code, ldif: text(&output.stdout), error: text(&output.stderr) })
}
