//! Groups with the post-quantum suites: random lives in which all agree after each step, and keys and
//! ciphertexts that members refuse.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use folkmoot_crypto::{Crypto, HpkeCiphertext, PostQuantumCodePoints, Provider};
use folkmoot_mls::hazmat::{Knowledge, Signed};
use folkmoot_mls::{
    Check, CommitIntent, Content, Credential, Delta, Error, Extensions, ExternalJoin,
    FramedContent, Group, GroupId, IncomingContent, JoinOptions, KeyPackage, KeyPackageContent,
    KeyPackageSecrets, LeafNodeSource, Member, MessageBody, MlsMessage, NoRecords, OwnKeyPackage,
    Proposal, ProposalIntent, ProposalOrRef, Sender, Settings, WireFormat,
};
use folkmoot_sim::{
    Forgery, Memory, Names, external_join, key_package, leaf, lifetime, refusal, rng, services,
    shared_psk, update,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;

/// How many steps a group's life has.
const STEPS: usize = 60;
/// Members beyond it are not added.
const MOST: usize = 6;
/// Members below it are not removed.
const FEWEST: usize = 3;

/// Runs `test` with every post-quantum suite.
fn each(mut test: impl FnMut(&'static dyn Crypto)) {
    for suite in PostQuantumCodePoints::DEFAULT.all() {
        println!("{suite:?}");
        test(folkmoot_crypto::provider(suite).unwrap());
    }
}

/// A client of one suite with a KeyPackage.
struct Newcomer {
    crypto: &'static dyn Crypto,
    package: KeyPackage,
    secrets: KeyPackageSecrets,
    rng: ChaCha20Rng,
}

fn client(crypto: &dyn Crypto, seed: u64) -> (Member, ChaCha20Rng) {
    let mut rng = rng(seed);
    let signature = crypto.generate_signature_key_pair(&mut rng).unwrap();
    let name = format!("client {seed}");
    let credential = Credential::Basic(name.into_bytes().into());
    (Member::new(credential, signature), rng)
}

impl Newcomer {
    fn new(crypto: &'static dyn Crypto, seed: u64) -> Self {
        let (member, mut rng) = client(crypto, seed);
        let (package, secrets) =
            KeyPackage::generate(crypto, member, lifetime(), &mut rng).unwrap();
        Self {
            crypto,
            package,
            secrets,
            rng,
        }
    }

    fn addition(&self) -> CommitIntent {
        let package = self.package.clone();
        let settings = Settings::default();
        let verified = package.verify(self.crypto, &Names, &settings, None);
        CommitIntent {
            add: vec![verified.unwrap()],
            ..CommitIntent::default()
        }
    }

    fn join(&self, welcome: &MlsMessage) -> Result<Person, Error> {
        let MessageBody::Welcome(welcome) = MlsMessage::decode(&welcome.encode())?.body else {
            panic!("no Welcome")
        };
        let own = OwnKeyPackage {
            key_package: &self.package,
            secrets: &self.secrets,
        };
        let (options, settings) = (JoinOptions::default(), Settings::default());
        let joined = Group::join(self.crypto, &welcome, own, options, settings, services())?;
        Ok(Person::new(self.crypto, joined, self.rng.clone()))
    }
}

/// A member, restored from its records after each step.
struct Person {
    crypto: &'static dyn Crypto,
    group: Group,
    store: Memory,
    rng: ChaCha20Rng,
}

impl Person {
    fn new(crypto: &'static dyn Crypto, (group, delta): (Group, Delta), rng: ChaCha20Rng) -> Self {
        let store = Memory::default();
        let mut person = Self {
            crypto,
            group,
            store,
            rng,
        };
        person.keep(delta);
        person
    }

    fn found(crypto: &'static dyn Crypto, seed: u64) -> Self {
        let (member, mut rng) = client(crypto, seed);
        let created = Group::create(
            crypto,
            GroupId::new(b"group".to_vec()),
            (member, lifetime()),
            Extensions::default(),
            Settings::default(),
            &Names,
            &mut rng,
        );
        Self::new(crypto, created.unwrap(), rng)
    }

    fn keep(&mut self, delta: Delta) {
        self.store.apply(delta);
        self.group = Group::load(self.crypto, &self.store, Settings::default()).unwrap();
    }

    fn commit(&mut self, intent: CommitIntent) -> (MlsMessage, Option<MlsMessage>) {
        let services = services().with_records(&self.store);
        let made = self.group.commit(intent, b"", services, &mut self.rng);
        let (bundle, delta) = made.unwrap();
        self.keep(delta);
        (bundle.commit, bundle.welcome)
    }

    fn accept(&mut self) {
        let delta = self.group.accept_pending().unwrap();
        self.keep(delta);
    }

    fn propose(&mut self, intent: ProposalIntent) -> MlsMessage {
        let services = services().with_records(&self.store);
        let made = self.group.propose(intent, b"", services, &mut self.rng);
        let (message, delta) = made.unwrap();
        self.keep(delta);
        message
    }

    fn seal(&mut self, text: &[u8]) -> MlsMessage {
        let (message, delta) = self.group.seal(text, b"", &mut self.rng).unwrap();
        self.keep(delta);
        message
    }

    fn receive(&mut self, message: &MlsMessage) -> Result<IncomingContent, Error> {
        let message = MlsMessage::decode(&message.encode())?;
        let services = services().with_records(&self.store);
        let incoming = self.group.receive(message, services)?;
        let content = incoming.content().clone();
        let delta = self.group.apply(incoming)?;
        self.keep(delta);
        Ok(content)
    }

    fn knowledge(&self) -> Knowledge {
        Knowledge::of(&self.group, &self.store).unwrap()
    }
}

/// The members of one group, and whoever may become one.
struct Company {
    crypto: &'static dyn Crypto,
    people: Vec<Person>,
    /// Of the next client.
    next_seed: u64,
    dice: ChaCha20Rng,
}

impl Company {
    /// A group of so many; all but the founder were added at once, and every parent has keys.
    fn of(crypto: &'static dyn Crypto, members: u64) -> Self {
        let mut founder = Person::found(crypto, 0);
        let newcomers: Vec<_> = (1..members)
            .map(|seed| Newcomer::new(crypto, seed))
            .collect();
        let add = newcomers.iter().flat_map(|one| one.addition().add);
        let (_, welcome) = founder.commit(CommitIntent {
            add: add.collect(),
            ..CommitIntent::default()
        });
        founder.accept();
        let welcome = welcome.unwrap();
        let mut people = vec![founder];
        people.extend(newcomers.iter().map(|one| one.join(&welcome).unwrap()));
        let mut company = Self {
            crypto,
            people,
            next_seed: members,
            dice: rng(u64::from(crypto.suite().0)),
        };
        for place in 0..company.people.len() {
            company.commit(place, update());
        }
        company
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.dice.next_u32() as usize % sides
    }

    /// One by chance, and another.
    fn two(&mut self) -> [usize; 2] {
        let people = self.people.len();
        let one = self.roll(people);
        [one, (one + 1 + self.roll(people - 1)) % people]
    }

    fn newcomer(&mut self) -> Newcomer {
        self.next_seed += 1;
        Newcomer::new(self.crypto, self.next_seed)
    }

    fn deliver(&mut self, sender: Option<usize>, message: &MlsMessage) {
        for (place, person) in self.people.iter_mut().enumerate() {
            if Some(place) != sender {
                person.receive(message).unwrap();
            }
        }
    }

    /// The Welcome of a commit that all enter.
    fn commit(&mut self, committer: usize, intent: CommitIntent) -> Option<MlsMessage> {
        let (commit, welcome) = self.people[committer].commit(intent);
        self.deliver(Some(committer), &commit);
        self.people[committer].accept();
        self.people.retain(|person| person.group.is_active());
        self.agree();
        welcome
    }

    fn agree(&self) {
        let seen = |person: &Person| {
            let group = &person.group;
            let exported = group.export("test", b"context", 32).unwrap();
            let authenticator = group.epoch_authenticator().unwrap().clone();
            (group.context().clone(), authenticator, exported)
        };
        let first = seen(&self.people[0]);
        assert!(self.people.iter().all(|person| seen(person) == first));
    }

    fn add(&mut self) {
        let newcomer = self.newcomer();
        let [committer, _] = self.two();
        let welcome = self.commit(committer, newcomer.addition());
        self.people.push(newcomer.join(&welcome.unwrap()).unwrap());
        self.agree();
    }

    fn remove(&mut self) {
        let [committer, removed] = self.two();
        let leaf = self.people[removed].group.own_index();
        self.commit(
            committer,
            CommitIntent {
                remove: vec![leaf],
                ..CommitIntent::default()
            },
        );
    }

    fn update(&mut self) {
        let [proposer, committer] = self.two();
        let proposal = self.people[proposer].propose(ProposalIntent::Update);
        self.deliver(Some(proposer), &proposal);
        self.commit(committer, CommitIntent::default());
    }

    fn external_join(&mut self) {
        let [helper, _] = self.two();
        let helper = &self.people[helper];
        let info = helper.group.group_info(true, &helper.store).unwrap();
        let MessageBody::GroupInfo(info) = MlsMessage::decode(&info.encode()).unwrap().body else {
            panic!("no GroupInfo")
        };
        self.next_seed += 1;
        let (member, mut rng) = client(self.crypto, self.next_seed);
        let join = ExternalJoin {
            group_info: &info,
            tree: None,
            member,
            replaces: None,
            psks: Vec::new(),
            authenticated_data: b"",
            self_removals: &[],
            app_data: Vec::new(),
            ephemeral: Vec::new(),
        };
        let settings = Settings::default();
        let joined = Group::join_by_commit(self.crypto, join, settings, services(), &mut rng);
        let (group, commit, delta) = joined.unwrap();
        self.deliver(None, &commit);
        self.people
            .push(Person::new(self.crypto, (group, delta), rng));
        self.agree();
    }

    fn talk(&mut self) {
        let [speaker, _] = self.two();
        let message = self.people[speaker].seal(b"psst");
        for (place, person) in self.people.iter_mut().enumerate() {
            if place == speaker {
                continue;
            }
            let IncomingContent::Application(read) = person.receive(&message).unwrap() else {
                panic!("no application data")
            };
            assert_eq!(read.data, b"psst");
        }
    }

    fn mix_in_a_key(&mut self) {
        let [committer, _] = self.two();
        self.commit(
            committer,
            CommitIntent {
                psks: vec![shared_psk()],
                ..CommitIntent::default()
            },
        );
    }

    fn step(&mut self) {
        match self.roll(8) {
            0 | 1 if self.people.len() >= MOST => self.remove(),
            0 => self.add(),
            1 => self.external_join(),
            2 if self.people.len() > FEWEST => self.remove(),
            2 | 3 => self.update(),
            4 | 5 => {
                let [committer, _] = self.two();
                self.commit(committer, update());
            }
            6 => self.mix_in_a_key(),
            _ => self.talk(),
        }
    }
}

#[test]
fn all_agree_after_each_step() {
    each(|crypto| {
        let mut company = Company::of(crypto, 3);
        for _ in 0..STEPS {
            company.step();
            company.talk();
        }
        assert!(company.next_seed > 8, "people came and went");
    });
}

/// What one provider makes the other takes.
#[test]
fn both_providers_in_one_group() {
    for suite in PostQuantumCodePoints::DEFAULT.all() {
        let mut company = Company::of(Provider::AwsLc.suite(suite).unwrap(), 3);
        company.crypto = Provider::Portable.suite(suite).unwrap();
        company.add();
        company.external_join();
        for place in 0..company.people.len() {
            company.commit(place, update());
        }
        company.talk();
    }
}

/// Keys that are none: too short, too long, and with a number that is not below q (FIPS 203 §7.2).
fn bad_keys(crypto: &dyn Crypto) -> Vec<Vec<u8>> {
    let ikm = folkmoot_crypto::random_secret(&mut rng(77), 32);
    let key = crypto.derive_kem_key_pair(&ikm).unwrap().public;
    let beyond = [&[0xff, 0xff], &key[2..]].concat();
    vec![
        Vec::new(),
        key[..key.len() - 1].to_vec(),
        [&key[..], &[0]].concat(),
        beyond,
    ]
}

/// Four members, of whom the last keeps to no rule.
fn forgery(company: &Company, proposals: Vec<Proposal>) -> Forgery {
    Forgery::new(company.people[3].knowledge(), proposals)
}

/// The others refuse the message for this reason, and go on.
fn refuses(company: &mut Company, message: &MlsMessage, reason: Check) {
    for person in &mut company.people[..3] {
        let before = person.store.clone();
        assert_eq!(refusal(person.receive(message)), reason.into());
        assert_eq!(person.store, before);
    }
}

#[test]
fn keys_of_a_path_that_are_none() {
    each(|crypto| {
        let mut company = Company::of(crypto, 4);
        for key in bad_keys(crypto) {
            for level in [0, 1] {
                let mut commit = forgery(&company, Vec::new());
                commit.begin_path();
                commit.public_keys[level].clone_from(&key);
                commit.seal_path();
                refuses(&mut company, &commit.message(), Check::KeysValidForSuite);
            }
            let mut commit = forgery(&company, Vec::new());
            commit.begin_path();
            commit.leaf.encryption_key = key.into();
            commit.seal_path();
            refuses(&mut company, &commit.message(), Check::KeysValidForSuite);
        }
        company.commit(3, update());
    });
}

#[test]
fn keys_of_proposals_that_are_none() {
    each(|crypto| {
        let mut company = Company::of(crypto, 4);
        let dora = Newcomer::new(crypto, 9);
        let private = &dora.secrets.signature.private;
        let mut changes: Vec<(KeyPackageContent, Vec<u8>)> = Vec::new();
        for key in bad_keys(crypto) {
            let mut init = dora.package.content.clone();
            init.init_key = key.clone().into();
            changes.push((init, key.clone()));
            let mut of_leaf = dora.package.content.clone();
            of_leaf.leaf_node.content.encryption_key = key.clone().into();
            changes.push((of_leaf, key));
        }
        for (content, key) in changes {
            let package = key_package(crypto, content, private);
            let settings = Settings::default();
            let verified = package.clone().verify(crypto, &Names, &settings, None);
            assert_eq!(refusal(verified), Check::KeysValidForSuite.into());
            let add = propose(&company, Proposal::Add(Box::new(package)));
            refuses(&mut company, &add, Check::KeysValidForSuite);
            let update = propose(&company, update_to(&company, &key));
            refuses(&mut company, &update, Check::KeysValidForSuite);
        }
        company.commit(3, update());
    });
}

/// The insider's proposal, properly signed and tagged.
fn propose(company: &Company, proposal: Proposal) -> MlsMessage {
    let known = company.people[3].knowledge();
    let content = FramedContent {
        group_id: known.context.group_id.clone(),
        epoch: known.context.epoch,
        sender: Sender::Member(known.own),
        authenticated_data: Vec::new().into(),
        content: Content::Proposal(proposal),
    };
    let (key, context) = (&known.signature.private, Some(&known.context));
    let wire_format = WireFormat::PublicMessage;
    let signed = Signed::sign(known.crypto, wire_format, content, key, context).unwrap();
    signed.tagged(known.crypto, &known.membership_key, &known.context)
}

/// The insider's leaf with this encryption key.
fn update_to(company: &Company, key: &[u8]) -> Proposal {
    let known = company.people[3].knowledge();
    let own = known.tree.leaf(known.own, &NoRecords).unwrap().unwrap();
    let mut content = own.content.clone();
    content.encryption_key = key.into();
    content.source = LeafNodeSource::Update;
    let place = Some((&known.context.group_id, known.own));
    let private = &known.signature.private;
    Proposal::Update(Box::new(leaf(known.crypto, content, private, place)))
}

/// Ciphertexts of the KEM that are none, and one for somebody else.
fn bad_outputs(output: &[u8]) -> [Vec<u8>; 4] {
    let mut altered = output.to_vec();
    altered[0] ^= 1;
    [
        Vec::new(),
        output[1..].to_vec(),
        [output, &[0]].concat(),
        altered,
    ]
}

#[test]
fn encapsulations_of_a_path_that_are_none() {
    each(|crypto| {
        let mut company = Company::of(crypto, 4);
        let honest = forgery(&company, Vec::new()).with_path();
        for kind in 0..4 {
            let mut commit = forgery(&company, Vec::new()).with_path();
            let nodes = &mut commit.path.as_mut().unwrap().nodes;
            for node in nodes {
                let bad = |sealed: HpkeCiphertext| HpkeCiphertext {
                    kem_output: bad_outputs(sealed.kem_output.as_slice())[kind]
                        .as_slice()
                        .into(),
                    ..sealed
                };
                let sealed = node.encrypted_path_secret.iter().map(bad);
                node.encrypted_path_secret = sealed.collect();
            }
            refuses(&mut company, &commit.message(), Check::PathSecretOpens);
        }
        for person in &mut company.people[..3] {
            person.receive(&honest.message()).unwrap();
        }
    });
}

#[test]
fn encapsulations_of_a_welcome_that_are_none() {
    each(|crypto| {
        let mut company = Company::of(crypto, 3);
        let dora = company.newcomer();
        let welcome = company.commit(1, dora.addition()).unwrap();
        for kind in 0..4 {
            let mut bad = welcome.clone();
            let MessageBody::Welcome(body) = &mut bad.body else {
                panic!("no Welcome")
            };
            let output = &mut body.secrets[0].encrypted_group_secrets.kem_output;
            *output = bad_outputs(output.as_slice())[kind].as_slice().into();
            let refused = refusal(dora.join(&bad).map(drop));
            assert_eq!(refused, Check::GroupSecretsOpen.into());
        }
        company.people.push(dora.join(&welcome).unwrap());
        company.agree();
    });
}

#[test]
fn encapsulations_of_an_external_commit_that_are_none() {
    each(|crypto| {
        let mut company = Company::of(crypto, 4);
        let dora = Newcomer::new(crypto, 9);
        for kind in 0..4 {
            let known = company.people[0].knowledge();
            let joiner = dora.package.content.leaf_node.content.clone();
            let private = &dora.secrets.signature.private;
            let mut commit = external_join(known, joiner, private, Vec::new()).with_path();
            let ProposalOrRef::Proposal(Proposal::ExternalInit(output)) = &mut commit.entries[0]
            else {
                panic!("no ExternalInit")
            };
            *output = bad_outputs(output.as_slice())[kind].as_slice().into();
            // Another secret makes other tags; what is no ciphertext makes none.
            let reason = match kind {
                3 => Check::ConfirmationTag,
                _ => Check::ExternalInitSecret,
            };
            refuses(&mut company, &commit.message(), reason);
        }
    });
}
