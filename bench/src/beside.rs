//! RCPT next to heavy work: latency of one session while passwords are hashed, pushes arrive and a file is imported,
//! minus its latency on an idle server; and the memory of a push.

use crate::api::{Client, percentile};
use crate::bulk::write_rows;
use crate::load::{DOMAIN, Message, listed};
use crate::packages::Packages;
use crate::processes::Processes;
use crate::samples::{Samples, Subject};
use crate::server::{Disk, Doorlist, Peer, Task, await_ready, free_address, fresh_folder, must};
use crate::sink::Sink;
use anyhow::{Context as _, Result, bail};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, scope, sleep, spawn};
use std::time::Duration;

/// Passwords that are hashed, over so many connections: an address has no more than 32.
const HASHES: usize = 200;
const HASHERS: usize = 25;
/// States that are pushed at once, each of another domain and with another key.
const PUSHES: usize = 4;
/// Octets of a push: a quarter of a million accounts with an alias each.
const PUSH: usize = 19_000_000;
/// Rows of the file.
const ROWS: u32 = 1_000_000;
/// How long nothing else goes on.
const QUIET: Duration = Duration::from_secs(3);
/// Recipients of one transaction.
const TRANSACTION: usize = 500;
/// No reply comes later.
const REPLY_MAX: Duration = Duration::from_secs(60);

const US: Subject = Subject::Server(Peer::Doorlist);

/// Measures what is wanted of `answers-quiet`, `answers-hashing`, `answers-pushes`, `answers-import` and `push-memory*`.
pub(crate) fn measure(
    packages: &Packages,
    work: &Path,
    runs: u32,
    wanted: &dyn Fn(&str) -> bool,
    samples: &mut Samples,
) -> Result<()> {
    let next_hop = Sink::start("127.0.0.1:0".parse()?, Arc::new(Message::new(100)))?;
    let beside: [(&str, Load); 3] = [
        ("answers-hashing", Server::hash),
        ("answers-pushes", |server| server.push(Then::Write)),
        ("answers-import", Server::import),
    ];
    let quiet = wanted("answers-quiet") || beside.iter().any(|(id, _)| wanted(id));
    for round in 1..=runs {
        if wanted("push-memory") {
            eprintln!("bench: round {round}, the memory of four test pushes");
            let server = Server::warmed(packages, work, next_hop.address())?;
            let before = server.processes.greatest_memory()?;
            server.push(Then::Show)?;
            let more = server.processes.greatest_memory()?.saturating_sub(before);
            samples.add("push-memory", US, more as f64 / (PUSHES * PUSH) as f64);
        }
        if wanted("push-memory-written") || wanted("push-memory-list") {
            eprintln!("bench: round {round}, the memory of a push that is written");
            let (own, list) = written(packages, work, next_hop.address())?;
            samples.add("push-memory-written", US, own);
            samples.add("push-memory-list", US, list);
        }
        if quiet {
            eprintln!("bench: round {round}, RCPT beside heavy work");
            let server = Server::start(packages, work, next_hop.address())?;
            let least = server.waits(|_| {
                sleep(QUIET);
                Ok(())
            })?;
            samples.add("answers-quiet", US, least);
            for (id, load) in beside.iter().filter(|(id, _)| wanted(id)) {
                let more = server.waits(*load)? - least;
                eprintln!("bench:   {id}: {more:.3} ms more than {least:.3} ms");
                samples.add(id, US, more);
            }
        }
    }
    Ok(())
}

/// The greatest memory of a push while it is written, without the memory of the list that it leaves; and that of the
/// list, which is what the same server takes more at rest when it is started anew: both in times of the push's octets.
fn written(packages: &Packages, work: &Path, next_hop: SocketAddr) -> Result<(f64, f64)> {
    let mut server = Server::warmed(packages, work, next_hop)?;
    let (greatest, rest) = (server.processes.greatest_memory()?, server.processes.memory()?);
    server.push_one(0, PUSH, Then::Write)?;
    let more = server.processes.greatest_memory()?.saturating_sub(greatest);
    server.restart(next_hop)?;
    let list = server.processes.memory()?.anonymous.saturating_sub(rest.anonymous);
    Ok((more.saturating_sub(list) as f64 / PUSH as f64, list as f64 / PUSH as f64))
}

/// What goes on beside.
type Load = fn(&Server) -> Result<()>;

/// What becomes of a push.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// What would change is told.
    Show,
    Write,
}

/// A running Doorlist with a domain for each push and a key for each, the last ones for passwords.
struct Server {
    doorlist: Doorlist,
    folder: std::path::PathBuf,
    smtp: SocketAddr,
    web: SocketAddr,
    keys: Vec<String>,
    processes: Processes,
}

impl Server {
    fn start(packages: &Packages, work: &Path, next_hop: SocketAddr) -> Result<Self> {
        let folder = work.join("doorlist-beside");
        fresh_folder(&folder)?;
        let task = Task { folder: folder.clone(), next_hop, listed: 1, disk: Disk::AsIs };
        let doorlist = Doorlist::new(packages, &folder);
        doorlist.fill(next_hop, 0..1)?;
        let mut keys = Vec::new();
        for number in 0..PUSHES {
            must(doorlist.command().args(["domain", "add", &domain(number), "--server", &next_hop.to_string()]))?;
            let login = format!("ops{number}@example.test");
            must(doorlist.command().args(["admin", "create", &login]))?;
            keys.push(
                must(doorlist.command().args(["apikey", "create", &login, "--login-key-only"]))?.trim().to_owned(),
            );
        }
        let (smtp, web) = (free_address()?, free_address()?);
        let processes = serve(&doorlist, &task, smtp, web)?;
        let server = Self { doorlist, folder, smtp, web, keys, processes };
        server.client(0).await_ready()?;
        Ok(server)
    }

    /// One that has had a small push: what the first request of its kind brings up for good is not the memory of a push.
    /// The kernel tells the greatest memory of a process's whole life, so each figure has a server of its own.
    fn warmed(packages: &Packages, work: &Path, next_hop: SocketAddr) -> Result<Self> {
        let server = Self::start(packages, work, next_hop)?;
        server.push_one(1, PUSH / 10, Then::Show)?;
        Ok(server)
    }

    /// Ends the server and starts it on the same folder, with a small push.
    fn restart(&mut self, next_hop: SocketAddr) -> Result<()> {
        self.processes.stop()?;
        let task = Task { folder: self.folder.clone(), next_hop, listed: 1, disk: Disk::AsIs };
        self.processes = serve(&self.doorlist, &task, self.smtp, self.web)?;
        self.client(0).await_ready()?;
        self.push_one(1, PUSH / 10, Then::Show)
    }

    fn client(&self, key: usize) -> Client {
        Client::new(self.web, self.keys.get(key).map_or("", String::as_str))
    }

    /// What 95 of 100 answers took at most, in ms, while something goes on.
    fn waits(&self, load: impl FnOnce(&Self) -> Result<()>) -> Result<f64> {
        let asking = Asking::begin(self.smtp);
        let loaded = load(self);
        let mut times = asking.end()?;
        loaded?;
        Ok(percentile(&mut times, 95))
    }

    fn hash(&self) -> Result<()> {
        scope(|scope| {
            let hashers: Vec<_> = (0..HASHERS)
                .map(|number| {
                    let mut client = self.client(number % PUSHES);
                    let word = format!("password {number}");
                    let body = format!(r#"{{"password": "{word}", "confirm_password": "{word}"}}"#);
                    scope.spawn(move || {
                        for _ in 0..HASHES / HASHERS {
                            let account = format!("/api/v1/email_account/{}/", listed(0));
                            client.must("PUT", &account, &body)?;
                        }
                        Ok(())
                    })
                })
                .collect();
            hashers.into_iter().try_for_each(|it| it.join().unwrap_or_else(|_| bail!("a connection broke off")))
        })
    }

    fn push(&self, then: Then) -> Result<()> {
        scope(|scope| {
            let push = |number| scope.spawn(move || self.push_one(number, PUSH, then));
            let pushes: Vec<_> = (0..PUSHES).map(push).collect();
            pushes.into_iter().try_for_each(|it| it.join().unwrap_or_else(|_| bail!("a push broke off")))
        })
    }

    fn push_one(&self, number: usize, octets: usize, then: Then) -> Result<()> {
        let (domain, mut body) = (domain(number), String::with_capacity(octets + 128));
        for account in 0_u32.. {
            let between = if account == 0 { '[' } else { ',' };
            let name = format!("user{account:08}");
            let _ = write!(body, r#"{between}{{"email":"{name}@{domain}","aliases":["also.{name}"]}}"#);
            if body.len() >= octets - 1 {
                break;
            }
        }
        body.push(']');
        let test_run = u8::from(then == Then::Show);
        let target = format!("/api/v1/ldapsync/remote_data/?domain={domain}&test_run={test_run}");
        let answer = self.client(number).must("POST", &target, &body)?;
        let said = String::from_utf8_lossy(&answer.body);
        if said.contains(r#""written":true"#) != (then == Then::Write) {
            bail!("the push is answered: {said}");
        }
        Ok(())
    }

    fn import(&self) -> Result<()> {
        let path = self.folder.join("rows.csv");
        write_rows(&path, ROWS).with_context(|| format!("cannot write {}", path.display()))?;
        let mut import = self.doorlist.command();
        import.arg("import").arg(&path).args(["--domain", DOMAIN, "--source", "staff", "--apply"]);
        must(&mut import).map(drop)
    }
}

fn serve(doorlist: &Doorlist, task: &Task, smtp: SocketAddr, web: SocketAddr) -> Result<Processes> {
    let mut command = doorlist.serve(task, smtp);
    command.env("DOORLIST__WEB__LISTEN", web.to_string());
    let mut processes = Processes::start("doorlist-beside", &command, &task.folder.join("output"))?;
    await_ready(smtp, &mut processes)?;
    Ok(processes)
}

fn domain(number: usize) -> String {
    format!("push{number}.example.test")
}

/// One session that asks RCPT after RCPT.
struct Asking {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<f64>>>,
}

impl Asking {
    fn begin(server: SocketAddr) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let thread = spawn({
            let ended = Arc::clone(&ended);
            move || ask(server, &ended)
        });
        Self { ended, thread }
    }

    fn end(self) -> Result<Vec<f64>> {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| bail!("the session broke off"))
    }
}

/// What each answer took, in ms.
fn ask(server: SocketAddr, ended: &AtomicBool) -> Result<Vec<f64>> {
    let stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(REPLY_MAX))?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut hear = |said: &str| -> Result<()> {
        stream.get_mut().write_all(said.as_bytes())?;
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            match line.as_bytes() {
                [b'2', _, _, b'-', ..] => {}
                [b'2', ..] => return Ok(()),
                _ => bail!("{said:?} is answered {line:?}"),
            }
        }
    };
    hear("")?;
    hear("EHLO load.test\r\n")?;
    let rcpt = format!("RCPT TO:<{}>\r\n", listed(0));
    let mut times = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        hear("MAIL FROM:<sender@src.example>\r\n")?;
        for _ in 0..TRANSACTION {
            let begun = std::time::Instant::now();
            hear(&rcpt)?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        hear("RSET\r\n")?;
    }
    Ok(times)
}
