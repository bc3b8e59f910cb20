//! `openmls` as a [`Member`].

use crate::{
    Change, EXTENSION, Engine, Entry, Handshakes, Member, Outcome, Published, Refusal, Seen,
    Settings, Tree,
};
use ::openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, CredentialWithKey, ExtensionType, Extensions,
    GroupContext, GroupId, KeyPackage, LeafNodeIndex, LeafNodeParameters, Lifetime,
    MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY, MIXED_PLAINTEXT_WIRE_FORMAT_POLICY, MlsGroup,
    MlsGroupCreateConfig, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut,
    OpenMlsCrypto, OpenMlsProvider, PreSharedKeyProposal, ProcessedMessageContent, Proposal,
    ProposalOrRefType, Propose, ProtocolVersion, RatchetTreeIn, Sender, SenderRatchetConfiguration,
    StagedWelcome,
};
use ::openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use std::sync::Arc;
use tls_codec::{DeserializeBytes, Serialize};

const LIFETIME_SECONDS: u64 = 28 * 24 * 60 * 60;
const PAST_EPOCHS: usize = 3;
const KEPT_GENERATIONS: u32 = 100;
const SKIPPED_GENERATIONS: u32 = 1000;
/// Not a multiple of anything that another engine pads to.
const PADDING: usize = 24;

struct OpenMls {
    name: String,
    settings: Settings,
    provider: OpenMlsRustCrypto,
    signer: Arc<SignatureKeyPair>,
    group: Option<MlsGroup>,
}

pub(crate) fn has_suite(suite: u16) -> bool {
    Ciphersuite::try_from(suite).is_ok_and(|suite| {
        OpenMlsRustCrypto::default()
            .crypto()
            .supports(suite)
            .is_ok()
    })
}

pub(crate) fn member(name: &str, settings: Settings) -> Outcome<Box<dyn Member>> {
    let suite = Ciphersuite::try_from(settings.suite).map_err(Refusal::from_engine)?;
    let signer =
        SignatureKeyPair::new(suite.signature_algorithm()).map_err(Refusal::from_engine)?;
    client(name, settings, Arc::new(signer))
}

fn client(
    name: &str,
    settings: Settings,
    signer: Arc<SignatureKeyPair>,
) -> Outcome<Box<dyn Member>> {
    let provider = OpenMlsRustCrypto::default();
    signer
        .store(provider.storage())
        .map_err(Refusal::from_engine)?;
    Ok(Box::new(OpenMls {
        name: name.to_owned(),
        settings,
        provider,
        signer,
        group: None,
    }))
}

impl OpenMls {
    fn suite(&self) -> Outcome<Ciphersuite> {
        Ciphersuite::try_from(self.settings.suite).map_err(Refusal::from_engine)
    }

    fn capabilities(&self) -> Outcome<Capabilities> {
        let suite = self.suite()?;
        let extensions = [ExtensionType::from(EXTENSION)];
        let capabilities = Capabilities::new(None, Some(&[suite]), Some(&extensions), None, None);
        // Values that nobody knows (RFC 9420 §13.5), for the others to overlook.
        Ok(capabilities.with_grease(self.provider.rand()))
    }

    fn credential(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: BasicCredential::new(self.name.clone().into_bytes()).into(),
            signature_key: self.signer.to_public_vec().into(),
        }
    }

    fn join_config(&self) -> MlsGroupJoinConfig {
        let handshakes = match self.settings.handshakes {
            Handshakes::Public => MIXED_PLAINTEXT_WIRE_FORMAT_POLICY,
            Handshakes::Private => MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY,
        };
        MlsGroupJoinConfig::builder()
            .wire_format_policy(handshakes)
            .padding_size(PADDING)
            .max_past_epochs(PAST_EPOCHS)
            .use_ratchet_tree_extension(self.settings.tree == Tree::Inside)
            .sender_ratchet_configuration(ratchets())
            .build()
    }

    fn group(&self) -> Outcome<&MlsGroup> {
        self.group.as_ref().ok_or_else(Refusal::no_group)
    }

    fn parts(&mut self) -> Outcome<(&mut MlsGroup, &OpenMlsRustCrypto, &SignatureKeyPair)> {
        let group = self.group.as_mut().ok_or_else(Refusal::no_group)?;
        Ok((group, &self.provider, &self.signer))
    }

    fn psk(&self, id: &[u8]) -> Outcome<PreSharedKeyId> {
        let psk = Psk::External(ExternalPsk::new(id.to_vec()));
        PreSharedKeyId::new(self.suite()?, self.provider.rand(), psk).map_err(Refusal::from_engine)
    }

    fn decode_key_package(&self, bytes: &[u8]) -> Outcome<KeyPackage> {
        let MlsMessageBodyIn::KeyPackage(key_package) = decode(bytes)?.extract() else {
            return Err(Refusal("not a KeyPackage".into()));
        };
        key_package
            .validate(self.provider.crypto(), ProtocolVersion::Mls10)
            .map_err(Refusal::from_engine)
    }

    /// A change as a proposal of a commit's own list.
    fn proposal(&self, change: &Change) -> Outcome<Listed> {
        Ok(match change {
            Change::Add(key_package) => Listed::Add(self.decode_key_package(key_package)?),
            Change::Remove(leaf) => Listed::Remove(LeafNodeIndex::new(*leaf)),
            Change::Psk(id) => {
                let proposal = PreSharedKeyProposal::new(self.psk(id)?);
                Listed::Psk(Proposal::PreSharedKey(Box::new(proposal)))
            }
            Change::Extensions(list) => Listed::Extensions(decode_extensions(list)?),
            Change::Update => return Err(Refusal("no Update by value".into())),
        })
    }
}

/// What the commit builder takes, each by its own method.
#[allow(clippy::large_enum_variant, reason = "made one at a time")]
enum Listed {
    Add(KeyPackage),
    Remove(LeafNodeIndex),
    Psk(Proposal),
    Extensions(Extensions<GroupContext>),
}

fn ratchets() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(KEPT_GENERATIONS, SKIPPED_GENERATIONS)
}

fn decode(bytes: &[u8]) -> Outcome<MlsMessageIn> {
    MlsMessageIn::tls_deserialize_exact_bytes(bytes).map_err(Refusal::from_engine)
}

fn decode_extensions(bytes: &[u8]) -> Outcome<Extensions<GroupContext>> {
    Extensions::tls_deserialize_exact_bytes(bytes).map_err(Refusal::from_engine)
}

fn decode_tree(bytes: &[u8]) -> Outcome<RatchetTreeIn> {
    RatchetTreeIn::tls_deserialize_exact_bytes(bytes).map_err(Refusal::from_engine)
}

fn encode(message: &MlsMessageOut) -> Outcome<Vec<u8>> {
    message.to_bytes().map_err(Refusal::from_engine)
}

impl Member for OpenMls {
    fn engine(&self) -> Engine {
        Engine::OpenMls
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn key_package(&mut self) -> Outcome<Vec<u8>> {
        let bundle = KeyPackage::builder()
            .leaf_node_capabilities(self.capabilities()?)
            .key_package_lifetime(Lifetime::new(LIFETIME_SECONDS))
            .build(
                self.suite()?,
                &self.provider,
                &*self.signer,
                self.credential(),
            )
            .map_err(Refusal::from_engine)?;
        encode(&MlsMessageOut::from(bundle))
    }

    fn create(&mut self, group_id: &[u8]) -> Outcome<()> {
        let config = self.join_config();
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(self.suite()?)
            .capabilities(self.capabilities()?)
            .lifetime(Lifetime::new(LIFETIME_SECONDS))
            .wire_format_policy(config.wire_format_policy())
            .padding_size(PADDING)
            .max_past_epochs(PAST_EPOCHS)
            .use_ratchet_tree_extension(self.settings.tree == Tree::Inside)
            .sender_ratchet_configuration(ratchets())
            .build();
        let id = GroupId::from_slice(group_id);
        let credential = self.credential();
        let group =
            MlsGroup::new_with_group_id(&self.provider, &*self.signer, &config, id, credential);
        self.group = Some(group.map_err(Refusal::from_engine)?);
        Ok(())
    }

    fn join(&mut self, welcome: &[u8], tree: Option<&[u8]>) -> Outcome<()> {
        let MlsMessageBodyIn::Welcome(welcome) = decode(welcome)?.extract() else {
            return Err(Refusal("not a Welcome".into()));
        };
        let tree = tree.map(decode_tree).transpose()?;
        let staged =
            StagedWelcome::new_from_welcome(&self.provider, &self.join_config(), welcome, tree)
                .map_err(Refusal::from_engine)?;
        let group = staged.into_group(&self.provider);
        self.group = Some(group.map_err(Refusal::from_engine)?);
        Ok(())
    }

    /// The engine finds the leaf to give up by itself, as the one with this client's signature key.
    fn enter(&mut self, entry: &Entry) -> Outcome<Vec<u8>> {
        let MlsMessageBodyIn::GroupInfo(group_info) = decode(&entry.group_info)?.extract() else {
            return Err(Refusal("not a GroupInfo".into()));
        };
        let mut builder = MlsGroup::external_commit_builder().with_config(self.join_config());
        if let Some(tree) = &entry.tree {
            builder = builder.with_ratchet_tree(decode_tree(tree)?);
        }
        let psks = entry.psks.iter().map(|id| self.psk(id));
        let psks = psks.collect::<Outcome<Vec<_>>>()?;
        let leaf = LeafNodeParameters::builder().with_capabilities(self.capabilities()?);
        let (group, bundle) = builder
            .build_group(&self.provider, group_info, self.credential())
            .map_err(Refusal::from_engine)?
            .leaf_node_parameters(leaf.build())
            .add_psk_proposals(psks.into_iter().map(PreSharedKeyProposal::new))
            .load_psks(self.provider.storage())
            .map_err(Refusal::from_engine)?
            .build(
                self.provider.rand(),
                self.provider.crypto(),
                &*self.signer,
                |_| true,
            )
            .map_err(Refusal::from_engine)?
            .finalize(&self.provider)
            .map_err(Refusal::from_engine)?;
        self.group = Some(group);
        encode(bundle.commit())
    }

    fn amnesiac(&self) -> Outcome<Box<dyn Member>> {
        client(&self.name, self.settings, self.signer.clone())
    }

    fn store_psk(&mut self, id: &[u8], secret: &[u8]) -> Outcome<()> {
        self.psk(id)?
            .store(&self.provider, secret)
            .map_err(Refusal::from_engine)
    }

    fn propose(&mut self, change: &Change) -> Outcome<Vec<u8>> {
        let propose = match change {
            Change::Add(key_package) => Propose::Add(self.decode_key_package(key_package)?),
            Change::Remove(leaf) => Propose::Remove(*leaf),
            Change::Update => Propose::Update(LeafNodeParameters::default()),
            Change::Psk(id) => Propose::PreSharedKey(self.psk(id)?),
            Change::Extensions(list) => Propose::GroupContextExtensions(decode_extensions(list)?),
        };
        let (group, provider, signer) = self.parts()?;
        let (message, _) = group
            .propose(provider, signer, propose, ProposalOrRefType::Reference)
            .map_err(Refusal::from_engine)?;
        encode(&message)
    }

    fn commit(&mut self, changes: &[Change], fresh_keys: bool) -> Outcome<Published> {
        let changes = changes.iter().map(|change| self.proposal(change));
        let changes = changes.collect::<Outcome<Vec<_>>>()?;
        let (group, provider, signer) = self.parts()?;
        let mut builder = group.commit_builder().force_self_update(fresh_keys);
        for change in changes {
            builder = match change {
                Listed::Add(key_package) => builder.propose_adds([key_package]),
                Listed::Remove(leaf) => builder.propose_removals([leaf]),
                Listed::Psk(proposal) => builder.add_proposal(proposal),
                Listed::Extensions(list) => builder
                    .propose_group_context_extensions(list)
                    .map_err(Refusal::from_engine)?,
            };
        }
        let bundle = builder
            .load_psks(provider.storage())
            .map_err(Refusal::from_engine)?
            .build(provider.rand(), provider.crypto(), signer, |_| true)
            .map_err(Refusal::from_engine)?
            .stage_commit(provider)
            .map_err(Refusal::from_engine)?;
        Ok(Published {
            commit: encode(bundle.commit())?,
            welcome: bundle.to_welcome_msg().as_ref().map(encode).transpose()?,
        })
    }

    fn accept(&mut self) -> Outcome<()> {
        let (group, provider, _) = self.parts()?;
        group
            .merge_pending_commit(provider)
            .map_err(Refusal::from_engine)
    }

    fn discard(&mut self) -> Outcome<()> {
        let (group, provider, _) = self.parts()?;
        group
            .clear_pending_commit(provider.storage())
            .map_err(Refusal::from_engine)
    }

    fn process(&mut self, message: &[u8]) -> Outcome<Seen> {
        let message = decode(message)?
            .try_into_protocol_message()
            .map_err(Refusal::from_engine)?;
        let (group, provider, _) = self.parts()?;
        let processed = group
            .process_message(provider, message)
            .map_err(Refusal::from_engine)?;
        let sender = processed.sender().clone();
        let authenticated_data = processed.aad().to_vec();
        match (processed.into_content(), sender) {
            (ProcessedMessageContent::ApplicationMessage(message), Sender::Member(sender)) => {
                Ok(Seen::Message {
                    sender: sender.u32(),
                    data: message.into_bytes(),
                    authenticated_data,
                })
            }
            (ProcessedMessageContent::ProposalMessage(proposal), _) => {
                group
                    .store_pending_proposal(provider.storage(), *proposal)
                    .map_err(Refusal::from_engine)?;
                Ok(Seen::Proposal)
            }
            (ProcessedMessageContent::StagedCommitMessage(commit), _) => {
                let removed = commit.self_removed();
                group
                    .merge_staged_commit(provider, *commit)
                    .map_err(Refusal::from_engine)?;
                Ok(Seen::Commit { removed })
            }
            (content, _) => Err(Refusal::from_engine(content)),
        }
    }

    fn seal(&mut self, data: &[u8], authenticated_data: &[u8]) -> Outcome<Vec<u8>> {
        let (group, provider, signer) = self.parts()?;
        group.set_aad(authenticated_data.to_vec());
        let message = group
            .create_message(provider, signer, data)
            .map_err(Refusal::from_engine)?;
        encode(&message)
    }

    fn group_info(&mut self, tree: Tree) -> Outcome<Vec<u8>> {
        let (group, provider, signer) = self.parts()?;
        let message = group
            .export_group_info(provider.crypto(), signer, tree == Tree::Inside)
            .map_err(Refusal::from_engine)?;
        encode(&message)
    }

    fn ratchet_tree(&self) -> Outcome<Vec<u8>> {
        self.group()?
            .export_ratchet_tree()
            .tls_serialize_detached()
            .map_err(Refusal::from_engine)
    }

    fn members(&self) -> Outcome<Vec<(u32, String)>> {
        let members = self.group()?.members();
        Ok(members
            .map(|member| {
                let identity = member.credential.serialized_content();
                let identity = String::from_utf8_lossy(identity).into_owned();
                (member.index.u32(), identity)
            })
            .collect())
    }

    fn epoch(&self) -> Outcome<u64> {
        Ok(self.group()?.epoch().as_u64())
    }

    fn epoch_authenticator(&self) -> Outcome<Vec<u8>> {
        Ok(self.group()?.epoch_authenticator().as_slice().to_vec())
    }

    fn export(&self, label: &str, context: &[u8], length: usize) -> Outcome<Vec<u8>> {
        self.group()?
            .export_secret(self.provider.crypto(), label, context, length)
            .map_err(Refusal::from_engine)
    }
}
