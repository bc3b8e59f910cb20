//! Where a person's keys and messages are kept when nothing else is said.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::failure::Failure;

/// Names the folder of the profile; `--profile` comes before it.
const PROFILE_VARIABLE: &str = "FOLKMOOT_PROFILE";
/// Below the user's data folder.
const PROFILE_FOLDER: &str = "folkmoot/profile";

/// The profile's folder: what was said, else the variable, else the user's data folder.
pub(crate) fn folder(said: Option<PathBuf>) -> Result<PathBuf, Failure> {
    choose(said, |name| std::env::var_os(name)).ok_or_else(|| {
        Failure::usage("there is no home folder; say with --profile where to keep the profile")
    })
}

fn choose(said: Option<PathBuf>, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name| {
        variable(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    said.or_else(|| folder(PROFILE_VARIABLE)).or_else(|| {
        // A relative data folder is to be ignored (XDG Base Directory Specification).
        let data = folder("XDG_DATA_HOME")
            .filter(|data| data.is_absolute())
            .or_else(|| Some(folder("HOME")?.join(".local/share")))?;
        Some(data.join(PROFILE_FOLDER))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(said: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let folder = choose(said.map(PathBuf::from), variable);
        folder.map(|folder| folder.to_string_lossy().into_owned())
    }

    #[test]
    fn the_nearest_word_counts() {
        let all = [
            ("FOLKMOOT_PROFILE", "/p"),
            ("XDG_DATA_HOME", "/data"),
            ("HOME", "/home/a"),
        ];
        assert_eq!(chosen(Some("here"), &all).unwrap(), "here");
        assert_eq!(chosen(None, &all).unwrap(), "/p");
        assert_eq!(chosen(None, &all[1..]).unwrap(), "/data/folkmoot/profile");
        let home = "/home/a/.local/share/folkmoot/profile";
        assert_eq!(chosen(None, &all[2..]).unwrap(), home);
        let relative = [
            ("XDG_DATA_HOME", "data"),
            ("FOLKMOOT_PROFILE", ""),
            ("HOME", "/home/a"),
        ];
        assert_eq!(chosen(None, &relative).unwrap(), home);
        assert_eq!(chosen(None, &[]), None);
    }
}
