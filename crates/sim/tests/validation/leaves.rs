//! Credentials, leaves and KeyPackages (RFC 9420 §5.3, §7.3, §10.1).

use crate::welcome::Invitation;
use folkmoot_mls::hazmat;
use folkmoot_mls::{
    Check, CipherSuite, CommitIntent, Credential, CredentialType, ExtensionType, Extensions,
    ExternalSender, Identity, IncomingContent, KeyPackage, KeyPackageContent, LeafIndex,
    LeafNodeContent, LeafNodeSource, Lifetime, MlsMessage, NoRecords, Proposal, ProposalIntent,
    ProposalType, ProtocolVersion, RequiredCapabilities, Settings, StateError, Supported,
    Timestamp, sign_with_label,
};
use folkmoot_sim::{
    Invitee, Names, Refusal, Scene, all_go_on, crypto, key_package, leaf, lifetime, member,
    refusal, rng,
};
use tls_codec::VLBytes;

/// An Add of a KeyPackage that was changed and signed again.
fn changed_add(change: impl FnOnce(&mut KeyPackageContent)) -> Proposal {
    let dora = Invitee::new("dora", 9);
    let mut content = dora.key_package.content;
    change(&mut content);
    let package = key_package(crypto(), content, &dora.secrets.signature.private);
    Proposal::Add(Box::new(package))
}

/// The Add is refused as a proposal and in a commit for this reason, and honest traffic goes on.
fn refuses_add(change: impl FnOnce(&mut KeyPackageContent), reason: impl Into<Refusal>) {
    let mut scene = Scene::default();
    let reason = reason.into();
    let add = changed_add(change);
    let message = scene.mallory.propose(add.clone());
    scene.refuse(&message, reason.clone());
    scene.refuse(&commit_of(&scene, add), reason);
    scene.goes_on();
}

/// A commit of an Add, whose leaf may have a key that nothing can be sealed to.
fn commit_of(scene: &Scene, add: Proposal) -> MlsMessage {
    scene.mallory.forge(vec![add]).with_path().message()
}

fn change_leaf(change: impl FnOnce(&mut LeafNodeContent)) -> impl FnOnce(&mut KeyPackageContent) {
    |content| change(&mut content.leaf_node.content)
}

/// An Update of the insider's leaf, changed and signed again for this place.
fn update_at(
    scene: &Scene,
    place: LeafIndex,
    change: impl FnOnce(&mut LeafNodeContent),
) -> Proposal {
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
    change(&mut content);
    let place = Some((&known.context.group_id, place));
    let leaf = leaf(crypto(), content, &known.signature.private, place);
    Proposal::Update(Box::new(leaf))
}

fn refuses_update(change: impl FnOnce(&mut LeafNodeContent), reason: impl Into<Refusal>) {
    let mut scene = Scene::default();
    let update = update_at(&scene, LeafIndex(3), change);
    let message = scene.mallory.propose(update);
    scene.refuses(&message, reason);
}

fn basic(name: &str) -> Credential {
    Credential::Basic(name.as_bytes().into())
}

/// Shows [`Check::SignatureScheme`]: a key of another scheme is no key of the suite's.
#[test]
fn signature_scheme() {
    for key in [vec![4; 65], vec![7; 57], vec![]] {
        let wrong = change_leaf(|leaf| leaf.signature_key = key.clone().into());
        refuses_add(wrong, Check::KeysValidForSuite);
    }
    let (mut scene, dora) = (Scene::default(), Invitee::new("dora", 9));
    let mut short = dora.key_package.clone();
    short.signature = vec![7; 114].into();
    let message = scene.mallory.propose(Proposal::Add(Box::new(short)));
    scene.refuses(&message, Check::KeyPackageSignature);
}

/// Shows [`Check::Labels`]: what is signed under another label, or none, is not signed.
#[test]
fn labels() {
    let mut scene = Scene::default();
    let dora = Invitee::new("dora", 9);
    let private = &dora.secrets.signature.private;
    for label in ["LeafNodeTBS", "", "keypackagetbs"] {
        let mut package = dora.key_package.clone();
        let bytes = hazmat::to_bytes(&package.content);
        let signature = sign_with_label(crypto(), private, label, &bytes).unwrap();
        package.signature = signature.into();
        let message = scene.mallory.propose(Proposal::Add(Box::new(package)));
        scene.refuse(&message, Check::KeyPackageSignature);
    }
    let bytes = hazmat::to_bytes(&dora.key_package.content);
    let unprefixed = [VLBytes::from(&b"KeyPackageTBS"[..]), bytes.clone().into()];
    let unprefixed = unprefixed.map(|part| hazmat::to_bytes(&part)).concat();
    for signed in [bytes, unprefixed] {
        let mut package = dora.key_package.clone();
        package.signature = crypto().sign(private, &signed).unwrap().into();
        let message = scene.mallory.propose(Proposal::Add(Box::new(package)));
        scene.refuse(&message, Check::KeyPackageSignature);
    }
    scene.goes_on();
}

/// Shows [`Check::CredentialValidated`]: in an Add, an Update, and as an external sender.
#[test]
fn credential_validated() {
    let mallet = || basic("mallet");
    let change = change_leaf(|leaf| leaf.credential = mallet());
    refuses_add(change, Refusal::Credential);
    refuses_update(|leaf| leaf.credential = mallet(), Refusal::Credential);
    let mut scene = Scene::default();
    let sender = ExternalSender {
        signature_key: vec![7; 32].into(),
        credential: mallet(),
    };
    let extensions = Extensions::default().admitting(&vec![sender]);
    let replace = Proposal::GroupContextExtensions(extensions);
    let message = scene.mallory.propose(replace.clone());
    scene.refuse(&message, Refusal::Credential);
    let commit = scene.mallory.forge(vec![replace]).with_path().message();
    scene.refuses(&commit, Refusal::Credential);
}

/// Shows [`Check::CredentialSuccession`] of an Update.
#[test]
fn credential_succession() {
    refuses_update(
        |leaf| leaf.credential = basic("eve"),
        Check::CredentialSuccession,
    );
    refuses_update(
        |leaf| leaf.credential = basic("alice"),
        Check::CredentialSuccession,
    );
}

/// Shows [`Check::ApplicationIdUnauthenticated`]: it makes nobody somebody else.
#[test]
fn application_id_unauthenticated() {
    let mut scene = Scene::default();
    let mut generator = rng(9);
    let mut dora = member("dora", &mut generator);
    dora.extensions = Extensions::default().identified(b"alice");
    let dora = Invitee::of(dora, generator);
    let bundle = scene.bob.commit(dora.addition());
    for person in [
        &mut scene.alice,
        &mut scene.charlie,
        &mut scene.mallory.person,
    ] {
        let IncomingContent::Commit(summary) = person.receive(&bundle.commit).unwrap() else {
            panic!("no commit")
        };
        assert_eq!(summary.added, bundle.added);
        assert_eq!(summary.added[0].1, basic("dora"));
    }
    scene.bob.accept();
    let leaf = scene
        .alice
        .group
        .member(bundle.added[0].0, &scene.alice.store)
        .unwrap()
        .unwrap();
    let claimed = leaf.content.extensions.application_id().unwrap();
    assert_eq!(claimed.as_deref(), Some(&b"alice"[..]));
    assert_eq!(leaf.content.credential, basic("dora"));
    let mut joined = dora.join(&bundle.welcome.unwrap()).unwrap();
    let text = joined.seal("alice speaking");
    let IncomingContent::Application(read) = scene.bob.receive(&text).unwrap() else {
        panic!("no text")
    };
    assert_eq!(read.credential, basic("dora"));
    // Nor does it make dora the client that it names.
    scene.goes_on();
}

/// Shows [`Check::ExpiredCredentialAccepted`]: in messages, in their renewal, and in trees.
#[test]
fn expired_credential_accepted() {
    let mut scene = Scene::default();
    let old = Invitee::new("old dora", 9);
    let now = Some(Timestamp(1_500));
    let package = old.key_package.clone();
    let today = package.verify(crypto(), &Names, &Settings::default(), now);
    assert_eq!(refusal(today), Refusal::Credential);
    let bundle = scene.commit(1, old.addition());
    let mut dora = old.join(&bundle.welcome.unwrap()).unwrap();
    let text = dora.seal("still me");
    assert_eq!(scene.alice.read(&text), "still me");
    let renewed = member("dora", &mut rng(10));
    let identity = Identity {
        credential: renewed.credential,
        signature: renewed.signature,
    };
    let proposal = dora.propose(ProposalIntent::Renew(identity));
    scene.deliver(None, &proposal);
    let commit = scene.commit(0, CommitIntent::default()).commit;
    dora.receive(&commit).unwrap();
    let place = dora.group.own_index();
    let leaf = scene
        .charlie
        .group
        .member(place, &scene.charlie.store)
        .unwrap()
        .unwrap();
    assert_eq!(leaf.content.credential, basic("dora"));
    let mut people = Vec::from(scene.everyone());
    people.push(&mut dora);
    all_go_on(&mut people);
}

/// Shows [`Check::LeafCredential`]: the Authentication Service's no is the reason.
#[test]
fn leaf_credential() {
    let mut scene = Scene::default();
    let mut commit = scene.mallory.forge(Vec::new());
    commit.leaf.credential = basic("mallet");
    scene.refuses(&commit.with_path().message(), Refusal::Credential);
}

/// Shows [`Check::LeafSignature`].
#[test]
fn leaf_signature() {
    let mut scene = Scene::default();
    let elsewhere = update_at(&scene, LeafIndex(1), |_| ());
    let message = scene.mallory.propose(elsewhere);
    scene.refuse(&message, Check::LeafSignature);
    let known = scene.mallory.knowledge();
    let Proposal::Update(own) = update_at(&scene, known.own, |_| ()) else {
        panic!("no Update")
    };
    let private = &known.signature.private;
    let other_group = folkmoot_mls::GroupId::new(b"another".to_vec());
    let place = Some((&other_group, known.own));
    let wrong = leaf(crypto(), own.content.clone(), private, place);
    let message = scene.mallory.propose(Proposal::Update(Box::new(wrong)));
    scene.refuse(&message, Check::LeafSignature);
    let nowhere = leaf(crypto(), own.content.clone(), private, None);
    let message = scene.mallory.propose(Proposal::Update(Box::new(nowhere)));
    scene.refuse(&message, Check::LeafSignature);
    let message = scene.mallory.propose(Proposal::Update(own));
    for person in [&mut scene.alice, &mut scene.bob, &mut scene.charlie] {
        person.receive(&message).unwrap();
    }
    scene.goes_on_among(&[0, 1, 2]);
}

const TYPE: u16 = 0xF00D;

/// Members that support one more type of each kind.
fn capable() -> Supported {
    Supported {
        extensions: vec![ExtensionType(TYPE)],
        proposals: vec![ProposalType(TYPE)],
        credentials: vec![CredentialType::X509],
        ..Supported::default()
    }
}

/// Shows [`Check::RequiredCapabilities`].
#[test]
fn required_capabilities() {
    let requirements = [
        RequiredCapabilities {
            proposals: vec![ProposalType(TYPE)],
            ..RequiredCapabilities::default()
        },
        RequiredCapabilities {
            extensions: vec![ExtensionType(TYPE)],
            ..RequiredCapabilities::default()
        },
        RequiredCapabilities {
            credentials: vec![CredentialType::X509],
            ..RequiredCapabilities::default()
        },
    ];
    for required in requirements {
        let extensions = Extensions::default().requiring(&required);
        let mut scene = Scene::of(extensions, &Settings::default(), &capable());
        let add = changed_add(|_| ());
        let commit = commit_of(&scene, add);
        scene.refuse(&commit, Check::RequiredCapabilities);
        let mut path = scene.mallory.forge(Vec::new());
        path.leaf.capabilities = Invitee::new("dora", 9)
            .key_package
            .content
            .leaf_node
            .content
            .capabilities;
        scene.refuses(&path.with_path().message(), Check::RequiredCapabilities);
    }
}

/// Shows [`Check::LeafVersionAndSuite`].
#[test]
fn leaf_version_and_suite() {
    for change in [
        |leaf: &mut LeafNodeContent| leaf.capabilities.versions.clear(),
        |leaf: &mut LeafNodeContent| leaf.capabilities.cipher_suites = vec![CipherSuite(2)],
    ] {
        refuses_add(change_leaf(change), Check::LeafVersionAndSuite);
        let mut scene = Scene::default();
        let mut path = scene.mallory.forge(Vec::new());
        change(&mut path.leaf);
        scene.refuses(&path.with_path().message(), Check::LeafVersionAndSuite);
    }
}

/// Shows [`Check::GroupExtensionsSupported`].
#[test]
fn group_extensions_supported() {
    let extensions = Extensions::default().with(ExtensionType(TYPE), b"x".as_slice());
    let mut scene = Scene::of(extensions, &Settings::default(), &capable());
    let commit = commit_of(&scene, changed_add(|_| ()));
    scene.refuse(&commit, Check::GroupExtensionsSupported);
    let mut path = scene.mallory.forge(Vec::new());
    path.leaf.capabilities.extensions.clear();
    scene.refuses(&path.with_path().message(), Check::GroupExtensionsSupported);
}

/// Of [`Check::GroupExtensionsSupported`] and [`Check::RequiredCapabilities`]: nobody founds a group
/// that does not fit, and nobody proposes a client who does not.
#[test]
fn own_requests_fit_the_group() {
    let extensions = Extensions::default().with(ExtensionType(TYPE), b"x".as_slice());
    let requiring = Extensions::default().requiring(&RequiredCapabilities {
        proposals: vec![ProposalType(TYPE)],
        ..RequiredCapabilities::default()
    });
    let cases = [
        (extensions, Check::GroupExtensionsSupported),
        (requiring, Check::RequiredCapabilities),
    ];
    for (extensions, rule) in cases {
        let reason = Refusal::State(StateError::Refused(rule));
        let own = (member("alice", &mut rng(1)), lifetime());
        let id = folkmoot_mls::GroupId::new(b"group".to_vec());
        let (wanted, settings) = (extensions.clone(), Settings::default());
        let founded =
            folkmoot_mls::Group::create(crypto(), id, own, wanted, settings, &Names, &mut rng(2));
        assert_eq!(refusal(founded), reason);

        let mut scene = Scene::of(extensions, &Settings::default(), &capable());
        let before = scene.alice.store.clone();
        let add = ProposalIntent::Add(Invitee::new("dora", 9).verified());
        assert_eq!(refusal(scene.alice.try_propose(add)), reason);
        assert_eq!(scene.alice.store, before);
        scene.goes_on();
    }
}

/// Shows [`Check::LeafListsCredential`].
#[test]
fn leaf_lists_credential() {
    let unlisted = |leaf: &mut LeafNodeContent| {
        leaf.capabilities.credentials = vec![CredentialType::X509];
    };
    refuses_add(change_leaf(unlisted), Check::LeafListsCredential);
    refuses_update(unlisted, Check::LeafListsCredential);
}

/// Shows [`Check::CredentialTypesSupported`].
#[test]
fn credential_types_supported() {
    let certified = |leaf: &mut LeafNodeContent| {
        leaf.credential = Credential::X509(vec![b"dora".as_slice().into()]);
        leaf.capabilities.credentials = vec![CredentialType::BASIC, CredentialType::X509];
    };
    let mut scene = Scene::default();
    let commit = commit_of(&scene, changed_add(change_leaf(certified)));
    scene.refuse(&commit, Check::CredentialTypesSupported);
    let mut narrow = scene.mallory.forge(Vec::new());
    narrow.leaf.credential = Credential::X509(vec![b"mallory".as_slice().into()]);
    narrow.leaf.capabilities.credentials = vec![CredentialType::X509];
    let narrow = narrow.with_path().message();
    scene.refuses(&narrow, Check::CredentialTypesSupported);
}

/// Shows [`Check::LeafListsExtensions`].
#[test]
fn leaf_lists_extensions() {
    let unlisted = |leaf: &mut LeafNodeContent| {
        leaf.extensions = Extensions::default().with(ExtensionType(TYPE), b"x".as_slice());
    };
    refuses_add(change_leaf(unlisted), Check::LeafListsExtensions);
    refuses_update(unlisted, Check::LeafListsExtensions);
}

/// Shows [`Check::DefaultsNotListed`].
#[test]
fn defaults_not_listed() {
    let mut generator = rng(9);
    let mut dora = member("dora", &mut generator).supporting(Supported {
        extensions: (1..=6).map(ExtensionType).collect(),
        proposals: (1..=8).map(ProposalType).collect(),
        ..Supported::default()
    });
    dora.extensions = Extensions::default()
        .identified(b"dora's tablet")
        .with(ExtensionType(TYPE), b"x".as_slice());
    let made = KeyPackage::generate(crypto(), dora, lifetime(), &mut generator);
    let leaf = made.unwrap().0.content.leaf_node.content;
    assert_eq!(
        leaf.capabilities.extensions,
        [ExtensionType(TYPE), ExtensionType(6)]
    );
    assert_eq!(leaf.capabilities.proposals, [ProposalType(8)]);
}

/// Shows [`Check::LifetimeLength`].
#[test]
fn lifetime_length() {
    let maximum = Settings::default().maximum_lifetime;
    for (from, to) in [(5, maximum + 6), (0, u64::MAX), (2, 1)] {
        let lifetime = Lifetime {
            not_before: Timestamp(from),
            not_after: Timestamp(to),
        };
        let change = change_leaf(|leaf| leaf.source = LeafNodeSource::KeyPackage(lifetime));
        refuses_add(change, Check::LifetimeLength);
    }
}

/// Of [`Check::LifetimeLength`]: a founder's own.
#[test]
fn founder_lifetime() {
    let settings = Settings::default();
    let found = |from, to| {
        let lifetime = Lifetime {
            not_before: Timestamp(from),
            not_after: Timestamp(to),
        };
        let own = (member("alice", &mut rng(1)), lifetime);
        let id = folkmoot_mls::GroupId::new(b"group".to_vec());
        let (extensions, settings) = (Extensions::default(), settings.clone());
        folkmoot_mls::Group::create(crypto(), id, own, extensions, settings, &Names, &mut rng(2))
    };
    let reason = StateError::Refused(Check::LifetimeLength);
    for (from, to) in [(5, settings.maximum_lifetime + 6), (2, 1)] {
        assert_eq!(refusal(found(from, to)), Refusal::State(reason.clone()));
    }
    assert!(found(5, settings.maximum_lifetime + 5).is_ok());
}

/// Shows [`Check::LifetimeContainsNow`]: asked of a KeyPackage that this client adds, and not of what
/// the group says.
#[test]
fn lifetime_contains_now() {
    let verify = |at| {
        let package = Invitee::new("dora", 9).key_package;
        package.verify(crypto(), &Names, &Settings::default(), at)
    };
    for outside in [999, 2_001] {
        let refused = refusal(verify(Some(Timestamp(outside))));
        assert_eq!(refused, Check::LifetimeContainsNow.into());
    }
    for inside in [Some(Timestamp(1_000)), Some(Timestamp(2_000)), None] {
        assert!(verify(inside).is_ok());
    }
}

/// Shows [`Check::LeafSource`].
#[test]
fn leaf_source() {
    let sources = [
        LeafNodeSource::Update,
        LeafNodeSource::Commit(vec![7; 32].into()),
    ];
    for source in sources {
        let wrong = source.clone();
        refuses_add(change_leaf(|leaf| leaf.source = wrong), Check::LeafSource);
    }
    let of_a_package = LeafNodeSource::KeyPackage(lifetime());
    for source in [of_a_package, LeafNodeSource::Commit(vec![7; 32].into())] {
        refuses_update(|leaf| leaf.source = source, Check::LeafSource);
    }
}

/// Shows [`Check::EncryptionKeyNew`] of an Update.
#[test]
fn encryption_key_new() {
    let mut scene = Scene::default();
    let known = scene.mallory.knowledge();
    let before = known
        .tree
        .leaf(known.own, &NoRecords)
        .unwrap()
        .unwrap()
        .content
        .encryption_key
        .clone();
    let update = update_at(&scene, known.own, |leaf| leaf.encryption_key = before);
    let message = scene.mallory.propose(update);
    scene.refuses(&message, Check::EncryptionKeyNew);
}

/// Shows [`Check::LeafKeysUnique`].
#[test]
fn leaf_keys_unique() {
    let mut scene = Scene::default();
    let taken = scene
        .alice
        .group
        .member(LeafIndex(1), &scene.alice.store)
        .unwrap()
        .unwrap()
        .content
        .clone();
    let add = changed_add(change_leaf(|leaf| {
        leaf.encryption_key = taken.encryption_key;
    }));
    let mut commit = scene.mallory.forge(vec![add]);
    commit.entries.truncate(1);
    scene.refuses(&commit.with_path().message(), Check::LeafKeysUnique);
}

/// Shows [`Check::KeyPackageMessageVersion`].
#[test]
fn key_package_message_version() {
    let dora = Invitee::new("dora", 9);
    let mut content = dora.key_package.content.clone();
    content.version = ProtocolVersion(2);
    let package = key_package(crypto(), content, &dora.secrets.signature.private);
    let error = MlsMessage::decode(&package.to_message().encode()).unwrap_err();
    assert_eq!(error.check(), Check::KeyPackageMessageVersion);
}

/// Shows [`Check::KeyPackageVersionAndSuite`].
#[test]
fn key_package_version_and_suite() {
    for change in [
        |content: &mut KeyPackageContent| content.version = ProtocolVersion(2),
        |content: &mut KeyPackageContent| content.cipher_suite = CipherSuite(3),
    ] {
        refuses_add(change, Check::KeyPackageVersionAndSuite);
    }
}

/// Shows [`Check::KeyPackageLeaf`]: what is wrong with the leaf is wrong with its KeyPackage.
#[test]
fn key_package_leaf() {
    let mut scene = Scene::default();
    let dora = Invitee::new("dora", 9);
    let mut content = dora.key_package.content;
    content.leaf_node.signature = vec![7; 64].into();
    let bytes = hazmat::to_bytes(&content);
    let private = &dora.secrets.signature.private;
    let signature = sign_with_label(crypto(), private, "KeyPackageTBS", &bytes).unwrap();
    let package = KeyPackage {
        content,
        signature: signature.into(),
    };
    let add = Proposal::Add(Box::new(package));
    crate::proposals::refuses_both(&mut scene, &add, Check::LeafSignature);
    scene.goes_on();
}

/// Shows [`Check::KeyPackageSignature`].
#[test]
fn key_package_signature() {
    let mut scene = Scene::default();
    let mut package = Invitee::new("dora", 9).key_package;
    package.content.extensions = Extensions::default().identified(b"x");
    let add = Proposal::Add(Box::new(package));
    crate::proposals::refuses_both(&mut scene, &add, Check::KeyPackageSignature);
    scene.goes_on();
}

/// Shows [`Check::InitKeyDiffers`].
#[test]
fn init_key_differs() {
    let same = |content: &mut KeyPackageContent| {
        content.init_key = content.leaf_node.content.encryption_key.clone();
    };
    refuses_add(same, Check::InitKeyDiffers);
}

/// Shows [`Check::KeysValidForSuite`].
#[test]
fn keys_valid_for_suite() {
    for key in [vec![], vec![7; 31], vec![7; 65], vec![0; 32]] {
        let init = |content: &mut KeyPackageContent| content.init_key = key.clone().into();
        refuses_add(init, Check::KeysValidForSuite);
        refuses_update(
            |leaf| leaf.encryption_key = key.clone().into(),
            Check::KeysValidForSuite,
        );
    }
}

/// Shows [`Check::InitKeyFresh`].
#[test]
fn init_key_fresh() {
    let mut generator = rng(9);
    let dora = member("dora", &mut generator);
    let mut keys = Vec::new();
    for _ in 0..4 {
        let made = KeyPackage::generate(crypto(), dora.clone(), lifetime(), &mut generator);
        let content = made.unwrap().0.content;
        for key in [content.init_key, content.leaf_node.content.encryption_key] {
            assert!(!keys.contains(&key));
            keys.push(key);
        }
    }
}

/// Shows [`Check::KeyPackageListsExtensions`].
#[test]
fn key_package_lists_extensions() {
    let unlisted = |content: &mut KeyPackageContent| {
        content.extensions = Extensions::default().with(ExtensionType(TYPE), b"x".as_slice());
    };
    refuses_add(unlisted, Check::KeyPackageListsExtensions);
}

fn strange(content: &mut KeyPackageContent, value: u16) {
    let capabilities = &mut content.leaf_node.content.capabilities;
    capabilities.versions.push(ProtocolVersion(value));
    capabilities.cipher_suites.push(CipherSuite(value));
    capabilities.extensions.push(ExtensionType(value));
    capabilities.proposals.push(ProposalType(value));
    capabilities.credentials.push(CredentialType(value));
    let unknown = |list: &Extensions| list.clone().with(ExtensionType(value), b"?".as_slice());
    content.extensions = unknown(&content.extensions);
    let leaf = &mut content.leaf_node.content;
    leaf.extensions = unknown(&leaf.extensions);
}

/// The client of such a KeyPackage is added by an honest member and joins.
fn takes_strange(value: u16) {
    let mut scene = Scene::default();
    let mut dora = Invitee::new("dora", 9);
    let mut content = dora.key_package.content.clone();
    strange(&mut content, value);
    dora.key_package = key_package(crypto(), content, &dora.secrets.signature.private);
    let bundle = scene.commit(1, dora.addition());
    let mut joined = dora.join(&bundle.welcome.unwrap()).unwrap();
    folkmoot_sim::assert_agree(&[&joined, &scene.alice]);
    let text = joined.seal("here");
    assert_eq!(scene.charlie.read(&text), "here");
}

/// A GroupInfo with such an extension is taken.
fn takes_strange_info(value: u16) {
    let invitation = Invitation::default();
    let mut opened = invitation.opened();
    let content = &mut opened.group_info.content;
    content.extensions = content
        .extensions
        .clone()
        .with(ExtensionType(value), b"?".as_slice());
    assert!(invitation.dora.join(&invitation.sealed(opened)).is_ok());
}

/// Shows [`Check::UnknownValuesIgnored`].
#[test]
fn unknown_values_ignored() {
    takes_strange(0xBEEF);
    takes_strange_info(0xBEEF);
}

/// Shows [`Check::GreaseIgnored`]: and the engine sends none where it counts.
#[test]
fn grease_ignored() {
    takes_strange(0x0A0A);
    takes_strange(0xEAEA);
    takes_strange_info(0x0A0A);
    let content = Invitee::new("dora", 9).key_package.content;
    let capabilities = content.leaf_node.content.capabilities;
    assert!(capabilities.proposals.is_empty() && capabilities.extensions.is_empty());
    assert_eq!(capabilities.credentials, [CredentialType::BASIC]);
    assert_eq!(capabilities.cipher_suites, [crypto().suite()]);
    // It is no type that members support for being GREASE.
    let mut scene = Scene::default();
    let grease = Extensions::default().with(ExtensionType(0x0A0A), b"".as_slice());
    let commit = crate::proposals::extending(&scene, &grease);
    scene.refuses(&commit, Check::NewExtensionsSupported);
}

/// Shows [`Check::ListBound`].
#[test]
fn list_bound() {
    let bound = Settings::default().listed_values;
    let listing = |length: usize| {
        let values = (0..length).map(|value| u16::try_from(value % 60_000).unwrap() + 100);
        let types: Vec<_> = values.map(ExtensionType).collect();
        change_leaf(move |leaf| leaf.capabilities.extensions = types)
    };
    refuses_add(listing(bound + 1), Check::ListBound);
    let mut scene = Scene::default();
    let commit = commit_of(&scene, changed_add(listing(bound)));
    scene.takes(&commit);
}
