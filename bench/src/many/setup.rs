//! A Doorlist with many domains, each with its own mail server on loopback, and their senders.

use crate::load::Message;
use crate::packages::Packages;
use crate::processes::Processes;
use crate::server::{Disk, Doorlist, Task, await_ready, free_address, fresh_folder, must};
use crate::sink::Sink;
use anyhow::{Context as _, Result, anyhow, bail};
use doorlist_core::change::{
    Actor, Change, ChangeSet, DomainChange, MailServer, NamedBy, ServerTls, Source, Structure, Via,
};
use doorlist_store::StoreUrl;
use doorlist_store::recipients::RecipientStore;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, scope, spawn};
use std::time::{Duration, Instant};

/// Sessions that send at once.
const SESSIONS: usize = 20;
/// No reply comes later.
const REPLY_MAX: Duration = Duration::from_secs(60);
/// All of 127.0.0.0/8 leads to whoever listens here.
const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

fn domain(number: u32) -> String {
    format!("m{number:05}.example.test")
}

fn recipient(number: u32) -> String {
    format!("some.one@{}", domain(number))
}

/// What all these measurements begin with.
pub(super) struct Setup<'a> {
    packages: &'a Packages,
    folder: PathBuf,
    pub(super) message: Arc<Message>,
}

/// A running server with its domains.
pub(super) struct Server {
    doorlist: Doorlist,
    pub(super) address: SocketAddr,
    _processes: Processes,
}

pub(super) struct Domains(Vec<Change>);

impl Domains {
    /// Domain `number` of that customer, with a server of its own address at this port.
    pub(super) fn add(&mut self, customer: &str, number: u32, port: u16) -> Result<()> {
        // 127.1.0.0 and on: 65,536 addresses, none of which is 127.0.0.1, where the server itself listens.
        let [.., high, low] = number.to_be_bytes();
        let server = MailServer {
            host: Ipv4Addr::new(127, 1, high, low).to_string(),
            port,
            preference: 10,
            tls: ServerTls::Opportunistic,
            xforward: false,
            named_by: NamedBy::Machine,
        };
        let change = DomainChange::Add { customer: customer.to_owned(), servers: vec![server] };
        self.0.push(Change::Domain { name: domain(number).parse()?, change });
        let address = recipient(number).parse()?;
        self.0.push(Change::Claim { address, structure: Structure::Mailbox, source: Source::Api });
        Ok(())
    }
}

impl<'a> Setup<'a> {
    pub(super) fn new(packages: &'a Packages, work: &Path, message: &Arc<Message>) -> Self {
        Self { packages, folder: work.join("doorlist-many"), message: Arc::clone(message) }
    }

    /// The next hop at all addresses.
    pub(super) fn sink(&self) -> Result<Sink> {
        Sink::start(ANYWHERE, Arc::clone(&self.message))
    }

    /// A server with these domains.
    pub(super) fn start(&self, add: impl FnOnce(&mut Domains) -> Result<()>) -> Result<Server> {
        fresh_folder(&self.folder)?;
        let doorlist = Doorlist::new(self.packages, &self.folder);
        let nowhere = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 9);
        doorlist.fill(nowhere, 0..1)?;
        let mut domains = Domains(Vec::new());
        add(&mut domains)?;
        apply(&self.folder.join("state"), domains.0)?;
        let address = free_address()?;
        let task = Task { folder: self.folder.clone(), next_hop: nowhere, listed: 1, disk: Disk::AsIs };
        let command = doorlist.serve(&task, address);
        let mut processes = Processes::start("doorlist-many", &command, &self.folder.join("output"))?;
        await_ready(address, &mut processes)?;
        Ok(Server { doorlist, address, _processes: processes })
    }
}

impl Server {
    /// Runs `doorlist domain VERB` for a domain.
    pub(super) fn domain(&self, verb: &str, number: u32) -> Result<()> {
        must(self.doorlist.command().args(["domain", verb, &domain(number)])).map(|_| ())
    }
}

fn apply(state: &Path, changes: Vec<Change>) -> Result<()> {
    let actor = Actor { name: "bench".to_owned(), via: Via::Command };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let recipients = RecipientStore::open(&StoreUrl::Sqlite(state.to_path_buf())).await?;
        let set = ChangeSet { changes, summary: "set up".to_owned() };
        recipients.apply(&set, &actor, None).await.context("the domains")?;
        Ok(())
    })
}

/// A server at all addresses that accepts connections and says nothing.
pub(super) struct Silent {
    port: u16,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Silent {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind(ANYWHERE)?;
        let (port, ended) = (listener.local_addr()?.port(), Arc::new(AtomicBool::new(false)));
        let thread = spawn({
            let ended = Arc::clone(&ended);
            move || {
                let mut kept = Vec::new();
                for stream in listener.incoming() {
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    kept.extend(stream);
                }
            }
        });
        Ok(Self { port, ended, thread: Some(thread) })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // The thread waits for a connection; without this one it would wait on.
        let woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// One session that sends.
pub(super) struct Sender(BufReader<TcpStream>);

impl Sender {
    pub(super) fn connect(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_MAX))?;
        let mut sender = Self(BufReader::new(stream));
        sender.hear(1)?;
        sender.say(b"EHLO load.test\r\n", 1)?;
        Ok(sender)
    }

    /// Sends a message to a domain; when its body was sent.
    pub(super) fn send(&mut self, message: &Message, domain: u32, number: u64) -> Result<Instant> {
        let envelope = format!("MAIL FROM:<sender@src.example>\r\nRCPT TO:<{}>\r\nDATA\r\n", recipient(domain));
        self.say(envelope.as_bytes(), 3)?;
        let mut body = Vec::new();
        message.write(number, &mut body);
        let begun = Instant::now();
        self.say(&body, 1)?;
        Ok(begun)
    }

    fn say(&mut self, what: &[u8], replies: usize) -> Result<()> {
        self.0.get_mut().write_all(what)?;
        self.hear(replies)
    }

    fn hear(&mut self, replies: usize) -> Result<()> {
        let mut heard = 0;
        while heard < replies {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            match line.as_bytes().get(3) {
                Some(b'-') => {}
                Some(_) if line.starts_with(['2', '3']) => heard += 1,
                _ => bail!("the server says: {line:?}"),
            }
        }
        Ok(())
    }
}

/// Sends a message to each of these domains in turn, in many sessions; they are numbered from `first`.
pub(super) fn send_all(to: SocketAddr, message: &Message, domains: Vec<u32>, first: u32) -> Result<()> {
    let next = AtomicUsize::new(0);
    let session = || -> Result<()> {
        let mut sender = Sender::connect(to)?;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(domain) = domains.get(index) else { return Ok(()) };
            sender.send(message, *domain, u64::from(first) + index as u64)?;
        }
    };
    scope(|scope| {
        let sessions: Vec<_> = (0..SESSIONS).map(|_| scope.spawn(session)).collect();
        sessions.into_iter().try_for_each(|session| session.join().map_err(|_| anyhow!("a session broke off"))?)
    })
}
