//! Files of earlier versions open, and go on.

use folkmoot_crypto::{Secret, SignatureKeyPair, suite_one};
use folkmoot_delivery::Reply;
use folkmoot_protocol::{Action, GroupId, LogPosition, Problem, Sequence, SlotId};
use folkmoot_store::provider::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::members::{Member, Provider, new_cores, options, rng, ticket, welcome_of};

/// What the version before wrote; its members' keys are their slots' bytes.
const VERSION_1: &str = include_str!("version_1.sql");

fn member(slot: u8) -> Member {
    let private = Secret::from([slot; 32].as_slice());
    let public = suite_one().signature_public_key(&private).unwrap();
    Member {
        group: GroupId([1; 32]),
        slot: SlotId([slot; 16]),
        keys: SignatureKeyPair { private, public },
    }
}

fn opened() -> Provider {
    let folder = TempDir::new().unwrap();
    let options = options(&folder);
    let file = Connection::open(&options.path).unwrap();
    file.execute_batch(VERSION_1).unwrap();
    drop(file);
    let cores = new_cores(&mut rng());
    let store = SqliteStore::open(&options, cores.clone()).unwrap();
    Provider {
        cores,
        store: Box::new(store),
        folder: Some(folder),
    }
}

fn fetch(provider: &Provider, member: &Member, sequence: u64) -> Result<Reply, Problem> {
    let sequence = Sequence(sequence);
    provider.reply(member.command(provider.delivery(), Action::Welcome { sequence }))
}

#[test]
fn a_log_of_version_1_reads_on_in_one_chain() {
    let provider = opened();
    let alice = member(1);
    let mut position = LogPosition::start(alice.group, &alice.key());
    alice
        .append(&provider, alice.application(1, b"after"))
        .unwrap();
    let entries = alice.read(&provider, 0).unwrap();
    assert_eq!(entries.len(), 3);
    for entry in &entries {
        position = position.advance(entry).unwrap();
    }
    assert_eq!(member(2).read(&provider, 1).unwrap(), entries[1..]);
}

/// Nobody but its joiners can take a Welcome of version 1 apart.
#[test]
fn who_has_not_fetched_a_welcome_of_version_1_is_told_and_can_be_invited_again() {
    let provider = opened();
    let (alice, bob, carol) = (member(1), member(2), member(3));
    assert_eq!(fetch(&provider, &bob, 1), Err(Problem::no_welcome()));
    let late = carol.redeem(provider.delivery(), &ticket(3));
    provider.reply(late).unwrap();
    assert_eq!(fetch(&provider, &carol, 1), Err(Problem::no_welcome()));
    let file = Connection::open(options(provider.folder.as_ref().unwrap()).path).unwrap();
    let kept = file.query_row("SELECT count(*) FROM welcome", [], |row| {
        row.get::<_, i64>(0)
    });
    assert_eq!(kept.unwrap(), 0, "what nobody can read is not kept");

    alice
        .append(&provider, alice.removing(1, bob.slot))
        .unwrap();
    alice
        .append(&provider, alice.adding(2, bob.slot, &ticket(9)))
        .unwrap();
    let again = bob.redeem(provider.delivery(), &ticket(9));
    provider.reply(again).unwrap();
    let own = Reply::Welcome(welcome_of(2, bob.slot));
    assert_eq!(fetch(&provider, &bob, 4), Ok(own));
}
