//! Honest members, each with an in-memory store.

use folkmoot_crypto::{Crypto, Secret, suite_one};
use folkmoot_mls::{
    AuthenticationService, Change, ClientId, CommitBundle, CommitIntent, ComponentId, Components,
    Credential, CredentialRejected, Delta, Error, Extensions, Group, GroupId, Holdings,
    IncomingContent, JoinOptions, KeyPackage, KeyPackageSecrets, Lifetime, Member, MessageBody,
    MlsMessage, OwnKeyPackage, ProposalIntent, Psk, RecordKey, Records, RecordsError, Services,
    Settings, Timestamp, VerifiedKeyPackage,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

/// Vouches for every name but `mallet`, and for names that begin with `old ` only where no clock is
/// asked; a chain's first entry counts as a name. A client is who its name says, and `old x` may
/// become `x`.
#[derive(Clone, Copy, Debug)]
pub struct Names;

/// How the name of a client begins whose credential has expired.
const EXPIRED: &[u8] = b"old ";

impl Names {
    fn name(credential: &Credential) -> Option<&[u8]> {
        match credential {
            Credential::Basic(name) => {
                let name = name.as_slice();
                Some(name.strip_prefix(EXPIRED).unwrap_or(name))
            }
            Credential::X509(chain) => chain.first().map(tls_codec::VLBytes::as_slice),
        }
    }
}

impl AuthenticationService for Names {
    fn validate(
        &self,
        credential: &Credential,
        _: &[u8],
        at: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        match credential {
            Credential::Basic(name) if name.as_slice() == b"mallet" => {
                Err(CredentialRejected("nobody vouches for mallet".into()))
            }
            Credential::Basic(name) if at.is_some() && name.as_slice().starts_with(EXPIRED) => {
                Err(CredentialRejected("expired".into()))
            }
            Credential::Basic(_) | Credential::X509(_) => Ok(()),
        }
    }

    fn client(&self, credential: &Credential) -> Option<ClientId> {
        Self::name(credential).map(ClientId::new)
    }

    fn succeeds(&self, old: &Credential, new: &Credential) -> bool {
        Self::name(old) == Self::name(new)
    }
}

/// The id of the external pre-shared key that everyone holds.
pub const SHARED: &[u8] = b"shared";

/// Every client holds one external pre-shared key.
impl Holdings for Names {
    fn external_psk(&self, id: &[u8]) -> Option<Secret> {
        (id == SHARED).then(|| Secret::from(b"a key from elsewhere".to_vec()))
    }

    fn application_psk(&self, component: ComponentId, id: &[u8]) -> Option<Secret> {
        let held = component == WORDS && id == SHARED;
        held.then(|| Secret::from(b"a key of the words".to_vec()))
    }
}

/// The one component of the application that everyone has: it keeps a list of words, one after the other,
/// and takes none that is empty.
pub const WORDS: ComponentId = ComponentId(0x8001);

impl Components for Names {
    fn knows(&self, component: ComponentId) -> bool {
        component == WORDS
    }

    fn update(&self, _: ComponentId, before: Option<&[u8]>, updates: &[&[u8]]) -> Option<Vec<u8>> {
        let all_say = updates.iter().all(|word| !word.is_empty());
        let words = before.into_iter().chain(updates.iter().copied());
        all_say.then(|| words.collect::<Vec<_>>().join(&b' '))
    }

    fn accepts(&self, _: ComponentId, data: &[u8]) -> bool {
        !data.is_empty()
    }
}

/// What every client asks.
pub fn services() -> Services<'static> {
    Services::new(&Names, &Names).with_components(&Names)
}

/// The external pre-shared key that everyone holds.
pub fn shared_psk() -> Psk {
    Psk::External(SHARED.into())
}

/// The suite of all groups here.
pub fn crypto() -> &'static dyn Crypto {
    suite_one()
}

/// Randomness that is the same in each run.
pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Of all KeyPackages here.
pub fn lifetime() -> Lifetime {
    Lifetime {
        not_before: Timestamp(1_000),
        not_after: Timestamp(2_000),
    }
}

/// A client with this name and fresh signature keys.
pub fn member(name: &str, rng: &mut ChaCha20Rng) -> Member {
    let signature = crypto().generate_signature_key_pair(rng).unwrap();
    Member::new(Credential::Basic(name.as_bytes().into()), signature)
}

/// Records as a store keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory(BTreeMap<Vec<u8>, Secret>);

impl Memory {
    /// Stores a transition.
    pub fn apply(&mut self, delta: Delta) {
        for change in delta.changes {
            match change {
                Change::Put { key, value } => drop(self.0.insert(key.0, value)),
                Change::Erase { key } => drop(self.0.remove(&key.0)),
                Change::EraseAll { prefix } => self.0.retain(|key, _| !key.starts_with(&prefix.0)),
            }
        }
    }

    /// The first bytes of the records' keys, each once: the kinds of record that there are.
    pub fn kinds(&self) -> Vec<u8> {
        let mut kinds: Vec<_> = self
            .0
            .keys()
            .filter_map(|key| key.first().copied())
            .collect();
        kinds.dedup();
        kinds
    }

    /// Whether a byte string stands in any record.
    pub fn contains(&self, needle: &[u8]) -> bool {
        self.0
            .values()
            .any(|value| value.expose().windows(needle.len()).any(|w| w == needle))
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

/// One honest member: its group, its records, its randomness.
#[derive(Debug)]
pub struct Person {
    /// Reloaded from the records after each transition.
    pub group: Group,
    /// The records.
    pub store: Memory,
    /// The member's randomness.
    pub rng: ChaCha20Rng,
    /// The member's choices.
    pub settings: Settings,
}

impl Person {
    /// The founder of a group.
    pub fn create(name: &str, extensions: Extensions, settings: Settings) -> Self {
        let mut rng = rng(name.bytes().map(u64::from).sum());
        let member = member(name, &mut rng);
        Self::found(member, extensions, settings, rng)
    }

    /// The founder of a group.
    pub fn found(
        member: Member,
        extensions: Extensions,
        settings: Settings,
        mut rng: ChaCha20Rng,
    ) -> Self {
        let id = GroupId::new(b"group".to_vec());
        let own = (member, lifetime());
        let (group, delta) = Group::create(
            crypto(),
            id,
            own,
            extensions,
            settings.clone(),
            &Names,
            &mut rng,
        )
        .unwrap();
        Self::new((group, delta), rng, settings)
    }

    /// A member of a group that has just begun for it.
    pub fn new((group, delta): (Group, Delta), rng: ChaCha20Rng, settings: Settings) -> Self {
        let mut store = Memory::default();
        store.apply(delta);
        let mut person = Self {
            group,
            store,
            rng,
            settings,
        };
        person.reload();
        person
    }

    /// Forgets what is in memory and restores the group from its records.
    pub fn reload(&mut self) {
        self.group = Group::load(crypto(), &self.store, self.settings.clone()).unwrap();
    }

    fn keep(&mut self, delta: Delta) {
        self.store.apply(delta);
        self.reload();
    }

    /// Makes a commit, or says why not.
    pub fn try_commit(&mut self, intent: CommitIntent) -> Result<CommitBundle, Error> {
        let made = self.group.commit(
            intent,
            b"",
            services().with_records(&self.store),
            &mut self.rng,
        );
        let (bundle, delta) = made?;
        self.keep(delta);
        Ok(bundle)
    }

    /// Makes a commit.
    pub fn commit(&mut self, intent: CommitIntent) -> CommitBundle {
        self.try_commit(intent).unwrap()
    }

    /// Enters the epoch of its own commit.
    pub fn accept(&mut self) {
        let delta = self.group.accept_pending().unwrap();
        self.keep(delta);
    }

    /// Forgets its own commit.
    pub fn discard(&mut self) {
        let delta = self.group.discard_pending();
        self.keep(delta);
    }

    /// Seals a text, or says why not.
    pub fn try_seal(&mut self, text: &str) -> Result<MlsMessage, Error> {
        let sealed = self.group.seal(text.as_bytes(), b"aad", &mut self.rng);
        let (message, delta) = sealed?;
        self.keep(delta);
        Ok(message)
    }

    /// Seals a text.
    pub fn seal(&mut self, text: &str) -> MlsMessage {
        self.try_seal(text).unwrap()
    }

    /// Makes a proposal, or says why not.
    pub fn try_propose(&mut self, intent: ProposalIntent) -> Result<MlsMessage, Error> {
        let made = self.group.propose(
            intent,
            b"",
            services().with_records(&self.store),
            &mut self.rng,
        );
        let (message, delta) = made?;
        self.keep(delta);
        Ok(message)
    }

    /// Makes a proposal.
    pub fn propose(&mut self, intent: ProposalIntent) -> MlsMessage {
        self.try_propose(intent).unwrap()
    }

    /// Takes a message as it arrives, or says why not.
    pub fn receive(&mut self, message: &MlsMessage) -> Result<IncomingContent, Error> {
        self.receive_bytes(&message.encode())
    }

    /// Takes whatever arrives, or says why not.
    pub fn receive_bytes(&mut self, bytes: &[u8]) -> Result<IncomingContent, Error> {
        let message = MlsMessage::decode(bytes)?;
        let incoming = self
            .group
            .receive(message, services().with_records(&self.store))?;
        let content = incoming.content().clone();
        let delta = self.group.apply(incoming)?;
        self.keep(delta);
        Ok(content)
    }

    /// Reads a text.
    pub fn read(&mut self, message: &MlsMessage) -> String {
        match self.receive(message).unwrap() {
            IncomingContent::Application(message) => String::from_utf8(message.data).unwrap(),
            other => panic!("not application data: {other:?}"),
        }
    }
}

/// A client with a KeyPackage that nobody has used yet.
#[derive(Clone, Debug)]
pub struct Invitee {
    /// As published.
    pub key_package: KeyPackage,
    /// Its private keys.
    pub secrets: KeyPackageSecrets,
    rng: ChaCha20Rng,
}

impl Invitee {
    /// A client with this name.
    pub fn new(name: &str, seed: u64) -> Self {
        let mut rng = rng(seed);
        let member = member(name, &mut rng);
        Self::of(member, rng)
    }

    /// This client.
    pub fn of(member: Member, mut rng: ChaCha20Rng) -> Self {
        let made = KeyPackage::generate(crypto(), member, lifetime(), &mut rng);
        let (key_package, secrets) = made.unwrap();
        Self {
            key_package,
            secrets,
            rng,
        }
    }

    /// The KeyPackage, as one who adds it has verified it.
    pub fn verified(&self) -> VerifiedKeyPackage {
        let package = self.key_package.clone();
        let settings = Settings::default();
        package.verify(crypto(), &Names, &settings, None).unwrap()
    }

    /// An intent to add the client.
    pub fn addition(&self) -> CommitIntent {
        CommitIntent {
            add: vec![self.verified()],
            ..CommitIntent::default()
        }
    }

    /// The KeyPackage with its private keys.
    pub fn own(&self) -> OwnKeyPackage<'_> {
        OwnKeyPackage {
            key_package: &self.key_package,
            secrets: &self.secrets,
        }
    }

    /// Joins by a Welcome, or says why not.
    pub fn join(&self, welcome: &MlsMessage) -> Result<Person, Error> {
        self.join_with(
            welcome,
            JoinOptions::default(),
            Settings::default(),
            services(),
        )
    }

    /// Joins by a Welcome, or says why not.
    pub fn join_with(
        &self,
        welcome: &MlsMessage,
        options: JoinOptions<'_>,
        settings: Settings,
        services: Services<'_>,
    ) -> Result<Person, Error> {
        let welcome = MlsMessage::decode(&welcome.encode())?;
        let MessageBody::Welcome(welcome) = welcome.body else {
            panic!("no Welcome")
        };
        let own = self.own();
        let joined = Group::join(crypto(), &welcome, own, options, settings.clone(), services)?;
        Ok(Person::new(joined, self.rng.clone(), settings))
    }
}
