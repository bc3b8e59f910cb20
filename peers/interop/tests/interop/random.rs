//! Random scripts.

use super::{name, rotations, settings};
use interop::{Engine, Script, Tally};

/// Operations of each script.
const OPERATIONS: usize = 250;
/// Scripts for each way to run a group; `FOLKMOOT_SEEDS` asks for more.
const SEEDS: u64 = 2;

/// Plays scripts of fixed seeds, in every way to run a group, each engine creating some of them.
pub(crate) fn play(cast: &[Engine], suite: u16) {
    let first = number("FOLKMOOT_FIRST_SEED").unwrap_or(u64::from(suite) * 1000);
    let seeds = number("FOLKMOOT_SEEDS").unwrap_or(SEEDS);
    let casts = rotations(cast);
    let mut tally = Tally::default();
    for settings in settings(suite) {
        for seed in first..first + seeds {
            let turn = usize::try_from(seed).expect("seeds are small") % casts.len();
            let script = Script {
                seed,
                operations: OPERATIONS,
                cast: casts[turn].clone(),
            };
            match script.run(settings) {
                Ok(run) => tally.add(&run),
                Err(found) => panic!("random script, {}, {settings:?}\n{found}", name(cast)),
            }
        }
    }
    assert!(tally.total() >= OPERATIONS, "a script has operations");
    let seeds = format!("seeds {first} to {}", first + seeds - 1);
    println!(
        "interop: suite {suite}, {}, random scripts, {seeds}: {tally}",
        name(cast)
    );
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().expect("seeds are numbers"))
}
