//! What must be on the machine to build the workspaces and for each task, and Debian's packages for it.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::{Failure, wasm};

/// One thing that the build or a task calls or links.
pub(crate) struct Requirement {
    name: &'static str,
    why: &'static str,
    packages: &'static [&'static str],
    found: fn() -> bool,
}

const C_COMPILER: Requirement = Requirement {
    name: "C compiler",
    why: "compiles aws-lc and SQLCipher, links everything",
    packages: &["gcc", "libc6-dev"],
    found: compiles_c,
};
const MAKE: Requirement = Requirement {
    name: "make",
    why: "builds the vendored OpenSSL",
    packages: &["make"],
    found: || succeeds(Command::new("make").arg("--version")),
};
const PERL: Requirement = Requirement {
    name: "perl",
    why: "configures the vendored OpenSSL",
    packages: &["perl"],
    // Debian's perl-base is a perl without the modules that OpenSSL's Configure loads.
    found: || {
        succeeds(Command::new("perl").args(["-MFindBin", "-MIPC::Cmd", "-MFile::Compare", "-e1"]))
    },
};
const PKG_CONFIG: Requirement = Requirement {
    name: "pkg-config",
    why: "finds the system's OpenSSL",
    packages: &["pkg-config"],
    found: || succeeds(Command::new("pkg-config").arg("--version")),
};
const OPENSSL: Requirement = Requirement {
    name: "libssl-dev",
    why: "the system's OpenSSL, for SQLCipher",
    packages: &["libssl-dev"],
    found: || {
        std::env::var_os("OPENSSL_DIR").is_some()
            || succeeds(Command::new("pkg-config").args(["--exists", "openssl"]))
    },
};
const CPP_COMPILER: Requirement = Requirement {
    name: "C++ compiler",
    why: "compiles libFuzzer, for `cargo xtask fuzz`",
    packages: &["g++"],
    found: || succeeds(Command::new("c++").arg("--version")),
};
const VALGRIND: Requirement = Requirement {
    name: "valgrind",
    why: "counts instructions, for `cargo xtask instructions`",
    packages: &["valgrind"],
    found: || succeeds(Command::new("valgrind").arg("--version")),
};

const WASM_COMPILER: Requirement = Requirement {
    name: "WebAssembly",
    why: "the target, or Debian's compiler and its source, for `cargo xtask wasm`",
    packages: &["rustc-web", "rust-web-src"],
    found: wasm::has_compiler,
};
const WASM_LINKER: Requirement = Requirement {
    name: "wasm linker",
    why: "the toolchain's own or LLVM's, for `cargo xtask wasm`",
    packages: &["lld"],
    found: wasm::has_linker,
};
const NODE: Requirement = Requirement {
    name: "node",
    why: "runs WebAssembly, for `cargo xtask wasm`",
    packages: &["nodejs"],
    found: || succeeds(Command::new("node").arg("--version")),
};

/// Prints each requirement with what was found; fails when one is missing, but for what a single task
/// wants that no test needs.
pub(crate) fn doctor() -> Result<(), Failure> {
    println!(
        "OpenSSL: {}",
        if vendored() {
            "vendored"
        } else {
            "the system's"
        }
    );
    let required = counting();
    let wanted = [CPP_COMPILER, WASM_COMPILER, WASM_LINKER, NODE];
    for (place, requirement) in required.iter().chain(&wanted).enumerate() {
        let state = match (requirement.found)() {
            true => "found",
            false if place < required.len() => "MISSING",
            false => "absent",
        };
        let packages = requirement.packages.join(" ");
        println!(
            "{state:8} {:12} {} (Debian: {packages})",
            requirement.name, requirement.why
        );
    }
    check(&required)
}

/// Installs what is missing from Debian's packages, and nothing when nothing is.
pub(crate) fn install(required: &[Requirement]) -> Result<(), Failure> {
    let packages = missing_packages(required);
    if packages.is_empty() {
        return Ok(());
    }
    let wanted = packages.join(" ");
    if !is_root() {
        return Err(format!(
            "installing needs root: run `apt-get update && apt-get install {wanted}` as root, then again without --setup"
        ));
    }
    println!("installing {wanted}");
    apt_get(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--quiet", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    apt_get(&arguments)?;
    check(required)
}

/// To build and test.
pub(crate) fn building() -> Vec<Requirement> {
    if vendored() {
        vec![C_COMPILER, MAKE, PERL]
    } else {
        vec![C_COMPILER, PKG_CONFIG, OPENSSL]
    }
}

/// To build, and to count instructions.
pub(crate) fn counting() -> Vec<Requirement> {
    let mut required = building();
    required.push(VALGRIND);
    required
}

/// To build the fuzzers.
pub(crate) fn fuzzing() -> Vec<Requirement> {
    let mut required = building();
    required.push(CPP_COMPILER);
    required
}

/// To build for WebAssembly, and to run that.
pub(crate) fn wasm() -> Vec<Requirement> {
    vec![C_COMPILER, WASM_COMPILER, WASM_LINKER, NODE]
}

/// Whether OpenSSL is built from its source: openssl-sys' own rule.
fn vendored() -> bool {
    std::env::var_os("OPENSSL_NO_VENDOR").is_none_or(|value| value == "0")
}

/// Fails with the names of what is missing.
pub(crate) fn check(required: &[Requirement]) -> Result<(), Failure> {
    let missing: Vec<_> = required
        .iter()
        .filter(|one| !(one.found)())
        .map(|one| one.name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "missing: {}; on Debian: `apt-get install {}` as root, or the task again with --setup",
        missing.join(", "),
        missing_packages(required).join(" ")
    ))
}

fn missing_packages(required: &[Requirement]) -> Vec<&'static str> {
    let missing = required.iter().filter(|one| !(one.found)());
    missing
        .flat_map(|one| one.packages.iter().copied())
        .collect()
}

fn compiles_c() -> bool {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let spawned = Command::new(compiler)
        .args(["-E", "-x", "c", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = spawned else { return false };
    let written = child.stdin.take().is_some_and(|mut input| {
        // The headers come in a package of their own.
        input.write_all(b"#include <stdlib.h>\n").is_ok()
    });
    child.wait().is_ok_and(|status| status.success()) && written
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    let answer = Command::new("id").arg("-u").output();
    answer.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn apt_get(arguments: &[&str]) -> Result<(), Failure> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .map_err(|error| {
            format!("apt-get cannot be run ({error}): install the packages by hand")
        })?;
    if status.success() {
        Ok(())
    } else {
        Err(format!(
            "`apt-get {}` failed: its output above says why",
            arguments.join(" ")
        ))
    }
}
