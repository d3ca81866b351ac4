//! Checks the machine: host name, ports, certificate, disk space, open files.

use super::Finding;
use crate::config::Config;
use crate::listening;
use crate::secret_store::{KeyFileSecrets, KeyPlace};
use crate::state_dir::StateDir;
use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit};
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;
use x509_parser::pem::Pem;
use x509_parser::time::ASN1Time;

/// Maximum time to connect to one of the server's own listeners.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// Time before expiry at which a certificate should be renewed.
const RENEW_SECS: i64 = 14 * 24 * 3600;
/// Maximum octets of a certificate file.
const CERTIFICATE_BYTES_MAX: u64 = 1024 * 1024;
/// Permissions of every user on a file.
const OTHERS: u32 = 0o007;
/// Free disk space below which a warning is printed.
const DISK_COMFORT: u64 = 1024 * 1024 * 1024;
/// Open files besides sessions: databases, connections to servers, logs.
const FILES_BESIDE: u64 = 600;

/// Checks the host name.
pub(super) fn hostname(config: &Config) -> [Finding; 1] {
    let name = &config.gateway.hostname;
    if name.contains('.') {
        return [Finding::ok("hostname", name.as_str())];
    }
    let todo = "set smtp.hostname to the fully qualified name in the MX records";
    [Finding::warn("hostname", format!("{name} is not fully qualified; servers may reject bounces from it"), todo)]
}

/// Checks the key that encrypts the passwords of sources.
pub(super) fn secret_key(config: &Config) -> [Finding; 1] {
    let place = KeyPlace::of(&config.state_dir, config.secret_key_file.as_deref());
    match KeyFileSecrets::new(place).check() {
        Ok(()) => [Finding::ok("secret key", "usable, or created when needed")],
        Err(why) => [Finding::fail("secret key", why, "restore the key, or set the passwords of all sources again")],
    }
}

/// Checks that files with secrets are closed to the other users of the machine.
pub(super) fn key_modes(config: &Config) -> Vec<Finding> {
    let own_key = config.secret_key_file.clone().unwrap_or_default();
    let files = [("tls.key", config.gateway.tls.key.clone()), ("secret key", own_key)];
    let finding = |(what, path): (&str, std::path::PathBuf)| {
        let mode = path.metadata().ok()?.permissions().mode() & 0o777;
        let text = format!("{what} {} has mode {mode:04o}", path.display());
        let is_open = mode & OTHERS != 0;
        Some(match is_open {
            false => Finding::ok("file modes", text),
            true => Finding::warn(
                "file modes",
                format!("{text}: every user reads it"),
                format!("chmod 0600 {}", path.display()),
            ),
        })
    };
    files.into_iter().filter_map(finding).collect()
}

/// Checks all listeners: reachable if a server is running, free otherwise.
pub(super) fn ports(config: &Config, served: bool) -> Vec<Finding> {
    let smtp = config.gateway.listeners.iter().map(|listener| ("smtp.listen", listener.address));
    let web = config.web.iter().map(|listener| ("web.listen", listener.address));
    let metrics = config.metrics.iter().map(|address| ("metrics.listen", *address));
    let all = smtp.chain(web).chain(metrics).filter(|(_, address)| address.port() != 0);
    all.map(|(setting, address)| if served { answers(setting, address) } else { is_free(setting, address) }).collect()
}

fn answers(setting: &str, address: SocketAddr) -> Finding {
    match TcpStream::connect_timeout(&from_here(address), CONNECT_MAX) {
        Ok(_) => Finding::ok("port", format!("{setting} {address} answers")),
        Err(error) => {
            let todo = "restart the server if this setting changed, and check its log";
            Finding::fail("port", format!("{setting} {address} does not answer: {error}"), todo)
        }
    }
}

/// Maps an unspecified address to loopback.
fn from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

fn is_free(setting: &str, address: SocketAddr) -> Finding {
    let Err(error) = TcpListener::bind(address) else {
        return Finding::ok("port", format!("{setting} {address} is free"));
    };
    if let Some(taken) = listening::in_use(setting, address) {
        return Finding::fail("port", taken, "stop that program, or choose another address");
    }
    let todo = match error.kind() {
        ErrorKind::AddrInUse => "stop the program that uses it (ss -ltnp shows it), or choose another port",
        ErrorKind::PermissionDenied => "ports below 1024 need root or CAP_NET_BIND_SERVICE",
        _ => "check that the address belongs to this machine",
    };
    Finding::fail("port", format!("cannot listen on {setting} {address}: {error}"), todo)
}

/// Checks the certificate of STARTTLS and its expiry.
pub(super) fn certificate(config: &Config) -> [Finding; 1] {
    let tls = &config.gateway.tls;
    let path = tls.cert.display();
    let bytes = match read_without_waiting(&tls.cert) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound && tls.self_signed => {
            return [Finding::ok("certificate", "a self-signed certificate is created at the first start")];
        }
        Err(error) => {
            let todo = "set tls.cert to a readable file";
            return [Finding::fail("certificate", format!("cannot read {path}: {error}"), todo)];
        }
    };
    let now = ASN1Time::now().timestamp();
    match not_after(&bytes) {
        None => {
            let todo = "save the chain as PEM, with the server's certificate first";
            [Finding::fail("certificate", format!("{path} has no readable certificate"), todo)]
        }
        Some(end) => [lifetime(&path.to_string(), end, now)],
    }
}

/// Reads a file without blocking on a fifo.
fn read_without_waiting(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    file.take(CERTIFICATE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn lifetime(path: &str, end: i64, now: i64) -> Finding {
    let day = jiff::Timestamp::from_second(end).map_or_else(|_| "-".to_owned(), |end| end.strftime("%F").to_string());
    let todo = "renew it, then send SIGHUP to the server";
    if end <= now {
        Finding::fail("certificate", format!("{path} expired on {day}"), todo)
    } else if end - now < RENEW_SECS {
        Finding::warn("certificate", format!("{path} expires on {day}"), todo)
    } else {
        Finding::ok("certificate", format!("{path} is valid until {day}"))
    }
}

/// The end of the first certificate of a PEM file, in seconds since the epoch.
fn not_after(pem: &[u8]) -> Option<i64> {
    let first = Pem::iter_from_buffer(pem).filter_map(Result::ok).find(|pem| pem.label == "CERTIFICATE")?;
    let end = first.parse_x509().ok()?.validity().not_after;
    Some(end.timestamp())
}

pub(super) fn disk(config: &Config, state: &StateDir) -> [Finding; 1] {
    let free = match nix::sys::statvfs::statvfs(state.path()) {
        Ok(stat) => stat.blocks_available().saturating_mul(stat.fragment_size()),
        Err(error) => {
            return [Finding::warn(
                "disk",
                format!("cannot read free space: {error}"),
                "check that the file \
             system is mounted",
            )];
        }
    };
    let text = format!("{} MiB free for {}", free >> 20, state.path().display());
    let largest = config.gateway.limits.message_bytes_max;
    if free < largest + largest / 2 + config.spool.disk_reserve {
        return [Finding::fail(
            "disk",
            format!("{text}: mail is deferred"),
            "free disk space; mail is accepted again \
             without a restart",
        )];
    }
    if free < DISK_COMFORT {
        return [Finding::warn("disk", text, "free disk space before mail is deferred")];
    }
    [Finding::ok("disk", text)]
}

/// Checks the limit of open files: each session and each connection needs one.
pub(super) fn open_files(config: &Config) -> [Finding; 1] {
    let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return [Finding::ok("open files", "limit unknown")];
    };
    let relay = config.gateway.relay.connections_max as u64;
    let needed = config.gateway.limits.sessions_max as u64 + relay + FILES_BESIDE;
    if hard >= needed {
        return [Finding::ok("open files", format!("{hard} allowed, at most {needed} needed"))];
    }
    let todo = "raise the hard limit (LimitNOFILE= of a systemd unit) or lower smtp.sessions_max";
    [Finding::warn("open files", format!("{hard} allowed, {needed} may be needed"), todo)]
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_certificate_is_renewed_before_it_ends() {
        let day = 24 * 3600;
        let now = 1_800_000_000;
        let level = |end| lifetime("cert.pem", end, now).level;
        assert_eq!(level(now - 1), Level::Fail);
        assert_eq!(level(now + 13 * day), Level::Warn);
        assert_eq!(level(now + 15 * day), Level::Ok);
        assert!(lifetime("cert.pem", now, now).text.contains("2027-01-15"));
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        assert_eq!(not_after(b""), None);
        assert_eq!(not_after(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), None);
    }

    #[test]
    fn a_taken_port_fails_and_a_listening_one_answers() -> std::io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        assert_eq!(is_free("smtp.listen", address).level, Level::Fail);
        assert_eq!(answers("smtp.listen", address).level, Level::Ok);
        drop(listener);
        assert_eq!(is_free("smtp.listen", address).level, Level::Ok);
        assert_eq!(answers("smtp.listen", address).level, Level::Fail);
        Ok(())
    }
}
