//! Heavy work beside mail: on which threads it is done, seen from outside by their names and their CPU time, and what
//! whoever comes is told when there is more of it than is taken.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::client::Client;
use crate::server::{Server, Settings};

/// No answer takes longer.
const ANSWER_MAX: Duration = Duration::from_secs(60);
const CLIENTS: usize = 8;
/// Of a push and of a file.
const ACCOUNTS: usize = 20_000;
/// Clock ticks of the CPU (USER_HZ) that heavy work takes at least before its threads are compared with those of mail.
const TICKS_MIN: u64 = 100;

/// One request over a connection of its own: the whole answer.
fn ask(server: SocketAddr, key: &str, method: &str, target: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(ANSWER_MAX)).unwrap();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: ApiKey {key}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no status: {answer}"))
}

/// A server with a domain, an account and an operator's key.
fn with_a_key(settings: Settings) -> (Server, String) {
    let server = Server::with(settings);
    server.protect("example.test", SocketAddr::from(([127, 0, 0, 1], 1)), &["ann"]);
    server.done(&["admin", "create", "root@example.test"]);
    let key = server.done(&["apikey", "create", "root@example.test", "--login-key-only"]).trim().to_owned();
    (server, key)
}

/// Sets a password of an account.
fn set_password(server: SocketAddr, key: &str) -> String {
    let body = r#"{"password": "a long password", "confirm_password": "a long password"}"#;
    ask(server, key, "PUT", "/api/v1/email_account/ann@example.test/", body)
}

/// CPU ticks and nice values of the threads of each name.
fn threads(server: &mut Server) -> BTreeMap<String, (u64, Vec<i64>)> {
    let mut groups = BTreeMap::<String, (u64, Vec<i64>)>::new();
    for task in std::fs::read_dir(format!("/proc/{}/task", server.process().pid())).unwrap() {
        // A thread may end between the two looks.
        let Ok(stat) = std::fs::read_to_string(task.unwrap().path().join("stat")) else { continue };
        let (name, rest) = stat.split_once('(').unwrap().1.rsplit_once(')').unwrap();
        let fields: Vec<i64> = rest.split_whitespace().skip(1).map(|field| field.parse().unwrap_or(-1)).collect();
        let group = groups.entry(name.to_owned()).or_default();
        group.0 += (fields[10] + fields[11]).unsigned_abs();
        group.1.push(fields[15]);
    }
    groups
}

#[test]
fn heavy_work_never_runs_on_the_threads_of_mail() {
    let (mut server, key) = with_a_key(Settings::default());
    let before = threads(&mut server);
    let ticks = |groups: &BTreeMap<String, (u64, Vec<i64>)>, name: &str| groups.get(name).map_or(0, |group| group.0);
    let (web, file) = (server.web(), server.folder().path().join("list.csv"));
    let addresses: Vec<String> = (0..ACCOUNTS).map(|number| format!("user{number}@example.test")).collect();
    std::fs::write(&file, format!("email\n{}", addresses.join("\n"))).unwrap();
    let items: Vec<String> = addresses.iter().map(|address| format!(r#"{{"email":"{address}"}}"#)).collect();
    server.done(&["import", file.to_str().unwrap(), "--domain", "example.test", "--source", "staff", "--apply"]);
    let pushed =
        ask(web, &key, "POST", "/api/v1/ldapsync/remote_data/?domain=example.test", &format!("[{}]", items.join(",")));
    assert_eq!(status(&pushed), 200, "{pushed}");
    loop {
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let answer = set_password(web, &key);
                    assert!(matches!(status(&answer), 200..=299), "{answer}");
                });
            }
        });
        if ticks(&threads(&mut server), "work") >= ticks(&before, "work") + TICKS_MIN {
            break;
        }
    }
    let after = threads(&mut server);
    let taken = |name: &str| ticks(&after, name) - ticks(&before, name);
    assert!(taken("mail") * 20 <= taken("work"), "mail's threads: {} ticks, work's: {}", taken("mail"), taken("work"));
    let nice = |name: &str| after[name].1.iter().copied().max().unwrap();
    assert!(nice("mail") < nice("service") && nice("service") < nice("work"), "{after:?}");
    let all_alike = |name: &str| after[name].1.iter().all(|each| *each == nice(name));
    assert!(["mail", "service", "work"].into_iter().all(all_alike), "{after:?}");
}

#[test]
fn more_work_than_is_taken_is_told_when_to_come_again_and_commands_wait() {
    let (server, key) = with_a_key(Settings::default().set("work.jobs_max", "1").set("work.threads", "1"));
    let (web, done, refused) = (server.web(), AtomicUsize::new(0), AtomicUsize::new(0));
    let ended = || done.load(Ordering::Relaxed) > 0 && refused.load(Ordering::Relaxed) > 0;
    let password = server.folder().path().join("password");
    std::fs::write(&password, "a long password\n").unwrap();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while !ended() {
                    let answer = set_password(web, &key);
                    match status(&answer) {
                        200..=299 => done.fetch_add(1, Ordering::Relaxed),
                        503 => {
                            assert!(answer.to_lowercase().contains("\r\nretry-after: 5\r\n"), "{answer}");
                            assert!(answer.contains("work.jobs_max"), "{answer}");
                            refused.fetch_add(1, Ordering::Relaxed)
                        }
                        _ => panic!("{answer}"),
                    };
                }
            });
        }
        // The operator's command has its turn, however many others come.
        let create = ["admin", "create", "new@example.test", "--password-file", password.to_str().unwrap()];
        server.done(&create);
        // And mail is none of their business.
        let mut client = Client::greeted(server.smtp());
        client.ask("MAIL FROM:<sender@src.test>", "250");
        client.ask("RCPT TO:<ann@example.test>", "250");
        client.ask("RCPT TO:<nobody@example.test>", "550");
    });
    assert!(matches!(status(&set_password(web, &key)), 200..=299), "and goes on when there is room");
}
