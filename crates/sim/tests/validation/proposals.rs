//! Proposals by themselves (RFC 9420 §12.1).

use crate::framing::{outside, with_external_sender};
use folkmoot_mls::hazmat::{self, Knowledge};
use folkmoot_mls::{
    Check, Content, CredentialType, ExtensionType, Extensions, IncomingContent, LeafIndex,
    MlsMessage, NoRecords, PreSharedKeyId, Proposal, ProposalIntent, ProposalType, ProtocolVersion,
    Psk, ReInit, RequiredCapabilities, ResumptionPskUsage, Sender, WireFormat, reference_hash,
};
use folkmoot_sim::{
    Forgery, Invitee, Refusal, Scene, crypto, key_package, leaf, services, shared_psk, update,
};
use tls_codec::VLBytes;

/// A proposal in a message of its own, and by value in a commit: both are refused for this reason.
pub(crate) fn refuses_both(scene: &mut Scene, proposal: &Proposal, reason: Check) {
    let message = scene.mallory.propose(proposal.clone());
    scene.refuse(&message, reason);
    let commit = scene.mallory.forge(vec![proposal.clone()]).with_path();
    scene.refuse(&commit.message(), reason);
}

/// Shows [`Check::ProposalAuthenticated`]: only what is authentic waits, under its reference.
#[test]
fn proposal_authenticated() {
    let mut scene = Scene::default();
    let content = Content::Proposal(Proposal::Remove(LeafIndex(1)));
    let signed = scene.mallory.sign(WireFormat::PublicMessage, content);
    // Its reference is of all that is authentic: how it travels, what it says, who says so.
    let mut whole = hazmat::to_bytes(&signed.wire_format);
    whole.extend(hazmat::to_bytes(&signed.content));
    whole.extend(hazmat::to_bytes(&VLBytes::from(signed.signature.clone())));
    let reference = reference_hash(crypto(), "MLS 1.0 Proposal Reference", &whole);
    assert_eq!(signed.reference(crypto()).0.as_slice(), reference);
    let mut broken = signed.clone();
    broken.signature[0] ^= 1;
    let broken = scene.mallory.tag(broken);
    scene.refuse(&broken, Check::MessageSignature);
    assert_eq!(scene.alice.group.proposals().count(), 0);
    let message = scene.mallory.tag(signed.clone());
    for person in [&mut scene.alice, &mut scene.charlie] {
        person.receive(&message).unwrap();
        assert_eq!(person.group.proposals().count(), 1);
    }
    let mut commit = Forgery::new(
        Knowledge::of(&scene.charlie.group, &scene.charlie.store).unwrap(),
        Vec::new(),
    );
    commit.refer(&signed);
    let commit = commit.with_path().message();
    let incoming = scene
        .alice
        .group
        .receive(commit, services().with_records(&scene.alice.store))
        .unwrap();
    let IncomingContent::Commit(summary) = incoming.content() else {
        panic!("no commit")
    };
    assert_eq!(summary.removed[0].0, LeafIndex(1));
    // An honest commit takes it in by the same reference.
    scene.goes_on_among(&[0, 2]);
    assert!(
        scene
            .charlie
            .group
            .member(LeafIndex(1), &scene.charlie.store)
            .unwrap()
            .is_none()
    );
}

/// Shows [`Check::AddKeyPackage`]: what is wrong with a KeyPackage is wrong with its Add.
#[test]
fn add_key_package() {
    let mut scene = Scene::default();
    let mut package = Invitee::new("dora", 9).key_package;
    package.signature = vec![1; 64].into();
    let add = Proposal::Add(Box::new(package));
    refuses_both(&mut scene, &add, Check::KeyPackageSignature);
    scene.goes_on();
}

/// Shows [`Check::UpdateSender`]: an Update is its sender's, so nobody else's leaf fits it.
#[test]
fn update_sender() {
    let (mut scene, operator) = with_external_sender();
    let known = scene.mallory.knowledge();
    let mut content = known
        .tree
        .leaf(LeafIndex(1), &NoRecords)
        .unwrap()
        .unwrap()
        .content
        .clone();
    content.encryption_key = vec![9; 32].into();
    content.source = folkmoot_mls::LeafNodeSource::Update;
    let group = &known.context.group_id;
    let private = &known.signature.private;
    let of_bob = leaf(
        crypto(),
        content.clone(),
        private,
        Some((group, LeafIndex(1))),
    );
    let update = Proposal::Update(Box::new(of_bob));
    let message = scene.mallory.propose(update.clone());
    scene.refuse(&message, Check::LeafSignature);
    let framed = scene
        .mallory
        .frame(Sender::External(0), Content::Proposal(update));
    let signed = hazmat::Signed::sign(
        crypto(),
        WireFormat::PublicMessage,
        framed,
        &operator.private,
        None,
    );
    let by_operator = signed.unwrap().untagged();
    scene.refuses(&by_operator, Check::ExternalSenderContent);
}

/// Shows [`Check::RemovedIsMember`].
#[test]
fn removed_is_member() {
    let mut scene = Scene::default();
    for nobody in [LeafIndex(4), LeafIndex(1 << 30), LeafIndex(u32::MAX)] {
        refuses_both(
            &mut scene,
            &Proposal::Remove(nobody),
            Check::RemovedIsMember,
        );
    }
    scene.goes_on();
}

fn psk(psk: Psk, nonce_length: usize) -> Proposal {
    Proposal::PreSharedKey(PreSharedKeyId {
        psk,
        psk_nonce: vec![7; nonce_length].into(),
    })
}

/// Shows [`Check::PskProposal`].
#[test]
fn psk_proposal() {
    let mut scene = Scene::default();
    let (id, epoch) = {
        let context = scene.alice.group.context();
        (context.group_id.clone(), context.epoch)
    };
    for length in [0, 31, 33] {
        refuses_both(&mut scene, &psk(shared_psk(), length), Check::PskProposal);
    }
    for usage in [ResumptionPskUsage::ReInit, ResumptionPskUsage::Branch] {
        let founding = psk(Psk::Resumption(usage, id.clone(), epoch), 32);
        refuses_both(&mut scene, &founding, Check::PskProposal);
    }
    let application = Psk::Resumption(ResumptionPskUsage::Application, id, epoch);
    let message = scene.mallory.propose(psk(application, 32));
    for person in [&mut scene.alice, &mut scene.bob, &mut scene.charlie] {
        person.receive(&message).unwrap();
    }
    scene.goes_on_among(&[0, 1, 2]);
}

/// Shows [`Check::ReInitVersion`].
#[test]
fn re_init_version() {
    let mut scene = Scene::default();
    let reinit = Proposal::ReInit(ReInit {
        group_id: folkmoot_mls::GroupId::new(b"next".to_vec()),
        version: ProtocolVersion(0),
        cipher_suite: crypto().suite(),
        extensions: Extensions::default(),
    });
    let message = scene.mallory.propose(reinit.clone());
    scene.refuse(&message, Check::ReInitVersion);
    let commit = scene.mallory.forge(vec![reinit]);
    scene.refuses(&commit.message(), Check::ReInitVersion);
}

/// Shows [`Check::ExternalInitPlace`].
#[test]
fn external_init_place() {
    let mut scene = Scene::default();
    let init = Proposal::ExternalInit(vec![1; 32].into());
    let message = scene.mallory.propose(init);
    scene.refuses(&message, Check::ExternalInitPlace);
}

/// A commit that gives the group these extensions, by the only member who says that it supports them.
pub(crate) fn extending(scene: &Scene, extensions: &Extensions) -> MlsMessage {
    let required = extensions.required_capabilities().unwrap();
    let replace = Proposal::GroupContextExtensions(extensions.clone());
    let mut commit = scene.mallory.forge(vec![replace]);
    let capabilities = &mut commit.leaf.capabilities;
    capabilities.extensions.extend(extensions.types());
    capabilities.extensions.extend(required.extensions);
    capabilities.proposals.extend(required.proposals);
    capabilities.credentials.extend(required.credentials);
    commit.with_path().message()
}

/// Shows [`Check::NewExtensionsSupported`].
#[test]
fn new_extensions_supported() {
    let mut scene = Scene::default();
    let unknown = Extensions::default().with(ExtensionType(0xF00D), b"x".as_slice());
    let requiring = Extensions::default().requiring(&RequiredCapabilities {
        proposals: vec![ProposalType(0xF00D)],
        ..RequiredCapabilities::default()
    });
    let of_a_type = Extensions::default().requiring(&RequiredCapabilities {
        extensions: vec![ExtensionType(0xF00D)],
        ..RequiredCapabilities::default()
    });
    let certified = Extensions::default().requiring(&RequiredCapabilities {
        credentials: vec![CredentialType::X509],
        ..RequiredCapabilities::default()
    });
    // Who says it as often as there are members speaks for one all the same.
    let replace = Proposal::GroupContextExtensions(unknown.clone());
    let mut loud = scene.mallory.forge(vec![replace]);
    loud.leaf.capabilities.extensions = vec![ExtensionType(0xF00D); 4];
    let loud = loud.with_path().message();
    scene.refuse(&loud, Check::NewExtensionsSupported);
    for extensions in [unknown, requiring, of_a_type, certified] {
        let commit = extending(&scene, &extensions);
        scene.refuse(&commit, Check::NewExtensionsSupported);
        let refused = scene
            .alice
            .try_propose(ProposalIntent::Extensions(extensions));
        let reason = folkmoot_mls::StateError::Refused(Check::NewExtensionsSupported);
        assert!(matches!(refused, Err(folkmoot_mls::Error::State(error)) if error == reason));
    }
    scene.goes_on();
}

/// Shows [`Check::ExternalProposalAuthorised`]: what comes from outside is shown to the application,
/// which may drop it.
#[test]
fn external_proposal_authorised() {
    let (mut scene, operator) = with_external_sender();
    let remove = Proposal::Remove(LeafIndex(1));
    let message = outside(&scene)
        .by_external_sender(crypto(), 0, &operator.private, remove)
        .unwrap();
    let before = scene.alice.store.clone();
    let incoming = scene
        .alice
        .group
        .receive(message.clone(), services().with_records(&scene.alice.store));
    let incoming = incoming.unwrap();
    let IncomingContent::Proposal { sender, .. } = incoming.content() else {
        panic!("no proposal")
    };
    assert_eq!(*sender, Sender::External(0));
    drop(incoming);
    scene.alice.reload();
    assert_eq!(scene.alice.store, before);
    assert_eq!(scene.alice.group.proposals().count(), 0);
    scene.charlie.receive(&message).unwrap();
    assert_eq!(scene.charlie.group.proposals().count(), 1);
    let _ = scene.commit(0, update());
    assert!(
        scene
            .alice
            .group
            .member(LeafIndex(1), &scene.alice.store)
            .unwrap()
            .is_some()
    );
}

/// Shows [`Check::ProposalTypeSupported`]: no type beyond RFC 9420's is known here.
#[test]
fn proposal_type_supported() {
    let mut scene = Scene::default();
    let dummy = Content::Proposal(Proposal::Remove(LeafIndex(1)));
    for kind in [0_u16, 8, 0x0A0A, 0xF001] {
        let content = [&kind.to_be_bytes()[..], &[1, 0]].concat();
        let message = scene.mallory.seal_raw(dummy.clone(), &content, &[]);
        scene.refuse(&message, Refusal::Malformed(Check::WholeStructure));
    }
    let remove = [0, 3, 0, 0, 0, 1];
    let message = scene.mallory.seal_raw(dummy, &remove, &[]);
    scene.alice.receive(&message).unwrap();
    scene.charlie.receive(&message).unwrap();
    scene.goes_on_among(&[0, 2]);
}

/// Shows that the kit's KeyPackages are sound where nothing in them is changed.
#[test]
fn a_key_package_that_is_signed_again_is_valid() {
    let mut scene = Scene::default();
    let dora = Invitee::new("dora", 9);
    let private = &dora.secrets.signature.private;
    let package = key_package(crypto(), dora.key_package.content.clone(), private);
    let message = scene.mallory.propose(Proposal::Add(Box::new(package)));
    scene.alice.receive(&message).unwrap();
    scene.bob.receive(&message).unwrap();
}
