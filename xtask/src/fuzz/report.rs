//! The table of `docs/fuzzing.md`: one row for each target, of the last time that it ran.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{TARGETS, corpus};
use crate::Failure;

const BEGIN: &str = "<!-- fuzzed: begin -->";
const END: &str = "<!-- fuzzed: end -->";
const HEAD: &str = "| target | executions | a second | edges | features | corpus | kept here | findings | when, what, where |\n\
                    |---|---|---|---|---|---|---|---|---|\n";

/// What one target came to.
pub(super) struct Row {
    pub(super) target: String,
    executions: u64,
    per_second: u64,
    edges: u64,
    features: u64,
    corpus: String,
    pub(super) findings: usize,
}

impl Row {
    /// Reads what libFuzzer says of itself: `#9 DONE cov: 1 ft: 2 corp: 3/4Kb … exec/s: 5`, or the last line
    /// like it.
    pub(super) fn read(target: &str, log: &Path, findings: usize) -> Result<Self, Failure> {
        let bytes = fs::read(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        let line = text
            .lines()
            .rfind(|line| line.starts_with('#') && line.contains(" ft: "));
        let line = line.ok_or_else(|| format!("{target} never ran: see {}", log.display()))?;
        let after = |name: &str| {
            let (_, rest) = line.split_once(name)?;
            rest.split_whitespace().next()
        };
        let number = |name: &str| after(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(Self {
            target: target.to_owned(),
            executions: number("#"),
            per_second: number("exec/s:"),
            edges: number("cov:"),
            features: number("ft:"),
            corpus: after("corp:").unwrap_or("0").replace('/', ", "),
            findings,
        })
    }

    pub(super) fn summary(&self) -> String {
        let Self {
            executions,
            per_second,
            edges,
            findings,
            ..
        } = self;
        format!(
            "{executions} executions, {per_second} a second, {edges} edges, {findings} findings"
        )
    }

    fn line(&self, where_and_when: &str) -> String {
        let kept = corpus::files(&corpus::committed(&self.target));
        let bytes: u64 = kept.iter().map(|(length, _)| length).sum();
        format!(
            "| `{}` | {} | {} | {} | {} | {} | {}, {} | {} | {where_and_when} |",
            self.target,
            self.executions,
            self.per_second,
            self.edges,
            self.features,
            self.corpus,
            kept.len(),
            kilobytes(bytes),
            self.findings
        )
    }
}

fn kilobytes(bytes: u64) -> String {
    format!("{}Kb", bytes.div_ceil(1024))
}

/// Replaces the rows of the targets that ran.
pub(super) fn write(path: &Path, rows: &[Row]) -> Result<(), Failure> {
    let failed = |error| format!("{}: {error}", path.display());
    let before = fs::read_to_string(path).map_err(failed)?;
    let parts = before.split_once(BEGIN).and_then(|(head, rest)| {
        let (table, tail) = rest.split_once(END)?;
        Some((head, table, tail))
    });
    let Some((head, table, tail)) = parts else {
        return Err(format!("{} has no markers: {BEGIN}, {END}", path.display()));
    };
    let circumstances = circumstances();
    let line = |target: &&str| {
        let ran = rows.iter().find(|row| row.target == *target);
        ran.map(|row| row.line(&circumstances)).or_else(|| {
            let start = format!("| `{target}` |");
            let kept = table.lines().find(|line| line.starts_with(&start));
            kept.map(str::to_owned)
        })
    };
    let lines: Vec<_> = TARGETS.iter().filter_map(line).collect();
    let table = format!("{HEAD}{}\n", lines.join("\n"));
    let text = format!("{head}{BEGIN}\n{table}{END}{tail}");
    fs::write(path, text).map_err(failed)
}

/// When, of what and where.
fn circumstances() -> String {
    let say = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let unknown = || "unknown".to_owned();
    let date = say("date", &["-u", "+%F"]).unwrap_or_else(unknown);
    let commit = say("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(unknown);
    let cores = std::thread::available_parallelism().map_or(1, core::num::NonZero::get);
    format!(
        "{date}, {commit}, {}, {cores} threads",
        processor().unwrap_or_else(unknown)
    )
}

fn processor() -> Option<String> {
    let known = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = known.lines().find(|line| line.starts_with("model name"))?;
    let (_, name) = line.split_once(':')?;
    Some(name.trim().to_owned())
}
