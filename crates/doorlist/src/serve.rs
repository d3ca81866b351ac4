//! `doorlist serve`: opens everything in the right order, prints the listeners, and closes in reverse order.

mod announce;
mod completeness_metrics;
mod http;
mod learning;
mod metrics;
mod schedule;
mod signals;
mod source_metrics;
mod threads;

use crate::audit_trail::AuditTrail;
use crate::cli::Global;
use crate::command_target::{Store, clock};
use crate::config::{Config, Sources};
use crate::control::{Control, Peers};
use crate::exit::{Exit, Failure, OrExit};
use crate::gateway_queue::GatewayQueue;
use crate::listening;
use crate::notifier::MailNotifier;
use crate::privileges::{self, Keep};
use crate::refused_requests::RefusedRequests;
use crate::server_log;
use crate::state_dir::StateDir;
use anyhow::Context;
use completeness_metrics::CompletenessMetrics;
use doorlist_actions::{Learner, RouteStanding, ServerProbe, ServerState, Services, Waited, WorkPool};
use doorlist_core::address::{Address, DomainName};
use doorlist_core::change::host_and_port;
use doorlist_core::time::Timestamp;
use doorlist_gateway::gateway::{Certificate, Gateway, GatewayError, GatewayParts, ProbedServer};
use doorlist_gateway::journal::Journal;
use doorlist_web::{ApiState, Refusals, Trail};
use http::{Ready, Serving};
use prometheus_client::registry::Registry;
use signals::{Signal, Signals};
use source_metrics::SourceMetrics;
use std::io::ErrorKind;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use threads::Threads;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

/// Minimum time for running requests at shutdown, whatever mail needed of the drain time.
const ANSWERS_MIN: Duration = Duration::from_secs(5);

/// Runs the server until it is stopped.
pub(crate) fn serve(global: &Global) -> Result<Exit, Failure> {
    let started = Instant::now();
    let sources = Sources::of_process(global.config.as_deref(), &global.set);
    let config = Config::load(&sources)?;
    server_log::start(config.log_format, config.log_lines());
    let state = StateDir::enter_or_make(&config, Keep::BindPorts)?;
    let lock = state.lock_to_serve()?;
    privileges::raise_open_files();
    let threads =
        Threads::start(&config.work).context("cannot start the threads of the server").or_exit(Exit::SYSTEM)?;
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
    let started_at = clock()();
    // Signals, control socket and health come first: a long list takes seconds, and whoever asks meanwhile is heard.
    let mut signals = Signals::catch()?;
    let control = Control::bind(&state.control_socket())?;
    let certificate = certificate(&config, state)?;
    let web: Vec<_> = config.web.iter().map(|listener| listener.address).collect();
    let (web, metrics) = (http::bind("web.listen", &web).await?, http::bind("metrics.listen", &config.metrics).await?);
    let addresses = (http::addresses(&web), http::addresses(&metrics));
    let ready = Arc::new(Ready::default());
    let mut tasks = JoinSet::new();
    // Pages and API answer before the list is loaded; they get the services once they are open.
    let (web_services, trail) = (Arc::new(OnceLock::new()), Arc::new(AuditTrail::new()));
    let api = ApiState::new(Arc::clone(&web_services), http::api_config(&config), Arc::clone(&trail) as Arc<dyn Trail>);
    let health = doorlist_web::health(ready.clone());
    let pages = doorlist_web::front_page()
        .merge(health.clone())
        .merge(doorlist_web::uploads(Arc::clone(&web_services)))
        .merge(doorlist_web::confirmations(Arc::clone(&web_services)))
        .merge(doorlist_web::api(api));
    let refused = Arc::new(RefusedRequests::default());
    let pages = doorlist_web::counted(pages, Arc::clone(&refused) as Arc<dyn Refusals>);
    let mut serving = Serving::default();
    serving.serve(http::web(web, &config.web, &certificate, &health), &pages);
    let measured = Arc::new(OnceLock::new());
    let measures = doorlist_web::metrics(Arc::clone(&measured)).merge(health.clone());
    serving.serve(http::metrics(metrics, &health), &measures);
    let mail = threads.mail();
    let OpenedServer { store, journal, gateway, mut registry } = tokio::select! {
        opened = open(&config, certificate, &refused, &mail) => opened?,
        () = signals.end() => return Ok(Exit::DONE),
    };
    let recipients = store.recipients.clone();
    tasks.spawn(async move { recipients.follow().await });
    let services = services_of(&config, &store, &gateway, threads.work(&config.work));
    let server = RunningServer { started: started_at, gateway: Arc::clone(&gateway) };
    let services = Arc::new(Services { server: Some(Arc::new(server)), ..services });
    let patient = Arc::new(Services { work: services.work.for_those_who_wait(), ..Services::clone(&services) });
    let writes = services.writes.clone();
    tasks.spawn(control.serve(Arc::clone(&patient), Peers::of_process()));
    let learner = Learner::new(Services::clone(&patient), store.spool.clone());
    tasks.spawn(learning::run(learner));
    tasks.spawn(schedule::run(patient, journal.clone()));
    tasks.spawn(SourceMetrics::register(&mut registry).follow(Arc::clone(&services)));
    tasks.spawn(CompletenessMetrics::register(&mut registry).follow(Arc::clone(&services)));
    let refusals_log = journal.clone();
    tasks.spawn(async move { refused.log(&refusals_log).await });
    // Both are set here alone, once.
    let _ = web_services.set(Arc::clone(&services));
    let _ = measured.set(registry);
    let writing = Arc::clone(&trail);
    tasks.spawn(async move { writing.write(&services).await });
    ready.opened(Arc::clone(&gateway), writes);
    // Last: who reads "ready" may ask at once, for whatever is named there.
    let domains = store.recipients.domains().await.unwrap_or_default();
    announce::say(&config, state, &store, &domains, gateway.addresses(), &addresses, started);
    announce::ready(&journal);
    while signals.next().await == Signal::Reload {
        reload(&sources, &config, &gateway).await;
    }
    info!("stopping when running transactions are finished; send the signal again to stop immediately");
    tokio::select! {
        () = stop_listening(&gateway, serving, config.gateway.limits.drain) => {}
        () = signals.end() => {}
    }
    trail.end().await;
    tasks.shutdown().await;
    close(&store, &journal).await
}

/// The opened parts of a server.
struct OpenedServer {
    store: Store,
    journal: Journal,
    gateway: Arc<Gateway>,
    registry: Registry,
}

/// Loads the certificate of SMTP and HTTPS; HTTPS starts first.
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
) -> Result<OpenedServer, Failure> {
    let store = open_store(config, mail).await?;
    let journal = Journal::start(config.log_lines(), Box::new(std::io::stdout()))
        .context("cannot start the log")
        .or_exit(Exit::SYSTEM)?;
    let mut registry = Registry::with_prefix("doorlist");
    metrics::register(&mut registry, &store, &journal, refused);
    let parts = GatewayParts {
        certificate,
        recipients: store.recipients.clone(),
        spool: store.spool.clone(),
        mail_log: store.mail_log.clone(),
        journal: journal.clone(),
    };
    let settings = config.gateway.clone();
    let started = on(mail, async move {
        let gateway = Gateway::start(settings, parts, &mut registry).await;
        gateway.map(|gateway| (gateway, registry))
    });
    let (gateway, registry) = started.await?.map_err(|error| not_started(config, error))?;
    Ok(OpenedServer { store, journal, gateway: Arc::new(gateway), registry })
}

/// Names who has an address that is in use.
fn not_started(config: &Config, error: GatewayError) -> Failure {
    let exit = if matches!(error, GatewayError::Listen(_)) { Exit::UNAVAILABLE } else { Exit::CONFIG };
    let taken = config.gateway.listeners.iter().find_map(|listener| listening::in_use("smtp.listen", listener.address));
    match (&error, taken) {
        (GatewayError::Listen(why), Some(taken)) if why.kind() == ErrorKind::AddrInUse => Failure::because(exit, taken),
        _ => Failure { exit, error: error.into() },
    }
}

/// Opens the list on the service threads and the spool on the mail threads: SQLite's own threads inherit their
/// priority.
async fn open_store(config: &Config, mail: &Handle) -> Result<Store, Failure> {
    let (of_list, of_mail) = (config.clone(), config.clone());
    let recipients = on(&Handle::current(), async move { Store::open_recipients(&of_list).await }).await??;
    on(mail, async move { Store::open_with(recipients, &of_mail).await }).await?
}

/// Runs a job on these threads.
async fn on<T: Send + 'static>(threads: &Handle, job: impl Future<Output = T> + Send + 'static) -> Result<T, Failure> {
    threads.spawn(job).await.context("cannot start the server").or_exit(Exit::SYSTEM)
}

fn services_of(config: &Config, store: &Store, gateway: &Gateway, work: WorkPool) -> Services {
    let queue = GatewayQueue { queue: gateway.queue(), recipients: store.recipients.clone() };
    store.services(config, Arc::new(queue), Arc::new(MailNotifier(gateway.notices())), work)
}

/// What `status` tells of this server.
struct RunningServer {
    started: Timestamp,
    gateway: Arc<Gateway>,
}

impl ServerState for RunningServer {
    fn started(&self) -> Timestamp {
        self.started
    }

    fn sources_flagged(&self) -> u64 {
        self.gateway.sources_flagged()
    }

    fn routes(&self, name: &DomainName) -> Vec<RouteStanding> {
        let now = clock()();
        let routes = self.gateway.routes(name).into_iter();
        routes.map(|((host, port), route)| RouteStanding::of(host_and_port(&host, port), &route, now)).collect()
    }

    fn probe<'a>(&'a self, name: &'a DomainName, address: Option<&'a Address>) -> Waited<'a, Vec<ServerProbe>> {
        Box::pin(async move {
            let probed = self.gateway.probe(name, address).await;
            let now = clock()();
            let server = |probed: ProbedServer| {
                let place = host_and_port(&probed.server.0, probed.server.1);
                let standing = probed.route.map(|route| RouteStanding::of(place.clone(), &route, now));
                let ProbedServer { answers, dialogue, failure, .. } = probed;
                ServerProbe { server: place, answers, dialogue, failure, standing }
            };
            probed.into_iter().map(server).collect()
        })
    }
}

/// Applies settings that can change at run time, and names those that need a restart. On an error nothing changes.
async fn reload(sources: &Sources, running: &Config, gateway: &Gateway) {
    let config = match Config::load(sources) {
        Ok(config) => config,
        Err(error) => {
            // A fault in each line.
            error.to_string().lines().for_each(|line| error!("{line}"));
            return error!("the server keeps its current configuration");
        }
    };
    let fixed = running.needs_restart(&config);
    match gateway.reload(config.gateway).await {
        Ok(()) => info!("configuration and certificates reloaded"),
        Err(error) => error!("{error}; the server keeps its current configuration"),
    }
    if !fixed.is_empty() {
        warn!("these changed settings need a restart: {}", fixed.join(", "));
    }
}

/// Stops the gateway first, while readiness reports it, then the HTTP listeners with the rest of the drain time.
async fn stop_listening(gateway: &Gateway, serving: Serving, drain: Duration) {
    let began = Instant::now();
    gateway.shutdown().await;
    serving.shutdown(drain.saturating_sub(began.elapsed()).max(ANSWERS_MIN)).await;
}

/// Flushes pending writes and reports failures, because the process ends here.
async fn close(store: &Store, journal: &Journal) -> Result<Exit, Failure> {
    let flushed = store.spool.flush().await;
    store.spool.close().await;
    store.mail_log.flush().await;
    // Days that are not written are those of the last half minute.
    drop(store.recipients.last_mail().write().await);
    journal.flush();
    flushed
        .context("the last delivery results were not written; these messages are delivered again")
        .or_exit(Exit::IO)?;
    info!("stopped");
    Ok(Exit::DONE)
}
