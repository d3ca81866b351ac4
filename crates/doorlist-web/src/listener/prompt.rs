//! A socket that reports progress and acknowledges received data immediately. A client that writes its request line by
//! line sends the next line only after the acknowledgement (Nagle's algorithm), which the kernel delays by 40 ms on
//! interactive connections.

use super::activity::Activity;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

pub(super) struct Prompt {
    socket: TcpStream,
    activity: Arc<Activity>,
}

impl Prompt {
    /// Disables Nagle's algorithm, too. `None` if the client has disconnected.
    pub(super) fn new(socket: TcpStream, activity: Arc<Activity>) -> Option<Self> {
        socket.set_nodelay(true).ok()?;
        Some(Self { socket, activity })
    }

    fn wrote(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.activity.write_waits(),
            Poll::Ready(octets) => self.activity.wrote(*octets.as_ref().unwrap_or(&0), Instant::now()),
        }
        written
    }
}

impl AsyncRead for Prompt {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(context, buf);
        if read.is_pending() {
            // The kernel forgets it with each answer. A socket that refuses is only slower.
            let _ = self.socket.set_quickack(true);
        } else {
            self.activity.read(buf.filled().len().saturating_sub(before), Instant::now());
        }
        read
    }
}

impl AsyncWrite for Prompt {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn what_is_written_goes_out_at_once() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(!stream.nodelay().unwrap());
        let prompt = Prompt::new(stream, Arc::new(Activity::new(Instant::now()))).unwrap();
        assert!(prompt.socket.nodelay().unwrap());
    }
}
