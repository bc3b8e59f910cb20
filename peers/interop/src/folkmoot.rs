//! Folkmoot as a [`Member`]. After each change it is restored from its records, as after a crash.

use crate::{
    Change, EXTENSION, Engine, Entry, Handshakes, Member, Outcome, Published, Refusal, Seen,
    Settings, Tree,
};
use folkmoot_crypto::{Crypto, Provider, Secret};
use folkmoot_mls::{
    AuthenticationService, CipherSuite, ClientId, CommitIntent, Credential, CredentialRejected,
    Delta, ExtensionType, Extensions, ExternalJoin, Group, GroupId, Holdings, IncomingContent,
    JoinOptions, KeyPackage, KeyPackageSecrets, LeafIndex, Lifetime, MessageBody, MlsMessage,
    OwnKeyPackage, ProposalIntent, Psk, RecordKey, Records, RecordsError, Services,
    SignatureKeyPair, Supported, Timestamp, VerifiedKeyPackage, WireFormat,
};
use rand_core::UnwrapErr;
use std::collections::BTreeMap;
use std::time::SystemTime;
use tls_codec::DeserializeBytes;

const LIFETIME_SECONDS: u64 = 28 * 24 * 60 * 60;
/// How far a KeyPackage's lifetime reaches back, for clocks that are behind.
const CLOCK_SKEW_SECONDS: u64 = 60 * 60;

struct Folkmoot {
    name: String,
    settings: Settings,
    crypto: &'static dyn Crypto,
    signature: SignatureKeyPair,
    key_package: Option<(KeyPackage, KeyPackageSecrets)>,
    psks: Psks,
    group: Option<(Group, Memory)>,
}

pub(crate) fn has_suite(suite: u16) -> bool {
    !providers(suite).is_empty()
}

fn providers(suite: u16) -> Vec<&'static dyn Crypto> {
    let all = Provider::ALL.into_iter();
    all.filter_map(|provider| provider.suite(CipherSuite(suite)))
        .collect()
}

/// Members take the providers in turn, by the last digit of their names.
pub(crate) fn member(name: &str, settings: Settings) -> Outcome<Box<dyn Member>> {
    let providers = providers(settings.suite);
    let last = name.bytes().last().map_or(0, usize::from);
    let crypto = last
        .checked_rem(providers.len())
        .map(|turn| providers[turn])
        .ok_or_else(|| Refusal::from_engine(settings.suite))?;
    let signature = crypto
        .generate_signature_key_pair(&mut rng())
        .map_err(Refusal::from_engine)?;
    Ok(client(name, settings, crypto, signature))
}

fn client(
    name: &str,
    settings: Settings,
    crypto: &'static dyn Crypto,
    signature: SignatureKeyPair,
) -> Box<dyn Member> {
    Box::new(Folkmoot {
        name: name.to_owned(),
        settings,
        crypto,
        signature,
        key_package: None,
        psks: Psks::default(),
        group: None,
    })
}

fn rng() -> UnwrapErr<getrandom::SysRng> {
    UnwrapErr(getrandom::SysRng)
}

/// Vouches for every basic credential; a client is who its identity says.
struct Names;

impl AuthenticationService for Names {
    fn validate(
        &self,
        credential: &Credential,
        _: &[u8],
        _: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        match credential {
            Credential::Basic(_) => Ok(()),
            Credential::X509(_) => Err(CredentialRejected("not a basic credential".into())),
        }
    }

    fn client(&self, credential: &Credential) -> Option<ClientId> {
        match credential {
            Credential::Basic(name) => Some(ClientId::new(name.as_slice())),
            Credential::X509(_) => None,
        }
    }

    fn succeeds(&self, old: &Credential, new: &Credential) -> bool {
        old == new
    }
}

/// External pre-shared keys by id.
#[derive(Default)]
struct Psks(BTreeMap<Vec<u8>, Secret>);

impl Holdings for Psks {
    fn external_psk(&self, id: &[u8]) -> Option<Secret> {
        self.0.get(id).cloned()
    }
}

/// A group's records as a store keeps them.
#[derive(Default)]
struct Memory(BTreeMap<Vec<u8>, Secret>);

impl Memory {
    fn apply(&mut self, delta: Delta) {
        for change in delta.changes {
            match change {
                folkmoot_mls::Change::Put { key, value } => drop(self.0.insert(key.0, value)),
                folkmoot_mls::Change::Erase { key } => drop(self.0.remove(&key.0)),
                folkmoot_mls::Change::EraseAll { prefix } => {
                    self.0.retain(|key, _| !key.starts_with(&prefix.0));
                }
            }
        }
    }
}

impl Records for Memory {
    fn get(&self, key: &RecordKey) -> Result<Option<Secret>, RecordsError> {
        Ok(self.0.get(&key.0).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(RecordKey, Secret)>, RecordsError> {
        let found = self.0.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(found
            .map(|(key, value)| (RecordKey(key.clone()), value.clone()))
            .collect())
    }
}

impl Folkmoot {
    fn settings(&self) -> folkmoot_mls::Settings {
        folkmoot_mls::Settings {
            handshakes: match self.settings.handshakes {
                Handshakes::Public => WireFormat::PublicMessage,
                Handshakes::Private => WireFormat::PrivateMessage,
            },
            ..folkmoot_mls::Settings::default()
        }
    }

    fn leaf(&self) -> folkmoot_mls::Member {
        let credential = Credential::Basic(self.name.as_bytes().into());
        let supported = Supported {
            extensions: vec![ExtensionType(EXTENSION)],
            ..Supported::default()
        };
        folkmoot_mls::Member::new(credential, self.signature.clone()).supporting(supported)
    }

    fn group(&self) -> Outcome<(&Group, &Memory)> {
        let group = self.group.as_ref().map(|(group, records)| (group, records));
        group.ok_or_else(Refusal::no_group)
    }

    /// Changes the group, stores what changed and restores the group from the store.
    fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Group, Services<'_>) -> Result<(T, Delta), folkmoot_mls::Error>,
    ) -> Outcome<T> {
        let settings = self.settings();
        let (group, records) = self.group.as_mut().ok_or_else(Refusal::no_group)?;
        let services = Services::new(&Names, &self.psks).with_records(records);
        let (done, delta) = change(group, services).map_err(Refusal::from_engine)?;
        records.apply(delta);
        *group = Group::load(self.crypto, records, settings).map_err(Refusal::from_engine)?;
        Ok(done)
    }

    fn begin(&mut self, (group, delta): (Group, Delta)) {
        let mut records = Memory::default();
        records.apply(delta);
        self.group = Some((group, records));
    }

    fn decode_key_package(&self, bytes: &[u8]) -> Outcome<VerifiedKeyPackage> {
        let MessageBody::KeyPackage(key_package) = decode(bytes)?.body else {
            return Err(Refusal("not a KeyPackage".into()));
        };
        key_package
            .verify(self.crypto, &Names, &self.settings(), Some(now()))
            .map_err(Refusal::from_engine)
    }

    fn intent(&self, changes: &[Change], fresh_keys: bool) -> Outcome<CommitIntent> {
        let mut intent = CommitIntent {
            force_path: fresh_keys,
            tree_apart: self.settings.tree == Tree::Outside,
            ..CommitIntent::default()
        };
        for change in changes {
            match change {
                Change::Add(bytes) => intent.add.push(self.decode_key_package(bytes)?),
                Change::Remove(leaf) => intent.remove.push(LeafIndex(*leaf)),
                Change::Update => return Err(Refusal("no Update by value".into())),
                Change::Psk(id) => intent.psks.push(external(id)),
                Change::Extensions(list) => intent.extensions = Some(decode_extensions(list)?),
            }
        }
        Ok(intent)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| since.as_secs()))
}

fn lifetime() -> Lifetime {
    let Timestamp(now) = now();
    Lifetime {
        not_before: Timestamp(now.saturating_sub(CLOCK_SKEW_SECONDS)),
        not_after: Timestamp(now.saturating_add(LIFETIME_SECONDS)),
    }
}

fn external(id: &[u8]) -> Psk {
    Psk::External(id.into())
}

fn decode_extensions(bytes: &[u8]) -> Outcome<Extensions> {
    Extensions::tls_deserialize_exact_bytes(bytes).map_err(Refusal::from_engine)
}

fn decode(bytes: &[u8]) -> Outcome<MlsMessage> {
    MlsMessage::decode(bytes).map_err(Refusal::from_engine)
}

impl Member for Folkmoot {
    fn engine(&self) -> Engine {
        Engine::Folkmoot
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn key_package(&mut self) -> Outcome<Vec<u8>> {
        let made = KeyPackage::generate(self.crypto, self.leaf(), lifetime(), &mut rng())
            .map_err(Refusal::from_engine)?;
        let message = made.0.to_message().encode();
        self.key_package = Some(made);
        Ok(message)
    }

    fn create(&mut self, group_id: &[u8]) -> Outcome<()> {
        let group = Group::create(
            self.crypto,
            GroupId::new(group_id),
            (self.leaf(), lifetime()),
            Extensions::default(),
            self.settings(),
            &Names,
            &mut rng(),
        );
        self.begin(group.map_err(Refusal::from_engine)?);
        Ok(())
    }

    fn join(&mut self, welcome: &[u8], tree: Option<&[u8]>) -> Outcome<()> {
        let MessageBody::Welcome(welcome) = decode(welcome)?.body else {
            return Err(Refusal("not a Welcome".into()));
        };
        let own = self.key_package.take();
        let (key_package, secrets) = own.ok_or_else(|| Refusal("no KeyPackage was made".into()))?;
        let own = OwnKeyPackage {
            key_package: &key_package,
            secrets: &secrets,
        };
        let options = JoinOptions {
            tree,
            ..JoinOptions::default()
        };
        let services = Services::new(&Names, &self.psks);
        let group = Group::join(
            self.crypto,
            &welcome,
            own,
            options,
            self.settings(),
            services,
        );
        self.begin(group.map_err(Refusal::from_engine)?);
        Ok(())
    }

    fn enter(&mut self, entry: &Entry) -> Outcome<Vec<u8>> {
        let MessageBody::GroupInfo(group_info) = decode(&entry.group_info)?.body else {
            return Err(Refusal("not a GroupInfo".into()));
        };
        let join = ExternalJoin {
            group_info: &group_info,
            tree: entry.tree.as_deref(),
            member: self.leaf(),
            replaces: entry.old_leaf.map(LeafIndex),
            psks: entry.psks.iter().map(|id| external(id)).collect(),
            authenticated_data: b"",
            self_removals: &[],
            app_data: Vec::new(),
            ephemeral: Vec::new(),
        };
        let services = Services::new(&Names, &self.psks);
        let (group, commit, delta) =
            Group::join_by_commit(self.crypto, join, self.settings(), services, &mut rng())
                .map_err(Refusal::from_engine)?;
        self.begin((group, delta));
        Ok(commit.encode())
    }

    fn amnesiac(&self) -> Outcome<Box<dyn Member>> {
        let signature = self.signature.clone();
        Ok(client(&self.name, self.settings, self.crypto, signature))
    }

    fn store_psk(&mut self, id: &[u8], secret: &[u8]) -> Outcome<()> {
        let secret = Secret::from(secret.to_vec());
        self.psks.0.insert(id.to_vec(), secret);
        Ok(())
    }

    fn propose(&mut self, change: &Change) -> Outcome<Vec<u8>> {
        let intent = match change {
            Change::Add(bytes) => ProposalIntent::Add(self.decode_key_package(bytes)?),
            Change::Remove(leaf) => ProposalIntent::Remove(LeafIndex(*leaf)),
            Change::Update => ProposalIntent::Update,
            Change::Psk(id) => ProposalIntent::Psk(external(id)),
            Change::Extensions(list) => ProposalIntent::Extensions(decode_extensions(list)?),
        };
        let message =
            self.change(|group, services| group.propose(intent, b"", services, &mut rng()))?;
        Ok(message.encode())
    }

    fn commit(&mut self, changes: &[Change], fresh_keys: bool) -> Outcome<Published> {
        let intent = self.intent(changes, fresh_keys)?;
        let bundle =
            self.change(|group, services| group.commit(intent, b"", services, &mut rng()))?;
        Ok(Published {
            commit: bundle.commit.encode(),
            welcome: bundle.welcome.map(|welcome| welcome.encode()),
        })
    }

    fn accept(&mut self) -> Outcome<()> {
        self.change(|group, _| Ok(((), group.accept_pending()?)))
    }

    fn discard(&mut self) -> Outcome<()> {
        self.change(|group, _| Ok(((), group.discard_pending())))
    }

    fn process(&mut self, message: &[u8]) -> Outcome<Seen> {
        let message = decode(message)?;
        self.change(|group, services| {
            let incoming = group.receive(message, services)?;
            let seen = match incoming.content() {
                IncomingContent::Application(message) => Seen::Message {
                    sender: message.sender.0,
                    data: message.data.clone(),
                    authenticated_data: message.authenticated_data.clone(),
                },
                IncomingContent::Proposal { .. } => Seen::Proposal,
                IncomingContent::Commit(summary) => Seen::Commit {
                    removed: summary.self_removed,
                },
            };
            Ok((seen, group.apply(incoming)?))
        })
    }

    fn seal(&mut self, data: &[u8], authenticated_data: &[u8]) -> Outcome<Vec<u8>> {
        let message = self.change(|group, _| group.seal(data, authenticated_data, &mut rng()))?;
        Ok(message.encode())
    }

    fn group_info(&mut self, tree: Tree) -> Outcome<Vec<u8>> {
        let (group, records) = self.group()?;
        let message = group.group_info(tree == Tree::Inside, records);
        Ok(message.map_err(Refusal::from_engine)?.encode())
    }

    fn ratchet_tree(&self) -> Outcome<Vec<u8>> {
        let (group, records) = self.group()?;
        let tree = group.tree().to_extension(records);
        tree.map_err(Refusal::from_engine)
    }

    fn members(&self) -> Outcome<Vec<(u32, String)>> {
        let (group, records) = self.group()?;
        let members = group.members(records);
        Ok(members
            .map_err(Refusal::from_engine)?
            .map(|(place, leaf)| {
                let identity = match &leaf.content.credential {
                    Credential::Basic(identity) => identity.as_slice(),
                    Credential::X509(_) => &[],
                };
                (place.0, String::from_utf8_lossy(identity).into_owned())
            })
            .collect())
    }

    fn epoch(&self) -> Outcome<u64> {
        Ok(self.group()?.0.epoch().0)
    }

    fn epoch_authenticator(&self) -> Outcome<Vec<u8>> {
        let authenticator = self.group()?.0.epoch_authenticator();
        let authenticator = authenticator.map_err(Refusal::from_engine)?;
        Ok(authenticator.expose().to_vec())
    }

    fn export(&self, label: &str, context: &[u8], length: usize) -> Outcome<Vec<u8>> {
        let length = u16::try_from(length).map_err(Refusal::from_engine)?;
        let secret = self.group()?.0.export(label, context, length);
        Ok(secret.map_err(Refusal::from_engine)?.expose().to_vec())
    }
}
