//! Fuzzes for a while, keeps a small corpus of what was found, and says so in `docs/fuzzing.md`.
//!
//! libFuzzer takes nothing from a nightly toolchain but flags that the stable compiler has too, once
//! `RUSTC_BOOTSTRAP` lets it.

mod corpus;
mod report;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::{Failure, cargo, peers, requirements, workspace};
use report::Row;

/// The fuzzers, as `fuzz/Cargo.toml` has them.
const TARGETS: [&str; 9] = [
    "decode",
    "protocol",
    "certificates",
    "outsider",
    "insider",
    "welcome",
    "external",
    "observer",
    "records",
];
/// The platform is named, so that build scripts and macros are built without these flags.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";
/// What libFuzzer asks of the compiler: counters, their places, and what is compared.
const FLAGS: &str = "-Cpasses=sancov-module \
     -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
     -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares \
     -Ccodegen-units=16";
/// Memory of one fuzzer in MiB, beyond which it counts as a finding.
const MEMORY: &str = "-rss_limit_mb=2048";
/// Seconds for one input, beyond which it counts as a finding.
const PATIENCE: &str = "-timeout=20";

/// What to fuzz, and for how long.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The targets; all of them without any
    targets: Vec<String>,
    /// Minutes for each target
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Fuzzers at once
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

/// Runs the targets; fails where one finds something.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    requirements::check(&requirements::fuzzing())?;
    let targets = chosen(&arguments.targets)?;
    build()?;
    let waiting = Mutex::new(targets.into_iter());
    let rows = Mutex::new(Vec::new());
    let work = || -> Result<(), Failure> {
        loop {
            let next = waiting.lock().map_err(|error| error.to_string())?.next();
            let Some(target) = next else { return Ok(()) };
            let row = fuzz(target, arguments.minutes)?;
            println!("{target}: {}", row.summary());
            let mut rows = rows.lock().map_err(|error| error.to_string())?;
            rows.push(row);
            report::write(&workspace().join("docs/fuzzing.md"), &rows)?;
        }
    };
    let jobs = arguments.jobs.max(1);
    let ended: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.collect()
    });
    let rows = rows.into_inner().map_err(|error| error.to_string())?;
    for outcome in ended {
        outcome.map_err(|_| "a worker panicked".to_owned())??;
    }
    let found: Vec<_> = rows.iter().filter(|row| row.findings > 0).collect();
    if found.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = found.iter().map(|row| row.target.as_str()).collect();
    Err(format!(
        "found something: {}; the inputs are in {}, the log beside the corpus in {}",
        names.join(", "),
        artifacts("").display(),
        target_folder().join("corpus").display()
    ))
}

fn chosen(names: &[String]) -> Result<Vec<&'static str>, Failure> {
    if names.is_empty() {
        return Ok(TARGETS.to_vec());
    }
    let known = |name: &String| {
        let found = TARGETS.into_iter().find(|target| target == name);
        found.ok_or_else(|| format!("no target {name}: there are {}", TARGETS.join(", ")))
    };
    names.iter().map(known).collect()
}

/// Where fuzzers are built, and where the corpus grows.
fn target_folder() -> PathBuf {
    peers::target().with_file_name("fuzz")
}

fn program(name: &str) -> PathBuf {
    target_folder().join(PLATFORM).join("release").join(name)
}

fn artifacts(target: &str) -> PathBuf {
    workspace().join("fuzz/artifacts").join(target)
}

fn build() -> Result<(), Failure> {
    let mut fuzzers = Command::new(cargo());
    fuzzers
        .current_dir(workspace().join("fuzz"))
        .env("CARGO_TARGET_DIR", target_folder())
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", FLAGS)
        .args(["build", "--release", "--target", PLATFORM]);
    peers::run(&mut fuzzers, "building the fuzzers")?;
    let mut seeds = Command::new(cargo());
    seeds.current_dir(workspace());
    seeds.args(["build", "--release", "--package", "folkmoot-fuzzing"]);
    peers::run(&mut seeds, "building the seeds")
}

/// Fuzzes one target, from all that earlier runs have found on.
fn fuzz(target: &'static str, minutes: u64) -> Result<Row, Failure> {
    let folder = target_folder().join("corpus");
    let corpus = folder.join(target);
    let log = folder.join(format!("{target}.log"));
    let found = artifacts(target);
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut seeds = Command::new(target_folder().with_file_name("release").join("seeds"));
    peers::run(seeds.arg(target).arg(&corpus), "writing seeds")?;
    let committed = corpus::committed(target);
    let before = corpus::files(&found).len();
    let seconds = format!("-max_total_time={}", minutes * 60);
    let prefix = format!("-artifact_prefix={}/", found.display());
    let mut fuzzer = fuzzer(target, &log)?;
    fuzzer.args([&seconds, &prefix, MEMORY, PATIENCE, "-print_final_stats=1"]);
    let earlier = [committed, workspace().join("fuzz/found").join(target)];
    fuzzer.arg(&corpus);
    fuzzer.args(earlier.iter().filter(|folder| folder.is_dir()));
    // How it ends shows in what it leaves.
    let status = fuzzer
        .status()
        .map_err(|error| format!("{target}: {error}"))?;
    let findings = corpus::files(&found).len() - before;
    if !status.success() && findings == 0 {
        return Err(format!("{target} failed: see {}", log.display()));
    }
    if findings == 0 {
        corpus::minimise(target, &corpus, &folder)?;
    }
    Row::read(target, &log, findings)
}

/// A fuzzer whose inputs are no longer than its target takes, on one core, with its output in `log`.
fn fuzzer(target: &str, log: &Path) -> Result<Command, Failure> {
    let failed = |error| format!("{}: {error}", log.display());
    let output = fs::File::create(log).map_err(failed)?;
    let errors = output.try_clone().map_err(failed)?;
    let length: OsString = format!("-max_len={}", corpus::max_length(target)).into();
    let mut command = Command::new(program(target));
    command
        .arg(length)
        .env("RAYON_NUM_THREADS", "1")
        .stdout(output)
        .stderr(errors);
    Ok(command)
}
