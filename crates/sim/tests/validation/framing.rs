//! Framing and content authentication (RFC 9420 §6).

use folkmoot_mls::hazmat::{self, Seal, Signed};
use folkmoot_mls::{
    Check, CommitIntent, Content, ContentType, Epoch, Extensions, ExternalJoin, ExternalSender,
    Group, GroupId, LeafIndex, MAX_MESSAGE_LENGTH, MessageBody, MlsMessage, NoRecords,
    OutsideProposal, Proposal, ProposalIntent, Sender, Settings, StateError, WireFormat,
    sign_with_label,
};
use folkmoot_sim::{Invitee, Refusal, Scene, crypto, member, refusal, rng, services, update};

fn remove_bob() -> Content {
    Content::Proposal(Proposal::Remove(LeafIndex(1)))
}

/// A scene whose group admits one external sender, and that sender's keys.
pub(crate) fn with_external_sender() -> (Scene, folkmoot_mls::SignatureKeyPair) {
    let sender = member("operator", &mut rng(50));
    let admitted = ExternalSender {
        signature_key: sender.signature.public.as_slice().into(),
        credential: sender.credential,
    };
    let extensions = Extensions::default().admitting(&vec![admitted]);
    (
        Scene::with(extensions, &Settings::default()),
        sender.signature,
    )
}

/// A proposal of somebody outside, as the engine makes it.
pub(crate) fn outside(scene: &Scene) -> OutsideProposal {
    OutsideProposal {
        group_id: scene.alice.group.group_id().clone(),
        epoch: scene.alice.group.epoch(),
        authenticated_data: Vec::new(),
    }
}

/// Anything by a sender who is no member, signed as such.
fn by_outsider(
    scene: &Scene,
    sender: Sender,
    content: Content,
    key: &folkmoot_crypto::Secret,
) -> MlsMessage {
    let framed = scene.mallory.frame(sender, content);
    let context = scene.alice.group.context();
    let format = WireFormat::PublicMessage;
    let signed = Signed::sign(crypto(), format, framed, key, Some(context));
    signed.unwrap().untagged()
}

/// Shows [`Check::GroupIdAndEpoch`].
#[test]
fn group_id_and_epoch() {
    let mut scene = Scene::default();
    let own = Sender::Member(scene.insider());
    for format in [WireFormat::PublicMessage, WireFormat::PrivateMessage] {
        let framed = scene.mallory.frame(own, remove_bob());
        let frame = |scene: &Scene, framed| {
            let signed = scene.mallory.sign_framed(format, framed);
            match format {
                WireFormat::PublicMessage => scene.mallory.tag(signed),
                WireFormat::PrivateMessage => scene.mallory.seal(&signed, 0, &[]),
            }
        };
        let mut elsewhere = framed.clone();
        elsewhere.group_id = GroupId::new(b"another".to_vec());
        scene.refuse(&frame(&scene, elsewhere), Check::GroupIdAndEpoch);
        for epoch in [framed.epoch.0 - 1, framed.epoch.0 + 1] {
            let mut framed = framed.clone();
            framed.epoch = Epoch(epoch);
            scene.refuse(&frame(&scene, framed), Refusal::WrongEpoch);
        }
    }
    let info = scene.bob.group.group_info(true, &scene.bob.store).unwrap();
    scene.refuses(&info, Check::GroupIdAndEpoch);
}

/// Shows [`Check::ApplicationIsPrivate`].
#[test]
fn application_is_private() {
    let mut scene = Scene::default();
    let content = Content::Application(b"in the clear".as_slice().into());
    let signed = scene
        .mallory
        .sign(WireFormat::PublicMessage, content.clone());
    let message = scene.mallory.tag(signed);
    scene.refuse(&message, Check::ApplicationIsPrivate);
    let outsider = member("dora", &mut rng(9)).signature.private;
    let message = by_outsider(&scene, Sender::NewMemberProposal, content, &outsider);
    scene.refuses(&message, Check::ApplicationIsPrivate);
}

/// Shows [`Check::MembershipTag`].
#[test]
fn membership_tag() {
    let (mut scene, operator) = with_external_sender();
    let known = scene.mallory.knowledge();
    let signed = scene.mallory.sign(WireFormat::PublicMessage, remove_bob());
    let wrong = signed
        .clone()
        .tagged(crypto(), &known.confirmation_key, &known.context);
    scene.refuse(&wrong, Check::MembershipTag);
    let absent = signed.clone().untagged();
    scene.refuse(&absent, Refusal::Malformed(Check::WholeStructure));
    let by_operator = outside(&scene)
        .by_external_sender(
            crypto(),
            0,
            &operator.private,
            Proposal::Remove(LeafIndex(1)),
        )
        .unwrap();
    let tag = [&[32][..], &[7; 32]].concat();
    let tagged = [by_operator.encode(), tag].concat();
    scene.refuse_bytes(&tagged, Refusal::Malformed(Check::WholeStructure));
    scene.goes_on();
}

/// Shows [`Check::MessageSignature`].
#[test]
fn message_signature() {
    let mut scene = Scene::default();
    for format in [WireFormat::PublicMessage, WireFormat::PrivateMessage] {
        let signed = scene.mallory.sign(format, remove_bob());
        let mut broken = signed.clone();
        broken.signature[0] ^= 1;
        let broken = match format {
            WireFormat::PublicMessage => scene.mallory.tag(broken),
            WireFormat::PrivateMessage => scene.mallory.seal(&broken, 0, &[]),
        };
        scene.refuse(&broken, Check::MessageSignature);
    }
    let as_bob = scene
        .mallory
        .frame(Sender::Member(LeafIndex(1)), remove_bob());
    let signed = scene.mallory.sign_framed(WireFormat::PublicMessage, as_bob);
    let message = scene.mallory.tag(signed);
    scene.refuse(&message, Check::MessageSignature);
    // Mallory offers somebody else's KeyPackage in that client's name.
    let add = Proposal::Add(Box::new(Invitee::new("dora", 9).key_package));
    let key = &scene.mallory.knowledge().signature.private;
    let sender = Sender::NewMemberProposal;
    let stolen = by_outsider(&scene, sender, Content::Proposal(add), key);
    scene.refuses(&stolen, Check::MessageSignature);
}

/// Shows [`Check::SignedContext`]: what breaks it fails as a signature does.
#[test]
fn signed_context() {
    let (mut scene, operator) = with_external_sender();
    let known = scene.mallory.knowledge();
    let own = Sender::Member(scene.insider());
    let framed = scene.mallory.frame(own, remove_bob());
    let private = &known.signature.private;
    let format = WireFormat::PublicMessage;
    let without = Signed::sign(crypto(), format, framed.clone(), private, None).unwrap();
    scene.refuse(&scene.mallory.tag(without), Check::MessageSignature);
    let mut other = known.context.clone();
    other.extensions = Extensions::default();
    let with_other = Signed::sign(crypto(), format, framed, private, Some(&other)).unwrap();
    scene.refuse(&scene.mallory.tag(with_other), Check::MessageSignature);

    // Those outside are not to know the context.
    let dora = Invitee::new("dora", 9);
    let add = Content::Proposal(Proposal::Add(Box::new(dora.key_package)));
    let dora = dora.secrets.signature.private;
    for (sender, content, key) in [
        (Sender::External(0), remove_bob(), &operator.private),
        (Sender::NewMemberProposal, add, &dora),
    ] {
        let content = scene.mallory.frame(sender, content);
        let mut bytes = hazmat::to_bytes(&folkmoot_mls::ProtocolVersion::MLS_10);
        bytes.extend(hazmat::to_bytes(&format));
        bytes.extend(hazmat::to_bytes(&content));
        bytes.extend(hazmat::to_bytes(&known.context));
        let signature = sign_with_label(crypto(), key, "FramedContentTBS", &bytes);
        let signed = Signed {
            wire_format: format,
            content,
            signature: signature.unwrap(),
            confirmation_tag: None,
        };
        scene.refuse(&signed.untagged(), Check::MessageSignature);
    }
    scene.goes_on();
}

/// Shows [`Check::ExternalSenderContent`].
#[test]
fn external_sender_content() {
    let (mut scene, operator) = with_external_sender();
    let leaf = scene
        .mallory
        .knowledge()
        .tree
        .leaf(LeafIndex(3), &NoRecords)
        .unwrap()
        .unwrap()
        .clone();
    let commit = scene.mallory.forge(Vec::new()).with_path().finish().0;
    let contents = [
        Content::Proposal(Proposal::Update(Box::new((*leaf).clone()))),
        Content::Proposal(Proposal::ExternalInit(vec![1; 32].into())),
    ];
    for content in contents {
        let message = by_outsider(&scene, Sender::External(0), content, &operator.private);
        scene.refuse(&message, Check::ExternalSenderContent);
    }
    let framed = scene
        .mallory
        .frame(Sender::External(0), commit.content.content);
    let format = WireFormat::PublicMessage;
    let mut signed = Signed::sign(crypto(), format, framed, &operator.private, None).unwrap();
    signed.confirmation_tag = commit.confirmation_tag;
    scene.refuses(&signed.untagged(), Check::ExternalSenderContent);
}

/// Shows [`Check::NewMemberContent`].
#[test]
fn new_member_content() {
    let mut scene = Scene::default();
    let key = member("dora", &mut rng(9)).signature.private;
    for sender in [Sender::NewMemberProposal, Sender::NewMemberCommit] {
        let message = by_outsider(&scene, sender, remove_bob(), &key);
        scene.refuse(&message, Check::NewMemberContent);
    }
    let mut commit = scene.mallory.forge(Vec::new()).with_path();
    commit.sender = Sender::NewMemberProposal;
    scene.refuses(&commit.message(), Check::NewMemberContent);
}

/// Shows [`Check::ExternalSenderKnown`].
#[test]
fn external_sender_known() {
    let (mut scene, operator) = with_external_sender();
    let key = &operator.private;
    let stranger = by_outsider(&scene, Sender::External(1), remove_bob(), key);
    scene.refuses(&stranger, Check::ExternalSenderKnown);
    let mut closed = Scene::default();
    let nobody = by_outsider(&closed, Sender::External(0), remove_bob(), key);
    closed.refuses(&nobody, Check::ExternalSenderKnown);
}

/// Shows [`Check::NonMembersArePublic`]: no member, no PrivateMessage.
#[test]
fn non_members_are_public() {
    let (scene, operator) = with_external_sender();
    let remove = Proposal::Remove(LeafIndex(1));
    let by_operator = outside(&scene).by_external_sender(crypto(), 0, &operator.private, remove);
    let dora = Invitee::new("dora", 9);
    let key = &dora.secrets.signature.private;
    let by_dora = outside(&scene).by_new_member(crypto(), dora.key_package.clone(), key);
    let MessageBody::GroupInfo(group_info) = scene
        .bob
        .group
        .group_info(true, &scene.bob.store)
        .unwrap()
        .body
    else {
        panic!("no GroupInfo")
    };
    let join = ExternalJoin {
        group_info: &group_info,
        tree: None,
        member: member("erin", &mut rng(10)),
        replaces: None,
        psks: Vec::new(),
        authenticated_data: b"",
        self_removals: &[],
        app_data: Vec::new(),
        ephemeral: Vec::new(),
    };
    let settings = Settings::default();
    let joined = Group::join_by_commit(crypto(), join, settings, services(), &mut rng(11));
    for message in [by_operator.unwrap(), by_dora.unwrap(), joined.unwrap().1] {
        let MessageBody::Public(message) = message.body else {
            panic!("{message:?}")
        };
        assert!(!matches!(message.content.sender, Sender::Member(_)));
    }
}

/// Shows [`Check::ConfirmationTagPresence`]: bytes without the tag, or with one too many, are no
/// message.
#[test]
fn confirmation_tag_presence() {
    let mut scene = Scene::default();
    let malformed = Refusal::Malformed(Check::WholeStructure);
    let (mut commit, _) = scene.mallory.forge(Vec::new()).with_path().finish();
    let tag = commit.confirmation_tag.take();
    scene.refuse(&scene.mallory.tag(commit.clone()), malformed.clone());
    scene.refuse(&scene.mallory.seal(&commit, 0, &[]), malformed.clone());
    let mut proposal = scene.mallory.sign(WireFormat::PublicMessage, remove_bob());
    proposal.confirmation_tag.clone_from(&tag);
    scene.refuse(&scene.mallory.tag(proposal), malformed);
    let mut proposal = scene.mallory.sign(WireFormat::PrivateMessage, remove_bob());
    proposal.confirmation_tag = tag;
    scene.refuses(&scene.mallory.seal(&proposal, 0, &[]), Check::Padding);
}

fn private(message: &mut MlsMessage) -> &mut folkmoot_mls::PrivateMessage {
    match &mut message.body {
        MessageBody::Private(message) => message,
        other => panic!("{other:?}"),
    }
}

/// Shows [`Check::PrivateMessageAad`]: what breaks it does not open. Shows
/// [`Check::MessageEncryption`] and [`Check::SenderData`].
#[test]
fn private_message_aad() {
    let mut scene = Scene::default();
    let signed = scene.mallory.sign(WireFormat::PrivateMessage, remove_bob());
    let honest = scene.mallory.seal(&signed, 0, &[]);
    let mut other_data = honest.clone();
    private(&mut other_data).authenticated_data = b"other".as_slice().into();
    scene.refuse(&other_data, Check::MessageEncryption);
    let mut other_type = honest.clone();
    private(&mut other_type).content_type = ContentType::Commit;
    scene.refuse(&other_type, Check::SenderData);
    for change in [
        |content: &mut folkmoot_mls::FramedContent| content.epoch.0 += 1,
        |content: &mut folkmoot_mls::FramedContent| content.group_id = GroupId::new(b"x".to_vec()),
    ] {
        let mut elsewhere = signed.clone();
        change(&mut elsewhere.content);
        let mut moved = scene.mallory.seal(&elsewhere, 0, &[]);
        private(&mut moved).epoch = signed.content.epoch;
        private(&mut moved).group_id = signed.content.group_id.clone();
        scene.refuse(&moved, Check::SenderData);
    }
    let other_key = scene.mallory.knowledge().confirmation_key;
    let keys = scene.mallory.knowledge();
    let content_type = ContentType::Proposal;
    let seal = Seal {
        keys: keys.message_key(keys.own, content_type, 1).unwrap(),
        leaf_index: keys.own,
        generation: 0,
        reuse_guard: [0; 4],
        sender_data_secret: &keys.sender_data_secret,
    };
    let plaintext = signed.plaintext();
    let message = hazmat::seal(crypto(), &signed.content, &plaintext, seal.clone()).unwrap();
    scene.refuse(&message, Check::MessageEncryption);
    let seal = Seal {
        sender_data_secret: &other_key,
        ..seal
    };
    let message = hazmat::seal(crypto(), &signed.content, &plaintext, seal).unwrap();
    scene.refuses(&message, Check::SenderData);
}

/// Shows [`Check::SenderIsMember`].
#[test]
fn sender_is_member() {
    let mut scene = Scene::default();
    let _ = scene.commit(
        0,
        CommitIntent {
            remove: vec![LeafIndex(2)],
            ..CommitIntent::default()
        },
    );
    let known = scene.mallory.knowledge();
    for nobody in [LeafIndex(2), LeafIndex(9), LeafIndex(u32::MAX)] {
        let framed = scene.mallory.frame(Sender::Member(nobody), remove_bob());
        let public = scene
            .mallory
            .sign_framed(WireFormat::PublicMessage, framed.clone());
        let public = scene.mallory.tag(public);
        let sealed = scene
            .mallory
            .sign_framed(WireFormat::PrivateMessage, framed);
        let seal = Seal {
            keys: known
                .message_key(known.own, ContentType::Proposal, 0)
                .unwrap(),
            leaf_index: nobody,
            generation: 0,
            reuse_guard: [0; 4],
            sender_data_secret: &known.sender_data_secret,
        };
        let plaintext = sealed.plaintext();
        let private = hazmat::seal(crypto(), &sealed.content, &plaintext, seal).unwrap();
        for message in [public, private] {
            for person in [&mut scene.alice, &mut scene.bob] {
                let before = person.store.clone();
                let refused = refusal(person.receive(&message));
                assert_eq!(refused, Check::SenderIsMember.into());
                assert_eq!(person.store, before);
            }
        }
    }
    scene.goes_on_among(&[0, 1, 3]);
}

/// Shows [`Check::Padding`].
#[test]
fn padding() {
    let mut scene = Scene::default();
    let signed = scene.mallory.sign(WireFormat::PrivateMessage, remove_bob());
    for bad in [&[1][..], &[0, 0, 1], &[0, 1, 0]] {
        let message = scene.mallory.seal(&signed, 0, bad);
        scene.refuse(&message, Check::Padding);
    }
    let zeros = scene.mallory.seal(&signed, 0, &[0; 100]);
    for person in [&mut scene.alice, &mut scene.bob, &mut scene.charlie] {
        person.receive(&zeros).unwrap();
        assert_eq!(person.group.proposals().count(), 1);
    }
    scene.goes_on_among(&[0, 2]);
}

/// Shows [`Check::ReuseGuard`]: the same state seals the same text under another guard.
#[test]
fn reuse_guard() {
    let mut scene = Scene::default();
    let secret = scene.mallory.knowledge().sender_data_secret;
    let mut guards = Vec::new();
    for _ in 0..8 {
        let sealed = scene.alice.group.seal(b"again", b"", &mut scene.alice.rng);
        let (message, _) = sealed.unwrap();
        let MessageBody::Private(message) = message.body else {
            panic!("not private")
        };
        let (leaf, generation, guard) = hazmat::sender_data(crypto(), &message, &secret).unwrap();
        assert_eq!((leaf, generation), (LeafIndex(0), 0));
        assert!(!guards.contains(&guard));
        guards.push(guard);
        scene.alice.reload();
    }
}

/// Shows [`Check::KeyUsedOnce`].
#[test]
fn key_used_once() {
    let mut scene = Scene::default();
    let messages = [0, 1, 2].map(|_| scene.bob.seal("once"));
    for message in [&messages[2], &messages[0]] {
        assert_eq!(scene.alice.read(message), "once");
        assert_eq!(refusal(scene.alice.receive(message)), Refusal::KeyConsumed);
    }
    let known = scene.mallory.knowledge();
    let used = known.message_key(LeafIndex(1), ContentType::Application, 2);
    let used = used.unwrap();
    for secret in [used.key.expose(), used.nonce.expose()] {
        assert!(!scene.alice.store.contains(secret));
    }
    // In memory as in the records.
    let text = scene.charlie.seal("once");
    let (group, store) = (&mut scene.alice.group, &mut scene.alice.store);
    let incoming = group.receive(text.clone(), services().with_records(store));
    store.apply(group.apply(incoming.unwrap()).unwrap());
    let again = group.receive(text, services().with_records(store));
    assert_eq!(refusal(again), Refusal::KeyConsumed);
    let secret = &known.sender_data_secret;
    for number in 0..2 {
        let sealed = group.seal(b"once", b"", &mut scene.alice.rng).unwrap();
        scene.alice.store.apply(sealed.1);
        let MessageBody::Private(message) = sealed.0.body else {
            panic!("not private")
        };
        let (_, generation, _) = hazmat::sender_data(crypto(), &message, secret).unwrap();
        assert_eq!(generation, number);
    }
    let waiting = known.message_key(LeafIndex(1), ContentType::Application, 1);
    assert!(scene.alice.store.contains(waiting.unwrap().key.expose()));
    assert_eq!(scene.alice.read(&messages[1]), "once");
    assert_eq!(
        refusal(scene.alice.receive(&messages[1])),
        Refusal::KeyConsumed
    );
    scene.goes_on();
}

/// Shows [`Check::GenerationBound`].
#[test]
fn generation_bound() {
    let settings = Settings {
        skipped_generations: 8,
        ..Settings::default()
    };
    let mut scene = Scene::with(Extensions::default(), &settings);
    let content = Content::Application(b"far ahead".as_slice().into());
    let signed = scene.mallory.sign(WireFormat::PrivateMessage, content);
    let message = |scene: &Scene, generation| scene.mallory.seal(&signed, generation, &[]);
    scene.refuse(&message(&scene, 9), Check::GenerationBound);
    let far = message(&scene, 8);
    for person in [&mut scene.alice, &mut scene.bob, &mut scene.charlie] {
        assert_eq!(person.read(&far), "far ahead");
    }
    let farther = message(&scene, 18);
    scene.refuses(&farther, Check::GenerationBound);
}

/// Shows [`Check::AeadLimit`].
#[test]
fn aead_limit() {
    let settings = Settings {
        messages_per_epoch: 3,
        ..Settings::default()
    };
    let mut scene = Scene::with(Extensions::default(), &settings);
    let exhausted = Refusal::State(StateError::GenerationsExhausted);
    for _ in 0..3 {
        scene.alice.seal("still");
    }
    assert_eq!(refusal(scene.alice.try_seal("one more")), exhausted);
    for _ in 0..3 {
        scene.alice.propose(ProposalIntent::Update);
    }
    let more = scene.alice.try_propose(ProposalIntent::Update);
    assert_eq!(refusal(more), exhausted);
    let _ = scene.commit(1, update());
    scene.goes_on();
}

/// Shows [`Check::ProposalsCommittedFirst`].
#[test]
fn proposals_committed_first() {
    let mut scene = Scene::default();
    scene.propose(1, ProposalIntent::Update);
    let waiting = Refusal::State(StateError::ProposalsPending);
    assert_eq!(refusal(scene.alice.try_seal("too early")), waiting);
    scene.goes_on();
}

/// Shows [`Check::NoDataInOldEpoch`].
#[test]
fn no_data_in_old_epoch() {
    let mut scene = Scene::default();
    let bundle = scene.bob.commit(update());
    let before = scene.alice.seal("before");
    scene.alice.receive(&bundle.commit).unwrap();
    scene.bob.accept();
    for person in [&mut scene.alice, &mut scene.bob] {
        let after = person.seal("after");
        assert_eq!(after.epoch(), Some(person.group.epoch()));
        assert!(after.epoch() > before.epoch());
    }
}

/// Shows [`Check::ProtocolVersion`] and [`Check::MessageBound`].
#[test]
fn protocol_version() {
    let mut scene = Scene::default();
    let mut bytes = scene
        .mallory
        .propose(Proposal::Remove(LeafIndex(1)))
        .encode();
    let error = MlsMessage::decode_within(&bytes, bytes.len() - 1).unwrap_err();
    assert_eq!(error.check(), Check::MessageBound);
    assert!(MlsMessage::decode_within(&bytes, bytes.len()).is_ok());
    bytes[1] = 2;
    scene.refuse_bytes(&bytes, Refusal::Malformed(Check::ProtocolVersion));
    scene.goes_on();
}

/// Of [`Check::MessageBound`]: nothing is made that nobody would take.
#[test]
fn own_message_bound() {
    let mut scene = Scene::default();
    let (long, before) = (vec![0; MAX_MESSAGE_LENGTH / 2], scene.alice.store.clone());
    let group = &mut scene.alice.group;
    let reason = Refusal::State(StateError::Refused(Check::MessageBound));
    let data = group.seal(&long, b"", &mut scene.alice.rng);
    assert_eq!(refusal(data), reason);
    let authenticated = group.seal(b"", &long, &mut scene.alice.rng);
    assert_eq!(refusal(authenticated), reason);
    assert_eq!(scene.alice.store, before);
    scene.goes_on();
}

/// Shows [`Check::SenderType`]: a commit by a sender who cannot commit has no key to be signed by.
#[test]
fn sender_type() {
    let (mut scene, operator) = with_external_sender();
    let mut commit = scene.mallory.forge(Vec::new()).with_path();
    commit.sender = Sender::External(0);
    commit.signing_key = operator.private;
    scene.refuses(&commit.message(), Check::ExternalSenderContent);
}
