//! The audit of a running server: what known logins write is kept, a head that was kept tells whether the chain is still
//! that one, and exported files prove themselves up to the lines in the store.

use std::time::{Duration, Instant};

use super::http::{Connection, Request};
use crate::server::Server;

const PATIENCE: Duration = Duration::from_secs(30);

/// A login with its key.
fn login(server: &Server, email: &str, auditor: bool) -> String {
    let mut words = vec!["admin", "create", email];
    words.extend(auditor.then_some("--auditor"));
    server.done(&words);
    server.done(&["apikey", "create", email, "--login-key-only"]).trim().to_owned()
}

fn post(server: &Server, key: &str, path: &str, body: &str) -> u16 {
    let header = |name: &str, value: String| (name.to_owned(), value);
    let request = Request {
        method: "POST".to_owned(),
        target: path.to_owned(),
        headers: vec![
            header("Host", "x".to_owned()),
            header("Content-Length", body.len().to_string()),
            header("Content-Type", "application/json".to_owned()),
            header("Authorization", format!("ApiKey {key}")),
        ],
        body: body.as_bytes().to_vec(),
    };
    Connection::to(server.web()).patient_for(PATIENCE).ask(&request).unwrap().status
}

fn add_resellers(server: &Server, key: &str, names: std::ops::Range<u32>) {
    for number in names {
        assert_eq!(post(server, key, "/api/v1/reseller/", &format!("{{\"name\": \"Maple {number}\"}}")), 201);
    }
}

/// Waits until this line is the newest one.
fn wait_for_line(server: &Server, number: usize) -> String {
    let begin = Instant::now();
    loop {
        let lines = server.done(&["audit", "list", "--limit", "1000"]);
        if lines.trim_start().starts_with(&format!("0/{number} ")) {
            return lines;
        }
        assert!(begin.elapsed() < PATIENCE, "{lines}");
        std::thread::yield_now();
    }
}

#[test]
fn known_logins_are_recorded_and_a_head_holds() {
    let mut server = Server::start();
    let key = login(&server, "ops@example.test", false);
    let looks = login(&server, "look@example.test", true);
    add_resellers(&server, &key, 0..5);
    assert_eq!(post(&server, &key, "/api/v1/reseller/", "{}"), 400);
    assert_eq!(post(&server, &key, "/api/v1/nowhere/", "{}"), 404);
    assert_eq!(post(&server, &looks, "/api/v1/reseller/", "{\"name\": \"Birch\"}"), 403);
    let lines = wait_for_line(&server, 6);
    assert_eq!(lines.lines().count(), 6, "{lines}");
    assert!(lines.lines().next().unwrap().ends_with("POST /api/v1/reseller/ -> 403"), "{lines}");
    let head = server.done(&["audit", "head"]);
    let head = head.trim();
    server.wait_for_log(&["audit: node=0 number=0 head=1.0.0."]);
    server.done(&["audit", "verify", "--head", head]);
    // After a restart the chain goes on, and the log says where it stands.
    server.stop();
    server.run();
    server.wait_for_log(&["audit: node=0 number=6 head=1.0.6."]);
    server.stop();
    server.done(&["audit", "verify", "--head", head]);
    // Of a head that was changed nothing is believed.
    let forged = server.command(&["audit", "verify", "--head", &head.replacen("1.0.6.", "1.0.5.", 1)]);
    assert!(forged.code == 1 && forged.talk.contains("was made with another secret key"), "{forged:?}");
    // Without the key nobody can tell, and no other key is made in its place: not by a server either.
    let secret = server.state().join("secret.key");
    let aside = server.state().join("aside");
    std::fs::rename(&secret, &aside).unwrap();
    let blind = server.command(&["audit", "verify", "--head", head]);
    assert!(blind.code != 0 && blind.talk.contains("secret.key"), "{blind:?}");
    server.run();
    server.wait_for_log(&["cannot log the head of the audit log now", "secret.key"]);
    assert!(!secret.exists());
}

#[test]
fn exported_files_prove_themselves_up_to_the_store() {
    let mut server = Server::start();
    let key = login(&server, "ops@example.test", false);
    add_resellers(&server, &key, 0..60);
    wait_for_line(&server, 60);
    let head = server.done(&["audit", "head"]).trim().to_owned();
    // What is too much goes at each start.
    server.set("audit.size_max", "10 KiB");
    for (names, last) in [(60..120, 59), (120..121, 119)] {
        server.stop();
        server.run();
        server.wait_for_log(&[&format!("exported up to line {last};")]);
        let next = names.end as usize;
        add_resellers(&server, &key, names);
        wait_for_line(&server, next);
    }
    let folder = server.state().join("audit");
    let mut files: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path().to_string_lossy().into_owned()).collect();
    files.sort();
    let [first, second] = files.as_slice() else { panic!("{files:?}") };
    let verify = |words: &[&str]| server.command(&[&["audit", "verify"], words].concat());
    assert_eq!(verify(&[]).code, 0);
    // In any order; with them the head's line is found again.
    let whole = verify(&["--head", &head, second, first]);
    assert_eq!(whole.code, 0, "{whole:?}");
    let without = verify(&["--head", &head]);
    assert!(without.code == 1 && without.talk.contains("name the exported files"), "{without:?}");
    let gap = verify(&[first]);
    assert!(
        gap.code == 1 && gap.talk.contains("entries 60 to 119 are missing from the files and the store"),
        "{gap:?}"
    );
    let text = std::fs::read_to_string(first).unwrap();
    std::fs::write(first, text.replacen("reseller", "Reseller", 1)).unwrap();
    let changed = verify(&[first, second]);
    assert!(changed.code == 1 && changed.talk.contains("entry 1 does not match its seal"), "{changed:?}");
    let cut: Vec<&str> = text.lines().take(30).collect();
    std::fs::write(first, cut.join("\n")).unwrap();
    let cut = verify(&[first, second]);
    assert!(cut.code == 1 && cut.talk.contains("entries 30 to 59 are missing from the files"), "{cut:?}");
    std::fs::remove_file(first).unwrap();
    std::os::unix::fs::symlink(second, first).unwrap();
    assert_eq!(verify(&[first]).code, 77, "no link lies among the files of the state folder");
    std::fs::remove_file(first).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("part.jsonl");
    std::os::unix::fs::symlink(second, &link).unwrap();
    assert_eq!(verify(&[&link.display().to_string()]).code, 66, "a link is not followed");
}
