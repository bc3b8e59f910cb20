//! What is acknowledged is in the file, and nothing is acknowledged that is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::{Receiver, channel, sync_channel};

use folkmoot_delivery::{Command, Reply};
use folkmoot_protocol::Action;
use folkmoot_store::provider::{
    DeliveryAnswer, MAX_BATCH, OnAnswer, QUEUE_LENGTH, SqliteStore, StoreError,
};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::members::{Member, NOW, Provider, options, ticket};

/// Closes the store and opens it again.
fn reopen(provider: Provider) -> Provider {
    let Provider {
        cores,
        store,
        folder,
    } = provider;
    drop(store);
    let folder = folder.unwrap();
    let store = SqliteStore::open(&options(&folder), cores.clone()).unwrap();
    Provider {
        cores,
        store: Box::new(store),
        folder: Some(folder),
    }
}

fn append(provider: &Provider, member: &Member, epoch: u64) -> Command {
    let append = member.application(epoch, b"hello");
    member.command(provider.delivery(), Action::Append(append))
}

#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let provider = Provider::sqlite();
    let alice = Member::creator(&provider, 1);
    let bob = Member::new(alice.group, 2);
    let adding = alice.adding(0, bob.slot, &ticket(2));
    let receipt = alice.append(&provider, adding.clone()).unwrap();
    alice
        .append(&provider, alice.application(1, b"hello"))
        .unwrap();
    let entries = alice.read(&provider, 0).unwrap();

    let provider = reopen(provider);
    assert_eq!(alice.read(&provider, 0).unwrap(), entries);
    assert_eq!(alice.append(&provider, adding), Ok(receipt));
    assert!(provider.reply(alice.create()).is_ok());
    provider
        .reply(bob.redeem(provider.delivery(), &ticket(2)))
        .unwrap();
    assert_eq!(bob.read(&provider, 1).unwrap(), entries[1..]);
    let next = bob.append(&provider, bob.commit(1)).unwrap();
    assert_eq!(next.sequence.0, 3);
}

/// A process that dies leaves the files as they are at some moment after its last acknowledgement.
#[test]
fn a_copy_of_the_files_after_an_acknowledgement_holds_what_it_acknowledged() {
    let provider = Provider::sqlite();
    let alice = Member::creator(&provider, 1);
    let source = options(provider.folder.as_ref().unwrap()).path;
    for number in 1..=30 {
        let append = alice.commit(number - 1);
        let receipt = alice.append(&provider, append.clone()).unwrap();

        let folder = TempDir::new().unwrap();
        let copy = options(&folder);
        fs::copy(&source, &copy.path).unwrap();
        fs::copy(beside(&source, "-wal"), beside(&copy.path, "-wal")).unwrap();
        let store = SqliteStore::open(&copy, provider.cores.clone()).unwrap();
        let survivor = Provider {
            cores: provider.cores.clone(),
            store: Box::new(store),
            folder: Some(folder),
        };
        let entries = alice.read(&survivor, 0).unwrap();
        assert_eq!(entries, alice.read(&provider, 0).unwrap());
        assert_eq!(entries.last().unwrap().head, receipt.head);
        assert_eq!(alice.append(&survivor, append), Ok(receipt));
    }
}

/// The log torn anywhere in its last transaction: it is there wholly or not at all.
#[test]
fn a_torn_write_ahead_log_loses_whole_commands_only() {
    let provider = Provider::sqlite();
    let alice = Member::creator(&provider, 1);
    let source = options(provider.folder.as_ref().unwrap()).path;
    alice.append(&provider, alice.commit(0)).unwrap();
    let before = fs::metadata(beside(&source, "-wal")).unwrap().len();
    let bob = Member::new(alice.group, 2);
    let adding = alice.adding(1, bob.slot, &ticket(2));
    alice.append(&provider, adding.clone()).unwrap();
    let wal = fs::read(beside(&source, "-wal")).unwrap();
    let before = usize::try_from(before).unwrap();
    for length in (before..wal.len()).step_by((wal.len() - before) / 7) {
        let folder = TempDir::new().unwrap();
        let copy = options(&folder);
        fs::copy(&source, &copy.path).unwrap();
        fs::write(beside(&copy.path, "-wal"), &wal[..length]).unwrap();
        let store = SqliteStore::open(&copy, provider.cores.clone()).unwrap();
        let survivor = Provider {
            cores: provider.cores.clone(),
            store: Box::new(store),
            folder: Some(folder),
        };
        assert_eq!(alice.read(&survivor, 0).unwrap().len(), 1);
        let redeem = bob.redeem(provider.delivery(), &ticket(2));
        assert!(survivor.reply(redeem.clone()).is_err());
        let again = alice.append(&survivor, adding.clone()).unwrap();
        assert_eq!(again.sequence.0, 2);
        assert!(survivor.reply(redeem).is_ok());
    }
}

#[test]
fn the_files_are_their_owners_alone_and_one_process_has_them() {
    let provider = Provider::sqlite();
    Member::creator(&provider, 1);
    let options = options(provider.folder.as_ref().unwrap());
    for file in ["", "-wal", "-shm", ".lock"] {
        let metadata = fs::metadata(beside(&options.path, file)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{file}");
    }
    let second = SqliteStore::open(&options, provider.cores.clone());
    assert_eq!(second.unwrap_err(), StoreError::InUse(options.path.clone()));
    reopen(provider);
}

/// Keeps the writer in a callback, so that what is submitted meanwhile makes whole batches.
struct Stopped {
    go_on: std::sync::mpsc::SyncSender<()>,
}

impl Stopped {
    fn new(provider: &Provider, member: &Member) -> Self {
        let (go_on, wait) = sync_channel::<()>(0);
        let (reached, at_callback) = sync_channel(0);
        provider.store.deliver(
            member.create(),
            NOW,
            Box::new(move |answer| {
                assert!(answer.unwrap().reply.is_ok());
                reached.send(()).unwrap();
                // Ends when the sender is dropped.
                let _ = wait.recv();
            }),
        );
        at_callback.recv().unwrap();
        Self { go_on }
    }

    fn go_on(self) {
        drop(self.go_on);
    }
}

fn collect() -> (
    impl Fn() -> OnAnswer<DeliveryAnswer>,
    Receiver<Result<DeliveryAnswer, StoreError>>,
) {
    let (sender, receiver) = channel();
    let on_answer = move || -> OnAnswer<DeliveryAnswer> {
        let sender = sender.clone();
        Box::new(move |answer| sender.send(answer).unwrap())
    };
    (on_answer, receiver)
}

/// A trigger makes the commit of a transaction fail in which the table was written to.
fn fail_commits(provider: &Provider, table: &str) -> Connection {
    let path = options(provider.folder.as_ref().unwrap()).path;
    let connection = Connection::open(path).unwrap();
    let sql = format!(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (id REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER orphan AFTER INSERT ON {table} BEGIN INSERT INTO child VALUES (1); END;"
    );
    connection.execute_batch(&sql).unwrap();
    connection
}

#[test]
fn when_a_commit_fails_nothing_of_its_batch_is_acknowledged_or_kept() {
    let provider = Provider::sqlite();
    let alice = Member::creator(&provider, 1);
    let other = Member::creator(&provider, 2);
    let saboteur = fail_commits(&provider, "entry");

    let stopped = Stopped::new(&provider, &alice);
    let (on_answer, answers) = collect();
    let third = Member::new(folkmoot_protocol::GroupId([3; 32]), 1);
    let commands = [
        third.create(),
        append(&provider, &alice, 0),
        append(&provider, &other, 0),
    ];
    for command in &commands {
        provider.store.deliver(command.clone(), NOW, on_answer());
    }
    stopped.go_on();
    for _ in &commands {
        let failed = answers.recv().unwrap();
        assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    }
    assert_eq!(alice.read(&provider, 0).unwrap(), []);
    assert!(third.read(&provider, 0).is_err());

    saboteur.execute_batch("DROP TRIGGER orphan").unwrap();
    for command in commands {
        assert!(provider.reply(command).is_ok());
    }
    assert_eq!(alice.read(&provider, 0).unwrap().len(), 1);
}

#[test]
fn a_command_that_fails_takes_none_of_its_batch_with_it() {
    let provider = Provider::sqlite();
    let alice = Member::creator(&provider, 1);
    let other = Member::creator(&provider, 2);
    let path = options(provider.folder.as_ref().unwrap()).path;
    let saboteur = Connection::open(path).unwrap();
    saboteur
        .execute_batch(
            "CREATE TRIGGER refuse AFTER INSERT ON entry WHEN new.epoch = 1
             BEGIN SELECT raise(ABORT, 'sabotage'); END;",
        )
        .unwrap();

    let stopped = Stopped::new(&provider, &alice);
    let (on_answer, answers) = collect();
    let commit = |member: &Member, epoch| {
        member.command(provider.delivery(), Action::Append(member.commit(epoch)))
    };
    let commands = [commit(&alice, 0), commit(&alice, 1), commit(&other, 0)];
    for command in commands {
        provider.store.deliver(command, NOW, on_answer());
    }
    stopped.go_on();
    assert!(answers.recv().unwrap().unwrap().reply.is_ok());
    let failed = answers.recv().unwrap();
    assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    assert!(answers.recv().unwrap().unwrap().reply.is_ok());
    assert_eq!(alice.read(&provider, 0).unwrap().len(), 1);
    assert_eq!(other.read(&provider, 0).unwrap().len(), 1);

    saboteur.execute_batch("DROP TRIGGER refuse").unwrap();
    assert_eq!(
        alice.append(&provider, alice.commit(1)).unwrap().sequence.0,
        2
    );
}

#[test]
fn a_full_queue_refuses_and_what_waits_is_done() {
    let provider = Provider::sqlite();
    let alice = Member::creator(&provider, 1);
    let stopped = Stopped::new(&provider, &alice);
    let (on_answer, answers) = collect();
    let submit = || {
        let command = append(&provider, &alice, 0);
        provider.store.deliver(command, NOW, on_answer());
    };
    for _ in 0..QUEUE_LENGTH {
        submit();
    }
    assert!(answers.try_recv().is_err());
    submit();
    assert_eq!(answers.recv().unwrap(), Err(StoreError::Busy));
    assert_eq!(alice.read(&provider, 0).unwrap(), []);
    stopped.go_on();
    for _ in 0..QUEUE_LENGTH {
        assert!(answers.recv().unwrap().unwrap().reply.is_ok());
    }
    const { assert!(QUEUE_LENGTH > 2 * MAX_BATCH, "several batches were needed") };
    let last = alice.read(&provider, QUEUE_LENGTH as u64 - 1).unwrap();
    assert_eq!(last.len(), 1);
}

#[test]
fn dropping_the_store_finishes_what_waits() {
    let provider = Provider::sqlite();
    let alice = Member::creator(&provider, 1);
    let (on_answer, answers) = collect();
    for _ in 0..100 {
        let command = append(&provider, &alice, 0);
        provider.store.deliver(command, NOW, on_answer());
    }
    let provider = reopen(provider);
    drop(on_answer);
    assert_eq!(answers.iter().flatten().count(), 100);
    assert_eq!(alice.read(&provider, 0).unwrap().len(), 100);
}

#[test]
fn a_full_database_refuses_writes_whole_and_is_still_read() {
    let provider = Provider::sqlite_with(Some(1 << 20));
    let alice = Member::creator(&provider, 1);
    let mut receipts = Vec::new();
    let refused = loop {
        let body = vec![7; 60_000];
        let action = Action::Append(alice.application(0, &body));
        let answer = provider.ask(alice.command(provider.delivery(), action));
        match answer {
            Ok(DeliveryAnswer {
                reply: Ok(Reply::Appended(appended)),
                ..
            }) => receipts.push(appended.receipt),
            other => break other,
        }
        assert!(receipts.len() < 40, "the bound is never met");
    };
    assert_eq!(refused.unwrap_err(), StoreError::Full);
    let entries = alice.read(&provider, 0).unwrap();
    assert_eq!(entries.len(), receipts.len());
    assert!(entries.iter().zip(&receipts).all(|(e, r)| e.head == r.head));

    let provider = reopen(provider);
    let more = alice.append(&provider, alice.application(0, &vec![7; 60_000]));
    assert_eq!(more.unwrap().sequence.0, receipts.len() as u64 + 1);
}

pub(crate) fn beside(path: &std::path::Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
