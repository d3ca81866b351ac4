//! The server's threads, in three groups that do not wait for each other: `mail` accepts and delivers messages;
//! `service` answers HTTP and commands and runs the schedule; `work` hashes passwords, reads large bodies and files
//! and makes plans. On few cores, the operating system gives mail priority.

use crate::config::WorkSettings;
use doorlist_actions::WorkPool;
use rustix::process::{getpriority_process, setpriority_process};
use std::io;
use tokio::runtime::{Builder, Handle, Runtime};

/// Nice value of the service threads relative to mail. Threads that they start, such as SQLite's for the list, inherit
/// it.
const SERVICE_NICER: i32 = 5;
/// The same for heavy work.
const WORK_NICER: i32 = 10;
/// The highest nice value.
const NICEST: i32 = 19;
/// Maximum blocking threads of service and work: building the list in memory, searching names.
const BLOCKING_MAX: usize = 16;

/// The thread groups. On drop, work ends first and mail last.
pub(super) struct Threads {
    work: Runtime,
    pub(super) service: Runtime,
    mail: Runtime,
}

impl Threads {
    /// Starts the groups: mail and service with one thread per core.
    pub(super) fn start(work: &WorkSettings) -> io::Result<Self> {
        // Threads begin as nice as the one that starts them, which may be one of the service's own.
        let nice = getpriority_process(None)?;
        let mail = Builder::new_multi_thread().enable_all().thread_name("mail").build()?;
        let service = nicer("service", nice + SERVICE_NICER).build()?;
        let work = nicer("work", nice + WORK_NICER).worker_threads(work.threads + 1).build()?;
        Ok(Self { work, service, mail })
    }

    /// The threads that accept and deliver mail.
    pub(super) fn mail(&self) -> Handle {
        self.mail.handle().clone()
    }

    /// The threads for heavy work.
    pub(super) fn work(&self, settings: &WorkSettings) -> WorkPool {
        WorkPool::new(self.work.handle().clone(), settings.threads, settings.jobs_max)
    }
}

fn nicer(name: &str, nice: i32) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all().thread_name(name).max_blocking_threads(BLOCKING_MAX).on_thread_start(move || {
        // Linux takes "this process" for this thread alone. If it cannot be nicer, mail has its own threads all the same.
        let _ = setpriority_process(None, nice.min(NICEST));
    });
    builder
}
