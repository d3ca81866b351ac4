//! Postfix with OpenDKIM and OpenDMARC as milters and policyd-spf as a policy service, as Debian's pages tell to set them
//! up. All are in the server's own group, and end with it; a resolv.conf that only they see leads to the bench's names.

use crate::server::{PostfixMore, Task, free_address, must, postfix};
use anyhow::{Context as _, Result};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// An address that nobody connects from: what stands there is skipped by the filters, which skip loopback as packaged.
const NOBODY: &str = "192.0.2.1";
/// What OpenDMARC must know of public suffixes.
const SUFFIXES: &str = "/usr/share/publicsuffix/public_suffix_list.dat";

/// Writes everything down and says how all of them are started.
pub(super) fn postfix(task: &Task, address: SocketAddr, names: SocketAddr) -> Result<Command> {
    let folder = &task.folder;
    let (dkim, dmarc) = (free_address()?, free_address()?);
    let write = |name: &str, text: String| -> Result<()> {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    write("resolv.conf", format!("nameserver {}\n", names.ip()))?;
    write("nobody", format!("{NOBODY}\n"))?;
    write("opendkim.conf", opendkim_conf(folder, dkim, names))?;
    write("opendmarc.conf", opendmarc_conf(folder, dmarc))?;
    write("policyd-spf.conf", format!("debugLevel = 1\nTestOnly = 1\nskip_addresses = {NOBODY}\n"))?;
    // The filters give up root before they read what stands here.
    must(Command::new("chmod").arg("-R").arg("a+rX").arg(folder))?;
    let milter = |at: SocketAddr| format!("inet:{}:{}", at.ip(), at.port());
    let more = PostfixMore {
        main: format!(
            "smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service unix:private/policyd-spf\n\
             policyd-spf_time_limit = 3600\nsmtpd_milters = {}, {}\nmilter_default_action = tempfail\n",
            milter(dkim),
            milter(dmarc),
        ),
        master: format!(
            "policyd-spf unix - n n - 0 spawn user=policyd-spf argv=/usr/bin/policyd-spf {}/policyd-spf.conf\n",
            folder.display()
        ),
        ..PostfixMore::default()
    };
    let server = postfix::prepare(task, address, &more)?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec"]);
    command.arg(
        "mount --bind \"$0/resolv.conf\" /etc/resolv.conf
         opendkim -f -x \"$0/opendkim.conf\" &
         opendmarc -f -c \"$0/opendmarc.conf\" &
         exec \"$@\"",
    );
    command.arg(folder).arg(server.get_program()).args(server.get_args());
    Ok(command)
}

fn opendkim_conf(folder: &Path, listen: SocketAddr, names: SocketAddr) -> String {
    let folder = folder.display();
    format!(
        "Syslog yes\nMode v\nUserID opendkim\nUMask 007\nSocket inet:{}@{}\nAuthservID gw.test\n\
         InternalHosts {folder}/nobody\nNameservers {}\n\
         On-DNSError tempfail\nOn-BadSignature tempfail\nOn-NoSignature tempfail\n",
        listen.port(),
        listen.ip(),
        names.ip()
    )
}

fn opendmarc_conf(folder: &Path, listen: SocketAddr) -> String {
    format!(
        "Syslog true\nUserID opendmarc\nSocket inet:{}@{}\nAuthservID gw.test\nTrustedAuthservIDs gw.test\n\
         RejectFailures true\nIgnoreHosts {}/nobody\nPublicSuffixList {SUFFIXES}\n",
        listen.port(),
        listen.ip(),
        folder.display()
    )
}
