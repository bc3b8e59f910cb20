//! The report in the repository: its measured part and its plot are made, the prose around them is kept.

use crate::engine::{Failure, Measured};
use crate::{plot, report};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";
/// The plot's file, in a folder that has the report's name.
const PLOT: &str = "engine.svg";

/// Writes the measured part of the report, which has to have its markers already, and the plot.
pub(crate) fn write(path: &Path, measured: &Measured) -> Result<(), Failure> {
    let failed = |error| Failure::new(error).during(path.display());
    let before = fs::read_to_string(path).map_err(failed)?;
    let parts = before.split_once(BEGIN).and_then(|(head, rest)| {
        let (_, tail) = rest.split_once(END)?;
        Some((head, tail))
    });
    let Some((head, tail)) = parts else {
        return Err(Failure::new(format!(
            "{} has no markers: {BEGIN}, {END}",
            path.display()
        )));
    };
    let folder = path.with_extension("");
    fs::create_dir_all(&folder).map_err(failed)?;
    fs::write(folder.join(PLOT), plot::svg(measured)).map_err(failed)?;
    let name = folder.file_name().unwrap_or_default().display().to_string();
    let plot = format!("![times by members]({name}/{PLOT})");
    let tables = report::tables(measured);
    let text = format!(
        "{head}{BEGIN}\n{}\n\n{plot}\n\n{tables}{END}{tail}",
        circumstances()
    );
    fs::write(path, text).map_err(failed)
}

/// When, where and of what.
fn circumstances() -> String {
    let cores = std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    format!(
        "Measured on {} on {} with {cores} hardware threads, at commit {}.",
        date(),
        processor().unwrap_or_else(|| "an unknown processor".into()),
        commit().unwrap_or_else(|| "unknown".into())
    )
}

fn processor() -> Option<String> {
    let known = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = known.lines().find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.trim().to_owned())
}

/// The commit, and whether something beside it was there.
fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let suffix = if changed.is_empty() {
        ""
    } else {
        " with changes"
    };
    Some(commit + suffix)
}

/// Today in UTC.
fn date() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut days = now.map_or(0, |since| since.as_secs() / 86_400);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}
