//! `doorlist serve` as an operator runs it, on a state folder of its own, and commands beside it. A test that wants to
//! know something of the server asks it: by SMTP, by HTTP, by a command, or by its log.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use doorlist_testbed::folder::Folder;
use doorlist_testbed::ports;
use doorlist_testbed::process::{Program, Running};
use nix::sys::signal::Signal;

/// The binary under test.
pub(crate) const DOORLIST: &str = env!("CARGO_BIN_EXE_doorlist");
/// What the server calls itself.
pub(crate) const HOSTNAME: &str = "gw.example.test";
/// How long a server may take to end; its own drain is shorter.
const END_MAX: Duration = Duration::from_secs(40);

/// Settings as the environment gives them: `smtp.idle` is `DOORLIST__SMTP__IDLE`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(Vec<(String, String)>);

impl Settings {
    /// One more setting, above those before.
    pub(crate) fn set(mut self, key: &str, value: impl Into<String>) -> Self {
        let variable = format!("DOORLIST__{}", key.to_uppercase().replace('.', "__"));
        self.0.push((variable, value.into()));
        self
    }

    fn give(&self, command: &mut Command) {
        let inherited =
            std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("DOORLIST_"));
        for name in inherited {
            command.env_remove(name);
        }
        command.envs(self.0.iter().map(|(name, value)| (name, value)));
    }
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Printed {
    /// Exit code; -1 if a signal ended it.
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) talk: String,
}

/// A state folder with the addresses of its server, which may run or not.
#[derive(Debug)]
pub(crate) struct Server {
    running: Option<Running>,
    settings: Settings,
    smtp: SocketAddr,
    web: SocketAddr,
    metrics: SocketAddr,
    wrapper: Vec<String>,
    folder: Folder,
}

impl Server {
    /// A running server with the settings of a first start.
    pub(crate) fn start() -> Self {
        Self::with(Settings::default())
    }

    /// The same with settings of the test's own.
    pub(crate) fn with(settings: Settings) -> Self {
        let mut server = Self::stopped(settings);
        server.run();
        server
    }

    /// A server that is set up and does not run.
    pub(crate) fn stopped(settings: Settings) -> Self {
        Self::in_folder(settings, Folder::new("server").unwrap())
    }

    /// The same, in a folder in which something was prepared. Its state is in `state` there.
    pub(crate) fn in_folder(settings: Settings, folder: Folder) -> Self {
        let port = || SocketAddr::from(([127, 0, 0, 1], ports::free().unwrap()));
        let (smtp, web, metrics) = (port(), port(), port());
        let basics = Settings::default()
            .set("state.dir", folder.path().join("state").to_string_lossy())
            .set("smtp.hostname", HOSTNAME)
            .set("smtp.listen", smtp.to_string())
            .set("web.listen", web.to_string())
            .set("metrics.listen", metrics.to_string())
            // Names of tests are in no DNS: whoever tests verdicts brings a name server.
            .set("verdict.engine", "none");
        let settings = Settings([basics.0, settings.0].concat());
        Self { running: None, settings, smtp, web, metrics, wrapper: Vec::new(), folder }
    }

    /// The server is started by this program, whose last argument it is: `strace -D`, `prlimit --nofile=64`.
    pub(crate) fn wrapped(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Listens on one more port, in this way: `bare_lf=reject`, `tls`, `proxy_from=127.0.0.0/8`. Before the start.
    pub(crate) fn listen_also(&mut self, how: &str) -> SocketAddr {
        let more = SocketAddr::from(([127, 0, 0, 1], ports::free().unwrap()));
        self.set("smtp.listen", format!("{},{more} {how}", self.smtp));
        more
    }

    /// The same for its pages: `tls`, `proxy_from=127.0.0.0/8`.
    pub(crate) fn web_also(&mut self, how: &str) -> SocketAddr {
        let more = SocketAddr::from(([127, 0, 0, 1], ports::free().unwrap()));
        self.set("web.listen", format!("{},{more} {how}", self.web));
        more
    }

    /// Changes what the next start is given.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<String>) {
        self.settings = std::mem::take(&mut self.settings).set(key, value);
    }

    /// The configuration file, for the server and for commands.
    pub(crate) fn configure(&mut self, file: &Path) {
        self.settings.0.push(("DOORLIST_CONFIG".to_owned(), file.to_string_lossy().into_owned()));
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn run(&mut self) {
        self.launch();
        self.wait_until_ready();
    }

    /// Starts it and does not wait.
    pub(crate) fn launch(&mut self) {
        let words: Vec<&str> = self.wrapper.iter().map(String::as_str).chain([DOORLIST, "serve"]).collect();
        let mut program = Program::new(words[0], None, self.log_path());
        let command = program.command();
        command.args(&words[1..]).current_dir(self.folder.path());
        self.settings.give(command);
        self.running = Some(program.start().unwrap());
    }

    pub(crate) fn wait_until_ready(&mut self) {
        let web = self.web;
        let ready = || get(web, "/readyz").is_ok_and(|(status, _)| status == 200);
        self.process().wait_until("is ready", ready).unwrap();
    }

    /// `kill -9`, and gone.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().expect("a running server");
        running.signal(Signal::SIGKILL).unwrap();
        running.wait(END_MAX).unwrap();
    }

    /// SIGTERM, and gone; how it ended.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("a running server");
        running.signal(Signal::SIGTERM).unwrap();
        running.wait(END_MAX).unwrap()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("a running server");
        running.wait(END_MAX).unwrap()
    }

    pub(crate) fn process(&mut self) -> &mut Running {
        self.running.as_mut().expect("a running server")
    }

    /// Where it takes mail.
    pub(crate) fn smtp(&self) -> SocketAddr {
        self.smtp
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The folder in which all of this test lies.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// All that it has printed since its first start.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    /// Waits until a line of the log holds all of these.
    pub(crate) fn wait_for_log(&mut self, parts: &[&str]) -> String {
        let path = self.log_path();
        let find = move || {
            let log = String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned();
            log.lines().find(|line| parts.iter().all(|part| line.contains(part))).map(str::to_owned)
        };
        self.process().wait_until(&format!("logs {parts:?}"), || find().is_some()).unwrap();
        find().expect("found a moment ago")
    }

    /// Where its pages are.
    pub(crate) fn web(&self) -> SocketAddr {
        self.web
    }

    /// A page of its web listener: status and body.
    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        get(self.web, path).unwrap()
    }

    /// A page of its metrics listener: status and body.
    pub(crate) fn measures(&self, path: &str) -> (u16, String) {
        get(self.metrics, path).unwrap()
    }

    /// The same in the form that is asked for.
    pub(crate) fn measures_as(&self, path: &str, accept: &str) -> String {
        let (status, body) = get_as(self.metrics, path, accept).unwrap();
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The sum of a metric over its labels; 0 if it has not been counted yet.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, text) = get(self.metrics, "/metrics").unwrap();
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        text.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Runs a command beside it (or alone, if it does not run).
    pub(crate) fn command(&self, arguments: &[&str]) -> Printed {
        self.command_of(Command::new(DOORLIST), arguments, b"")
    }

    /// Runs a command that must succeed and hands back what it printed.
    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let printed = self.command(arguments);
        assert_eq!(printed.code, 0, "doorlist {arguments:?}: {printed:?}");
        printed.out
    }

    /// Runs `program`, which is the binary or something that starts it, with its input.
    pub(crate) fn command_of(&self, mut program: Command, arguments: &[&str], input: &[u8]) -> Printed {
        let mut child = self.spawn(&mut program, arguments);
        // A command that does not read its input may be gone already.
        let _ = child.stdin.take().expect("a pipe").write_all(input);
        let output = child.wait_with_output().unwrap();
        Printed {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            talk: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Begins a command beside it; it is waited for by whoever began it.
    pub(crate) fn begin(&self, arguments: &[&str]) -> std::process::Child {
        self.spawn(&mut Command::new(DOORLIST), arguments)
    }

    fn spawn(&self, program: &mut Command, arguments: &[&str]) -> std::process::Child {
        use std::process::Stdio;
        program.args(arguments).current_dir(self.folder.path());
        self.settings.give(program);
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        program.spawn().unwrap()
    }

    /// Protects `domain`, delivers it to `destination`, and enforces a list of these mailboxes at once.
    #[track_caller]
    pub(crate) fn protect(&self, domain: &str, destination: SocketAddr, mailboxes: &[&str]) {
        self.done(&["domain", "add", domain, "--server", &destination.to_string()]);
        let addresses: Vec<String> = mailboxes.iter().map(|name| format!("{name}@{domain}")).collect();
        let mut words = vec!["account", "add"];
        words.extend(addresses.iter().map(String::as_str));
        self.done(&words);
        self.done(&["domain", "mode", domain, "enforce", "--now"]);
    }

    /// Messages that wait in the queue, as `queue list --json` tells them.
    pub(crate) fn queue(&self) -> Vec<serde_json::Value> {
        self.done(&["queue", "list", "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// One HTTP request: status and body.
fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    get_as(address, path, "*/*")
}

fn get_as(address: SocketAddr, path: &str, accept: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok((status, body.to_owned()))
}

/// A file below `folder` whose name ends so.
pub(crate) fn file_below(folder: &Path, end: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.iter().find_map(|path| match path.is_dir() {
        true => file_below(path, end),
        false => path.to_string_lossy().ends_with(end).then(|| path.clone()),
    })
}
