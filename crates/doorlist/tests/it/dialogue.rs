//! Dialogues that an operator can read, as files: what the client says, and what it must hear, to the letter.
//!
//! ```text
//! # An alias is as good as its account.
//! # list: alias.example.test enforce; mailbox ann; alias annie of ann
//! C: MAIL FROM:<friend@sender.example.test>
//! S: 250 2.1.0 ...
//! ```
//!
//! | line | meaning |
//! |---|---|
//! | `# list: DOMAIN MODE; ...` | what is on the list, see [`list`]; each file has domains of its own |
//! | `C: text` | the client's line; lines without a reply between them go out together |
//! | `C*3: text` | the same three times, `{n}` being 1, 2, 3 |
//! | `C~: text` | exactly these bytes, without a line end |
//! | `S: text` | the server's line; `...` stands for any words |
//! | `S*3: text` | three such lines |
//! | `S after 2 s: text` | it comes so late, and not later than a second afterwards |
//! | `S: (closed)` | the end of the connection |
//! | `TLS` | the handshake |
//! | `NEW SESSION` | another one from the same address, behind greeting and EHLO |
//! | `$ account remove ...` | the operator's command |
//!
//! In the client's text `{x*65}` is 65 times x, and `\r`, `\n`, `\t`, `\0`, `\xff` and `\\` are bytes. A file that does
//! not begin with the greeting begins behind it and behind EHLO; a file that does not end with the connection ends with
//! QUIT, so that a reply too many is found.

mod list;
mod script;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::server::{Server, file_below};
use script::{Expected, Line, Script, Step};

/// The time is taken when the reply before has been read, which may be a little after it was sent.
const EARLY_MAX: Duration = Duration::from_millis(200);
/// How much later than asked a delayed reply may come, on a machine that does much else.
const LATE_MAX: Duration = Duration::from_secs(4);

/// Reads every `*.smtp` file in the folder; those that wait longest come first.
fn read(folder: &Path) -> Vec<Script> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "smtp"));
    paths.sort();
    let mut scripts: Vec<Script> = paths.iter().map(|path| Script::read(path)).collect();
    scripts.sort_by_key(|script| std::cmp::Reverse(script.waits()));
    scripts
}

/// Has one dialogue; what went wrong, with the line.
fn run(script: &Script, server: &Server, source: IpAddr) -> Result<(), String> {
    let mut talk = Talk { client: Client::connect_from(source, server.smtp()), server, source, said: Instant::now() };
    if !script.begins_with_greeting() {
        talk.client.hello();
    }
    for line in &script.lines {
        talk = talk.step(line).map_err(|why| format!("{}:{}: {why}", script.name, line.number))?;
    }
    if !script.ends_with_connection() {
        talk.end().map_err(|why| format!("{}: behind the last line: {why}", script.name))?;
    }
    Ok(())
}

/// A dialogue that goes on.
struct Talk<'a> {
    client: Client,
    server: &'a Server,
    source: IpAddr,
    /// When the client last said something.
    said: Instant,
}

impl<'a> Talk<'a> {
    fn step(mut self, line: &Line) -> Result<Self, String> {
        match &line.step {
            Step::Say(bytes) => {
                self.client.try_send(bytes).map_err(|error| format!("the server hung up: {error}"))?;
                self.said = Instant::now();
            }
            Step::Hear(expected) => self.hear(expected)?,
            Step::Tls => {
                let certificate = file_below(&self.server.state(), "cert.pem").ok_or("no certificate")?;
                self.client = self.client.try_start_tls(&certificate).map_err(|error| format!("no TLS: {error}"))?;
            }
            Step::NewSession => {
                self.client = Client::connect_from(self.source, self.server.smtp());
                self.client.hello();
            }
            Step::Command(words) => {
                let words: Vec<&str> = words.split_whitespace().collect();
                let printed = self.server.command(&words);
                if printed.code != 0 {
                    return Err(format!("doorlist {}: {printed:?}", words.join(" ")));
                }
            }
        }
        Ok(self)
    }

    fn hear(&mut self, expected: &Expected) -> Result<(), String> {
        let got = self.client.line();
        let got = got.as_deref().unwrap_or("(closed)");
        if !expected.matches(got) {
            return Err(format!("expected `{}`, got `{got}`", expected.text));
        }
        let Some(delay) = expected.after else { return Ok(()) };
        let took = self.said.elapsed();
        self.said = Instant::now();
        if took + EARLY_MAX < delay || took > delay + LATE_MAX {
            return Err(format!("`{got}` came after {took:?}, not after {delay:?}"));
        }
        Ok(())
    }

    fn end(mut self) -> Result<(), String> {
        self.client.try_send("QUIT\r\n").map_err(|error| format!("the server hung up: {error}"))?;
        for expected in [Some("221 2.0.0 Bye"), None] {
            let got = self.client.line();
            if got.as_deref() != expected {
                return Err(format!("expected {expected:?} for QUIT, got {got:?}"));
            }
        }
        Ok(())
    }
}

/// Each dialogue is a client of its own to limits and guard.
fn source(number: usize) -> IpAddr {
    let number = u8::try_from(number + 1).expect("fewer than 255 dialogues");
    Ipv4Addr::new(127, 0, number, 1).into()
}

#[test]
fn every_dialogue_goes_as_its_file_says() {
    /// The longest ones mostly wait.
    const SIDE_BY_SIDE: usize = 8;
    let scripts = read(Path::new("tests/dialogues"));
    assert!(scripts.len() >= 55, "{} dialogues", scripts.len());
    let mut server = Server::stopped(crate::server::Settings::default());
    list::write(&server, scripts.iter());
    server.run();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let failures = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(script) = scripts.get(number) else { return };
                    if let Err(why) = run(script, &server, source(number)) {
                        failures.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} dialogues failed:\n{}", failures.len(), scripts.len(), failures.join("\n"));
}
