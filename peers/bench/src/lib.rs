//! What Folkmoot costs: beside other engines, and beside the primitives that RFC 9420 forces.
#![forbid(unsafe_code)]

mod arguments;
mod credentials;
mod document;
mod engine;
mod folkmoot;
mod hostile;
mod instructions;
mod made;
pub mod memory;
mod mls_rs;
mod openmls;
mod plot;
mod primitives;
mod report;
pub mod steady;

use arguments::{Arguments, Command, Options};
use clap::Parser;
pub use engine::Failure;
use std::process::ExitCode;

/// Counts what is allocated, for `memory` alone.
#[global_allocator]
static HEAP: folkmoot_heap::Heap = folkmoot_heap::Heap;

/// Does what the command line says.
pub fn run() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Engine(options) => measure(&options),
        Command::Instructions(options) => instructions::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("folkmoot-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<(), Failure> {
    let measured = engine::run(options)?;
    if options.json {
        report::print_json(&measured);
    } else {
        print!("{}", report::tables(&measured));
    }
    match &options.report {
        Some(path) => document::write(path, &measured),
        None => Ok(()),
    }
}
