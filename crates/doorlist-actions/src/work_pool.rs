//! The threads for heavy work: passwords are hashed there, large bodies and files read, plans made, exports written. They
//! are few, and so are the jobs that wait for them, so that mail and small requests never do. Must not know what a job does.

use crate::error::{ActionError, ErrorKind};
use std::panic::resume_unwind;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;

/// Jobs that are admitted at once, running or waiting, where nothing else is set (`work.jobs_max`).
pub const JOBS_MAX: usize = 128;

/// Runs jobs on the threads of a runtime. A clone is another handle on the same pool.
#[derive(Clone, Debug)]
pub struct WorkPool {
    runtime: Handle,
    threads: Arc<Semaphore>,
    places: Arc<Semaphore>,
    waits: bool,
}

impl WorkPool {
    /// A pool on the threads of `runtime`, one more than `threads`, that admits `jobs_max` jobs at once.
    pub fn new(runtime: Handle, threads: usize, jobs_max: usize) -> Self {
        let [threads, places] = [threads, jobs_max].map(|number| Arc::new(Semaphore::new(number)));
        Self { runtime, threads, places, waits: false }
    }

    /// The same pool for those who wait for a place instead of being refused: the operator, the schedule.
    #[must_use]
    pub fn for_those_who_wait(&self) -> Self {
        Self { waits: true, ..self.clone() }
    }

    /// Computes something that takes a thread for itself: a hash, a piece of a text that is parsed.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when all places are taken; nothing was done.
    pub async fn compute<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ActionError> {
        let _place = self.place().await?;
        // The one thread more is for what jobs wait for: a database over a socket must not wait for a hash.
        let _thread = self.threads.acquire().await.map_err(|_| busy())?;
        self.spawn(async move { compute() }).await
    }

    /// Runs a job that waits for the store in between, and gives its result. Dropped before, it ends at its next await.
    ///
    /// # Errors
    /// As [`WorkPool::compute`].
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ActionError> {
        let _place = self.place().await?;
        self.spawn(job).await
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, ActionError> {
        let place = if self.waits { self.places.acquire().await.ok() } else { self.places.try_acquire().ok() };
        place.ok_or_else(busy)
    }

    async fn spawn<T: Send + 'static>(&self, job: impl Future<Output = T> + Send + 'static) -> Result<T, ActionError> {
        let mut running = JoinSet::new();
        running.spawn_on(job, &self.runtime);
        match running.join_next().await {
            Some(Ok(done)) => Ok(done),
            // An error of ours: it goes on as if the job had run here.
            Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
            Some(Err(_)) | None => Err(busy()),
        }
    }
}

fn busy() -> ActionError {
    let message = "the server is busy (work.jobs_max); nothing was done: send the request again in a few seconds";
    ActionError::new(ErrorKind::Busy, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_is_refused_or_waits_and_a_place_is_free_behind_its_job() {
        let pool = WorkPool::new(Handle::current(), 1, 2);
        let end = Arc::new(Notify::new());
        let waits = |end: &Arc<Notify>| {
            let (pool, end) = (pool.clone(), Arc::clone(end));
            tokio::spawn(async move { pool.run(async move { end.notified().await }).await })
        };
        let jobs = [waits(&end), waits(&end)];
        tokio::task::yield_now().await;
        assert_eq!(pool.run(async {}).await.unwrap_err().kind(), ErrorKind::Busy);
        let patient = pool.for_those_who_wait();
        assert!(timeout(Duration::from_secs(60), patient.run(async {})).await.is_err(), "it waits");
        end.notify_waiters();
        for job in jobs {
            job.await.unwrap().unwrap();
        }
        assert_eq!(pool.run(async { 7 }).await, Ok(7));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_more_is_computed_at_once_than_there_are_threads() {
        let pool = WorkPool::new(Handle::current(), 2, 100);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut computed = JoinSet::new();
        for _ in 0..50 {
            let (pool, now, most) = (pool.clone(), Arc::clone(&now), Arc::clone(&most));
            computed.spawn(async move {
                let compute = move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                };
                pool.compute(compute).await
            });
        }
        while let Some(done) = computed.join_next().await {
            done.unwrap().unwrap();
        }
        assert!((1..=2).contains(&most.load(Ordering::SeqCst)), "{most:?}");
    }

    #[tokio::test]
    async fn a_job_that_nobody_waits_for_ends_and_one_that_panics_does_not_end_the_pool() {
        let pool = WorkPool::new(Handle::current(), 1, 1);
        let held = Arc::new(());
        let kept = Arc::clone(&held);
        let job = pool.run(async move {
            std::future::pending::<()>().await;
            drop(kept);
        });
        assert!(timeout(Duration::from_millis(1), job).await.is_err());
        let panicked = tokio::spawn({
            let pool = pool.for_those_who_wait();
            async move { pool.run::<()>(async { unreachable!("as in an error of ours") }).await }
        });
        assert!(panicked.await.unwrap_err().is_panic());
        assert_eq!(pool.run(async { 7 }).await, Ok(7));
        assert_eq!(Arc::strong_count(&held), 1, "what the job held is dropped with it");
    }
}
