//! The second workspace, where other engines are compiled and Folkmoot's is measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Failure, cargo, requirements, workspace};

/// Where cargo builds, unless it builds in `target/`.
const TARGET: &str = "CARGO_TARGET_DIR";
/// The benchmark's program.
const BENCH: &str = "folkmoot-bench";

pub(crate) fn folder() -> PathBuf {
    workspace().join("peers")
}

/// Where it is built: two workspaces in one target folder would keep rebuilding each other's crates.
pub(crate) fn target() -> PathBuf {
    let target = std::env::var_os(TARGET).map_or_else(|| PathBuf::from("target"), PathBuf::from);
    workspace().join(target).join("peers")
}

/// Cargo in this workspace's folder.
pub(crate) fn command() -> Command {
    let mut command = Command::new(cargo());
    command.current_dir(folder()).env(TARGET, target());
    command
}

/// Counts the instructions of a receiver's commit; fails where they grow with the group.
pub(crate) fn instructions(setup: bool) -> Result<(), Failure> {
    let required = requirements::counting();
    if setup {
        requirements::install(&required)?;
    } else {
        requirements::check(&required)?;
    }
    // With all that the tests of this workspace are built with, or every crate of it would be built again.
    let build = ["build", "--release", "--workspace"];
    let targets = ["--bin", BENCH, "--bench", "engine"];
    run(
        command().args(build).args(targets),
        "building the benchmark",
    )?;
    let program = target().join("release").join(BENCH);
    run(
        Command::new(program).arg("instructions"),
        "counting instructions",
    )
}

pub(crate) fn run(command: &mut Command, what: &str) -> Result<(), Failure> {
    let program = Path::new(command.get_program()).display().to_string();
    let status = command
        .status()
        .map_err(|error| format!("{program} cannot be run: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{what} failed: its output above says why"))
    }
}
