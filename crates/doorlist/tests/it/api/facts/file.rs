//! A file of facts, read. A file that cannot be read fails the test with its line.
//!
//! ```text
//! # What this file is about.
//! setting api.pushes_per_12h = 2
//!
//! ## §5 a new object is answered with 201, its place and the object as it is stored
//! POST /reseller/
//! {"name": "North"}
//! --> 201
//! Location: http://$host/api/v1/reseller/$id/
//! {"id": $id, "name": "North", ...}
//!
//! DELETE /reseller/$id/ as other --> 404 empty
//! ```
//!
//! | line | meaning |
//! |---|---|
//! | `setting KEY = VALUE` | before the first case: a setting of the server |
//! | `headers` with header lines below | before the first case: what every request sends instead of the usual ones |
//! | `## §N words` | a case: a fact with its section of the reference; what a case binds is known to those below |
//! | `METHOD TARGET [as CALLER]` | a request; TARGET is below `/api/v1` unless it begins with `/api`; without CALLER by `operator`; `nobody` has no key |
//! | `METHOD*25 ...` | the same 25 times, `$n` being 1 to 25 |
//! | `eventually METHOD ...` | again and again for some seconds until the answer is as expected |
//! | `Name: value`, `Name: none` | a header of the request: added or replaced; not sent |
//! | lines below | the body, as it is; `BODY with {"a": 1}` puts other values into an object |
//! | `--> 200`, `--> 200 empty`, `--> 400 {...}` | the status, and on the same line or below headers and body, see `pattern` |
//! | `$ words` | a command of the operator, which must succeed |
//! | `key NAME = LOGIN [options]` | a key for a login, made by a command: a CALLER from now on |
//! | `caller NAME = LOGIN KEY` | a CALLER whose key is known |
//! | `RCPT address --> 250` | what the running gateway answers to this recipient |

use super::pattern::Pattern;
use super::read_pattern;

#[derive(Debug)]
pub(crate) struct FactsFile {
    pub(crate) name: String,
    pub(crate) settings: Vec<(String, String)>,
    /// What every request sends, instead of the usual headers.
    pub(crate) headers: Option<Vec<(String, String)>>,
    pub(crate) cases: Vec<Case>,
}

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) title: String,
    pub(crate) steps: Vec<Step>,
}

/// Something that happens, and where it stands.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) action: Action,
}

/// One thing that happens. Names in it are put in when it does.
#[derive(Debug)]
pub(crate) enum Action {
    Ask(Ask),
    /// Words of the operator's command.
    Command(String),
    /// A name, and what `apikey create` is told.
    Key(String, String),
    /// A name, the login, its key.
    Caller(String, String, String),
    /// A recipient, and how the reply begins.
    Rcpt(String, String),
}

/// A request and the answer that it must have.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) caller: String,
    pub(crate) times: u32,
    /// Again until the answer is right.
    pub(crate) eventually: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) expected: Expected,
}

/// What an answer must be.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: ExpectedBody,
}

/// What a body must be.
#[derive(Debug, Default)]
pub(crate) enum ExpectedBody {
    #[default]
    Anything,
    Empty,
    Json(Pattern),
}

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

impl FactsFile {
    /// Reads the text of a file.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut file = Self { name: name.to_owned(), settings: Vec::new(), headers: None, cases: Vec::new() };
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line)).peekable();
        while let Some((number, line)) = lines.next() {
            let mut more = Vec::new();
            if begins_ask(line) || line == "headers" {
                let belongs = |line: &str| !line.trim().is_empty() && !line.starts_with('#') && !begins_step(line);
                while let Some((_, line)) = lines.next_if(|(_, line)| belongs(line)) {
                    more.push(line);
                }
            }
            file.add(number, line, &more).map_err(|why| format!("{name}:{number}: {why}"))?;
        }
        Ok(file)
    }

    fn add(&mut self, line: usize, text: &str, more: &[&str]) -> Result<(), String> {
        if let Some(title) = text.strip_prefix("## ") {
            if !title.starts_with('§') || !title.contains(' ') {
                return Err("a case is `## §N what the fact is`".to_owned());
            }
            self.cases.push(Case { title: title.to_owned(), steps: Vec::new() });
            return Ok(());
        }
        if text.trim().is_empty() || text == "#" || text.starts_with("# ") {
            return Ok(());
        }
        if self.cases.is_empty() {
            return self.set(text, more);
        }
        let action = action(text, more)?;
        self.cases.last_mut().ok_or("a step before the first case")?.steps.push(Step { line, action });
        Ok(())
    }

    fn set(&mut self, text: &str, more: &[&str]) -> Result<(), String> {
        if text == "headers" {
            let headers: Option<Vec<_>> = more.iter().map(|line| header(line)).collect();
            self.headers = Some(headers.ok_or("below `headers` come header lines")?);
            return Ok(());
        }
        let (key, value) = text
            .strip_prefix("setting ")
            .and_then(|rest| rest.split_once(" = "))
            .ok_or("a step before the first case")?;
        self.settings.push((key.to_owned(), value.to_owned()));
        Ok(())
    }
}

fn begins_ask(line: &str) -> bool {
    let line = line.strip_prefix("eventually ").unwrap_or(line);
    let Some((word, _)) = line.split_once(' ') else { return false };
    METHODS.contains(&word.split('*').next().unwrap_or(word))
}

fn begins_step(line: &str) -> bool {
    begins_ask(line) || ["$ ", "key ", "caller ", "RCPT "].iter().any(|begin| line.starts_with(begin))
}

fn action(text: &str, more: &[&str]) -> Result<Action, String> {
    if begins_ask(text) {
        return ask(text, more).map(Action::Ask);
    }
    if let Some(words) = text.strip_prefix("$ ") {
        return Ok(Action::Command(words.to_owned()));
    }
    if let Some((address, begin)) = text.strip_prefix("RCPT ").and_then(|rest| rest.split_once(" --> ")) {
        return Ok(Action::Rcpt(address.to_owned(), begin.to_owned()));
    }
    if let Some((name, options)) = text.strip_prefix("key ").and_then(|rest| rest.split_once(" = ")) {
        return Ok(Action::Key(name.to_owned(), options.to_owned()));
    }
    let caller = text.strip_prefix("caller ").and_then(|rest| rest.split_once(" = "));
    if let Some((name, (login, key))) = caller.and_then(|(name, who)| Some((name, who.split_once(' ')?))) {
        return Ok(Action::Caller(name.to_owned(), login.to_owned(), key.to_owned()));
    }
    Err(format!("not a step: {text}"))
}

fn ask(first: &str, more: &[&str]) -> Result<Ask, String> {
    let whole = [&[first], more].concat().join("\n");
    let (request, answer) = whole.split_once("--> ").ok_or("a request without `--> STATUS`")?;
    let (line, rest) = request.split_once('\n').unwrap_or((request, ""));
    let (eventually, line) = line.strip_prefix("eventually ").map_or((false, line), |line| (true, line));
    let mut words = line.split_whitespace();
    let (method, target) = words.next().zip(words.next()).ok_or("METHOD TARGET [as CALLER]")?;
    let caller = match (words.next(), words.next(), words.next()) {
        (None, ..) => "operator",
        (Some("as"), Some(caller), None) => caller,
        _ => return Err("METHOD TARGET [as CALLER]".to_owned()),
    };
    let (method, times) = method.split_once('*').unwrap_or((method, "1"));
    let (headers, body) = headers(rest);
    let target = if target.starts_with("/api") || target.starts_with('$') {
        target.to_owned()
    } else {
        format!("/api/v1{target}")
    };
    Ok(Ask {
        method: method.to_owned(),
        target,
        caller: caller.to_owned(),
        times: times.parse().map_err(|_| format!("not a number: {times}"))?,
        eventually,
        headers,
        body,
        expected: expected(answer)?,
    })
}

fn expected(answer: &str) -> Result<Expected, String> {
    let end = answer.find([' ', '\n']).unwrap_or(answer.len());
    let (status, rest) = answer.split_at(end);
    // One status: where either of two would do, the wrong one of them would go unseen.
    let status = status.parse().map_err(|_| format!("not a status: {answer}"))?;
    // Headers stand before the body or behind it.
    let (headers, body): (Vec<&str>, Vec<&str>) = rest.trim_start().lines().partition(|line| header(line).is_some());
    let headers = headers.into_iter().filter_map(header).collect();
    let body = match body.join("\n").trim() {
        "" => ExpectedBody::Anything,
        "empty" => ExpectedBody::Empty,
        pattern => ExpectedBody::Json(read_pattern::read(pattern)?),
    };
    Ok(Expected { status, headers, body })
}

/// Header lines, and what follows them.
fn headers(text: &str) -> (Vec<(String, String)>, String) {
    let mut headers = Vec::new();
    let mut rest = text;
    while let Some(found) = rest.lines().next().and_then(header) {
        headers.push(found);
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    (headers, rest.trim_end_matches('\n').to_owned())
}

fn header(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(": ")?;
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then(|| (name.to_owned(), value.to_owned()))
}
