//! Runs all tests and shows how many cases each file of vectors gave, and what was compared with peers.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::{Failure, cargo, peers, requirements, vectors, workspace};

/// What a test prints about a vector file starts with this.
const VECTORS: &str = "vectors:";
/// What it prints about one that is not there starts with this.
const SKIPPED: &str = "skipped ";
/// What a test prints about groups with other engines starts with this.
const INTEROP: &str = "interop:";

/// Runs every test, with `setup` after installing what they need.
pub(crate) fn run(setup: bool) -> Result<(), Failure> {
    let required = requirements::building();
    if setup {
        requirements::install(&required)?;
    } else {
        requirements::check(&required)?;
    }
    let folder = vectors::find()?;
    println!("MLS test vectors: {}", folder.display());
    let mut filter = Filter::default();
    let mut product = Command::new(cargo());
    product.current_dir(workspace());
    product.env(vectors::VARIABLE, folder);
    show(product, &mut filter)?;
    show(peers::command(), &mut filter)?;
    report(filter)
}

/// Runs a workspace's tests and passes their output on as the filter lets it.
fn show(mut cargo: Command, filter: &mut Filter) -> Result<(), Failure> {
    let mut tests = cargo
        .args(["test", "--release", "--workspace", "--", "--show-output"])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    let output = tests.stdout.take().expect("stdout was piped");
    for line in BufReader::new(output).lines() {
        let line = line.map_err(|error| format!("reading the tests' output: {error}"))?;
        if filter.shows(&line) {
            println!("{line}");
        }
    }
    let status = tests
        .wait()
        .map_err(|error| format!("waiting for the tests: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err("a test failed: its output is above".to_owned())
    }
}

/// Fails without counts: a run that read no vectors, or met no peer, has not shown what it is for.
fn report(mut ran: Filter) -> Result<(), Failure> {
    if ran.vectors.is_empty() {
        return Err("no test reported a vector file".to_owned());
    }
    if ran.interop.is_empty() {
        return Err("no test reported a group with another engine".to_owned());
    }
    ran.vectors.sort();
    // More than one test may run a file.
    ran.vectors.dedup();
    ran.interop.sort();
    println!("\ntest vectors, cases per file:");
    for line in ran.vectors.iter().chain(&ran.skipped) {
        println!("  {line}");
    }
    // A divergence fails its test, and none did, or this would not be reached.
    println!("\ngroups with other engines, 0 divergences:");
    for line in &ran.interop {
        println!("  {line}");
    }
    println!("\nall tests passed");
    Ok(())
}

/// Keeps the output of passing tests back, except for what they say about vectors and peers.
#[derive(Default)]
struct Filter {
    in_successes: bool,
    vectors: Vec<String>,
    skipped: Vec<String>,
    interop: Vec<String>,
}

impl Filter {
    /// Whether to print a line of libtest's output (`--show-output` lists passing tests' output
    /// between `successes:` and either `failures:` or the result).
    fn shows(&mut self, line: &str) -> bool {
        if line == "successes:" {
            self.in_successes = true;
        } else if line == "failures:" || line.starts_with("test result:") {
            self.in_successes = false;
        }
        if self.in_successes {
            if let Some(count) = line.strip_prefix(VECTORS) {
                self.vectors.push(count.trim().to_owned());
            } else if line.starts_with(SKIPPED) {
                self.skipped.push(line.to_owned());
            } else if let Some(group) = line.strip_prefix(INTEROP) {
                self.interop.push(group.trim().to_owned());
            }
        }
        !self.in_successes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_tests_give_their_counts_and_failing_ones_their_output() {
        let output = [
            "test tree_math ... ok",
            "successes:",
            "---- tree_math stdout ----",
            "vectors: tree-math.json: 10 cases",
            "skipped psk.json: /nowhere/psk.json is not there",
            "interop: suite 1, all: 3 operations",
            "chatter",
            "successes:",
            "    tree_math",
            "failures:",
            "---- welcome stdout ----",
            "vectors: welcome.json: 1 case",
            "test result: FAILED. 1 passed; 1 failed",
        ];
        let mut filter = Filter::default();
        let shown: Vec<_> = output
            .into_iter()
            .filter(|line| filter.shows(line))
            .collect();
        assert_eq!(shown.len(), 5, "{shown:?}");
        assert!(shown.contains(&"---- welcome stdout ----"));
        assert_eq!(filter.vectors, ["tree-math.json: 10 cases"]);
        assert_eq!(filter.skipped.len(), 1);
        assert_eq!(filter.interop, ["suite 1, all: 3 operations"]);
        report(filter).unwrap();
    }

    #[test]
    fn a_run_without_vectors_or_without_peers_fails() {
        let some = || vec!["one case".to_owned()];
        assert!(report(Filter::default()).is_err());
        let without_peers = Filter {
            vectors: some(),
            ..Filter::default()
        };
        assert!(report(without_peers).is_err());
        let without_vectors = Filter {
            interop: some(),
            ..Filter::default()
        };
        assert!(report(without_vectors).is_err());
    }
}
