//! Examining what arrives. Nothing changes until [`Group::apply`].

use super::committed::CommitSummary;
use super::epoch::{PastEpoch, leaf_check};
use super::proposals::CachedProposal;
use super::stage::StagedCommit;
use super::{EpochState, Group, Revision};
use crate::check::Check;
use crate::error::Error;
use crate::framing::{
    AuthenticatedContent, Content, ContentType, MessageBody, MlsMessage, PrivateMessage, Sender,
    Unauthenticated,
};
use crate::schedule::{RatchetKind, RatchetStep, SecretTree};
use crate::services::Services;
use crate::tree::{LeafIndex, RatchetTree};
use crate::wire::{Credential, Epoch, GroupContext, Proposal};
use folkmoot_crypto::Secret;

/// A message that proved genuine and valid, and what taking it would change.
///
/// The application looks at [`Self::content`], decides by its own policy, and either passes it to
/// [`Group::apply`] or drops it. The policy has to be the group's, not one member's: who drops a
/// proposal or a commit that others take can follow them no more.
#[derive(Debug)]
#[must_use = "a message changes nothing until it is applied"]
pub struct Incoming {
    pub(super) content: IncomingContent,
    pub(super) transition: Transition,
    pub(super) base: Revision,
}

/// What an [`Incoming`] message says.
#[derive(Clone, Debug)]
pub enum IncomingContent {
    /// Application data.
    Application(ApplicationMessage),
    /// A proposal.
    Proposal {
        /// Who proposes.
        sender: Sender,
        /// What.
        proposal: Box<Proposal>,
    },
    /// A commit.
    Commit(Box<CommitSummary>),
}

/// Application data with its sender.
#[derive(Clone, PartialEq, Eq)]
pub struct ApplicationMessage {
    /// The sender's leaf in the message's epoch.
    pub sender: LeafIndex,
    /// The sender's credential in the message's epoch.
    pub credential: Credential,
    /// The data.
    pub data: Vec<u8>,
    /// Authenticated, but never encrypted.
    pub authenticated_data: Vec<u8>,
    /// The message's epoch.
    pub epoch: Epoch,
    /// Its number in the sender's ratchet.
    pub generation: u32,
}

impl core::fmt::Debug for ApplicationMessage {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("ApplicationMessage")
            .field("sender", &self.sender)
            .field("epoch", &self.epoch)
            .field("generation", &self.generation)
            .field("bytes", &self.data.len())
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(super) enum Transition {
    Application {
        epoch: Epoch,
        step: RatchetStep,
    },
    Proposal {
        step: Option<RatchetStep>,
        cached: Box<CachedProposal>,
    },
    Commit {
        step: Option<RatchetStep>,
        next: Option<Box<EpochState>>,
    },
}

/// What opening a message needs of its epoch.
struct EpochView<'a> {
    context: &'a GroupContext,
    sender_data_secret: &'a Secret,
    tree: &'a RatchetTree,
    messages: &'a SecretTree,
}

impl<'a> From<&'a EpochState> for EpochView<'a> {
    fn from(epoch: &'a EpochState) -> Self {
        Self {
            context: &epoch.public.context,
            sender_data_secret: &epoch.secrets.sender_data_secret,
            tree: &epoch.public.tree,
            messages: &epoch.messages,
        }
    }
}

impl<'a> From<&'a PastEpoch> for EpochView<'a> {
    fn from(epoch: &'a PastEpoch) -> Self {
        Self {
            context: &epoch.context,
            sender_data_secret: &epoch.sender_data_secret,
            tree: &epoch.tree,
            messages: &epoch.messages,
        }
    }
}

impl Incoming {
    /// What the message says.
    pub fn content(&self) -> &IncomingContent {
        &self.content
    }
}

impl Group {
    /// Examines a message of this group.
    pub fn receive<'a>(
        &self,
        message: MlsMessage,
        services: impl Into<Services<'a>>,
    ) -> Result<Incoming, Error> {
        self.check_active()?;
        if message.group_id() != Some(self.group_id()) {
            return Err(Check::GroupIdAndEpoch.into());
        }
        if self.pending_commit() == Some(&message) {
            return Err(Error::OwnCommit);
        }
        let services = services.into();
        match message.body {
            MessageBody::Public(message) => {
                let key = &self.epoch.secrets.membership_key;
                let public = &self.epoch.public;
                let content = public.open_public(self.crypto, message, Some(key))?;
                self.handshake(&content, None, services)
            }
            MessageBody::Private(message) => self.receive_private(&message, services),
            _ => Err(Check::GroupIdAndEpoch.into()),
        }
    }

    fn receive_private(
        &self,
        message: &PrivateMessage,
        services: Services<'_>,
    ) -> Result<Incoming, Error> {
        let view = self.view(message)?;
        let sender = message.open_sender_data(self.crypto, view.sender_data_secret)?;
        if view.tree.leaf(sender.leaf_index).is_none() {
            return Err(Check::SenderIsMember.into());
        }
        if sender.leaf_index == self.epoch.own {
            return Err(Error::OwnMessage);
        }
        let kind = match message.content_type {
            ContentType::Application => RatchetKind::Application,
            ContentType::Proposal | ContentType::Commit => RatchetKind::Handshake,
        };
        let id = (sender.leaf_index, kind);
        let (keys, step) =
            view.messages
                .key_for(self.crypto, id, sender.generation, self.bounds())?;
        let content = message.open_content(self.crypto, &keys, sender)?;
        let content = self.authenticate(content, sender.leaf_index, view.context, view.tree)?;
        let Content::Application(data) = &content.content.content else {
            return self.handshake(&content, Some(step), services);
        };
        let leaf = view
            .tree
            .leaf(sender.leaf_index)
            .ok_or(Check::SenderIsMember)?;
        let application = ApplicationMessage {
            sender: sender.leaf_index,
            credential: leaf.content.credential.clone(),
            data: data.as_slice().to_vec(),
            authenticated_data: content.content.authenticated_data.as_slice().to_vec(),
            epoch: message.epoch,
            generation: sender.generation,
        };
        let transition = Transition::Application {
            epoch: message.epoch,
            step,
        };
        Ok(self.incoming(IncomingContent::Application(application), transition))
    }

    /// The epoch of a message: the current one, or for application data a past one still kept.
    fn view(&self, message: &PrivateMessage) -> Result<EpochView<'_>, Error> {
        let current = self.epoch.public.context.epoch;
        if message.epoch == current {
            return Ok((&self.epoch).into());
        }
        let past = self
            .past
            .iter()
            .find(|past| past.context.epoch == message.epoch);
        match (past, message.content_type) {
            (Some(past), ContentType::Application) => Ok(past.into()),
            _ => Err(Error::WrongEpoch {
                message: message.epoch,
                current,
            }),
        }
    }

    /// Verifies the signature with the key of the sender's leaf (check 40).
    fn authenticate(
        &self,
        content: Unauthenticated,
        sender: LeafIndex,
        context: &GroupContext,
        tree: &RatchetTree,
    ) -> Result<AuthenticatedContent, Error> {
        let leaf = tree.leaf(sender).ok_or(Check::SenderIsMember)?;
        let key = leaf.content.signature_key.as_slice();
        Ok(content.verify(self.crypto, key, context)?)
    }

    fn handshake(
        &self,
        message: &AuthenticatedContent,
        step: Option<RatchetStep>,
        services: Services<'_>,
    ) -> Result<Incoming, Error> {
        if message.content.sender == Sender::Member(self.epoch.own) {
            return Err(Error::OwnMessage);
        }
        if self.epoch.public.reinit.is_some() {
            return Err(Check::ReInitEnds.into());
        }
        let leaves = leaf_check(self.crypto, &self.settings, services);
        match &message.content.content {
            Content::Application(_) => Err(Check::ApplicationIsPrivate.into()),
            Content::Commit(_) => {
                let StagedCommit { summary, next } =
                    self.stage_commit(message, services, &leaves)?;
                let transition = Transition::Commit { step, next };
                Ok(self.incoming(IncomingContent::Commit(Box::new(summary)), transition))
            }
            Content::Proposal(proposal) => {
                let waiting = &self.proposals;
                let cached = self
                    .epoch
                    .public
                    .take_proposal(message, proposal, waiting, &leaves)?;
                let content = IncomingContent::Proposal {
                    sender: message.content.sender,
                    proposal: Box::new(proposal.clone()),
                };
                let cached = Box::new(cached);
                Ok(self.incoming(content, Transition::Proposal { step, cached }))
            }
        }
    }

    fn incoming(&self, content: IncomingContent, transition: Transition) -> Incoming {
        Incoming {
            content,
            transition,
            base: self.revision.clone(),
        }
    }
}
