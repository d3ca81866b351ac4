//! Plays a file on a server and tells every case that went wrong. The server is behind [`World`], so that the player
//! itself can be tested without one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::file::{Action, Ask, Case, Expected, ExpectedBody, FactsFile, Step};
use super::laws;
use super::text::{self, Bindings, fill};
use crate::api::http::{Answer, Connection, Request};

/// Who makes everything else: the caller of requests that name no other.
const OPERATOR: &str = "root@operator.example.test";
/// How long `eventually` asks again.
const EVENTUALLY_MAX: Duration = Duration::from_secs(10);
/// How much of an answer is shown.
const SHOWN_MAX: usize = 1_500;
/// What a request sends if the file does not say.
const HEADERS: &[(&str, &str)] = &[
    ("Host", "$host"),
    ("Authorization", "ApiKey $credentials"),
    ("Accept", "application/json"),
    ("Content-Type", "application/json"),
];

/// The server that a file is played on, and the operator's shell.
pub(crate) trait World {
    /// Where its API is.
    fn web(&self) -> SocketAddr;
    /// What a command prints; an error if it fails.
    fn command(&self, words: &[&str]) -> Result<String, String>;
    /// What the gateway answers to a recipient.
    fn rcpt(&self, address: &str) -> String;
}

/// Cases that went wrong: each with its file, its title and what was different.
pub(crate) type Failures = Vec<String>;

/// Plays all cases of a file.
pub(crate) fn play(file: &FactsFile, world: &dyn World) -> Failures {
    let mut player = Player {
        file,
        world,
        connection: Connection::to(world.web()),
        bindings: Bindings::from([
            ("host".to_owned(), world.web().to_string().into()),
            ("hostname".to_owned(), world.web().ip().to_string().into()),
        ]),
        callers: BTreeMap::new(),
        broken: BTreeMap::new(),
    };
    // Without this key every case that needs it says so.
    let _ = world.command(&["admin", "create", OPERATOR]);
    if let Ok(key) = world.command(&["apikey", "create", OPERATOR, "--login-key-only"]) {
        player.callers.insert("operator".to_owned(), key.trim().to_owned());
    }
    let mut failures: Failures = file.cases.iter().filter_map(|case| player.case(case).err()).collect();
    failures.extend(
        player.broken.iter().map(|(law, (count, first))| {
            format!("{}: {law}\n    broken by {count} answers, first by {first}", file.name)
        }),
    );
    failures
}

struct Player<'a> {
    file: &'a FactsFile,
    world: &'a dyn World,
    connection: Connection,
    bindings: Bindings,
    /// Name of a caller, to its `login:key`.
    callers: BTreeMap<String, String>,
    /// Laws, how often each was broken, and by what first.
    broken: BTreeMap<&'static str, (usize, String)>,
}

impl Player<'_> {
    fn case(&mut self, case: &Case) -> Result<(), String> {
        for step in &case.steps {
            self.step(step).map_err(|why| format!("{}:{}: {}\n{why}", self.file.name, step.line, case.title))?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match &step.action {
            Action::Ask(ask) => {
                for n in 1..=ask.times {
                    self.bindings.insert("n".to_owned(), n.into());
                    self.ask(ask)?;
                }
            }
            Action::Command(words) => {
                self.command(words)?;
            }
            Action::Key(name, options) => {
                let printed = self.command(&format!("apikey create {options} --login-key-only"))?;
                self.callers.insert(name.clone(), printed.trim().to_owned());
            }
            Action::Caller(name, login, key) => {
                let credentials = fill(&format!("{login}:{key}"), &self.bindings)?;
                self.callers.insert(name.clone(), credentials);
            }
            Action::Rcpt(address, begin) => {
                let got = self.world.rcpt(&fill(address, &self.bindings)?);
                if !got.starts_with(begin.as_str()) {
                    return Err(format!("    RCPT TO:<{address}>\n      - {begin}\n      + {got}"));
                }
            }
        }
        Ok(())
    }

    fn command(&self, words: &str) -> Result<String, String> {
        let words = fill(words, &self.bindings)?;
        self.world.command(&words.split_whitespace().collect::<Vec<_>>())
    }

    fn ask(&mut self, ask: &Ask) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let request = self.request(ask)?;
            let line = format!("{} {} as {}", request.method, request.target, ask.caller);
            let answer = self.connection.ask(&request).map_err(|why| format!("    {line}\n    {why}"))?;
            for law in laws::broken(&request, &answer) {
                self.broken.entry(law).or_insert_with(|| (0, format!("{line} -> {}", answer.status))).0 += 1;
            }
            let mut bindings = self.bindings.clone();
            let faults = faults(&ask.expected, &answer, &mut bindings);
            if faults.is_empty() {
                self.bindings = bindings;
                return Ok(());
            }
            if !ask.eventually || begun.elapsed() > EVENTUALLY_MAX {
                return Err(format!("    {line}\n{}\n    the answer: {}", faults.join("\n"), shown(&answer)));
            }
            // Nothing says when: what is awaited is the next second of the server's clock.
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn request(&self, ask: &Ask) -> Result<Request, String> {
        let mut bindings = self.bindings.clone();
        if ask.caller != "nobody" {
            let credentials = self.callers.get(&ask.caller);
            let credentials =
                credentials.ok_or_else(|| format!("    there is no key of {}: an earlier step failed", ask.caller))?;
            bindings.insert("credentials".to_owned(), credentials.as_str().into());
        }
        let body = self.body(&ask.body)?;
        let usual = || HEADERS.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut headers: Vec<(String, String)> = self.file.headers.clone().unwrap_or_else(usual);
        headers.retain(|(_, value)| ask.caller != "nobody" || !value.contains("$credentials"));
        if !body.is_empty() || matches!(ask.method.as_str(), "POST" | "PUT" | "PATCH") {
            headers.push(("Content-Length".to_owned(), body.len().to_string()));
        }
        for (name, value) in &ask.headers {
            let place = headers.iter().position(|(each, _)| each.eq_ignore_ascii_case(name));
            match (place, value.as_str()) {
                (Some(at), "none") => drop(headers.remove(at)),
                (None, "none") => {}
                (Some(at), _) => headers[at].1.clone_from(value),
                (None, _) => headers.push((name.clone(), value.clone())),
            }
        }
        for (_, value) in &mut headers {
            *value = fill(value, &bindings)?;
        }
        let target = fill(&ask.target, &bindings)?;
        Ok(Request { method: ask.method.clone(), target, headers, body: body.into_bytes() })
    }

    /// `BODY`, or `BODY with {...}`.
    fn body(&self, body: &str) -> Result<String, String> {
        let Some((body, others)) = body.split_once(" with ").filter(|(body, _)| body.starts_with('$')) else {
            return fill(body, &self.bindings);
        };
        let parse = |text: &str| {
            let text = fill(text, &self.bindings)?;
            serde_json::from_str::<Value>(&text).map_err(|error| format!("not JSON: {error}: {text}"))
        };
        let (mut body, others) = (parse(body)?, parse(others)?);
        if let (Some(body), Value::Object(others)) = (body.as_object_mut(), others) {
            body.extend(others);
        }
        Ok(body.to_string())
    }
}

fn faults(expected: &Expected, answer: &Answer, bindings: &mut Bindings) -> Vec<String> {
    let mut faults = Vec::new();
    if expected.status != answer.status {
        // With another status the rest is another answer altogether.
        return vec![format!("    status\n      - {}\n      + {}", expected.status, answer.status)];
    }
    for (name, pattern) in &expected.headers {
        let got = answer.header(name);
        let is_right = match pattern.as_str() {
            "none" => got.is_none(),
            pattern => got.is_some_and(|got| text::matches(pattern, got, bindings)),
        };
        if !is_right {
            let wanted = fill(pattern, bindings).unwrap_or_else(|_| pattern.clone());
            faults.push(format!("    {name}\n      - {wanted}\n      + {}", got.unwrap_or("none")));
        }
    }
    match &expected.body {
        ExpectedBody::Anything => {}
        ExpectedBody::Empty if answer.body.is_empty() => {}
        ExpectedBody::Empty => faults.push("    body\n      - empty\n      + not empty".to_owned()),
        ExpectedBody::Json(pattern) => match answer.json() {
            Ok(body) => faults.extend(pattern.faults(&body, bindings)),
            Err(why) => faults.push(format!("    {why}")),
        },
    }
    faults
}

fn shown(answer: &Answer) -> String {
    let text = answer.text();
    let text = text.char_indices().nth(SHOWN_MAX).map_or(text.as_str(), |(end, _)| &text[..end]);
    format!("{} {}", answer.status, if text.is_empty() { "(empty)" } else { text })
}
