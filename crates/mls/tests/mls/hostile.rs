//! What outsiders and broken transports send: refused, without a trace.

use crate::kit::{Invitee, Memory, Names, Person, add, agree, lifetime, member, rng, services};
use folkmoot_crypto::suite_one;
use folkmoot_mls::*;
use tls_codec::Size;

fn pair(settings: Settings) -> (Person, Person) {
    let mut alice = Person::create("alice", settings);
    let bob = add(&mut alice, &mut [], Invitee::new("bob", 1));
    (alice, bob)
}

fn public() -> Settings {
    Settings {
        handshakes: WireFormat::PublicMessage,
        ..Settings::default()
    }
}

/// Every message with one byte changed, and every beginning of it.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let flips = (0..bytes.len()).map(|place| {
        let mut changed = bytes.to_vec();
        changed[place] ^= 1;
        changed
    });
    let cuts = (0..bytes.len()).map(|length| bytes[..length].to_vec());
    let longer = core::iter::once([bytes, &[0]].concat());
    flips.chain(cuts).chain(longer)
}

/// No damaged form of `message` is taken, and the true one still is.
fn refuses_damage(receiver: &mut Person, message: &MlsMessage) {
    for bytes in damaged(&message.encode()) {
        if let Ok(decoded) = MlsMessage::decode(&bytes) {
            let outcome = receiver
                .group
                .receive(decoded, services().with_records(&receiver.store));
            assert!(outcome.is_err(), "a damaged message was taken");
        }
    }
    receiver.receive(message).unwrap();
}

#[test]
fn damaged_messages_change_nothing() {
    for settings in [Settings::default(), public()] {
        let (mut alice, mut bob) = pair(settings);
        let text = alice.seal("hello");
        refuses_damage(&mut bob, &text);
        let proposal = alice.propose(ProposalIntent::Update);
        refuses_damage(&mut bob, &proposal);
        let dora = Invitee::new("dora", 3);
        let intent = CommitIntent {
            add: vec![dora.verified()],
            ..CommitIntent::default()
        };
        let bundle = bob.commit(intent);
        refuses_damage(&mut alice, &bundle.commit);
        bob.accept();
        agree(&[&alice, &bob]);
    }
}

#[test]
fn damaged_welcomes_bring_nobody_in() {
    let (mut alice, _) = pair(Settings::default());
    let intent = CommitIntent {
        add: vec![Invitee::new("dora", 3).verified()],
        ..CommitIntent::default()
    };
    let welcome = alice.commit(intent).welcome.unwrap();
    let mut entered = 0;
    for bytes in damaged(&welcome.encode()).step_by(3) {
        let Ok(decoded) = MlsMessage::decode(&bytes) else {
            continue;
        };
        if !matches!(decoded.body, MessageBody::Welcome(_)) {
            continue;
        }
        entered += usize::from(
            Invitee::new("dora", 3)
                .join(&decoded, Settings::default())
                .is_ok(),
        );
    }
    assert_eq!(entered, 0);
    assert!(
        Invitee::new("dora", 3)
            .join(&welcome, Settings::default())
            .is_ok()
    );
    let other = Invitee::new("erin", 4).join(&welcome, Settings::default());
    assert!(matches!(
        other,
        Err(Error::Invalid(Check::WelcomeRecipient))
    ));
}

#[test]
fn damaged_key_packages_are_refused() {
    let invitee = Invitee::new("dora", 3);
    for bytes in damaged(&invitee.key_package.to_message().encode()) {
        let Ok(MlsMessage {
            body: MessageBody::KeyPackage(damaged),
        }) = MlsMessage::decode(&bytes)
        else {
            continue;
        };
        assert!(
            damaged
                .verify(suite_one(), &Names, &Settings::default(), None)
                .is_err()
        );
    }
}

#[test]
fn key_packages_keep_their_lifetime() {
    let verify = |at: u64, settings: Settings| {
        let invitee = Invitee::new("dora", 3);
        invitee
            .key_package
            .verify(suite_one(), &Names, &settings, Some(Timestamp(at)))
            .map(drop)
    };
    assert!(verify(1_500, Settings::default()).is_ok());
    for outside in [999, 2_001] {
        let error = verify(outside, Settings::default()).unwrap_err();
        assert!(matches!(error, Error::Invalid(Check::LifetimeContainsNow)));
    }
    let length = lifetime().not_after.0 - lifetime().not_before.0;
    let strict = Settings {
        maximum_lifetime: length - 1,
        ..Settings::default()
    };
    let error = verify(1_500, strict).unwrap_err();
    assert!(matches!(error, Error::Invalid(Check::LifetimeLength)));
}

#[test]
fn leaves_keep_their_length() {
    let invitee = Invitee::new("dora", 3);
    let leaf = &invitee.key_package.content.leaf_node;
    let length = leaf.tls_serialized_len();
    let bounded = |leaf_length: usize| Settings {
        leaf_length,
        ..Settings::default()
    };
    let verify = |settings: &Settings| {
        let key_package = invitee.key_package.clone();
        key_package.verify(suite_one(), &Names, settings, None)
    };
    assert!(verify(&bounded(length)).is_ok());
    let error = verify(&bounded(length - 1)).unwrap_err();
    assert!(matches!(error, Error::Invalid(Check::LeafBound)));

    // Whoever has a tighter bound than the committer refuses the commit, and begins no such group.
    let (mut alice, mut bob) = pair(Settings::default());
    let named = Invitee::new(&"d".repeat(1_000), 4);
    let bundle = alice.commit(CommitIntent {
        add: vec![named.verified()],
        ..CommitIntent::default()
    });
    bob.settings = bounded(1_000);
    bob.reload();
    let error = bob.receive(&bundle.commit).unwrap_err();
    assert!(matches!(error, Error::Invalid(Check::LeafBound)));
    let created = Group::create(
        suite_one(),
        GroupId::new(b"short".to_vec()),
        (member("erin", &mut rng(6)), lifetime()),
        Extensions::default(),
        bounded(100),
        &Names,
        &mut rng(7),
    );
    assert!(matches!(
        created.unwrap_err(),
        Error::State(StateError::Refused(Check::LeafBound))
    ));
}

#[test]
fn an_outsiders_credential_is_refused() {
    let mallory = Invitee::new("mallory", 5);
    let verified = mallory
        .key_package
        .verify(suite_one(), &Names, &Settings::default(), None);
    assert!(matches!(verified, Err(Error::Credential(_))));
}

fn refused(alice: &mut Person, intent: CommitIntent) -> StateError {
    let before = alice.store.bytes().clone();
    let error = alice
        .group
        .commit(
            intent,
            b"",
            services().with_records(&alice.store),
            &mut alice.rng,
        )
        .unwrap_err();
    alice.reload();
    assert_eq!(&before, alice.store.bytes());
    match error {
        Error::State(error) => error,
        other => panic!("not the caller's fault: {other}"),
    }
}

#[test]
fn a_commit_against_the_rules_is_not_made() {
    let (mut alice, bob) = pair(Settings::default());
    let dora = || Invitee::new("dora", 3).verified();
    let add = |add| CommitIntent {
        add,
        ..CommitIntent::default()
    };
    let remove = |leaf| CommitIntent {
        remove: vec![leaf],
        ..CommitIntent::default()
    };
    let cases = [
        (
            add(vec![dora(), dora()]),
            StateError::Refused(Check::AddsDistinct),
        ),
        (
            add(vec![Invitee::new("bob", 8).verified()]),
            StateError::Refused(Check::AddIsNew),
        ),
        (
            remove(alice.group.own_index()),
            StateError::Refused(Check::NoRemoveOfCommitter),
        ),
        (remove(LeafIndex(7)), StateError::NoSuchMember(7)),
        (
            remove(LeafIndex(u32::MAX)),
            StateError::NoSuchMember(u32::MAX),
        ),
        (
            CommitIntent {
                remove: vec![bob.group.own_index(); 2],
                ..CommitIntent::default()
            },
            StateError::Refused(Check::OneChangePerLeaf),
        ),
    ];
    for (intent, expected) in cases {
        assert_eq!(refused(&mut alice, intent), expected);
    }
    let _ = alice.commit(add(vec![dora()]));
    assert_eq!(
        refused(&mut alice, add(vec![dora()])),
        StateError::CommitPending
    );
}

#[test]
fn a_member_leaves_and_returns_in_one_commit() {
    let (mut alice, bob) = pair(Settings::default());
    let again = Invitee::new("bob", 8);
    let intent = CommitIntent {
        add: vec![again.verified()],
        remove: vec![bob.group.own_index()],
        ..CommitIntent::default()
    };
    let bundle = alice.commit(intent);
    alice.accept();
    let back = again
        .join(&bundle.welcome.unwrap(), Settings::default())
        .unwrap();
    agree(&[&alice, &back]);
}

#[test]
fn a_jump_of_generations_is_bounded() {
    let settings = Settings {
        skipped_generations: 4,
        kept_keys: 2,
        ..Settings::default()
    };
    let (mut alice, mut bob) = pair(settings);
    let messages: Vec<_> = (0..7).map(|n| alice.seal(&n.to_string())).collect();
    let error = bob.receive(&messages[5]).unwrap_err();
    assert!(matches!(error, Error::Invalid(Check::GenerationBound)));
    assert_eq!(bob.read(&messages[4]), "4");
    // Two skipped keys are kept, the youngest: the others are gone.
    for gone in [0, 1] {
        assert!(matches!(
            bob.receive(&messages[gone]),
            Err(Error::KeyConsumed { .. })
        ));
    }
    assert_eq!(bob.read(&messages[2]), "2");
    assert_eq!(bob.read(&messages[3]), "3");
}

#[test]
fn waiting_proposals_are_bounded() {
    let settings = Settings {
        waiting_proposals: 2,
        ..Settings::default()
    };
    let (mut alice, mut bob) = pair(settings);
    for _ in 0..2 {
        let update = alice.propose(ProposalIntent::Update);
        bob.receive(&update).unwrap();
    }
    let one_more = alice.group.propose(
        ProposalIntent::Update,
        b"",
        services().with_records(&alice.store),
        &mut alice.rng,
    );
    assert!(matches!(
        one_more.unwrap_err(),
        Error::State(StateError::Refused(Check::WaitingProposals))
    ));
    // The latest of several updates is the one that is committed.
    let bundle = bob.commit(CommitIntent::default());
    bob.accept();
    alice.receive(&bundle.commit).unwrap();
    agree(&[&alice, &bob]);
}

#[test]
fn messages_of_another_group_are_refused() {
    let (mut alice, bob) = pair(Settings::default());
    let mut bytes = alice.seal("hello").encode();
    let place = bytes
        .windows(5)
        .position(|window| window == b"group")
        .unwrap();
    bytes[place] = b'G';
    let other = MlsMessage::decode(&bytes).unwrap();
    let error = bob
        .group
        .receive(other, services().with_records(&bob.store))
        .unwrap_err();
    assert!(matches!(error, Error::Invalid(Check::GroupIdAndEpoch)));
}

#[test]
fn an_examined_message_is_void_once_the_group_has_changed() {
    let (mut alice, mut bob) = pair(Settings::default());
    let (first, second) = (alice.seal("first"), alice.seal("second"));
    let examined = bob
        .group
        .receive(first.clone(), services().with_records(&bob.store))
        .unwrap();
    bob.group
        .receive(second, services().with_records(&bob.store))
        .map(|incoming| bob.group.apply(incoming))
        .unwrap()
        .map(drop)
        .unwrap();
    let outdated = bob.group.apply(examined).unwrap_err();
    assert!(matches!(outdated, Error::State(StateError::Superseded)));
    assert!(
        bob.group
            .receive(first, services().with_records(&bob.store))
            .is_ok()
    );
}

#[test]
fn consumed_secrets_leave_the_store() {
    let (mut alice, mut bob) = pair(Settings {
        past_epochs: 0,
        ..Settings::default()
    });
    let records = |store: &Memory, kind: u8| -> Vec<Vec<u8>> {
        let found = store.bytes().iter().filter(|(key, _)| key[0] == kind);
        found
            .map(|(_, value)| value.expose()[1..].to_vec())
            .collect()
    };
    let (secret_nodes, private_keys) = (records(&bob.store, b'S'), records(&bob.store, b'K'));
    let authenticator = bob.group.epoch_authenticator().unwrap().expose().to_vec();
    assert!(!secret_nodes.is_empty() && !private_keys.is_empty());
    let message = alice.seal("hello");
    bob.read(&message);
    assert!(
        secret_nodes
            .iter()
            .all(|secret| !bob.store.contains(secret)),
        "secret tree root"
    );
    let bundle = bob.commit(CommitIntent {
        force_path: true,
        ..CommitIntent::default()
    });
    assert!(bob.store.contains(&authenticator));
    bob.accept();
    alice.receive(&bundle.commit).unwrap();
    assert!(
        !bob.store.contains(&authenticator),
        "the old epoch's secrets"
    );
    assert!(
        private_keys.iter().all(|key| !bob.store.contains(key)),
        "replaced private keys"
    );
    assert!(
        records(&bob.store, b'R').is_empty(),
        "ratchets of an epoch past its window"
    );
}

#[test]
fn damaged_records_are_the_stores_fault() {
    let (_, bob) = pair(Settings::default());
    let epoch = RecordKey(b"E".to_vec());
    let mut without = bob.store.clone();
    without.apply(Delta {
        changes: vec![Change::Erase { key: epoch.clone() }],
    });
    let mut cut = bob.store.clone();
    let value = bob.store.get(&epoch).unwrap().unwrap().expose()[..40]
        .to_vec()
        .into();
    cut.apply(Delta {
        changes: vec![Change::Put { key: epoch, value }],
    });
    for store in [without, cut] {
        let error = Group::load(suite_one(), &store, Settings::default()).unwrap_err();
        assert_eq!(error.fault(), Fault::Store);
    }
}
