//! A member's view of a group, and the transitions that turn one epoch into the next.
//!
//! A transition either fails and leaves the group as it was, or gives a [`Delta`]: exactly the records
//! that changed, to be stored in one transaction before anything is sent or shown.

mod apply;
mod choose;
mod commit;
mod committed;
mod components;
mod create;
mod draft;
mod epoch;
mod external;
pub(crate) mod hazmat;
mod join;
mod list;
mod load;
mod observer;
mod open;
mod proposals;
mod public;
mod receive;
mod record;
mod safe;
mod send;
mod stage;
mod successor;
mod targeted;
mod waiting;
mod welcome;

pub use commit::{CommitBundle, CommitIntent};
pub use committed::CommitSummary;
pub use external::{ExternalJoin, OutsideProposal};
pub use join::{JoinOptions, OwnKeyPackage};
pub use observer::{Observed, Observer};
pub use receive::{ApplicationMessage, Incoming, IncomingContent};
pub use send::{Identity, ProposalIntent};
pub use successor::NewMembers;
pub use targeted::TargetedContent;

pub(crate) use components::check_dictionary;
pub(crate) use epoch::EpochState;

use crate::error::{Error, StateError, own_keys};
use crate::framing::{MlsMessage, Padding, Sender, WireFormat};
use crate::records::Records;
use crate::schedule::SkipBounds;
use crate::tree::{LeafIndex, RatchetTree};
use crate::wire::{Epoch, Extensions, GroupContext, GroupId, LeafNode, Proposal, ReInit};
use epoch::PastEpoch;
use folkmoot_crypto::{CipherSuite, Crypto, Secret};
use std::collections::VecDeque;
use std::sync::Arc;
use waiting::Waiting;

/// What an application chooses.
///
/// `maximum_lifetime`, `waiting_proposals`, `committed_proposals`, `listed_values`, `leaf_length`,
/// `extensions_length` and `maximum_leaves` decide what is valid: all members of a group need the same, or a commit divides them.
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
    /// Proposals of one sender that may wait for a commit.
    pub waiting_proposals: usize,
    /// Proposals that one commit may list; never more than 65,535.
    pub committed_proposals: usize,
    /// Values in each list of a leaf's capabilities, extensions in each list of them, and what a
    /// group requires or admits.
    pub listed_values: usize,
    /// Bytes of one member's leaf.
    pub leaf_length: usize,
    /// Bytes of a group's extensions, which every message is signed over.
    pub extensions_length: usize,
    /// Places for leaves that a group's tree may have.
    pub maximum_leaves: u32,
    /// Past epochs whose resumption keys are kept (RFC 9420 §8.6).
    pub resumption_epochs: usize,
    /// Messages of each kind that this member seals in one epoch (RFC 9420 §15.2).
    pub messages_per_epoch: u32,
    /// How this member hides the length of each PrivateMessage.
    pub padding: Padding,
    /// Cipher suites that this client likes better than others, the best first: a group that it
    /// begins with a worse one than all first members have is refused (RFC 9420 §11).
    pub preferred_suites: Vec<CipherSuite>,
}

impl Default for Settings {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        /// Room for a chain of certificates with post-quantum signatures.
        const LEAF_LENGTH: usize = 64 * 1024;
        /// Room for lists and policies; what is larger belongs elsewhere, and its hash here.
        const EXTENSIONS_LENGTH: usize = 1 << 20;
        Self {
            handshakes: WireFormat::PrivateMessage,
            past_epochs: 3,
            skipped_generations: 1024,
            kept_keys: 1024,
            maximum_lifetime: 400 * DAY,
            waiting_proposals: 256,
            committed_proposals: 65_535,
            listed_values: 1024,
            leaf_length: LEAF_LENGTH,
            extensions_length: EXTENSIONS_LENGTH,
            maximum_leaves: 1 << 20,
            resumption_epochs: 8,
            messages_per_epoch: 1 << 24,
            padding: Padding::default(),
            preferred_suites: Vec::new(),
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
    proposals: Waiting,
    /// Resumption keys of past epochs, the newest last (RFC 9420 §8.6, check 140).
    resumption: VecDeque<(Epoch, Secret)>,
    pending: Option<PendingCommit>,
    active: bool,
    revision: Revision,
}

/// A state of one group in memory: a transition that was computed from another is recognised.
#[derive(Clone, Debug, Default)]
struct Revision {
    instance: Arc<()>,
    /// Grows with every change.
    changes: u64,
}

impl Revision {
    fn advance(&mut self) {
        self.changes += 1;
    }
}

impl PartialEq for Revision {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.instance, &other.instance) && self.changes == other.changes
    }
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
        &self.epoch.public.context.group_id
    }

    /// The current epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch.public.context.epoch
    }

    /// What all members agree on.
    pub fn context(&self) -> &GroupContext {
        &self.epoch.public.context
    }

    /// The group's extensions.
    pub fn extensions(&self) -> &Extensions {
        &self.epoch.public.context.extensions
    }

    /// The ratchet tree.
    pub fn tree(&self) -> &RatchetTree {
        &self.epoch.public.tree
    }

    /// The members, from the left.
    ///
    /// Where the group was loaded, all of its tree is read from `records` and stays in memory.
    pub fn members(
        &self,
        records: &dyn Records,
    ) -> Result<impl Iterator<Item = (LeafIndex, &Arc<LeafNode>)>, Error> {
        self.epoch.public.tree.leaves(records)
    }

    /// How many members there are.
    pub fn member_count(&self) -> u32 {
        self.epoch.public.tree.member_count()
    }

    /// The member at a leaf.
    pub fn member(
        &self,
        leaf: LeafIndex,
        records: &dyn Records,
    ) -> Result<Option<&Arc<LeafNode>>, Error> {
        self.epoch.public.tree.leaf(leaf, records)
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
    pub fn proposals(&self) -> impl Iterator<Item = (Sender, &Proposal)> {
        self.proposals
            .iter()
            .map(|cached| (cached.sender, &cached.proposal))
    }

    /// Messages of members who want to leave: whoever joins by a commit needs them beside the GroupInfo
    /// (draft-ietf-mls-extensions §6.3).
    pub fn self_removals(&self) -> impl Iterator<Item = &[u8]> {
        self.proposals.messages()
    }

    /// Whether proposals wait that this member has to commit before it sends application data (RFC
    /// 9420 §12.4): all, from whomever, but those that only others can commit, its own Updates and
    /// the removal of itself that it proposed (§12.2), in whichever form.
    ///
    /// A commit answers all of them, also those that it leaves out: the next epoch has none.
    pub fn has_proposals_to_commit(&self) -> bool {
        let own = self.epoch.own;
        self.proposals.iter().any(|cached| {
            let is_for_others = match &cached.proposal {
                Proposal::Update(_) | Proposal::SelfRemove => true,
                Proposal::Remove(leaf) => *leaf == own,
                _ => false,
            };
            !(is_for_others && cached.sender == Sender::Member(own))
        })
    }

    /// This member's commit that has not been accepted or discarded.
    pub fn pending_commit(&self) -> Option<&MlsMessage> {
        self.pending.as_ref().map(|pending| &pending.message)
    }

    /// The members once the pending commit is accepted, where there is one.
    pub fn pending_members(
        &self,
        records: &dyn Records,
    ) -> Result<Option<impl Iterator<Item = (LeafIndex, &Arc<LeafNode>)>>, Error> {
        let pending = self.pending.as_ref();
        pending
            .map(|pending| pending.next.public.tree.leaves(records))
            .transpose()
    }

    /// The parameters of the group that follows, once a commit has ended this one for it (RFC 9420
    /// §11.2). Nothing is sent in this group any more.
    pub fn reinit(&self) -> Option<&ReInit> {
        self.epoch.public.reinit.as_ref()
    }

    /// The resumption key of the current epoch, or of a past one that is still kept (RFC 9420 §8.6).
    pub fn resumption_psk(&self, epoch: Epoch) -> Option<&Secret> {
        if epoch == self.epoch() {
            return self.active.then_some(&self.epoch.secrets.resumption_psk);
        }
        let mut kept = self.resumption.iter();
        kept.find(|(past, _)| *past == epoch).map(|(_, key)| key)
    }

    /// The value that members compare out of band (RFC 9420 §8.7); a removed one has none.
    pub fn epoch_authenticator(&self) -> Result<&Secret, StateError> {
        self.check_active()?;
        Ok(&self.epoch.secrets.epoch_authenticator)
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
        self.revision.advance();
    }
}
