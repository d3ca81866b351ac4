//! `doorlist config check`, beyond the settings themselves: files and addresses, as `serve` would find them. Changes
//! nothing, and reads as the user who asks.

use crate::config::Config;
use crate::exit::{Exit, Failure, OrExit};
use crate::listening;
use crate::privileges::Keep;
use crate::secret_store::{KeyFileSecrets, KeyPlace};
use crate::state_dir::StateDir;
use doorlist_gateway::gateway::Certificate;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Permissions of others on a file with a secret.
const OTHERS: u32 = 0o007;

/// # Errors
/// What would keep the server from starting.
pub(crate) fn check(config: &Config) -> Result<(), Failure> {
    certificate(config)?;
    let place = KeyPlace::of(&config.state_dir, config.secret_key_file.as_deref());
    KeyFileSecrets::new(place).check().map_err(|why| Failure::because(Exit::CONFIG, why))?;
    let smtp = config.gateway.listeners.iter().map(|listener| ("smtp.listen", listener.address));
    let web = config.web.iter().map(|listener| ("web.listen", listener.address));
    let metrics = config.metrics.iter().map(|address| ("metrics.listen", *address));
    let mut taken = Vec::new();
    for (setting, address) in smtp.chain(web).chain(metrics) {
        taken.extend(can_listen(setting, address)?);
    }
    by_own_server(config, &taken)
}

/// An address of a setting that somebody listens on.
struct TakenAddress {
    setting: &'static str,
    address: SocketAddr,
    /// The process, where this user may know it.
    pid: Option<u32>,
    why: String,
}

/// The server of this state folder may have the addresses: it keeps them. Nobody else may.
fn by_own_server(config: &Config, taken: &[TakenAddress]) -> Result<(), Failure> {
    if taken.is_empty() {
        return Ok(());
    }
    let server = StateDir::enter(config, Keep::Nothing).and_then(|state| state.server_pid()).ok().flatten();
    for TakenAddress { setting, address, pid, why } in taken {
        match server {
            Some(server) if pid.is_none_or(|pid| pid == server) => {
                say!("{setting}: {address} is in use by the running server of this state folder (pid {server})");
            }
            _ => return Err(Failure::because(Exit::UNAVAILABLE, why)),
        }
    }
    Ok(())
}

/// Certificate and key: there, readable, a pair, and the key not for everybody's eyes. A self-signed one may be missing:
/// the server makes it.
fn certificate(config: &Config) -> Result<(), Failure> {
    let tls = &config.gateway.tls;
    if tls.self_signed && !(tls.cert.exists() && tls.key.exists()) {
        return Ok(());
    }
    let loaded = Certificate::default().load(tls, &config.gateway.hostname);
    loaded.map_err(|why| Failure::because(Exit::CONFIG, format_args!("no certificate: {why}")))?;
    closed_to_others("tls.key", &tls.key)
}

fn closed_to_others(setting: &str, path: &Path) -> Result<(), Failure> {
    let mode = path.metadata().or_exit(Exit::CONFIG)?.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        let path = path.display();
        say!("warning: {setting} {path} is open to every user of this machine (mode {mode:04o}): chmod 0600 {path}");
    }
    Ok(())
}

/// Tries to listen. The address, if somebody listens on it.
fn can_listen(setting: &'static str, address: SocketAddr) -> Result<Option<TakenAddress>, Failure> {
    let Err(error) = TcpListener::bind(address) else { return Ok(None) };
    let taken = (error.kind() == ErrorKind::AddrInUse).then(|| listening::in_use(setting, address)).flatten();
    let is_taken = taken.is_some();
    let why = taken.unwrap_or_else(|| format!("{setting}: cannot listen on {address}: {error}"));
    if is_taken {
        return Ok(Some(TakenAddress { setting, address, pid: listening::pid_on(address), why }));
    }
    // Who asks may have fewer rights than who starts the server.
    if error.kind() == ErrorKind::PermissionDenied {
        say!("note: {why}; run the check as the user who starts the server");
        return Ok(None);
    }
    Err(Failure::because(Exit::UNAVAILABLE, why))
}
