//! Clients that hang up when they have asked: what they asked for is done to its end, and stands in the audit.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::server::Server;

const PATIENCE: Duration = Duration::from_secs(20);
/// Of two kinds, in turns: the connection is closed, or only no more is sent.
const CLIENTS: usize = 12;

#[test]
fn a_request_that_writes_is_done_and_noted_although_its_client_has_gone() {
    let server = Server::start();
    server.done(&["domain", "add", "example.test", "--server", &SocketAddr::from(([127, 0, 0, 1], 1)).to_string()]);
    server.done(&["admin", "create", "root@example.test"]);
    let key = server.done(&["apikey", "create", "root@example.test", "--login-key-only"]);
    let accounts: Vec<String> = (0..CLIENTS).map(|number| format!("user{number}@example.test")).collect();
    server.done(&[&["account", "add"], accounts.iter().map(String::as_str).collect::<Vec<_>>().as_slice()].concat());
    let mut half_closed = Vec::new();
    for (number, account) in accounts.iter().enumerate() {
        let mut stream = TcpStream::connect(server.web()).unwrap();
        let head = format!(
            "DELETE /api/v1/email_account/{account}/ HTTP/1.1\r\nHost: x\r\nAuthorization: ApiKey {}\r\n\r\n",
            key.trim()
        );
        stream.write_all(head.as_bytes()).unwrap();
        if number % 2 == 0 {
            stream.shutdown(Shutdown::Write).unwrap();
            half_closed.push(stream);
        }
    }
    let begin = Instant::now();
    loop {
        let list = server.done(&["export", "--domain", "example.test"]);
        let audit = server.done(&["audit", "list"]);
        let active =
            |account: &&String| list.lines().any(|line| line.starts_with(*account) && line.ends_with("active"));
        let left: Vec<_> = accounts.iter().filter(active).collect();
        let noted = accounts.iter().filter(|account| audit.contains(&format!("/email_account/{account}/"))).count();
        if left.is_empty() && noted == CLIENTS {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "{left:?} are left, and {noted} of {CLIENTS} are noted:\n{audit}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
