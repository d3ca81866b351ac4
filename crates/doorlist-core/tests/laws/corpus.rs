//! Replays what the fuzz targets were started from and what they found.

use super::invariants::{TARGETS, Target};
use std::path::Path;

/// Every file of `fuzz/corpus/NAME`; how many there were.
fn replay((name, check): Target) -> usize {
    let folder = Path::new("fuzz/corpus").join(name);
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    for file in &files {
        let input = std::fs::read(file).unwrap();
        let outcome = std::panic::catch_unwind(|| check(&input));
        assert!(outcome.is_ok(), "{} breaks a law of {name}", file.display());
    }
    files.len()
}

#[test]
fn kept_inputs_break_no_law() {
    for target in TARGETS {
        assert!(replay(target) >= 10, "the corpus of {} is gone", target.0);
    }
}
