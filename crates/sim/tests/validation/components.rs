//! What the application's components keep in a group and say in it (draft-ietf-mls-extensions §4–§6).

use crate::extensions::{
    UNKNOWN, everything, join_by, keeping, mentions, removes, says, summary, supporting,
    update_extensions, words,
};
use crate::external::group_info;
use crate::framing::outside;
use folkmoot_mls::{
    AppAck, AppDataOperation, AppDataUpdate, ApplicationFraming, ByComponent, Check, CommitIntent,
    ComponentId, ComponentsList, Content, ExtensionType, Extensions, ExternalSender, Group,
    GroupId, IncomingContent, LeafIndex, MediaType, MediaTypes, MessageRange, MlsMessage, Observer,
    Proposal, ProposalIntent, ProposalType, RequiredCapabilities, Sender, Settings, StateError,
    WireFormat,
};
use folkmoot_sim::{
    Invitee, Refusal, Scene, WORDS, assert_agree, crypto, lifetime, member, refusal, rng, services,
};

/// Shows [`Check::ProposalTypeSupported`]: of those who stay.
#[test]
fn proposal_type_supported() {
    let mut scene = Scene::default();
    for proposal in [
        Proposal::SelfRemove,
        Proposal::AppDataUpdate(says(b"x")),
        Proposal::AppEphemeral(mentions(WORDS, b"x")),
    ] {
        let message = scene.mallory.propose(proposal.clone());
        scene.refuse(&message, Check::ProposalTypeSupported);
        if proposal != Proposal::SelfRemove {
            let commit = scene.mallory.forge(vec![proposal]).with_path();
            scene.refuse(&commit.message(), Check::ProposalTypeSupported);
        }
    }
    for intent in [
        ProposalIntent::SelfRemove,
        ProposalIntent::AppData(says(b"x")),
        ProposalIntent::Ephemeral(mentions(WORDS, b"x")),
    ] {
        assert_eq!(
            refusal(scene.alice.try_propose(intent)),
            Refusal::State(StateError::Refused(Check::ProposalTypeSupported))
        );
    }
    scene.goes_on();
    // One who does not support it comes, and does not count once it goes.
    let mut scene = supporting(Extensions::default());
    let dora = Invitee::new("dora", 9);
    let _ = scene.commit(0, dora.addition());
    let said = CommitIntent {
        ephemeral: vec![mentions(WORDS, b"x")],
        ..CommitIntent::default()
    };
    assert_eq!(
        refusal(scene.alice.try_commit(said.clone())),
        Refusal::State(StateError::Refused(Check::ProposalTypeSupported))
    );
    let bundle = scene.commit(
        0,
        CommitIntent {
            remove: vec![LeafIndex(4)],
            ..said
        },
    );
    assert_eq!(bundle.removed.len(), 1);
    scene.goes_on();
}

/// Shows [`Check::AppDataDictionary`]: of a group, a leaf, a KeyPackage.
#[test]
fn app_data_dictionary() {
    let dictionary = ExtensionType::APP_DATA_DICTIONARY;
    let mut scene = supporting(Extensions::default());
    let unordered = [6, 0x80, 2, 0, 0x80, 1, 0];
    let twice = [6, 0x80, 1, 0, 0x80, 1, 0];
    let truncated = [6, 0x80, 1, 0];
    for (wrong, rule) in [
        (&unordered[..], Check::AppDataDictionary),
        (&twice, Check::AppDataDictionary),
        (&truncated, Check::VectorHeader),
    ] {
        let extensions = Extensions::default().with(dictionary, wrong);
        let mut reason = Refusal::Malformed(rule);
        if rule == Check::VectorHeader {
            reason = Refusal::Malformed(Check::WholeStructure);
        }
        let commit = crate::proposals::extending(&scene, &extensions);
        scene.refuse(&commit, reason.clone());
        let mut in_leaf = scene.mallory.forge(Vec::new());
        in_leaf.leaf.extensions = extensions.clone();
        scene.refuse(&in_leaf.with_path().message(), reason.clone());
        let mut dora = Invitee::of(
            member("dora", &mut rng(9)).supporting(everything()),
            rng(10),
        );
        dora.key_package.content.extensions = extensions;
        let private = dora.secrets.signature.private.clone();
        let package = folkmoot_sim::key_package(crypto(), dora.key_package.content, &private);
        let verified = package.verify(crypto(), &folkmoot_sim::Names, &Settings::default(), None);
        assert_eq!(refusal(verified), reason);
    }
    // What the draft's own components keep has to be readable too.
    for component in [
        ComponentId::APP_COMPONENTS,
        ComponentId::SAFE_AAD,
        ComponentId::CONTENT_MEDIA_TYPES,
    ] {
        let wrong = keeping(&ByComponent::default().with(component, [3, 0, 0, 7]));
        let commit = crate::proposals::extending(&scene, &wrong);
        scene.refuse(&commit, Refusal::Malformed(Check::WholeStructure));
    }
    let none = keeping(&ByComponent::default().with(ComponentId::CONTENT_MEDIA_TYPES, [0]));
    let commit = crate::proposals::extending(&scene, &none);
    scene.refuse(&commit, Refusal::Malformed(Check::MediaTypes));
    // Who does not support dictionaries does not come into a group that has one.
    update_extensions(
        &mut scene,
        0,
        keeping(&ByComponent::default().with(WORDS, *b"first")),
    );
    let dora = Invitee::new("dora", 9);
    assert_eq!(
        refusal(scene.alice.try_commit(dora.addition())),
        Refusal::State(StateError::Refused(Check::GroupExtensionsSupported))
    );
    scene.goes_on();
}

/// Shows [`Check::AppDataUpdate`]: a component makes new data of old, update by update.
#[test]
fn app_data_update() {
    let known = Extensions::default().with(ExtensionType(0xF00D), *b"other");
    let mut supports = everything();
    supports.extensions.push(ExtensionType(0xF00D));
    let mut scene = Scene::of(known, &Settings::default(), &supports);
    scene.propose(1, ProposalIntent::AppData(says(b"two")));
    let bundle = scene.alice.commit(CommitIntent {
        app_data: vec![says(b"one")],
        ephemeral: vec![mentions(WORDS, b"hm")],
        ..CommitIntent::default()
    });
    scene.alice.accept();
    let seen = summary(&mut scene.bob, &bundle.commit);
    assert_eq!(seen.app_data, [WORDS]);
    assert_eq!(
        seen.ephemeral,
        [(Sender::Member(LeafIndex(0)), mentions(WORDS, b"hm"))]
    );
    assert!(!seen.has_path);
    assert!(seen.extensions.is_some());
    scene.charlie.receive(&bundle.commit).unwrap();
    scene.mallory.person.receive(&bundle.commit).unwrap();
    assert_eq!(words(&scene.bob).unwrap(), b"one two");
    let types: Vec<_> = scene.bob.group.extensions().types().collect();
    assert_eq!(
        types,
        [ExtensionType(0xF00D), ExtensionType::APP_DATA_DICTIONARY]
    );
    // An update changes the dictionary in its place.
    let reordered = keeping(&ByComponent::default().with(WORDS, *b"a"));
    let reordered = reordered.with(ExtensionType(0xF00D), *b"other");
    update_extensions(&mut scene, 2, reordered);
    let _ = scene.commit(
        1,
        CommitIntent {
            app_data: vec![says(b"b")],
            ..CommitIntent::default()
        },
    );
    let expected = keeping(&ByComponent::default().with(WORDS, *b"a b"));
    let expected = expected.with(ExtensionType(0xF00D), *b"other");
    assert_eq!(*scene.charlie.group.extensions(), expected);
    let _ = scene.commit(
        1,
        CommitIntent {
            app_data: vec![removes(WORDS)],
            ..CommitIntent::default()
        },
    );
    assert_eq!(words(&scene.charlie), None);
    scene.goes_on();
}

/// Shows [`Check::AppDataUpdate`]: what no component takes is refused.
#[test]
fn app_data_update_refused() {
    let mut scene = supporting(Extensions::default());
    let unknown = AppDataUpdate {
        component: UNKNOWN,
        operation: AppDataOperation::Update(b"x".as_slice().into()),
    };
    let message = scene
        .mallory
        .propose(Proposal::AppDataUpdate(unknown.clone()));
    scene.refuse(&message, Check::AppDataUpdate);
    let empty = says(b"");
    let not_a_list = AppDataUpdate {
        component: ComponentId::SAFE_AAD,
        operation: AppDataOperation::Update([1, 0].as_slice().into()),
    };
    for wrong in [unknown.clone(), empty.clone(), not_a_list] {
        let commit = scene
            .mallory
            .forge(vec![Proposal::AppDataUpdate(wrong.clone())]);
        scene.refuse(&commit.message(), Check::AppDataUpdate);
        let asked_for = CommitIntent {
            app_data: vec![wrong],
            ..CommitIntent::default()
        };
        assert_eq!(
            refusal(scene.alice.try_commit(asked_for)),
            Refusal::State(StateError::Refused(Check::AppDataUpdate))
        );
    }
    // One that waits and is not taken stays out of the commit.
    let waits = scene.mallory.propose(Proposal::AppDataUpdate(empty));
    scene.deliver(Some(3), &waits);
    let _ = scene.commit(
        0,
        CommitIntent {
            app_data: vec![says(b"good")],
            ..CommitIntent::default()
        },
    );
    assert_eq!(words(&scene.bob).unwrap(), b"good");
    scene.goes_on();
}

/// Shows [`Check::AppDataOneOperation`].
#[test]
fn app_data_one_operation() {
    let kept = keeping(&ByComponent::default().with(WORDS, *b"first"));
    let mut scene = supporting(kept);
    for pair in [
        [removes(WORDS), removes(WORDS)],
        [removes(WORDS), says(b"x")],
        [says(b"x"), removes(WORDS)],
    ] {
        let commit = pair.map(Proposal::AppDataUpdate);
        let commit = scene.mallory.forge(commit.into());
        scene.refuse(&commit.message(), Check::AppDataOneOperation);
    }
    // Two that wait and contradict each other: the latest stays.
    scene.propose(1, ProposalIntent::AppData(removes(WORDS)));
    scene.propose(2, ProposalIntent::AppData(says(b"x")));
    let _ = scene.commit(0, CommitIntent::default());
    assert_eq!(words(&scene.bob).unwrap(), b"first x");
    scene.goes_on();
}

/// Of [`Check::AppDataOneOperation`]: what waits and does not fit costs the others nothing.
#[test]
fn what_does_not_fit_costs_the_others_nothing() {
    let kept = keeping(&ByComponent::default().with(WORDS, *b"first"));
    let mut scene = supporting(kept);
    scene.propose(1, ProposalIntent::AppData(says(b"one")));
    scene.propose(2, ProposalIntent::AppData(removes(WORDS)));
    scene.propose(1, ProposalIntent::AppData(says(b"two")));
    let _ = scene.commit(0, CommitIntent::default());
    let mut said = words(&scene.bob).unwrap();
    said.sort_unstable();
    let mut expected = b"first one two".to_vec();
    expected.sort_unstable();
    assert_eq!(said, expected);
}

/// Shows [`Check::ExtensionsBound`], and of [`Check::ListBound`]: by whichever way data comes into a group.
#[test]
fn extensions_bound() {
    let settings = Settings {
        extensions_length: 64,
        listed_values: 3,
        ..Settings::default()
    };
    let mut scene = Scene::of(Extensions::default(), &settings, &everything());
    let long = [b'x'; 64];
    let update = Proposal::AppDataUpdate(says(&long));
    let commit = scene.mallory.forge(vec![update]);
    scene.refuse(&commit.message(), Check::ExtensionsBound);
    let long = keeping(&ByComponent::default().with(WORDS, long));
    let commit = crate::proposals::extending(&scene, &long);
    scene.refuse(&commit, Check::ExtensionsBound);
    let many = |component| AppDataUpdate {
        component,
        operation: AppDataOperation::Update([0].as_slice().into()),
    };
    let media = MediaTypes(vec![MediaType::new("a")]).encode();
    let _ = scene.commit(
        0,
        CommitIntent {
            app_data: vec![
                says(b"x"),
                many(ComponentId::APP_COMPONENTS),
                many(ComponentId::SAFE_AAD),
            ],
            ..CommitIntent::default()
        },
    );
    let fourth = CommitIntent {
        app_data: vec![AppDataUpdate {
            component: ComponentId::CONTENT_MEDIA_TYPES,
            operation: AppDataOperation::Update(media.into()),
        }],
        ..CommitIntent::default()
    };
    assert_eq!(
        refusal(scene.alice.try_commit(fourth)),
        Refusal::State(StateError::Refused(Check::ListBound))
    );
    let mut rng = rng(5);
    let founder = member("erin", &mut rng).supporting(everything());
    let made = Group::create(
        crypto(),
        GroupId::new(b"long".to_vec()),
        (founder, lifetime()),
        long,
        settings,
        &folkmoot_sim::Names,
        &mut rng,
    );
    assert_eq!(
        refusal(made.map(|_| ())),
        Refusal::State(StateError::Refused(Check::ExtensionsBound))
    );
}

/// Shows [`Check::AppDataPresent`].
#[test]
fn app_data_present() {
    let mut scene = supporting(Extensions::default());
    let commit = scene
        .mallory
        .forge(vec![Proposal::AppDataUpdate(removes(WORDS))]);
    scene.refuses(&commit.message(), Check::AppDataPresent);
}

/// Shows [`Check::AppDataByUpdateAlone`].
#[test]
fn app_data_by_update_alone() {
    let required = RequiredCapabilities {
        proposals: vec![ProposalType::APP_DATA_UPDATE],
        ..RequiredCapabilities::default()
    };
    let kept = keeping(&ByComponent::default().with(WORDS, *b"first")).requiring(&required);
    let mut scene = supporting(kept.clone());
    let other = kept
        .clone()
        .keeping(&ByComponent::default().with(WORDS, *b"x"));
    let gone = Extensions::default().requiring(&required);
    for extensions in [other, gone] {
        let commit = crate::proposals::extending(&scene, &extensions);
        scene.refuse(&commit, Check::AppDataByUpdateAlone);
    }
    // Other extensions may change beside an update.
    let _ = scene.commit(
        0,
        CommitIntent {
            extensions: Some(kept.admitting(&Vec::new())),
            app_data: vec![says(b"second")],
            ..CommitIntent::default()
        },
    );
    assert_eq!(words(&scene.bob).unwrap(), b"first second");
    scene.goes_on();
}

/// Shows [`Check::AppEphemeral`].
#[test]
fn app_ephemeral() {
    let mut scene = supporting(Extensions::default());
    let backwards = AppAck {
        received: vec![MessageRange {
            sender: 0,
            first: 2,
            last: 1,
        }],
    };
    for wrong in [
        mentions(UNKNOWN, b"x"),
        mentions(WORDS, b""),
        mentions(ComponentId::APP_ACK, &backwards.encode()),
        mentions(ComponentId::APP_ACK, &[1]),
        // GREASE has no place here.
        mentions(ComponentId(0x0A0A), b"x"),
    ] {
        let proposal = Proposal::AppEphemeral(wrong);
        let message = scene.mallory.propose(proposal.clone());
        scene.refuse(&message, Check::AppEphemeral);
        let commit = scene.mallory.forge(vec![proposal]);
        scene.refuse(&commit.message(), Check::AppEphemeral);
    }
    let ack = AppAck {
        received: vec![MessageRange {
            sender: 1,
            first: 0,
            last: 4,
        }],
    };
    scene.propose(
        1,
        ProposalIntent::Ephemeral(mentions(ComponentId::APP_ACK, &ack.encode())),
    );
    let bundle = scene.alice.commit(CommitIntent {
        ephemeral: vec![mentions(WORDS, b"a"), mentions(WORDS, b"b")],
        ..CommitIntent::default()
    });
    scene.alice.accept();
    let seen = summary(&mut scene.charlie, &bundle.commit);
    let said = seen.ephemeral.iter();
    let said = said.map(|(who, said)| (*who, said.component, said.data.as_slice().to_vec()));
    let said: Vec<_> = said.collect();
    let alice = Sender::Member(LeafIndex(0));
    assert_eq!(
        said,
        [
            (alice, WORDS, b"a".to_vec()),
            (alice, WORDS, b"b".to_vec()),
            (
                Sender::Member(LeafIndex(1)),
                ComponentId::APP_ACK,
                ack.encode()
            ),
        ]
    );
    assert_eq!(seen.extensions, None);
}

/// Of [`Check::AppDataUpdate`] and [`Check::AppEphemeral`]: joiners and those outside whom the group names
/// may do the same, and observers follow.
#[test]
fn components_speak_from_outside() {
    let operator = member("operator", &mut rng(50));
    let admitted = vec![ExternalSender {
        signature_key: operator.signature.public.as_slice().into(),
        credential: operator.credential.clone(),
    }];
    let settings = Settings {
        handshakes: WireFormat::PublicMessage,
        ..Settings::default()
    };
    let extensions = Extensions::default().admitting(&admitted);
    let mut scene = Scene::of(extensions, &settings, &everything());
    let begun = Observer::begin(
        crypto(),
        group_info(&scene.alice),
        None,
        settings,
        services(),
    );
    let mut observer = begun.unwrap().0;
    let mut observe = |message: &MlsMessage| {
        let observed = observer.receive(message.clone(), services()).unwrap();
        let _ = observer.apply(observed).unwrap();
        observer.context().clone()
    };
    let private = &operator.signature.private;
    let outside = outside(&scene);
    let proposal = Proposal::AppDataUpdate(says(b"outside"));
    let proposed = outside.by_external_sender(crypto(), 0, private, proposal);
    let proposed = proposed.unwrap();
    scene.deliver(None, &proposed);
    observe(&proposed);
    let bundle = scene.commit(0, CommitIntent::default());
    assert_eq!(observe(&bundle.commit), *scene.bob.group.context());
    let said = (vec![says(b"joiner")], vec![mentions(WORDS, b"hello")]);
    let (dora, commit) = join_by(&scene, "dora", None, &[], said).unwrap();
    let seen = summary(&mut scene.bob, &commit);
    assert_eq!(
        seen.ephemeral,
        [(Sender::NewMemberCommit, mentions(WORDS, b"hello"))]
    );
    assert_eq!(words(&dora).unwrap(), b"outside joiner");
    assert_eq!(observe(&commit), *dora.group.context());
    assert_agree(&[&scene.bob, &dora]);
}

/// Of [`Check::ReInitAlone`]: nothing of the draft stands beside a ReInit.
#[test]
fn reinit_stands_alone() {
    let mut scene = supporting(Extensions::default());
    for other in [
        Proposal::AppDataUpdate(says(b"x")),
        Proposal::AppEphemeral(mentions(WORDS, b"x")),
    ] {
        let reinit = Proposal::ReInit(crate::lists::successor());
        let commit = scene.mallory.forge(vec![reinit, other]);
        scene.refuse(&commit.message(), Check::ReInitAlone);
    }
    scene.goes_on();
}

/// Shows [`Check::SafeAad`]: in application data, proposals and commits, judged by the epoch's context.
#[test]
fn safe_aad() {
    let demanded =
        ByComponent::default().with(ComponentId::SAFE_AAD, ComponentsList::default().encode());
    let mut scene = supporting(keeping(&demanded));
    let said = ByComponent::default().with(WORDS, *b"w").encode();
    let own = Sender::Member(scene.insider());
    let unordered = [6, 0x80, 2, 0, 0x80, 1, 0];
    let trailing = [&said[..], b"\0"].concat();
    for (generation, wrong) in (0..).zip([&b""[..], b"\xFF", &unordered, &trailing]) {
        let mut text = scene
            .mallory
            .frame(own, Content::Application(b"text".as_slice().into()));
        text.authenticated_data = wrong.into();
        let text = scene.mallory.sign_framed(WireFormat::PrivateMessage, text);
        let text = scene.mallory.seal(&text, generation, &[]);
        scene.refuse(&text, Check::SafeAad);
        let removal = Content::Proposal(Proposal::Remove(LeafIndex(1)));
        let mut proposal = scene.mallory.frame(own, removal);
        proposal.authenticated_data = wrong.into();
        let proposal = scene
            .mallory
            .sign_framed(WireFormat::PublicMessage, proposal);
        scene.refuse(&scene.mallory.tag(proposal), Check::SafeAad);
        let mut commit = scene.mallory.forge(Vec::new());
        commit.authenticated_data = wrong.to_vec();
        scene.refuse(&commit.with_path().message(), Check::SafeAad);
        if !wrong.is_empty() {
            let sealed = scene.alice.group.seal(b"text", wrong, &mut rng(1));
            assert_eq!(
                refusal(sealed.map(|_| ())),
                Refusal::State(StateError::Refused(Check::SafeAad))
            );
        }
    }
    // Who has nothing to say says so.
    let (text, delta) = scene.alice.group.seal(b"text", b"", &mut rng(1)).unwrap();
    scene.alice.store.apply(delta);
    let IncomingContent::Application(read) = scene.bob.receive(&text).unwrap() else {
        panic!("no text")
    };
    assert_eq!(read.authenticated_data, [0]);
    let (late, delta) = scene.alice.group.seal(b"late", &said, &mut rng(1)).unwrap();
    scene.alice.store.apply(delta);
    // The commit that ends it is still framed as the old epoch demands.
    let _ = scene.commit(
        1,
        CommitIntent {
            app_data: vec![removes(ComponentId::SAFE_AAD)],
            ..CommitIntent::default()
        },
    );
    let IncomingContent::Application(read) = scene.bob.receive(&late).unwrap() else {
        panic!("no text")
    };
    let read = ByComponent::decode(&read.authenticated_data).unwrap();
    assert_eq!(read.get(WORDS), Some(&b"w"[..]));
    scene.goes_on();
}

/// Shows [`Check::MediaTypes`].
#[test]
fn media_types() {
    let types = MediaTypes(vec![MediaType::new("text/plain")]);
    let kept = ByComponent::default().with(ComponentId::CONTENT_MEDIA_TYPES, types.encode());
    let mut scene = supporting(keeping(&kept));
    let framed = ApplicationFraming {
        media_type: MediaType::new(""),
        content: b"hello".as_slice().into(),
    };
    let nameless = ApplicationFraming {
        media_type: MediaType::new("").with("charset", "UTF-8"),
        ..framed.clone()
    };
    for (generation, wrong) in (0..).zip([&b"hello"[..], b"", &nameless.encode()]) {
        let text = scene.mallory.sign(
            WireFormat::PrivateMessage,
            Content::Application(wrong.into()),
        );
        let text = scene.mallory.seal(&text, generation, &[]);
        scene.refuse(&text, Check::MediaTypes);
        let sealed = scene.alice.group.seal(wrong, b"", &mut rng(1));
        assert_eq!(
            refusal(sealed.map(|_| ())),
            Refusal::State(StateError::Refused(Check::MediaTypes))
        );
    }
    let sealed = scene.alice.group.seal(&framed.encode(), b"", &mut rng(1));
    let (text, delta) = sealed.unwrap();
    scene.alice.store.apply(delta);
    let IncomingContent::Application(read) = scene.bob.receive(&text).unwrap() else {
        panic!("no text")
    };
    assert_eq!(ApplicationFraming::decode(&read.data).unwrap(), framed);
}
