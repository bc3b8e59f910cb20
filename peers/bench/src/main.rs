//! What Folkmoot costs: beside other engines, and beside the primitives that RFC 9420 forces.
#![forbid(unsafe_code)]

mod arguments;
mod engine;
mod folkmoot;
mod primitives;
mod report;

use arguments::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

/// Counts what is allocated, for `memory`; everything measured here pays the same for it.
#[global_allocator]
static ALLOCATOR: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, usize::MAX);

/// Bytes allocated at the moment.
fn allocated() -> usize {
    ALLOCATOR.allocated()
}

fn main() -> ExitCode {
    let Command::Engine(options) = Arguments::parse().command;
    match engine::run(&options) {
        Ok(measured) if options.json => report::print_json(&measured),
        Ok(measured) => report::print_table(&measured),
        Err(error) => {
            eprintln!("folkmoot-bench: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
