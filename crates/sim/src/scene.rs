//! A group under attack.

use crate::insider::Insider;
use crate::people::{Invitee, Memory, Person, member, rng};
use folkmoot_mls::{
    Check, CommitBundle, CommitIntent, Error, Extensions, LeafIndex, MlsMessage, ProposalIntent,
    Settings, StateError, Supported,
};

/// Why something was refused: an [`Error`] that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A rule is broken.
    Invalid(Check),
    /// The bytes break a rule.
    Malformed(Check),
    /// The Authentication Service says no.
    Credential,
    /// Of another epoch.
    WrongEpoch,
    /// A key that was used already.
    KeyConsumed,
    /// A proposal that waits already.
    ProposalWaits,
    /// The member's own pending commit.
    OwnCommit,
    /// A message of the member's own.
    OwnMessage,
    /// The caller's fault.
    State(StateError),
    /// The store's fault.
    Records,
}

impl From<Check> for Refusal {
    fn from(check: Check) -> Self {
        Self::Invalid(check)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Malformed(error) => Self::Malformed(error.check()),
            Error::Invalid(check) => Self::Invalid(check),
            Error::Credential(_) => Self::Credential,
            Error::WrongEpoch { .. } => Self::WrongEpoch,
            Error::KeyConsumed { .. } => Self::KeyConsumed,
            Error::ProposalWaits => Self::ProposalWaits,
            Error::OwnCommit => Self::OwnCommit,
            Error::OwnMessage => Self::OwnMessage,
            Error::State(error) => Self::State(error),
            Error::Records(_) => Self::Records,
        }
    }
}

/// Why an attempt failed, which it must have.
pub fn refusal<T>(outcome: Result<T, Error>) -> Refusal {
    match outcome {
        Ok(_) => panic!("it was taken"),
        Err(error) => error.into(),
    }
}

/// All that can be seen of a member from outside, and its records.
#[derive(Debug, PartialEq)]
struct Snapshot {
    records: Memory,
    seen: String,
}

impl Snapshot {
    fn of(person: &Person) -> Self {
        let group = &person.group;
        let authenticator = group
            .epoch_authenticator()
            .map(folkmoot_crypto::Secret::expose);
        let proposals: Vec<_> = group.proposals().collect();
        let members: Vec<_> = group.members(&person.store).unwrap().collect();
        let pending = group.pending_commit();
        let active = (group.is_active(), group.own_index(), group.reinit());
        let seen = format!(
            "{:?} {authenticator:?} {proposals:?} {members:?} {pending:?} {active:?}",
            group.context()
        );
        Self {
            records: person.store.clone(),
            seen,
        }
    }
}

/// How many of a [`Scene`]'s members are honest: those at the first leaves.
const HONEST: usize = 3;

/// Four members: three honest ones at leaves 0 to 2, and the insider at leaf 3. Each parent has keys.
#[derive(Debug)]
pub struct Scene {
    /// At leaf 0.
    pub alice: Person,
    /// At leaf 1.
    pub bob: Person,
    /// At leaf 2.
    pub charlie: Person,
    /// At leaf 3.
    pub mallory: Insider,
}

/// An intent to renew keys.
pub fn update() -> CommitIntent {
    CommitIntent {
        force_path: true,
        ..CommitIntent::default()
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::with(Extensions::default(), &Settings::default())
    }
}

impl Scene {
    /// A scene in a group with these extensions, whose honest members have these settings.
    pub fn with(extensions: Extensions, settings: &Settings) -> Self {
        Self::of(extensions, settings, &Supported::default())
    }

    /// A scene whose members support all of this.
    pub fn of(extensions: Extensions, settings: &Settings, supports: &Supported) -> Self {
        let supporting = |name: &str, seed: u64| {
            let mut rng = rng(seed);
            let member = member(name, &mut rng).supporting(supports.clone());
            (member, rng)
        };
        let invitees = [("bob", 1), ("charlie", 2), ("mallory", 3)];
        let invitees = invitees.map(|(name, seed)| {
            let (member, rng) = supporting(name, seed);
            Invitee::of(member, rng)
        });
        let (founder, founder_rng) = supporting("alice", 4);
        let mut alice = Person::found(founder, extensions, settings.clone(), founder_rng);
        let bundle = alice.commit(CommitIntent {
            add: invitees.iter().map(Invitee::verified).collect(),
            ..CommitIntent::default()
        });
        alice.accept();
        let welcome = bundle.welcome.unwrap();
        let [bob, charlie, mallory] = invitees.map(|invitee| {
            let settings = settings.clone();
            let options = folkmoot_mls::JoinOptions::default();
            let services = crate::people::services();
            invitee
                .join_with(&welcome, options, settings, services)
                .unwrap()
        });
        let mut scene = Self {
            alice,
            bob,
            charlie,
            mallory: Insider::new(mallory),
        };
        let _ = scene.commit(0, update());
        let _ = scene.commit(2, update());
        scene
    }

    /// Everyone, by leaf.
    pub fn everyone(&mut self) -> [&mut Person; 4] {
        let Self {
            alice,
            bob,
            charlie,
            mallory,
        } = self;
        [alice, bob, charlie, &mut mallory.person]
    }

    /// A commit of the member at `leaf`, taken by everyone.
    pub fn commit(&mut self, leaf: usize, intent: CommitIntent) -> CommitBundle {
        let bundle = self.everyone()[leaf].commit(intent);
        for (place, person) in self.everyone().into_iter().enumerate() {
            if place == leaf {
                person.accept();
            } else if person.group.is_active() {
                person.receive(&bundle.commit).unwrap();
            }
        }
        bundle
    }

    /// A proposal of the member at `leaf`, taken by everyone.
    pub fn propose(&mut self, leaf: usize, intent: ProposalIntent) -> MlsMessage {
        let message = self.everyone()[leaf].propose(intent);
        self.deliver(Some(leaf), &message);
        message
    }

    /// A message taken by everyone but its sender.
    pub fn deliver(&mut self, sender: Option<usize>, message: &MlsMessage) {
        for (place, person) in self.everyone().into_iter().enumerate() {
            if Some(place) != sender {
                person.receive(message).unwrap();
            }
        }
    }

    /// Every honest member refuses the message for this reason and is as it was.
    pub fn refuse(&mut self, message: &MlsMessage, reason: impl Into<Refusal>) {
        self.refuse_bytes(&message.encode(), reason);
    }

    /// Every honest member refuses the bytes for this reason and is as it was.
    pub fn refuse_bytes(&mut self, bytes: &[u8], reason: impl Into<Refusal>) {
        let reason = reason.into();
        for person in [&mut self.alice, &mut self.bob, &mut self.charlie] {
            let before = Snapshot::of(person);
            assert_eq!(refusal(person.receive_bytes(bytes)), reason);
            assert_eq!(Snapshot::of(person), before);
            person.reload();
            assert_eq!(Snapshot::of(person), before);
        }
    }

    /// The message is refused for this reason, without a trace, and honest traffic goes on.
    pub fn refuses(&mut self, message: &MlsMessage, reason: impl Into<Refusal>) {
        self.refuse(message, reason);
        self.goes_on();
    }

    /// Every member commits and speaks in turn; all the others follow and read.
    pub fn goes_on(&mut self) {
        all_go_on(&mut self.everyone());
    }

    /// The same among those at these leaves: the others are out, or cannot follow.
    pub fn goes_on_among(&mut self, leaves: &[usize]) {
        let people = self.everyone().into_iter().enumerate();
        let staying = people.filter(|(place, _)| leaves.contains(place));
        let mut staying: Vec<_> = staying.map(|(_, person)| person).collect();
        assert_eq!(staying.len(), leaves.len());
        all_go_on(&mut staying);
    }

    /// Everyone honest takes a commit of the insider's that the engine would not have made, and goes
    /// on without the insider, who has no state that follows from it.
    pub fn takes(&mut self, message: &MlsMessage) {
        let mut staying = Vec::new();
        for (place, person) in self.everyone().into_iter().enumerate().take(HONEST) {
            person.receive(message).unwrap();
            if person.group.is_active() {
                staying.push(place);
            }
        }
        self.goes_on_among(&staying);
    }

    /// The insider's place.
    pub fn insider(&self) -> LeafIndex {
        self.mallory.person.group.own_index()
    }
}

/// Each commits and speaks in turn; all the others follow and read.
pub fn all_go_on(people: &mut [&mut Person]) {
    for speaker in 0..people.len() {
        let commit = people[speaker].commit(update()).commit;
        people[speaker].accept();
        let text = people[speaker].seal("all is well");
        for (place, person) in people.iter_mut().enumerate() {
            if place != speaker {
                person.receive(&commit).unwrap();
                assert_eq!(person.read(&text), "all is well");
            }
        }
    }
    let people: Vec<_> = people.iter().map(|person| &**person).collect();
    assert_agree(&people);
}

/// All are in one epoch and agree on its secrets.
pub fn assert_agree(people: &[&Person]) {
    let first = &people[0].group;
    for person in people {
        assert_eq!(person.group.context(), first.context());
        let (one, other) = (
            person.group.epoch_authenticator(),
            first.epoch_authenticator(),
        );
        assert_eq!(one, other);
    }
}
