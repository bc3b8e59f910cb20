//! `OpenMLS` under measurement, on its `RustCrypto` provider.

use crate::engine::{Change, Engine, Failure, Implementation, Sample, Seat, Sent, Tree, Watch};
use crate::made::Invitation;
use folkmoot_crypto::CipherSuite;
use openmls::group::PublicGroup;
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, CommitMessageBundle, CredentialWithKey, GroupId,
    KeyPackage, KeyPackageIn, LeafNodeIndex, Lifetime, MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY,
    MIXED_PLAINTEXT_WIRE_FORMAT_POLICY, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig,
    MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, OpenMlsProvider, ProcessedMessageContent,
    ProposalStore, ProtocolVersion, RatchetTreeIn, StagedWelcome,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use std::collections::{BTreeMap, HashMap};
use tls_codec::DeserializeBytes;

const LIFETIME_SECONDS: u64 = 28 * 24 * 60 * 60;
const PAST_EPOCHS: usize = 3;

/// `OpenMLS` with nobody in a group yet.
pub(crate) fn engine(suite: CipherSuite) -> Result<Box<dyn Engine>, Failure> {
    let suite = Ciphersuite::try_from(suite.0).map_err(Failure::debug)?;
    Ok(Box::new(OpenMls {
        suite,
        builder: None,
        clients: BTreeMap::new(),
        committer: None,
        receiver: None,
        stored: HashMap::new(),
        observer: None,
    }))
}

/// What is stored, by key.
type Records = HashMap<Vec<u8>, Vec<u8>>;

/// Keys and a store of one member.
struct Client {
    provider: OpenMlsRustCrypto,
    signer: SignatureKeyPair,
    credential: CredentialWithKey,
    /// What the store holds before the first join, which takes the KeyPackage out of it.
    unused: Records,
}

struct OpenMls {
    suite: Ciphersuite,
    builder: Option<(Client, MlsGroup)>,
    clients: BTreeMap<&'static str, Client>,
    committer: Option<MlsGroup>,
    receiver: Option<MlsGroup>,
    /// The receiver's records as they were.
    stored: Records,
    /// Public state only, and a commit in the clear.
    observer: Option<(PublicGroup, OpenMlsRustCrypto, Vec<u8>)>,
}

impl Client {
    fn new(suite: Ciphersuite, name: &str) -> Result<Self, Failure> {
        let provider = OpenMlsRustCrypto::default();
        let signer = SignatureKeyPair::new(suite.signature_algorithm()).map_err(Failure::debug)?;
        signer.store(provider.storage()).map_err(Failure::debug)?;
        let credential = CredentialWithKey {
            credential: BasicCredential::new(name.as_bytes().to_vec()).into(),
            signature_key: signer.to_public_vec().into(),
        };
        Ok(Self {
            provider,
            signer,
            credential,
            unused: Records::new(),
        })
    }

    fn records(&self) -> Result<Records, Failure> {
        let records = self.provider.storage().values.read();
        Ok(records.map_err(Failure::debug)?.clone())
    }

    fn restore(&mut self) -> Result<(), Failure> {
        self.provider = OpenMlsRustCrypto::default();
        let mut records = self
            .provider
            .storage()
            .values
            .write()
            .map_err(Failure::debug)?;
        records.clone_from(&self.unused);
        Ok(())
    }

    fn key_package(&self, suite: Ciphersuite) -> Result<Vec<u8>, Failure> {
        let bundle = KeyPackage::builder()
            .leaf_node_capabilities(capabilities(suite))
            .key_package_lifetime(Lifetime::new(LIFETIME_SECONDS))
            .build(suite, &self.provider, &self.signer, self.credential.clone())
            .map_err(Failure::debug)?;
        encode(&MlsMessageOut::from(bundle))
    }

    fn create(&self, suite: Ciphersuite, tree: Tree) -> Result<MlsGroup, Failure> {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(suite)
            .capabilities(capabilities(suite))
            .lifetime(Lifetime::new(LIFETIME_SECONDS))
            .wire_format_policy(MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(PAST_EPOCHS)
            .use_ratchet_tree_extension(tree == Tree::Inside)
            .build();
        let id = GroupId::random(self.provider.rand());
        let credential = self.credential.clone();
        MlsGroup::new_with_group_id(&self.provider, &self.signer, &config, id, credential)
            .map_err(Failure::debug)
    }

    fn verify(&self, package: KeyPackageIn) -> Result<KeyPackage, Failure> {
        let verified = package.validate(self.provider.crypto(), ProtocolVersion::Mls10);
        verified.map_err(Failure::debug)
    }

    /// A commit, made, encoded and accepted.
    fn commit(
        &self,
        group: &mut MlsGroup,
        (add, remove): (Vec<KeyPackage>, &[u32]),
        path: bool,
        mut watch: Watch,
    ) -> Result<Sent, Failure> {
        let bundle: CommitMessageBundle = group
            .commit_builder()
            .force_self_update(path)
            .propose_adds(add)
            .propose_removals(remove.iter().copied().map(LeafNodeIndex::new))
            .load_psks(self.provider.storage())
            .map_err(Failure::debug)?
            .build(
                self.provider.rand(),
                self.provider.crypto(),
                &self.signer,
                |_| true,
            )
            .map_err(Failure::debug)?
            .stage_commit(&self.provider)
            .map_err(Failure::debug)?;
        watch.step("commit");
        let message = encode(bundle.commit())?;
        let welcome = bundle.to_welcome_msg().as_ref().map(encode).transpose()?;
        watch.step("encode");
        group
            .merge_pending_commit(&self.provider)
            .map_err(Failure::debug)?;
        watch.step("merge");
        let sample = watch.sample(message.len());
        Ok(Sent {
            sample,
            message,
            welcome,
        })
    }
}

fn capabilities(suite: Ciphersuite) -> Capabilities {
    Capabilities::new(None, Some(&[suite]), None, None, None)
}

fn encode(message: &MlsMessageOut) -> Result<Vec<u8>, Failure> {
    message.to_bytes().map_err(Failure::debug)
}

fn decode(bytes: &[u8]) -> Result<MlsMessageIn, Failure> {
    MlsMessageIn::tls_deserialize_exact_bytes(bytes).map_err(Failure::debug)
}

fn decode_key_package(bytes: &[u8]) -> Result<KeyPackageIn, Failure> {
    match decode(bytes)?.extract() {
        MlsMessageBodyIn::KeyPackage(package) => Ok(package),
        _ => Err(Failure::new("not a KeyPackage")),
    }
}

impl OpenMls {
    fn client(&self, seat: Seat) -> Result<&Client, Failure> {
        self.clients.get(seat.name()).ok_or_else(Failure::no_group)
    }

    fn take(&mut self, message: &[u8], watch: &mut Watch) -> Result<(), Failure> {
        let client = self
            .clients
            .get(Seat::Receiver.name())
            .ok_or_else(Failure::no_group)?;
        let receiver = self.receiver.as_mut().ok_or_else(Failure::no_group)?;
        let message = decode(message)?.try_into_protocol_message();
        let message = message.map_err(Failure::debug)?;
        watch.step("decode");
        let processed = receiver.process_message(&client.provider, message);
        let processed = processed.map_err(Failure::debug)?;
        watch.step("process");
        if let ProcessedMessageContent::StagedCommitMessage(commit) = processed.into_content() {
            let merged = receiver.merge_staged_commit(&client.provider, *commit);
            merged.map_err(Failure::debug)?;
            watch.step("merge");
        }
        Ok(())
    }

    /// An observer of the committer's group, and a commit in the clear that the committer forgets.
    fn observer(&mut self) -> Result<(PublicGroup, OpenMlsRustCrypto, Vec<u8>), Failure> {
        let client = self
            .clients
            .get(Seat::Committer.name())
            .ok_or_else(Failure::no_group)?;
        let group = self.committer.as_mut().ok_or_else(Failure::no_group)?;
        let (crypto, storage) = (client.provider.crypto(), client.provider.storage());
        let info = group.export_group_info(crypto, &client.signer, false);
        let info = encode(&info.map_err(Failure::debug)?)?;
        let MlsMessageBodyIn::GroupInfo(info) = decode(&info)?.extract() else {
            return Err(Failure::new("not a GroupInfo"));
        };
        let usual = group.configuration().clone();
        let in_the_clear = MlsGroupJoinConfig::builder()
            .wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(PAST_EPOCHS)
            .use_ratchet_tree_extension(false)
            .build();
        let configured = group.set_configuration(storage, &in_the_clear);
        configured.map_err(Failure::debug)?;
        let bundle = group
            .commit_builder()
            .force_self_update(true)
            .load_psks(storage)
            .map_err(Failure::debug)?
            .build(client.provider.rand(), crypto, &client.signer, |_| true)
            .map_err(Failure::debug)?
            .stage_commit(&client.provider)
            .map_err(Failure::debug)?;
        let commit = encode(bundle.commit())?;
        group
            .clear_pending_commit(storage)
            .map_err(Failure::debug)?;
        group
            .set_configuration(storage, &usual)
            .map_err(Failure::debug)?;
        let provider = OpenMlsRustCrypto::default();
        let tree = RatchetTreeIn::from(group.export_ratchet_tree());
        let store = provider.storage();
        let begun =
            PublicGroup::from_external(provider.crypto(), store, tree, info, ProposalStore::new());
        let (observer, _) = begun.map_err(Failure::debug)?;
        Ok((observer, provider, commit))
    }

    /// Bytes of the receiver's records that changed since this was asked last.
    fn written(&mut self) -> Result<usize, Failure> {
        let now = self.client(Seat::Receiver)?.records()?;
        let changed = now
            .iter()
            .filter(|(key, value)| self.stored.get(*key) != Some(*value));
        let bytes = changed.map(|(key, value)| key.len() + value.len()).sum();
        self.stored = now;
        Ok(bytes)
    }

    fn restored(&self, id: &GroupId) -> Result<MlsGroup, Failure> {
        let storage = self.client(Seat::Receiver)?.provider.storage();
        let group = MlsGroup::load(storage, id).map_err(Failure::debug)?;
        group.ok_or_else(Failure::no_group)
    }
}

impl Engine for OpenMls {
    fn implementation(&self) -> Implementation {
        Implementation::OpenMls
    }

    fn key_package(&mut self) -> Result<Sample, Failure> {
        let client = Client::new(self.suite, "somebody")?;
        let mut watch = Watch::start();
        let encoded = client.key_package(self.suite)?;
        watch.step("generate");
        Ok(watch.sample(encoded.len()))
    }

    fn build(&mut self, offers: &[Vec<u8>], tree: Tree) -> Result<Sample, Failure> {
        self.builder = None;
        let client = Client::new(self.suite, "the founder")?;
        let mut group = client.create(self.suite, tree)?;
        let offers = offers.iter().map(|offer| decode_key_package(offer));
        let offers: Vec<_> = offers.collect::<Result<_, _>>()?;
        let mut watch = Watch::start();
        let offers = offers.into_iter().map(|offer| client.verify(offer));
        let add = offers.collect::<Result<_, _>>()?;
        watch.step("verify");
        let sent = client.commit(&mut group, (add, &[]), false, watch)?;
        self.builder = Some((client, group));
        let bytes = sent.welcome.map_or(0, |welcome| welcome.len());
        Ok(Sample {
            bytes,
            ..sent.sample
        })
    }

    fn sparse_commit(&mut self) -> Result<Sample, Failure> {
        let (client, mut group) = self.builder.take().ok_or_else(Failure::no_group)?;
        let nothing = (Vec::new(), [].as_slice());
        Ok(client
            .commit(&mut group, nothing, true, Watch::start())?
            .sample)
    }

    fn enrol(&mut self, seat: Seat) -> Result<Vec<u8>, Failure> {
        let mut client = Client::new(self.suite, seat.name())?;
        let encoded = client.key_package(self.suite)?;
        client.unused = client.records()?;
        self.clients.insert(seat.name(), client);
        Ok(encoded)
    }

    fn found(&mut self) -> Result<(), Failure> {
        let client = Client::new(self.suite, Seat::Committer.name())?;
        self.observer = None;
        self.committer = Some(client.create(self.suite, Tree::Inside)?);
        self.clients.insert(Seat::Committer.name(), client);
        Ok(())
    }

    fn join(&mut self, seat: Seat, invitation: &Invitation) -> Result<Sample, Failure> {
        let client = self
            .clients
            .get_mut(seat.name())
            .ok_or_else(Failure::no_group)?;
        client.restore()?;
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(PAST_EPOCHS)
            .use_ratchet_tree_extension(false)
            .build();
        let mut watch = Watch::start();
        let MlsMessageBodyIn::Welcome(welcome) = decode(&invitation.welcome)?.extract() else {
            return Err(Failure::new("not a Welcome"));
        };
        let tree = Some(&invitation.tree).filter(|tree| !tree.is_empty());
        let tree = tree.map(|tree| RatchetTreeIn::tls_deserialize_exact_bytes(tree));
        let tree = tree.transpose().map_err(Failure::debug)?;
        watch.step("decode");
        let staged = StagedWelcome::new_from_welcome(&client.provider, &config, welcome, tree);
        let group = staged.map_err(Failure::debug)?.into_group(&client.provider);
        let group = group.map_err(Failure::debug)?;
        watch.step("join");
        self.observer = None;
        let place = match seat {
            Seat::Committer => &mut self.committer,
            Seat::Receiver => &mut self.receiver,
        };
        *place = Some(group);
        Ok(watch.sample(invitation.welcome.len() + invitation.tree.len()))
    }

    fn commit(&mut self, change: Change<'_>) -> Result<Sent, Failure> {
        let client = self
            .clients
            .get(Seat::Committer.name())
            .ok_or_else(Failure::no_group)?;
        let group = self.committer.as_mut().ok_or_else(Failure::no_group)?;
        let watch = Watch::start();
        let (changes, path) = match change {
            Change::FreshKeys => ((Vec::new(), [].as_slice()), true),
            Change::Add(offer) | Change::Invite(offer) => {
                let package = client.verify(decode_key_package(offer)?)?;
                ((vec![package], [].as_slice()), false)
            }
            Change::Remove(leaves) => ((Vec::new(), leaves), true),
        };
        client.commit(group, changes, path, watch)
    }

    fn process(&mut self, commit: &[u8]) -> Result<Sample, Failure> {
        let mut watch = Watch::start();
        self.take(commit, &mut watch)?;
        let mut sample = watch.sample(commit.len());
        sample.beside = Some(self.written()?);
        Ok(sample)
    }

    fn store(&mut self) -> Result<Option<Sample>, Failure> {
        Ok(None)
    }

    fn load(&mut self, commit: &[u8]) -> Result<Sample, Failure> {
        let receiver = self.receiver.take().ok_or_else(Failure::no_group)?;
        let id = receiver.group_id().clone();
        drop(receiver);
        let records = self.client(Seat::Receiver)?.records()?;
        let bytes = records
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        let mut watch = Watch::start();
        self.receiver = Some(self.restored(&id)?);
        watch.step("load");
        self.take(commit, &mut watch)?;
        Ok(watch.sample(bytes))
    }

    fn memory(&mut self) -> Result<[usize; 2], Failure> {
        let receiver = self.receiver.as_ref().ok_or_else(Failure::no_group)?;
        let id = receiver.group_id().clone();
        let heap = folkmoot_heap::Count::begin();
        let group = self.restored(&id)?;
        let bytes = heap.bytes();
        drop(group);
        // All of it, always.
        Ok([bytes; 2])
    }

    fn send(&mut self, data: &[u8]) -> Result<Sent, Failure> {
        let client = self
            .clients
            .get(Seat::Committer.name())
            .ok_or_else(Failure::no_group)?;
        let group = self.committer.as_mut().ok_or_else(Failure::no_group)?;
        let mut watch = Watch::start();
        let message = group.create_message(&client.provider, &client.signer, data);
        let message = encode(&message.map_err(Failure::debug)?)?;
        watch.step("seal");
        let mut sample = watch.sample(0);
        sample.beside = Some(message.len());
        Ok(Sent {
            sample,
            message,
            welcome: None,
        })
    }

    fn receive(&mut self, message: &[u8]) -> Result<Sample, Failure> {
        self.written()?;
        let mut watch = Watch::start();
        self.take(message, &mut watch)?;
        let mut sample = watch.sample(self.written()?);
        sample.beside = Some(message.len());
        Ok(sample)
    }

    fn send_stored(&mut self, _: &[u8]) -> Result<Option<Sample>, Failure> {
        Ok(None)
    }

    fn observe(&mut self) -> Result<Option<Sample>, Failure> {
        if self.observer.is_none() {
            self.observer = Some(self.observer()?);
        }
        let (observer, provider, commit) = self.observer.as_ref().ok_or_else(Failure::no_group)?;
        let mut watch = Watch::start();
        let message = decode(commit)?.try_into_protocol_message();
        let message = message.map_err(Failure::debug)?;
        let processed = observer.process_message(provider.crypto(), message);
        drop(processed.map_err(Failure::debug)?);
        watch.step("process");
        Ok(Some(watch.sample(commit.len())))
    }
}
