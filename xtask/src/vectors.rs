//! Finds the MLS Working Group's test vectors, which are not part of this repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::{Failure, cargo, workspace};

/// Names the folder of the vectors, for the tests and for whoever runs them.
pub(crate) const VARIABLE: &str = "FOLKMOOT_MLS_VECTORS";

/// The crate that carries a copy of the vectors, and where in its package they lie.
const CARRIER: &str = "openmls";
const CARRIER_FOLDER: &str = "test_vectors";

/// The folder named by the variable, else the one beside the workspace, else the carrier's.
pub(crate) fn find() -> Result<PathBuf, Failure> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        let named = PathBuf::from(named);
        return named
            .canonicalize()
            .map_err(|error| format!("{VARIABLE} names {}: {error}", named.display()));
    }
    let beside = workspace().join("../shared/vectors/mls");
    if beside.is_dir() {
        return beside
            .canonicalize()
            .map_err(|error| format!("{}: {error}", beside.display()));
    }
    carried()
}

/// The copies in the published crate, which cargo fetches and never compiles.
fn carried() -> Result<PathBuf, Failure> {
    let manifest = workspace().join("xtask/vectors/Cargo.toml");
    println!("fetching the test vectors that the crate {CARRIER} carries");
    let output = Command::new(cargo())
        .args([
            "metadata",
            "--locked",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(&manifest)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "the test vectors cannot be fetched: let cargo reach its registry, or set {VARIABLE}"
        ));
    }
    let folder = carrier_in(&output.stdout)
        .ok_or_else(|| format!("cargo's metadata does not name the crate {CARRIER}"))?;
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(format!(
            "{} is not there: set {VARIABLE} to a folder of vectors",
            folder.display()
        ))
    }
}

/// Where the metadata says that the carrier's vectors lie.
fn carrier_in(metadata: &[u8]) -> Option<PathBuf> {
    let metadata: Value = serde_json::from_slice(metadata).ok()?;
    let mut packages = metadata["packages"].as_array()?.iter();
    let carrier = packages.find(|package| package["name"] == CARRIER)?;
    let manifest = Path::new(carrier["manifest_path"].as_str()?);
    Some(manifest.parent()?.join(CARRIER_FOLDER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carrier_is_found_by_its_name() {
        let metadata = br#"{"packages":[
            {"name":"openmls_traits","manifest_path":"/r/openmls_traits-0.2.0/Cargo.toml"},
            {"name":"openmls","manifest_path":"/r/openmls-0.5.0/Cargo.toml"}]}"#;
        assert_eq!(
            carrier_in(metadata),
            Some(PathBuf::from("/r/openmls-0.5.0/test_vectors"))
        );
        assert_eq!(carrier_in(br#"{"packages":[]}"#), None);
        assert_eq!(carrier_in(b"not json"), None);
    }
}
