//! Writes a target's seeds: `seeds <target> <folder>`.
#![forbid(unsafe_code)]

use folkmoot_fuzzing::TARGETS;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(name), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("seeds <target> <folder>");
        return ExitCode::FAILURE;
    };
    let Some(target) = TARGETS.iter().find(|target| name == target.name) else {
        eprintln!("there is no such target");
        return ExitCode::FAILURE;
    };
    let folder = PathBuf::from(folder);
    for (place, seed) in target.seeds().iter().enumerate() {
        if let Err(error) = std::fs::write(folder.join(format!("seed-{place:03}")), seed) {
            eprintln!("{}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
