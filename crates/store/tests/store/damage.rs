//! Files that are not what they should be: named, and left as they are.

use std::fs;

use folkmoot_store::provider::{SqliteOptions, SqliteStore, StoreError};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::durability::beside;
use crate::members::{Member, Provider, new_cores, options, rng};

fn open(options: &SqliteOptions) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(options, new_cores(&mut rng()))
}

/// A database with a few megabytes in it, closed.
fn filled() -> TempDir {
    let provider = Provider::sqlite();
    let alice = Member::creator(&provider, 1);
    for _ in 0..20 {
        let append = alice.application(0, &vec![7; 100_000]);
        alice.append(&provider, append).unwrap();
    }
    let Provider { store, folder, .. } = provider;
    drop(store);
    folder.unwrap()
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    for content in [
        b"not a database, but long enough to be taken for one by its length".repeat(100),
        filled_bytes()[..3000].to_vec(),
        {
            let mut bytes = filled_bytes();
            bytes[..16].fill(0);
            bytes
        },
    ] {
        let folder = TempDir::new().unwrap();
        let options = options(&folder);
        fs::write(&options.path, &content).unwrap();
        let refused = open(&options).unwrap_err();
        assert!(matches!(refused, StoreError::Damaged(_)), "{refused:?}");
        assert!(fs::read(&options.path).unwrap() == content);
        assert!(!beside(&options.path, "-wal").exists());
    }
}

fn filled_bytes() -> Vec<u8> {
    let folder = filled();
    fs::read(options(&folder).path).unwrap()
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let options = options(&folder);
    let other = Connection::open(&options.path).unwrap();
    other.execute_batch("CREATE TABLE recipes (name)").unwrap();
    drop(other);
    let before = fs::read(&options.path).unwrap();
    let refused = open(&options).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged(_)), "{refused:?}");
    assert_eq!(fs::read(&options.path).unwrap(), before);
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let folder = filled();
    let options = options(&folder);
    let newer = Connection::open(&options.path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let before = fs::read(&options.path).unwrap();
    let refused = open(&options).unwrap_err();
    assert!(matches!(refused, StoreError::Newer { found: 99, .. }));
    assert!(fs::read(&options.path).unwrap() == before);
}

#[test]
fn damaged_pages_are_an_error_and_never_an_answer() {
    let folder = filled();
    let options = options(&folder);
    let mut bytes = fs::read(&options.path).unwrap();
    let page = 4096;
    bytes[20 * page..].fill(0xff);
    fs::write(&options.path, &bytes).unwrap();
    let cores = new_cores(&mut rng());
    let Ok(store) = SqliteStore::open(&options, cores.clone()) else {
        panic!("the damage is behind the schema");
    };
    let provider = Provider {
        cores,
        store: Box::new(store),
        folder: Some(folder),
    };
    let alice = Member::new(folkmoot_protocol::GroupId([5; 32]), 1);
    let created = provider.ask(alice.create());
    let read = |group| {
        let action = folkmoot_protocol::Action::Read {
            after: folkmoot_protocol::Sequence(0),
            limit: 256,
        };
        provider.ask(Member::new(group, 1).command(provider.delivery(), action))
    };
    let answers = [created, read(folkmoot_protocol::GroupId([1; 32]))];
    assert!(
        answers
            .iter()
            .any(|answer| matches!(answer, Err(StoreError::Damaged(_)))),
        "{answers:?}"
    );
}

#[test]
fn a_record_that_this_program_cannot_have_written_is_damage() {
    for sabotage in [
        "UPDATE log SET head = x'00'",
        "UPDATE log SET epoch = -1",
        "UPDATE slot SET key = x'0102'",
        "UPDATE entry SET kind = 7",
        "UPDATE entry SET opens = x'ff'",
    ] {
        let provider = Provider::sqlite();
        let alice = Member::creator(&provider, 1);
        alice.append(&provider, alice.commit(0)).unwrap();
        let path = options(provider.folder.as_ref().unwrap()).path;
        let saboteur = Connection::open(path).unwrap();
        saboteur.execute_batch(sabotage).unwrap();
        let action = folkmoot_protocol::Action::Read {
            after: folkmoot_protocol::Sequence(0),
            limit: 256,
        };
        let answer = provider.ask(alice.command(provider.delivery(), action));
        assert!(
            matches!(answer, Err(StoreError::Damaged(_))),
            "{sabotage}: {answer:?}"
        );
    }
}
