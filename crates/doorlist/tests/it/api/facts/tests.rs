//! The suite can fail: every kind of expectation is shown a canned answer that is right, and one that is not.

use std::net::SocketAddr;

use super::file::{Action, ExpectedBody, FactsFile};
use super::play::{World, play};
use super::text::Bindings;
use super::{laws, read_pattern};
use crate::api::canned::{Canned, json};
use crate::api::http::{Answer, Request};

/// A canned server whose operator's commands all print a key.
struct Pretended(SocketAddr);

impl World for Pretended {
    fn web(&self) -> SocketAddr {
        self.0
    }

    fn command(&self, words: &[&str]) -> Result<String, String> {
        if words.contains(&"fail") { Err("    no".to_owned()) } else { Ok("root:0123\n".to_owned()) }
    }

    fn rcpt(&self, address: &str) -> String {
        format!("{} 5.1.1 <{address}>", if address.starts_with("ann@") { 250 } else { 550 })
    }
}

fn played(text: &str, answers: &[&str]) -> (Vec<String>, Vec<String>) {
    let file = FactsFile::parse("test.facts", text).unwrap();
    let server = Canned::saying(answers);
    let failures = play(&file, &Pretended(server.address()));
    (failures, server.asked())
}

fn faults(pattern: &str, got: &str) -> Vec<String> {
    let mut bindings = Bindings::from([("known".to_owned(), 7.into())]);
    read_pattern::read(pattern).unwrap().faults(&serde_json::from_str(got).unwrap(), &mut bindings)
}

#[test]
fn a_pattern_takes_what_it_describes() {
    for (pattern, got) in [
        (r#"{"a": 1, ...}"#, r#"{"a": 1, "b": 2}"#),
        (r#"{"a": 1, "b"?: 2, "c": absent}"#, r#"{"a": 1}"#),
        (r#"{"a": $new, "b": $new, "c": !$new}"#, r#"{"a": 3, "b": 3, "c": 4}"#),
        (r#"[1, ..., {"x": $known}]"#, r#"[1, 5, 6, {"x": 7}]"#),
        ("[..., 2, ...]", "[1, 2]"),
        ("[]", "[]"),
        (r#"["/x/$known/", "a...z"]"#, r#"["/x/7/", "abcz"]"#),
        ("[int, string, bool, any, (null | [] )]", r#"[3, "x", true, {"y": 1}, []]"#),
        ("date", r#""Sun, 3 Mar 2013 06:26:53 +0000""#),
        ("key", r#""0123456789abcdef0123456789abcdef01234567""#),
        ("(null|false)", "false"),
        (" { } ", "{}"),
    ] {
        assert!(faults(pattern, got).is_empty(), "{pattern}: {:?}", faults(pattern, got));
    }
}

#[test]
fn a_pattern_finds_what_is_different() {
    for (pattern, got, place) in [
        (r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#, ".b"),
        (r#"{"a": 1, ...}"#, r#"{"b": 2}"#, ".a"),
        (r#"{"a": 1}"#, r#"{"a": "1"}"#, ".a"),
        (r#"{"a": absent}"#, r#"{"a": null}"#, ".a"),
        (r#"{"a": {"b": [1, 2]}}"#, r#"{"a": {"b": [1, 3]}}"#, ".a.b[1]"),
        ("[1, 2]", "[1]", "2 elements"),
        ("[..., 4, ...]", "[1, 2]", "other elements"),
        ("[2, 1]", "[1, 2]", "[0]"),
        ("$known", "8", "- 7"),
        ("$known", r#""7""#, "- 7"),
        ("!$known", "7", "other than 7"),
        ("!$unknown", "7", "other than"),
        (r#""/x/$known/""#, r#""/x/77/""#, "/x/7/"),
        ("int", "1.5", "- int"),
        ("string", "1", "- string"),
        ("bool", "1", "- bool"),
        ("date", r#""Sun, 03 Mar 2013 06:26:53 +0000""#, "- date"),
        ("date", r#""Mon, 3 Mar 2013 06:26:53 +0000""#, "- date"),
        ("date", r#""Sun, 3 Mar 2013 06:26:53 -0800""#, "- date"),
        ("key", r#""0123456789ABCDEF0123456789abcdef01234567""#, "- key"),
        ("(null | [])", "{}", "null or an array"),
        ("{}", "[]", "an object"),
    ] {
        let found = faults(pattern, got).join("\n");
        assert!(found.contains(place), "{pattern}: {found:?} does not say {place}");
    }
}

#[test]
fn a_pattern_that_cannot_be_read_says_where() {
    for pattern in [r#"{"a" 1}"#, r#"{"a": 1"#, "[1 2]", "{} {}", "nonsense", "(1 2)", "$", r#"{"a": 1,, }"#] {
        assert!(read_pattern::read(pattern).unwrap_err().contains("expected"), "{pattern}");
    }
}

#[test]
fn a_file_that_is_true_has_no_failures() {
    let text = "# About.\n\n## §1 a fact\nPOST /x/\nX-More: 1\nAccept: none\n{\"a\": 1}\n--> 201\n\
        Location: http://$host/api/v1/x/$id/\n{\"id\": $id}\n\n## §2 another\nGET*2 /x/$id/?n=$n as nobody --> 200 {...}\n\
        RCPT ann@x --> 250\n$ do it\n";
    let created = json("201 Created", r#"{"id": 5}"#);
    let server = Canned::saying(&[
        &created.replace("Connection", "Location: http://HOST/api/v1/x/5/\r\nConnection"),
        &json("200 OK", "{}"),
        &json("200 OK", "{}"),
    ]);
    let text = text.replace("$host/", "HOST/");
    let file = FactsFile::parse("test.facts", &text).unwrap();
    assert_eq!(play(&file, &Pretended(server.address())), Vec::<String>::new());
    let asked = server.asked();
    assert!(
        asked[0].contains("Authorization: ApiKey root:0123\r\n") && asked[0].contains("X-More: 1\r\n"),
        "{asked:?}"
    );
    assert!(!asked[0].contains("Accept:") && asked[0].ends_with("\r\n\r\n{\"a\": 1}"), "{asked:?}");
    assert!(
        asked[2].starts_with("GET /api/v1/x/5/?n=2 HTTP/1.1\r\n") && !asked[2].contains("Authorization"),
        "{asked:?}"
    );
}

#[test]
fn every_case_that_is_false_is_told_with_what_is_different() {
    let good = json("200 OK", r#"{"a": 1}"#);
    let text = "## §1 a status\nGET /x/ --> 404 empty\n\n## §2 a body\nGET /x/ --> 200 {\"a\": 2}\n\n\
        ## §3 a header\nGET /x/ --> 200\nVary: Cookie\n\n## §4 nothing\nGET /x/ --> 200 empty\n\n\
        ## §5 a name that is not bound\nGET /x/$gone/ --> 200\n\n## §6 a command\n$ fail\n\n\
        ## §7 a recipient\nRCPT bob@x --> 250\n\n## §8 a caller\nGET /x/ as stranger --> 200\n\n\
        ## §9 what is true\nGET /x/ --> 200 {\"a\": 1}\n";
    let (failures, _) = played(text, &[&good, &good, &good, &good, &good]);
    let told = failures.join("\n\n");
    assert_eq!(failures.len(), 8, "{told}");
    for part in [
        "test.facts:2: §1 a status\n    GET /api/v1/x/ as operator\n    status\n      - 404\n      + 200",
        "§2 a body\n    GET /api/v1/x/ as operator\n    .a\n      - 2\n      + 1",
        "Vary\n      - Cookie\n      + Accept, Cookie",
        "body\n      - empty\n      + not empty",
        "$gone is not known",
        "§6 a command",
        "RCPT TO:<bob@x>\n      - 250\n      + 550",
        "there is no key of stranger",
    ] {
        assert!(told.contains(part), "{part:?} is missing in\n{told}");
    }
}

#[test]
fn a_server_that_hangs_up_fails_the_case() {
    let (failures, _) = played("## §1 it answers\nGET /x/ --> 200\n", &[]);
    assert!(failures.len() == 1 && failures[0].contains("hung up"), "{failures:?}");
}

#[test]
fn eventually_asks_again_and_does_not_for_ever_take_what_is_wrong() {
    let text = "## §1 it comes\neventually PUT /x/\n$known with {\"b\": 2}\n--> 200 {\"a\": 2}\n";
    let text = text.replace("eventually", "GET /x/ --> 200 $known\n\neventually");
    let (failures, asked) =
        played(&text, &[&json("200 OK", "{\"a\": 1}"), &json("200 OK", "{\"a\": 1}"), &json("200 OK", "{\"a\": 2}")]);
    assert_eq!(failures, Vec::<String>::new());
    assert!(asked[2].contains("Content-Length: 13\r\n") && asked[2].ends_with(r#"{"a":1,"b":2}"#), "{asked:?}");
}

#[test]
fn a_file_that_cannot_be_read_says_where() {
    for text in [
        "GET /x/ --> 200\n",
        "## no section\n",
        "## §1 x\nGET /x/\n",
        "## §1 x\nGET --> 200\n",
        "## §1 x\nGET /x/ by me --> 200\n",
        "## §1 x\nGET /x/ --> ok\n",
        "## §1 x\nGET /x/ --> 200|202\n",
        "## §1 x\nGET /x/ --> 200 {\n",
        "## §1 x\nGETT /x/ --> 200\n",
        "## §1 x\nRCPT a@b\n",
    ] {
        let error = FactsFile::parse("test.facts", text).unwrap_err();
        assert!(error.starts_with("test.facts:"), "{text:?}: {error}");
    }
}

#[test]
fn every_law_can_be_broken_and_kept() {
    let headers = |pairs: &[(&str, &str)]| pairs.iter().map(|&(a, b)| (a.to_owned(), b.to_owned())).collect();
    let ask = |target: &str| Request { method: "GET".to_owned(), target: target.to_owned(), ..Request::default() };
    let count = |request: &Request, answer: &Answer| laws::broken(request, answer).count();
    let all = [
        ("Connection", "keep-alive"),
        ("Content-Type", "application/json; charset=utf-8"),
        ("Vary", "Accept, Cookie"),
        ("Cache-Control", "no-cache"),
    ];
    let good = Answer { status: 200, headers: headers(&all), body: b"{}".to_vec() };
    assert_eq!(count(&ask("/api/v1/x/"), &good), 0);
    for at in 0..all.len() {
        let mut fewer = all.to_vec();
        fewer.remove(at);
        assert_eq!(count(&ask("/api/v1/x/"), &Answer { headers: headers(&fewer), ..good.clone() }), 1, "{:?}", all[at]);
    }
    assert_eq!(count(&ask("/healthz"), &Answer::default()), 0);
    for (status, body, broken) in
        [(201, "{}", 1), (404, "{}", 1), (405, "", 2), (500, "{}", 2), (501, "{}", 1), (400, "[]", 1), (204, "", 1)]
    {
        let answer = Answer { status, body: body.as_bytes().to_vec(), ..good.clone() };
        assert_eq!(count(&ask("/api/v1/x/"), &answer), broken, "{status}");
    }
    let secret = b"{\"password\": \"not-to-be-repeated\"}".to_vec();
    let request = Request { body: secret.clone(), ..ask("/api/v1/x/") };
    assert_eq!(count(&request, &Answer { body: secret, ..good.clone() }), 1);
    let request = Request { headers: headers(&[("Connection", "close")]), ..ask("/api/v1/x/") };
    assert_eq!(count(&request, &good), 1);
}

/// Names in a text that is filled or matched.
fn names(text: &str) -> Vec<String> {
    let found = text.split('$').skip(1).filter_map(|rest| super::text::name(rest));
    found.map(|(name, _)| name.to_owned()).collect()
}

/// Names in a pattern, with those that must be known before.
fn pattern_names(pattern: &super::pattern::Pattern) -> (Vec<String>, Vec<String>) {
    let shown = format!("{pattern:?}");
    let of = |kind: &str| -> Vec<String> {
        let begin = format!("{kind}(\"");
        shown.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    };
    ([of("Name"), names(&shown)].concat(), of("Not"))
}

/// What is wrong with a file by itself: names and callers that nothing before them has made known.
fn unknown_names(file: &FactsFile) -> Vec<String> {
    let mut known: Vec<String> = ["host", "hostname", "credentials", "n"].map(str::to_owned).to_vec();
    let mut callers = vec!["operator".to_owned(), "nobody".to_owned()];
    let mut faults = Vec::new();
    for step in file.cases.iter().flat_map(|case| &case.steps) {
        let (mut needed, mut bound) = (Vec::new(), Vec::new());
        match &step.action {
            Action::Ask(ask) => {
                needed.extend([&ask.target, &ask.body].map(|text| names(text)).concat());
                needed.extend(ask.headers.iter().flat_map(|(_, value)| names(value)));
                bound.extend(ask.expected.headers.iter().flat_map(|(_, value)| names(value)));
                if let ExpectedBody::Json(pattern) = &ask.expected.body {
                    let (names, others) = pattern_names(pattern);
                    bound.extend(names);
                    needed.extend(others);
                }
                if !callers.contains(&ask.caller) {
                    faults.push(format!("{}:{}: nobody is {}", file.name, step.line, ask.caller));
                }
            }
            Action::Command(words) => needed = names(words),
            Action::Key(name, options) => {
                needed = names(options);
                callers.push(name.clone());
            }
            Action::Caller(name, login, key) => {
                needed = [names(login), names(key)].concat();
                callers.push(name.clone());
            }
            Action::Rcpt(address, _) => needed = names(address),
        }
        let unknown = needed.iter().filter(|name| !known.contains(name));
        faults.extend(unknown.map(|name| format!("{}:{}: ${name} is not known", file.name, step.line)));
        known.extend(bound);
    }
    faults
}

#[test]
fn every_file_makes_known_what_it_speaks_of() {
    let files = ["facts", "flows"].map(|folder| super::read(&std::path::Path::new("tests/api").join(folder)));
    let faults: Vec<String> = files.iter().flatten().flat_map(unknown_names).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let wrong = "## §1 x\nGET /$gone/ as stranger --> 200 {\"a\": !$never, \"b\": $here}\nGET /$here/ --> 200\n";
    let faults = unknown_names(&FactsFile::parse("wrong.facts", wrong).unwrap());
    assert_eq!(faults.len(), 3, "{faults:?}");
}
