//! A directory that the server cannot reach: the agent reads a real OpenLDAP and pushes over HTTP, also through lines that
//! break; and commands from another machine.

use crate::server::{DOORLIST, Printed, Server};
use doorlist_testbed::folder::Folder;
use doorlist_testbed::openldap::{OpenLdap, Person, Setup};
use doorlist_testbed::process::Program;
use nix::sys::signal::Signal;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);

const PEOPLE: &[Person<'_>] = &[
    Person {
        uid: "ann",
        cn: "Ann Lee",
        mail: &["ann@example.test"],
        proxy_addresses: &["smtp:a.lee@example.test", "sip:ann@example.test", "smtp:ann@elsewhere.test"],
    },
    Person { uid: "bob", cn: "Bob Stone", mail: &["bob@example.test"], proxy_addresses: &[] },
];

/// An agent with its files, beside a directory.
struct Site {
    folder: Folder,
    _ldap: OpenLdap,
}

impl Site {
    /// Everybody in the directory, pushed to this address with this key.
    fn new(people: &[Person<'_>], doorlist: SocketAddr, key: &str) -> Self {
        let ldap = OpenLdap::start(&Setup::default()).unwrap();
        ldap.add_people(people).unwrap();
        let folder = Folder::new("agent").unwrap();
        for (name, text) in [("key", key), ("password", ldap.password()), ("ca.pem", &ldap.ca_pem())] {
            folder.write(name, text).unwrap();
            std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let site = Self { folder, _ldap: ldap };
        let (url, base, bind) = (site._ldap.ldaps_url(), site._ldap.base(), site._ldap.bind_dn());
        let text = format!(
            "server = \"http://{doorlist}\"\nkey_file = \"key\"\nstate_file = \"state.json\"\nevery = 1440\n\
             allow_networks = [\"127.0.0.1\"]\n[[domain]]\nname = \"example.test\"\nurl = \"{url}\"\nbase = \"{base}\"\n\
             bind_dn = \"{bind}\"\npassword_file = \"password\"\nca_file = \"ca.pem\"\npreset = \"openldap\"\n"
        );
        site.folder.write("agent.toml", &text).unwrap();
        site
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// One round of the agent, and what it says of example.test.
    #[track_caller]
    fn round(&self, server: &Server, more: &[&str], code: i32) -> serde_json::Value {
        let file = self.path("agent.toml");
        let printed = server.command(&[&["agent", "--json", "--config", &file, "--once"], more].concat());
        assert_eq!(printed.code, code, "{printed:?}");
        serde_json::from_str(printed.out.lines().last().unwrap()).unwrap()
    }
}

/// A server that protects example.test and may read no directory on this machine; with a key of it.
fn server_with_key() -> (Server, String) {
    let server = Server::start();
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    server.done(&["domain", "add", "example.test", "--server", &nobody.to_string()]);
    server.done(&["admin", "create", "agent@example.test"]);
    let key = server.done(&["apikey", "create", "agent@example.test", "--login-key-only"]);
    (server, key)
}

fn list(server: &Server) -> Vec<String> {
    let export = server.done(&["export", "--domain", "example.test"]);
    export.lines().skip(1).map(|line| line.trim_end_matches(",active").trim_end_matches(',').to_owned()).collect()
}

fn changes(server: &Server) -> usize {
    server.done(&["changes", "list"]).lines().count()
}

#[test]
fn a_list_comes_from_a_directory_that_the_server_cannot_reach() {
    let (server, key) = server_with_key();
    let site = Site::new(PEOPLE, server.web(), &key);
    let planned = site.round(&server, &["--dry-run"], 2);
    assert_eq!((&planned["outcome"], &planned["added"]), (&"planned".into(), &3.into()), "{planned}");
    assert!(list(&server).is_empty(), "a dry run");
    let told = site.round(&server, &[], 0);
    assert_eq!((&told["outcome"], &told["added"]), (&"applied".into(), &3.into()), "{told}");
    let expected =
        ["a.lee@example.test,alias,ann@example.test", "ann@example.test,mailbox", "bob@example.test,mailbox"];
    assert_eq!(list(&server), expected);
    assert_eq!(server.command(&["check", "a.lee@example.test"]).code, 0);
    // The second run changes nothing; nor does one that has forgotten what was pushed.
    let before = changes(&server);
    std::fs::remove_file(site.folder.path().join("state.json")).unwrap();
    assert_eq!(site.round(&server, &[], 0)["outcome"], "same");
    std::fs::write(site.folder.path().join("state.json"), "damaged").unwrap();
    assert_eq!(site.round(&server, &[], 0)["outcome"], "same");
    assert_eq!(changes(&server), before);
    // A key that is none changes nothing either, and is not shown.
    std::fs::write(site.folder.path().join("key"), "agent@example.test:s3cret").unwrap();
    std::fs::remove_file(site.folder.path().join("state.json")).unwrap();
    let failed = site.round(&server, &[], 77);
    assert!(failed["outcome"] == "failed" && !failed.to_string().contains("s3cret"), "{failed}");
    assert_eq!(list(&server), expected);
}

/// Some of them have so many aliases that a push needs several parts.
#[test]
fn a_line_that_breaks_in_the_middle_of_a_push_leaves_the_list_as_it_was() {
    let (server, key) = server_with_key();
    server.done(&["account", "add", "zoe@example.test"]);
    let line = Line::to(server.web());
    let names: Vec<Vec<String>> = (0..12)
        .map(|person| (0..800).map(|n| format!("smtp:{}{person}.{n}@example.test", "x".repeat(50))).collect())
        .collect();
    let aliases: Vec<Vec<&str>> = names.iter().map(|names| names.iter().map(String::as_str).collect()).collect();
    let uids: Vec<(String, String)> = (0..12).map(|n| (format!("user{n}"), format!("user{n}@example.test"))).collect();
    let mails: Vec<[&str; 1]> = uids.iter().map(|(_, mail)| [mail.as_str()]).collect();
    let people: Vec<Person<'_>> = (0..12)
        .map(|n| Person { uid: &uids[n].0, cn: &uids[n].0, mail: &mails[n], proxy_addresses: &aliases[n] })
        .collect();
    let site = Site::new(&people, line.address, &key);
    line.holds(1);
    let failed = site.round(&server, &[], 75);
    assert!(failed["why"].as_str().unwrap().contains("the list there is unchanged"), "{failed}");
    assert!(line.used() > 2, "it was tried again");
    assert_eq!(list(&server), ["zoe@example.test,mailbox"]);
    line.holds(usize::MAX);
    let told = site.round(&server, &[], 0);
    assert!(told["parts"].as_u64().unwrap() > 1, "{told}");
    assert_eq!(list(&server).len(), 12 * 801 + 1);
}

#[test]
fn commands_are_the_same_from_another_machine() {
    let (server, key) = server_with_key();
    let folder = Folder::new("far").unwrap();
    folder.write("key", &key).unwrap();
    let key_file = folder.path().join("key");
    std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (url, key_file) = (format!("http://{}", server.web()), key_file.display().to_string());
    let far = |words: &[&str], input: &[u8]| -> Printed {
        let all = [words, &["--server", &url, "--key-file", &key_file]].concat();
        server.command_of(std::process::Command::new(DOORLIST), &all, input)
    };
    let added = far(&["account", "add", "ann@example.test"], b"");
    assert_eq!((added.code, added.out.contains("1 added")), (0, true), "{added:?}");
    far(&["alias", "add", "ann@example.test", "a.lee"], b"");
    assert_eq!(far(&["import", "-", "--domain", "example.test"], b"bob\n").code, 2);
    assert_eq!(far(&["import", "-", "--domain", "example.test", "--apply"], b"bob\n").code, 0);
    for words in [
        &["account", "list", "--domain", "example.test"][..],
        &["account", "show", "a.lee@example.test", "--json"],
        &["export", "--domain", "example.test"],
        &["changes", "list", "--domain", "example.test"],
        &["plan", "list", "--domain", "example.test"],
        &["account", "show", "nobody@example.test"],
        &["account", "add", "ann@other.test"],
        &["alias", "remove", "ann@example.test"],
        &["changes", "show", "99"],
    ] {
        let (here, there) = (server.command(words), far(words, b""));
        assert_eq!((here.code, &here.out), (there.code, &there.out), "{words:?}: {here:?} {there:?}");
    }
}

/// Without a real server: what is read of the directory travels as it should, and SIGTERM ends an agent that waits.
#[test]
fn an_agent_reads_pushes_and_waits_for_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let site = Site::new(PEOPLE, listener.local_addr().unwrap(), "agent@example.test:s3cret");
    let mut program = Program::new(DOORLIST, None, site.folder.path().join("log"));
    program.command().args(["agent", "--config", &site.path("agent.toml")]);
    let mut agent = program.start().unwrap();
    let pushed = one_request(listener);
    let request = pushed.recv_timeout(PATIENCE).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /api/v1/ldapsync/remote_data/?domain=example.test&test_run=0&push="), "{head}");
    assert!(head.contains("&part=1&parts=1 HTTP/1.1"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let items = serde_json::json!([
        {"email": "ann@example.test", "aliases": ["a.lee@example.test"]},
        {"email": "bob@example.test", "aliases": []},
    ]);
    assert_eq!(body["items"], items);
    let log = site.folder.path().join("log");
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    agent.wait_until("says what came of it", || said().contains("rejected the key")).unwrap();
    agent.signal(Signal::SIGTERM).unwrap();
    assert_eq!(agent.wait(PATIENCE).unwrap().code(), Some(0));
    assert!(!said().contains("s3cret"));
}

/// Hears one request and answers that the key is wrong.
fn one_request(listener: TcpListener) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut some) = (String::new(), [0; 4096]);
        while !request.ends_with("}}") {
            let count = stream.read(&mut some).unwrap();
            request.push_str(&String::from_utf8_lossy(&some[..count]));
            assert!(count > 0, "{request}");
        }
        stream.write_all(b"HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n").unwrap();
        sender.send(request).unwrap();
    });
    receiver
}

/// A line to the server, over which the first so many connections come through; later ones break in their middle.
struct Line {
    address: SocketAddr,
    holds: Arc<Mutex<usize>>,
    used: Arc<AtomicUsize>,
}

impl Line {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (holds, used) = (Arc::new(Mutex::new(usize::MAX)), Arc::new(AtomicUsize::new(0)));
        std::thread::spawn({
            let (holds, used) = (Arc::clone(&holds), Arc::clone(&used));
            move || {
                for near in listener.incoming().map_while(Result::ok) {
                    used.fetch_add(1, Ordering::Relaxed);
                    let whole = take_one(&mut holds.lock().unwrap());
                    let far = TcpStream::connect(server).unwrap();
                    std::thread::spawn(move || carry(near, far, whole));
                }
            }
        });
        Self { address, holds, used }
    }

    fn holds(&self, connections: usize) {
        *self.holds.lock().unwrap() = connections;
    }

    fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// Carries what both say; one that breaks carries some hundred kilobytes of the request and no answer.
fn carry(mut near: TcpStream, mut far: TcpStream, whole: bool) {
    const BREAKS_AFTER: u64 = 200_000;
    if !whole {
        let _ = std::io::copy(&mut Read::by_ref(&mut near).take(BREAKS_AFTER), &mut far);
        let _ = (near.shutdown(Shutdown::Both), far.shutdown(Shutdown::Both));
        return;
    }
    let (mut near_too, mut far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut near_too, &mut far_too));
    let _ = std::io::copy(&mut far, &mut near);
    let _ = near.shutdown(Shutdown::Both);
}

fn take_one(left: &mut usize) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}
