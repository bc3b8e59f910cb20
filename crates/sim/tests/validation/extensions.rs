//! draft-ietf-mls-extensions: the code points, keys for components, last resort, GREASE.

use crate::external::group_info;
use folkmoot_crypto::HpkeCiphertext;
use folkmoot_mls::{
    AppAck, AppDataOperation, AppDataUpdate, AppEphemeral, ApplicationFraming, ByComponent, Check,
    CommitIntent, CommitSummary, ComponentId, ComponentsList, Error, ExtensionType, Extensions,
    ExternalJoin, Group, IncomingContent, JoinOptions, KeyPackage, LeafIndex, MediaType,
    MessageBody, MessageRange, MlsMessage, Proposal, ProposalType, Psk, Settings, StateError,
    Supported, hazmat, safe_encrypt_with_label, safe_verify_with_label,
};
use folkmoot_sim::{
    Invitee, Person, Refusal, SHARED, Scene, WORDS, assert_agree, crypto, lifetime, member,
    refusal, rng, services,
};

pub(crate) const UNKNOWN: ComponentId = ComponentId(0x8002);

/// All that the draft has.
pub(crate) fn everything() -> Supported {
    Supported {
        extensions: vec![ExtensionType::APP_DATA_DICTIONARY],
        proposals: vec![
            ProposalType::APP_DATA_UPDATE,
            ProposalType::APP_EPHEMERAL,
            ProposalType::SELF_REMOVE,
        ],
        components: vec![WORDS],
        ..Supported::default()
    }
}

/// A scene whose members support it, in a group with these extensions.
pub(crate) fn supporting(extensions: Extensions) -> Scene {
    Scene::of(extensions, &Settings::default(), &everything())
}

pub(crate) fn keeping(kept: &ByComponent) -> Extensions {
    Extensions::default().keeping(kept)
}

pub(crate) fn says(word: &[u8]) -> AppDataUpdate {
    AppDataUpdate {
        component: WORDS,
        operation: AppDataOperation::Update(word.into()),
    }
}

pub(crate) fn removes(component: ComponentId) -> AppDataUpdate {
    AppDataUpdate {
        component,
        operation: AppDataOperation::Remove,
    }
}

pub(crate) fn mentions(component: ComponentId, data: &[u8]) -> AppEphemeral {
    AppEphemeral {
        component,
        data: data.into(),
    }
}

pub(crate) fn words(person: &Person) -> Option<Vec<u8>> {
    let kept = person.group.extensions().app_data().unwrap();
    kept.get(WORDS).map(<[u8]>::to_vec)
}

/// Takes a commit and gives what it does.
pub(crate) fn summary(person: &mut Person, commit: &MlsMessage) -> CommitSummary {
    match person.receive(commit).unwrap() {
        IncomingContent::Commit(summary) => *summary,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn update_extensions(scene: &mut Scene, leaf: usize, extensions: Extensions) {
    let _ = scene.commit(
        leaf,
        CommitIntent {
            extensions: Some(extensions),
            ..CommitIntent::default()
        },
    );
}

/// A joiner's commit, and the group that it leads to.
pub(crate) fn join_by(
    scene: &Scene,
    name: &str,
    replaces: Option<LeafIndex>,
    self_removals: &[MlsMessage],
    said: (Vec<AppDataUpdate>, Vec<AppEphemeral>),
) -> Result<(Person, MlsMessage), Error> {
    let mut rng = rng(60);
    let join = ExternalJoin {
        group_info: &group_info(&scene.alice),
        tree: None,
        member: member(name, &mut rng).supporting(everything()),
        replaces,
        psks: Vec::new(),
        self_removals,
        app_data: said.0,
        ephemeral: said.1,
        authenticated_data: b"",
    };
    let settings = Settings::default();
    let (group, commit, delta) =
        Group::join_by_commit(crypto(), join, settings.clone(), services(), &mut rng)?;
    Ok((Person::new((group, delta), rng, settings), commit))
}

pub(crate) fn said_nothing() -> (Vec<AppDataUpdate>, Vec<AppEphemeral>) {
    (Vec::new(), Vec::new())
}

/// Of [`Check::OldSecretsErased`]: a component's secret is to be had once, by every member alike.
#[test]
fn safe_exporter() {
    let mut scene = supporting(Extensions::default());
    let export = |person: &mut Person, component| {
        let (secret, delta) = person.group.safe_export(component)?;
        person.store.apply(delta);
        person.reload();
        Ok::<_, Error>(secret)
    };
    let one = export(&mut scene.alice, WORDS).unwrap();
    let other = export(&mut scene.alice, UNKNOWN).unwrap();
    assert_ne!(one, other);
    assert_eq!(one.len(), 32);
    assert_eq!(
        refusal(export(&mut scene.alice, WORDS)),
        Refusal::State(StateError::ExportTaken(WORDS.0))
    );
    for person in [&mut scene.bob, &mut scene.charlie] {
        assert_eq!(export(person, UNKNOWN).unwrap(), other);
        assert_eq!(export(person, WORDS).unwrap(), one);
        assert!(!person.store.contains(one.expose()));
    }
    // Its own commit, a restart in between, a Welcome and a commit from outside lead to the same secrets.
    let dora = Invitee::of(
        member("dora", &mut rng(9)).supporting(everything()),
        rng(10),
    );
    let bundle = scene.commit(0, dora.addition());
    let mut dora = dora.join(&bundle.welcome.unwrap()).unwrap();
    let next = export(&mut dora, WORDS).unwrap();
    assert_ne!(next, one);
    for person in [&mut scene.alice, &mut scene.bob] {
        assert_eq!(export(person, WORDS).unwrap(), next);
    }
    let (mut erin, commit) = join_by(&scene, "erin", None, &[], said_nothing()).unwrap();
    scene.bob.receive(&commit).unwrap();
    let last = export(&mut erin, WORDS).unwrap();
    assert_eq!(export(&mut scene.bob, WORDS).unwrap(), last);
    let removal = scene.alice.commit(CommitIntent {
        remove: vec![LeafIndex(2)],
        ..CommitIntent::default()
    });
    scene.charlie.receive(&removal.commit).unwrap();
    assert_eq!(
        refusal(export(&mut scene.charlie, UNKNOWN)),
        Refusal::State(StateError::NotMember)
    );
}

/// Of [`Check::Labels`]: what one component signs or seals is no other's, nor MLS's own.
#[test]
fn safe_labels() {
    let scene = supporting(Extensions::default());
    let signed = scene
        .alice
        .group
        .safe_sign(WORDS, "test", b"content")
        .unwrap();
    let alice = scene.bob.group.member(LeafIndex(0), &scene.bob.store);
    let key = alice.unwrap().unwrap().content.signature_key.clone();
    let verify = |component, label, content: &[u8]| {
        safe_verify_with_label(
            crypto(),
            key.as_slice(),
            (component, label),
            content,
            &signed,
        )
    };
    assert!(verify(WORDS, "test", b"content").is_ok());
    assert!(verify(UNKNOWN, "test", b"content").is_err());
    assert!(verify(WORDS, "tess", b"content").is_err());
    assert!(verify(WORDS, "test", b"contents").is_err());
    // The label as bytes, prefix and all.
    let raw = [
        &b"\x1dMLS 1.0 \x0dMLS Component"[..],
        &[0x80, 1],
        b"\x04test\x07content",
    ];
    assert!(
        crypto()
            .verify(key.as_slice(), &raw.concat(), &signed)
            .is_ok()
    );
    let bob = scene.alice.group.member(LeafIndex(1), &scene.alice.store);
    let key = bob.unwrap().unwrap().content.encryption_key.clone();
    let seal = |component| {
        let label = (component, "test");
        let key = key.as_slice();
        safe_encrypt_with_label(crypto(), key, label, b"ctx", b"secret", &mut rng(3)).unwrap()
    };
    let open = |sealed: &HpkeCiphertext, component, label, context: &[u8]| {
        scene
            .bob
            .group
            .safe_decrypt(component, label, context, sealed)
    };
    let sealed = seal(WORDS);
    assert_eq!(
        open(&sealed, WORDS, "test", b"ctx").unwrap().expose(),
        b"secret"
    );
    for wrong in [
        open(&sealed, UNKNOWN, "test", b"ctx"),
        open(&sealed, WORDS, "tess", b"ctx"),
        open(&sealed, WORDS, "test", b""),
        scene
            .charlie
            .group
            .safe_decrypt(WORDS, "test", b"ctx", &sealed),
    ] {
        assert_eq!(refusal(wrong), Refusal::Invalid(Check::ComponentCiphertext));
    }
}

/// Of [`Check::PskAvailable`] and [`Check::PskHeld`]: a key that a component holds.
#[test]
fn application_psk() {
    let mut scene = supporting(Extensions::default());
    let of = |component, id: &[u8]| CommitIntent {
        psks: vec![Psk::Application(component, id.into())],
        ..CommitIntent::default()
    };
    for (component, id) in [(UNKNOWN, SHARED), (WORDS, b"unknown")] {
        assert_eq!(
            refusal(scene.alice.try_commit(of(component, id))),
            Refusal::State(StateError::Refused(Check::PskAvailable))
        );
    }
    let dora = Invitee::of(
        member("dora", &mut rng(9)).supporting(everything()),
        rng(10),
    );
    let bundle = scene.commit(
        0,
        CommitIntent {
            add: vec![dora.verified()],
            ..of(WORDS, SHARED)
        },
    );
    let dora = dora.join(&bundle.welcome.unwrap()).unwrap();
    assert_agree(&[&scene.bob, &dora]);
}

/// Of [`Check::KeyPackageUsedOnce`]: but for one of last resort, which says so, and leads into many groups.
#[test]
fn last_resort() {
    let made = |last_resort: bool| {
        let mut rng = rng(70);
        let dora = member("dora", &mut rng);
        if last_resort {
            KeyPackage::generate_last_resort(crypto(), dora, lifetime(), &mut rng)
        } else {
            KeyPackage::generate(crypto(), dora, lifetime(), &mut rng)
        }
    };
    assert!(!made(false).unwrap().0.is_last_resort());
    let (package, secrets) = made(true).unwrap();
    assert!(package.is_last_resort());
    let mark = package.content.extensions.app_data().unwrap();
    let expected = ByComponent::default().with(ComponentId::LAST_RESORT_KEY_PACKAGE, []);
    assert_eq!(mark, expected);
    for founder in ["alice", "bob"] {
        let mut founder = Person::create(founder, Extensions::default(), Settings::default());
        let verified =
            package
                .clone()
                .verify(crypto(), &folkmoot_sim::Names, &Settings::default(), None);
        let bundle = founder.commit(CommitIntent {
            add: vec![verified.unwrap()],
            ..CommitIntent::default()
        });
        founder.accept();
        let MessageBody::Welcome(welcome) = bundle.welcome.unwrap().body else {
            panic!("no Welcome")
        };
        let own = folkmoot_mls::OwnKeyPackage {
            key_package: &package,
            secrets: &secrets,
        };
        let options = JoinOptions::default();
        let settings = Settings::default();
        let joined = Group::join(
            crypto(),
            &welcome,
            own,
            options,
            settings.clone(),
            services(),
        );
        let dora = Person::new(joined.unwrap(), rng(71), settings);
        assert_agree(&[&founder, &dora]);
    }
}

/// Shows [`Check::GreaseIgnored`]: everywhere it may stand, made and taken.
#[test]
fn grease() {
    let supports = Supported {
        grease: true,
        ..everything()
    };
    let kept = ByComponent::default().with(WORDS, *b"first");
    let mut scene = Scene::of(keeping(&kept), &Settings::default(), &supports);
    let is_grease = |value: u16| value & 0x0f0f == 0x0a0a;
    for (_, leaf) in scene.alice.group.members(&scene.alice.store).unwrap() {
        let listed = &leaf.content.capabilities;
        assert!(listed.cipher_suites.iter().any(|one| is_grease(one.0)));
        assert!(listed.extensions.iter().any(|one| is_grease(one.0)));
        assert!(listed.proposals.iter().any(|one| is_grease(one.0)));
        assert!(listed.credentials.iter().any(|one| is_grease(one.0)));
        assert!(leaf.content.extensions.types().any(|one| is_grease(one.0)));
    }
    let info = group_info(&scene.alice);
    assert!(info.content.extensions.types().any(|one| is_grease(one.0)));
    let dora = Invitee::of(member("dora", &mut rng(9)).supporting(supports), rng(10));
    let listed = &dora.key_package.content.extensions;
    assert!(listed.types().any(|one| is_grease(one.0)));
    // Components without a meaning, in a leaf, a KeyPackage and what a leaf lists of them.
    let unknown = ComponentId(0x1A1A);
    let list = ComponentsList(vec![ComponentId::APP_COMPONENTS, unknown]).encode();
    let dictionary = ByComponent::default()
        .with(ComponentId::APP_COMPONENTS, list.clone())
        .with(ComponentId::SAFE_AAD, list)
        .with(unknown, *b"anything");
    let mut commit = scene.mallory.forge(Vec::new());
    commit.leaf.extensions = commit.leaf.extensions.keeping(&dictionary);
    let mut content = dora.key_package.content.clone();
    content.extensions = content.extensions.keeping(&dictionary);
    let package = folkmoot_sim::key_package(crypto(), content, &dora.secrets.signature.private);
    let verified = package.verify(crypto(), &folkmoot_sim::Names, &Settings::default(), None);
    assert!(verified.is_ok());
    let bundle = scene.commit(0, dora.addition());
    let dora = dora.join(&bundle.welcome.unwrap()).unwrap();
    assert_agree(&[&scene.bob, &dora]);
    let mut commit = scene.mallory.forge(Vec::new());
    commit.leaf.extensions = commit.leaf.extensions.keeping(&dictionary);
    scene.takes(&commit.with_path().message());
}

#[test]
fn the_code_points_are_the_drafts() {
    assert_eq!(ExtensionType::APP_DATA_DICTIONARY.0, 6);
    let proposals = [
        Proposal::AppDataUpdate(says(b"x")),
        Proposal::AppEphemeral(mentions(WORDS, b"x")),
        Proposal::SelfRemove,
    ];
    let encoded = proposals.map(|proposal| hazmat::to_bytes(&proposal));
    assert_eq!(encoded[0], [0, 8, 0x80, 1, 1, 1, b'x']);
    assert_eq!(encoded[1], [0, 9, 0x80, 1, 1, b'x']);
    assert_eq!(encoded[2], [0, 10]);
    let removal = Proposal::AppDataUpdate(removes(WORDS));
    assert_eq!(hazmat::to_bytes(&removal), [0, 8, 0x80, 1, 2]);
    let psk = Psk::Application(WORDS, b"id".as_slice().into());
    assert_eq!(hazmat::to_bytes(&psk), [3, 0x80, 1, 2, b'i', b'd']);
    let kept = ByComponent::default().with(WORDS, *b"x").with(UNKNOWN, []);
    assert_eq!(kept.encode(), [7, 0x80, 1, 1, b'x', 0x80, 2, 0]);
    let list = ComponentsList(vec![WORDS, ComponentId::APP_ACK]);
    assert_eq!(list.encode(), [4, 0x80, 1, 0, 5]);
    let ack = AppAck {
        received: vec![MessageRange {
            sender: 1,
            first: 2,
            last: 3,
        }],
    };
    assert_eq!(ack.encode(), [12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]);
    let plain = MediaType::new("text/plain").with("charset", "UTF-8");
    let framed = ApplicationFraming {
        media_type: plain,
        content: b"hello".as_slice().into(),
    };
    let parts: [&[u8]; 7] = [
        &[10],
        b"text/plain",
        &[14, 7],
        b"charset",
        &[5],
        b"UTF-8",
        &[5],
    ];
    let expected = [&parts.concat()[..], b"hello"].concat();
    assert_eq!(framed.encode(), expected);
    assert_eq!(ApplicationFraming::decode(&expected).unwrap(), framed);
}
