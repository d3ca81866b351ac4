//! Files beside a running server: a plan changes nothing, what is applied is answered by at once, what is undone leaves no
//! trace; a customer's file comes through a link.

use crate::client::Client;
use crate::server::{Server, Settings};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const FILE: &str = "email,aliases\nann@example.test,a1;a2\nbob@example.test,\ncora@elsewhere.test,\n";

fn server() -> Server {
    let server = Server::start();
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    server.protect("example.test", nobody, &["zoe"]);
    server
}

fn answer(server: &Server, address: &str) -> String {
    let mut client = Client::greeted(server.smtp());
    client.ask("MAIL FROM:<friend@sender.example.test>", "250 ");
    client.send(format!("RCPT TO:<{address}>\r\n"));
    client.reply().unwrap()
}

#[test]
fn a_plan_changes_nothing_and_an_undo_leaves_no_trace() {
    let server = server();
    let path = server.folder().path().join("staff.csv");
    std::fs::write(&path, FILE).unwrap();
    let path = path.display().to_string();
    let before = server.done(&["export", "--domain", "example.test", "--format", "json"]);
    let rejected = server.folder().path().join("rejected.csv").display().to_string();
    let plan = server.command(&["import", &path, "--domain", "example.test", "--rejected", &rejected]);
    assert_eq!(plan.code, 2, "{plan:?}");
    assert!(plan.out.contains("plan for example.test: would add 4; 1 bad value skipped"), "{plan:?}");
    assert_eq!(server.done(&["export", "--domain", "example.test", "--format", "json"]), before);
    assert!(std::fs::read_to_string(&rejected).unwrap().contains("cora@elsewhere.test"));

    let applied = server.done(&["import", &path, "--domain", "example.test", "--apply"]);
    assert!(applied.contains("imported into example.test: 4 added"), "{applied}");
    let begun = Instant::now();
    assert!(answer(&server, "a2@example.test").starts_with("250 "));
    assert!(begun.elapsed() < Duration::from_secs(1));
    let change = server.done(&["changes", "list"]).split_whitespace().next().unwrap().to_owned();
    server.done(&["changes", "undo", &change, "--yes"]);
    assert!(answer(&server, "a2@example.test").starts_with("550 5.1.1"));
    assert_eq!(server.done(&["export", "--domain", "example.test", "--format", "json"]), before);
    // And exactly the former list comes back if what is undone was an undo.
    let undo = server.done(&["changes", "list"]).split_whitespace().next().unwrap().to_owned();
    server.done(&["changes", "undo", &undo, "--yes"]);
    assert!(answer(&server, "a2@example.test").starts_with("250 "));
}

/// I08: the same upload twice, at once and again, and one that breaks off: one outcome.
#[test]
fn a_customer_hands_in_a_file_behind_a_link() {
    let server = Server::with(Settings::default().set("WEB__URL", "https://mx.example.test"));
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    server.protect("example.test", nobody, &["zoe"]);
    let link = server.done(&["import", "request", "--domain", "example.test"]);
    let path = link.trim().strip_prefix("https://mx.example.test").unwrap().to_owned();
    let (status, page) = server.page(&path);
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("example.test") && page.contains("<form"), "{page}");
    assert_eq!(server.page("/upload/0000").0, 404);
    // One that breaks off in the middle leaves the link as it was.
    let form = form("staff.csv", FILE);
    let cut = request(&path, &form);
    let mut stream = TcpStream::connect(server.web()).unwrap();
    stream.write_all(&cut[..cut.len() - 40]).unwrap();
    drop(stream);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..2).map(|_| scope.spawn(|| post(&server, &path, &form))).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    let taken = answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 200")).count();
    assert_eq!(taken, 1, "{answers:#?}");
    assert!(!post(&server, &path, &form).starts_with("HTTP/1.1 200"));
    assert!(answer(&server, "ann@example.test").starts_with("550 5.1.1"), "it waits");
    let plans = server.done(&["plan", "list"]);
    assert_eq!(plans.lines().count(), 1, "{plans}");
    let id = plans.split_whitespace().next().unwrap().to_owned();
    assert!(server.done(&["plan", "show", &id]).contains("+ ann@example.test"));
    server.done(&["plan", "apply", &id, "--yes"]);
    assert!(answer(&server, "ann@example.test").starts_with("250 "));
    assert!(!server.log().contains(path.trim_start_matches("/upload/")), "a token is not logged");
}

fn form(name: &str, text: &str) -> Vec<u8> {
    format!(
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n\
         {text}\r\n--edge--\r\n"
    )
    .into_bytes()
}

fn request(path: &str, form: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: mx.example.test\r\nContent-Type: multipart/form-data; boundary=edge\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        form.len()
    );
    [head.as_bytes(), form].concat()
}

fn post(server: &Server, path: &str, form: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.web()).unwrap();
    stream.write_all(&request(path, form)).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// I08, D01: a server that is killed while a file is taken in has all of it or nothing, and takes it again.
#[test]
fn a_kill_in_the_middle_of_an_import_leaves_all_or_nothing() {
    const ROWS: usize = 30_000;
    let mut server = server();
    let path = server.folder().path().join("many.csv");
    let text: String = (0..ROWS).map(|n| format!("user{n}@example.test\n")).collect();
    std::fs::write(&path, format!("email\n{text}")).unwrap();
    let path = path.display().to_string();
    let listed = |server: &Server| server.done(&["export", "--domain", "example.test"]).lines().count() - 1;
    let (mut all, mut nothing) = (0, 0);
    for after in [20, 60, 120, 200, 300, 450, 650, 900] {
        let import = server.begin(&["import", &path, "--domain", "example.test", "--apply"]);
        std::thread::sleep(Duration::from_millis(after));
        server.kill();
        let _ = import.wait_with_output().unwrap();
        server.run();
        match listed(&server) {
            1 => nothing += 1,
            count if count == ROWS + 1 => {
                all += 1;
                let change = server.done(&["changes", "list"]).split_whitespace().next().unwrap().to_owned();
                server.done(&["changes", "undo", &change, "--yes"]);
            }
            count => panic!("{count} addresses after a kill {after} ms into the import"),
        }
    }
    assert_eq!(all + nothing, 8);
    server.done(&["import", &path, "--domain", "example.test", "--apply"]);
    assert_eq!(listed(&server), ROWS + 1);
}
