//! `/readyz` and `doctor` while nothing can be stored: they say so, with the reason, and soon.

use std::time::{Duration, Instant};

use doorlist_testbed::postgres::Cluster;

use crate::client::wait_until;
use crate::server::{Printed, Server, Settings};

/// An answer of `/readyz` comes within this time: a write that takes 2 s hangs.
const READY_ANSWER_MAX: Duration = Duration::from_secs(3);
/// All of `doctor` is done within this time.
const DOCTOR_MAX: Duration = Duration::from_secs(5);

/// What `/readyz` says while it is not ready: one line.
#[track_caller]
fn why_not_ready(server: &Server) -> String {
    let mut last = String::new();
    wait_until("it is not ready", Duration::from_secs(10), || {
        let began = Instant::now();
        let (status, text) = server.page("/readyz");
        assert!(began.elapsed() < READY_ANSWER_MAX, "{:?}", began.elapsed());
        last = text;
        status == 503
    });
    assert_eq!(last.lines().count(), 1, "{last}");
    last
}

#[track_caller]
fn is_ready_again(server: &Server) {
    wait_until("it is ready again", Duration::from_secs(40), || server.page("/readyz").0 == 200);
}

#[track_caller]
fn doctor(server: &Server) -> Printed {
    let began = Instant::now();
    let printed = server.command(&["doctor"]);
    // The program itself starts and ends, too.
    assert!(began.elapsed() < DOCTOR_MAX + Duration::from_millis(500), "{:?}: {printed:?}", began.elapsed());
    printed
}

#[test]
fn a_database_that_takes_no_writes_or_hangs_is_told_of() {
    let cluster = Cluster::start().unwrap();
    let server = Server::with(Settings::default().set("store.url", cluster.url("ready").unwrap()));
    assert!(doctor(&server).out.contains("changes and mail can be stored"));
    let read_only = |on: bool| {
        cluster.sql("postgres", &format!("ALTER DATABASE ready SET default_transaction_read_only = {on}")).unwrap();
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ready'";
        cluster.sql("postgres", others).unwrap();
    };
    read_only(true);
    wait_until("the reason is told", Duration::from_secs(10), || {
        why_not_ready(&server).contains("in a read-only transaction")
    });
    let found = doctor(&server);
    assert!(found.code == 1 && found.out.contains("FAIL  storage"), "{found:?}");
    let refused = server.command(&["domain", "add", "example.test", "--server", "127.0.0.1:1"]);
    assert!(refused.talk.contains("nothing of this change was kept"), "{refused:?}");
    read_only(false);
    is_ready_again(&server);

    cluster.pause().unwrap();
    let asked = Instant::now();
    let why = why_not_ready(&server);
    assert!(why.contains("no answer") && asked.elapsed() < READY_ANSWER_MAX * 2, "{why}");
    let found = doctor(&server);
    assert!(found.code == 1, "{found:?}");
    assert_eq!(server.page("/healthz").0, 200);
    cluster.go_on().unwrap();
    is_ready_again(&server);
    assert_eq!(doctor(&server).out.matches("FAIL  st").count(), 0);
}

#[test]
fn a_file_that_another_program_has_locked_is_told_of() {
    let server = Server::start();
    let locked = "import sqlite3, sys, time\nfile = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                  file.execute('BEGIN EXCLUSIVE')\nprint('locked', flush=True)\nsys.stdin.read()";
    let mut other = std::process::Command::new("python3")
        .args(["-c", locked])
        .arg(server.state().join("directory.db"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let why = why_not_ready(&server);
    assert!(why.contains("cannot store a change: database is locked"), "{why}");
    let found = doctor(&server);
    assert!(found.code == 1 && found.out.contains("database is locked"), "{found:?}");
    drop(other.stdin.take());
    other.wait().unwrap();
    is_ready_again(&server);
}

#[test]
fn two_nodes_of_one_number_are_told_which_setting_to_change() {
    let cluster = Cluster::start().unwrap();
    let url = cluster.url("nodes").unwrap();
    let _first = Server::with(Settings::default().set("store.url", url.clone()));
    let mut second = Server::stopped(Settings::default().set("store.url", url));
    second.launch();
    second.wait_for_end();
    let log = second.log();
    assert!(log.contains("node 0 on this database") && log.contains("spool.node"), "{log}");
}
