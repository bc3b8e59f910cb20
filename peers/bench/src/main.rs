//! What Folkmoot costs: beside other engines, and beside the primitives that RFC 9420 forces.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    folkmoot_bench::run()
}
