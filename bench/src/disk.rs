//! The fsync latency of the disk, on which every figure with a message depends.

use anyhow::{Context as _, Result};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Octets of each write.
const BLOCK: usize = 4096;
/// How long is measured.
const TIME: Duration = Duration::from_secs(1);

/// fdatasync per second, each after one block more at the end of a file in `folder`.
pub(crate) fn syncs_per_second(folder: &Path) -> Result<f64> {
    let path = folder.join("syncs");
    let mut file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let begun = Instant::now();
    let mut count = 0_u32;
    while begun.elapsed() < TIME {
        file.write_all(&[0; BLOCK])?;
        file.sync_data()?;
        count += 1;
    }
    let per_second = f64::from(count) / begun.elapsed().as_secs_f64();
    fs::remove_file(&path)?;
    Ok(per_second)
}
