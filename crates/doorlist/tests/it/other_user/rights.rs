//! Which rights a server has, thread by thread, as the kernel tells.

use super::{DONE_MAX, Place};
use crate::server::DOORLIST;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// The capability set with CAP_NET_BIND_SERVICE alone.
const BIND: &str = "0000000000000400";
const NONE: &str = "0000000000000000";

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        // It may have ended by itself.
        let _ = kill(pid, Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

impl Serving {
    fn start(place: &Place, command: &mut Command) -> Self {
        let log = place.folder.path().join("log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let mut serving = Self(command.spawn().unwrap());
        let began = Instant::now();
        while !fs::read_to_string(&log).unwrap().contains("ready after") {
            let ended = serving.0.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < DONE_MAX, "{:?}", fs::read_to_string(&log));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        serving
    }

    /// `NoNewPrivs`, `CapBnd` and the like of every thread; they must agree.
    fn rights(&self) -> BTreeMap<String, String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap();
        let mut all: Vec<BTreeMap<String, String>> = tasks
            .map(|task| {
                let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
                let lines = status.lines().filter_map(|line| line.split_once(':'));
                let told = |name: &str| name.starts_with("Cap") || matches!(name, "NoNewPrivs" | "Uid" | "Groups");
                let pairs = lines.filter(|(name, _)| told(name));
                pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
            })
            .collect();
        assert!(all.len() > 2, "a server has threads");
        all.dedup();
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }
}

fn port_below_1024() -> u16 {
    (600..1024).find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).expect("a free port")
}

#[test]
fn a_server_that_root_starts_keeps_the_right_to_bind_ports_and_gets_no_other() {
    let place = Place::new();
    let port = port_below_1024();
    let mut command = place.command(&["serve"]);
    command.env("DOORLIST__SMTP__LISTEN", format!("127.0.0.1:{port}"));
    let serving = Serving::start(&place, &mut command);
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let rights = serving.rights();
    let uid = place.other.uid;
    assert_eq!(rights["Uid"], format!("{uid}\t{uid}\t{uid}\t{uid}"));
    let want =
        [("NoNewPrivs", "1"), ("CapBnd", NONE), ("CapInh", NONE), ("CapAmb", NONE), ("CapPrm", BIND), ("CapEff", BIND)];
    for (name, value) in want {
        assert_eq!(rights[name], value, "{name}");
    }
    assert!(!rights["Groups"].split(' ').any(|group| group == "0"), "{rights:?}");
}

#[test]
fn a_server_that_stays_root_gets_no_further_rights() {
    let place = Place::new();
    chown(place.state(), Some(0), Some(0)).unwrap();
    let rights = Serving::start(&place, &mut place.command(&["serve"])).rights();
    for (name, value) in [("NoNewPrivs", "1"), ("CapBnd", NONE), ("CapInh", NONE), ("CapAmb", NONE)] {
        assert_eq!(rights[name], value, "{name}");
    }
}

#[test]
fn a_server_that_a_user_starts_needs_no_rights() {
    let place = Place::new();
    // Where every account may run it.
    let program = place.folder.path().join("doorlist");
    fs::copy(DOORLIST, &program).unwrap();
    let mut command = Command::new(program);
    place.set(command.arg("serve"));
    command.uid(place.other.uid.as_raw()).gid(place.other.gid.as_raw());
    let rights = Serving::start(&place, &mut command).rights();
    for (name, value) in [("NoNewPrivs", "1"), ("CapInh", NONE), ("CapAmb", NONE), ("CapPrm", NONE), ("CapEff", NONE)] {
        assert_eq!(rights[name], value, "{name}");
    }
}
