//! A group as someone sees it who is no member: public state only, all of it verified.
//!
//! Every handshake has to be a PublicMessage. What takes the group's secrets stays unverified: the
//! membership tag, the confirmation tag, and whether path secrets open.

use super::epoch::leaf_check;
use super::proposals::{CachedProposal, to_keep};
use super::public::{PublicState, verify_signature};
use super::receive::IncomingContent;
use super::waiting::Waiting;
use super::{Revision, Settings};
use crate::check::Check;
use crate::error::{Error, StateError};
use crate::framing::{Content, MessageBody, MlsMessage};
use crate::records::{Delta, Kind, RecordKey, Records};
use crate::services::Services;
use crate::tree::{LeafIndex, RatchetTree};
use crate::wire::{Epoch, ExtensionType, GroupContext, GroupInfo, LeafNode, encode};
use folkmoot_crypto::Crypto;
use std::sync::Arc;

/// What an observer knows of a group.
#[derive(Debug)]
pub struct Observer {
    crypto: &'static dyn Crypto,
    settings: Settings,
    public: PublicState,
    proposals: Waiting,
    /// A member's description of this very epoch, for joiners.
    group_info: Option<GroupInfo>,
    revision: Revision,
}

/// A valid handshake, and what taking it would change.
#[derive(Debug)]
#[must_use = "a handshake changes nothing until it is applied"]
pub struct Observed {
    content: IncomingContent,
    transition: Transition,
    base: Revision,
}

#[derive(Debug)]
enum Transition {
    Proposal(Box<CachedProposal>),
    Commit(Box<PublicState>),
}

impl Observed {
    /// What the handshake says.
    pub fn content(&self) -> &IncomingContent {
        &self.content
    }
}

impl Observer {
    /// Begins to observe the group that a member's GroupInfo describes. `tree` is the ratchet tree
    /// where the GroupInfo does not carry it.
    pub fn begin<'a>(
        crypto: &'static dyn Crypto,
        group_info: GroupInfo,
        tree: Option<&[u8]>,
        settings: Settings,
        services: impl Into<Services<'a>>,
    ) -> Result<(Self, Delta), Error> {
        let leaves = leaf_check(crypto, &settings, services.into());
        let maximum = settings.maximum_leaves;
        let public = PublicState::from_group_info(&group_info, tree, maximum, &leaves)?;
        let mut delta = Delta::default();
        delta.erase_all(RecordKey(Vec::new()));
        delta.put_public(crypto, &public, &RatchetTree::empty())?;
        delta.put(Kind::GroupInfo.key(&[]), encode(&group_info));
        let observer = Self {
            crypto,
            settings,
            public,
            proposals: Waiting::default(),
            group_info: Some(group_info),
            revision: Revision::default(),
        };
        Ok((observer, delta))
    }

    /// Restores an observer from what its deltas wrote.
    pub fn load(
        crypto: &'static dyn Crypto,
        records: &dyn Records,
        settings: Settings,
    ) -> Result<Self, Error> {
        let (public, proposals, group_info) = super::load::load_observer(crypto, records)?;
        Ok(Self {
            crypto,
            settings,
            public,
            proposals,
            group_info,
            revision: Revision::default(),
        })
    }

    /// What all members agree on.
    pub fn context(&self) -> &GroupContext {
        &self.public.context
    }

    /// The current epoch.
    pub fn epoch(&self) -> Epoch {
        self.public.context.epoch
    }

    /// The members, from the left.
    pub fn members(
        &self,
        records: &dyn Records,
    ) -> Result<impl Iterator<Item = (LeafIndex, &Arc<LeafNode>)>, Error> {
        self.public.tree.leaves(records)
    }

    /// The ratchet tree as joiners take it.
    pub fn ratchet_tree(&self, records: &dyn Records) -> Result<Vec<u8>, Error> {
        self.public.tree.to_extension(records)
    }

    /// A member's description of the current epoch for joiners, once one was published.
    pub fn group_info(&self) -> Option<&GroupInfo> {
        self.group_info.as_ref()
    }

    /// Messages of members who want to leave: whoever joins by a commit needs them beside the GroupInfo
    /// (draft-ietf-mls-extensions §6.3).
    pub fn self_removals(&self) -> impl Iterator<Item = &[u8]> {
        self.proposals.messages()
    }

    /// Examines a handshake of this group.
    pub fn receive<'a>(
        &self,
        message: MlsMessage,
        services: impl Into<Services<'a>>,
    ) -> Result<Observed, Error> {
        if message.group_id() != Some(&self.public.context.group_id) {
            return Err(Check::GroupIdAndEpoch.into());
        }
        let MessageBody::Public(message) = message.body else {
            return Err(Check::SenderType.into());
        };
        if self.public.reinit.is_some() {
            return Err(Check::ReInitEnds.into());
        }
        let leaves = leaf_check(self.crypto, &self.settings, services.into());
        let to_keep = to_keep(&message);
        let message = self.public.open_public(&leaves, message, None)?;
        let (content, transition) = match &message.content.content {
            Content::Application(_) => return Err(Check::ApplicationIsPrivate.into()),
            Content::Proposal(proposal) => {
                let waiting = &self.proposals;
                let mut cached = self
                    .public
                    .take_proposal(&message, proposal, waiting, &leaves)?;
                cached.message = to_keep;
                let content = IncomingContent::Proposal {
                    sender: message.content.sender,
                    proposal: Box::new(proposal.clone()),
                };
                (content, Transition::Proposal(Box::new(cached)))
            }
            Content::Commit(_) => {
                let committed = self
                    .public
                    .check_commit(&message, &self.proposals, &leaves)?;
                let tag = message.auth.confirmation_tag.as_ref();
                let tag = tag.ok_or(Check::ConfirmationTagPresence)?;
                let context = self
                    .public
                    .next_context(self.crypto, committed.context, &message);
                let tag = tag.as_slice().to_vec();
                let tree = committed.provisional.tree;
                let mut next = PublicState::new(self.crypto, context, tag, tree);
                next.reinit = committed.provisional.reinit;
                let content = IncomingContent::Commit(Box::new(committed.summary));
                (content, Transition::Commit(Box::new(next)))
            }
        };
        Ok(Observed {
            content,
            transition,
            base: self.revision.clone(),
        })
    }

    /// Takes a handshake that [`Self::receive`] examined in this very state.
    pub fn apply(&mut self, observed: Observed) -> Result<Delta, Error> {
        if observed.base != self.revision {
            return Err(StateError::Superseded.into());
        }
        let mut delta = Delta::default();
        match observed.transition {
            Transition::Proposal(cached) => {
                delta.put_proposal(self.proposals.len(), &cached);
                self.proposals.push(*cached);
            }
            Transition::Commit(next) => {
                delta.put_public(self.crypto, &next, &self.public.tree)?;
                delta.erase_all(Kind::Proposal.key(&[]));
                delta.erase(Kind::GroupInfo.key(&[]));
                self.proposals.clear();
                self.group_info = None;
                self.public = *next;
                self.public.tree.settle(self.public.context.epoch);
            }
        }
        self.revision.advance();
        Ok(delta)
    }

    /// Keeps a member's GroupInfo for joiners: it has to describe the epoch as it is.
    pub fn publish(
        &mut self,
        group_info: GroupInfo,
        records: &dyn Records,
    ) -> Result<Delta, Error> {
        let content = &group_info.content;
        if content.group_context != self.public.context {
            return Err(Check::GroupIdAndEpoch.into());
        }
        if content.confirmation_tag.as_slice() != self.public.confirmation_tag {
            return Err(Check::GroupInfoConfirmation.into());
        }
        let carried = content.extensions.find(ExtensionType::RATCHET_TREE);
        if let Some(tree) = carried
            && tree != self.ratchet_tree(records)?
        {
            return Err(Check::TreeHash.into());
        }
        verify_signature(self.crypto, &group_info, &self.public.tree, records)?;
        let mut delta = Delta::default();
        delta.put(Kind::GroupInfo.key(&[]), encode(&group_info));
        self.group_info = Some(group_info);
        Ok(delta)
    }
}
