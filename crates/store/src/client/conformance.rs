//! What every client's store must do, asked of all of them.

use std::fs;
use std::path::Path;

use folkmoot_crypto::Secret;
use folkmoot_mls::{Change, Delta, Epoch, RecordKey, Records, Timestamp};
use folkmoot_protocol::{ChainHead, GroupId, Sequence, SlotId};

use super::{
    Account, ClientChange, ClientStore, ClientStoreError, DATABASE_FILE, GroupRecords, GroupRow,
    GroupState, InboxMark, Intent, Join, KEY_FILE, KeyPackageRow, MemoryStore, MessageRow,
    Outgoing, ProfileFolder, SqlCipherStore,
};

const KEY: [u8; ProfileFolder::KEY_LENGTH] = [7; ProfileFolder::KEY_LENGTH];
const GROUP: GroupId = GroupId([1; 32]);
const OTHER: GroupId = GroupId([2; 32]);

fn on_disk(folder: &Path) -> Result<SqlCipherStore, ClientStoreError> {
    SqlCipherStore::open(ProfileFolder::open_or_create(folder, KEY)?)
}

/// Runs a test against each kind of store, empty.
fn with_each(test: impl Fn(&mut dyn ClientStore)) {
    test(&mut MemoryStore::default());
    let folder = tempfile::tempdir().unwrap();
    test(&mut on_disk(folder.path()).unwrap());
}

fn secret(bytes: &[u8]) -> Secret {
    Secret::from(bytes)
}

fn account() -> Account {
    Account {
        address: "folkmoot://localhost:1/".to_owned(),
        device: "mimi://example.org/d/alice/phone".parse().unwrap(),
        device_key: secret(b"seed"),
        provider: None,
        certificate: None,
    }
}

fn group(id: GroupId) -> GroupRow {
    GroupRow {
        id,
        name: "books".to_owned(),
        state: GroupState::Creating,
        leaving: false,
        halted: true,
        cursor: Sequence(u64::MAX),
        head: ChainHead([3; 32]),
        slot: SlotId([4; 16]),
        slot_key: secret(b"slot key"),
        epoch: Epoch(u64::MAX - 1),
        members: 2,
    }
}

fn message(group: GroupId, sequence: u64, time: u64, own: bool) -> MessageRow {
    MessageRow {
        group,
        sequence: Sequence(sequence),
        epoch: Epoch(5),
        sender: "mimi://example.org/d/bob/laptop".parse().unwrap(),
        text: format!("message {sequence} «ü»"),
        time: Timestamp(time),
        own,
        read: false,
    }
}

fn put(key: &[u8], value: &[u8]) -> Change {
    Change::Put {
        key: RecordKey(key.to_vec()),
        value: secret(value),
    }
}

fn delta(changes: Vec<Change>) -> Delta {
    Delta { changes }
}

#[test]
fn account_and_inbox_come_back() {
    with_each(|store| {
        assert_eq!(store.account().unwrap(), None);
        assert_eq!(store.inbox_mark().unwrap(), InboxMark::default());
        let registered = Account {
            provider: Some(b"info".to_vec()),
            certificate: Some(b"der".to_vec()),
            ..account()
        };
        let mark = InboxMark {
            read: u64::MAX,
            acknowledged: 3,
        };
        store
            .apply(vec![
                ClientChange::PutAccount(account()),
                ClientChange::PutAccount(registered.clone()),
                ClientChange::PutInboxMark(mark),
            ])
            .unwrap();
        assert_eq!(store.account().unwrap(), Some(registered));
        assert_eq!(store.inbox_mark().unwrap(), mark);
    });
}

#[test]
fn groups_keep_every_field_and_all_numbers() {
    with_each(|store| {
        let removed = GroupRow {
            state: GroupState::Removed,
            leaving: true,
            ..group(GROUP)
        };
        store
            .apply(vec![
                ClientChange::PutGroup(group(OTHER)),
                ClientChange::PutGroup(group(GROUP)),
                ClientChange::PutGroup(removed.clone()),
            ])
            .unwrap();
        assert_eq!(store.groups().unwrap(), [removed.clone(), group(OTHER)]);
        assert_eq!(store.group(&GROUP).unwrap(), Some(removed));
        for state in [GroupState::Active, GroupState::Stuck] {
            let row = GroupRow {
                state,
                ..group(GROUP)
            };
            store
                .apply(vec![ClientChange::PutGroup(row.clone())])
                .unwrap();
            assert_eq!(store.group(&GROUP).unwrap(), Some(row));
        }
        assert_eq!(store.group(&GroupId([9; 32])).unwrap(), None);
    });
}

#[test]
fn a_groups_records_follow_its_deltas() {
    with_each(|store| {
        let first = delta(vec![
            put(b"a\xff", b"1"),
            put(b"a\xff\xff", b"2"),
            put(b"b", b"3"),
            put(b"\xff", b"4"),
        ]);
        let elsewhere = delta(vec![put(b"a\xff", b"other")]);
        store
            .apply(vec![
                ClientChange::Records(GROUP, first),
                ClientChange::Records(OTHER, elsewhere),
            ])
            .unwrap();
        let scan = |store: &dyn ClientStore, prefix: &[u8]| -> Vec<Vec<u8>> {
            let found = GroupRecords::new(store, GROUP).scan(prefix).unwrap();
            found
                .into_iter()
                .map(|(_, value)| value.expose().to_vec())
                .collect()
        };
        assert_eq!(scan(store, b""), [b"1", b"2", b"3", b"4"]);
        assert_eq!(scan(store, b"a\xff"), [b"1", b"2"]);
        assert_eq!(scan(store, b"\xff"), [b"4"]);

        let second = delta(vec![
            put(b"b", b"5"),
            Change::Erase {
                key: RecordKey(b"\xff".to_vec()),
            },
            Change::EraseAll {
                prefix: RecordKey(b"a".to_vec()),
            },
            put(b"a", b"6"),
        ]);
        store
            .apply(vec![ClientChange::Records(GROUP, second)])
            .unwrap();
        assert_eq!(scan(store, b""), [b"6", b"5"]);
        let key = RecordKey(b"b".to_vec());
        let read = GroupRecords::new(&*store, GROUP).get(&key).unwrap();
        assert_eq!(read, Some(secret(b"5")));

        store
            .apply(vec![ClientChange::EraseRecords(GROUP)])
            .unwrap();
        assert_eq!(scan(store, b""), Vec::<Vec<u8>>::new());
        assert!(
            store
                .record(&OTHER, &RecordKey(b"a\xff".to_vec()))
                .unwrap()
                .is_some()
        );
    });
}

#[test]
fn key_packages_wait_for_upload_and_expire() {
    with_each(|store| {
        let row = |reference: u8, expires| KeyPackageRow {
            reference: vec![reference],
            package: vec![reference; 3],
            secrets: Some(secret(b"private")),
            expires: Timestamp(expires),
            uploaded: false,
        };
        let put = |row| ClientChange::PutKeyPackage(row);
        store
            .apply(vec![put(row(1, 30)), put(row(2, 20)), put(row(3, 10))])
            .unwrap();
        let used = KeyPackageRow {
            secrets: None,
            uploaded: true,
            ..row(2, 20)
        };
        store.apply(vec![put(used.clone())]).unwrap();
        assert_eq!(
            store.key_packages_to_upload(9).unwrap(),
            [row(3, 10), row(1, 30)]
        );
        assert_eq!(store.key_packages_to_upload(1).unwrap(), [row(3, 10)]);
        let expired_before = Timestamp(20);
        store
            .apply(vec![ClientChange::EraseKeyPackages { expired_before }])
            .unwrap();
        assert_eq!(store.key_package(&[3]).unwrap(), None);
        assert_eq!(store.key_package(&[2]).unwrap(), Some(used));
    });
}

#[test]
fn queues_keep_their_order() {
    with_each(|store| {
        let intent = |id, group| Intent {
            id,
            group,
            body: secret(&id.to_be_bytes()),
        };
        let join = |reference: u8, body: u8| Join {
            reference: vec![reference],
            body: secret(&[body]),
        };
        let outgoing = |body: &[u8]| Outgoing {
            group: GROUP,
            body: secret(body),
        };
        store
            .apply(vec![
                ClientChange::PutIntent(intent(2, Some(GROUP))),
                ClientChange::PutIntent(intent(1, None)),
                ClientChange::AddPost(secret(b"first")),
                ClientChange::AddPost(secret(b"second")),
                ClientChange::PutJoin(join(9, 1)),
                ClientChange::PutJoin(join(1, 2)),
                ClientChange::PutJoin(join(9, 3)),
                ClientChange::PutOutgoing(outgoing(b"old")),
                ClientChange::PutOutgoing(outgoing(b"new")),
            ])
            .unwrap();
        assert_eq!(
            store.intents().unwrap(),
            [intent(1, None), intent(2, Some(GROUP))]
        );
        assert_eq!(store.joins().unwrap(), [join(9, 3), join(1, 2)]);
        assert_eq!(store.outgoing(&GROUP).unwrap(), Some(outgoing(b"new")));
        let posts = store.posts(9).unwrap();
        assert_eq!(posts[0].body, secret(b"first"));
        store
            .apply(vec![
                ClientChange::EraseIntent(1),
                ClientChange::EraseIntent(77),
                ClientChange::ErasePost(posts[0].id),
                ClientChange::ErasePost(posts[1].id),
                ClientChange::AddPost(secret(b"third")),
                ClientChange::EraseJoin(vec![9]),
                ClientChange::EraseOutgoing(GROUP),
            ])
            .unwrap();
        assert_eq!(store.intents().unwrap(), [intent(2, Some(GROUP))]);
        assert_eq!(store.joins().unwrap(), [join(1, 2)]);
        assert_eq!(store.outgoing(&GROUP).unwrap(), None);
        let [third] = &store.posts(9).unwrap()[..] else {
            panic!("one post")
        };
        assert!(
            third.id > posts[1].id,
            "an answer to an erased post must not erase another"
        );
    });
}

#[test]
fn messages_are_listed_counted_and_marked() {
    with_each(|store| {
        let rows = [
            message(GROUP, 1, 10, false),
            message(GROUP, 2, 30, true),
            message(GROUP, 3, 40, false),
            message(OTHER, 1, 20, false),
        ];
        store
            .apply(rows.iter().cloned().map(ClientChange::PutMessage).collect())
            .unwrap();
        let texts = |group, unread, limit| -> Vec<(GroupId, u64)> {
            let rows = store.messages(group, unread, limit).unwrap();
            rows.into_iter()
                .map(|row| (row.group, row.sequence.0))
                .collect()
        };
        assert_eq!(
            texts(Some(&GROUP), false, 9),
            [(GROUP, 1), (GROUP, 2), (GROUP, 3)]
        );
        assert_eq!(texts(None, true, 9), [(GROUP, 1), (GROUP, 3), (OTHER, 1)]);
        assert_eq!(
            texts(None, true, 2),
            [(GROUP, 1), (OTHER, 1)],
            "the oldest unread"
        );
        assert_eq!(
            texts(None, false, 2),
            [(GROUP, 2), (GROUP, 3)],
            "the newest of all"
        );
        assert_eq!(store.unread(&GROUP).unwrap(), 2);

        store
            .apply(vec![ClientChange::MarkRead(GROUP, Sequence(1))])
            .unwrap();
        assert_eq!(store.unread(&GROUP).unwrap(), 1);
        let all = store.messages(Some(&GROUP), false, 9).unwrap();
        assert_eq!(
            all[0],
            MessageRow {
                read: true,
                ..rows[0].clone()
            }
        );
        assert_eq!(all[2], rows[2]);
    });
}

#[test]
fn heads_are_kept_from_a_place_on() {
    with_each(|store| {
        let head = |byte| ChainHead([byte; 32]);
        store
            .apply(vec![
                ClientChange::PutHead(GROUP, Sequence(1), head(1)),
                ClientChange::PutHead(GROUP, Sequence(2), head(2)),
                ClientChange::PutHead(OTHER, Sequence(1), head(3)),
                ClientChange::EraseHeads {
                    group: GROUP,
                    before: Sequence(2),
                },
            ])
            .unwrap();
        assert_eq!(store.head(&GROUP, Sequence(1)).unwrap(), None);
        assert_eq!(store.head(&GROUP, Sequence(2)).unwrap(), Some(head(2)));
        assert_eq!(store.head(&OTHER, Sequence(1)).unwrap(), Some(head(3)));
    });
}

#[test]
fn a_profile_survives_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = on_disk(folder.path()).unwrap();
    store
        .apply(vec![ClientChange::PutAccount(account())])
        .unwrap();
    drop(store);
    let other_key = [9; ProfileFolder::KEY_LENGTH];
    let opened = ProfileFolder::open_or_create(folder.path(), other_key).unwrap();
    let store = SqlCipherStore::open(opened).unwrap();
    assert_eq!(store.account().unwrap(), Some(account()));
}

#[test]
fn a_second_opener_is_told_that_the_profile_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path()).unwrap();
    assert_eq!(
        on_disk(folder.path()).unwrap_err(),
        ClientStoreError::Locked
    );
    let second = ProfileFolder::open(folder.path()).unwrap_err();
    assert_eq!(second, ClientStoreError::Locked);
    drop(store);
    assert!(on_disk(folder.path()).is_ok());
}

#[test]
fn a_failed_transaction_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = on_disk(folder.path()).unwrap();
    let intent = Intent {
        id: 1,
        group: None,
        body: secret(b"x"),
    };
    store.refuse_next_write();
    let failed = store.apply(vec![
        ClientChange::PutIntent(intent),
        ClientChange::PutAccount(account()),
    ]);
    assert!(
        matches!(failed, Err(ClientStoreError::Failed(_))),
        "{failed:?}"
    );
    assert_eq!(store.intents().unwrap(), []);
    assert_eq!(store.account().unwrap(), None);
}

#[test]
fn a_wrong_key_or_damaged_file_is_named_and_nothing_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = on_disk(folder.path()).unwrap();
    store
        .apply(vec![ClientChange::PutAccount(account())])
        .unwrap();
    drop(store);
    let (key, database) = (
        folder.path().join(KEY_FILE),
        folder.path().join(DATABASE_FILE),
    );
    let good_key = fs::read(&key).unwrap();
    let damaged = |what: &str| {
        let before = fs::read(&database).unwrap();
        let error = ProfileFolder::open(folder.path())
            .and_then(SqlCipherStore::open)
            .unwrap_err();
        assert!(
            matches!(error, ClientStoreError::Damaged(_)),
            "{what}: {error}"
        );
        assert_eq!(fs::read(&database).unwrap(), before, "{what}");
    };
    fs::write(&key, [8; 32]).unwrap();
    damaged("another key");
    fs::write(&key, &good_key[..31]).unwrap();
    damaged("a short key");
    fs::remove_file(&key).unwrap();
    damaged("no key");
    let recreated = ProfileFolder::open_or_create(folder.path(), KEY).unwrap_err();
    assert!(
        matches!(recreated, ClientStoreError::Damaged(_)),
        "a new key would read nothing"
    );

    fs::write(&key, &good_key).unwrap();
    let good_database = fs::read(&database).unwrap();
    let mut flipped = good_database.clone();
    flipped[100] ^= 1;
    fs::write(&database, flipped).unwrap();
    damaged("a flipped bit");

    fs::write(&database, b"").unwrap();
    damaged("an empty database");
    let unmade = on_disk(folder.path()).unwrap_err();
    assert!(matches!(unmade, ClientStoreError::Damaged(_)), "{unmade}");

    fs::remove_file(&database).unwrap();
    damaged_without(&database, || ProfileFolder::open(folder.path()));
    damaged_without(&database, || {
        ProfileFolder::open_or_create(folder.path(), KEY)
    });

    fs::write(&database, good_database).unwrap();
    assert_eq!(
        on_disk(folder.path()).unwrap().account().unwrap(),
        Some(account())
    );
}

fn damaged_without(database: &Path, open: impl Fn() -> Result<ProfileFolder, ClientStoreError>) {
    let error = open().and_then(SqlCipherStore::open).unwrap_err();
    assert!(matches!(error, ClientStoreError::Damaged(_)), "{error}");
    assert!(!database.exists(), "nothing is made in its place");
}

#[test]
fn a_beginning_that_was_interrupted_goes_on() {
    let other_key = [9; ProfileFolder::KEY_LENGTH];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    // Ended with a key and no database: another key takes its place.
    drop(ProfileFolder::open_or_create(path, KEY).unwrap());
    assert_eq!(
        ProfileFolder::open(path).unwrap_err(),
        ClientStoreError::Missing
    );
    let begun = ProfileFolder::open_or_create(path, other_key).unwrap();
    drop(SqlCipherStore::open(begun).unwrap());
    // Ended with a database under a key that has not its name yet: the database keeps its key.
    fs::rename(path.join(KEY_FILE), path.join("profile.key.new")).unwrap();
    assert_eq!(
        ProfileFolder::open(path).unwrap_err(),
        ClientStoreError::Missing
    );
    drop(on_disk(path).unwrap());
    assert_eq!(fs::read(path.join(KEY_FILE)).unwrap(), other_key);
    drop(SqlCipherStore::open(ProfileFolder::open(path).unwrap()).unwrap());
}

#[test]
fn a_newer_schema_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_disk(folder.path()).unwrap();
    store.set_version(99);
    drop(store);
    let error = on_disk(folder.path()).unwrap_err();
    assert_eq!(
        error,
        ClientStoreError::Newer {
            found: 99,
            known: 1
        }
    );
}

#[test]
fn an_absent_profile_is_missing_and_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("nobody");
    assert_eq!(
        ProfileFolder::open(&absent).unwrap_err(),
        ClientStoreError::Missing
    );
    assert!(!absent.exists());
}

#[test]
fn nothing_readable_is_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = on_disk(folder.path()).unwrap();
    let text = "a very recognisable text";
    let row = MessageRow {
        text: text.to_owned(),
        ..message(GROUP, 1, 1, false)
    };
    store.apply(vec![ClientChange::PutMessage(row)]).unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let found = bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes());
        assert!(!found, "{}", path.display());
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_key() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("alice");
    drop(on_disk(&profile).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&profile), 0o700);
    assert_eq!(mode(&profile.join(KEY_FILE)), 0o600);
}
