//! What the fuzzers have found is tried again, what they have reached, and what they start from.
#![allow(
    clippy::unwrap_used,
    reason = "a corpus that cannot be read has failed"
)]

use folkmoot_fuzzing::{TARGETS, Target};
use std::path::PathBuf;

/// One input per file of `fuzz/<kind>/<target>`, where that is there.
fn inputs(kind: &str, target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = package.join("../../fuzz").join(kind).join(target.name);
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).unwrap();
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

fn replay(target: &Target) {
    let corpus = inputs("corpus", target);
    assert!(!corpus.is_empty(), "{} has no corpus", target.name);
    for (path, bytes) in inputs("found", target).iter().chain(&corpus) {
        println!("{}", path.display());
        target.run(bytes);
    }
    for seed in target.seeds() {
        target.run(&seed);
    }
}

/// One test for each, so that all cores are at it and a failure says whose it is.
macro_rules! replayed {
    ($($test:ident: $target:ident,)*) => {
        $(#[test]
        fn $test() {
            replay(&folkmoot_fuzzing::$target);
        })*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(folkmoot_fuzzing::$target.name),*];
            assert!(TARGETS.iter().map(|target| target.name).eq(replayed));
        }
    };
}

replayed! {
    decode: DECODE,
    protocol: PROTOCOL,
    certificates: CERTIFICATES,
    outsider: OUTSIDER,
    insider: INSIDER,
    welcome: WELCOME,
    external: EXTERNAL,
    observer: OBSERVER,
    records: RECORDS,
}
