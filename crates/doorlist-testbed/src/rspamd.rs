//! A real Rspamd with a few rules of the tests' own, and a real ClamAV behind it with one signature. Neither asks the
//! network for anything.

use std::net::SocketAddr;

use anyhow::Result;

use crate::folder::Folder;
use crate::ports;
use crate::process::{Program, Running};

/// A subject with this word is spam, by a rule of its own.
pub const SPAM_SUBJECT: &str = "offer";
/// A subject with this word is doubtful.
pub const DOUBTFUL_SUBJECT: &str = "doubt";
/// A message with these words has a virus, by a signature of ClamAV.
pub const VIRUS: &str = "demo-signature";

/// Where Debian keeps the programs.
const RSPAMD: &str = "/usr/bin/rspamd";
const CLAMD: &str = "/usr/sbin/clamd";

/// A running Rspamd. Dropping it ends it, and its ClamAV.
#[derive(Debug)]
pub struct Rspamd {
    /// Dropped first: the programs end before their folder goes.
    _rspamd: Running,
    clamd: Option<Running>,
    _folder: Folder,
    address: SocketAddr,
}

impl Rspamd {
    /// Starts both.
    ///
    /// # Errors
    /// Fails if one of them is not installed or does not start.
    pub fn start() -> Result<Self> {
        let folder = Folder::new("rspamd")?;
        let [address, clamav] = [ports::free()?, ports::free()?].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let clamd = start_clamd(&folder, clamav)?;
        folder.write("rules.lua", rules())?;
        folder.write("tld.dat", "test\n")?;
        let settings = folder.write("rspamd.conf", settings(&folder, address, clamav))?;
        let mut program = Program::new(RSPAMD, None, folder.path().join("out"));
        program.command().args(["--no-fork", "--insecure", "--config"]).arg(settings);
        let mut rspamd = program.start()?;
        rspamd.wait_for_port(address)?;
        Ok(Self { _rspamd: rspamd, clamd: Some(clamd), _folder: folder, address })
    }

    /// Where it takes messages to check.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends ClamAV: from now on nobody looks for viruses.
    ///
    /// # Errors
    /// Fails if it does not end.
    pub fn end_clamav(&mut self) -> Result<()> {
        match self.clamd.take() {
            Some(mut clamd) => clamd.end().map(drop),
            None => Ok(()),
        }
    }
}

fn start_clamd(folder: &Folder, address: SocketAddr) -> Result<Running> {
    folder.add("signatures", 0o755, None)?;
    let pattern: String = VIRUS.bytes().map(|byte| format!("{byte:02x}")).collect();
    folder.write("signatures/test.ndb", format!("Doorlist.Test:0:*:{pattern}\n"))?;
    let place = folder.path().display();
    let settings = folder.write(
        "clamd.conf",
        format!(
            "DatabaseDirectory {place}/signatures\nTCPSocket {port}\nTCPAddr {ip}\nForeground yes\n\
             PidFile {place}/clamd.pid\nTemporaryDirectory {place}\n",
            port = address.port(),
            ip = address.ip(),
        ),
    )?;
    let mut program = Program::new(CLAMD, None, folder.path().join("clamd.log"));
    program.command().arg("--config-file").arg(settings);
    let mut clamd = program.start()?;
    clamd.wait_for_port(address)?;
    Ok(clamd)
}

/// Of Rspamd's own rules none is loaded: most of them ask the network.
fn settings(folder: &Folder, address: SocketAddr, clamav: SocketAddr) -> String {
    let place = folder.path().display();
    format!(
        r#"options {{
  pidfile = "{place}/rspamd.pid"; tempdir = "{place}"; hs_cache_dir = "{place}"; url_tld = "{place}/tld.dat";
  control_socket = "{place}/control.sock mode=0600"; disable_hyperscan = true; filters = "";
  dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.2s; retransmits = 1; }}
}}
logging {{ type = "file"; filename = "{place}/rspamd.log"; level = "info"; }}
worker "normal" {{ bind_socket = "{address}"; count = 1; mime = true; }}
actions {{ reject = 15; add_header = 6; }}
lua = "{place}/rules.lua";
modules {{ path = "/usr/share/rspamd/plugins/antivirus.lua"; }}
antivirus {{
  clamav {{ type = "clamav"; symbol = "CLAM_VIRUS"; servers = "{clamav}"; scan_mime_parts = false; }}
}}
"#
    )
}

fn rules() -> String {
    let rule = |symbol: &str, score: u32, word: &str| {
        format!(
            "rspamd_config:register_symbol({{ name = '{symbol}', score = {score}.0, callback = function(task)\n  \
             return (task:get_subject() or ''):find('{word}', 1, true) ~= nil\nend }})\n"
        )
    };
    rule("OFFER", 20, SPAM_SUBJECT) + &rule("DOUBT", 7, DOUBTFUL_SUBJECT)
}
