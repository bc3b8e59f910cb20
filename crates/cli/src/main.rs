//! `folkmoot`: a provider, a client and a demonstration of both in one binary.
//!
//! Commands are thin: they parse their arguments, ask the SDK (`folkmoot_client`) or the server
//! (`folkmoot_server`), and print what came of it, for a person or as one JSON object per line.
//! Whatever can go wrong is one line on stderr and an exit code that `folkmoot --help` lists.
//!
//! ```text
//! folkmoot serve --registration open                     # prints folkmoot://…
//! folkmoot register alice --provider 'folkmoot://…'
//! folkmoot group create meadow
//! folkmoot send meadow 'The gate is open.'
//! ```
#![forbid(unsafe_code)]

mod arguments;
mod command;
mod demo;
mod failure;
mod input;
mod logging;
mod output;
mod profile;
mod report;
mod timeline;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    // An error means that a provider is installed, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return arguments::refuse(&error),
    };
    let mut output = Output::new(arguments.json);
    match run(arguments, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.fail(&failure),
    }
}

fn run(arguments: Arguments, output: &mut Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("the runtime does not start: {error}")))?;
    runtime.block_on(command::run(arguments, output))
}
