//! `doorlist serve`: everything in one process. Opens what there is in the right order, says what listens where, and
//! closes it in the reverse order. How mail is judged and kept is not known here.

mod announce;
mod http;
mod metrics;
mod schedule;
mod signals;
mod threads;

use crate::audit_trail::AuditTrail;
use crate::cli::Global;
use crate::config::{Config, Sources};
use crate::confirmation_desk::ConfirmationDesk;
use crate::control::{Control, Peers};
use crate::door::Store;
use crate::exit::{Exit, Failure, OrExit};
use crate::gateway_queue::GatewayQueue;
use crate::notices::MailNotices;
use crate::privileges::{self, Keep};
use crate::refused_requests::RefusedRequests;
use crate::server_log;
use crate::state_dir::StateDir;
use crate::upload_desk::UploadDesk;
use anyhow::Context;
use doorlist_actions::{Office, WorkPool};
use doorlist_gateway::gateway::{Certificate, Gateway, GatewayError, GatewayParts};
use doorlist_gateway::journal::Journal;
use doorlist_web::{ApiState, Confirmations, Refusals, Trail, Uploads};
use http::{Ready, Serving};
use prometheus_client::registry::Registry;
use signals::{Signal, Signals};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use threads::Threads;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

/// Running requests have at least so long at the end, whatever mail took of the drain time.
const ANSWERS_MIN: Duration = Duration::from_secs(5);

/// Runs the server until it is told to end.
pub(crate) fn serve(global: &Global) -> Result<Exit, Failure> {
    let started = Instant::now();
    let sources = Sources::of_process(global.config.as_deref(), &global.set);
    let config = Config::load(&sources)?;
    server_log::start(config.log_format, &config.gateway.hostname);
    let state = StateDir::enter_or_make(&config, Keep::BindPorts)?;
    let lock = state.lock_to_serve()?;
    privileges::raise_open_files();
    let threads =
        Threads::start(&config.work).context("the threads of the server cannot be started").or_exit(Exit::SYSTEM)?;
    let end = threads.service.block_on(run(sources, config, &state, &threads, started));
    // The lock goes last: whoever takes it next finds everything closed.
    drop(threads);
    drop(lock);
    end
}

async fn run(
    sources: Sources,
    config: Config,
    state: &StateDir,
    threads: &Threads,
    started: Instant,
) -> Result<Exit, Failure> {
    // Signals, control socket and health come first: a long list takes seconds, and whoever asks meanwhile is heard.
    let mut signals = Signals::catch()?;
    let control = Control::bind(&state.control_socket())?;
    let certificate = certificate(&config, state)?;
    let web: Vec<_> = config.web.iter().map(|listener| listener.address).collect();
    let (web, metrics) = (http::bind("web.listen", &web).await?, http::bind("metrics.listen", &config.metrics).await?);
    let addresses = (http::addresses(&web), http::addresses(&metrics));
    let ready = Arc::new(Ready::default());
    let mut tasks = JoinSet::new();
    let (desk, confirmation_desk) = (Arc::new(UploadDesk::default()), Arc::new(ConfirmationDesk::default()));
    let (api_office, trail) = (Arc::new(OnceLock::new()), Arc::new(AuditTrail::new()));
    let api = ApiState::new(Arc::clone(&api_office), http::api_config(&config), Arc::clone(&trail) as Arc<dyn Trail>);
    let health = doorlist_web::health(ready.clone());
    let pages = doorlist_web::front_page()
        .merge(health.clone())
        .merge(doorlist_web::uploads(Arc::clone(&desk) as Arc<dyn Uploads>))
        .merge(doorlist_web::confirmations(Arc::clone(&confirmation_desk) as Arc<dyn Confirmations>))
        .merge(doorlist_web::api(api));
    let refused = Arc::new(RefusedRequests::default());
    let pages = doorlist_web::counted(pages, Arc::clone(&refused) as Arc<dyn Refusals>);
    let mut serving = Serving::default();
    serving.serve(http::web(web, &config.web, &certificate, &health), &pages);
    let measured = Arc::new(OnceLock::new());
    let measures = doorlist_web::metrics(Arc::clone(&measured)).merge(health.clone());
    serving.serve(http::metrics(metrics, &health), &measures);
    let mail = threads.mail();
    let Opened { store, journal, gateway, registry } = tokio::select! {
        opened = open(&config, certificate, &refused, &mail) => opened?,
        () = signals.end() => return Ok(Exit::DONE),
    };
    let directory = store.directory.clone();
    tasks.spawn(async move { directory.follow().await });
    let office = Arc::new(office(&config, &store, &gateway, threads.work(&config.work)));
    let patient = Arc::new(Office { work: office.work.for_those_who_wait(), ..Office::clone(&office) });
    tasks.spawn(control.serve(Arc::clone(&patient), Peers::of_process()));
    tasks.spawn(schedule::run(patient, journal.clone()));
    let refusals_log = journal.clone();
    tasks.spawn(async move { refused.log(&refusals_log).await });
    // It opens once.
    let _ = api_office.set(Office::clone(&office));
    let (audited, writing) = (Arc::clone(&office), Arc::clone(&trail));
    tasks.spawn(async move { writing.write(&audited).await });
    // So does this.
    let _ = measured.set(registry);
    desk.open(Arc::clone(&office));
    confirmation_desk.open(office);
    ready.opened(Arc::clone(&gateway), store.spool.clone());
    // Last: who reads "ready" may ask at once, for whatever is named there.
    announce::say(&config, state, &store, gateway.addresses(), &addresses, started);
    while signals.next().await == Signal::Reload {
        reload(&sources, &config, &gateway).await;
    }
    info!("ending; running transactions may finish, once more ends at once");
    tokio::select! {
        () = close_doors(&gateway, serving, config.gateway.limits.drain) => {}
        () = signals.end() => {}
    }
    trail.end().await;
    tasks.shutdown().await;
    close(&store, &journal).await
}

/// What a server works with.
struct Opened {
    store: Store,
    journal: Journal,
    gateway: Arc<Gateway>,
    registry: Registry,
}

/// Shown at the mail doors and by HTTPS, which answers first.
fn certificate(config: &Config, state: &StateDir) -> Result<Arc<Certificate>, Failure> {
    let (tls, certificate) = (&config.gateway.tls, Certificate::default());
    if tls.self_signed {
        state.make_folder("tls")?;
    }
    let read = certificate.load(tls, &config.gateway.hostname);
    read.map_err(GatewayError::Certificate).or_exit(Exit::CONFIG)?;
    Ok(Arc::new(certificate))
}

async fn open(
    config: &Config,
    certificate: Arc<Certificate>,
    refused: &Arc<RefusedRequests>,
    mail: &Handle,
) -> Result<Opened, Failure> {
    let store = open_store(config, mail).await?;
    let journal = Journal::start(config.log_format, &config.gateway.hostname, Box::new(std::io::stdout()))
        .context("the log cannot be started")
        .or_exit(Exit::SYSTEM)?;
    let mut registry = Registry::with_prefix("doorlist");
    metrics::register(&mut registry, &store, &journal, refused);
    let parts = GatewayParts {
        certificate,
        directory: store.directory.clone(),
        spool: store.spool.clone(),
        mail_log: store.mail_log.clone(),
        journal: journal.clone(),
    };
    let settings = config.gateway.clone();
    let started = on(mail, async move {
        let gateway = Gateway::start(settings, parts, &mut registry).await;
        gateway.map(|gateway| (gateway, registry))
    });
    let (gateway, registry) = started.await?.map_err(|error| Failure {
        exit: if matches!(error, GatewayError::Listen(_)) { Exit::UNAVAILABLE } else { Exit::CONFIG },
        error: error.into(),
    })?;
    Ok(Opened { store, journal, gateway: Arc::new(gateway), registry })
}

/// The list is opened by the service and what mail is written to by mail: the threads that SQLite has for each go with
/// those that opened it.
async fn open_store(config: &Config, mail: &Handle) -> Result<Store, Failure> {
    let (of_list, of_mail) = (config.clone(), config.clone());
    let directory = on(&Handle::current(), async move { Store::open_directory(&of_list).await }).await??;
    on(mail, async move { Store::open_with(directory, &of_mail).await }).await?
}

/// Does it on these threads.
async fn on<T: Send + 'static>(threads: &Handle, job: impl Future<Output = T> + Send + 'static) -> Result<T, Failure> {
    threads.spawn(job).await.context("the server could not be started").or_exit(Exit::SYSTEM)
}

fn office(config: &Config, store: &Store, gateway: &Gateway, work: WorkPool) -> Office {
    let queue = GatewayQueue { queue: gateway.queue(), directory: store.directory.clone() };
    store.office(config, Arc::new(queue), Arc::new(MailNotices(gateway.notices())), work)
}

/// Takes what can change while the server runs, and names what cannot. With a mistake nothing changes.
async fn reload(sources: &Sources, running: &Config, gateway: &Gateway) {
    let config = match Config::load(sources) {
        Ok(config) => config,
        Err(error) => {
            // A fault in each line.
            error.to_string().lines().for_each(|line| error!("{line}"));
            return error!("the configuration is refused; the server goes on with what it had");
        }
    };
    let fixed = running.needs_restart(&config);
    match gateway.reload(config.gateway).await {
        Ok(()) => info!("configuration and certificates are read again"),
        Err(error) => error!("{error}; the server goes on with what it had"),
    }
    if !fixed.is_empty() {
        warn!("changed, but effective only after a restart: {}", fixed.join(", "));
    }
}

/// The mail doors first: until they are closed, readiness says that they close. Requests run meanwhile, too, so that what
/// is left of the drain time is theirs.
async fn close_doors(gateway: &Gateway, serving: Serving, drain: Duration) {
    let began = Instant::now();
    gateway.shutdown().await;
    serving.shutdown(drain.saturating_sub(began.elapsed()).max(ANSWERS_MIN)).await;
}

/// What waits to be written is written; a failure is told, since the process ends here.
async fn close(store: &Store, journal: &Journal) -> Result<Exit, Failure> {
    let flushed = store.spool.flush().await;
    store.spool.close().await;
    store.mail_log.flush().await;
    journal.flush();
    flushed
        .context("the last results of deliveries were not written; these messages are tried again")
        .or_exit(Exit::IO)?;
    info!("ended");
    Ok(Exit::DONE)
}
