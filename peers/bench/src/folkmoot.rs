//! Folkmoot under measurement: all calls of its engine's API, and its encrypted store.

use crate::credentials::Credentials;
use crate::engine::{Change, Engine, Failure, Implementation, Sample, Seat, Sent, Tree, Watch};
use crate::made::{Invitation, lifetime};
use crate::memory::{Memory, length, lengths};
use crate::primitives::rng;
use folkmoot_crypto::Crypto;
use folkmoot_mls::{
    CommitIntent, Delta, Extensions, Group, JoinOptions, KeyPackage, KeyPackageSecrets, LeafIndex,
    Member, MessageBody, MlsMessage, Observer, OwnKeyPackage, Services, Settings,
    VerifiedKeyPackage, WireFormat,
};
use folkmoot_protocol::GroupId;
use folkmoot_store::client::{
    ClientChange, ClientStore, GroupRecords, ProfileFolder, SqlCipherStore,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

/// Ways from a leaf to the root that a group in use has read: it forgets what it read every 64 epochs.
const WAYS_IN_USE: u64 = 64;
/// KeyPackages in one commit: RFC 9420 §8.4 counts pre-shared keys in 16 bits, and each proposal may bring
/// one.
const MAX_PROPOSALS: usize = 65_535;
/// A delta of more bytes than this leaves a log that later ones do not lengthen.
const LARGE: usize = 1 << 16;
/// The write-ahead log of the store.
const LOG: &str = "profile.db-wal";

/// The engine with nobody in a group yet.
pub(crate) fn engine(
    crypto: &'static dyn Crypto,
    credentials: Arc<Credentials>,
) -> Result<Box<dyn Engine>, Failure> {
    let disk = Disk::new()?;
    Ok(Box::new(Folkmoot {
        crypto,
        credentials,
        builder: None,
        committer: None,
        records: Memory::default(),
        receiver: None,
        own: BTreeMap::new(),
        disk,
        unstored: Vec::new(),
        observer: None,
    }))
}

struct Folkmoot {
    crypto: &'static dyn Crypto,
    credentials: Arc<Credentials>,
    /// The founder of the group that was built last.
    builder: Option<Group>,
    committer: Option<Group>,
    /// The committer's records.
    records: Memory,
    receiver: Option<Group>,
    own: BTreeMap<&'static str, (KeyPackage, KeyPackageSecrets)>,
    disk: Disk,
    /// What the receiver has not stored yet.
    unstored: Vec<Delta>,
    observer: Option<(Observer, Vec<u8>)>,
}

/// The receiver's store.
struct Disk {
    folder: TempDir,
    store: Option<SqlCipherStore>,
    group: GroupId,
}

impl Disk {
    fn new() -> Result<Self, Failure> {
        let folder = TempDir::new().map_err(Failure::new)?;
        let group = GroupId(folkmoot_crypto::random(&mut rng()));
        Ok(Self {
            folder,
            store: None,
            group,
        })
    }

    fn open(&mut self) -> Result<&mut SqlCipherStore, Failure> {
        if self.store.is_none() {
            let key = folkmoot_crypto::random(&mut rng());
            let folder = ProfileFolder::open_or_create(self.folder.path(), key);
            let store = SqlCipherStore::open(folder.map_err(Failure::new)?);
            self.store = Some(store.map_err(Failure::new)?);
        }
        self.store.as_mut().ok_or_else(Failure::no_group)
    }

    fn close(&mut self) {
        self.store = None;
    }

    fn apply(&mut self, deltas: Vec<Delta>) -> Result<(), Failure> {
        let group = self.group;
        let changes = deltas
            .into_iter()
            .map(|delta| ClientChange::Records(group, delta));
        self.open()?.apply(changes.collect()).map_err(Failure::new)
    }

    fn load(&mut self, crypto: &'static dyn Crypto) -> Result<Group, Failure> {
        let group = self.group;
        let records = GroupRecords::new(self.open()?, group);
        Ok(Group::load(crypto, &records, settings())?)
    }

    /// The records of a group that was loaded; one that has just joined is in memory.
    fn records(&self) -> Option<GroupRecords<'_, SqlCipherStore>> {
        let store = self.store.as_ref()?;
        Some(GroupRecords::new(store, self.group))
    }

    /// Length of the write-ahead log.
    fn log(&self) -> usize {
        let log = std::fs::metadata(self.folder.path().join(LOG));
        log.map_or(0, |log| usize::try_from(log.len()).unwrap_or(usize::MAX))
    }

    /// By how much the log has grown; unknown where it is written from its beginning again, once all of
    /// it is in the database.
    fn grown(&self, before: usize) -> Option<usize> {
        self.log().checked_sub(before).filter(|grown| *grown > 0)
    }

    /// Bytes of all records.
    fn bytes(&mut self) -> Result<usize, Failure> {
        let group = self.group;
        let records = self.open()?.records(&group, b"").map_err(Failure::new)?;
        Ok(records
            .iter()
            .map(|(key, value)| key.0.len() + value.len())
            .sum())
    }
}

fn settings() -> Settings {
    Settings::default()
}

fn decode_key_package(bytes: &[u8]) -> Result<KeyPackage, Failure> {
    match MlsMessage::decode(bytes)?.body {
        MessageBody::KeyPackage(package) => Ok(package),
        _ => Err(Failure::new("not a KeyPackage")),
    }
}

impl Folkmoot {
    fn member(&self, name: &str) -> Result<Member, Failure> {
        self.credentials.member(self.crypto, name, &mut rng())
    }

    fn create(&self, name: &str) -> Result<Group, Failure> {
        let (crypto, rng) = (self.crypto, &mut rng());
        let id = Group::random_id(crypto, rng);
        let founder = (self.member(name)?, lifetime());
        let (group, _) = Group::create(
            crypto,
            id,
            founder,
            Extensions::default(),
            settings(),
            self.credentials.authentication(),
            rng,
        )?;
        Ok(group)
    }

    fn verify(&self, package: KeyPackage) -> Result<VerifiedKeyPackage, Failure> {
        let now = Some(lifetime().not_before);
        let auth = self.credentials.authentication();
        Ok(package.verify(self.crypto, auth, &settings(), now)?)
    }

    /// Decodes, examines and takes a message at the receiver.
    fn take(&mut self, message: &[u8], watch: &mut Watch) -> Result<usize, Failure> {
        let services = Services::from(self.credentials.authentication());
        let receiver = self.receiver.as_mut().ok_or_else(Failure::no_group)?;
        let message = MlsMessage::decode(message)?;
        watch.step("decode");
        let records = self.disk.records();
        let services = match &records {
            Some(records) => services.with_records(records),
            None => services,
        };
        let incoming = receiver.receive(message, services)?;
        watch.step("receive");
        let delta = receiver.apply(incoming)?;
        watch.step("apply");
        let to_store = length(&delta);
        self.unstored.push(delta);
        Ok(to_store)
    }

    /// Commits, encodes and accepts at the committer.
    fn give(
        group: &mut Group,
        intent: CommitIntent,
        services: Services<'_>,
        mut watch: Watch,
    ) -> Result<(Sent, [Delta; 2]), Failure> {
        let (bundle, made) = group.commit(intent, b"", services, &mut rng())?;
        watch.step("commit");
        let message = bundle.commit.encode();
        let welcome = bundle.welcome.map(|welcome| welcome.encode());
        watch.step("encode");
        let accepted = group.accept_pending()?;
        watch.step("accept");
        let mut sample = watch.sample(message.len());
        sample.beside = Some(length(&made) + length(&accepted));
        Ok((
            Sent {
                sample,
                message,
                welcome,
            },
            [made, accepted],
        ))
    }

    fn observer(&mut self) -> Result<(Observer, Vec<u8>), Failure> {
        let committer = self.committer.as_mut().ok_or_else(Failure::no_group)?;
        let MessageBody::GroupInfo(info) = committer.group_info(true, &self.records)?.body else {
            return Err(Failure::new("not a GroupInfo"));
        };
        let auth = self.credentials.authentication();
        let (observer, _) = Observer::begin(self.crypto, info, None, settings(), auth)?;
        // Whoever commits in the clear is the same member under other settings.
        let in_the_clear = Settings {
            handshakes: WireFormat::PublicMessage,
            ..settings()
        };
        let mut twin = Group::load(self.crypto, &self.records, in_the_clear)?;
        let intent = CommitIntent {
            force_path: true,
            ..CommitIntent::default()
        };
        let services = Services::from(auth).with_records(&self.records);
        let (bundle, _) = twin.commit(intent, b"", services, &mut rng())?;
        Ok((observer, bundle.commit.encode()))
    }
}

impl Engine for Folkmoot {
    fn implementation(&self) -> Implementation {
        Implementation::Folkmoot
    }

    fn key_package(&mut self) -> Result<Sample, Failure> {
        let member = self.member("somebody")?;
        let mut watch = Watch::start();
        let (package, _) = KeyPackage::generate(self.crypto, member, lifetime(), &mut rng())?;
        let encoded = package.to_message().encode();
        watch.step("generate");
        Ok(watch.sample(encoded.len()))
    }

    fn build(&mut self, offers: &[Vec<u8>], tree: Tree) -> Result<Sample, Failure> {
        self.builder = None;
        let mut group = self.create("founder")?;
        let packages = offers.iter().map(|offer| decode_key_package(offer));
        let packages: Vec<_> = packages.collect::<Result<_, _>>()?;
        let mut sample = Sample::default();
        let credentials = self.credentials.clone();
        let auth = credentials.authentication();
        for chunk in packages.chunks(MAX_PROPOSALS) {
            let chunk = chunk.to_vec();
            let mut watch = Watch::start();
            let now = Some(lifetime().not_before);
            let add = KeyPackage::verify_all(chunk, self.crypto, auth, &settings(), now)?;
            watch.step("verify");
            let tree_apart = tree == Tree::Outside;
            let intent = CommitIntent {
                add,
                tree_apart,
                ..CommitIntent::default()
            };
            let (sent, _) = Self::give(&mut group, intent, auth.into(), watch)?;
            sample.steps.extend(sent.sample.steps);
            sample.bytes += sent.welcome.map_or(0, |welcome| welcome.len());
        }
        self.builder = Some(group);
        Ok(sample)
    }

    fn sparse_commit(&mut self) -> Result<Sample, Failure> {
        let mut group = self.builder.take().ok_or_else(Failure::no_group)?;
        let intent = CommitIntent {
            force_path: true,
            ..CommitIntent::default()
        };
        let services = self.credentials.authentication().into();
        let (sent, _) = Self::give(&mut group, intent, services, Watch::start())?;
        Ok(sent.sample)
    }

    fn enrol(&mut self, seat: Seat) -> Result<Vec<u8>, Failure> {
        let member = self.member(seat.name())?;
        let made = KeyPackage::generate(self.crypto, member, lifetime(), &mut rng())?;
        let message = made.0.to_message().encode();
        self.own.insert(seat.name(), made);
        Ok(message)
    }

    fn found(&mut self) -> Result<(), Failure> {
        let crypto = self.crypto;
        let founder = (self.member(Seat::Committer.name())?, lifetime());
        let id = Group::random_id(crypto, &mut rng());
        let extensions = Extensions::default();
        let (group, delta) = Group::create(
            crypto,
            id,
            founder,
            extensions,
            settings(),
            self.credentials.authentication(),
            &mut rng(),
        )?;
        self.records = Memory::default();
        self.records.apply(delta);
        self.committer = Some(group);
        self.observer = None;
        Ok(())
    }

    fn join(&mut self, seat: Seat, invitation: &Invitation) -> Result<Sample, Failure> {
        let (package, secrets) = self.own.get(seat.name()).ok_or_else(Failure::no_group)?;
        let own = OwnKeyPackage {
            key_package: package,
            secrets,
        };
        let tree = Some(invitation.tree.as_slice()).filter(|tree| !tree.is_empty());
        let options = JoinOptions {
            tree,
            ..JoinOptions::default()
        };
        let mut watch = Watch::start();
        let MessageBody::Welcome(welcome) = MlsMessage::decode(&invitation.welcome)?.body else {
            return Err(Failure::new("not a Welcome"));
        };
        watch.step("decode");
        let auth = self.credentials.authentication();
        let (group, delta) = Group::join(self.crypto, &welcome, own, options, settings(), auth)?;
        watch.step("join");
        let mut sample = watch.sample(invitation.welcome.len() + invitation.tree.len());
        sample.beside = Some(length(&delta));
        match seat {
            Seat::Committer => {
                self.records = Memory::default();
                self.records.apply(delta);
                self.committer = Some(group);
                self.observer = None;
            }
            Seat::Receiver => {
                self.receiver = Some(group);
                self.unstored = vec![delta];
            }
        }
        Ok(sample)
    }

    fn commit(&mut self, change: Change<'_>) -> Result<Sent, Failure> {
        let mut intent = CommitIntent {
            tree_apart: !matches!(change, Change::Invite(_)),
            ..CommitIntent::default()
        };
        let watch = Watch::start();
        match change {
            Change::FreshKeys => intent.force_path = true,
            Change::Add(offer) | Change::Invite(offer) => {
                intent.add = vec![self.verify(decode_key_package(offer)?)?];
            }
            Change::Remove(leaves) => {
                intent.remove = leaves.iter().copied().map(LeafIndex).collect();
            }
        }
        let group = self.committer.as_mut().ok_or_else(Failure::no_group)?;
        let services = self.credentials.authentication().into();
        let (sent, deltas) = Self::give(group, intent, services, watch)?;
        for delta in deltas {
            self.records.apply(delta);
        }
        Ok(sent)
    }

    fn process(&mut self, commit: &[u8]) -> Result<Sample, Failure> {
        let mut watch = Watch::start();
        let to_store = self.take(commit, &mut watch)?;
        Ok(Sample {
            beside: Some(to_store),
            ..watch.sample(commit.len())
        })
    }

    fn store(&mut self) -> Result<Option<Sample>, Failure> {
        self.disk.open()?;
        let deltas = core::mem::take(&mut self.unstored);
        let (bytes, before) = (lengths(&deltas), self.disk.log());
        let mut watch = Watch::start();
        self.disk.apply(deltas)?;
        watch.step("apply");
        if bytes > LARGE {
            // Closing empties the log, so that the next writes show in its length.
            self.disk.close();
            self.disk.open()?;
        }
        let written = self.disk.grown(before);
        Ok(Some(Sample {
            beside: written,
            ..watch.sample(bytes)
        }))
    }

    fn load(&mut self, commit: &[u8]) -> Result<Sample, Failure> {
        let records = self.disk.bytes()?;
        self.receiver = None;
        self.disk.close();
        let mut watch = Watch::start();
        self.disk.open()?;
        watch.step("open");
        self.receiver = Some(self.disk.load(self.crypto)?);
        watch.step("load");
        self.take(commit, &mut watch)?;
        Ok(watch.sample(records))
    }

    fn memory(&mut self) -> Result<[usize; 2], Failure> {
        self.disk.open()?;
        let heap = folkmoot_heap::Count::begin();
        let group = self.disk.load(self.crypto)?;
        let records = self.disk.records().ok_or_else(Failure::no_group)?;
        // As much as is read before the group forgets it again, if each epoch has another committer.
        let places = u64::from(group.tree().root().0) + 1;
        for way in 0..WAYS_IN_USE {
            let leaf = u32::try_from(places * way / WAYS_IN_USE).map_err(Failure::new)?;
            let _read = group.member(LeafIndex(leaf), &records)?;
        }
        let in_use = heap.bytes();
        let _all = group.members(&records)?.count();
        let whole = heap.bytes();
        drop(group);
        Ok([in_use, whole])
    }

    fn send(&mut self, data: &[u8]) -> Result<Sent, Failure> {
        let group = self.committer.as_mut().ok_or_else(Failure::no_group)?;
        let mut watch = Watch::start();
        let (message, delta) = group.seal(data, b"", &mut rng())?;
        let message = message.encode();
        watch.step("seal");
        let mut sample = watch.sample(length(&delta));
        sample.beside = Some(message.len());
        self.records.apply(delta);
        Ok(Sent {
            sample,
            message,
            welcome: None,
        })
    }

    fn receive(&mut self, message: &[u8]) -> Result<Sample, Failure> {
        let mut watch = Watch::start();
        let to_store = self.take(message, &mut watch)?;
        Ok(Sample {
            beside: Some(message.len()),
            ..watch.sample(to_store)
        })
    }

    fn send_stored(&mut self, data: &[u8]) -> Result<Option<Sample>, Failure> {
        self.disk.open()?;
        let receiver = self.receiver.as_mut().ok_or_else(Failure::no_group)?;
        let before = self.disk.log();
        let mut watch = Watch::start();
        let (message, delta) = receiver.seal(data, b"", &mut rng())?;
        let message = message.encode();
        watch.step("seal");
        let bytes = length(&delta);
        self.disk.apply(vec![delta])?;
        watch.step("apply");
        drop(message);
        Ok(Some(Sample {
            beside: self.disk.grown(before),
            ..watch.sample(bytes)
        }))
    }

    fn observe(&mut self) -> Result<Option<Sample>, Failure> {
        if self.observer.is_none() {
            self.observer = Some(self.observer()?);
        }
        let (observer, commit) = self.observer.as_ref().ok_or_else(Failure::no_group)?;
        let mut watch = Watch::start();
        let message = MlsMessage::decode(commit)?;
        let observed = observer.receive(message, self.credentials.authentication())?;
        watch.step("receive");
        drop(observed);
        Ok(Some(watch.sample(commit.len())))
    }
}
