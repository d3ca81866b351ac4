//! The client end of the control socket.

use super::{ControlAnswer, ControlCall, next_line};
use crate::exit::{Exit, Failure, OrExit};
use crate::state_dir::StateDir;
use doorlist_actions::{ActionError, Request, Response};
use doorlist_core::change::Actor;
use doorlist_store::WorkProgress;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// Maximum time to wait for a server that is starting or stopping.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(10);
const CONNECT_AGAIN: Duration = Duration::from_millis(50);

/// A connection to a running server.
pub(crate) struct ControlClient {
    stream: BufReader<UnixStream>,
    actor: Actor,
    progress: Arc<WorkProgress>,
}

impl ControlClient {
    /// Connects; a server that holds the lock creates its socket soon. The listening process must belong to the
    /// folder's owner.
    pub(crate) async fn connect(state: &StateDir, actor: Actor) -> Result<Self, Failure> {
        let socket = &state.control_socket();
        let deadline = tokio::time::Instant::now() + CONNECT_WAIT_MAX;
        loop {
            let error = match UnixStream::connect(socket).await {
                Ok(stream) => {
                    let uid = stream.peer_cred().map(|peer| peer.uid()).or_exit(Exit::SYSTEM)?;
                    if uid != state.owner().as_raw() {
                        return Err(not_the_server(socket, uid));
                    }
                    return Ok(Self { stream: BufReader::new(stream), actor, progress: Arc::default() });
                }
                Err(error) => error,
            };
            let starting = matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused);
            if !starting || tokio::time::Instant::now() >= deadline {
                let exit = if starting { Exit::UNAVAILABLE } else { Exit::NO_PERMISSION };
                let why = format!(
                    "a server uses the state folder, but its control socket {} does not answer: {error}",
                    socket.display()
                );
                return Err(Failure::because(exit, why));
            }
            tokio::time::sleep(CONNECT_AGAIN).await;
        }
    }

    /// Asks the server's office.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Response, Failure> {
        match self.exchange(request).await {
            Ok(Ok(response)) => Ok(*response),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => {
                let why = format!(
                    "the server closed the connection before it answered ({error}); check with `doorlist changes \
                     list` whether the change was made"
                );
                Err(Failure::because(Exit::UNAVAILABLE, why))
            }
        }
    }

    /// The outer error is the connection's, the inner one the server's.
    async fn exchange(&mut self, request: Request) -> std::io::Result<Result<Box<Response>, ActionError>> {
        let mut line = serde_json::to_vec(&ControlCall { actor: self.actor.clone(), request })?;
        line.push(b'\n');
        self.stream.write_all(&line).await?;
        loop {
            let answer = next_line(&mut self.stream).await?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
            match serde_json::from_slice(&answer)? {
                ControlAnswer::Progress(Some(percent)) => {
                    self.progress.begin(100);
                    self.progress.add(percent.into());
                }
                ControlAnswer::Progress(None) => self.progress.begin(0),
                ControlAnswer::Done(response) => return Ok(Ok(response)),
                ControlAnswer::Failed(error) => return Ok(Err(error)),
            }
        }
    }

    /// How far the server is with what it was asked last.
    pub(crate) fn progress(&self) -> Arc<WorkProgress> {
        Arc::clone(&self.progress)
    }
}

fn not_the_server(socket: &Path, uid: u32) -> Failure {
    let why = format!(
        "a process of user id {uid}, not the owner of the state folder, listens at the control socket {}; nothing was \
         sent. Find out who started it",
        socket.display()
    );
    Failure::because(Exit::NO_PERMISSION, why)
}
