//! The server end of the control socket: who may connect, how many at once, and the actor of their requests.

use super::{ControlAnswer, ControlCall, next_line};
use crate::exit::{Exit, Failure, OrExit};
use anyhow::Context;
use doorlist_actions::{Actions, Caller, Services};
use doorlist_store::WorkProgress;
use nix::unistd::{Gid, Uid, User, getgrouplist};
use std::ffi::CString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Maximum connections at once; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 16;
/// Maximum requests at once: each may have a file of `import` in memory.
const REQUESTS_MAX: usize = 4;
/// Maximum octets of a request that is parsed on the service threads.
const SMALL_LINE_MAX: usize = 64 * 1024;
/// Maximum time to transfer a request or an answer, which occupies a slot.
const TRANSFER_MAX: Duration = Duration::from_secs(60);
/// Who waits is told so often how far the work is.
const PROGRESS_STEP: Duration = Duration::from_millis(250);
/// Rest after a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// The bound socket. Commands can connect; they are answered once [`Control::serve`] runs.
pub(crate) struct Control {
    listener: UnixListener,
    _file: SocketFile,
}

/// The socket's file, removed on drop, so that no dead socket remains.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Control {
    /// Binds the socket with mode 0660. Replaces the socket of a dead server: the caller holds the lock.
    pub(crate) fn bind(socket: &Path) -> Result<Self, Failure> {
        let bind = || {
            match std::fs::remove_file(socket) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(socket)?;
            std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o660))?;
            Ok(listener)
        };
        let listener = bind()
            .with_context(|| format!("cannot create the control socket {}", socket.display()))
            .or_exit(Exit::CANNOT_CREATE)?;
        Ok(Self { listener, _file: SocketFile(socket.to_owned()) })
    }

    pub(crate) async fn serve(self, services: Arc<Services>, peers: Peers) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let counter = Counter { services, peers: Arc::new(peers), requests: Arc::new(Semaphore::new(REQUESTS_MAX)) };
        let mut connections = JoinSet::new();
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            while connections.try_join_next().is_some() {}
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            };
            let counter = counter.clone();
            connections.spawn(async move {
                // A command that is gone before its answer has lost it; nobody else is to be told.
                let _ = counter.converse(stream).await;
                drop(place);
            });
        }
    }
}

/// The state that all connections share.
#[derive(Clone)]
struct Counter {
    services: Arc<Services>,
    peers: Arc<Peers>,
    requests: Arc<Semaphore>,
}

impl Counter {
    async fn converse(self, stream: UnixStream) -> std::io::Result<()> {
        let credentials = stream.peer_cred()?;
        let Some(name) = self.peers.name_of(&credentials) else { return Ok(()) };
        let own_name = (!self.peers.may_speak_for_others(&credentials)).then_some(name);
        let mut stream = BufReader::new(stream);
        // Wait for a request without a place: a command that only looks on must not keep others out.
        while !stream.fill_buf().await?.is_empty() {
            let Ok(_place) = self.requests.acquire().await else { break };
            let Some(line) = timeout(TRANSFER_MAX, next_line(&mut stream)).await?? else { break };
            let mut call = self.parse(line).await?;
            if let Some(name) = &own_name {
                call.actor.name.clone_from(name);
            }
            let answer = self.answer(call, &mut stream).await;
            tell(&mut stream, &answer).await?;
        }
        Ok(())
    }

    /// Parses a request; one with a file runs as heavy work.
    async fn parse(&self, line: Vec<u8>) -> std::io::Result<ControlCall> {
        if line.len() <= SMALL_LINE_MAX {
            return Ok(serde_json::from_slice(&line)?);
        }
        let parsed = self.services.work.compute(move || serde_json::from_slice(&line)).await;
        Ok(parsed.map_err(std::io::Error::other)??)
    }

    /// Does what is asked, and tells meanwhile how far it is.
    async fn answer(&self, call: ControlCall, stream: &mut (impl AsyncWrite + Unpin)) -> ControlAnswer {
        let progress: Arc<WorkProgress> = Arc::default();
        let caller = Caller::on_machine(call.actor).watched_by(Arc::clone(&progress));
        let actions = Actions::of(&self.services, caller);
        let mut work = std::pin::pin!(actions.run(call.request));
        let mut told = None;
        loop {
            match timeout(PROGRESS_STEP, &mut work).await {
                Ok(Ok(response)) => return ControlAnswer::Done(Box::new(response)),
                Ok(Err(error)) => return ControlAnswer::Failed(error),
                Err(_) => {}
            }
            let percent = progress.percent();
            if percent != told {
                // The work goes on although nobody waits any more.
                let _ = tell(stream, &ControlAnswer::Progress(percent)).await;
                told = percent;
            }
        }
    }
}

async fn tell(stream: &mut (impl AsyncWrite + Unpin), answer: &ControlAnswer) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    timeout(TRANSFER_MAX, stream.write_all(&line)).await?
}

/// The allowed peers: root, the server's own user, and the group of the socket.
pub(crate) struct Peers {
    own: Uid,
    group: Gid,
}

impl Peers {
    /// Those of this process.
    pub(crate) fn of_process() -> Self {
        Self { own: Uid::effective(), group: Gid::effective() }
    }

    /// Whether the peer may name another actor: root (for the login behind sudo), which has become the server's user
    /// before it connects. That user could write any name into the store anyway.
    fn may_speak_for_others(&self, credentials: &UCred) -> bool {
        let uid = Uid::from_raw(credentials.uid());
        uid.is_root() || uid == self.own
    }

    /// The peer's login, if it is allowed.
    fn name_of(&self, credentials: &UCred) -> Option<String> {
        let (uid, gid) = (Uid::from_raw(credentials.uid()), Gid::from_raw(credentials.gid()));
        let user = User::from_uid(uid).ok().flatten();
        let in_group = || {
            let name = user.as_ref().and_then(|user| CString::new(user.name.as_str()).ok());
            name.and_then(|name| getgrouplist(&name, gid).ok()).is_some_and(|groups| groups.contains(&self.group))
        };
        let allowed = uid.is_root() || uid == self.own || gid == self.group || in_group();
        allowed.then(|| user.map_or_else(|| format!("uid {uid}"), |user| user.name))
    }
}
