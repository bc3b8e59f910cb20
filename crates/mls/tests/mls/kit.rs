//! Members with an in-memory store each.

use folkmoot_crypto::{Secret, suite_one};
use folkmoot_mls::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

/// Vouches for every basic credential; a client is who its identity says.
pub(crate) struct Names;

impl AuthenticationService for Names {
    fn validate(
        &self,
        credential: &Credential,
        _: &[u8],
        _: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        match credential {
            Credential::Basic(name) if name.as_slice() != b"mallory" => Ok(()),
            _ => Err(CredentialRejected("not vouched for".into())),
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

/// Every client here was given one pre-shared key, under the id `"shared"`.
impl Holdings for Names {
    fn external_psk(&self, id: &[u8]) -> Option<Secret> {
        (id == b"shared").then(|| Secret::from(b"a key from elsewhere".to_vec()))
    }
}

pub(crate) fn services() -> Services<'static> {
    Services::new(&Names, &Names)
}

/// Records as a store keeps them.
#[derive(Default, Clone)]
pub(crate) struct Memory(BTreeMap<Vec<u8>, Secret>);

impl Memory {
    pub(crate) fn apply(&mut self, delta: Delta) {
        for change in delta.changes {
            match change {
                Change::Put { key, value } => drop(self.0.insert(key.0, value)),
                Change::Erase { key } => drop(self.0.remove(&key.0)),
                Change::EraseAll { prefix } => self.0.retain(|key, _| !key.starts_with(&prefix.0)),
            }
        }
    }

    /// Whether a byte string stands in any record.
    pub(crate) fn contains(&self, needle: &[u8]) -> bool {
        self.0
            .values()
            .any(|value| value.expose().windows(needle.len()).any(|w| w == needle))
    }

    pub(crate) fn bytes(&self) -> &BTreeMap<Vec<u8>, Secret> {
        &self.0
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

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(crate) fn lifetime() -> Lifetime {
    Lifetime {
        not_before: Timestamp(1_000),
        not_after: Timestamp(2_000),
    }
}

pub(crate) fn member(name: &str, rng: &mut ChaCha20Rng) -> Member {
    let signature = suite_one().generate_signature_key_pair(rng).unwrap();
    Member::new(Credential::Basic(name.as_bytes().into()), signature)
}

/// Fresh signature keys for the same name.
pub(crate) fn new_identity(name: &str, seed: u64) -> Identity {
    let Member {
        credential,
        signature,
        ..
    } = member(name, &mut rng(seed));
    Identity {
        credential,
        signature,
    }
}

/// One member: its group, its records, its randomness.
pub(crate) struct Person {
    pub(crate) group: Group,
    pub(crate) store: Memory,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) settings: Settings,
}

impl Person {
    pub(crate) fn create(name: &str, settings: Settings) -> Self {
        let mut rng = rng(name.bytes().map(u64::from).sum());
        let member = member(name, &mut rng);
        let id = GroupId::new(b"group".to_vec());
        let (group, delta) = Group::create(
            suite_one(),
            id,
            (member, lifetime()),
            Extensions::default(),
            settings.clone(),
            &Names,
            &mut rng,
        )
        .unwrap();
        let mut store = Memory::default();
        store.apply(delta);
        Self {
            group,
            store,
            rng,
            settings,
        }
    }

    /// Forgets what is in memory and restores the group from its records.
    pub(crate) fn reload(&mut self) {
        self.group = Group::load(suite_one(), &self.store, self.settings.clone()).unwrap();
    }

    pub(crate) fn commit(&mut self, intent: CommitIntent) -> CommitBundle {
        let (bundle, delta) = self
            .group
            .commit(
                intent,
                b"",
                services().with_records(&self.store),
                &mut self.rng,
            )
            .unwrap();
        self.store.apply(delta);
        self.reload();
        bundle
    }

    pub(crate) fn accept(&mut self) {
        let delta = self.group.accept_pending().unwrap();
        self.store.apply(delta);
        self.reload();
    }

    pub(crate) fn seal(&mut self, text: &str) -> MlsMessage {
        let (message, delta) = self
            .group
            .seal(text.as_bytes(), b"aad", &mut self.rng)
            .unwrap();
        self.store.apply(delta);
        self.reload();
        MlsMessage::decode(&message.encode()).unwrap()
    }

    pub(crate) fn propose(&mut self, intent: ProposalIntent) -> MlsMessage {
        let (message, delta) = self
            .group
            .propose(
                intent,
                b"",
                services().with_records(&self.store),
                &mut self.rng,
            )
            .unwrap();
        self.store.apply(delta);
        self.reload();
        message
    }

    pub(crate) fn receive(&mut self, message: &MlsMessage) -> Result<IncomingContent, Error> {
        let incoming = self
            .group
            .receive(message.clone(), services().with_records(&self.store))?;
        let content = incoming.content().clone();
        let delta = self.group.apply(incoming).unwrap();
        self.store.apply(delta);
        self.reload();
        Ok(content)
    }

    pub(crate) fn read(&mut self, message: &MlsMessage) -> String {
        match self.receive(message).unwrap() {
            IncomingContent::Application(message) => {
                assert_eq!(message.authenticated_data, b"aad");
                String::from_utf8(message.data).unwrap()
            }
            other => panic!("not application data: {other:?}"),
        }
    }
}

/// A client with a KeyPackage that nobody has used yet.
pub(crate) struct Invitee {
    pub(crate) key_package: KeyPackage,
    pub(crate) secrets: KeyPackageSecrets,
    rng: ChaCha20Rng,
}

impl Invitee {
    pub(crate) fn new(name: &str, seed: u64) -> Self {
        let mut rng = rng(seed);
        let member = member(name, &mut rng);
        let (key_package, secrets) =
            KeyPackage::generate(suite_one(), member, lifetime(), &mut rng).unwrap();
        Self {
            key_package,
            secrets,
            rng,
        }
    }

    pub(crate) fn verified(&self) -> VerifiedKeyPackage {
        let now = Some(Timestamp(1_500));
        self.key_package
            .clone()
            .verify(suite_one(), &Names, &Settings::default(), now)
            .unwrap()
    }

    pub(crate) fn join(self, welcome: &MlsMessage, settings: Settings) -> Result<Person, Error> {
        self.join_with(welcome, JoinOptions::default(), settings, services())
    }

    /// Joins a group that follows one that this client is in.
    pub(crate) fn join_after(
        self,
        predecessor: &Person,
        welcome: &MlsMessage,
    ) -> Result<Person, Error> {
        let options = JoinOptions {
            predecessor: Some(&predecessor.group),
            ..JoinOptions::default()
        };
        let services = services().with_records(&predecessor.store);
        self.join_with(welcome, options, Settings::default(), services)
    }

    pub(crate) fn join_with(
        self,
        welcome: &MlsMessage,
        options: JoinOptions<'_>,
        settings: Settings,
        services: Services<'_>,
    ) -> Result<Person, Error> {
        let MessageBody::Welcome(welcome) = &welcome.body else {
            panic!("no Welcome")
        };
        let own = OwnKeyPackage {
            key_package: &self.key_package,
            secrets: &self.secrets,
        };
        let (group, delta) = Group::join(
            suite_one(),
            welcome,
            own,
            options,
            settings.clone(),
            services,
        )?;
        let mut store = Memory::default();
        store.apply(delta);
        let mut person = Person {
            group,
            store,
            rng: self.rng,
            settings,
        };
        person.reload();
        Ok(person)
    }
}

/// Adds `invitee`; the committer and `others` enter the new epoch.
pub(crate) fn add(committer: &mut Person, others: &mut [&mut Person], invitee: Invitee) -> Person {
    let intent = CommitIntent {
        add: vec![invitee.verified()],
        ..CommitIntent::default()
    };
    let bundle = committer.commit(intent);
    committer.accept();
    for other in others.iter_mut() {
        other.receive(&bundle.commit).unwrap();
    }
    let joined = invitee
        .join(&bundle.welcome.unwrap(), committer.settings.clone())
        .unwrap();
    agree(&[committer, &joined]);
    joined
}

/// All are in one epoch and agree on everything.
pub(crate) fn agree(people: &[&Person]) {
    let first = &people[0].group;
    for person in people {
        assert_eq!(person.group.context(), first.context());
        assert_eq!(
            person.group.epoch_authenticator(),
            first.epoch_authenticator()
        );
        let export = |group: &Group| group.export("test", b"context", 32).unwrap();
        assert_eq!(export(&person.group), export(first));
    }
}
