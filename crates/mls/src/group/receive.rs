//! Examining what arrives. Nothing changes until [`Group::apply`].

use super::committed::CommitSummary;
use super::components;
use super::epoch::leaf_check;
use super::proposals::{CachedProposal, to_keep};
use super::stage::StagedCommit;
use super::{EpochState, Group, Revision};
use crate::check::Check;
use crate::error::Error;
use crate::framing::{
    AuthenticatedContent, Content, ContentType, MessageBody, MlsMessage, PrivateMessage, Sender,
};
use crate::records::Records;
use crate::schedule::{RatchetKind, RatchetStep, SecretTree};
use crate::services::Services;
use crate::tree::LeafIndex;
use crate::wire::{Credential, Epoch, GroupContext, LeafNode, Proposal};
use folkmoot_crypto::Secret;
use std::sync::Arc;

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
    messages: &'a SecretTree,
    /// The epochs between this and the current one, this one first; none for the current one.
    since: usize,
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
                let leaves = leaf_check(self.crypto, &self.settings, services);
                let to_keep = to_keep(&message);
                let content = public.open_public(&leaves, message, Some(key))?;
                let mut incoming = self.handshake(&content, None, services)?;
                if let Transition::Proposal { cached, .. } = &mut incoming.transition {
                    cached.message = to_keep;
                }
                Ok(incoming)
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
        let leaf = self.leaf_in(&view, sender.leaf_index, services.records)?;
        let leaf = leaf.ok_or(Check::SenderIsMember)?;
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
        // Check 40.
        let key = leaf.content.signature_key.as_slice();
        let content = content.verify(self.crypto, key, view.context)?;
        let authenticated_data = content.content.authenticated_data.as_slice();
        components::safe_aad(view.context, authenticated_data)?;
        let Content::Application(data) = &content.content.content else {
            return self.handshake(&content, Some(step), services);
        };
        components::check_framing(view.context, data.as_slice())?;
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
            return Ok(EpochView {
                context: &self.epoch.public.context,
                sender_data_secret: &self.epoch.secrets.sender_data_secret,
                messages: &self.epoch.messages,
                since: 0,
            });
        }
        let newest_first = self.past.iter().rev().zip(1..);
        let mut found = newest_first.filter(|(past, _)| past.context.epoch == message.epoch);
        match (found.next(), message.content_type) {
            (Some((past, since)), ContentType::Application) => Ok(EpochView {
                context: &past.context,
                sender_data_secret: &past.sender_data_secret,
                messages: &past.messages,
                since,
            }),
            _ => Err(Error::WrongEpoch {
                message: message.epoch,
                current,
            }),
        }
    }

    /// A leaf as it was in a message's epoch: as it is now, unless an epoch since then changed it.
    fn leaf_in(
        &self,
        view: &EpochView<'_>,
        place: LeafIndex,
        records: &dyn Records,
    ) -> Result<Option<&Arc<LeafNode>>, Error> {
        let mut since = self.past.iter().skip(self.past.len() - view.since);
        match since.find_map(|past| past.leaves.get(&place)) {
            Some(changed) => Ok(changed.as_ref()),
            None => self.epoch.public.tree.leaf(place, records),
        }
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
