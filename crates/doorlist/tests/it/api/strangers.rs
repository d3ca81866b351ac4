//! Requests of nobody who is known: they are counted, and nothing of them is kept.

use std::path::Path;
use std::time::Duration;

use super::http::{Answer, Connection, Request};
use crate::server::{Server, Settings};

const STRANGERS: usize = 10_000;
/// Near the longest head that is read.
const PATH_OCTETS: usize = 15 * 1024;

fn request(method: &str, target: String, key: Option<&str>) -> Request {
    let mut headers = vec![("Host".to_owned(), "x".to_owned()), ("Content-Length".to_owned(), "2".to_owned())];
    headers.extend(key.map(|key| ("Authorization".to_owned(), format!("ApiKey {key}"))));
    Request { method: method.to_owned(), target, headers, body: b"{}".to_vec() }
}

fn ask(server: &Server, request: &Request) -> Answer {
    Connection::to(server.web()).patient_for(Duration::from_secs(30)).ask(request).unwrap()
}

/// Octets of all files in a folder and below.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let of = |entry: std::fs::DirEntry| match entry.metadata().unwrap() {
        metadata if metadata.is_dir() => size(&entry.path()),
        metadata => metadata.len(),
    };
    entries.map(of).sum()
}

#[test]
fn strangers_fill_nothing_and_are_counted() {
    let server = Server::with(Settings::default().set("api.requests_per_address", "100000"));
    let before = size(&server.state());
    let mut connection = Connection::to(server.web()).patient_for(Duration::from_secs(30));
    for number in 0..STRANGERS {
        let path = format!("/api/v1/domain/{number}{}/", "x".repeat(PATH_OCTETS));
        let key = (number % 2 == 0).then_some("ann@example.test:0123456789");
        let answer = connection.ask(&request("POST", path, key)).unwrap();
        assert!(matches!(answer.status, 401 | 429), "{}", answer.status);
    }
    // Paths of which nobody speaks, and the page that takes files.
    for path in ["/nowhere/", "/upload/0123456789"] {
        assert_eq!(ask(&server, &request("GET", path.to_owned(), None)).status / 100, 4, "{path}");
    }
    let grown = size(&server.state()).saturating_sub(before);
    assert!(grown < 256 * 1024, "{grown} octets were written for strangers");
    assert_eq!(server.done(&["audit", "list"]), "");
    assert_eq!(server.metric("doorlist_web_requests_refused_total"), STRANGERS as f64 + 2.0);
}
