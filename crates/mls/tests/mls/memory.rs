//! Memory for bytes that anybody may send.

use crate::kit::{Invitee, Person, add};
use folkmoot_crypto::suite_one;
use folkmoot_mls::*;

/// What any call may take whatever its input.
const BASE: usize = 64 * 1024;
const INPUT: usize = 1 << 20;

struct Nobody;

impl AuthenticationService for Nobody {
    fn validate(
        &self,
        _: &Credential,
        _: &[u8],
        _: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        Err(CredentialRejected("nobody is known".into()))
    }

    fn client(&self, _: &Credential) -> Option<ClientId> {
        None
    }

    fn succeeds(&self, _: &Credential, _: &Credential) -> bool {
        false
    }
}

/// The most that this thread allocated at once while `call` ran, which starts no others. What grows
/// counts twice while it moves.
fn peak(call: impl FnOnce()) -> usize {
    let counted = allocation_counter::measure(call);
    usize::try_from(counted.bytes_max).unwrap()
}

/// What this thread still holds of what `make` allocated.
fn held<T>(make: impl FnOnce() -> T) -> usize {
    let mut made = None;
    let counted = allocation_counter::measure(|| made = Some(make()));
    drop(made);
    usize::try_from(counted.bytes_current).unwrap()
}

/// A vector of `unit` repeated, with its header.
fn vector(unit: &[u8]) -> Vec<u8> {
    let content = unit.repeat(INPUT / unit.len());
    let length = u32::try_from(content.len()).unwrap() | 0x8000_0000;
    [&length.to_be_bytes()[..], &content].concat()
}

/// A Welcome, a PublicMessage and a KeyPackage around a list that a few bytes per entry fill.
fn messages() -> Vec<(&'static str, Vec<u8>)> {
    let message =
        |wire_format: u8, body: &[&[u8]]| [&[0, 1, 0, wire_format], &body.concat()[..]].concat();
    let framed = |content: &[u8]| {
        // Group id, epoch, member 0, no authenticated data.
        let head = [&[0][..], &[0; 8], &[1, 0, 0, 0, 0], &[0]].concat();
        message(1, &[&head, content])
    };
    let leaf = |capabilities: &[u8], extensions: &[u8]| {
        [&[0, 0, 0, 1, 0][..], capabilities, &[2], extensions, &[0]].concat()
    };
    let plain = [0; 5];
    let path = |nodes: &[u8]| [&[3, 0, 1][..], &leaf(&plain, &[0]), nodes].concat();
    let key_package = |leaf: &[u8]| message(5, &[&[0, 1, 0, 1, 0], leaf, &[0, 0]]);
    let listed = vector(&[0xaa, 0xaa]);
    let ciphertexts = [&[0][..], &vector(&[0, 0])].concat();
    let length = u32::try_from(ciphertexts.len()).unwrap() | 0x8000_0000;
    let one_node = [&length.to_be_bytes()[..], &ciphertexts].concat();
    vec![
        (
            "welcome entries",
            message(3, &[&[0, 1], &vector(&[0, 0, 0]), &[0]]),
        ),
        (
            "references",
            framed(&[&[3][..], &vector(&[2, 0]), &[0, 0, 0, 0]].concat()),
        ),
        ("path nodes", framed(&path(&vector(&[0, 0])))),
        ("path secrets", framed(&path(&one_node))),
        (
            "capabilities",
            key_package(&leaf(&[&listed[..], &[0; 4]].concat(), &[0])),
        ),
        (
            "extensions",
            key_package(&leaf(&plain, &vector(&[0xaa, 0xaa, 0]))),
        ),
    ]
}

#[test]
fn memory_is_at_most_a_multiple_of_the_input() {
    for (what, bytes) in messages() {
        let peak = peak(|| drop(MlsMessage::decode(&bytes)));
        println!("{what}: {} bytes per byte", peak / bytes.len());
        assert!(2 * peak > bytes.len(), "{what}: the list was reached");
        assert!(peak <= BASE + MAX_EXPANSION * bytes.len(), "{what}: {peak}");
    }
}

#[test]
fn trees_take_memory_by_their_length() {
    let context = GroupContext {
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite_one().suite(),
        group_id: GroupId::new(b"group".to_vec()),
        epoch: Epoch(0),
        tree_hash: Vec::new().into(),
        confirmed_transcript_hash: Vec::new().into(),
        extensions: Extensions::default(),
    };
    let info = GroupInfo {
        content: GroupInfoContent {
            group_context: context,
            extensions: Extensions::default(),
            confirmation_tag: Vec::new().into(),
            signer: LeafIndex(0),
        },
        signature: Vec::new().into(),
    };
    // Blank leaves between parents, each parent as short as can be.
    let tree = vector(&[0, 1, 2, 0, 0, 0]);
    let peak = peak(|| {
        let settings = Settings::default();
        let begun = Observer::begin(suite_one(), info, Some(&tree), settings, &Nobody);
        assert!(begun.is_err());
    });
    println!("tree: {} bytes per byte", peak / tree.len());
    assert!(peak <= BASE + MAX_EXPANSION * tree.len(), "{peak}");
}

#[test]
fn a_past_epoch_takes_little() {
    const EPOCHS: usize = 16;
    const MOST: usize = 64 * 1024;
    let loaded = |past_epochs: usize| {
        let settings = || Settings {
            past_epochs,
            ..Settings::default()
        };
        let mut alice = Person::create("alice", settings());
        let mut bob = add(&mut alice, &mut [], Invitee::new("bob", 1));
        let mut charlie = add(&mut alice, &mut [&mut bob], Invitee::new("charlie", 2));
        for _ in 0..EPOCHS {
            let spoken = [bob.seal("hello"), charlie.seal("hello")];
            for message in spoken {
                alice.read(&message);
            }
            let commit = bob.commit(CommitIntent {
                force_path: true,
                ..CommitIntent::default()
            });
            bob.accept();
            for other in [&mut alice, &mut charlie] {
                other.receive(&commit.commit).unwrap();
            }
        }
        held(|| Group::load(suite_one(), &alice.store, settings()).unwrap())
    };
    let (none, all) = (loaded(0), loaded(EPOCHS));
    println!("a past epoch: {} bytes", (all - none) / EPOCHS);
    assert!(all > none, "past epochs are kept");
    assert!(all - none <= EPOCHS * MOST, "{none} {all}");
}
