//! What changes a group beyond its members: pre-shared keys, extensions, identities, successors.

use crate::kit::{
    Invitee, Memory, Person, add, agree, lifetime, member, new_identity, rng, services,
};
use folkmoot_crypto::suite_one;
use folkmoot_mls::*;

fn pair() -> (Person, Person) {
    let mut alice = Person::create("alice", Settings::default());
    let bob = add(&mut alice, &mut [], Invitee::new("bob", 1));
    (alice, bob)
}

fn shared() -> Psk {
    Psk::External(b"shared".as_slice().into())
}

/// Alice commits, Bob follows.
fn step(alice: &mut Person, bob: &mut Person, intent: CommitIntent) -> CommitSummary {
    let bundle = alice.commit(intent);
    let content = bob.receive(&bundle.commit).unwrap();
    alice.accept();
    agree(&[alice, bob]);
    match content {
        IncomingContent::Commit(summary) => *summary,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pre_shared_key_enters_the_key_schedule() {
    let (mut alice, mut bob) = pair();
    let intent = CommitIntent {
        psks: vec![shared()],
        ..CommitIntent::default()
    };
    let summary = step(&mut alice, &mut bob, intent);
    assert_eq!(summary.psks.len(), 1);
    assert!(!summary.has_path, "a pre-shared key asks for no path");

    let proposal = bob.propose(ProposalIntent::Psk(shared()));
    alice.receive(&proposal).unwrap();
    let summary = step(&mut alice, &mut bob, CommitIntent::default());
    assert_eq!(summary.psks.len(), 1);

    let unknown = ProposalIntent::Psk(Psk::External(b"unknown".as_slice().into()));
    let refused = alice.group.propose(
        unknown,
        b"",
        services().with_records(&alice.store),
        &mut alice.rng,
    );
    assert!(matches!(
        refused,
        Err(Error::State(StateError::Refused(Check::PskAvailable)))
    ));
}

#[test]
fn a_joiner_needs_the_keys_of_its_commit() {
    let (mut alice, mut bob) = pair();
    let charlie = Invitee::new("charlie", 2);
    let bundle = alice.commit(CommitIntent {
        psks: vec![shared()],
        add: vec![charlie.verified()],
        ..CommitIntent::default()
    });
    bob.receive(&bundle.commit).unwrap();
    alice.accept();
    let welcome = bundle.welcome.unwrap();
    let charlie = charlie.join(&welcome, Settings::default()).unwrap();
    agree(&[&alice, &bob, &charlie]);
}

#[test]
fn earlier_epochs_lend_their_resumption_keys_for_a_while() {
    let (mut alice, mut bob) = pair();
    let id = alice.group.group_id().clone();
    let used = alice.group.epoch();
    let path = CommitIntent {
        force_path: true,
        ..CommitIntent::default()
    };
    for _ in 0..3 {
        step(&mut alice, &mut bob, path.clone());
    }
    let resumption = Psk::Resumption(ResumptionPskUsage::Application, id, used);
    let intent = CommitIntent {
        psks: vec![resumption.clone()],
        ..CommitIntent::default()
    };
    step(&mut alice, &mut bob, intent.clone());
    let kept = Settings::default().resumption_epochs;
    for _ in 0..kept {
        step(&mut alice, &mut bob, path.clone());
    }
    assert!(alice.group.resumption_psk(used).is_none());
    let refused = alice.group.commit(
        intent,
        b"",
        services().with_records(&alice.store),
        &mut alice.rng,
    );
    assert!(matches!(
        refused,
        Err(Error::State(StateError::Refused(Check::PskAvailable)))
    ));
}

#[test]
fn group_extensions_are_replaced_for_all() {
    let (mut alice, mut bob) = pair();
    let required = RequiredCapabilities {
        credentials: vec![CredentialType::BASIC],
        ..RequiredCapabilities::default()
    };
    let extensions = Extensions::default().requiring(&required);
    let summary = step(
        &mut alice,
        &mut bob,
        CommitIntent {
            extensions: Some(extensions.clone()),
            ..CommitIntent::default()
        },
    );
    assert_eq!(summary.extensions.as_ref(), Some(&extensions));
    assert!(summary.has_path);
    assert_eq!(*bob.group.extensions(), extensions);

    let unsupported = Extensions::default().with(ExtensionType(0xf0f0), b"".as_slice());
    let intent = ProposalIntent::Extensions(unsupported);
    let refused = bob.group.propose(
        intent,
        b"",
        services().with_records(&bob.store),
        &mut bob.rng,
    );
    assert!(matches!(
        refused,
        Err(Error::State(StateError::Refused(
            Check::NewExtensionsSupported
        )))
    ));
}

#[test]
fn a_member_changes_its_signature_key_by_update_and_by_commit() {
    let (mut alice, mut bob) = pair();
    let update = bob.propose(ProposalIntent::Renew(new_identity("bob", 77)));
    alice.receive(&update).unwrap();
    step(&mut alice, &mut bob, CommitIntent::default());
    let own_key = |person: &Person| {
        let leaf = person
            .group
            .member(person.group.own_index(), &person.store)
            .unwrap()
            .unwrap();
        leaf.content.signature_key.as_slice().to_vec()
    };
    assert_eq!(own_key(&bob), new_identity("bob", 77).signature.public);
    let hello = bob.seal("signed by the new key");
    assert_eq!(alice.read(&hello), "signed by the new key");

    let intent = CommitIntent {
        identity: Some(new_identity("alice", 78)),
        ..CommitIntent::default()
    };
    step(&mut alice, &mut bob, intent);
    assert_eq!(own_key(&alice), new_identity("alice", 78).signature.public);
    let hello = alice.seal("and so is this");
    assert_eq!(bob.read(&hello), "and so is this");
}

#[test]
fn an_application_id_travels_with_the_leaf() {
    let mut generator = rng(5);
    let mut carrier = member("dora", &mut generator);
    carrier.extensions = Extensions::default().identified(b"app-1");
    let (package, _) =
        KeyPackage::generate(suite_one(), carrier, lifetime(), &mut generator).unwrap();
    let leaf = &package.content.leaf_node.content;
    let id = leaf.extensions.application_id().unwrap();
    assert_eq!(id.as_deref(), Some(b"app-1".as_slice()));
    assert!(leaf.capabilities.extensions.is_empty(), "a default type");
    package
        .verify(suite_one(), &crate::kit::Names, &Settings::default(), None)
        .unwrap();
}

/// The founder's and the others' new KeyPackages for a group that follows.
fn new_members(founder: &str, others: &[&Invitee]) -> NewMembers {
    NewMembers {
        founder: member(founder, &mut rng(400)),
        lifetime: lifetime(),
        others: others.iter().map(|one| one.verified()).collect(),
    }
}

fn found(
    begun: Result<(Group, CommitBundle, Delta), Error>,
    seed: u64,
    settings: Settings,
) -> (Person, MlsMessage) {
    let (group, bundle, delta) = begun.unwrap();
    let mut store = Memory::default();
    store.apply(delta);
    let mut person = Person {
        group,
        store,
        rng: rng(seed),
        settings,
    };
    person.reload();
    person.accept();
    (person, bundle.welcome.unwrap())
}

#[test]
fn a_reinitialised_group_goes_on_as_its_successor() {
    let (mut alice, mut bob) = pair();
    let reinit = ReInit {
        group_id: GroupId::new(b"successor".to_vec()),
        version: ProtocolVersion::MLS_10,
        cipher_suite: suite_one().suite(),
        extensions: Extensions::default(),
    };
    let proposal = bob.propose(ProposalIntent::ReInit(reinit.clone()));
    alice.receive(&proposal).unwrap();
    let summary = step(&mut alice, &mut bob, CommitIntent::default());
    assert_eq!(summary.reinit, Some(reinit.clone()));
    assert_eq!(alice.group.reinit(), Some(&reinit));
    let ended = alice.group.seal(b"more", b"", &mut alice.rng);
    assert!(matches!(
        ended,
        Err(Error::State(StateError::Reinitialised))
    ));

    // Bob founds the successor although Alice committed.
    let again = Invitee::new("alice", 401);
    let begun = bob.group.begin_successor(
        suite_one(),
        new_members("bob", &[&again]),
        Settings::default(),
        services().with_records(&bob.store),
        &mut bob.rng,
    );
    let (mut new_bob, welcome) = found(begun, 402, Settings::default());
    let without = Invitee::new("alice", 401).join(&welcome, Settings::default());
    assert!(matches!(
        without,
        Err(Error::Invalid(Check::ResumptionUsage))
    ));
    let mut new_alice = again.join_after(&alice, &welcome).unwrap();
    agree(&[&new_alice, &new_bob]);
    assert_eq!(new_alice.group.group_id().as_slice(), b"successor");
    let hello = new_alice.seal("on we go");
    assert_eq!(new_bob.read(&hello), "on we go");
}

#[test]
fn a_branch_has_some_of_the_members() {
    let (mut alice, mut bob) = pair();
    let charlie = add(&mut alice, &mut [&mut bob], Invitee::new("charlie", 2));
    let again = Invitee::new("charlie", 403);
    let id = GroupId::new(b"branch".to_vec());
    let begun = alice.group.begin_branch(
        id.clone(),
        Extensions::default(),
        new_members("alice", &[&again]),
        services().with_records(&alice.store),
        &mut alice.rng,
    );
    let (branch_alice, welcome) = found(begun, 404, Settings::default());
    let branch_charlie = again.join_after(&charlie, &welcome).unwrap();
    agree(&[&branch_alice, &branch_charlie]);
    let hello = alice.seal("the parent lives on");
    assert_eq!(bob.read(&hello), "the parent lives on");

    let stranger = Invitee::new("dora", 405);
    let refused = alice.group.begin_branch(
        id,
        Extensions::default(),
        new_members("alice", &[&stranger]),
        services().with_records(&alice.store),
        &mut alice.rng,
    );
    assert!(matches!(
        refused,
        Err(Error::State(StateError::Refused(Check::BranchWelcome)))
    ));
}

#[test]
fn the_tree_may_come_beside_the_welcome() {
    let (mut alice, mut bob) = pair();
    let charlie = Invitee::new("charlie", 2);
    let bundle = alice.commit(CommitIntent {
        add: vec![charlie.verified()],
        tree_apart: true,
        ..CommitIntent::default()
    });
    bob.receive(&bundle.commit).unwrap();
    alice.accept();
    let welcome = bundle.welcome.unwrap();
    let without = Invitee::new("charlie", 2).join(&welcome, Settings::default());
    assert!(matches!(without, Err(Error::Invalid(Check::TreeGiven))));
    let tree = bob.group.tree().to_extension(&bob.store).unwrap();
    let options = JoinOptions {
        tree: Some(&tree),
        ..JoinOptions::default()
    };
    let charlie = charlie
        .join_with(&welcome, options, Settings::default(), services())
        .unwrap();
    agree(&[&alice, &bob, &charlie]);
}

#[test]
fn the_founder_may_not_choose_less_than_all_have() {
    let better = CipherSuite(3);
    let settings = Settings {
        preferred_suites: vec![better, suite_one().suite()],
        ..Settings::default()
    };
    let capable = |cipher_suites: Vec<CipherSuite>| {
        let mut generator = rng(9);
        let bob = member("bob", &mut generator).supporting(Supported {
            cipher_suites,
            ..Supported::default()
        });
        let (package, _) =
            KeyPackage::generate(suite_one(), bob, lifetime(), &mut generator).unwrap();
        let verified = package.verify(suite_one(), &crate::kit::Names, &settings, None);
        CommitIntent {
            add: vec![verified.unwrap()],
            ..CommitIntent::default()
        }
    };
    let mut alice = Person::create("alice", settings.clone());
    let worse = capable(vec![better]);
    let refused = alice.group.commit(
        worse,
        b"",
        services().with_records(&alice.store),
        &mut alice.rng,
    );
    assert!(matches!(
        refused,
        Err(Error::State(StateError::Refused(Check::BestCommonSuite)))
    ));
    let best = capable(Vec::new());
    let made = alice.group.commit(
        best,
        b"",
        services().with_records(&alice.store),
        &mut alice.rng,
    );
    assert!(made.is_ok());
}

#[test]
fn an_epoch_seals_so_many_messages_and_no_more() {
    let settings = Settings {
        messages_per_epoch: 3,
        ..Settings::default()
    };
    let mut alice = Person::create("alice", settings);
    for _ in 0..3 {
        alice.seal("still");
    }
    let refused = alice.group.seal(b"one more", b"", &mut alice.rng);
    assert!(matches!(
        refused,
        Err(Error::State(StateError::GenerationsExhausted))
    ));
    let _ = alice.commit(CommitIntent::default());
    alice.accept();
    alice.seal("in the next epoch");
}

#[test]
fn an_own_proposal_that_nobody_got_is_committed_all_the_same() {
    let (mut alice, mut bob) = pair();
    let charlie = Invitee::new("charlie", 2);
    let _lost = alice.propose(ProposalIntent::Add(charlie.verified()));
    let bundle = alice.commit(CommitIntent::default());
    bob.receive(&bundle.commit).unwrap();
    alice.accept();
    agree(&[&alice, &bob]);
    assert_eq!(bob.group.members(&bob.store).unwrap().count(), 3);
}

#[test]
fn a_proposal_that_comes_twice_waits_once() {
    let settings = Settings {
        handshakes: WireFormat::PublicMessage,
        waiting_proposals: 2,
        ..Settings::default()
    };
    let mut alice = Person::create("alice", settings);
    let mut bob = add(&mut alice, &mut [], Invitee::new("bob", 1));
    let mut charlie = add(&mut alice, &mut [&mut bob], Invitee::new("charlie", 2));
    let update = bob.propose(ProposalIntent::Update);
    alice.receive(&update).unwrap();
    for _ in 0..3 {
        let again = alice.receive(&update).unwrap_err();
        assert!(matches!(again, Error::ProposalWaits), "{again:?}");
        assert_eq!(again.fault(), Fault::Nobody);
    }
    let second = bob.propose(ProposalIntent::Update);
    alice.receive(&second).unwrap();
    let refused = bob.group.propose(
        ProposalIntent::Update,
        b"",
        services().with_records(&bob.store),
        &mut bob.rng,
    );
    assert!(matches!(
        refused,
        Err(Error::State(StateError::Refused(Check::WaitingProposals)))
    ));
    // Another sender has room of its own.
    let other = charlie.propose(ProposalIntent::Update);
    alice.receive(&other).unwrap();
    assert_eq!(alice.group.proposals().count(), 3);
}

#[test]
fn an_identity_whose_key_is_not_its_own_is_refused_to_its_maker() {
    let (mut alice, _) = pair();
    let mut identity = new_identity("alice", 90);
    identity.signature.public = new_identity("alice", 91).signature.public;
    let intent = CommitIntent {
        identity: Some(identity),
        ..CommitIntent::default()
    };
    let refused = alice.group.commit(
        intent,
        b"",
        services().with_records(&alice.store),
        &mut alice.rng,
    );
    assert!(matches!(
        refused,
        Err(Error::State(StateError::Refused(Check::LeafSignature)))
    ));
    let intent = CommitIntent {
        identity: Some(new_identity("dora", 92)),
        ..CommitIntent::default()
    };
    let refused = alice.group.commit(
        intent,
        b"",
        services().with_records(&alice.store),
        &mut alice.rng,
    );
    assert!(matches!(
        refused,
        Err(Error::State(StateError::Refused(
            Check::CredentialSuccession
        )))
    ));
}

#[test]
fn what_was_examined_for_one_group_is_not_for_another() {
    let (mut alice, bob) = pair();
    let hello = alice.seal("hello");
    let twin = Group::load(suite_one(), &bob.store, Settings::default()).unwrap();
    let incoming = twin
        .receive(hello, services().with_records(&bob.store))
        .unwrap();
    let mut bob = bob;
    let refused = bob.group.apply(incoming);
    assert!(matches!(refused, Err(Error::State(StateError::Superseded))));
}

#[test]
fn a_membership_begins_with_nothing_of_an_earlier_one() {
    let (mut alice, mut bob) = pair();
    let charlie = add(&mut alice, &mut [&mut bob], Invitee::new("charlie", 2));
    let leaf = charlie.group.own_index();
    let remove = alice.commit(CommitIntent {
        remove: vec![leaf],
        ..CommitIntent::default()
    });
    alice.accept();
    bob.receive(&remove.commit).unwrap();
    let mut charlie = charlie;
    charlie.receive(&remove.commit).unwrap();
    let left: usize = charlie.store.bytes().len();
    assert!(left > 0, "the old tree is there");

    let again = Invitee::new("charlie", 500);
    let bundle = alice.commit(CommitIntent {
        add: vec![again.verified()],
        ..CommitIntent::default()
    });
    alice.accept();
    bob.receive(&bundle.commit).unwrap();
    let MessageBody::Welcome(welcome) = bundle.welcome.unwrap().body else {
        panic!("no Welcome")
    };
    let own = OwnKeyPackage {
        key_package: &again.key_package,
        secrets: &again.secrets,
    };
    let joined = Group::join(
        suite_one(),
        &welcome,
        own,
        JoinOptions::default(),
        Settings::default(),
        services(),
    );
    let (group, delta) = joined.unwrap();
    let mut fresh = Memory::default();
    fresh.apply(delta.clone());
    charlie.store.apply(delta);
    assert_eq!(charlie.store.bytes(), fresh.bytes());
    charlie.group = group;
    charlie.reload();
    agree(&[&alice, &bob, &charlie]);
}

#[test]
fn proposals_that_contradict_are_left_out_and_the_others_taken() {
    let (mut alice, mut bob) = pair();
    let mut charlie = add(&mut alice, &mut [&mut bob], Invitee::new("charlie", 2));
    let dora = Invitee::new("dora", 3);
    let mut all = [&mut alice, &mut bob, &mut charlie];
    // Bob proposes four times, and Charlie what Bob proposed before.
    for (who, intent) in [
        (1, ProposalIntent::Add(dora.verified())),
        (1, ProposalIntent::Update),
        (2, ProposalIntent::Add(dora.verified())),
        (1, ProposalIntent::Update),
        (1, ProposalIntent::Psk(shared())),
    ] {
        let proposal = all[who].propose(intent);
        for (_, other) in all.iter_mut().enumerate().filter(|(one, _)| *one != who) {
            other.receive(&proposal).unwrap();
        }
    }
    let bundle = alice.commit(CommitIntent::default());
    let content = charlie.receive(&bundle.commit).unwrap();
    bob.receive(&bundle.commit).unwrap();
    alice.accept();
    agree(&[&alice, &bob, &charlie]);
    let IncomingContent::Commit(summary) = content else {
        panic!("no commit")
    };
    assert_eq!(summary.added.len(), 1);
    assert_eq!(summary.updated, [bob.group.own_index()]);
    assert_eq!(summary.psks.len(), 1);
}
