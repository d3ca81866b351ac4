//! Authenticates refused senders, on a thread of its own: a slow name server delays no session and no scanner.

use crate::relay::resolver::SystemResolver;
use crate::verdict::authenticate::Authenticator;
use doorlist_store::spool::ClientInfo;
use mail_auth::MessageAuthenticator;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Time for one sender; who is not authenticated by then does not count.
const TIME_MAX: Duration = Duration::from_secs(10);

pub(super) struct SenderCheck {
    authenticator: Arc<Authenticator>,
    /// Taken when it is dropped.
    thread: Option<Runtime>,
}

impl SenderCheck {
    /// Starts the thread, with a resolver of its own: what a resolver has open belongs to the threads that use it.
    pub(super) fn start(name_server: Option<SocketAddr>, hostname: &str) -> std::io::Result<Self> {
        let resolver = SystemResolver::of(name_server).map_err(std::io::Error::other)?;
        let thread = Builder::new_multi_thread().worker_threads(1).thread_name("fall-back").enable_all().build()?;
        let methods = MessageAuthenticator(resolver.dns().clone());
        let authenticator = Arc::new(Authenticator { methods, hostname: hostname.to_owned() });
        Ok(Self { authenticator, thread: Some(thread) })
    }

    /// Whether the domain of MAIL FROM publishes a DMARC record and SPF passes. A check that panics is no pass.
    pub(super) async fn passes(&self, client: ClientInfo, sender: Box<str>) -> bool {
        let Some(thread) = &self.thread else { return false };
        let authenticator = Arc::clone(&self.authenticator);
        let mut job = JoinSet::new();
        let until = Instant::now() + TIME_MAX;
        job.spawn_on(async move { authenticator.envelope_passes(&client, &sender, until).await }, thread.handle());
        matches!(job.join_next().await, Some(Ok(true)))
    }
}

impl Drop for SenderCheck {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A runtime must not wait for its threads on a thread of another one.
            thread.shutdown_background();
        }
    }
}
