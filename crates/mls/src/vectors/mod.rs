//! The MLS Working Group's test vectors, one test per file.
//!
//! Their formats are those of `test-vectors.md` in `mlswg/mls-implementations`. The files are not part
//! of this repository: the tests look in the folder that `FOLKMOOT_MLS_VECTORS` names, else beside the
//! workspace.

mod basics;
mod clients;
mod hex;
mod messages;
mod passive;
mod protection;
mod schedule;
mod tree;
mod treekem;
mod welcome;

use folkmoot_crypto::{CipherSuite, Crypto, provider};
use hex::Hex;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Names the folder of the vectors.
const VARIABLE: &str = "FOLKMOOT_MLS_VECTORS";
/// Where the vectors are without it, from this crate's folder.
const BESIDE_THE_WORKSPACE: &str = "../../../shared/vectors/mls";
/// Makes the tests' own keys the same in every run.
const SEED: u64 = 9420;
/// The cipher suites of RFC 9420 §17.1.
const DEFINED_SUITES: core::ops::RangeInclusive<u16> = 1..=7;

/// Runs every case of a file that depends on no cipher suite.
fn run<T: DeserializeOwned>(file: &str, mut case: impl FnMut(T)) {
    let Some(cases) = read(file) else { return };
    let mut tally = Tally::new(file, cases.len());
    for (number, value) in cases.into_iter().enumerate() {
        let _named = Named { file, number };
        case(parse(value));
        tally.ran += 1;
    }
    tally.report();
    assert!(tally.ran > 0, "{file} has no case");
}

/// Runs every case of a file; one of a cipher suite that RFC 9420 does not define cannot run.
fn run_suites<T: DeserializeOwned>(file: &str, mut case: impl FnMut(&'static dyn Crypto, T)) {
    let Some(cases) = read(file) else { return };
    let mut tally = Tally::new(file, cases.len());
    for (number, value) in cases.into_iter().enumerate() {
        let _named = Named { file, number };
        let suite = cipher_suite(&value);
        match provider(suite) {
            Some(crypto) => case(crypto, parse(value)),
            None if DEFINED_SUITES.contains(&suite.0) => {
                panic!("{suite:?} has no provider")
            }
            None => continue,
        }
        tally.ran += 1;
        *tally.suites.entry(suite).or_default() += 1;
    }
    tally.report();
    assert!(tally.ran > 0, "{file} has no case");
}

/// A case's suite; an older revision of one file names none, and its cases are of suite 1.
fn cipher_suite(case: &Value) -> CipherSuite {
    match case.get("cipher_suite") {
        Some(suite) => CipherSuite(serde_json::from_value(suite.clone()).unwrap()),
        None => CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519,
    }
}

fn parse<T: DeserializeOwned>(case: Value) -> T {
    serde_json::from_value(case).expect("the case has its file's format")
}

/// The cases of a file; none where the file is not there, said on stderr.
fn read(file: &str) -> Option<Vec<Value>> {
    let path = folder()?.join(file);
    if !path.is_file() {
        eprintln!("skipped {file}: {} is not there", path.display());
        return None;
    }
    let text = std::fs::read_to_string(&path).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        let named = PathBuf::from(named);
        assert!(
            named.is_dir(),
            "{VARIABLE} names {}, which is no folder",
            named.display()
        );
        return Some(named);
    }
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(BESIDE_THE_WORKSPACE);
    if beside.is_dir() {
        return Some(beside);
    }
    eprintln!(
        "skipped the test vectors: {VARIABLE} is not set and {} is not there",
        beside.display()
    );
    None
}

/// Random bytes for what a test makes itself.
fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(SEED)
}

/// How many cases of a file ran, and of which suites.
struct Tally<'a> {
    file: &'a str,
    total: usize,
    ran: usize,
    suites: BTreeMap<CipherSuite, usize>,
}

impl<'a> Tally<'a> {
    fn new(file: &'a str, total: usize) -> Self {
        Self {
            file,
            total,
            ran: 0,
            suites: BTreeMap::new(),
        }
    }

    fn report(&self) {
        let suites = self.suites.iter();
        let suites: Vec<_> = suites
            .map(|(suite, count)| format!("suite {}: {count}", suite.0))
            .collect();
        let suites = match suites.len() {
            0 => String::new(),
            _ => format!(" ({})", suites.join(", ")),
        };
        let (file, ran, total) = (self.file, self.ran, self.total);
        println!("vectors: {file} ran {ran} of {total} cases{suites}");
    }
}

/// Says which case failed.
struct Named<'a> {
    file: &'a str,
    number: usize,
}

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in case {} of {}, from 0", self.number, self.file);
        }
    }
}
