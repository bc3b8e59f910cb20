//! External commits (RFC 9420 §12.4.3.2).

use crate::welcome::Everywhere;
use folkmoot_mls::hazmat;
use folkmoot_mls::{
    Check, CipherSuite, CommitIntent, Error, ExtensionType, Extensions, ExternalJoin, Group,
    GroupInfo, IncomingContent, LeafIndex, MessageBody, MlsMessage, NoRecords, Proposal,
    ProposalOrRef, ProposalRef, ProtocolVersion, Psk, Services, Settings, StateError, Supported,
    WireFormat,
};
use folkmoot_sim::{
    Forgery, Invitee, Names, Person, Refusal, Scene, crypto, external_join, member, refusal, rng,
    services, shared_psk, sign_group_info,
};

/// Dora joins by a commit that also makes these proposals.
fn join(scene: &Scene, others: Vec<Proposal>) -> Forgery {
    let dora = Invitee::new("dora", 9);
    let leaf = dora.key_package.content.leaf_node.content;
    let key = &dora.secrets.signature.private;
    external_join(scene.mallory.knowledge(), leaf, key, others)
}

/// Shows that the kit's external commits are sound where nothing in them is changed.
#[test]
fn an_unchanged_external_commit_is_taken() {
    let mut scene = Scene::default();
    let message = join(&scene, Vec::new()).with_path().message();
    scene.takes(&message);
}

/// Shows [`Check::ExternalCommitPublic`].
#[test]
fn external_commit_public() {
    let mut scene = Scene::default();
    let commit = join(&scene, Vec::new()).with_path();
    let (signed, _) = commit.finish();
    // A PrivateMessage says that a member sent it.
    let sealed = scene.mallory.seal(&signed, 0, &[]);
    scene.refuse(&sealed, Check::MessageSignature);
    let mut signed_as_private = join(&scene, Vec::new());
    signed_as_private.wire_format = WireFormat::PrivateMessage;
    let message = signed_as_private.with_path().message();
    scene.refuses(&message, Check::MessageSignature);
}

/// Shows [`Check::ExternalCommitPath`].
#[test]
fn external_commit_path() {
    let mut scene = Scene::default();
    let commit = join(&scene, Vec::new());
    scene.refuses(&commit.message(), Check::ExternalCommitPath);
}

/// Shows [`Check::OneExternalInit`].
#[test]
fn one_external_init() {
    let mut scene = Scene::default();
    let second = Proposal::ExternalInit(vec![1; 32].into());
    let commit = join(&scene, vec![second]).with_path();
    scene.refuse(&commit.message(), Check::OneExternalInit);
    let mut none = join(&scene, Vec::new()).with_path();
    none.entries.clear();
    scene.refuses(&none.message(), Check::OneExternalInit);
}

/// Shows [`Check::OneRemoveOfPrior`].
#[test]
fn one_remove_of_prior() {
    let mut scene = Scene::default();
    let remove = |leaf| Proposal::Remove(LeafIndex(leaf));
    let twice = join(&scene, vec![remove(1), remove(2)]).with_path();
    scene.refuse(&twice.message(), Check::OneRemoveOfPrior);
    let anothers = join(&scene, vec![remove(1)]).with_path();
    scene.refuse(&anothers.message(), Check::CredentialSuccession);
    let nobody = join(&scene, vec![remove(9)]).with_path();
    scene.refuse(&nobody.message(), Check::RemovedIsMember);
    let mut same_key = join(&scene, vec![remove(3)]);
    let prior = same_key
        .known
        .tree
        .leaf(LeafIndex(3), &NoRecords)
        .unwrap()
        .unwrap()
        .content
        .clone();
    same_key.leaf.credential = prior.credential;
    same_key.begin_path();
    same_key.leaf.encryption_key = prior.encryption_key;
    same_key.seal_path();
    scene.refuses(&same_key.message(), Check::EncryptionKeyNew);
}

/// Shows [`Check::ExternalCommitProposals`].
#[test]
fn external_commit_proposals() {
    let mut scene = Scene::default();
    let erin = Invitee::new("erin", 10).key_package;
    let others = [
        Proposal::Add(Box::new(erin)),
        Proposal::GroupContextExtensions(Extensions::default()),
        Proposal::ReInit(crate::lists::successor()),
        Proposal::Update(Box::new(
            (**scene
                .alice
                .group
                .member(LeafIndex(0), &scene.alice.store)
                .unwrap()
                .unwrap())
            .clone(),
        )),
    ];
    for other in others {
        let commit = join(&scene, vec![other]).with_path();
        scene.refuse(&commit.message(), Check::ExternalCommitProposals);
    }
    scene.goes_on();
}

/// Shows [`Check::NoReferencesInExternalCommit`].
#[test]
fn no_references_in_external_commit() {
    let mut scene = Scene::default();
    let mut commit = join(&scene, Vec::new()).with_path();
    let reference = ProposalRef(vec![7; 32].into());
    commit.entries.push(ProposalOrRef::Reference(reference));
    scene.refuses(&commit.message(), Check::NoReferencesInExternalCommit);
}

/// Shows [`Check::ExternalCommitSignature`]: it fails as any signature does.
#[test]
fn external_commit_signature() {
    let mut scene = Scene::default();
    let mut commit = join(&scene, Vec::new()).with_path();
    commit.signing_key = scene.mallory.knowledge().signature.private;
    scene.refuse(&commit.message(), Check::MessageSignature);
    // Of Check::SignedContext: who joins by a commit knows the context.
    let commit = join(&scene, Vec::new()).with_path();
    let (mut signed, _) = commit.finish();
    let (format, key) = (signed.wire_format, &commit.signing_key);
    let content = signed.content.clone();
    let without = hazmat::Signed::sign(crypto(), format, content, key, None).unwrap();
    signed.signature = without.signature;
    scene.refuses(&signed.untagged(), Check::MessageSignature);
}

pub(crate) fn group_info(person: &Person) -> GroupInfo {
    match person.group.group_info(true, &person.store).unwrap().body {
        MessageBody::GroupInfo(group_info) => group_info,
        other => panic!("{other:?}"),
    }
}

fn join_by(group_info: &GroupInfo) -> Result<(Group, MlsMessage), Error> {
    let join = ExternalJoin {
        group_info,
        tree: None,
        member: member("dora", &mut rng(9)),
        replaces: None,
        psks: Vec::new(),
        authenticated_data: b"",
        self_removals: &[],
        app_data: Vec::new(),
        ephemeral: Vec::new(),
    };
    let settings = Settings::default();
    let joined = Group::join_by_commit(crypto(), join, settings, services(), &mut rng(10));
    joined.map(|(group, commit, _)| (group, commit))
}

/// Shows [`Check::ExternalJoinerPlace`].
#[test]
fn external_joiner_place() {
    let mut scene = Scene::default();
    let remove = CommitIntent {
        remove: vec![LeafIndex(1)],
        ..CommitIntent::default()
    };
    for place in [LeafIndex(4), LeafIndex(1)] {
        if place == LeafIndex(1) {
            let _ = scene.commit(0, remove.clone());
        }
        let (dora, commit) = join_by(&group_info(&scene.alice)).unwrap();
        assert_eq!(dora.own_index(), place);
        let incoming = scene
            .charlie
            .group
            .receive(commit, services().with_records(&scene.charlie.store))
            .unwrap();
        let IncomingContent::Commit(summary) = incoming.content() else {
            panic!("no commit")
        };
        assert_eq!((summary.sender, summary.joins), (place, true));
    }
}

/// Shows [`Check::ExternalInitSecret`].
#[test]
fn external_init_secret() {
    let mut scene = Scene::default();
    let with_output = |scene: &Scene, output: Vec<u8>| {
        let mut commit = join(scene, Vec::new()).with_path();
        let init = Proposal::ExternalInit(output.into());
        commit.entries = vec![ProposalOrRef::Proposal(init)];
        commit.message()
    };
    for output in [vec![], vec![7; 31], vec![0; 32]] {
        let message = with_output(&scene, output);
        scene.refuse(&message, Check::ExternalInitSecret);
    }
    let another = with_output(&scene, vec![9; 32]);
    scene.refuses(&another, Check::ConfirmationTag);
}

/// Shows [`Check::ExternalGroupInfo`] and [`Check::ExternalKeyGiven`].
#[test]
fn external_group_info() {
    let scene = Scene::default();
    let honest = group_info(&scene.mallory.person);
    let known = scene.mallory.knowledge();
    let key = &known.signature.private;
    let changed = |change: &dyn Fn(&mut folkmoot_mls::GroupInfoContent)| {
        let mut content = honest.content.clone();
        change(&mut content);
        refusal(join_by(&sign_group_info(crypto(), content, key)))
    };
    let tree = known.tree.to_extension(&NoRecords).unwrap();
    let only_tree = Extensions::default().with(ExtensionType::RATCHET_TREE, tree.clone());
    let refused = |check| Refusal::Invalid(check);
    let without_key = changed(&|content| content.extensions = only_tree.clone());
    assert_eq!(without_key, refused(Check::ExternalKeyGiven));
    let other_tree = changed(&|content| content.group_context.tree_hash = vec![7; 32].into());
    assert_eq!(other_tree, refused(Check::TreeHash));
    let other_version = changed(&|content| content.group_context.version = ProtocolVersion(2));
    assert_eq!(other_version, refused(Check::GroupInfoParameters));
    let other_suite = changed(&|content| content.group_context.cipher_suite = CipherSuite(3));
    assert_eq!(other_suite, refused(Check::GroupInfoParameters));
    for key in [vec![], vec![7; 31], vec![0; 32]] {
        let key = hazmat::to_bytes(&tls_codec::VLBytes::from(key));
        let with_key = only_tree.clone().with(ExtensionType::EXTERNAL_PUB, key);
        let bad_key = changed(&|content| content.extensions = with_key.clone());
        assert_eq!(bad_key, refused(Check::KeysValidForSuite));
    }
    let other_signer = changed(&|content| content.signer = LeafIndex(0));
    assert_eq!(other_signer, refused(Check::GroupInfoSignature));
    let unsupported = Extensions::default().with(ExtensionType(0xF00D), b"x".as_slice());
    let strange = changed(&|content| content.group_context.extensions = unsupported.clone());
    assert_eq!(strange, refused(Check::GroupExtensionsSupported));
    let mut unsigned = honest.clone();
    unsigned.content.confirmation_tag = vec![7; 32].into();
    let unsigned = refusal(join_by(&unsigned));
    assert_eq!(unsigned, refused(Check::GroupInfoSignature));
    // The tag is not the joiner's to verify: members do, by the transcript.
    let mut content = honest.content.clone();
    content.confirmation_tag = vec![7; 32].into();
    let (_, commit) = join_by(&sign_group_info(crypto(), content, key)).unwrap();
    let mut scene = scene;
    scene.refuse(&commit, Check::ConfirmationTag);
    assert!(join_by(&honest).is_ok());
    scene.goes_on();
}

/// Of [`Check::GroupIdFree`], [`Check::PskAvailable`] and [`Check::JoinerSupportsExtensions`]: what a
/// joiner sees before it commits.
#[test]
fn an_external_joiner_looks_first() {
    const TYPE: ExtensionType = ExtensionType(0xF00D);
    let supports = Supported {
        extensions: vec![TYPE],
        ..Supported::default()
    };
    let extensions = Extensions::default().with(TYPE, b"x".as_slice());
    let settings = Settings::default();
    let mut strange = Scene::of(extensions, &settings, &supports);
    let mut scene = Scene::default();
    let attempt = |scene: &Scene, psks, supports: Supported, services| {
        let group_info = group_info(&scene.alice);
        let join = ExternalJoin {
            group_info: &group_info,
            tree: None,
            member: member("dora", &mut rng(9)).supporting(supports),
            replaces: None,
            psks,
            authenticated_data: b"",
            self_removals: &[],
            app_data: Vec::new(),
            ephemeral: Vec::new(),
        };
        Group::join_by_commit(crypto(), join, settings.clone(), services, &mut rng(10))
    };
    let none = Supported::default;
    let everywhere = Services::new(&Names, &Everywhere);
    let again = attempt(&scene, vec![], none(), everywhere);
    assert_eq!(refusal(again), Check::GroupIdFree.into());
    let unknown = Psk::External(b"unknown".as_slice().into());
    let missing = attempt(&scene, vec![unknown], none(), services());
    let reason = StateError::Refused(Check::PskAvailable);
    assert_eq!(refusal(missing), Refusal::State(reason));
    let unfit = attempt(&strange, vec![], none(), services());
    let reason = StateError::Refused(Check::JoinerSupportsExtensions);
    assert_eq!(refusal(unfit), Refusal::State(reason));
    let (_, commit, _) = attempt(&strange, vec![], supports.clone(), services()).unwrap();
    strange.takes(&commit);
    let (_, commit, _) = attempt(&scene, vec![shared_psk()], none(), services()).unwrap();
    scene.takes(&commit);
}
