//! A member's view of a group, and the transitions that turn one epoch into the next.
//!
//! A transition either fails and leaves the group as it was, or gives a [`Delta`]: exactly the records
//! that changed, to be stored in one transaction before anything is sent or shown.

mod apply;
mod commit;
mod create;
mod delta;
mod epoch;
mod join;
mod load;
mod proposals;
mod receive;
mod record;
mod send;
mod stage;

pub use commit::{CommitBundle, CommitIntent};
pub use delta::{Change, Delta, RecordKey, Records};
pub use join::OwnKeyPackage;
pub use receive::{ApplicationMessage, CommitSummary, Incoming, IncomingContent};
pub use send::ProposalIntent;

pub(crate) use epoch::EpochState;

use crate::error::{Error, StateError, own_keys};
use crate::framing::{MlsMessage, WireFormat};
use crate::schedule::SkipBounds;
use crate::tree::{LeafIndex, RatchetTree};
use crate::wire::{Epoch, Extensions, GroupContext, GroupId, LeafNode, Proposal};
use epoch::PastEpoch;
use folkmoot_crypto::{Crypto, Secret};
use proposals::CachedProposal;
use std::collections::VecDeque;
use std::sync::Arc;

/// What an application chooses; the same for all members where it decides what is valid.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How this client's commits and proposals travel.
    pub handshakes: WireFormat,
    /// Past epochs whose messages can still be opened.
    pub past_epochs: usize,
    /// Generations of a sender's ratchet that one message may skip (RFC 9420 §15.3).
    pub skipped_generations: u32,
    /// Keys of skipped generations that are kept per ratchet; the oldest go first.
    pub kept_keys: usize,
    /// The longest lifetime of a KeyPackage's leaf in seconds (RFC 9420 §7.2).
    pub maximum_lifetime: u64,
    /// Proposals that may wait for a commit.
    pub waiting_proposals: usize,
}

impl Default for Settings {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            handshakes: WireFormat::PrivateMessage,
            past_epochs: 3,
            skipped_generations: 1024,
            kept_keys: 1024,
            maximum_lifetime: 400 * DAY,
            waiting_proposals: 1024,
        }
    }
}

/// A group as one of its members knows it.
#[derive(Debug)]
pub struct Group {
    crypto: &'static dyn Crypto,
    settings: Settings,
    epoch: EpochState,
    /// The newest last.
    past: VecDeque<PastEpoch>,
    /// In the order of arrival.
    proposals: Vec<CachedProposal>,
    pending: Option<PendingCommit>,
    active: bool,
    /// Grows with every change, so that a transition computed earlier is recognised as outdated.
    revision: u64,
}

/// A commit of this member's own that nobody has accepted yet (check 95).
#[derive(Debug)]
struct PendingCommit {
    message: MlsMessage,
    next: Box<EpochState>,
}

impl Group {
    /// The group's id.
    pub fn group_id(&self) -> &GroupId {
        &self.epoch.context.group_id
    }

    /// The current epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch.context.epoch
    }

    /// What all members agree on.
    pub fn context(&self) -> &GroupContext {
        &self.epoch.context
    }

    /// The group's extensions.
    pub fn extensions(&self) -> &Extensions {
        &self.epoch.context.extensions
    }

    /// The ratchet tree.
    pub fn tree(&self) -> &RatchetTree {
        &self.epoch.tree
    }

    /// The members, from the left.
    pub fn members(&self) -> impl Iterator<Item = (LeafIndex, &Arc<LeafNode>)> {
        self.epoch.tree.leaves()
    }

    /// The member at a leaf.
    pub fn member(&self, leaf: LeafIndex) -> Option<&Arc<LeafNode>> {
        self.epoch.tree.leaf(leaf)
    }

    /// This member's own place.
    pub fn own_index(&self) -> LeafIndex {
        self.epoch.own
    }

    /// Whether this client is still a member.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Proposals that wait for a commit: who made them, and what they say.
    pub fn proposals(&self) -> impl Iterator<Item = (LeafIndex, &Proposal)> {
        self.proposals
            .iter()
            .map(|cached| (cached.sender, &cached.proposal))
    }

    /// Whether somebody else's proposals wait for a commit (RFC 9420 §12.4).
    pub fn has_proposals_to_commit(&self) -> bool {
        self.proposals
            .iter()
            .any(|cached| cached.sender != self.epoch.own)
    }

    /// This member's commit that has not been accepted or discarded.
    pub fn pending_commit(&self) -> Option<&MlsMessage> {
        self.pending.as_ref().map(|pending| &pending.message)
    }

    /// The members once the pending commit is accepted, where there is one.
    pub fn pending_members(&self) -> Option<impl Iterator<Item = (LeafIndex, &Arc<LeafNode>)>> {
        self.pending
            .as_ref()
            .map(|pending| pending.next.tree.leaves())
    }

    /// The value that members compare out of band (RFC 9420 §8.7).
    pub fn epoch_authenticator(&self) -> &Secret {
        &self.epoch.secrets.epoch_authenticator
    }

    /// `MLS-Exporter` (RFC 9420 §8.5): a secret of the epoch for the application's use.
    pub fn export(&self, label: &str, context: &[u8], length: u16) -> Result<Secret, Error> {
        self.check_active()?;
        self.epoch
            .secrets
            .export(self.crypto, label, context, length)
            .map_err(own_keys)
    }

    fn check_active(&self) -> Result<(), StateError> {
        if self.active {
            Ok(())
        } else {
            Err(StateError::NotMember)
        }
    }

    fn bounds(&self) -> SkipBounds {
        SkipBounds {
            skip: self.settings.skipped_generations,
            kept: self.settings.kept_keys,
        }
    }

    fn changed(&mut self) {
        self.revision += 1;
    }
}
