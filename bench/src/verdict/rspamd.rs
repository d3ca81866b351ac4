//! Rspamd as Debian has it, in a folder of its own, for both servers: as a milter of Postfix and over HTTP for Doorlist. It
//! asks the bench's name server, and rejects nothing, whatever it thinks of the load.

use crate::processes::Processes;
use crate::server::{PostfixMore, Task, free_address, fresh_folder, postfix};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Processes of each of its two workers: as many as the cores of the machines of the tables.
const WORKERS: u32 = 2;
/// It listens within this time of its start: the first one compiles all its patterns.
const READY: Duration = Duration::from_mins(10);
/// Between two attempts to reach it.
const ATTEMPT: Duration = Duration::from_millis(50);

/// An Rspamd that runs.
pub(super) struct Rspamd {
    normal: SocketAddr,
    milter: SocketAddr,
    _processes: Processes,
}

impl Rspamd {
    pub(super) fn start(work: &Path, names: SocketAddr) -> Result<Self> {
        let folder = work.join("rspamd");
        fresh_folder(&folder)?;
        let [normal, milter, controller] = [free_address()?, free_address()?, free_address()?];
        write_settings(&folder, names, [normal, milter, controller])?;
        // Compiled patterns are kept for the next run.
        let patterns = work.join("packages/rspamd");
        fs::create_dir_all(&patterns)?;
        for owned in [&folder, &patterns] {
            std::os::unix::fs::chown(owned, Some(user("-u")?), Some(user("-g")?))?;
        }
        let mut command = Command::new("rspamd");
        command.args(["--no-fork", "--config", "/etc/rspamd/rspamd.conf", "--user", USER, "--group", USER]);
        for (name, place) in
            [("LOCAL_CONFDIR", &folder), ("DBDIR", &patterns), ("RUNDIR", &folder), ("LOGDIR", &folder)]
        {
            command.arg("--var").arg(format!("{name}={}", place.display()));
        }
        let output = folder.join("output");
        let mut processes = Processes::start("rspamd", &command, &output)?;
        let begun = Instant::now();
        while [normal, milter].iter().any(|address| TcpStream::connect(address).is_err()) {
            if processes.assure_running().is_err() || begun.elapsed() > READY {
                bail!("Rspamd does not listen; it said:\n{}", fs::read_to_string(&output).unwrap_or_default());
            }
            sleep(ATTEMPT);
        }
        Ok(Self { normal, milter, _processes: processes })
    }

    /// Where it takes messages over HTTP.
    pub(super) fn normal(&self) -> SocketAddr {
        self.normal
    }

    /// Postfix with it as its milter.
    pub(super) fn postfix(&self, task: &Task, address: SocketAddr) -> Result<Command> {
        let at = self.milter;
        let main = format!("smtpd_milters = inet:{}:{}\nmilter_default_action = tempfail\n", at.ip(), at.port());
        postfix::prepare(task, address, &PostfixMore { main, ..PostfixMore::default() })
    }
}

/// The user that Debian's package makes.
const USER: &str = "_rspamd";

fn user(which: &str) -> Result<u32> {
    let id = crate::server::must(Command::new("id").args([which, USER]))?;
    id.trim().parse().with_context(|| format!("the id of {USER}"))
}

/// What differs from the packaged settings. SPF, DKIM and DMARC are not looked at for clients on loopback as packaged.
fn write_settings(folder: &Path, names: SocketAddr, [normal, milter, controller]: [SocketAddr; 3]) -> Result<()> {
    let local = folder.join("local.d");
    fs::create_dir_all(&local)?;
    let check_local = "check_local = true;\n".to_owned();
    let proxy = format!(
        "bind_socket = \"{milter}\"; milter = yes; count = {WORKERS}; timeout = 60s;\n\
         upstream \"local\" {{ default = yes; self_scan = yes; }}\n"
    );
    let files = [
        ("options.inc", format!("check_local = true; dns {{ nameserver = [\"{names}\"]; }}\n")),
        ("worker-normal.inc", format!("bind_socket = \"{normal}\"; count = {WORKERS};\n")),
        ("worker-proxy.inc", proxy),
        ("worker-controller.inc", format!("bind_socket = \"{controller}\";\n")),
        ("actions.conf", "reject = null; add_header = null; greylist = null;\n".to_owned()),
        ("milter_headers.conf", "use = [\"authentication-results\"]; skip_local = false;\n".to_owned()),
        // It waits 5 s for names of the client that nobody answers for.
        ("hfilter.conf", "enabled = false;\n".to_owned()),
        ("dkim.conf", check_local.clone()),
        ("spf.conf", check_local.clone()),
        ("dmarc.conf", check_local),
    ];
    for (name, text) in files {
        let path = local.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
