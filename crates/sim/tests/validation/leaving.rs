//! Members who remove themselves (draft-ietf-mls-extensions §6.3).

use crate::extensions::{everything, join_by, mentions, said_nothing, summary, supporting};
use crate::external::group_info;
use crate::framing::outside;
use folkmoot_mls::{
    Check, CommitIntent, Content, Extensions, ExternalSender, GroupId, IncomingContent, LeafIndex,
    MessageBody, Observer, Proposal, ProposalIntent, ProposalOrRef, Sender, Settings, StateError,
    WireFormat, hazmat,
};
use folkmoot_sim::{
    Invitee, Refusal, Scene, WORDS, assert_agree, crypto, external_join, member, refusal, rng,
    services, update,
};

/// Shows [`Check::SelfRemove`]: whoever commits next takes out who leaves.
#[test]
fn a_member_leaves_by_itself() {
    let mut scene = supporting(Extensions::default());
    let leaves = scene.propose(1, ProposalIntent::SelfRemove);
    assert!(matches!(leaves.body, MessageBody::Public(_)));
    assert!(scene.alice.group.has_proposals_to_commit());
    assert!(!scene.bob.group.has_proposals_to_commit());
    let again = scene.bob.try_propose(ProposalIntent::SelfRemove);
    assert_eq!(
        refusal(again),
        Refusal::State(StateError::Refused(Check::OneSelfRemove))
    );
    // A removal that somebody asks for gives way, and what the leaver itself commits leaves it in.
    let committed = scene.bob.commit(update());
    assert!(committed.removed.is_empty());
    scene.bob.discard();
    let bundle = scene.alice.commit(CommitIntent {
        remove: vec![LeafIndex(1)],
        ..CommitIntent::default()
    });
    assert_eq!(bundle.removed.len(), 1);
    scene.alice.accept();
    let seen = summary(&mut scene.charlie, &bundle.commit);
    assert_eq!(seen.left, [LeafIndex(1)]);
    assert_eq!(seen.removed.len(), 1);
    assert!(seen.has_path);
    assert!(summary(&mut scene.bob, &bundle.commit).self_removed);
    assert!(!scene.bob.group.is_active());
    scene.mallory.person.receive(&bundle.commit).unwrap();
    scene.goes_on_among(&[0, 2, 3]);
}

/// Shows [`Check::SelfRemove`]: whom somebody wants to remove and who leaves goes once, with all that stands
/// beside it.
#[test]
fn who_leaves_is_removed_with_all_that_is_asked_for() {
    let mut scene = supporting(Extensions::default());
    scene.propose(1, ProposalIntent::SelfRemove);
    let remove = |leaf| CommitIntent {
        remove: vec![LeafIndex(leaf)],
        ..CommitIntent::default()
    };
    let reinit = scene.alice.try_commit(CommitIntent {
        reinit: Some(crate::lists::successor()),
        ..remove(1)
    });
    assert_eq!(
        refusal(reinit),
        Refusal::State(StateError::Refused(Check::ReInitAlone))
    );
    assert_eq!(
        refusal(scene.bob.try_commit(remove(1))),
        Refusal::State(StateError::Refused(Check::NoRemoveOfCommitter))
    );
    // The same client with another leaf, in one commit.
    let bob = Invitee::of(member("bob", &mut rng(9)).supporting(everything()), rng(10));
    let bundle = scene.alice.commit(CommitIntent {
        add: vec![bob.verified()],
        ..remove(1)
    });
    assert_eq!((bundle.removed.len(), bundle.added.len()), (1, 1));
    scene.alice.accept();
    let seen = summary(&mut scene.charlie, &bundle.commit);
    assert_eq!(
        (seen.left, seen.added[0].0),
        (vec![LeafIndex(1)], LeafIndex(1))
    );
    let bob = bob.join(&bundle.welcome.unwrap()).unwrap();
    assert_agree(&[&scene.alice, &scene.charlie, &bob]);
}

/// Shows [`Check::OneSelfRemove`]: in the next epoch it is said again.
#[test]
fn who_was_left_in_says_it_again() {
    let mut scene = supporting(Extensions::default());
    scene.propose(1, ProposalIntent::SelfRemove);
    // Mallory's commit leaves it out.
    let commit = scene.mallory.forge(Vec::new()).with_path().message();
    for person in [&mut scene.alice, &mut scene.bob, &mut scene.charlie] {
        person.receive(&commit).unwrap();
    }
    let again = scene.bob.propose(ProposalIntent::SelfRemove);
    for person in [&mut scene.alice, &mut scene.charlie] {
        person.receive(&again).unwrap();
    }
    let bundle = scene.charlie.commit(CommitIntent::default());
    scene.charlie.accept();
    scene.alice.receive(&bundle.commit).unwrap();
    scene.bob.receive(&bundle.commit).unwrap();
    assert!(!scene.bob.group.is_active());
    scene.goes_on_among(&[0, 2]);
}

/// Shows [`Check::SelfRemove`]: by value, in secret, for others, from outside, it is none.
#[test]
fn self_remove() {
    let operator = member("operator", &mut rng(50));
    let admitted = vec![ExternalSender {
        signature_key: operator.signature.public.as_slice().into(),
        credential: operator.credential.clone(),
    }];
    let mut scene = supporting(Extensions::default().admitting(&admitted));
    let by_value = scene.mallory.forge(vec![Proposal::SelfRemove]);
    scene.refuse(&by_value.with_path().message(), Check::SelfRemove);
    let sealed = scene.mallory.sign(
        WireFormat::PrivateMessage,
        Content::Proposal(Proposal::SelfRemove),
    );
    let sealed = scene.mallory.seal(&sealed, 0, &[]);
    scene.refuse(&sealed, Check::SelfRemove);
    let private = &operator.signature.private;
    let from_outside =
        outside(&scene).by_external_sender(crypto(), 0, private, Proposal::SelfRemove);
    assert_eq!(
        refusal(from_outside),
        Refusal::State(StateError::Refused(Check::ExternalSenderContent))
    );
    let own = scene.mallory.propose(Proposal::SelfRemove);
    scene.deliver(Some(3), &own);
    // Its own commit must not take itself out.
    let signed = scene.mallory.sign(
        WireFormat::PublicMessage,
        Content::Proposal(Proposal::SelfRemove),
    );
    let mut commit = scene.mallory.forge(Vec::new());
    let reference = signed.reference(crypto());
    commit.entries.push(ProposalOrRef::Reference(reference));
    let commit = commit.with_path();
    scene.refuse(&commit.message(), Check::NoRemoveOfCommitter);
}

/// Shows [`Check::SelfRemove`] and [`Check::OneChangePerLeaf`]: who leaves is neither removed nor updated as
/// well, nor taken out twice.
#[test]
fn who_leaves_does_so_once() {
    let mut scene = supporting(Extensions::default());
    let leaves = scene.propose(1, ProposalIntent::SelfRemove);
    let MessageBody::Public(leaves) = &leaves.body else {
        panic!("not public")
    };
    let signed = hazmat::Signed::of(leaves);
    let mut commit = scene.mallory.forge(Vec::new());
    commit.refer(&signed);
    let remove = Proposal::Remove(LeafIndex(1));
    commit.entries.push(ProposalOrRef::Proposal(remove));
    scene.refuse(&commit.with_path().message(), Check::OneChangePerLeaf);
    let mut twice = scene.mallory.forge(Vec::new());
    twice.refer(&signed);
    let reference = signed.reference(crypto());
    twice.entries.push(ProposalOrRef::Reference(reference));
    scene.refuse(&twice.with_path().message(), Check::OneChangePerLeaf);
    let mut without_path = scene.mallory.forge(Vec::new());
    without_path.refer(&signed);
    scene.refuse(&without_path.message(), Check::PathRequired);
    let mut once = scene.mallory.forge(Vec::new());
    once.refer(&signed);
    scene.takes(&once.with_path().message());
}

/// Shows [`Check::SelfRemove`] and [`Check::NoReferencesInExternalCommit`]: a joiner takes out who leaves, and
/// refers to nothing else.
#[test]
fn a_joiner_takes_out_who_leaves() {
    let mut scene = supporting(Extensions::default());
    let leaves = scene.propose(1, ProposalIntent::SelfRemove);
    let kept: Vec<_> = scene.alice.group.self_removals().collect();
    assert_eq!(kept, [leaves.encode()]);
    let update = scene.propose(2, ProposalIntent::Update);
    let info = scene.alice.group.group_info(true, &scene.alice.store);
    let mut forged = scene.mallory.frame(
        Sender::Member(LeafIndex(2)),
        Content::Proposal(Proposal::SelfRemove),
    );
    let mut elsewhere = forged.clone();
    forged.authenticated_data = b"forged".as_slice().into();
    elsewhere.group_id = GroupId::new(b"another".to_vec());
    elsewhere.sender = Sender::Member(scene.insider());
    let [forged, elsewhere] = [forged, elsewhere].map(|content| {
        let signed = scene
            .mallory
            .sign_framed(WireFormat::PublicMessage, content);
        scene.mallory.tag(signed)
    });
    // What is no valid word of a member's stays out, whoever handed it out.
    let wrong = [update, info.unwrap(), forged, elsewhere];
    let (_, commit) = join_by(&scene, "dora", None, &wrong, said_nothing()).unwrap();
    let incoming = scene
        .alice
        .group
        .receive(commit, services().with_records(&scene.alice.store));
    let IncomingContent::Commit(seen) = incoming.unwrap().content().clone() else {
        panic!("no commit")
    };
    assert!(seen.left.is_empty() && seen.removed.is_empty());
    // Of one who says it in two ways, one counts.
    let mut again = scene.mallory.frame(
        Sender::Member(scene.insider()),
        Content::Proposal(Proposal::SelfRemove),
    );
    let first = scene.mallory.tag(
        scene
            .mallory
            .sign_framed(WireFormat::PublicMessage, again.clone()),
    );
    again.authenticated_data = b"again".as_slice().into();
    let second = scene.mallory.sign_framed(WireFormat::PublicMessage, again);
    let second = scene.mallory.tag(second);
    for message in [&first, &second] {
        scene.deliver(Some(3), message);
    }
    let (_, commit) = join_by(&scene, "dora", None, &[first, second], said_nothing()).unwrap();
    let incoming = scene
        .alice
        .group
        .receive(commit, services().with_records(&scene.alice.store));
    let IncomingContent::Commit(seen) = incoming.unwrap().content().clone() else {
        panic!("no commit")
    };
    assert_eq!(seen.left, [scene.insider()]);
    // Twice the same counts once; the leaver's place is the leftmost.
    let twice = [leaves.clone(), leaves];
    let (mut dora, commit) = join_by(&scene, "dora", None, &twice, said_nothing()).unwrap();
    assert_eq!(dora.group.own_index(), LeafIndex(1));
    let seen = summary(&mut scene.alice, &commit);
    assert_eq!(seen.left, [LeafIndex(1)]);
    assert!(seen.joins);
    scene.charlie.receive(&commit).unwrap();
    scene.mallory.person.receive(&commit).unwrap();
    scene.bob.receive(&commit).unwrap();
    assert!(!scene.bob.group.is_active());
    let Scene {
        alice,
        charlie,
        mallory,
        ..
    } = &mut scene;
    folkmoot_sim::all_go_on(&mut [alice, charlie, &mut mallory.person, &mut dora]);
}

/// Shows [`Check::NoReferencesInExternalCommit`]: of what is kept, a joiner refers to who leaves alone.
#[test]
fn a_joiner_refers_to_nothing_else() {
    let mut scene = supporting(Extensions::default());
    let update = scene.propose(2, ProposalIntent::Ephemeral(mentions(WORDS, b"x")));
    let MessageBody::Private(_) = update.body else {
        panic!("not private")
    };
    let signed = scene.mallory.sign(
        WireFormat::PublicMessage,
        Content::Proposal(Proposal::AppEphemeral(mentions(WORDS, b"y"))),
    );
    let own = scene.mallory.tag(signed.clone());
    scene.deliver(Some(3), &own);
    let dora = Invitee::of(
        member("dora", &mut rng(9)).supporting(everything()),
        rng(10),
    );
    let leaf = dora.key_package.content.leaf_node.content;
    let key = &dora.secrets.signature.private;
    let mut commit = external_join(scene.mallory.knowledge(), leaf, key, Vec::new());
    commit.refer(&signed);
    let commit = commit.with_path();
    scene.refuse(&commit.message(), Check::NoReferencesInExternalCommit);
}

/// Shows [`Check::SelfRemove`]: who comes back replaces itself by leaving, or by its Remove, never both.
#[test]
fn who_left_comes_back_in_the_same_commit() {
    let mut scene = supporting(Extensions::default());
    let leaves = scene.propose(1, ProposalIntent::SelfRemove);
    let leaves = core::slice::from_ref(&leaves);
    let place = Some(LeafIndex(1));
    let (bob, commit) = join_by(&scene, "bob", place, leaves, said_nothing()).unwrap();
    let seen = summary(&mut scene.alice, &commit);
    assert_eq!((seen.left, seen.removed.len()), (vec![LeafIndex(1)], 1));
    scene.charlie.receive(&commit).unwrap();
    assert_agree(&[&scene.alice, &scene.charlie, &bob]);
}

/// Shows [`Check::SelfRemove`]: an observer keeps the messages for joiners, over a restart too.
#[test]
fn an_observer_hands_out_who_leaves() {
    let mut scene = supporting(Extensions::default());
    let info = group_info(&scene.alice);
    let settings = Settings::default();
    let begun = Observer::begin(crypto(), info, None, settings.clone(), services());
    let (mut observer, delta) = begun.unwrap();
    let mut store = folkmoot_sim::Memory::default();
    store.apply(delta);
    let leaves = scene.propose(1, ProposalIntent::SelfRemove);
    let observed = observer.receive(leaves.clone(), services()).unwrap();
    store.apply(observer.apply(observed).unwrap());
    let loaded = Observer::load(crypto(), &store, settings).unwrap();
    for observer in [&observer, &loaded] {
        let kept: Vec<_> = observer.self_removals().collect();
        assert_eq!(kept, [leaves.encode()]);
    }
    let (_, commit) = join_by(
        &scene,
        "dora",
        None,
        core::slice::from_ref(&leaves),
        said_nothing(),
    )
    .unwrap();
    let observed = observer.receive(commit.clone(), services()).unwrap();
    store.apply(observer.apply(observed).unwrap());
    assert_eq!(observer.self_removals().count(), 0);
    scene.alice.receive(&commit).unwrap();
    assert_eq!(observer.context(), scene.alice.group.context());
}
