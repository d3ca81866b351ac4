//! kill -9 at any moment: what was said to be kept is there, whole, and nothing is half there.

use crate::fixture::{open, read, sqlite};
use doorlist_core::queue_id::QueueId;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// How often the child is killed, unless `DOORLIST_CRASH_ROUNDS` says otherwise.
const ROUNDS: u32 = 20;

/// The example program that cargo builds beside the tests.
pub(crate) fn child_program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().and_then(Path::parent).unwrap().join("examples/spool_child");
    assert!(program.exists(), "`cargo test` builds it unless it is told to build one test only");
    program
}

/// What the child said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) kept: BTreeSet<QueueId>,
    pub(crate) settling: BTreeSet<QueueId>,
    /// Each refusal with the number of messages that were kept before.
    pub(crate) refused: Vec<(usize, String)>,
}

impl Said {
    fn take(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("kept", id)) => drop(self.kept.insert(id.parse().unwrap())),
            Some(("settling", id)) => drop(self.settling.insert(id.parse().unwrap())),
            Some(("refused", why)) => self.refused.push((self.kept.len(), why.to_owned())),
            _ => panic!("the child said {line:?}"),
        }
    }

    /// Listens until enough messages were kept, then calls `stop`, and goes on to the end.
    pub(crate) fn listen(&mut self, child: &mut Child, enough: usize, mut stop: impl FnMut(&mut Child)) {
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let (mut line, goal) = (String::new(), self.kept.len() + enough);
        loop {
            line.clear();
            // A last line without its end was cut off by the kill.
            if lines.read_line(&mut line).unwrap() == 0 || !line.ends_with('\n') {
                break;
            }
            self.take(line.trim_end());
            if self.kept.len() == goal {
                stop(child);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_outlives_kill_9_at_any_moment() {
    let state = tempfile::tempdir().unwrap();
    let rounds = std::env::var("DOORLIST_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut said = Said::default();
    for round in 0..rounds {
        let mut child =
            Command::new(child_program()).arg("accept").arg(state.path()).stdout(Stdio::piped()).spawn().unwrap();
        said.listen(&mut child, (round * 37 % 101) as usize + 1, |child| child.kill().unwrap());
        child.wait().unwrap();
        check(state.path(), &said).await;
    }
    assert_eq!(said.refused, []);
}

/// Every kept message is there unless it was being settled; everything there is whole; nothing is left over.
pub(crate) async fn check(state: &Path, said: &Said) {
    let spool = open(&sqlite(state)).await;
    assert_eq!(spool.start_report().set_aside, Vec::<String>::new());
    let pending = spool.pending(None, u32::MAX).await.unwrap();
    let there: BTreeSet<QueueId> = pending.iter().map(|pending| pending.id).collect();
    let lost: Vec<_> = said.kept.difference(&there).filter(|id| !said.settling.contains(id)).collect();
    assert!(lost.is_empty(), "lost after 250: {lost:?}");
    let mut apart = 0;
    for pending in &pending {
        let bytes = read(&spool, pending.id).await;
        assert!(bytes.len() as u64 == pending.envelope.size);
        assert!(bytes.chunks(13).all(|piece| pending.id.to_string().as_bytes().starts_with(piece)));
        apart += usize::from(bytes.len() > 256 * 1024);
    }
    assert_eq!(std::fs::read_dir(state.join("spool/bodies")).unwrap().count(), apart, "body files without a row");
    spool.close().await;
}
