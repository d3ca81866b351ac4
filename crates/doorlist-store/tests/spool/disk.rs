//! Failing and full disks (D03, D04), with real system calls: strace makes fsync fail, a small tmpfs fills up.

use crate::crash::{Said, check, child_program};
use std::process::{Command, Stdio};

/// The first fsyncs of a thread succeed; from this one on each fails.
const FAILING_FROM: u32 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn d03_after_a_failed_fsync_nothing_more_is_accepted_and_nothing_kept_is_lost() {
    let state = tempfile::tempdir().unwrap();
    let mut child = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e"])
        .arg(format!("inject=fsync,fdatasync:error=EIO:when={FAILING_FROM}+"))
        .arg(child_program())
        .arg("accept")
        .arg(state.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Said::default();
    said.listen(&mut child, usize::MAX >> 1, |_| ());
    assert!(child.wait().unwrap().success());
    assert!(!said.kept.is_empty(), "the first fsyncs succeeded");
    let (kept_before, why) = said.refused.first().expect("a refusal after the fsync failed");
    assert!(why.contains("Bad"), "{why}");
    // Answers of the last good commit may be printed after another session's refusal; none can come from a later one.
    assert!(said.kept.len() - kept_before <= 4, "messages were kept after the spool was bad");
    check(state.path(), &said).await;
}

#[test]
fn d04_a_full_disk_refuses_keeps_and_recovers() {
    let state = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=8m tmpfs \"$1\" && exec \"$2\" fill \"$1\"")
        .arg("sh")
        .arg(state.path())
        .arg(child_program())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("recovered"), "{output:?}");
    assert!(said.contains("health was low before: true"), "{said}");
}
