//! Builds the engine and the client's core for WebAssembly, and lets them go round in Node.
//!
//! A toolchain that has the target is taken as it is. Elsewhere Debian's compiler builds the standard library
//! from Debian's copy of its source, which the stable compiler does once `RUSTC_BOOTSTRAP` lets it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Failure, cargo, peers, requirements, workspace};

const PLATFORM: &str = "wasm32-unknown-unknown";
/// Debian's compiler, whatever else is in the path.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Builds and runs the round trips, with `setup` after installing what they need.
pub(crate) fn run(setup: bool) -> Result<(), Failure> {
    let required = requirements::wasm();
    if setup {
        requirements::install(&required)?;
    } else {
        requirements::check(&required)?;
    }
    let target = peers::target().with_file_name("wasm");
    let mut build = Command::new(cargo());
    build
        .current_dir(workspace())
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .args(["build", "--release", "--package", "folkmoot-wasm"])
        .args(["--target", PLATFORM]);
    if !has_target() {
        build
            .env("RUSTC", DEBIAN_RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker())
            .arg("-Zbuild-std=std,panic_abort");
    }
    peers::run(&mut build, "building the module")?;
    let module = target.join(PLATFORM).join("release/folkmoot_wasm.wasm");
    let mut node = Command::new("node");
    node.arg(workspace().join("wasm/round-trip.mjs"))
        .arg(module);
    peers::run(&mut node, "the round trip")
}

/// Whether the toolchain in use has the target's standard library.
fn has_target() -> bool {
    let folder = printed("rustc", &["--print", "target-libdir", "--target", PLATFORM]);
    folder.is_some_and(|folder| Path::new(&folder).is_dir())
}

/// Whether there is a compiler for the target, and a standard library or its source.
pub(crate) fn has_compiler() -> bool {
    let root = || printed(DEBIAN_RUSTC, &["--print", "sysroot"]);
    let source = |root: String| {
        Path::new(&root)
            .join("lib/rustlib/src/rust/library/std")
            .is_dir()
    };
    has_target() || root().is_some_and(source)
}

/// The linker that the toolchain in use brings, or LLVM's own.
fn linker() -> PathBuf {
    let root = printed("rustc", &["--print", "sysroot"]).map(PathBuf::from);
    let host = printed("rustc", &["--print", "host-tuple"]);
    let brought = root.zip(host).map(|(root, host)| {
        let tools = root.join("lib/rustlib").join(host).join("bin");
        tools.join("rust-lld")
    });
    let brought = brought.filter(|linker| linker.is_file());
    brought.unwrap_or_else(|| PathBuf::from("wasm-ld"))
}

/// Whether there is one.
pub(crate) fn has_linker() -> bool {
    has_target() || printed(linker(), &["-flavor", "wasm", "--version"]).is_some()
}

/// What a program prints in one line.
fn printed(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
