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

/// What became of a case that did not fail.
enum Outcome {
    /// All its steps held.
    Ran,
    /// It uses a feature that the engine does not have.
    Needs(&'static str),
}

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

/// Runs the cases of a file whose cipher suite is implemented.
fn run_suites<T: DeserializeOwned>(
    file: &str,
    mut case: impl FnMut(&'static dyn Crypto, T) -> Outcome,
) {
    let Some(cases) = read(file) else { return };
    let mut tally = Tally::new(file, cases.len());
    for (number, value) in cases.into_iter().enumerate() {
        let _named = Named { file, number };
        let suite = cipher_suite(&value);
        tally.of_suite_one |= suite == CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
        match provider(suite).map(|crypto| case(crypto, parse(value))) {
            Some(Outcome::Ran) => tally.ran += 1,
            Some(Outcome::Needs(feature)) => *tally.needs.entry(feature).or_default() += 1,
            None => tally.other_suites += 1,
        }
    }
    tally.report();
    assert!(
        tally.ran > 0 || !tally.needs.is_empty() || !tally.of_suite_one,
        "{file} has cases of suite 1 and none ran"
    );
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

/// How many cases of a file ran, and why the others did not.
struct Tally<'a> {
    file: &'a str,
    total: usize,
    ran: usize,
    of_suite_one: bool,
    other_suites: usize,
    needs: BTreeMap<&'static str, usize>,
}

impl<'a> Tally<'a> {
    fn new(file: &'a str, total: usize) -> Self {
        Self {
            file,
            total,
            ran: 0,
            of_suite_one: false,
            other_suites: 0,
            needs: BTreeMap::new(),
        }
    }

    fn report(&self) {
        let mut reasons = Vec::new();
        if self.other_suites > 0 {
            reasons.push(format!(
                "{} of cipher suites not implemented",
                self.other_suites
            ));
        }
        let needs = self.needs.iter();
        reasons.extend(needs.map(|(feature, count)| format!("{count} need {feature}")));
        let reasons = match reasons.len() {
            0 => String::new(),
            _ => format!(" ({})", reasons.join(", ")),
        };
        let (file, ran, total) = (self.file, self.ran, self.total);
        println!("vectors: {file} ran {ran} of {total} cases{reasons}");
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
