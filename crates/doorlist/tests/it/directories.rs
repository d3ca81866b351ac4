//! Real directories keep a domain's list: OpenLDAP and an Active Directory domain controller, read by the running server
//! and by commands, from the first test of the connection to the history of its readings.

mod active_directory;
mod openldap;

use crate::server::{Server, Settings};
use doorlist_testbed::folder::Folder;
use std::net::SocketAddr;

/// A server that may read directories on loopback and protects example.test.
fn server() -> Server {
    let server = Server::with(Settings::default().set("SOURCES__ALLOW_NETWORKS", "127.0.0.1"));
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    server.done(&["domain", "add", "example.test", "--server", &nobody.to_string()]);
    server
}

/// A file for a password or certificates.
fn file(name: &str, text: &str) -> (Folder, String) {
    let folder = Folder::new("directory").unwrap();
    folder.write(name, text).unwrap();
    let path = folder.path().join(name).display().to_string();
    (folder, path)
}

/// The last line that `sync run` says.
fn sync(server: &Server, code: i32) -> String {
    let printed = server.command(&["sync", "run", "office"]);
    assert_eq!(printed.code, code, "{printed:?}");
    let line = printed.out.lines().last().unwrap_or_default().to_owned();
    line.rsplit_once(',').map(|(front, _)| front.to_owned()).filter(|_| code == 0).unwrap_or(line)
}

/// Every address with what it is, in one line each.
fn list(server: &Server) -> Vec<String> {
    let export = server.done(&["export", "--domain", "example.test"]);
    export.lines().skip(1).map(|line| line.trim_end_matches(",active").trim_end_matches(',').to_owned()).collect()
}

/// A new source is due at once; the server's own first reading must not be in the way of the test's.
fn added(server: &Server, arguments: &[&str]) {
    let all = [&["source", "add", "office", "--domain", "example.test"], arguments].concat();
    server.done(&all);
    crate::client::wait_until("the first reading is done", std::time::Duration::from_secs(60), || {
        let history = server.done(&["sync", "history", "office"]);
        !history.is_empty() && server.command(&["sync", "preview", "office"]).code == 0
    });
}
