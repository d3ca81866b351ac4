//! Postfix with its own configuration, queue and log. Reads only the packaged master.cf under /etc, and writes nothing
//! there.

use super::{Task, must, write_map};
use crate::load::DOMAIN;
use anyhow::{Context as _, Result};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// The master.cf that the package carries.
const MASTER: &str = "/etc/postfix/master.cf.proto";

/// What a measurement wants of Postfix beyond our list and our next hop.
#[derive(Clone, Debug, Default)]
pub(crate) struct PostfixMore {
    /// Lines of main.cf, each in place of one of ours with the same name.
    pub(crate) main: String,
    /// Further services for master.cf.
    pub(crate) master: String,
    /// Delays for errors and limits against guessing stay as packaged.
    pub(crate) with_guards: bool,
}

/// Writes everything down and says how Postfix is started.
pub(crate) fn prepare(task: &Task, address: SocketAddr, more: &PostfixMore) -> Result<Command> {
    let etc = task.folder.join("etc");
    for folder in [&etc, &task.folder.join("spool"), &task.folder.join("data")] {
        fs::create_dir_all(folder)?;
    }
    must(Command::new("chown").arg("postfix").arg(task.folder.join("data")))?;
    fs::write(etc.join("main.cf"), main_cf(task, more))?;
    let packaged = fs::read_to_string(MASTER).with_context(|| format!("cannot read {MASTER}"))?;
    fs::write(etc.join("master.cf"), master_cf(&packaged, address) + &more.master)?;
    let map = task.folder.join("list");
    write_map(&map, task.listed)?;
    must(Command::new("postmap").arg("-c").arg(&etc).arg(format!("lmdb:{}", map.display())))?;
    // Makes the queue's folders. `postfix start-fg` would do the rest too, but leave a shell in front of the server.
    must(Command::new("postfix").arg("-c").arg(&etc).arg("check"))?;
    let programs = must(Command::new("postconf").args(["-dh", "daemon_directory"]))?;
    let mut command = task.disk.command(&Path::new(programs.trim()).join("master"));
    command.arg("-d").arg("-c").arg(etc);
    Ok(command)
}

/// Delays and limits out of the way.
const WITHOUT_GUARDS: &str = "smtpd_recipient_limit = 100000
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000000
smtpd_hard_error_limit = 1000000
smtpd_junk_command_limit = 1000000
smtpd_client_connection_count_limit = 0
";

/// As packaged, but: our list, our next hop, logs into a file, and what `more` says.
fn main_cf(task: &Task, more: &PostfixMore) -> String {
    let folder = task.folder.display();
    let next_hop = format!("[{}]:{}", task.next_hop.ip(), task.next_hop.port());
    let ours = format!(
        "compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = gw.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 192.0.2.1/32
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
relay_domains = {DOMAIN}
relay_recipient_maps = lmdb:{folder}/list
relay_transport = relay:{next_hop}
alias_maps =
alias_database =
local_recipient_maps =
smtpd_recipient_restrictions = reject_unauth_destination
message_size_limit = 52428800
in_flow_delay = 0
"
    );
    let name = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let replaced: Vec<String> = more.main.lines().map(name).collect();
    let guards = if more.with_guards { "" } else { WITHOUT_GUARDS };
    let kept = ours.lines().chain(guards.lines()).filter(|line| !replaced.contains(&name(line)));
    kept.chain(more.main.lines()).flat_map(|line| [line, "\n"]).collect()
}

/// The packaged services without chroot (the queue has no copies of /etc), and one listener of our own.
fn master_cf(packaged: &str, address: SocketAddr) -> String {
    let mut text = String::new();
    for line in packaged.lines() {
        let mut fields: Vec<&str> = line.split_whitespace().collect();
        let is_service = fields.len() >= 8 && !line.starts_with(['#', ' ', '\t']);
        if is_service && fields.get(1) == Some(&"inet") {
            continue;
        }
        if let (true, Some(chroot)) = (is_service, fields.get_mut(4)) {
            *chroot = "n";
            text.push_str(&fields.join(" "));
        } else if !line.starts_with('#') {
            text.push_str(line);
        }
        text.push('\n');
    }
    text.push_str(&format!("{address} inet n - n - - smtpd\n"));
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::server::Disk;

    #[test]
    fn a_line_of_a_measurement_takes_the_place_of_ours() {
        let next_hop = "127.0.0.1:25".parse().unwrap();
        let task = Task { folder: "/somewhere".into(), next_hop, listed: 1, disk: Disk::AsIs };
        let main = "in_flow_delay = 1\n".to_owned();
        let text = main_cf(&task, &PostfixMore { main, with_guards: true, ..PostfixMore::default() });
        assert!(text.ends_with("message_size_limit = 52428800\nin_flow_delay = 1\n"), "{text}");
        assert!(main_cf(&task, &PostfixMore::default()).contains("smtpd_error_sleep_time = 0\n"));
    }

    #[test]
    fn services_lose_their_chroot_and_the_packaged_listener() {
        let packaged = "# service type private unpriv chroot wakeup maxproc command\n\
            smtp      inet  n       -       y       -       -       smtpd\n\
            #smtps    inet  n       -       y       -       -       smtpd\n\
            relay     unix  -       -       y       -       -       smtp\n        -o syslog_name=x\n";
        let text = master_cf(packaged, "127.0.0.1:2525".parse().unwrap());
        let lines: Vec<&str> = text.lines().filter(|l| !l.is_empty()).collect();
        assert_eq!(
            lines,
            ["relay unix - - n - - smtp", "        -o syslog_name=x", "127.0.0.1:2525 inet n - n - - smtpd"]
        );
    }
}
