//! The slot of a connection in the pool: held while it works, released when others wait and it makes no progress.

use crate::config::RelayConfig;
use crate::relay::RelayShared;
use crate::relay::queue::{ConnectionId, DestinationId, SlotGrant};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::timeout;

/// A slot in the connection pool; released on drop.
pub(super) struct ConnectionSlot {
    pub(super) shared: Arc<RelayShared>,
    pub(super) connection: ConnectionId,
    pub(super) destination: DestinationId,
    /// Signalled when there is work, or when the connection must close.
    pub(super) bell: Arc<Notify>,
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.shared.with_queue(|queue, at| queue.closed(self.connection, at));
        self.shared.connection_ended.notify_one();
    }
}

impl ConnectionSlot {
    pub(super) fn new(shared: Arc<RelayShared>, grant: SlotGrant) -> Self {
        let SlotGrant { connection, destination, bell } = grant;
        Self { shared, connection, destination, bell }
    }

    /// Waits for the server. After [`RelayConfig::give_way`] the queue is informed. `None`: the slot was given up for
    /// others.
    pub(super) async fn hold_while<T, E>(
        &self,
        may_give_way: bool,
        config: &RelayConfig,
        waiting: impl Future<Output = Result<T, E>>,
    ) -> Option<Result<T, E>> {
        tokio::pin!(waiting);
        if let Ok(done) = timeout(config.give_way, &mut waiting).await {
            return Some(done);
        }
        self.shared.with_queue(|queue, at| queue.stalled(self.connection, may_give_way, at));
        let done = tokio::select! {
            done = &mut waiting => done,
            () = self.must_leave(), if may_give_way => return None,
        };
        // After an error this connection ends: until then it stands for a destination that makes no progress.
        if done.is_ok() {
            self.shared.with_queue(|queue, at| queue.progressed(self.connection, at));
        }
        Some(done)
    }

    /// Closes the connection in an orderly way, or at once if others wait.
    pub(super) fn retire(&self) {
        self.shared.with_queue(|queue, at| queue.retire(self.connection, at));
    }

    /// Waits until the connection must close.
    pub(super) async fn must_leave(&self) {
        while !self.shared.lock_queue().must_leave(self.connection) {
            self.bell.notified().await;
        }
    }
}
