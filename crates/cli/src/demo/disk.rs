//! A search of everybody's files for what must not be there in the clear.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Most files that are searched: a provider and three people have a few dozen.
const MAX_FILES: usize = 1000;
/// Longest file that is searched, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// The first file below `folder` that contains one of the texts, and which.
pub(super) fn search(folder: &Path, texts: &[&str]) -> Result<Option<(PathBuf, String)>, Failure> {
    let fault = |path: &Path, error: std::io::Error| {
        Failure::internal(format!("{} cannot be searched: {error}", path.display()))
    };
    let mut folders = vec![folder.to_owned()];
    let mut searched = 0;
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().map_err(|error| fault(&folder, error))? {
            let entry = entry.map_err(|error| fault(&folder, error))?;
            let (path, data) = (entry.path(), entry.metadata());
            let data = data.map_err(|error| fault(&path, error))?;
            if data.is_dir() {
                folders.push(path);
                continue;
            }
            searched += 1;
            if searched > MAX_FILES || data.len() > MAX_FILE {
                return Err(Failure::internal(
                    "there is more to search than a demo can leave",
                ));
            }
            let bytes = std::fs::read(&path).map_err(|error| fault(&path, error))?;
            if let Some(text) = texts.iter().find(|text| contains(&bytes, text.as_bytes())) {
                return Ok(Some((path, (*text).to_owned())));
            }
        }
    }
    Ok(None)
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes
        .windows(text.len().max(1))
        .any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_deep_in_a_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("file"), b"\xff\0 the gate is open \0").unwrap();
        assert_eq!(search(folder.path(), &["noon", "closed"]).unwrap(), None);
        let found = search(folder.path(), &["noon", "gate is open"]).unwrap();
        assert_eq!(found, Some((deep.join("file"), "gate is open".to_owned())));
    }
}
