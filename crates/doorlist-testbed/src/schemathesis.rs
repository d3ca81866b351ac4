//! Schemathesis: generates valid and invalid requests from an OpenAPI document, to find answers that the document does
//! not describe.

use std::time::Duration;

use anyhow::Result;

use crate::folder::Folder;
use crate::process::Program;
use crate::python;

/// Exact versions, as `pip freeze` lists them.
const REQUIREMENTS: &str = include_str!("python/schemathesis.txt");
/// 501 says that something is not done here, and is no failure of the server.
const SETTINGS: &str = "[checks]\nnot_a_server_error.expected-statuses = [\"2xx\", \"3xx\", \"4xx\", 501]\n";
/// What is looked at in every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Python 3.11 counts the depth of what it parses once for all threads (cpython issue 106905): two workers that parse at the
/// same time break each other off with "AST constructor recursion depth mismatch".
const WORKERS: &str = "1";
/// How much longer than asked a run may take.
const LATE_MAX: Duration = Duration::from_secs(240);

/// What came of a run.
#[derive(Debug)]
pub struct Findings {
    /// Whether every answer was as the document says.
    pub passed: bool,
    /// Whether there was time for every operation of the document.
    pub complete: bool,
    /// The report: each failure with a command that repeats it, and the counts.
    pub report: String,
}

/// Sends for about `time` whatever the document at this URL speaks of, with this header, and judges the answers.
///
/// # Errors
/// Fails if it cannot be installed or run, or does not end.
pub fn run(document: &str, header: &str, time: Duration) -> Result<Findings> {
    let program = python::installed("schemathesis", REQUIREMENTS)?;
    let folder = Folder::new("schemathesis")?;
    let settings = folder.write("schemathesis.toml", SETTINGS)?;
    let mut program = Program::new(program, None, folder.path().join("log"));
    program
        .command()
        .arg("--config-file")
        .arg(settings)
        .args(["run", document, "--no-color", "--continue-on-failure", "--workers", WORKERS, "--seed", "20"])
        .args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS, "--generation-database", "none"])
        .args(["--generation-with-security-parameters", "false", "--request-timeout", "20"])
        .args(["--max-time", &time.as_secs().to_string(), "--header", header])
        .env("HYPOTHESIS_STORAGE_DIRECTORY", folder.path().join("hypothesis"))
        .current_dir(folder.path());
    let mut running = program.start()?;
    let status = running.wait(time + LATE_MAX)?;
    let report = running.log()?;
    Ok(Findings { passed: status.success(), complete: all_were_tested(&report), report })
}

/// Whether the counts at the end of a report say that no operation was left out.
fn all_were_tested(report: &str) -> bool {
    let count = |of: &str| report.lines().find_map(|line| line.trim().strip_prefix(of)).map(str::trim);
    let (Some(selected), Some(tested)) = (count("Selected:"), count("Tested:")) else { return false };
    selected == format!("{tested}/{tested}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};

    use super::*;

    const DOCUMENT: &str = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/x/": {"get": {
        "responses": {"200": {"description": "d", "content": {"application/json": {"schema":
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}}}}}}}}}"#;

    /// A server with that document, which answers everything else in one way.
    fn serve(status: &'static str, kind: &'static str, body: &'static str) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let mut request = [0; 4096];
                let Ok(read) = stream.read(&mut request) else { continue };
                let wants_document = request[..read].starts_with(b"GET /openapi.json ");
                let (status, kind, body) =
                    if wants_document { ("200 OK", "application/json", DOCUMENT) } else { (status, kind, body) };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        address
    }

    fn judged(status: &'static str, kind: &'static str, body: &'static str) -> Findings {
        let address = serve(status, kind, body);
        run(&format!("http://{address}/openapi.json"), "X-Test: 1", Duration::from_secs(2)).unwrap()
    }

    #[test]
    fn a_report_that_leaves_operations_out_is_not_complete() {
        assert!(all_were_tested("API Operations:\n  Selected: 130/130\n  Tested: 130\n"));
        for left_out in
            ["  Selected: 130/130\n  Tested: 117\n", "  Selected: 117/130\n  Tested: 117\n", "  Tested: 117\n"]
        {
            assert!(!all_were_tested(left_out), "{left_out}");
        }
    }

    #[test]
    fn a_server_that_keeps_its_word_passes_and_one_that_does_not_fails() {
        let good = judged("200 OK", "application/json", r#"{"a": 1}"#);
        assert!(good.passed && good.complete, "{}", good.report);
        for (status, kind, body, told) in [
            ("500 Internal Server Error", "application/json", "{}", "Server error"),
            ("404 Not Found", "application/json", "{}", "Undocumented status code"),
            ("200 OK", "text/html", "<p>", "Undocumented Content-Type"),
            ("200 OK", "application/json", r#"{"a": "x"}"#, "schema"),
        ] {
            let bad = judged(status, kind, body);
            assert!(!bad.passed && bad.report.contains(told), "{told}: {}", bad.report);
        }
    }
}
