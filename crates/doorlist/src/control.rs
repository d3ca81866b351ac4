//! The control socket, by which a command reaches a running server. A request is one JSON line, and so is the answer,
//! which lines of progress may precede; a connection can carry many. Both are types of `doorlist-actions`.

mod client;
mod server;

pub(crate) use client::ControlClient;
pub(crate) use server::{Control, Peers};

use doorlist_actions::{ActionError, Request, Response};
use doorlist_core::change::Actor;
use doorlist_core::file_list::FILE_BYTES_MAX;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Maximum octets of a line: the largest file of `import`, whose line ends are two characters in JSON.
const LINE_MAX: u64 = 2 * FILE_BYTES_MAX as u64;

#[derive(Debug, Serialize, Deserialize)]
struct ControlCall {
    /// The actor; the server accepts another one than the peer only from root.
    actor: Actor,
    request: Request,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ControlAnswer {
    /// So many percent of the work are done, where that is known; the answer follows.
    Progress(Option<u8>),
    Done(Box<Response>),
    Failed(ActionError),
}

/// The next line without its end; `None` at the end of the stream.
async fn next_line(stream: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    (&mut *stream).take(LINE_MAX).read_until(b'\n', &mut line).await?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the line is incomplete")),
    }
}
