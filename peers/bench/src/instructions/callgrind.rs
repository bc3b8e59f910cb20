//! Calling callgrind, and reading what it counted.

use super::prepared::STEADY;
use super::process::{COUNTED_FIRST, COUNTED_STEADY};
use crate::engine::Failure;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Without options its report names what took them: `callgrind_annotate DIR/steady.callgrind`.
const SUFFIX: &str = "callgrind";

/// Instructions of the receiver's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    /// Loading the group and entering a commit.
    pub(super) first: u64,
    /// Entering one more, on average.
    pub(super) steady: u64,
}

/// Fails where valgrind is not installed.
pub(super) fn require() -> Result<(), Failure> {
    let version = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if version.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Failure::new(
        "valgrind cannot be run: on Debian, `apt-get install valgrind` as root",
    ))
}

/// Counts what was prepared in this folder, and leaves callgrind's files there.
pub(super) fn count(prepared: &Path) -> Result<Counts, Failure> {
    let [first, steady] = [COUNTED_FIRST, COUNTED_STEADY].map(|name| inside(name, prepared));
    let each = u64::try_from(STEADY).map_err(Failure::new)?;
    Ok(Counts {
        first: first?,
        steady: steady? / each,
    })
}

/// Instructions inside a function of this program's, and all that it calls.
fn inside(function: &str, prepared: &Path) -> Result<u64, Failure> {
    let this = std::env::current_exe().map_err(Failure::new)?;
    let file = prepared.join(function).with_extension(SUFFIX);
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--toggle-collect=*{function}*"))
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(this)
        .args(["instructions", "process", "--from"])
        .arg(prepared)
        .output()
        .map_err(|error| Failure::new(error).during("valgrind"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::new(said).during("under callgrind"));
    }
    let counted = fs::read_to_string(&file).map_err(Failure::new);
    counted
        .and_then(|text| total(&text))
        .map_err(|why| why.during(file.display()))
}

/// The line `summary: N` of callgrind's file.
fn total(text: &str) -> Result<u64, Failure> {
    let mut lines = text.lines();
    let summary = lines.find_map(|line| line.strip_prefix("summary:"));
    let count = summary.and_then(|count| count.trim().parse().ok());
    count
        .filter(|count| *count > 0)
        .ok_or_else(|| Failure::new("callgrind counted nothing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_the_summary() {
        let text = "version: 1\nevents: Ir\nsummary: 4242\n\nfn=(0)\n+1 7\ntotals: 9\n";
        assert_eq!(total(text).expect("a count"), 4242);
        assert!(total("summary: 0\n").is_err());
        assert!(total("").is_err());
    }
}
