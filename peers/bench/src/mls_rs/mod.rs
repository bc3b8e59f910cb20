//! mls-rs under measurement.

mod provider;
mod storage;

use crate::engine::{Change, Engine, Failure, Implementation, Sample, Seat, Sent, Tree, Watch};
use crate::made::Invitation;
use core::convert::Infallible;
use core::time::Duration;
use folkmoot_crypto::Crypto;
use mls_rs::client_builder::{MlsConfig, PaddingMode};
use mls_rs::external_client::ExternalClient;
use mls_rs::group::{CommitBuilder, CommitOutput, ExportedTree, GroupContext, Roster};
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::mls_rules::{
    CommitDirection, CommitOptions, CommitSource, EncryptionOptions, ProposalBundle,
};
use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, ExtensionList, Group, MlsMessage, MlsRules,
};
use provider::Primitives;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use storage::Storage;

const LIFETIME: Duration = Duration::from_hours(28 * 24);

/// mls-rs with nobody in a group yet.
pub(crate) fn engine(crypto: &'static dyn Crypto) -> Box<dyn Engine> {
    let rules = Rules::default();
    let made = rules.clone();
    let make = move |name: &str, storage: Storage| client(crypto, name, storage, made.clone());
    Box::new(MlsRs {
        crypto,
        make,
        rules,
        builder: None,
        clients: BTreeMap::new(),
        committer: None,
        receiver: None,
        storage: Storage::default(),
        observe: None,
    })
}

/// What the next commit shall have, as the engine asks for it.
#[derive(Clone, Debug, Default)]
struct Rules {
    path: Arc<AtomicBool>,
    tree_inside: Arc<AtomicBool>,
    in_the_clear: Arc<AtomicBool>,
}

impl MlsRules for Rules {
    type Error = Infallible;

    fn filter_proposals(
        &self,
        _: CommitDirection,
        _: CommitSource,
        _: &Roster<'_>,
        _: &GroupContext,
        proposals: ProposalBundle,
    ) -> Result<ProposalBundle, Infallible> {
        Ok(proposals)
    }

    fn commit_options(
        &self,
        _: &Roster<'_>,
        _: &GroupContext,
        _: &ProposalBundle,
    ) -> Result<CommitOptions, Infallible> {
        Ok(CommitOptions::new()
            .with_path_required(self.path.load(Ordering::Relaxed))
            .with_ratchet_tree_extension(self.tree_inside.load(Ordering::Relaxed)))
    }

    fn encryption_options(
        &self,
        _: &Roster<'_>,
        _: &GroupContext,
    ) -> Result<EncryptionOptions, Infallible> {
        let encrypted = !self.in_the_clear.load(Ordering::Relaxed);
        Ok(EncryptionOptions::new(encrypted, PaddingMode::StepFunction))
    }
}

fn client(
    crypto: &'static dyn Crypto,
    name: &str,
    storage: Storage,
    rules: Rules,
) -> Result<Client<impl MlsConfig + use<>>, Failure> {
    let primitives = Primitives(crypto);
    let keys = primitives.signature_key_generate();
    let (private, public) = keys.map_err(Failure::new)?;
    let credential = BasicCredential::new(name.as_bytes().to_vec()).into_credential();
    Ok(Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(primitives)
        .mls_rules(rules)
        .group_state_storage(storage)
        .key_package_lifetime(LIFETIME)
        .signing_identity(
            SigningIdentity::new(credential, public),
            private,
            CipherSuite::new(crypto.suite().0),
        )
        .build())
}

struct MlsRs<C: MlsConfig, F> {
    crypto: &'static dyn Crypto,
    make: F,
    rules: Rules,
    builder: Option<Group<C>>,
    clients: BTreeMap<&'static str, Client<C>>,
    committer: Option<Group<C>>,
    receiver: Option<Group<C>>,
    /// The receiver's.
    storage: Storage,
    observe: Option<Observe>,
}

/// Validates a commit with public state only.
type Observe = Box<dyn Fn() -> Result<Sample, Failure>>;

impl<C: MlsConfig, F: Fn(&str, Storage) -> Result<Client<C>, Failure>> MlsRs<C, F> {
    fn create(&self, name: &str) -> Result<(Client<C>, Group<C>), Failure> {
        let client = (self.make)(name, Storage::default())?;
        let none = ExtensionList::default;
        let group = client.create_group(none(), none(), None).map_err(failed)?;
        Ok((client, group))
    }

    /// Encodes and accepts what the group has built.
    fn accept(
        group: &mut Group<C>,
        output: &CommitOutput,
        mut watch: Watch,
    ) -> Result<Sent, Failure> {
        let message = output.commit_message().to_bytes().map_err(failed)?;
        let welcomes = output.welcome_messages().iter();
        let welcomes: Vec<_> = welcomes
            .map(MlsMessage::to_bytes)
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        watch.step("encode");
        group.apply_pending_commit().map_err(failed)?;
        watch.step("accept");
        let sample = watch.sample(message.len());
        let welcome = welcomes.into_iter().next();
        Ok(Sent {
            sample,
            message,
            welcome,
        })
    }

    fn take(&mut self, message: &[u8], watch: &mut Watch) -> Result<(), Failure> {
        let receiver = self.receiver.as_mut().ok_or_else(Failure::no_group)?;
        let message = decode(message)?;
        watch.step("decode");
        receiver.process_incoming_message(message).map_err(failed)?;
        watch.step("process");
        Ok(())
    }

    /// An observer of the committer's group, and a commit in the clear that the committer forgets.
    fn observer(&mut self) -> Result<Observe, Failure> {
        let group = self.committer.as_mut().ok_or_else(Failure::no_group)?;
        let info = group.group_info_message(true).map_err(failed)?;
        let client = ExternalClient::builder()
            .identity_provider(BasicIdentityProvider)
            .crypto_provider(Primitives(self.crypto))
            .build();
        let observer = client.observe_group(info, None, None).map_err(failed)?;
        self.rules.path.store(true, Ordering::Relaxed);
        self.rules.in_the_clear.store(true, Ordering::Relaxed);
        let built = group.commit_builder().build();
        self.rules.in_the_clear.store(false, Ordering::Relaxed);
        group.clear_pending_commit();
        let commit = built.and_then(|output| output.commit_message().to_bytes());
        let commit = commit.map_err(failed)?;
        Ok(Box::new(move || {
            let mut observer = observer.clone();
            let mut watch = Watch::start();
            let message = decode(&commit)?;
            let observed = observer.process_incoming_message(message);
            observed.map_err(failed)?;
            watch.step("process");
            Ok(watch.sample(commit.len()))
        }))
    }

    fn restore(&self) -> Result<Group<C>, Failure> {
        let client = self.clients.get(Seat::Receiver.name());
        let client = client.ok_or_else(Failure::no_group)?;
        let groups = self.storage.groups();
        let id = groups.last().ok_or_else(Failure::no_group)?;
        client.load_group(id).map_err(failed)
    }
}

fn failed(error: mls_rs::error::MlsError) -> Failure {
    Failure::debug(error)
}

fn decode(bytes: &[u8]) -> Result<MlsMessage, Failure> {
    MlsMessage::from_bytes(bytes).map_err(failed)
}

impl<C: MlsConfig, F: Fn(&str, Storage) -> Result<Client<C>, Failure>> Engine for MlsRs<C, F> {
    fn implementation(&self) -> Implementation {
        Implementation::MlsRs
    }

    fn key_package(&mut self) -> Result<Sample, Failure> {
        let client = (self.make)("somebody", Storage::default())?;
        let none = ExtensionList::default;
        let mut watch = Watch::start();
        let message = client.generate_key_package_message(none(), none(), None);
        let encoded = message
            .and_then(|message| message.to_bytes())
            .map_err(failed)?;
        watch.step("generate");
        Ok(watch.sample(encoded.len()))
    }

    fn build(&mut self, offers: &[Vec<u8>], tree: Tree) -> Result<Sample, Failure> {
        self.builder = None;
        let (_, mut group) = self.create("the founder")?;
        let offers = offers.iter().map(|offer| decode(offer));
        let offers: Vec<_> = offers.collect::<Result<_, _>>()?;
        self.rules.path.store(false, Ordering::Relaxed);
        self.rules
            .tree_inside
            .store(tree == Tree::Inside, Ordering::Relaxed);
        let mut watch = Watch::start();
        let mut builder = group.commit_builder();
        for offer in offers {
            builder = builder.add_member(offer).map_err(failed)?;
        }
        let output = builder.build().map_err(failed)?;
        watch.step("commit");
        let sent = Self::accept(&mut group, &output, watch)?;
        self.builder = Some(group);
        let bytes = sent.welcome.map_or(0, |welcome| welcome.len());
        Ok(Sample {
            bytes,
            ..sent.sample
        })
    }

    fn sparse_commit(&mut self) -> Result<Sample, Failure> {
        let mut group = self.builder.take().ok_or_else(Failure::no_group)?;
        self.rules.path.store(true, Ordering::Relaxed);
        self.rules.tree_inside.store(false, Ordering::Relaxed);
        let mut watch = Watch::start();
        let output = group.commit_builder().build().map_err(failed)?;
        watch.step("commit");
        Ok(Self::accept(&mut group, &output, watch)?.sample)
    }

    fn enrol(&mut self, seat: Seat) -> Result<Vec<u8>, Failure> {
        let storage = Storage::default();
        if seat == Seat::Receiver {
            self.storage = storage.clone();
        }
        let client = (self.make)(seat.name(), storage)?;
        let none = ExtensionList::default;
        let message = client.generate_key_package_message(none(), none(), None);
        let encoded = message
            .and_then(|message| message.to_bytes())
            .map_err(failed)?;
        self.clients.insert(seat.name(), client);
        Ok(encoded)
    }

    fn found(&mut self) -> Result<(), Failure> {
        let (client, group) = self.create(Seat::Committer.name())?;
        self.clients.insert(Seat::Committer.name(), client);
        self.observe = None;
        self.committer = Some(group);
        Ok(())
    }

    fn join(&mut self, seat: Seat, invitation: &Invitation) -> Result<Sample, Failure> {
        let client = self
            .clients
            .get(seat.name())
            .ok_or_else(Failure::no_group)?;
        let mut watch = Watch::start();
        let tree = Some(&invitation.tree).filter(|tree| !tree.is_empty());
        let tree = tree.map(|tree| ExportedTree::from_bytes(tree)).transpose();
        let welcome = decode(&invitation.welcome)?;
        watch.step("decode");
        let joined = client.join_group(tree.map_err(failed)?, &welcome, None);
        let (group, _) = joined.map_err(failed)?;
        watch.step("join");
        self.observe = None;
        let place = match seat {
            Seat::Committer => &mut self.committer,
            Seat::Receiver => &mut self.receiver,
        };
        *place = Some(group);
        Ok(watch.sample(invitation.welcome.len() + invitation.tree.len()))
    }

    fn commit(&mut self, change: Change<'_>) -> Result<Sent, Failure> {
        let path = matches!(change, Change::FreshKeys | Change::Remove(_));
        let inside = matches!(change, Change::Invite(_));
        self.rules.path.store(path, Ordering::Relaxed);
        self.rules.tree_inside.store(inside, Ordering::Relaxed);
        let group = self.committer.as_mut().ok_or_else(Failure::no_group)?;
        let mut watch = Watch::start();
        let builder = group.commit_builder();
        let builder = match change {
            Change::FreshKeys => Ok(builder),
            Change::Add(offer) | Change::Invite(offer) => builder.add_member(decode(offer)?),
            Change::Remove(leaves) => leaves
                .iter()
                .try_fold(builder, |builder, leaf| builder.remove_member(*leaf)),
        };
        let output = builder.and_then(CommitBuilder::build).map_err(failed)?;
        watch.step("commit");
        Self::accept(group, &output, watch)
    }

    fn process(&mut self, commit: &[u8]) -> Result<Sample, Failure> {
        let mut watch = Watch::start();
        self.take(commit, &mut watch)?;
        Ok(watch.sample(commit.len()))
    }

    fn store(&mut self) -> Result<Option<Sample>, Failure> {
        let receiver = self.receiver.as_mut().ok_or_else(Failure::no_group)?;
        let mut watch = Watch::start();
        receiver.write_to_storage().map_err(failed)?;
        watch.step("write");
        Ok(Some(watch.sample(self.storage.take_written())))
    }

    fn load(&mut self, commit: &[u8]) -> Result<Sample, Failure> {
        self.receiver = None;
        let bytes = self.storage.state_length();
        let mut watch = Watch::start();
        self.receiver = Some(self.restore()?);
        watch.step("load");
        self.take(commit, &mut watch)?;
        Ok(watch.sample(bytes))
    }

    fn memory(&mut self) -> Result<[usize; 2], Failure> {
        let heap = folkmoot_heap::Count::begin();
        let group = self.restore()?;
        let bytes = heap.bytes();
        drop(group);
        // All of it, always.
        Ok([bytes; 2])
    }

    fn send(&mut self, data: &[u8]) -> Result<Sent, Failure> {
        let group = self.committer.as_mut().ok_or_else(Failure::no_group)?;
        let mut watch = Watch::start();
        let message = group.encrypt_application_message(data, Vec::new());
        let message = message
            .and_then(|message| message.to_bytes())
            .map_err(failed)?;
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
        let mut watch = Watch::start();
        self.take(message, &mut watch)?;
        let mut sample = watch.sample(0);
        sample.beside = Some(message.len());
        Ok(sample)
    }

    fn send_stored(&mut self, _: &[u8]) -> Result<Option<Sample>, Failure> {
        Ok(None)
    }

    fn observe(&mut self) -> Result<Option<Sample>, Failure> {
        let observe = match self.observe.take() {
            Some(observe) => observe,
            None => self.observer()?,
        };
        let sample = observe()?;
        self.observe = Some(observe);
        Ok(Some(sample))
    }
}
