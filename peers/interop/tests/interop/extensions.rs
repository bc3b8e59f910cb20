//! The extensions of draft-ietf-mls-extensions and targeted messages, Folkmoot beside `OpenMLS`.
//!
//! `OpenMLS` puts a changed dictionary at the end of a group's extensions, so that here it always stands there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use folkmoot_mls::{
    AppDataOperation, AppDataUpdate, AppEphemeral, ByComponent, CommitIntent, ComponentId,
    ComponentsList, ExtensionType, Extensions, ExternalJoin, Group, GroupInfo, IncomingContent,
    JoinOptions, KeyPackage, KeyPackageSecrets, LeafIndex, Lifetime, Member, MessageBody,
    MlsMessage, OwnKeyPackage, ProposalIntent, ProposalType, Settings, Supported, Timestamp,
    VerifiedKeyPackage, WireFormat,
};
use folkmoot_sim::{Names, Person, WORDS, crypto, member, rng, services};
use openmls::component::ComponentData;
use openmls::group::AppDataUpdates;
use openmls::messages::proposals::{AppDataUpdateOperation, AppDataUpdateProposal};
use openmls::messages::proposals::{AppEphemeralProposal, ProposalType as OpenProposalType};
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, CredentialWithKey, ExtensionType as OpenExtension,
    KeyPackage as OpenKeyPackage, LeafNodeParameters, MlsGroup, MlsGroupCreateConfig,
    MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, OpenMlsProvider,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProcessedMessage, ProcessedMessageContent, Proposal,
    ProtocolMessage, StagedCommit, StagedWelcome,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use rand_chacha::ChaCha20Rng;
use std::time::{SystemTime, UNIX_EPOCH};
use tls_codec::DeserializeBytes;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

fn supported() -> Supported {
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

fn lifetime() -> Lifetime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Lifetime {
        not_before: Timestamp(now.as_secs() - 3600),
        not_after: Timestamp(now.as_secs() + 24 * 3600),
    }
}

fn settings() -> Settings {
    Settings {
        handshakes: WireFormat::PublicMessage,
        ..Settings::default()
    }
}

fn somebody(name: &str) -> (Member, ChaCha20Rng) {
    let mut rng = rng(name.bytes().map(u64::from).sum());
    (member(name, &mut rng).supporting(supported()), rng)
}

/// A group of Folkmoot's.
fn found(name: &str, extensions: Extensions) -> Person {
    let (founder, mut rng) = somebody(name);
    let id = folkmoot_mls::GroupId::new(b"moot".to_vec());
    let own = (founder, lifetime());
    let made = Group::create(crypto(), id, own, extensions, settings(), &Names, &mut rng);
    Person::new(made.unwrap(), rng, settings())
}

/// A client of Folkmoot's that may be added.
struct Invited {
    package: KeyPackage,
    secrets: KeyPackageSecrets,
    rng: ChaCha20Rng,
}

impl Invited {
    fn new(name: &str) -> Self {
        let (member, mut rng) = somebody(name);
        let made = KeyPackage::generate(crypto(), member, lifetime(), &mut rng);
        let (package, secrets) = made.unwrap();
        Self {
            package,
            secrets,
            rng,
        }
    }

    fn join(self, welcome: &[u8]) -> Person {
        let MessageBody::Welcome(welcome) = MlsMessage::decode(welcome).unwrap().body else {
            panic!("not a Welcome")
        };
        let own = OwnKeyPackage {
            key_package: &self.package,
            secrets: &self.secrets,
        };
        let options = JoinOptions::default();
        let joined = Group::join(crypto(), &welcome, own, options, settings(), services());
        Person::new(joined.unwrap(), self.rng, settings())
    }
}

/// A client of `OpenMLS`.
struct Open {
    name: &'static str,
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    group: Option<MlsGroup>,
}

impl Open {
    fn new(name: &'static str) -> Self {
        let provider = OpenMlsRustCrypto::default();
        let signer = SignatureKeyPair::new(SUITE.signature_algorithm()).unwrap();
        signer.store(provider.storage()).unwrap();
        Self {
            name,
            provider,
            signer,
            group: None,
        }
    }

    fn credential(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: BasicCredential::new(self.name.into()).into(),
            signature_key: self.signer.to_public_vec().into(),
        }
    }

    fn capabilities(extensions: &[OpenExtension]) -> Capabilities {
        let proposals = [
            OpenProposalType::SelfRemove,
            OpenProposalType::AppDataUpdate,
            OpenProposalType::AppEphemeral,
        ];
        Capabilities::new(
            None,
            Some(&[SUITE]),
            Some(extensions),
            Some(&proposals),
            None,
        )
    }

    fn config(
        extensions: openmls::prelude::Extensions<openmls::prelude::GroupContext>,
    ) -> MlsGroupCreateConfig {
        MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .capabilities(Self::capabilities(&[OpenExtension::AppDataDictionary]))
            .with_group_context_extensions(extensions)
            .use_ratchet_tree_extension(true)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .build()
    }

    fn found(name: &'static str, extensions: &Extensions) -> Self {
        let mut open = Self::new(name);
        let extensions = folkmoot_mls::hazmat::to_bytes(extensions);
        let extensions =
            openmls::prelude::Extensions::tls_deserialize_exact_bytes(&extensions).unwrap();
        let id = openmls::prelude::GroupId::from_slice(b"moot");
        let config = Self::config(extensions);
        let credential = open.credential();
        let made =
            MlsGroup::new_with_group_id(&open.provider, &open.signer, &config, id, credential);
        open.group = Some(made.unwrap());
        open
    }

    fn package(&self, is_last_resort: bool) -> VerifiedKeyPackage {
        let mut extensions = vec![OpenExtension::AppDataDictionary];
        let mut builder = OpenKeyPackage::builder();
        if is_last_resort {
            extensions.push(OpenExtension::LastResort);
            builder = builder.mark_as_last_resort();
        }
        let bundle = builder
            .leaf_node_capabilities(Self::capabilities(&extensions))
            .build(SUITE, &self.provider, &self.signer, self.credential())
            .unwrap();
        let bytes = MlsMessageOut::from(bundle.key_package().clone());
        let decoded = MlsMessage::decode(&bytes.to_bytes().unwrap()).unwrap();
        let MessageBody::KeyPackage(package) = decoded.body else {
            panic!("not a KeyPackage")
        };
        let verified = package.verify(crypto(), &Names, &Settings::default(), None);
        verified.unwrap()
    }

    fn join(&mut self, welcome: &MlsMessage) {
        let MlsMessageBodyIn::Welcome(welcome) = decode(welcome).extract() else {
            panic!("not a Welcome")
        };
        let config = Self::config(openmls::prelude::Extensions::default());
        let config = config.join_config();
        let staged = StagedWelcome::new_from_welcome(&self.provider, config, welcome, None);
        let group = staged.unwrap().into_group(&self.provider);
        self.group = Some(group.unwrap());
    }

    fn group(&mut self) -> &mut MlsGroup {
        self.group.as_mut().unwrap()
    }

    fn examine(&mut self, message: &MlsMessage) -> ProcessedMessage {
        let message = decode(message).try_into_protocol_message().unwrap();
        let group = self.group.as_mut().unwrap();
        group.process_message(&self.provider, message).unwrap()
    }

    /// Takes a proposal or a commit; words are joined as [`Names`] joins them.
    fn receive(&mut self, message: &MlsMessage) -> Option<StagedCommit> {
        let content = self.examine(message).into_content();
        let group = self.group.as_mut().unwrap();
        let staged = match content {
            ProcessedMessageContent::ProposalMessage(proposal) => {
                let storage = self.provider.storage();
                group.store_pending_proposal(storage, *proposal).unwrap();
                return None;
            }
            ProcessedMessageContent::StagedCommitMessage(staged) => *staged,
            ProcessedMessageContent::UnresolvedAppDataCommit(unresolved) => {
                let proposals = unresolved.app_data_update_proposals().cloned();
                let changes = updated(group, proposals);
                let staged = group.stage_app_data_commit(&self.provider, *unresolved, changes);
                staged.unwrap()
            }
            other => panic!("{other:?}"),
        };
        Some(staged)
    }

    fn merge(&mut self, staged: StagedCommit) {
        let group = self.group.as_mut().unwrap();
        group.merge_staged_commit(&self.provider, staged).unwrap();
    }

    fn take(&mut self, commit: &MlsMessage) {
        let staged = self.receive(commit).unwrap();
        self.merge(staged);
    }

    /// Commits these proposals and what waits, and enters the epoch.
    fn commit(&mut self, proposals: Vec<Proposal>) -> MlsMessage {
        let group = self.group.as_mut().unwrap();
        let updates = proposals.iter().filter_map(|proposal| match proposal {
            Proposal::AppDataUpdate(update) => Some((**update).clone()),
            _ => None,
        });
        let changes = updated(group, updates.collect::<Vec<_>>());
        let mut stage = group
            .commit_builder()
            .add_proposals(proposals)
            .load_psks(self.provider.storage())
            .unwrap();
        stage.with_app_data_dictionary_updates(changes);
        let (rand, open_crypto) = (self.provider.rand(), self.provider.crypto());
        let bundle = stage
            .build(rand, open_crypto, &self.signer, |_| true)
            .unwrap()
            .stage_commit(&self.provider)
            .unwrap();
        let commit = encoded(bundle.commit());
        group.merge_pending_commit(&self.provider).unwrap();
        commit
    }

    fn add(&mut self, invited: Invited) -> (MlsMessage, Person) {
        let message = invited.package.to_message();
        let MlsMessageBodyIn::KeyPackage(package) = decode(&message).extract() else {
            panic!("not a KeyPackage")
        };
        let version = openmls::prelude::ProtocolVersion::Mls10;
        let package = package.validate(self.provider.crypto(), version).unwrap();
        let group = self.group.as_mut().unwrap();
        let (commit, welcome, _) = group
            .add_members(&self.provider, &self.signer, &[package])
            .unwrap();
        group.merge_pending_commit(&self.provider).unwrap();
        let joined = invited.join(&welcome.to_bytes().unwrap());
        (encoded(&commit), joined)
    }

    fn words(&mut self) -> Option<Vec<u8>> {
        let dictionary = self.group().extensions().app_data_dictionary()?;
        dictionary.dictionary().get(&WORDS.0).map(<[u8]>::to_vec)
    }
}

/// What becomes of the words.
fn updated(
    group: &MlsGroup,
    updates: impl IntoIterator<Item = AppDataUpdateProposal>,
) -> Option<AppDataUpdates> {
    let mut updater = group.app_data_dictionary_updater();
    let before = updater.old_value(WORDS.0).map(<[u8]>::to_vec);
    let mut words: Vec<Vec<u8>> = before.into_iter().collect();
    for update in updates {
        match update.operation() {
            AppDataUpdateOperation::Update(word) => words.push(word.as_slice().to_vec()),
            AppDataUpdateOperation::Remove => {
                updater.remove(&WORDS.0);
                return updater.changes();
            }
        }
        let data = words.join(&b' ');
        updater.set(ComponentData::from_parts(WORDS.0, data.into()));
    }
    updater.changes()
}

fn decode(message: &MlsMessage) -> MlsMessageIn {
    MlsMessageIn::tls_deserialize_exact_bytes(&message.encode()).unwrap()
}

fn encoded(message: &MlsMessageOut) -> MlsMessage {
    MlsMessage::decode(&message.to_bytes().unwrap()).unwrap()
}

fn agree(person: &Person, open: &mut Open) {
    let (authenticator, epoch) = {
        let group = open.group();
        let authenticator = group.epoch_authenticator().as_slice().to_vec();
        (authenticator, group.epoch().as_u64())
    };
    assert_eq!(person.group.epoch().0, epoch);
    let own = person.group.epoch_authenticator().unwrap();
    assert_eq!(own.expose(), authenticator);
}

/// Folkmoot's founder with a member of `OpenMLS` at leaf 1.
fn by_folkmoot(extensions: Extensions) -> (Person, Open) {
    let mut alice = found("alice", extensions);
    let mut bob = Open::new("bob");
    let bundle = alice.commit(CommitIntent {
        add: vec![bob.package(false)],
        ..CommitIntent::default()
    });
    alice.accept();
    bob.join(&bundle.welcome.unwrap());
    agree(&alice, &mut bob);
    (alice, bob)
}

/// The founder of `OpenMLS` with a member of Folkmoot's at leaf 1.
fn by_open(extensions: &Extensions) -> (Open, Person) {
    let mut alice = Open::found("alice", extensions);
    let (_, bob) = alice.add(Invited::new("bob"));
    agree(&bob, &mut alice);
    (alice, bob)
}

fn keeping(component: ComponentId, data: &[u8]) -> Extensions {
    Extensions::default().keeping(&ByComponent::default().with(component, data))
}

fn says(word: &[u8]) -> AppDataUpdate {
    AppDataUpdate {
        component: WORDS,
        operation: AppDataOperation::Update(word.into()),
    }
}

#[test]
fn who_is_of_openmls_leaves() {
    let (mut alice, mut bob) = by_folkmoot(Extensions::default());
    let mut carol = Open::new("carol");
    let bundle = alice.commit(CommitIntent {
        add: vec![carol.package(false)],
        ..CommitIntent::default()
    });
    alice.accept();
    bob.take(&bundle.commit);
    carol.join(&bundle.welcome.unwrap());
    let provider = OpenMlsRustCrypto::default();
    let leaves = bob
        .group
        .as_mut()
        .unwrap()
        .leave_group_via_self_remove(&provider, &bob.signer);
    let leaves = encoded(&leaves.unwrap());
    alice.receive(&leaves).unwrap();
    assert!(carol.receive(&leaves).is_none());
    let bundle = alice.commit(CommitIntent::default());
    alice.accept();
    assert_eq!(bundle.removed[0].0, LeafIndex(1));
    carol.take(&bundle.commit);
    agree(&alice, &mut carol);
    assert!(bob.receive(&bundle.commit).unwrap().self_removed());
}

#[test]
fn who_is_of_folkmoot_leaves() {
    let (mut alice, mut bob) = by_open(&Extensions::default());
    let (commit, mut carol) = alice.add(Invited::new("carol"));
    bob.receive(&commit).unwrap();
    let leaves = bob.propose(ProposalIntent::SelfRemove);
    assert!(alice.receive(&leaves).is_none());
    carol.receive(&leaves).unwrap();
    let commit = alice.commit(Vec::new());
    bob.receive(&commit).unwrap();
    assert!(!bob.group.is_active());
    let IncomingContent::Commit(summary) = carol.receive(&commit).unwrap() else {
        panic!("no commit")
    };
    assert_eq!(summary.left, [LeafIndex(1)]);
    agree(&carol, &mut alice);
}

#[test]
fn joiners_take_out_who_leaves() {
    // Folkmoot's joiner, and a leaver of `OpenMLS`.
    let (mut alice, mut bob) = by_folkmoot(Extensions::default());
    let mut carol = Open::new("carol");
    let bundle = alice.commit(CommitIntent {
        add: vec![carol.package(false)],
        ..CommitIntent::default()
    });
    alice.accept();
    bob.take(&bundle.commit);
    carol.join(&bundle.welcome.unwrap());
    let provider = OpenMlsRustCrypto::default();
    let left = bob.group.as_mut().unwrap();
    let leaves = left.leave_group_via_self_remove(&provider, &bob.signer);
    let leaves = encoded(&leaves.unwrap());
    alice.receive(&leaves).unwrap();
    assert!(carol.receive(&leaves).is_none());
    let info = alice.group.group_info(true, &alice.store).unwrap();
    let (dora, mut dora_rng) = somebody("dora");
    let join = ExternalJoin {
        group_info: &group_info(&info),
        tree: None,
        member: dora,
        replaces: None,
        psks: Vec::new(),
        self_removals: &[leaves],
        app_data: Vec::new(),
        ephemeral: Vec::new(),
        authenticated_data: b"",
    };
    let made = Group::join_by_commit(crypto(), join, settings(), services(), &mut dora_rng);
    let (group, commit, delta) = made.unwrap();
    let mut dora = Person::new((group, delta), dora_rng, settings());
    carol.take(&commit);
    alice.receive(&commit).unwrap();
    agree(&dora, &mut carol);
    // The joiner of `OpenMLS`, and a leaver of Folkmoot's.
    let leaves = dora.propose(ProposalIntent::SelfRemove);
    alice.receive(&leaves).unwrap();
    assert!(carol.receive(&leaves).is_none());
    let info = alice.group.group_info(true, &alice.store).unwrap();
    let MlsMessageBodyIn::GroupInfo(info) = decode(&info).extract() else {
        panic!("not a GroupInfo")
    };
    let ProtocolMessage::PublicMessage(leaves) =
        decode(&leaves).try_into_protocol_message().unwrap()
    else {
        panic!("not public")
    };
    let mut erin = Open::new("erin");
    let config = Open::config(openmls::prelude::Extensions::default());
    let capabilities = Open::capabilities(&[OpenExtension::AppDataDictionary]);
    let leaf = LeafNodeParameters::builder().with_capabilities(capabilities);
    let (group, bundle) = MlsGroup::external_commit_builder()
        .with_config(config.join_config().clone())
        .with_proposals(vec![*leaves])
        .build_group(&erin.provider, info, erin.credential())
        .unwrap()
        .leaf_node_parameters(leaf.build())
        .load_psks(erin.provider.storage())
        .unwrap()
        .build(
            erin.provider.rand(),
            erin.provider.crypto(),
            &erin.signer,
            |_| true,
        )
        .unwrap()
        .finalize(&erin.provider)
        .unwrap();
    erin.group = Some(group);
    let commit = encoded(bundle.commit());
    let IncomingContent::Commit(summary) = alice.receive(&commit).unwrap() else {
        panic!("no commit")
    };
    assert_eq!(summary.left, [dora.group.own_index()]);
    dora.receive(&commit).unwrap();
    assert!(!dora.group.is_active());
    carol.take(&commit);
    agree(&alice, &mut carol);
    agree(&alice, &mut erin);
}

fn group_info(message: &MlsMessage) -> GroupInfo {
    match MlsMessage::decode(&message.encode()).unwrap().body {
        MessageBody::GroupInfo(info) => info,
        other => panic!("{other:?}"),
    }
}

#[test]
fn components_keep_the_same() {
    let (mut alice, mut bob) = by_folkmoot(keeping(WORDS, b"first"));
    assert_eq!(bob.words().unwrap(), b"first");
    let bundle = alice.commit(CommitIntent {
        app_data: vec![says(b"of"), says(b"alice")],
        ..CommitIntent::default()
    });
    alice.accept();
    bob.take(&bundle.commit);
    agree(&alice, &mut bob);
    assert_eq!(bob.words().unwrap(), b"first of alice");
    let update = AppDataUpdateProposal::update(WORDS.0, b"and bob".as_slice());
    let commit = bob.commit(vec![Proposal::AppDataUpdate(Box::new(update))]);
    alice.receive(&commit).unwrap();
    agree(&alice, &mut bob);
    assert_eq!(bob.words().unwrap(), b"first of alice and bob");
    let proposal = alice.propose(ProposalIntent::AppData(AppDataUpdate {
        component: WORDS,
        operation: AppDataOperation::Remove,
    }));
    assert!(bob.receive(&proposal).is_none());
    let bundle = alice.commit(CommitIntent::default());
    alice.accept();
    bob.take(&bundle.commit);
    agree(&alice, &mut bob);
    assert_eq!(bob.words(), None);
}

#[test]
fn components_say_the_same() {
    let (mut alice, mut bob) = by_open(&Extensions::default());
    let said = Proposal::AppEphemeral(Box::new(AppEphemeralProposal::new(
        WORDS.0,
        b"by alice".to_vec(),
    )));
    let commit = alice.commit(vec![said]);
    let IncomingContent::Commit(summary) = bob.receive(&commit).unwrap() else {
        panic!("no commit")
    };
    assert_eq!(summary.ephemeral[0].1.data.as_slice(), b"by alice");
    agree(&bob, &mut alice);
    let bundle = bob.commit(CommitIntent {
        ephemeral: vec![AppEphemeral {
            component: WORDS,
            data: b"by bob".as_slice().into(),
        }],
        ..CommitIntent::default()
    });
    bob.accept();
    let staged = alice.receive(&bundle.commit).unwrap();
    let said: Vec<_> = staged
        .queued_app_ephemeral_proposals()
        .map(|queued| queued.app_ephemeral_proposal().data().to_vec())
        .collect();
    assert_eq!(said, [b"by bob"]);
    alice.merge(staged);
    agree(&bob, &mut alice);
}

#[test]
fn safe_exports_are_the_same() {
    let (mut alice, mut bob) = by_folkmoot(Extensions::default());
    for component in [ComponentId(1), WORDS, ComponentId(0xffff), ComponentId(0)] {
        let (own, _) = alice.group.safe_export(component).unwrap();
        let group = bob.group.as_mut().unwrap();
        let (open_crypto, storage) = (bob.provider.crypto(), bob.provider.storage());
        let other = group.safe_export_secret(open_crypto, storage, component.0);
        assert_eq!(own.expose(), other.unwrap());
    }
}

#[test]
fn authenticated_data_has_the_same_form() {
    let list = ComponentsList(vec![WORDS]).encode();
    let (mut alice, mut bob) = by_folkmoot(keeping(ComponentId::SAFE_AAD, &list));
    let said = ByComponent::default().with(WORDS, *b"by alice").encode();
    let (text, _) = alice.group.seal(b"text", &said, &mut rng(1)).unwrap();
    let read = bob.examine(&text);
    let found = read.safe_aad_item(WORDS.0).map(<[u8]>::to_vec);
    assert_eq!(found.as_deref(), Some(&b"by alice"[..]));
    let item = openmls::framing::SafeAadItem::new(WORDS.0, b"by bob".to_vec());
    bob.group().set_safe_aad(vec![item]).unwrap();
    let group = bob.group.as_mut().unwrap();
    let text = group.create_message(&bob.provider, &bob.signer, b"text");
    let IncomingContent::Application(read) = alice.receive(&encoded(&text.unwrap())).unwrap()
    else {
        panic!("no text")
    };
    let said = ByComponent::decode(&read.authenticated_data).unwrap();
    assert_eq!(said.get(WORDS), Some(&b"by bob"[..]));
    // A commit without anything to say.
    let bundle = alice.commit(CommitIntent::default());
    alice.accept();
    bob.take(&bundle.commit);
    agree(&alice, &mut bob);
}

#[test]
fn key_packages_of_last_resort_lead_into_groups() {
    let mut alice = found("alice", Extensions::default());
    let mut bob = Open::new("bob");
    let package = bob.package(true);
    let bundle = alice.commit(CommitIntent {
        add: vec![package],
        ..CommitIntent::default()
    });
    alice.accept();
    bob.join(&bundle.welcome.unwrap());
    agree(&alice, &mut bob);
    let (carol, mut carol_rng) = somebody("carol");
    let made = KeyPackage::generate_last_resort(crypto(), carol, lifetime(), &mut carol_rng);
    let (package, secrets) = made.unwrap();
    assert!(package.is_last_resort());
    let carol = Invited {
        package,
        secrets,
        rng: carol_rng,
    };
    let (commit, carol) = bob.add(carol);
    alice.receive(&commit).unwrap();
    agree(&carol, &mut bob);
    agree(&alice, &mut bob);
}

#[test]
fn targeted_messages_are_the_same() {
    let (alice, mut bob) = by_folkmoot(Extensions::default());
    let said = (b"to bob".as_slice(), b"aad".as_slice());
    let sealed = alice
        .group
        .seal_targeted(LeafIndex(1), said, &alice.store, &mut rng(3));
    let MlsMessageBodyIn::TargetedMessage(sealed) = decode(&sealed.unwrap()).extract() else {
        panic!("not targeted")
    };
    let group = bob.group.as_mut().unwrap();
    let read = group
        .process_targeted_message(&bob.provider, &sealed)
        .unwrap();
    assert_eq!(read.application_data(), b"to bob");
    assert_eq!(read.authenticated_data(), b"aad");
    assert_eq!(read.sender_leaf_index().u32(), 0);
    group.set_aad(b"from bob".to_vec());
    let to = openmls::prelude::LeafNodeIndex::new(0);
    let sealed = group.create_targeted_message(&bob.provider, &bob.signer, to, b"to alice");
    let MessageBody::Targeted(sealed) = encoded(&sealed.unwrap()).body else {
        panic!("not targeted")
    };
    let read = alice.group.open_targeted(&sealed, &alice.store).unwrap();
    assert_eq!(read.data, b"to alice");
    assert_eq!(read.authenticated_data, b"from bob");
    assert_eq!(read.sender, LeafIndex(1));
}
