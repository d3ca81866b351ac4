//! Where a command goes: through a running server's control socket, or, when nobody serves the state folder, by opening
//! the store here, or over the API of a Doorlist on another machine. A command does not see the difference.

use crate::audit_files::AuditFiles;
use crate::config::Config;
use crate::control::ControlClient;
use crate::directory_reader::Directories;
use crate::exit::{Exit, Failure, OrExit};
use crate::remote::Remote;
use crate::secret_store::{KeyFileSecrets, KeyPlace};
use crate::state_dir::{Lock, LockState, StateDir};
use crate::txt_lookup::DnsTxt;
use doorlist_actions::{
    Actions, Caller, Clock, JOBS_MAX, NoNotifier, Notifier, QueueControl, Request, Response, Services, SpoolQueue,
    TypedRequest, WorkPool,
};
use doorlist_core::change::{Actor, Via};
use doorlist_core::time::Timestamp;
use doorlist_store::{
    Audit, ContactBook, Logins, MailLog, RecipientStore, SourceBook, Spool, Tenants, WorkProgress, WriteCheck,
};
use nix::unistd::{Uid, User};
use std::sync::Arc;
use tokio::runtime::Handle;

pub(crate) enum CommandTarget {
    Server(ControlClient),
    /// This process, which shares the lock meanwhile.
    Here(Box<Here>),
    Remote(Box<Remote>),
}

/// The actions of this process.
pub(crate) struct Here {
    actions: Actions,
    _lock: Lock,
}

impl CommandTarget {
    /// Finds the server, or opens the store.
    pub(crate) async fn open(config: &Config, state: &StateDir, actor: Actor) -> Result<Self, Failure> {
        match state.look()? {
            LockState::Served => Ok(CommandTarget::Server(ControlClient::connect(state, actor).await?)),
            LockState::Free(lock) => {
                let store = Store::open(config).await?;
                let services = Arc::new(store.services_without_server(config));
                let actions = Actions::of(&services, Caller::on_machine(actor));
                Ok(CommandTarget::Here(Box::new(Here { actions, _lock: lock })))
            }
        }
    }

    /// Asks for an action, and gives its answer.
    pub(crate) async fn ask<A: TypedRequest>(&mut self, request: A) -> Result<A::Answer, Failure> {
        A::answer(self.respond(request.into()).await?).map_err(|other| unexpected(&other))
    }

    /// Asks for one of several actions.
    pub(crate) async fn respond(&mut self, request: Request) -> Result<Response, Failure> {
        match self {
            CommandTarget::Server(client) => client.ask(request).await,
            CommandTarget::Here(here) => Ok(here.actions.run(request).await?),
            CommandTarget::Remote(remote) => remote.command(&request).await,
        }
    }

    /// How far the work is that was asked for last; nobody knows it of a server elsewhere.
    pub(crate) fn progress(&self) -> Arc<WorkProgress> {
        match self {
            CommandTarget::Server(client) => client.progress(),
            CommandTarget::Here(here) => Arc::clone(&here.actions.caller().progress),
            CommandTarget::Remote(_) => Arc::default(),
        }
    }

    /// Whether a running server handles the requests.
    pub(crate) fn is_served(&self) -> bool {
        matches!(self, CommandTarget::Server(_))
    }
}

#[derive(Clone)]
pub(crate) struct Store {
    pub recipients: RecipientStore,
    pub spool: Spool,
    pub mail_log: MailLog,
}

impl Store {
    pub(crate) async fn open(config: &Config) -> Result<Self, Failure> {
        Self::open_with(Self::open_recipients(config).await?, config).await
    }

    /// Opens only the list.
    pub(crate) async fn open_recipients(config: &Config) -> Result<RecipientStore, Failure> {
        let recipients = RecipientStore::open(&config.store).await.or_exit(Exit::LATER)?;
        Ok(recipients.with_limits(config.tenants))
    }

    pub(crate) async fn open_with(recipients: RecipientStore, config: &Config) -> Result<Self, Failure> {
        Ok(Self {
            recipients,
            spool: Spool::open(&config.store, config.spool.clone()).await.or_exit(Exit::LATER)?,
            mail_log: MailLog::open(&config.store, config.mail_log).await.or_exit(Exit::LATER)?,
        })
    }

    fn services_without_server(self, config: &Config) -> Services {
        let queue = SpoolQueue::new(self.spool.clone(), self.recipients.clone(), self.mail_log.clone(), clock());
        // A command has its process for itself.
        let work = WorkPool::new(Handle::current(), 1, JOBS_MAX).for_those_who_wait();
        self.services(config, Arc::new(queue), Arc::new(NoNotifier), work)
    }

    /// What actions work on, with this store; what waits for delivery and who can be told depends on whether a server runs.
    pub(crate) fn services(
        &self,
        config: &Config,
        queue: Arc<dyn QueueControl>,
        notifier: Arc<dyn Notifier>,
        work: WorkPool,
    ) -> Services {
        let key = KeyPlace::of(&config.state_dir, config.secret_key_file.as_deref());
        Services {
            book: SourceBook::of(&self.recipients),
            contacts: ContactBook::of(&self.recipients),
            tenants: Tenants::of(&self.recipients),
            logins: Logins::of(&self.recipients),
            audit: Audit::of(&self.recipients),
            archive: Arc::new(AuditFiles::of(&config.state_dir)),
            retention: config.retention.clone(),
            writes: WriteCheck::new(self.recipients.clone(), self.spool.clone(), config.spool.node),
            recipients: self.recipients.clone(),
            mail_log: self.mail_log.clone(),
            queue,
            reader: Arc::new(Directories::new(config.allow_networks.clone())),
            secrets: Arc::new(KeyFileSecrets::new(key)),
            notifier,
            work,
            txt: Arc::new(DnsTxt),
            verification_needed: config.api.proof_needed,
            pushes_max: config.api.pushes_per_12h,
            operator: config.gateway.postmaster.clone(),
            web_base: config.web_url.clone(),
            // Each process by itself: of a server and a command, one reads a source at a time.
            node: format!("{}/{}/{}", config.gateway.hostname, config.spool.node, std::process::id()),
            node_number: config.spool.node,
            server: None,
            clock: clock(),
        }
    }
}

pub(crate) fn clock() -> Clock {
    Arc::new(|| Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()))
}

/// The actor of this command: the login, also behind sudo. Must be called before the process changes its user.
pub(crate) fn actor() -> Actor {
    let user = User::from_uid(Uid::current()).ok().flatten().map(|user| user.name);
    let login = std::env::var("SUDO_USER").ok().filter(|_| Uid::current().is_root());
    let name = login.or(user).unwrap_or_else(|| format!("uid {}", Uid::current()));
    Actor { name, via: Via::Command }
}

/// The error for an unexpected answer, from a server of another version.
pub(crate) fn unexpected(response: &Response) -> Failure {
    let name = serde_json::to_value(response).ok().and_then(|value| value["answer"].as_str().map(str::to_owned));
    Failure::because(
        Exit::UNAVAILABLE,
        format_args!(
            "unexpected answer from the running server ({}); if it runs another version than this command, restart it",
            name.unwrap_or_default()
        ),
    )
}
