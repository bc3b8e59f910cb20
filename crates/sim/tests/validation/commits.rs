//! Commits (RFC 9420 §12.4, §14): what they need, what they change, and when.

use crate::lists::successor;
use folkmoot_crypto::Secret;
use folkmoot_mls::hazmat::{Knowledge, Signed};
use folkmoot_mls::{
    Check, CommitIntent, Content, Error, Extensions, Fault, LeafIndex, LeafNodeSource, NoRecords,
    NodeIndex, PreSharedKeyId, Proposal, ProposalIntent, Psk, Sender, StateError, WireFormat,
    expand_with_label,
};
use folkmoot_sim::{
    Names, Refusal, SHARED, Scene, crypto, leaf, refusal, services, shared_psk, update,
};

/// A use of the external key with this id.
fn psk(id: &[u8], nonce: u8) -> PreSharedKeyId {
    PreSharedKeyId {
        psk: Psk::External(id.into()),
        psk_nonce: vec![nonce; 32].into(),
    }
}

fn shared(nonce: u8) -> (PreSharedKeyId, Secret) {
    let key = folkmoot_mls::Holdings::external_psk(&Names, SHARED);
    (psk(SHARED, nonce), key.unwrap())
}

/// Shows [`Check::PskAvailable`].
#[test]
fn psk_available() {
    let mut scene = Scene::default();
    let unknown = psk(b"unknown", 1);
    let mut commit = scene
        .mallory
        .forge(vec![Proposal::PreSharedKey(unknown.clone())]);
    commit.psks = vec![(unknown, Secret::zero(32))];
    scene.refuses(&commit.message(), Check::PskAvailable);
}

/// Shows [`Check::PathRequired`].
#[test]
fn path_required() {
    let mut scene = Scene::default();
    let lists = [
        vec![],
        vec![Proposal::Remove(LeafIndex(1))],
        vec![Proposal::GroupContextExtensions(Extensions::default())],
    ];
    for list in lists {
        let commit = scene.mallory.forge(list);
        scene.refuse(&commit.message(), Check::PathRequired);
    }
    // An Update of somebody else's, by reference.
    let known = Knowledge::of(&scene.bob.group, &scene.bob.store).unwrap();
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
    let update = Content::Proposal(Proposal::Update(Box::new(leaf)));
    let framed = scene.mallory.frame(Sender::Member(known.own), update);
    let (format, context) = (WireFormat::PublicMessage, Some(&known.context));
    let private = &known.signature.private;
    let signed = Signed::sign(crypto(), format, framed, private, context).unwrap();
    let message = scene.mallory.tag(signed.clone());
    let mut commit = scene.mallory.forge(Vec::new());
    commit.refer(&signed);
    for person in [&mut scene.alice, &mut scene.charlie] {
        person.receive(&message).unwrap();
        let refused = refusal(person.receive(&commit.message()));
        assert_eq!(refused, Check::PathRequired.into());
    }
    scene.goes_on_among(&[0, 2]);
}

/// Shows [`Check::CommitSecret`]: zero without a path.
#[test]
fn commit_secret() {
    let mut scene = Scene::default();
    let (id, key) = shared(1);
    let mut commit = scene
        .mallory
        .forge(vec![Proposal::PreSharedKey(id.clone())]);
    commit.psks = vec![(id, key)];
    let honest = commit.message();
    commit.commit_secret = Secret::from(vec![1; 32]);
    scene.refuse(&commit.message(), Check::ConfirmationTag);
    let mut with_path = scene.mallory.forge(Vec::new()).with_path();
    with_path.commit_secret = Secret::zero(32);
    scene.refuse(&with_path.message(), Check::ConfirmationTag);
    scene.takes(&honest);
}

/// Shows [`Check::TranscriptHash`]: what breaks it is not confirmed.
#[test]
fn transcript_hash() {
    let mut scene = Scene::default();
    let commit = scene.mallory.forge(Vec::new()).with_path();
    let (signed, _) = commit.finish();
    let claim = || folkmoot_mls::hazmat::Claim {
        tree: commit.tree.clone(),
        context: commit.context(),
        init_secret: commit.init_secret.clone(),
        commit_secret: commit.commit_secret.clone(),
        psks: Vec::new(),
    };
    let mut other_format = signed.clone();
    other_format.wire_format = WireFormat::PrivateMessage;
    let mut other_signature = signed.clone();
    other_signature.signature[0] ^= 1;
    let mut other_content = signed.clone();
    other_content.content.authenticated_data = b"other".as_slice().into();
    for other in [other_format, other_signature, other_content] {
        let claimed = commit.known.claim(claim(), &other);
        let mut sent = signed.clone();
        sent.confirmation_tag = Some(claimed.confirmation_tag);
        let message = scene.mallory.tag(sent);
        scene.refuse(&message, Check::ConfirmationTag);
    }
    scene.takes(&commit.message());
}

/// Shows [`Check::PskOrder`]: what breaks it is not confirmed.
#[test]
fn psk_order() {
    let mut scene = Scene::default();
    let psks = [shared(1), shared(2)];
    let list = psks
        .iter()
        .map(|(id, _)| Proposal::PreSharedKey(id.clone()));
    let mut commit = scene.mallory.forge(list.collect());
    commit.psks = psks.iter().rev().cloned().collect();
    scene.refuse(&commit.message(), Check::ConfirmationTag);
    commit.psks = psks.to_vec();
    scene.takes(&commit.message());
}

/// Shows [`Check::PskSecret`]: it covers index and count, and is zero without keys.
#[test]
fn psk_secret() {
    let mut scene = Scene::default();
    let (id, key) = shared(1);
    let mut commit = scene
        .mallory
        .forge(vec![Proposal::PreSharedKey(id.clone())]);
    scene.refuse(&commit.message(), Check::ConfirmationTag);
    commit.psks = vec![(id.clone(), key.clone()), shared(2)];
    scene.refuse(&commit.message(), Check::ConfirmationTag);
    let mut none = scene.mallory.forge(Vec::new()).with_path();
    assert_eq!(none.finish().1.psk_secret, Secret::zero(32));
    none.psks = vec![(id.clone(), key.clone())];
    scene.refuse(&none.message(), Check::ConfirmationTag);
    let two = [(id.clone(), key.clone()), shared(2)];
    commit.psks = two.to_vec();
    assert_eq!(commit.finish().1.psk_secret, derived(&two));
    commit.psks = vec![(id, key)];
    scene.takes(&commit.message());
}

/// `psk_secret` of two keys, step by step as in RFC 9420 §8.4.
fn derived(psks: &[(PreSharedKeyId, Secret); 2]) -> Secret {
    let zero = Secret::zero(32);
    let mut secret = zero.clone();
    for ((id, key), index) in psks.iter().zip(0_u16..) {
        let extracted = crypto().extract(zero.expose(), key.expose());
        let mut label = folkmoot_mls::hazmat::to_bytes(id);
        label.extend(index.to_be_bytes());
        label.extend(2_u16.to_be_bytes());
        let input = expand_with_label(crypto(), &extracted, "derived psk", &label, 32);
        secret = crypto().extract(input.unwrap().expose(), secret.expose());
    }
    secret
}

/// Shows [`Check::ConfirmationTag`].
#[test]
fn confirmation_tag() {
    let mut scene = Scene::default();
    let (signed, _) = scene.mallory.forge(Vec::new()).with_path().finish();
    let tag = signed.confirmation_tag.clone().unwrap();
    let flipped = [&[tag[0] ^ 1], &tag[1..]].concat();
    for wrong in [flipped, tag[..31].to_vec(), Vec::new()] {
        let mut signed = signed.clone();
        signed.confirmation_tag = Some(wrong);
        let message = scene.mallory.tag(signed);
        scene.refuse(&message, Check::ConfirmationTag);
    }
    let mut commit = scene.mallory.forge(Vec::new()).with_path();
    commit.init_secret = Secret::zero(32);
    scene.refuses(&commit.message(), Check::ConfirmationTag);
}

/// Shows [`Check::ReInitEnds`].
#[test]
fn re_init_ends() {
    let mut scene = Scene::default();
    let _ = scene.commit(
        0,
        CommitIntent {
            reinit: Some(successor()),
            ..CommitIntent::default()
        },
    );
    let ended = Refusal::State(StateError::Reinitialised);
    let dead = scene.mallory.forge(Vec::new()).with_path().message();
    for person in [&mut scene.alice, &mut scene.bob] {
        assert_eq!(person.group.reinit(), Some(&successor()));
        assert_eq!(refusal(person.try_seal("still here?")), ended);
        assert_eq!(refusal(person.try_commit(update())), ended);
        assert_eq!(refusal(person.try_propose(ProposalIntent::Update)), ended);
        assert_eq!(refusal(person.group.group_info(true, &person.store)), ended);
        assert_eq!(refusal(person.receive(&dead)), Check::ReInitEnds.into());
    }
}

/// Shows [`Check::CommitPending`].
#[test]
fn commit_pending() {
    let mut scene = Scene::default();
    let before = Knowledge::of(&scene.alice.group, &scene.alice.store).unwrap();
    let bundle = scene.alice.commit(update());
    let pending = Knowledge::of(&scene.alice.group, &scene.alice.store).unwrap();
    assert_eq!(pending.context, before.context);
    assert_eq!(pending.private, before.private);
    assert_eq!(pending.init_secret, before.init_secret);
    assert_eq!(scene.alice.group.pending_commit(), Some(&bundle.commit));
    let busy = Refusal::State(StateError::CommitPending);
    assert_eq!(refusal(scene.alice.try_commit(update())), busy);
    let own = scene
        .alice
        .group
        .receive(bundle.commit, services().with_records(&scene.alice.store));
    assert_eq!(refusal(own), Refusal::OwnCommit);
    // What waits, waits until a commit is accepted.
    let mut waiting = Scene::default();
    waiting.propose(1, ProposalIntent::Update);
    let _ = waiting.alice.commit(CommitIntent::default());
    assert_eq!(waiting.alice.group.proposals().count(), 1);
    waiting.alice.discard();
    assert_eq!(waiting.alice.group.proposals().count(), 1);
    waiting.goes_on();
    // Another commit wins: the pending one is gone.
    let other = scene.bob.commit(update()).commit;
    scene.alice.receive(&other).unwrap();
    scene.bob.accept();
    assert!(scene.alice.group.pending_commit().is_none());
    let nothing = scene.alice.group.accept_pending();
    assert_eq!(
        refusal(nothing),
        Refusal::State(StateError::NoCommitPending)
    );
    for person in [&mut scene.charlie, &mut scene.mallory.person] {
        person.receive(&other).unwrap();
    }
    scene.goes_on();
}

/// Shows [`Check::OldSecretsErased`].
#[test]
fn old_secrets_erased() {
    let mut scene = Scene::default();
    let before = Knowledge::of(&scene.alice.group, &scene.alice.store).unwrap();
    let bundle = scene.alice.commit(update());
    scene.alice.accept();
    scene.bob.receive(&bundle.commit).unwrap();
    let bob = &scene.bob.store;
    for secret in [
        &before.init_secret,
        &before.membership_key,
        &before.confirmation_key,
        &before.external_secret,
    ] {
        assert!(!scene.alice.store.contains(secret.expose()));
        assert!(!bob.contains(secret.expose()));
    }
    let after = Knowledge::of(&scene.alice.group, &scene.alice.store).unwrap();
    assert_eq!(before.private.len(), after.private.len());
    for (node, old) in &before.private {
        assert!(!scene.alice.store.contains(old.expose()), "{node:?}");
        assert!(after.private.iter().all(|(_, new)| new != old));
    }
    for (node, old) in &before.private {
        let shared = node.leaf().is_none();
        assert!(!shared || !bob.contains(old.expose()), "{node:?}");
    }
    // The key of a node that is blank from now on.
    scene.charlie.receive(&bundle.commit).unwrap();
    let removal = scene.charlie.commit(CommitIntent {
        remove: vec![LeafIndex(1)],
        ..CommitIntent::default()
    });
    let above_bob = after.private.iter().find(|(node, _)| *node == NodeIndex(1));
    let (_, key) = above_bob.unwrap();
    assert!(scene.alice.store.contains(key.expose()));
    scene.alice.receive(&removal.commit).unwrap();
    assert!(
        scene
            .alice
            .group
            .tree()
            .parent_node(NodeIndex(1), &scene.alice.store)
            .unwrap()
            .is_none()
    );
    assert!(!scene.alice.store.contains(key.expose()));
}

/// Shows [`Check::RemovedMemberStops`].
#[test]
fn removed_member_stops() {
    let mut scene = Scene::default();
    // Records of every kind: a past epoch, ratchets, a skipped key, a proposal, a pending commit.
    let texts = [(); 2].map(|()| scene.charlie.seal("early and late"));
    assert_eq!(scene.bob.read(&texts[1]), "early and late");
    scene.propose(2, ProposalIntent::Update);
    let _ = scene.bob.commit(CommitIntent::default());
    assert_eq!(scene.bob.store.kinds(), *b"ACEHKMNPQRSUWXYZ");
    let before = Knowledge::of(&scene.bob.group, &scene.bob.store).unwrap();
    let bundle = scene.alice.commit(CommitIntent {
        remove: vec![LeafIndex(1)],
        ..CommitIntent::default()
    });
    scene.bob.receive(&bundle.commit).unwrap();
    assert!(!scene.bob.group.is_active());
    let out = Refusal::State(StateError::NotMember);
    assert_eq!(refusal(scene.bob.try_seal("one more")), out);
    assert_eq!(refusal(scene.bob.try_commit(update())), out);
    scene.charlie.receive(&bundle.commit).unwrap();
    let text = scene.charlie.seal("without bob");
    assert_eq!(refusal(scene.bob.receive(&text)), out);
    let keys = before.private.iter().map(|(_, key)| key);
    for secret in keys.chain([&before.init_secret, &before.signature.private]) {
        assert!(!scene.bob.store.contains(secret.expose()));
    }
    assert_eq!(scene.bob.store.kinds(), *b"ENWXYZ", "what the group was");
    scene.mallory.person.receive(&bundle.commit).unwrap();
    scene.alice.accept();
    assert_eq!(scene.alice.read(&text), "without bob");
    scene.goes_on_among(&[0, 2, 3]);
}

/// Shows [`Check::FailureVisibility`]: a commit that some can open and others cannot is refused by
/// those alone, who can say whose fault it is and why.
#[test]
fn failure_visibility() {
    let mut scene = Scene::default();
    let mut commit = scene.mallory.forge(Vec::new()).with_path();
    let nodes = &mut commit.path.as_mut().unwrap().nodes;
    let sealed = &mut nodes[1].encrypted_path_secret;
    let mut apart: Vec<_> = sealed.iter().collect();
    apart[0] = nodes_apart(&apart[0]);
    *sealed = apart.into_iter().collect();
    let message = commit.message();
    for person in [&mut scene.alice, &mut scene.bob] {
        let before = person.store.clone();
        let error = person.receive(&message).unwrap_err();
        assert_eq!(error.fault(), Fault::Peer);
        assert!(matches!(error, Error::Invalid(Check::PathSecretOpens)));
        assert_eq!(person.store, before);
    }
    let visible = scene
        .charlie
        .group
        .receive(message, services().with_records(&scene.charlie.store));
    assert!(visible.is_ok(), "nothing is wrong with what charlie got");
    scene.goes_on();
}

/// The same ciphertext, spoilt.
fn nodes_apart(sealed: &folkmoot_crypto::HpkeCiphertext) -> folkmoot_crypto::HpkeCiphertext {
    let mut bytes = folkmoot_mls::hazmat::to_bytes(sealed);
    *bytes.last_mut().unwrap() ^= 1;
    folkmoot_mls::hazmat::from_bytes(&bytes).unwrap()
}

/// Shows [`Check::PskNonceFresh`].
#[test]
fn psk_nonce_fresh() {
    let mut scene = Scene::default();
    let mut nonces = Vec::new();
    for _ in 0..4 {
        let bundle = scene.alice.commit(CommitIntent {
            psks: vec![shared_psk()],
            ..CommitIntent::default()
        });
        let incoming = scene
            .bob
            .group
            .receive(bundle.commit, services().with_records(&scene.bob.store))
            .unwrap();
        let folkmoot_mls::IncomingContent::Commit(summary) = incoming.content() else {
            panic!("no commit")
        };
        let nonce = summary.psks[0].psk_nonce.clone();
        assert_eq!(nonce.as_slice().len(), 32);
        assert!(!nonces.contains(&nonce));
        nonces.push(nonce);
        scene.alice.discard();
    }
}
