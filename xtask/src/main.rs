//! The project's tasks: `cargo xtask test` runs every test there is, `cargo xtask instructions` checks
//! what a commit costs in a large group, `cargo xtask fuzz` fuzzes, `cargo xtask wasm` tries WebAssembly,
//! `cargo xtask doctor` names what the machine lacks.
#![forbid(unsafe_code)]

mod fuzz;
mod peers;
mod requirements;
mod test;
mod vectors;
mod wasm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the Folkmoot project.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test in the workspace, doc tests too
    Test {
        /// Install what the tests need from Debian's packages first (as root)
        #[arg(long)]
        setup: bool,
    },
    /// Check, by valgrind, that a receiver's commit takes hardly more instructions in a large group
    Instructions {
        /// Install valgrind and what the build needs from Debian's packages first (as root)
        #[arg(long)]
        setup: bool,
    },
    /// Fuzz for a while, keep a small corpus, and write docs/fuzzing.md anew
    Fuzz(fuzz::Arguments),
    /// Build the engine and the client's core for WebAssembly, and run a round trip of each in Node
    Wasm {
        /// Install what this needs from Debian's packages first (as root)
        #[arg(long)]
        setup: bool,
    },
    /// Name what must be on the machine to build, and whether it is there
    Doctor,
}

/// What went wrong and what to do about it, in one line.
type Failure = String;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test { setup } => test::run(setup),
        Task::Instructions { setup } => peers::instructions(setup),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Wasm { setup } => wasm::run(setup),
        Task::Doctor => requirements::doctor(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace: the folder above this package.
fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("xtask lies inside the workspace")
        .to_owned()
}

/// The cargo that runs this task, so that the same toolchain does the work.
fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
