//! The corpus in the repository: few inputs that together reach what all do.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Failure, peers, workspace};

/// Files of one target that are kept.
const MAX_FILES: usize = 200;
/// Bytes of one target that are kept.
const MAX_BYTES: u64 = 32 * 1024;

/// The longest input of a target, in bytes: as in `crates/fuzzing`.
pub(super) fn max_length(target: &str) -> usize {
    match target {
        "decode" | "protocol" => 4096,
        "outsider" => 1024,
        "records" => 256,
        _ => 512,
    }
}

/// Where the repository has a target's corpus.
pub(super) fn committed(target: &str) -> PathBuf {
    workspace().join("fuzz/corpus").join(target)
}

/// A folder's files, the smallest first.
pub(super) fn files(folder: &Path) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sized = entries.filter_map(|entry| {
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((about.len(), entry.path()))
    });
    let mut files: Vec<_> = sized.collect();
    files.sort();
    files
}

/// Replaces the committed corpus by the smallest set of inputs that covers every edge that is covered, or
/// by as many of them, of all lengths, as are kept.
pub(super) fn minimise(target: &str, from: &Path, beside: &Path) -> Result<(), Failure> {
    let failed = |error| format!("{target}: {error}");
    let merged = beside.join(format!("{target}.merged"));
    if merged.exists() {
        fs::remove_dir_all(&merged).map_err(failed)?;
    }
    fs::create_dir_all(&merged).map_err(failed)?;
    let log = beside.join(format!("{target}.merge.log"));
    let mut merge = super::fuzzer(target, &log)?;
    merge
        .args(["-set_cover_merge=1", "-use_counters=0"])
        .arg(&merged)
        .arg(from);
    peers::run(&mut merge, "minimising the corpus")?;
    let committed = committed(target);
    if committed.exists() {
        fs::remove_dir_all(&committed).map_err(failed)?;
    }
    fs::create_dir_all(&committed).map_err(failed)?;
    for (_, path) in kept(&files(&merged)) {
        let name = path.file_name().ok_or("a file without a name")?;
        fs::copy(path, committed.join(name)).map_err(failed)?;
    }
    Ok(())
}

/// All of them, or every second, or every third, and so on.
fn kept(files: &[(u64, PathBuf)]) -> Vec<&(u64, PathBuf)> {
    let every = |step| files.iter().step_by(step).collect::<Vec<_>>();
    let fits = |files: &Vec<&(u64, PathBuf)>| {
        let bytes: u64 = files.iter().map(|(length, _)| length).sum();
        files.len() <= MAX_FILES && bytes <= MAX_BYTES
    };
    (1..=files.len()).map(every).find(fits).unwrap_or_default()
}
