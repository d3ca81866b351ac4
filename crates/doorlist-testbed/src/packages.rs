//! The Debian packages that the tests need, and where they are: the list that `cargo xtask check` installs.
//!
//! Some packages conflict (Postfix and Exim are both "the" mail server of a machine), or would start a service
//! although a test needs only a few files. These are unpacked into a cache folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Installed with `apt-get install`; no service of theirs is started.
pub const INSTALLED: &[&str] = &[
    "postgresql",
    "postfix",
    "swaks",
    "msmtp",
    "m4",
    "haproxy",
    "python3",
    "python3-aiosmtpd",
    "python3-venv",
    "strace",
    "util-linux",
    "slapd",
    "ldap-utils",
    "iproute2",
    "tar",
    "samba",
    "samba-ad-dc",
    "samba-ad-provision",
    "samba-dsdb-modules",
    "winbind",
    "krb5-user",
    "rspamd",
    "clamav-daemon",
    "pflogsumm",
    "python3-prometheus-client",
];

/// Mail programs that are unpacked into [`unpacked`]; the libraries that they link to are installed.
pub const PROGRAMS: &[&str] =
    &["exim4-base", "exim4-daemon-heavy", "opensmtpd", "sendmail-bin", "chasquid", "nullmailer", "dma"];

/// Unpacked too: sample mail, the macros of Sendmail's configuration, programs that need no library of their own.
pub const FILES: &[&str] = &["spamassassin", "sendmail-cf", "fail2ban", "prometheus"];

/// Python's own tests, with their sample mail, for the version of Debian's Python: unpacked too.
#[must_use]
pub fn python_tests(major_minor: &str) -> String {
    format!("libpython{major_minor}-testsuite")
}

/// The account that the unpacked Exim runs as; its package, installed, would make it.
pub const EXIM_ACCOUNT: &str = "Debian-exim";

/// The folder of everything that is kept between runs: `$DOORLIST_CACHE`, or `doorlist` in the user's cache folder.
#[must_use]
pub fn cache() -> PathBuf {
    if let Some(folder) = env::var_os("DOORLIST_CACHE") {
        return PathBuf::from(folder);
    }
    let home = || env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
    env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from).join("doorlist")
}

/// The root folder below which the packages of [`PROGRAMS`] and [`FILES`] lie, as `/` would hold them if they were installed.
#[must_use]
pub fn unpacked() -> PathBuf {
    cache().join("debian")
}

/// A program of an unpacked package, by its path below `/`. Where two packages have the same path, the last one lies there.
///
/// # Errors
/// Fails if it is not unpacked.
pub fn unpacked_program(path: &str) -> Result<PathBuf> {
    let program = unpacked().join(path);
    ensure!(program.exists(), "{} is not there; `cargo xtask check` unpacks it", program.display());
    Ok(program)
}

/// One sample message that a package carries.
#[derive(Debug, Clone)]
pub struct Sample {
    pub name: String,
    /// Its bytes as they lie in the file: most with LF at the line ends, some with CRLF or a mixture.
    pub bytes: Vec<u8>,
}

impl Sample {
    /// The message as a client sends it: CRLF at every line end, and at the end.
    #[must_use]
    pub fn as_sent(&self) -> Vec<u8> {
        let mut sent = Vec::with_capacity(self.bytes.len() + self.bytes.len() / 16);
        for line in self.bytes.split_inclusive(|&byte| byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            sent.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
            sent.extend_from_slice(b"\r\n");
        }
        sent
    }
}

/// The sample messages of Python's own e-mail tests and of Debian's spamassassin package, ordered by name.
///
/// # Errors
/// Fails if the packages are not unpacked.
pub fn sample_mail() -> Result<Vec<Sample>> {
    let usr = unpacked().join("usr");
    let pythons = fs::read_dir(usr.join("lib")).with_context(|| missing(&usr))?;
    let mut folders: Vec<PathBuf> = pythons
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("python3."))
        .map(|entry| entry.path().join("test/test_email/data"))
        .collect();
    folders.push(usr.join("share/doc/spamassassin/examples"));
    let mut samples = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(&folder).with_context(|| missing(&folder))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // The other files beside them are sounds, pictures and settings.
            if (name.starts_with("msg_") || name.starts_with("sample-")) && name.ends_with(".txt") {
                samples.push(Sample { name, bytes: fs::read(&path)? });
            }
        }
    }
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(samples)
}

fn missing(path: &Path) -> String {
    format!("reading {}; `cargo xtask check` unpacks it", path.display())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    #[test]
    fn a_sample_is_sent_with_crlf_however_it_lies_in_its_file() {
        for (bytes, sent) in
            [("a\n\nb", "a\r\n\r\nb\r\n"), ("a\r\nb\n", "a\r\nb\r\n"), ("a\rb\n", "a\rb\r\n"), ("", "")]
        {
            let sample = Sample { name: String::new(), bytes: bytes.as_bytes().to_vec() };
            assert_eq!(String::from_utf8(sample.as_sent()).unwrap(), sent);
        }
    }

    #[test]
    fn there_is_sample_mail_of_both_packages() {
        let samples = sample_mail().unwrap();
        let of = |prefix: &str| samples.iter().filter(|sample| sample.name.starts_with(prefix)).count();
        assert!(of("msg_") >= 40, "{} of Python", of("msg_"));
        assert_eq!(of("sample-"), 2);
        assert!(samples.iter().all(|sample| !sample.bytes.is_empty()));
    }
}
