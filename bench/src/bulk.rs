//! Bulk changes: a file of a million rows, a directory of a hundred thousand entries, and their effect on mail and
//! commands.

use crate::load::{DOMAIN, Message, listed};
use crate::packages::Packages;
use crate::processes::Processes;
use crate::samples::{Samples, Subject};
use crate::server::{Disk, Doorlist, Peer, Task, await_ready, free_address, fresh_folder, must};
use crate::sink::Sink;
use anyhow::{Context as _, Result, bail};
use doorlist_testbed::openldap::{OpenLdap, Setup};
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

/// Rows of the file.
const ROWS: u32 = 1_000_000;
/// Rows of the import that is undone.
const UNDONE: u32 = 100_000;
/// Entries of the directory, each with three addresses.
const ENTRIES: u32 = 100_000;
/// Between two messages, and between two addresses by hand.
const PACE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// No reply comes later.
const REPLY_MAX: Duration = Duration::from_secs(60);

const US: Subject = Subject::Server(Peer::Doorlist);

/// Measures what is wanted of `import-*` and `sync-*`.
pub(crate) fn measure(
    packages: &Packages,
    work: &Path,
    runs: u32,
    wanted: &dyn Fn(&str) -> bool,
    samples: &mut Samples,
) -> Result<()> {
    let any = |ids: &[&str]| ids.iter().any(|id| wanted(id));
    let next_hop = Sink::start("127.0.0.1:0".parse()?, Arc::new(Message::new(100)))?;
    for run in 1..=runs {
        if any(&["import-plan", "import-apply", "import-memory", "import-stall", "import-hand", "import-undo"]) {
            eprintln!("bench: round {run}, a file of {ROWS} rows");
            file(packages, work, next_hop.address(), samples)?;
        }
        if any(&["sync-full", "sync-changes"]) {
            eprintln!("bench: round {run}, a directory of {ENTRIES} entries");
            directory(packages, work, next_hop.address(), samples)?;
        }
    }
    Ok(())
}

/// A Doorlist with one listed address, running.
struct BulkServer {
    doorlist: Doorlist,
    address: SocketAddr,
    processes: Processes,
}

impl BulkServer {
    fn open(packages: &Packages, work: &Path, next_hop: SocketAddr) -> Result<Self> {
        let folder = work.join("doorlist-bulk");
        fresh_folder(&folder)?;
        let task = Task { folder: folder.clone(), next_hop, listed: 1, disk: Disk::AsIs };
        let doorlist = Doorlist::new(packages, &folder);
        doorlist.fill(next_hop, 0..1)?;
        let address = free_address()?;
        let mut processes = Processes::start("doorlist-bulk", &doorlist.serve(&task, address), &folder.join("output"))?;
        await_ready(address, &mut processes)?;
        Ok(Self { doorlist, address, processes })
    }

    /// How long a command takes; `codes` are the exit codes that it may have.
    fn timed(&self, arguments: &[&str], codes: &[i32]) -> Result<(f64, String)> {
        let begun = Instant::now();
        let output = self.doorlist.command().args(arguments).output().context("cannot run doorlist")?;
        let took = begun.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.code().is_some_and(|code| codes.contains(&code)) {
            bail!("doorlist {arguments:?}: {}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        eprintln!("bench:   doorlist {}: {took:.2} s", arguments.join(" "));
        Ok((took, said))
    }
}

fn file(packages: &Packages, work: &Path, next_hop: SocketAddr, samples: &mut Samples) -> Result<()> {
    let server = BulkServer::open(packages, work, next_hop)?;
    let path = work.join("rows.csv");
    write_rows(&path, ROWS).with_context(|| format!("cannot write {}", path.display()))?;
    let file = path.to_string_lossy().into_owned();
    let import = ["import", &file, "--domain", DOMAIN, "--source", "staff"];
    samples.add("import-plan", US, server.timed(&import, &[2])?.0);
    let mail = Meanwhile::begin({
        let address = server.address;
        move |ended| messages(address, ended)
    });
    let hand = Meanwhile::begin({
        let doorlist = server.doorlist.clone();
        move |ended| by_hand(&doorlist, ended)
    });
    let took = server.timed(&[&import[..], &["--apply"]].concat(), &[0]);
    let (stall, by_hand) = (mail.end()?, hand.end()?);
    samples.add("import-apply", US, took?.0);
    samples.add("import-stall", US, stall.as_secs_f64() * 1e3);
    samples.add("import-hand", US, by_hand.as_secs_f64());
    samples.add("import-memory", US, (server.processes.greatest_memory()? >> 20) as f64);
    drop(server);

    let server = BulkServer::open(packages, work, next_hop)?;
    write_rows(&path, UNDONE).with_context(|| format!("cannot write {}", path.display()))?;
    server.timed(&[&import[..], &["--apply"]].concat(), &[0])?;
    let (_, log) = server.timed(&["changes", "list"], &[0])?;
    let id = log.split_whitespace().next().context("the change log is empty")?;
    samples.add("import-undo", US, server.timed(&["changes", "undo", id, "--yes"], &[0])?.0);
    Ok(())
}

/// `email,aliases`, one alias on every tenth row.
pub(crate) fn write_rows(path: &Path, rows: u32) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "email,aliases")?;
    for number in 1..=rows {
        let alias = if number % 10 == 0 { format!("also.{number}@{DOMAIN}") } else { String::new() };
        writeln!(file, "{},{alias}", listed(number))?;
    }
    file.flush()
}

/// Something that goes on beside, and says what the longest wait was.
struct Meanwhile {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<Result<Duration>>,
}

impl Meanwhile {
    fn begin(work: impl FnOnce(&AtomicBool) -> Result<Duration> + Send + 'static) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let thread = spawn({
            let ended = Arc::clone(&ended);
            move || work(&ended)
        });
        Self { ended, thread }
    }

    fn end(self) -> Result<Duration> {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| bail!("what went on meanwhile broke off"))
    }
}

/// Messages in one session; the longest time from MAIL to the 250 behind the message.
fn messages(address: SocketAddr, ended: &AtomicBool) -> Result<Duration> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(REPLY_MAX))?;
    let mut stream = BufReader::new(stream);
    let mut hear = |said: Option<&str>| -> Result<()> {
        if let Some(said) = said {
            stream.get_mut().write_all(said.as_bytes())?;
        }
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            match line.as_bytes().get(3) {
                Some(b'-') => {}
                Some(_) if line.starts_with(['2', '3']) => return Ok(()),
                _ => bail!("the server says: {line}"),
            }
        }
    };
    hear(None)?;
    hear(Some("EHLO load.test\r\n"))?;
    let body = format!("Subject: beside an import\r\n\r\n{}.\r\n", "0123456789abcdef\r\n".repeat(200));
    let mut longest = Duration::ZERO;
    while !ended.load(Ordering::Relaxed) {
        let begun = Instant::now();
        hear(Some("MAIL FROM:<sender@src.example>\r\n"))?;
        hear(Some(&format!("RCPT TO:<{}>\r\n", listed(0))))?;
        hear(Some("DATA\r\n"))?;
        hear(Some(&body))?;
        longest = longest.max(begun.elapsed());
        sleep(PACE.0);
    }
    Ok(longest)
}

/// Addresses by command; the longest time that one took.
fn by_hand(doorlist: &Doorlist, ended: &AtomicBool) -> Result<Duration> {
    let (mut longest, mut number) = (Duration::ZERO, 0);
    while !ended.load(Ordering::Relaxed) {
        number += 1;
        let begun = Instant::now();
        must(doorlist.command().args(["account", "add", &format!("by.hand{number}@{DOMAIN}")]))?;
        longest = longest.max(begun.elapsed());
        sleep(PACE.1);
    }
    Ok(longest)
}

fn directory(packages: &Packages, work: &Path, next_hop: SocketAddr, samples: &mut Samples) -> Result<()> {
    let ldap = OpenLdap::large(&Setup::default(), ENTRIES, 3)?;
    let server = BulkServer::open(packages, work, next_hop)?;
    let secret = work.join("secret");
    std::fs::write(&secret, ldap.password())?;
    let (url, secret) = (ldap.url(), secret.to_string_lossy().into_owned());
    let add = ["source", "add", "people", "--domain", DOMAIN, "--url", &url, "--plain", "--allow-plain-password"];
    let rest = ["--base", ldap.base(), "--bind-dn", ldap.bind_dn(), "--password-file", &secret, "--preset", "openldap"];
    server.timed(&[&add[..], &rest[..]].concat(), &[0])?;
    // The first reading, by us or by the server's schedule, whichever comes first.
    while server.doorlist.command().args(["sync", "run", "people"]).stderr(Stdio::null()).output()?.status.code()
        != Some(0)
    {
        sleep(PACE.1);
    }
    samples.add("sync-full", US, server.timed(&["sync", "run", "people"], &[0])?.0);
    samples.add("sync-changes", US, server.timed(&["sync", "run", "people", "--changes"], &[0])?.0);
    let mut search = Command::new("ldapsearch");
    search.args(["-x", "-H", &url, "-D", ldap.bind_dn(), "-w", ldap.password(), "-b", ldap.base(), "-LLL"]);
    search
        .args(["-E", "pr=1000/noprompt", "(objectClass=inetOrgPerson)", "mail", "proxyAddresses"])
        .stdout(Stdio::null());
    let begun = Instant::now();
    let status = search.status().context("cannot run ldapsearch")?;
    if !status.success() {
        bail!("ldapsearch: {status}");
    }
    samples.add("sync-full", Subject::Limit, begun.elapsed().as_secs_f64());
    Ok(())
}
