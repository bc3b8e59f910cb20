//! Honest members. Each message is taken twice: by the group as it has lived since it began, and by the
//! same one restored from its records; both have to say the same and write the same.

use folkmoot_crypto::Secret;
use folkmoot_mls::{
    CommitBundle, CommitIntent, Delta, Error, Group, GroupContext, IncomingContent, LeafIndex,
    LeafNode, MessageBody, MlsMessage, Proposal, ProposalIntent, ReInit, Sender, Settings,
    StateError,
};
use folkmoot_sim::{Memory, Person, Refusal, crypto, services};
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;

/// An honest member with its records.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) group: Group,
    pub(crate) store: Memory,
    rng: ChaCha20Rng,
    pub(crate) settings: Settings,
}

/// What can be seen of a group.
#[derive(Debug, PartialEq)]
struct View {
    context: GroupContext,
    authenticator: Option<Secret>,
    proposals: Vec<(Sender, Proposal)>,
    members: Vec<(LeafIndex, Arc<LeafNode>)>,
    own: LeafIndex,
    active: bool,
    pending: Option<MlsMessage>,
    reinit: Option<ReInit>,
}

impl View {
    fn of(group: &Group, store: &Memory) -> Self {
        let members = group.members(store).unwrap();
        let proposals = group.proposals();
        Self {
            context: group.context().clone(),
            authenticator: group.epoch_authenticator().ok().cloned(),
            proposals: proposals.map(|(from, what)| (from, what.clone())).collect(),
            members: members.map(|(at, leaf)| (at, leaf.clone())).collect(),
            own: group.own_index(),
            active: group.is_active(),
            pending: group.pending_commit().cloned(),
            reinit: group.reinit().cloned(),
        }
    }
}

impl From<Person> for Member {
    fn from(person: Person) -> Self {
        Self {
            group: person.group,
            store: person.store,
            rng: person.rng,
            settings: person.settings,
        }
    }
}

impl Member {
    /// The same member, restored from its records.
    pub(crate) fn copy(&self) -> Self {
        Self {
            group: self.load(),
            store: self.store.clone(),
            rng: self.rng.clone(),
            settings: self.settings.clone(),
        }
    }

    fn load(&self) -> Group {
        Group::load(crypto(), &self.store, self.settings.clone()).unwrap()
    }

    /// Goes on from the records, as after a crash.
    pub(crate) fn restart(&mut self) {
        let before = View::of(&self.group, &self.store);
        self.group = self.load();
        assert_eq!(
            View::of(&self.group, &self.store),
            before,
            "lost by a restart"
        );
    }

    /// Takes what arrives, or is as it was.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<IncomingContent, Refusal> {
        let message = MlsMessage::decode(bytes).map_err(Error::from)?;
        let before = View::of(&self.group, &self.store);
        let mut restored = self.load();
        let taken = transition(&mut self.group, &self.store, message.clone());
        let also = transition(&mut restored, &self.store, message);
        match (taken, also) {
            (Ok((content, delta)), Ok((_, same))) => {
                let mut other = self.store.clone();
                other.apply(same);
                self.store.apply(delta);
                assert!(self.store == other, "a restored group writes other records");
                self.check();
                Ok(content)
            }
            (Err(refused), Err(also)) => {
                let refused = Refusal::from(refused);
                assert_eq!(
                    refused,
                    Refusal::from(also),
                    "a restored group says otherwise"
                );
                assert_eq!(
                    View::of(&self.group, &self.store),
                    before,
                    "a refusal left a trace"
                );
                Err(refused)
            }
            (taken, also) => panic!("a restored group decides otherwise: {taken:?}, {also:?}"),
        }
    }

    /// What is in memory is what the records say.
    fn check(&self) {
        let live = View::of(&self.group, &self.store);
        let restored = View::of(&self.load(), &self.store);
        assert!(live == restored, "records that differ from memory");
    }

    /// Seals a text.
    pub(crate) fn seal(&mut self, text: &[u8]) -> Result<Vec<u8>, Error> {
        let (message, delta) = self.group.seal(text, b"aad", &mut self.rng)?;
        self.keep(delta);
        Ok(message.encode())
    }

    /// Seals a text for one member.
    pub(crate) fn whisper(&mut self, to: LeafIndex, text: &[u8]) -> Result<Vec<u8>, Error> {
        let said = (text, &b"aad"[..]);
        let sealed = self
            .group
            .seal_targeted(to, said, &self.store, &mut self.rng);
        sealed.map(|message| message.encode())
    }

    /// Opens what was sealed for this member alone.
    pub(crate) fn hear(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let MessageBody::Targeted(message) = MlsMessage::decode(bytes).ok()?.body else {
            return None;
        };
        let opened = self.group.open_targeted(&message, &self.store);
        opened.ok().map(|content| content.data)
    }

    /// Makes a proposal.
    pub(crate) fn propose(&mut self, intent: ProposalIntent) -> Result<Vec<u8>, Error> {
        let services = services().with_records(&self.store);
        let made = self.group.propose(intent, b"", services, &mut self.rng);
        let (message, delta) = made?;
        self.keep(delta);
        Ok(message.encode())
    }

    /// Makes a commit, which is pending then. Nothing that waits keeps a member from committing.
    pub(crate) fn commit(&mut self, intent: CommitIntent) -> Result<CommitBundle, Error> {
        let is_plain = intent.add.is_empty()
            && intent.remove.is_empty()
            && intent.psks.is_empty()
            && intent.extensions.is_none()
            && intent.app_data.is_empty()
            && intent.ephemeral.is_empty()
            && intent.reinit.is_none();
        let services = services().with_records(&self.store);
        let made = self.group.commit(intent, b"", services, &mut self.rng);
        let may_fail = [
            StateError::NotMember,
            StateError::Reinitialised,
            StateError::CommitPending,
        ];
        match made {
            Ok((bundle, delta)) => {
                self.keep(delta);
                Ok(bundle)
            }
            Err(Error::State(error)) if may_fail.contains(&error) => Err(error.into()),
            // The last epoch that there is, which only a bad Welcome begins in.
            Err(error) if self.group.epoch().0 == u64::MAX => Err(error),
            Err(error) if is_plain => panic!("kept from committing: {error}"),
            Err(error) => Err(error),
        }
    }

    /// Enters the epoch of its own commit.
    pub(crate) fn accept(&mut self) {
        let delta = self.group.accept_pending().unwrap();
        self.keep(delta);
    }

    /// Forgets its own commit.
    pub(crate) fn discard(&mut self) {
        let delta = self.group.discard_pending();
        self.keep(delta);
    }

    fn keep(&mut self, delta: Delta) {
        self.store.apply(delta);
        self.check();
    }
}

fn transition(
    group: &mut Group,
    store: &Memory,
    message: MlsMessage,
) -> Result<(IncomingContent, Delta), Error> {
    let incoming = group.receive(message, services().with_records(store))?;
    let content = incoming.content().clone();
    let delta = group.apply(incoming)?;
    Ok((content, delta))
}
