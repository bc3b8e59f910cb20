//! A group of honest members and of clients whose keys the fuzzer has, and what has to hold whenever
//! anything arrives there.

use crate::member::Member;
use crate::watcher::{Seen, Watcher};
use folkmoot_mls::hazmat::{Knowledge, Signed};
use folkmoot_mls::{
    Check, CommitIntent, ContentType, CredentialType, Error, ExtensionType, Extensions,
    ExternalSender, LeafIndex, MlsMessage, NoRecords, ProposalType, Settings, SignatureKeyPair,
    Supported, WireFormat,
};
use folkmoot_sim::{Invitee, Person, Refusal, Scene, WORDS, crypto, member, rng, services};
use std::collections::VecDeque;
use std::sync::LazyLock;

/// Past epochs whose secrets the fuzzer keeps.
const EPOCHS_KNOWN: usize = 3;
/// Extension types that every client here supports beyond RFC 9420's own.
pub(crate) const SUPPORTED: [ExtensionType; 3] = [
    ExtensionType(0xf001),
    ExtensionType(0xf002),
    ExtensionType::APP_DATA_DICTIONARY,
];

/// The worlds that a script may begin in.
static BEGINNINGS: LazyLock<Vec<World>> = LazyLock::new(|| {
    vec![
        World::in_public(),
        World::in_private(),
        World::with_holes(WireFormat::PublicMessage),
        World::with_holes(WireFormat::PrivateMessage),
    ]
});

/// Clients that are in no group yet. The fuzzer has their keys too.
static STRANGERS: LazyLock<Vec<Invitee>> = LazyLock::new(|| {
    let names = [
        "dora",
        "erin",
        "old frank",
        "gina",
        "alice",
        "mallory",
        "mallet",
    ];
    let invitee = |(place, name): (u64, &&str)| {
        let mut rng = rng(100 + place);
        Invitee::of(member(name, &mut rng).supporting(supported()), rng)
    };
    (0..).zip(&names).map(invitee).collect()
});

/// Clients that are in no group yet, and honest.
static GUESTS: LazyLock<Vec<Invitee>> = LazyLock::new(|| {
    let guest = |(place, name): (u64, &&str)| {
        let mut rng = rng(200 + place);
        Invitee::of(member(name, &mut rng).supporting(supported()), rng)
    };
    (0..).zip(&["kate", "liam", "nora"]).map(guest).collect()
});

pub(crate) fn strangers() -> &'static [Invitee] {
    &STRANGERS
}

pub(crate) fn guests() -> &'static [Invitee] {
    &GUESTS
}

/// A group and whoever sends to it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) honest: Vec<Member>,
    watcher: Option<Watcher>,
    /// Of clients that keep to no rule; some of them are members.
    pub(crate) keys: Vec<SignatureKeyPair>,
    /// What members know of the epochs, the newest last.
    pub(crate) known: VecDeque<Knowledge>,
    /// All that was sent.
    pub(crate) log: Vec<Vec<u8>>,
    /// Forged proposals that wait in this epoch.
    pub(crate) waiting: Vec<Signed>,
    /// Messages forged in this epoch: the next generation that is not used.
    pub(crate) generation: u32,
    /// The members no longer agree, for a reason that RFC 9420 knows.
    pub(crate) is_over: bool,
}

fn supported() -> Supported {
    Supported {
        extensions: SUPPORTED.to_vec(),
        credentials: vec![CredentialType::X509],
        proposals: vec![
            ProposalType::APP_DATA_UPDATE,
            ProposalType::APP_EPHEMERAL,
            ProposalType::SELF_REMOVE,
        ],
        components: vec![WORDS],
        ..Supported::default()
    }
}

fn settings(handshakes: WireFormat) -> Settings {
    Settings {
        handshakes,
        ..Settings::default()
    }
}

/// Admits one proposer from outside, and gives its keys.
fn operator() -> (Extensions, SignatureKeyPair) {
    let operator = member("operator", &mut rng(50));
    let admitted = ExternalSender {
        signature_key: operator.signature.public.as_slice().into(),
        credential: operator.credential,
    };
    let extensions = Extensions::default().admitting(&vec![admitted]);
    (extensions, operator.signature)
}

impl World {
    /// One of the beginnings.
    pub(crate) fn begin(which: usize) -> Self {
        let beginning = &BEGINNINGS[which % BEGINNINGS.len()];
        Self {
            honest: beginning.honest.iter().map(Member::copy).collect(),
            watcher: beginning.watcher.as_ref().map(Watcher::copy),
            keys: beginning.keys.clone(),
            known: beginning.known.clone(),
            log: beginning.log.clone(),
            waiting: Vec::new(),
            generation: 0,
            is_over: false,
        }
    }

    fn in_public() -> Self {
        let (extensions, keys) = operator();
        let settings = settings(WireFormat::PublicMessage);
        let scene = Scene::of(extensions, &settings, &supported());
        Self::of(scene, Vec::new(), vec![keys])
    }

    fn in_private() -> Self {
        let settings = settings(WireFormat::PrivateMessage);
        let scene = Scene::of(Extensions::default(), &settings, &supported());
        Self::of(scene, Vec::new(), Vec::new())
    }

    /// Eight places, one of them blank, another of a second bad member; blank and unmerged parents.
    fn with_holes(handshakes: WireFormat) -> Self {
        let (extensions, keys) = operator();
        let settings = settings(handshakes);
        let mut scene = Scene::of(extensions, &settings, &supported());
        let names = ["hugo", "irma", "mallow", "jack"];
        let invite = |(place, name): (u64, &&str)| {
            let mut rng = rng(60 + place);
            Invitee::of(member(name, &mut rng).supporting(supported()), rng)
        };
        let invitees: Vec<_> = (0..).zip(&names).map(invite).collect();
        let add = invitees.iter().map(Invitee::verified).collect();
        let added = scene.commit(
            0,
            CommitIntent {
                add,
                ..CommitIntent::default()
            },
        );
        let welcome = added.welcome.unwrap();
        let join = |invitee: &Invitee| {
            let options = folkmoot_mls::JoinOptions::default();
            let joined = invitee.join_with(&welcome, options, settings.clone(), services());
            joined.unwrap()
        };
        let mut joined = vec![join(&invitees[0]), join(&invitees[3])];
        let remove = CommitIntent {
            remove: vec![LeafIndex(5)],
            ..CommitIntent::default()
        };
        let removed = scene.commit(1, remove);
        for person in &mut joined {
            person.receive(&removed.commit).unwrap();
        }
        let mallow = invitees[2].secrets.signature.clone();
        Self::of(scene, joined, vec![keys, mallow])
    }

    fn of(scene: Scene, others: Vec<Person>, mut keys: Vec<SignatureKeyPair>) -> Self {
        let Scene {
            alice,
            bob,
            charlie,
            mallory,
        } = scene;
        let watcher = Watcher::begin(&alice.group, &alice.store);
        keys.insert(0, mallory.knowledge().signature);
        keys.extend(strangers().iter().map(|one| one.secrets.signature.clone()));
        let honest = [alice, bob, charlie].into_iter().chain(others);
        let mut world = Self {
            honest: honest.map(Member::from).collect(),
            watcher: Some(watcher),
            keys,
            known: VecDeque::new(),
            log: Vec::new(),
            waiting: Vec::new(),
            generation: 0,
            is_over: false,
        };
        world.learn();
        world
    }

    /// What one of the honest members knows of the epoch, for the other side's use.
    fn learn(&mut self) {
        let Some(traitor) = self.honest.iter().find(|member| member.group.is_active()) else {
            self.is_over = true;
            return;
        };
        let known = Knowledge::of(&traitor.group, &traitor.store).unwrap();
        self.known.push_back(known);
        while self.known.len() > EPOCHS_KNOWN {
            self.known.pop_front();
        }
        self.waiting.clear();
        self.generation = 0;
    }

    /// The current epoch.
    pub(crate) fn known(&self) -> &Knowledge {
        self.known.back().unwrap()
    }

    /// Members whose keys the fuzzer has.
    pub(crate) fn controlled(&self) -> Vec<(LeafIndex, SignatureKeyPair)> {
        let leaves = self.known().tree.leaves(&NoRecords).unwrap();
        let keys = |key: &[u8]| self.keys.iter().find(|keys| keys.public == key).cloned();
        leaves
            .filter_map(|(at, leaf)| Some((at, keys(leaf.content.signature_key.as_slice())?)))
            .collect()
    }

    /// Gives what an honest member has made to the others, who take it.
    pub(crate) fn send(&mut self, sender: usize, bytes: Vec<u8>) {
        let is_taken = self.deliver(&bytes, Some(sender));
        assert!(is_taken || self.is_over, "an honest message was refused");
        self.log.push(bytes);
    }

    /// Gives what somebody has made who has just come in honestly to everyone, who take it.
    pub(crate) fn send_from_outside(&mut self, bytes: &[u8]) {
        let is_taken = self.deliver(bytes, None);
        assert!(is_taken || self.is_over, "an honest message was refused");
    }

    /// Gives a message to all honest members in turn. All of them take it, or none.
    pub(crate) fn deliver(&mut self, bytes: &[u8], sender: Option<usize>) -> bool {
        let epoch = self.known().context.epoch;
        let (mut taken, mut refusals, mut committer) = (0, Vec::new(), None);
        for (place, member) in self.honest.iter_mut().enumerate() {
            let pending = member.group.pending_commit().map(MlsMessage::encode);
            if pending.is_some_and(|pending| pending == bytes) {
                committer = Some(place);
            } else if Some(place) != sender && member.group.is_active() {
                match member.receive(bytes) {
                    // Whom a commit removes can verify no more than its public part.
                    Ok(_) => taken += usize::from(member.group.is_active()),
                    Err(refusal) => refusals.push(refusal),
                }
            }
        }
        if let Some(committer) = committer.filter(|_| refusals.is_empty()) {
            self.honest[committer].accept();
            taken += 1;
        }
        // Whoever has made it honestly holds it for good.
        let is_taken = taken > 0 || sender.is_some() || committer.is_some();
        self.judge(bytes, is_taken, &refusals);
        if self.is_over {
            return false;
        }
        self.assert_agreed();
        let now = self.honest.iter().find(|member| member.group.is_active());
        if now.is_none_or(|member| member.group.epoch() != epoch) {
            self.learn();
        }
        is_taken
    }

    /// Members may differ only about what one of them alone can see (RFC 9420 §16.12); whoever sees the
    /// public part alone differs only about the rest.
    fn judge(&mut self, bytes: &[u8], is_taken: bool, refusals: &[Refusal]) {
        let is_private = |refusal: &Refusal| {
            matches!(
                refusal,
                Refusal::Invalid(
                    Check::PskAvailable | Check::PathSecretOpens | Check::PathKeysMatch
                )
            )
        };
        let message = MlsMessage::decode(bytes).ok();
        let is_text =
            message.is_some_and(|one| one.content_type() == Some(ContentType::Application));
        // Of an epoch that not all who are here now were members of.
        let is_late = |refusal: &&Refusal| is_text && **refusal == Refusal::WrongEpoch;
        let divided: Vec<_> = refusals.iter().filter(|one| !is_late(one)).collect();
        if is_taken && !divided.is_empty() {
            assert!(
                divided.iter().all(|one| is_private(one)),
                "divided: {divided:?}"
            );
            self.is_over = true;
        }
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        match watcher.receive(bytes) {
            Seen::Taken if !is_taken => {
                let seen = refusals.iter().find(|refusal| !takes_secrets(refusal));
                assert!(seen.is_none(), "members refuse what is public: {seen:?}");
                self.watcher = None;
            }
            Seen::Refused(refusal) => assert!(!is_taken, "an observer refuses: {refusal:?}"),
            Seen::Sealed if is_taken => self.watcher = None,
            _ => {}
        }
    }

    /// A guest comes in by an honest member's Welcome, and is one of them.
    pub(crate) fn join(&mut self, guest: &Invitee, welcome: &MlsMessage) {
        let settings = self.honest[0].settings.clone();
        let options = folkmoot_mls::JoinOptions::default();
        match guest.join_with(welcome, options, settings, services()) {
            Ok(person) => self.honest.push(Member::from(person)),
            // Of an epoch that the guest was no member of.
            Err(Error::Invalid(Check::PskHeld)) => self.is_over = true,
            Err(error) => panic!("a guest cannot join: {error}"),
        }
        self.assert_agreed();
    }

    fn assert_agreed(&self) {
        let active = || self.honest.iter().filter(|member| member.group.is_active());
        let Some(first) = active().next() else {
            return;
        };
        for member in active() {
            assert_eq!(member.group.context(), first.group.context());
            let secret = |member: &Member| member.group.epoch_authenticator().cloned();
            assert_eq!(secret(member), secret(first), "two secrets of one epoch");
        }
        if let Some(watcher) = &self.watcher {
            assert_eq!(watcher.context(), first.group.context());
        }
    }
}

/// Whether an observer has not what it takes to see this.
fn takes_secrets(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::OwnMessage | Refusal::OwnCommit => true,
        Refusal::Invalid(check) => matches!(
            check,
            Check::MembershipTag
                | Check::ConfirmationTag
                | Check::PskAvailable
                | Check::PathSecretOpens
                | Check::PathKeysMatch
                | Check::ExternalInitSecret
        ),
        _ => false,
    }
}

/// A verified stranger, if it can be added at all.
pub(crate) fn stranger(which: usize) -> Option<folkmoot_mls::VerifiedKeyPackage> {
    let package = strangers().get(which)?.key_package.clone();
    let settings = Settings::default();
    package
        .verify(crypto(), &folkmoot_sim::Names, &settings, None)
        .ok()
}
