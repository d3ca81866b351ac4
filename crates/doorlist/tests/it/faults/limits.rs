//! D05: a process without file descriptors answers again when it has some, and does not burn the processor meanwhile.

use std::net::TcpStream;
use std::time::Duration;

use crate::client::{Client, wait_until};
use crate::server::{Server, Settings};
use crate::sink::Sink;

/// Processor time that the process has used, in hundredths of a second.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, behind_name) = stat.rsplit_once(") ").expect("a name");
    let fields: Vec<&str> = behind_name.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn d05_without_file_descriptors_the_doors_wait_and_do_not_spin() {
    let settings = Settings::default().set("smtp.sessions_per_address_max", "1000");
    let mut server = Server::stopped(settings).wrapped(&["prlimit", "--nofile=64:64"]);
    server.run();
    let sink = Sink::start();
    server.protect("example.test", sink.address(), &["ann"]);
    let smtp = server.smtp();
    let held: Vec<TcpStream> = (0..150).map(|_| TcpStream::connect(smtp).unwrap()).collect();
    server.wait_for_log(&["accept on", "new sessions wait"]);
    let pid = server.process().pid();
    let before = ticks(pid);
    std::thread::sleep(Duration::from_secs(2));
    let used = ticks(pid) - before;
    assert!(used < 50, "{used} hundredths of a second in 2 s of waiting");
    drop(held);
    wait_until("the doors are open again", Duration::from_secs(20), || {
        Client::connect(smtp).reply().is_some_and(|reply| reply.starts_with("220 "))
    });
    let mut client = Client::greeted(smtp);
    assert!(client.mail("ann@example.test", "Message-ID: <after@test>\r\n\r\n").starts_with("250 2.0.0"));
    assert_eq!(sink.wait_for(1)[0].id(), "after@test");
}
