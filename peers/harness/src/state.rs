//! One client in one group.

use crate::client::{Offer, Psks, identity, rng};
use crate::failure::Failure;
use crate::wire;
use folkmoot_crypto::Crypto;
use folkmoot_mls::{
    CommitBundle, CommitIntent, CommitSummary, Extensions, Group, GroupInfo, Holdings,
    IncomingContent, LeafIndex, LeafNode, MessageBody, MlsMessage, NoRecords, Proposal,
    ProposalIntent, Psk, Sender, WireFormat,
};
use std::sync::Arc;

pub(crate) struct State {
    pub(crate) identity: Vec<u8>,
    pub(crate) group: Group,
    pub(crate) handshakes: WireFormat,
    pub(crate) psks: Psks,
    /// The messages of the proposals that wait, in the group's order.
    waiting: Vec<Vec<u8>>,
    /// For the group's successor, once a commit has ended the group.
    pub(crate) successor: Option<Offer>,
}

/// What a commit leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leads {
    /// The group's next epoch.
    On,
    /// Its last epoch, by a ReInit.
    ToSuccessor,
}

impl Leads {
    fn of(ends: bool) -> Self {
        if ends { Self::ToSuccessor } else { Self::On }
    }

    /// The interface has calls of its own for commits that end a group.
    fn check(self, expected: Self) -> Result<(), Failure> {
        if self == expected {
            return Ok(());
        }
        Err(Failure::Argument(match self {
            Self::On => "the commit has no ReInit: the calls for commits take it".to_owned(),
            Self::ToSuccessor => "the commit has a ReInit: the ReInit calls take it".to_owned(),
        }))
    }
}

impl State {
    pub(crate) fn new(identity: &[u8], group: Group, handshakes: WireFormat, psks: Psks) -> Self {
        Self {
            identity: identity.to_vec(),
            group,
            handshakes,
            psks,
            waiting: Vec::new(),
            successor: None,
        }
    }

    /// Goes on in the group that follows.
    pub(crate) fn succeed(&mut self, successor: Group) {
        self.group = successor;
        self.waiting.clear();
        self.successor = None;
    }

    pub(crate) fn crypto(&self) -> Result<&'static dyn Crypto, Failure> {
        wire::crypto(self.group.context().cipher_suite)
    }

    pub(crate) fn epoch_authenticator(&self) -> Result<Vec<u8>, Failure> {
        Ok(self.group.epoch_authenticator()?.expose().to_vec())
    }

    /// The member of this identity; the leftmost, where there are several.
    pub(crate) fn place_of(&self, identity: &[u8]) -> Result<LeafIndex, Failure> {
        find(self.group.members(&NoRecords)?, identity)
    }

    pub(crate) fn propose(&mut self, intent: ProposalIntent) -> Result<Vec<u8>, Failure> {
        let services = self.psks.services();
        let (message, _delta) = self.group.propose(intent, b"", services, &mut rng())?;
        let message = message.encode();
        self.waiting.push(message.clone());
        Ok(message)
    }

    /// Takes proposals that others made; what waits already, such as this member's own, counts once.
    pub(crate) fn take_proposals(&mut self, messages: &[Vec<u8>]) -> Result<(), Failure> {
        for message in messages {
            if self.waiting.contains(message) {
                continue;
            }
            let decoded = MlsMessage::decode(message)?;
            let incoming = self.group.receive(decoded, self.psks.services())?;
            let IncomingContent::Proposal { .. } = incoming.content() else {
                return Err(Failure::not("a proposal"));
            };
            let _delta = self.group.apply(incoming)?;
            self.waiting.push(message.clone());
        }
        Ok(())
    }

    /// Commits the proposals of these messages and the intent, all of them and nothing else.
    pub(crate) fn commit(
        &mut self,
        by_reference: &[Vec<u8>],
        intent: CommitIntent,
        expected: Leads,
    ) -> Result<CommitBundle, Failure> {
        self.check_all_listed(by_reference)?;
        let services = self.psks.services();
        let (bundle, _delta) = self.group.commit(intent, b"", services, &mut rng())?;
        let as_asked = self
            .check_none_left_out(by_reference, &bundle)
            .and_then(|()| self.pending_leads()?.check(expected));
        match as_asked {
            Ok(()) => Ok(bundle),
            Err(failure) => {
                let _delta = self.group.discard_pending();
                Err(failure)
            }
        }
    }

    /// The engine commits all that waits, but for what only others can commit.
    fn check_all_listed(&self, by_reference: &[Vec<u8>]) -> Result<(), Failure> {
        let own = self.group.own_index();
        let is_for_others = |sender, proposal: &Proposal| match proposal {
            Proposal::Update(_) => sender == Sender::Member(own),
            Proposal::Remove(leaf) => *leaf == own,
            _ => false,
        };
        let mut waiting = self.group.proposals().zip(&self.waiting);
        let unlisted = waiting.find(|((sender, proposal), message)| {
            !by_reference.contains(message) && !is_for_others(*sender, proposal)
        });
        match unlisted {
            None => Ok(()),
            Some(((_, proposal), _)) => Err(Failure::State(format!(
                "the engine commits every proposal that waits, and {} waits that is not listed",
                describe(proposal)
            ))),
        }
    }

    /// The engine leaves out what contradicts the rest of a list; whoever asked for it is told.
    fn check_none_left_out(
        &self,
        by_reference: &[Vec<u8>],
        bundle: &CommitBundle,
    ) -> Result<(), Failure> {
        let next = self.pending_group_info(false)?;
        let next = next.map(|next| next.content.group_context.extensions);
        for ((sender, proposal), message) in self.group.proposals().zip(&self.waiting) {
            if by_reference.contains(message)
                && !self.is_committed(sender, proposal, (bundle, next.as_ref()))?
            {
                return Err(Failure::State(format!(
                    "{} cannot be committed with the rest of the list, or not by this member",
                    describe(proposal)
                )));
            }
        }
        Ok(())
    }

    /// Whether the pending commit has a proposal, by what it does.
    fn is_committed(
        &self,
        sender: Sender,
        proposal: &Proposal,
        (bundle, next): (&CommitBundle, Option<&Extensions>),
    ) -> Result<bool, Failure> {
        Ok(match (proposal, sender) {
            (Proposal::Add(package), _) => {
                let credential = &package.content.leaf_node.content.credential;
                bundle.added.iter().any(|(_, added)| added == credential)
            }
            (Proposal::Remove(leaf), _) => bundle.removed.iter().any(|(place, _)| place == leaf),
            (Proposal::Update(leaf), Sender::Member(updated)) => {
                let mut members = self
                    .group
                    .pending_members(&NoRecords)?
                    .into_iter()
                    .flatten();
                members.any(|(place, now)| place == updated && **now == **leaf)
            }
            (Proposal::PreSharedKey(id), _) => self.holds(&id.psk) && next.is_some(),
            (Proposal::GroupContextExtensions(extensions), _) => next == Some(extensions),
            (Proposal::ReInit(_), _) => next.is_none(),
            // The last three are of types that no client here lists: none of them waits.
            (
                Proposal::Update(_)
                | Proposal::ExternalInit(_)
                | Proposal::AppDataUpdate(_)
                | Proposal::AppEphemeral(_)
                | Proposal::SelfRemove,
                _,
            ) => false,
        })
    }

    /// Whether the key is there that a commit of this member's is to mix in.
    fn holds(&self, psk: &Psk) -> bool {
        match psk {
            Psk::External(id) => self.psks.external_psk(id.as_slice()).is_some(),
            Psk::Resumption(_, group, epoch) => {
                group == self.group.group_id() && self.group.resumption_psk(*epoch).is_some()
            }
            Psk::Application(..) => false,
        }
    }

    /// Enters the epoch of the pending commit.
    pub(crate) fn accept(&mut self, expected: Leads) -> Result<Vec<u8>, Failure> {
        if self.group.pending_commit().is_some() {
            self.pending_leads()?.check(expected)?;
        }
        let _delta = self.group.accept_pending()?;
        self.entered()
    }

    /// Enters the epoch of somebody else's commit. The authenticator is empty where it removes this
    /// member.
    pub(crate) fn handle_commit(
        &mut self,
        proposals: &[Vec<u8>],
        commit: &[u8],
        expected: Leads,
    ) -> Result<Vec<u8>, Failure> {
        self.take_proposals(proposals)?;
        let decoded = MlsMessage::decode(commit)?;
        let incoming = self.group.receive(decoded, self.psks.services())?;
        let IncomingContent::Commit(summary) = incoming.content() else {
            return Err(Failure::not("a commit"));
        };
        check_can_follow(summary, expected)?;
        let _delta = self.group.apply(incoming)?;
        self.entered()
    }

    fn entered(&mut self) -> Result<Vec<u8>, Failure> {
        self.waiting.clear();
        if let Some(reinit) = self.group.reinit() {
            let crypto = wire::crypto(reinit.cipher_suite)?;
            self.successor = Some(Offer::new(crypto, &self.identity)?);
        }
        if self.group.is_active() {
            self.epoch_authenticator()
        } else {
            Ok(Vec::new())
        }
    }

    fn pending_leads(&self) -> Result<Leads, Failure> {
        Ok(Leads::of(self.pending_group_info(false)?.is_none()))
    }

    /// The epoch that the pending commit leads to; none where it is the last one.
    pub(crate) fn pending_group_info(&self, with_tree: bool) -> Result<Option<GroupInfo>, Failure> {
        let message = self.group.pending_group_info(with_tree, &NoRecords)?;
        Ok(message.and_then(|message| match message.body {
            MessageBody::GroupInfo(group_info) => Some(group_info),
            _ => None,
        }))
    }
}

/// A commit of the kind that is expected, which ends in no suite that is unknown.
fn check_can_follow(summary: &CommitSummary, expected: Leads) -> Result<(), Failure> {
    Leads::of(summary.reinit.is_some()).check(expected)?;
    if let Some(reinit) = &summary.reinit {
        wire::crypto(reinit.cipher_suite)?;
    }
    Ok(())
}

/// The leftmost member of this identity.
pub(crate) fn find<'a>(
    mut members: impl Iterator<Item = (LeafIndex, &'a Arc<LeafNode>)>,
    wanted: &[u8],
) -> Result<LeafIndex, Failure> {
    let found = members
        .find(|(_, leaf)| identity(&leaf.content.credential).is_some_and(|name| name == wanted));
    found.map(|(place, _)| place).ok_or_else(|| {
        let name = String::from_utf8_lossy(wanted);
        Failure::Argument(format!("there is no member {name:?}"))
    })
}

fn describe(proposal: &Proposal) -> &'static str {
    match proposal {
        Proposal::Add(_) => "an Add",
        Proposal::Update(_) => "an Update",
        Proposal::Remove(_) => "a Remove",
        Proposal::PreSharedKey(_) => "a PreSharedKey",
        Proposal::ReInit(_) => "a ReInit",
        Proposal::ExternalInit(_) => "an ExternalInit",
        Proposal::GroupContextExtensions(_) => "a GroupContextExtensions",
        Proposal::AppDataUpdate(_) => "an AppDataUpdate",
        Proposal::AppEphemeral(_) => "an AppEphemeral",
        Proposal::SelfRemove => "a SelfRemove",
    }
}
