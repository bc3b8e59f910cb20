//! Profiles that are missing, in use or damaged: said in one line, and never made worse.

use std::fs;
use std::path::{Path, PathBuf};

use folkmoot_client::Client;

use crate::kit::{Person, Provider};

/// How often a test asks for its turn before it fails.
const TURNS: usize = 100;

const COMMANDS: [&[&str]; 4] = [
    &["whoami"],
    &["read"],
    &["send", "meadow", "hello"],
    &["group", "list"],
];

#[test]
fn a_missing_profile_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for profile in [folder.path().join("none"), folder.path().to_owned()] {
        let nobody = Person {
            profile: profile.clone(),
        };
        for words in COMMANDS {
            let message = nobody
                .json(words.iter().copied())
                .fails(9, "profile-missing");
            assert!(message.contains("register"), "{message}");
        }
    }
    assert!(
        fs::read_dir(folder.path()).unwrap().next().is_none(),
        "looking leaves nothing behind"
    );
}

#[test]
fn a_second_process_waits_its_turn() {
    let provider = Provider::start();
    let alice = provider.person("alice");
    let held = Client::open(&alice.profile).unwrap();
    for words in COMMANDS {
        let message = alice.json(words.iter().copied()).fails(9, "profile-locked");
        assert!(message.contains("in use"), "{message}");
    }
    let words = ["register", "alice", "--provider", &provider.address];
    alice.json(words).fails(9, "profile-locked");
    drop(held);
    // A child of another test holds what it inherited until it has become its own program.
    let mut turns = (0..TURNS).map(|_| alice.json(["whoami"]));
    let freed = turns.find(|ran| ran.exit != Some(9));
    freed.expect("the profile is free").only("whoami");
}

#[test]
fn a_damaged_profile_is_left_as_it_is() {
    let provider = Provider::start();
    let alice = provider.person("alice");
    alice.json(["group", "create", "meadow"]).only("created");
    let whole: Vec<_> = contents(&alice.profile)
        .into_iter()
        .filter(|(path, bytes)| !bytes.is_empty() && !is_log(path))
        .collect();
    assert_eq!(whole.len(), 2, "a key and a database");
    for (path, bytes) in &whole {
        for damage in [
            flipped(bytes),
            bytes[..bytes.len() / 2].to_vec(),
            Vec::new(),
        ] {
            fs::write(path, damage).unwrap();
            let damaged = contents(&alice.profile);
            for words in COMMANDS {
                let message = alice
                    .json(words.iter().copied())
                    .fails(9, "profile-damaged");
                assert!(message.contains("Nothing was deleted"), "{message}");
            }
            let again = ["register", "alice", "--provider", &provider.address];
            alice.json(again).fails(9, "profile-damaged");
            assert!(
                contents(&alice.profile) == damaged,
                "{} was touched",
                path.display()
            );
        }
        fs::write(path, bytes).unwrap();
    }
    alice.json(["send", "meadow", "whole again"]).only("sent");
}

#[test]
fn a_lost_file_is_not_made_anew() {
    let provider = Provider::start();
    let alice = provider.person("alice");
    for file in ["profile.key", "profile.db"] {
        let path = alice.profile.join(file);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let without = contents(&alice.profile);
        let message = alice.json(["whoami"]).fails(9, "profile-damaged");
        assert!(message.contains(file), "{message}");
        alice
            .json(["register", "alice", "--provider", &provider.address])
            .fails(9, "profile-damaged");
        assert!(contents(&alice.profile) == without);
        fs::write(&path, bytes).unwrap();
        alice.json(["whoami"]).only("whoami");
    }
}

/// A database's log and index of it, which come and go.
fn is_log(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with("-wal") || name.ends_with("-shm")
}

/// The same with bits turned in its first block and its middle.
fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    let middle = flipped.len() / 2;
    flipped[0] ^= 0x55;
    flipped[middle] ^= 0x55;
    flipped
}

/// All files of a folder, with what is in them.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut contents: Vec<_> = files
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    contents.sort();
    contents
}
