//! Lists of proposals (RFC 9420 §12.2, §12.3).

use folkmoot_mls::{
    Check, CommitIntent, Content, Credential, ExtensionType, Extensions, IncomingContent,
    LeafIndex, LeafNodeSource, NoRecords, NodeIndex, PreSharedKeyId, Proposal, ProposalIntent,
    ProposalOrRef, ProposalRef, ReInit, Sender, Settings, Supported, WireFormat,
};
use folkmoot_sim::{Invitee, Scene, crypto, key_package, leaf, services, shared_psk, update};

fn add(invitee: &Invitee) -> Proposal {
    Proposal::Add(Box::new(invitee.key_package.clone()))
}

/// A commit of this list by the insider is refused for this reason.
fn refuses(scene: &mut Scene, list: Vec<Proposal>, reason: Check) {
    let commit = scene.mallory.forge(list).with_path();
    scene.refuse(&commit.message(), reason);
}

/// Shows that the kit's commits are sound where nothing in them is changed.
#[test]
fn an_unchanged_forgery_is_taken() {
    for list in [
        vec![],
        vec![Proposal::Remove(LeafIndex(1)), add(&Invitee::new("bob", 9))],
        vec![add(&Invitee::new("dora", 9))],
    ] {
        let mut scene = Scene::default();
        let commit = scene.mallory.forge(list).with_path().message();
        scene.takes(&commit);
    }
}

/// Shows [`Check::ProposalKnown`].
#[test]
fn proposal_known() {
    let mut scene = Scene::default();
    let content = Content::Proposal(Proposal::Remove(LeafIndex(1)));
    let earlier = scene.mallory.sign(WireFormat::PublicMessage, content);
    let message = scene.mallory.tag(earlier.clone());
    scene.alice.receive(&message).unwrap();
    scene.charlie.receive(&message).unwrap();
    let _ = scene.commit(1, update());
    let unknown = ProposalRef(vec![7; 32].into());
    for reference in [unknown, earlier.reference(crypto())] {
        let mut commit = scene.mallory.forge(Vec::new());
        commit.entries = vec![ProposalOrRef::Reference(reference)];
        scene.refuse(&commit.with_path().message(), Check::ProposalKnown);
    }
    scene.goes_on();
}

/// An Update of the insider's own leaf.
fn own_update(scene: &Scene) -> Proposal {
    let known = scene.mallory.knowledge();
    let mut content = known
        .tree
        .leaf(known.own, &NoRecords)
        .unwrap()
        .unwrap()
        .content
        .clone();
    content.encryption_key = vec![9; 32].into();
    content.source = LeafNodeSource::Update;
    let place = Some((&known.context.group_id, known.own));
    let leaf = leaf(crypto(), content, &known.signature.private, place);
    Proposal::Update(Box::new(leaf))
}

/// Shows [`Check::NoUpdateByCommitter`].
#[test]
fn no_update_by_committer() {
    let mut scene = Scene::default();
    let update = own_update(&scene);
    refuses(&mut scene, vec![update.clone()], Check::NoUpdateByCommitter);
    let signed = scene
        .mallory
        .sign(WireFormat::PublicMessage, Content::Proposal(update));
    let message = scene.mallory.tag(signed.clone());
    for person in [&mut scene.alice, &mut scene.bob, &mut scene.charlie] {
        person.receive(&message).unwrap();
    }
    let mut commit = scene.mallory.forge(Vec::new());
    commit.refer(&signed);
    scene.refuse(&commit.with_path().message(), Check::NoUpdateByCommitter);
    let without = scene.mallory.forge(Vec::new()).with_path().message();
    scene.takes(&without);
}

/// Shows [`Check::NoRemoveOfCommitter`].
#[test]
fn no_remove_of_committer() {
    let mut scene = Scene::default();
    let mut commit = scene.mallory.forge(Vec::new());
    let remove = Proposal::Remove(scene.insider());
    commit.entries = vec![ProposalOrRef::Proposal(remove)];
    scene.refuses(&commit.with_path().message(), Check::NoRemoveOfCommitter);
}

/// Shows [`Check::OneChangePerLeaf`].
#[test]
fn one_change_per_leaf() {
    let mut scene = Scene::default();
    let remove = || Proposal::Remove(LeafIndex(1));
    refuses(
        &mut scene,
        vec![remove(), remove()],
        Check::OneChangePerLeaf,
    );
    let known = folkmoot_mls::hazmat::Knowledge::of(&scene.bob.group, &scene.bob.store).unwrap();
    let mut content = known
        .tree
        .leaf(known.own, &NoRecords)
        .unwrap()
        .unwrap()
        .content
        .clone();
    content.encryption_key = vec![9; 32].into();
    content.source = LeafNodeSource::Update;
    let place = Some((&known.context.group_id, known.own));
    let leaf = leaf(crypto(), content, &known.signature.private, place);
    let by_bob = scene.mallory.frame(
        Sender::Member(LeafIndex(1)),
        Content::Proposal(Proposal::Update(Box::new(leaf))),
    );
    let (format, context) = (WireFormat::PublicMessage, Some(&known.context));
    let private = &known.signature.private;
    let signed =
        folkmoot_mls::hazmat::Signed::sign(crypto(), format, by_bob, private, context).unwrap();
    let message = scene.mallory.tag(signed.clone());
    for person in [&mut scene.alice, &mut scene.charlie] {
        person.receive(&message).unwrap();
        let mut commit = scene.mallory.forge(vec![remove()]);
        let reference = signed.reference(crypto());
        commit.entries.push(ProposalOrRef::Reference(reference));
        let refused = person.receive(&commit.with_path().message());
        let reason = folkmoot_sim::refusal(refused);
        assert_eq!(reason, Check::OneChangePerLeaf.into());
    }
    scene.goes_on_among(&[0, 2]);
}

/// Shows [`Check::AddsDistinct`].
#[test]
fn adds_distinct() {
    let mut scene = Scene::default();
    let twice = [8, 9].map(|seed| add(&Invitee::new("dora", seed)));
    refuses(&mut scene, twice.to_vec(), Check::AddsDistinct);
    scene.goes_on();
}

/// Shows [`Check::AddIsNew`].
#[test]
fn add_is_new() {
    let mut scene = Scene::default();
    let again = Invitee::new("bob", 9);
    refuses(&mut scene, vec![add(&again)], Check::AddIsNew);
    let in_place = vec![Proposal::Remove(LeafIndex(1)), add(&again)];
    let commit = scene.mallory.forge(in_place).with_path().message();
    scene.takes(&commit);
}

/// Shows [`Check::PsksDistinct`].
#[test]
fn psks_distinct() {
    let mut scene = Scene::default();
    let psk = |nonce: u8| {
        Proposal::PreSharedKey(PreSharedKeyId {
            psk: shared_psk(),
            psk_nonce: vec![nonce; 32].into(),
        })
    };
    refuses(
        &mut scene,
        vec![psk(1), psk(2), psk(1)],
        Check::PsksDistinct,
    );
    scene.goes_on();
}

/// Shows [`Check::OneGroupContextExtensions`].
#[test]
fn one_group_context_extensions() {
    let mut scene = Scene::default();
    let replace = || Proposal::GroupContextExtensions(Extensions::default());
    let list = vec![replace(), replace()];
    refuses(&mut scene, list, Check::OneGroupContextExtensions);
    scene.goes_on();
}

/// A successor with these parameters.
pub(crate) fn successor() -> ReInit {
    ReInit {
        group_id: folkmoot_mls::GroupId::new(b"next".to_vec()),
        version: folkmoot_mls::ProtocolVersion::MLS_10,
        cipher_suite: crypto().suite(),
        extensions: Extensions::default(),
    }
}

/// Shows [`Check::ReInitAlone`].
#[test]
fn re_init_alone() {
    let mut scene = Scene::default();
    let reinit = || Proposal::ReInit(successor());
    let remove = || Proposal::Remove(LeafIndex(1));
    for list in [
        vec![reinit(), remove()],
        vec![remove(), reinit()],
        vec![reinit(), reinit()],
    ] {
        refuses(&mut scene, list, Check::ReInitAlone);
    }
    scene.goes_on();
}

/// Shows [`Check::NoExternalInit`].
#[test]
fn no_external_init() {
    let mut scene = Scene::default();
    let init = Proposal::ExternalInit(vec![1; 32].into());
    refuses(&mut scene, vec![init], Check::NoExternalInit);
    scene.goes_on();
}

/// Shows [`Check::ResultingTree`]: what is wrong with a leaf of the tree to come is wrong with the
/// list.
#[test]
fn resulting_tree() {
    let mut scene = Scene::default();
    let known = scene.mallory.knowledge();
    let mut content = Invitee::new("dora", 9).key_package.content;
    let signature_key = known.signature.public.as_slice();
    content.leaf_node.content.signature_key = signature_key.into();
    let package = key_package(crypto(), content, &known.signature.private);
    let add = Proposal::Add(Box::new(package));
    refuses(&mut scene, vec![add], Check::LeafKeysUnique);
    scene.goes_on();
}

/// Of [`Check::ResultingTree`]: an Update's leaf too, which its own message leaves open.
#[test]
fn resulting_tree_with_an_update() {
    let mut scene = Scene::default();
    let known = scene.mallory.knowledge();
    let mut content = known
        .tree
        .leaf(known.own, &NoRecords)
        .unwrap()
        .unwrap()
        .content
        .clone();
    content.encryption_key = Invitee::new("fresh", 12).key_package.content.init_key;
    content.source = LeafNodeSource::Update;
    content.capabilities.cipher_suites.clear();
    let place = Some((&known.context.group_id, known.own));
    let leaf = leaf(crypto(), content, &known.signature.private, place);
    let update = Content::Proposal(Proposal::Update(Box::new(leaf)));
    let signed = scene.mallory.sign(WireFormat::PublicMessage, update);
    let message = scene.mallory.tag(signed.clone());
    for person in [&mut scene.alice, &mut scene.bob, &mut scene.charlie] {
        person.receive(&message).unwrap();
    }
    // Charlie is in league with the insider.
    let known =
        folkmoot_mls::hazmat::Knowledge::of(&scene.charlie.group, &scene.charlie.store).unwrap();
    let mut commit = folkmoot_sim::Forgery::new(known, Vec::new());
    commit.refer(&signed);
    let commit = commit.with_path().message();
    for person in [&mut scene.alice, &mut scene.bob] {
        let before = person.store.clone();
        let refused = folkmoot_sim::refusal(person.receive(&commit));
        assert_eq!(refused, Check::LeafVersionAndSuite.into());
        assert_eq!(person.store, before);
    }
    scene.goes_on_among(&[0, 1, 2]);
}

/// Shows [`Check::ApplicationPolicy`]: a commit is shown before it is taken, and may be dropped.
#[test]
fn application_policy() {
    let mut scene = Scene::default();
    let remove_bob = vec![Proposal::Remove(LeafIndex(1))];
    let commit = scene.mallory.forge(remove_bob).with_path().message();
    let before = scene.alice.store.clone();
    let incoming = scene
        .alice
        .group
        .receive(commit, services().with_records(&scene.alice.store))
        .unwrap();
    let IncomingContent::Commit(summary) = incoming.content() else {
        panic!("no commit")
    };
    assert_eq!(summary.sender, scene.insider());
    assert_eq!(summary.removed[0].0, LeafIndex(1));
    drop(incoming);
    assert_eq!(scene.alice.store, before);
    scene.goes_on();
}

/// Shows [`Check::OmittedProposals`].
#[test]
fn omitted_proposals() {
    let mut scene = Scene::default();
    scene.propose(1, ProposalIntent::Update);
    scene.propose(0, ProposalIntent::Remove(LeafIndex(1)));
    let commit = scene.mallory.forge(Vec::new()).with_path().message();
    scene.takes(&commit);
    assert!(
        scene
            .alice
            .group
            .member(LeafIndex(1), &scene.alice.store)
            .unwrap()
            .is_some()
    );
    assert_eq!(scene.alice.group.proposals().count(), 0);
}

/// Shows [`Check::ProposalOrder`]: a removal makes room for an addition that the list names first.
#[test]
fn proposal_order() {
    let mut scene = Scene::default();
    let dora = Invitee::new("dora", 9);
    let list = vec![add(&dora), Proposal::Remove(LeafIndex(1))];
    let commit = scene.mallory.forge(list).with_path().message();
    for person in [&mut scene.alice, &mut scene.charlie] {
        let IncomingContent::Commit(summary) = person.receive(&commit).unwrap() else {
            panic!("no commit")
        };
        assert_eq!(summary.added[0].0, LeafIndex(1));
    }
    scene.goes_on_among(&[0, 2]);
}

/// Of [`Check::ProposalOrder`]: the group's new extensions govern the additions of the same commit.
#[test]
fn new_extensions_come_first() {
    const TYPE: ExtensionType = ExtensionType(0xF00D);
    let supports = Supported {
        extensions: vec![TYPE],
        ..Supported::default()
    };
    let with = Extensions::default().with(TYPE, b"x".as_slice());
    let replace = Proposal::GroupContextExtensions;
    let dora = || add(&Invitee::new("dora", 9));
    let settings = Settings::default();
    let mut scene = Scene::of(Extensions::default(), &settings, &supports);
    let stricter = vec![dora(), replace(with.clone())];
    refuses(&mut scene, stricter, Check::GroupExtensionsSupported);
    scene.goes_on();
    let mut scene = Scene::of(with, &settings, &supports);
    let laxer = vec![dora(), replace(Extensions::default())];
    let commit = scene.mallory.forge(laxer).with_path().message();
    scene.takes(&commit);
}

/// Of [`Check::TreeChanges`]: an Update blanks its direct path, and additions are unmerged in order.
#[test]
fn tree_changes_above_a_leaf() {
    let mut scene = Scene::default();
    assert!(
        scene
            .bob
            .group
            .tree()
            .parent_node(NodeIndex(1), &scene.bob.store)
            .unwrap()
            .is_some()
    );
    scene.propose(1, ProposalIntent::Update);
    let _ = scene.commit(2, CommitIntent::default());
    for person in scene.everyone() {
        assert!(
            person
                .group
                .tree()
                .parent_node(NodeIndex(1), &person.store)
                .unwrap()
                .is_none()
        );
    }
    let _ = scene.commit(
        0,
        CommitIntent {
            remove: vec![LeafIndex(1), LeafIndex(2)],
            ..CommitIntent::default()
        },
    );
    let two = [("dora", 20), ("erin", 21)].map(|(name, seed)| Invitee::new(name, seed));
    let bundle = scene.alice.commit(CommitIntent {
        add: two.iter().map(Invitee::verified).collect(),
        ..CommitIntent::default()
    });
    scene.mallory.person.receive(&bundle.commit).unwrap();
    scene.alice.accept();
    let root = scene
        .alice
        .group
        .tree()
        .parent_node(NodeIndex(3), &scene.alice.store)
        .unwrap()
        .unwrap();
    assert_eq!(root.unmerged_leaves, [LeafIndex(1), LeafIndex(2)]);
    let welcome = bundle.welcome.unwrap();
    let [mut dora, mut erin] = two.map(|invitee| invitee.join(&welcome).unwrap());
    let people = &mut [
        &mut scene.alice,
        &mut scene.mallory.person,
        &mut dora,
        &mut erin,
    ];
    folkmoot_sim::all_go_on(people);
}

/// Shows [`Check::TreeChanges`].
#[test]
fn tree_changes() {
    let mut scene = Scene::default();
    let remove = |leaf| CommitIntent {
        remove: vec![LeafIndex(leaf)],
        ..CommitIntent::default()
    };
    let _ = scene.commit(0, remove(1));
    let tree = scene.charlie.group.tree();
    assert!(
        tree.parent_node(NodeIndex(1), &scene.charlie.store)
            .unwrap()
            .is_none(),
        "filtered"
    );
    assert!(
        tree.parent_node(NodeIndex(3), &scene.charlie.store)
            .unwrap()
            .is_some()
    );

    let bundle = scene.alice.commit(Invitee::new("dora", 9).addition());
    let dora = (LeafIndex(1), Credential::Basic(b"dora".as_slice().into()));
    assert_eq!(bundle.added, [dora], "the leftmost blank");
    scene.charlie.receive(&bundle.commit).unwrap();
    scene.alice.accept();
    let root = scene
        .charlie
        .group
        .tree()
        .parent_node(NodeIndex(3), &scene.charlie.store)
        .unwrap()
        .unwrap();
    assert_eq!(root.unmerged_leaves, [LeafIndex(1)]);

    let bundle = scene.alice.commit(CommitIntent {
        remove: vec![LeafIndex(2), LeafIndex(3)],
        ..CommitIntent::default()
    });
    let removed: Vec<_> = bundle.removed.iter().map(|(leaf, _)| leaf.0).collect();
    assert_eq!(removed, [2, 3]);
    let pending = scene
        .alice
        .group
        .pending_members(&scene.alice.store)
        .unwrap()
        .unwrap();
    assert_eq!(pending.map(|(leaf, _)| leaf.0).collect::<Vec<_>>(), [0, 1]);
    scene.charlie.receive(&bundle.commit).unwrap();
    scene.alice.accept();
    assert_eq!(scene.alice.group.tree().root(), NodeIndex(1), "truncated");

    let many: Vec<_> = (20..22)
        .map(|seed| Invitee::new(&format!("{seed}"), seed))
        .collect();
    let bundle = scene.alice.commit(CommitIntent {
        add: many.iter().map(Invitee::verified).collect(),
        ..CommitIntent::default()
    });
    let places: Vec<_> = bundle.added.iter().map(|(leaf, _)| leaf.0).collect();
    assert_eq!(places, [2, 3], "doubled");
}
