//! Exim, unpacked, with its own configuration, queue and log. Its user is in a copy of /etc/passwd that only Exim's
//! mount namespace sees.

use super::{Task, must, write_map};
use crate::load::DOMAIN;
use crate::packages::Packages;
use anyhow::{Context as _, Result};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// The user that Debian's Exim is built for, and a number for it.
const USER: &str = "Debian-exim";
const UID: u32 = 64_999;

/// Writes everything down and says how Exim is started.
pub(super) fn prepare(packages: &Packages, task: &Task, address: SocketAddr) -> Result<Command> {
    let folder = &task.folder;
    for owned in [folder.join("spool"), folder.join("log")] {
        fs::create_dir_all(&owned)?;
        std::os::unix::fs::chown(&owned, Some(UID), Some(UID))?;
    }
    let passwd = format!("{USER}:x:{UID}:{UID}::/nonexistent:/usr/sbin/nologin");
    with_our_user("/etc/passwd", &folder.join("passwd"), &passwd)?;
    with_our_user("/etc/group", &folder.join("group"), &format!("{USER}:x:{UID}:"))?;
    write_map(&folder.join("list"), task.listed)?;
    // postmap wants a main.cf, of which it needs nothing.
    fs::create_dir_all(folder.join("postmap"))?;
    fs::write(folder.join("postmap/main.cf"), "compatibility_level = 3.6\n")?;
    let map = format!("cdb:{}", folder.join("list").display());
    must(Command::new("postmap").arg("-c").arg(folder.join("postmap")).arg(map))?;
    let configuration = folder.join("exim.conf");
    fs::write(&configuration, exim_conf(packages, task, address))?;
    let mut command = task.disk.command(Path::new("unshare"));
    command.args(["--mount", "sh", "-ec"]);
    command.arg("mount --bind \"$0/passwd\" /etc/passwd; mount --bind \"$0/group\" /etc/group; exec \"$@\"");
    command.arg(folder).arg(packages.exim()).arg("-C").arg(configuration).args(["-bdf", "-q10s"]);
    Ok(command)
}

/// The file with our line for the user, in place of the machine's own if it has one.
fn with_our_user(from: &str, to: &Path, line: &str) -> Result<()> {
    let text = fs::read_to_string(from).with_context(|| format!("cannot read {from}"))?;
    let others = text.lines().filter(|line| line.split(':').next() != Some(USER));
    let all: Vec<&str> = others.chain([line, ""]).collect();
    fs::write(to, all.join("\n")).with_context(|| format!("cannot write {}", to.display()))
}

/// Exim's defaults, but: our list, our next hop, no name look-ups, no limits against guessing.
fn exim_conf(packages: &Packages, task: &Task, address: SocketAddr) -> String {
    let (folder, exim) = (task.folder.display(), packages.exim().display().to_string());
    let (ip, port) = (address.ip(), address.port());
    let next_hop = format!("{}::{}", task.next_hop.ip(), task.next_hop.port());
    format!(
        "exim_path = {exim}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
primary_hostname = gw.test
keep_environment =
local_interfaces = {ip}
daemon_smtp_ports = {port}
tls_advertise_hosts =
rfc1413_query_timeout = 0s
host_lookup =
dns_dnssec_ok = 0
deliver_drop_privilege = true
acl_smtp_helo = take
acl_smtp_mail = take
acl_smtp_rcpt = listed
acl_smtp_data = take
smtp_accept_max = 300
smtp_accept_queue_per_connection = 0
smtp_connect_backlog = 200
smtp_accept_max_nonmail = 1000000000
message_size_limit = 50M
begin acl
take:
  accept
listed:
  accept domains = {DOMAIN}
         condition = ${{lookup{{$local_part@$domain}}cdb{{{folder}/list.cdb}}{{yes}}{{no}}}}
  deny message = User unknown
begin routers
gateway:
  driver = manualroute
  domains = {DOMAIN}
  transport = smtp
  route_list = * {next_hop}
  self = send
begin transports
smtp:
  driver = smtp
  allow_localhost
  hosts_try_fastopen =
  hosts_avoid_tls = *
begin retry
* * F,1h,10s
"
    )
}
