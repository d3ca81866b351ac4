//! One connection from its first octet to an orderly close. Errors on it only affect the client, so they are not
//! logged.

use super::exchange::Exchange;
use super::{HEAD_LINES_MAX, HEAD_MAX};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

/// After the last answer, input is drained up to this time and size, so that the client gets it instead of a reset.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_OCTETS_MAX: usize = 16 * 1024 * 1024;

/// Answers requests until the client disconnects, its time is over, or `stop` becomes true. A running request is still
/// answered.
pub(super) async fn converse<S>(stream: S, exchange: Arc<Exchange>, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut end = exchange.end();
    let shared = Arc::clone(&exchange);
    let service = service_fn(move |request| {
        let exchange = Arc::clone(&shared);
        Box::pin(async move { exchange.answer(request).await })
    });
    let mut connection = http1::Builder::new()
        // Its time for a head would count the idle time before it, too: `Activity` has both.
        .header_read_timeout(None)
        .max_buf_size(HEAD_MAX)
        .max_headers(HEAD_LINES_MAX)
        // A client that sends no more may still wait for its answer; and one that has gone must not be able to stop in the
        // middle what it asked for.
        .half_close(true)
        // `Connection`, not `connection`: a client that is ten years old may look for it so.
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut stopping = false;
    let mut late = std::pin::pin!(sleep_until(end));
    loop {
        tokio::select! {
            () = poll_fn(|context| {
                if connection.poll_without_shutdown(context).is_ready() {
                    return Poll::Ready(());
                }
                let Some(deadline) = exchange.activity().deadline() else { return Poll::Pending };
                if late.deadline() != deadline {
                    late.as_mut().reset(deadline);
                }
                late.as_mut().poll(context)
            }) => break,
            _told = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                exchange.close();
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
            () = sleep_until(end) => match exchange.end() {
                later if later > end => end = later,
                _ => return,
            },
        }
    }
    linger(connection.into_parts().io.into_inner()).await;
}

/// Shuts down writing and drains the input: a reset would overtake the last answer.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let drained = timeout(LINGER, async {
        stream.shutdown().await?;
        let mut sink = [0u8; 2048];
        let mut left = LINGER_OCTETS_MAX;
        while left > 0 {
            match stream.read(&mut sink).await? {
                0 => break,
                got => left = left.saturating_sub(got),
            }
        }
        io::Result::Ok(())
    });
    let _ = drained.await;
}
