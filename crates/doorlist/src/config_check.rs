//! `doorlist config check`, beyond the settings themselves: files and addresses, as `serve` would find them. Changes
//! nothing, and reads as the user who asks.

use crate::config::Config;
use crate::exit::{Exit, Failure, OrExit};
use crate::listening;
use crate::secret_store::{KeyFileSecrets, KeyPlace};
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
    smtp.chain(web).chain(metrics).try_for_each(|(setting, address)| can_listen(setting, address))
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

/// Tries to listen. A server of this very configuration that runs is named as who has the address.
fn can_listen(setting: &str, address: SocketAddr) -> Result<(), Failure> {
    let Err(error) = TcpListener::bind(address) else { return Ok(()) };
    let taken = (error.kind() == ErrorKind::AddrInUse).then(|| listening::in_use(setting, address)).flatten();
    let why = taken.unwrap_or_else(|| format!("{setting}: cannot listen on {address}: {error}"));
    // Who asks may have fewer rights than who starts the server.
    if error.kind() == ErrorKind::PermissionDenied {
        say!("note: {why}; run the check as the user who starts the server");
        return Ok(());
    }
    Err(Failure::because(Exit::UNAVAILABLE, why))
}
