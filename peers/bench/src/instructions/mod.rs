//! How many instructions a receiver's commit takes, and whether that grows with the group: counted by
//! callgrind, so that other work on the machine changes nothing.

mod callgrind;
mod prepared;
mod process;

use crate::arguments::{Instructions, Phase};
use crate::engine::Failure;
use callgrind::Counts;
use std::path::Path;
use std::time::Instant;

/// What the largest group's commit may take, as a multiple of the smallest's: a path is sealed to a few more
/// nodes, its message is as much longer.
const MAX_RATIO: f64 = 1.25;

/// Checks, or does one phase of it.
pub(crate) fn run(options: &Instructions) -> Result<(), Failure> {
    match &options.phase {
        Some(Phase::Prepare { members, into }) => prepared::prepare(*members, into),
        Some(Phase::Process { from }) => process::run(from),
        None => check(&options.members, options.keep.as_deref()),
    }
}

/// Counts at each size, and compares the largest with the smallest.
fn check(members: &[u32], keep: Option<&Path>) -> Result<(), Failure> {
    callgrind::require()?;
    let mut sizes = members.to_vec();
    sizes.sort_unstable();
    sizes.dedup();
    let temporary = tempfile::tempdir().map_err(Failure::new)?;
    let folder = keep.unwrap_or(temporary.path());
    println!("| members | load and first commit | a commit after that | made in | counted in |");
    println!("| --: | --: | --: | --: | --: |");
    let mut counted = Vec::new();
    for members in sizes {
        let begin = Instant::now();
        let place = folder.join(members.to_string());
        prepared::prepare(members, &place)?;
        let made = begin.elapsed();
        let counts = callgrind::count(&place)?;
        let Counts { first, steady } = counts;
        let (made, all) = (made.as_secs_f64(), begin.elapsed().as_secs_f64());
        println!(
            "| {members} | {first} | {steady} | {made:.1} s | {:.1} s |",
            all - made
        );
        counted.push((members, steady));
    }
    let [(small, fewer), .., (large, more)] = counted[..] else {
        return Err(Failure::new("nothing to compare: give two sizes"));
    };
    verdict((small, fewer), (large, more))
}

fn verdict((small, fewer): (u32, u64), (large, more): (u32, u64)) -> Result<(), Failure> {
    let ratio = ratio(more, fewer);
    let said = format!(
        "a commit at {large} members takes {ratio:.3} times the instructions of one at {small}; at most \
         {MAX_RATIO} are allowed"
    );
    if ratio > MAX_RATIO {
        return Err(Failure::new(said));
    }
    println!("\n{said}: passes");
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn ratio(more: u64, fewer: u64) -> f64 {
    more as f64 / (fewer.max(1)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_by_more_than_the_bound_fails() {
        assert!(verdict((1_000, 400), (50_000, 500)).is_ok());
        assert!(verdict((1_000, 400), (50_000, 501)).is_err());
    }
}
