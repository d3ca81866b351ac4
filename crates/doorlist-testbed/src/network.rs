//! A network namespace for a peer that listens on fixed ports, and a forward into it from a free port on loopback.
//!
//! The peer runs under [`COMMAND`], so its port 389 is not the machine's. A [`Forward`] listens in the test's network
//! and connects in the peer's: a socket belongs to the namespace that its thread was in when it was created.

use std::fs::{self, File};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};
use nix::sched::{CloneFlags, setns};

/// Runs the words that follow it in a new network, whose loopback is up. The process id stays the same.
pub const COMMAND: &[&str] =
    &["unshare", "--net", "--", "/bin/sh", "-c", "ip link set lo up && exec \"$@\"", "network"];

/// The network of a process.
#[derive(Debug)]
pub struct Network(File);

impl Network {
    /// The network of `pid`; None as long as it is still ours.
    ///
    /// # Errors
    /// Fails if the process does not exist.
    pub fn of(pid: u32) -> Result<Option<Self>> {
        let path = format!("/proc/{pid}/ns/net");
        let file = File::open(&path).with_context(|| format!("opening {path}"))?;
        let is_ours = fs::read_link(&path)? == fs::read_link("/proc/self/ns/net")?;
        Ok((!is_ours).then_some(Self(file)))
    }

    /// Does something accept connections on this address inside?
    #[must_use]
    pub fn accepts(&self, address: SocketAddr) -> bool {
        // In a thread of its own: ours stays where it is.
        let connects = || self.enter().and_then(|()| TcpStream::connect(address).map(drop)).is_ok();
        thread::scope(|scope| scope.spawn(connects).join().unwrap_or(false))
    }

    fn enter(&self) -> io::Result<()> {
        Ok(setns(&self.0, CloneFlags::CLONE_NEWNET)?)
    }
}

/// A port in our network whose connections go to one in a peer's. Dropping it ends the listening; connections end with
/// the peer.
#[derive(Debug)]
pub struct Forward {
    from: SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forward {
    /// Listens on `from` and connects to `to` inside.
    ///
    /// # Errors
    /// Fails if `from` is in use, or we may not enter the network (only root may).
    pub fn start(from: SocketAddr, network: Network, to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(from).with_context(|| format!("listening on {from}"))?;
        let ends = Arc::new(AtomicBool::new(false));
        let (says, hears) = mpsc::channel();
        let seen = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let entered = network.enter();
            let inside = entered.is_ok();
            if says.send(entered).is_ok() && inside {
                accept(&listener, to, &seen);
            }
        });
        hears.recv().map_err(|_| anyhow!("the forwarding thread ended"))?.context("entering a network")?;
        Ok(Self { from, ends, thread: Some(thread) })
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes the thread; when it is gone already nobody is there to be woken.
        drop(TcpStream::connect(self.from));
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("the thread that forwards {} has panicked", self.from);
        }
    }
}

fn accept(listener: &TcpListener, to: SocketAddr, ends: &AtomicBool) {
    loop {
        let accepted = listener.accept();
        if ends.load(Ordering::SeqCst) {
            return;
        }
        // A client whose peer does not answer loses its connection, as it would without us.
        let joined = accepted.and_then(|(client, _)| join(client, TcpStream::connect(to)?));
        if let Err(error) = joined {
            eprintln!("forwarding to {to}: {error}");
        }
    }
}

/// Copies both ways, each in a thread that ends with its stream.
fn join(client: TcpStream, peer: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    peer.set_nodelay(true)?;
    let (client_too, peer_too) = (client.try_clone()?, peer.try_clone()?);
    thread::spawn(move || copy(client, peer));
    thread::spawn(move || copy(peer_too, client_too));
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    // However it ends, the other side is told that nothing more comes.
    io::copy(&mut from, &mut to).ok();
    to.shutdown(Shutdown::Write).ok();
}
