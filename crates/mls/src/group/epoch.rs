//! One epoch as a value.

use super::public::PublicState;
use crate::framing::AuthenticatedContent;
use crate::leaf::LeafCheck;
use crate::schedule::{
    EpochSecrets, ExporterTree, JoinerSecret, Psks, Reservation, SecretTree, psk_secret,
};
use crate::services::Services;
use crate::tree::{LeafIndex, Node, NodeChange, PrivateKeys, RatchetTree};
use crate::wire::{GroupContext, LeafNode, ReInit};
use folkmoot_crypto::{Crypto, Secret, SignatureKeyPair};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that a member holds of one epoch.
#[derive(Debug)]
pub(crate) struct EpochState {
    pub(crate) public: PublicState,
    pub(crate) secrets: EpochSecrets,
    pub(crate) own: LeafIndex,
    pub(crate) private: PrivateKeys,
    pub(crate) signature: SignatureKeyPair,
    pub(crate) messages: SecretTree,
    pub(crate) exports: ExporterTree,
    /// Of this member's own application ratchet.
    pub(crate) reserved: Reservation,
}

/// What is left of an epoch once the next has begun: enough to open late messages, no more. Nothing
/// is sealed in it (check 55).
#[derive(Debug)]
pub(crate) struct PastEpoch {
    pub(crate) context: GroupContext,
    pub(crate) sender_data_secret: Secret,
    /// The leaves that the next epoch has not, or not so: with their signature keys and credentials.
    pub(crate) leaves: BTreeMap<LeafIndex, Option<Arc<LeafNode>>>,
    pub(crate) messages: SecretTree,
}

impl PastEpoch {
    /// What is kept of an epoch, in whose tree the next one made these changes.
    pub(super) fn new(state: EpochState, changes: Vec<NodeChange>) -> Self {
        let leaf = |change: NodeChange| {
            let before = match change.before {
                Some(Node::Leaf(leaf)) => Some(leaf.node),
                _ => None,
            };
            Some((change.index.leaf()?, before))
        };
        Self {
            context: state.public.context,
            sender_data_secret: state.secrets.sender_data_secret,
            leaves: changes.into_iter().filter_map(leaf).collect(),
            messages: state.messages,
        }
    }
}

/// A commit's effect on the group, before its secrets are known.
#[derive(Debug)]
pub(super) struct Successor {
    pub(super) tree: RatchetTree,
    pub(super) own: LeafIndex,
    pub(super) private: PrivateKeys,
    pub(super) signature: SignatureKeyPair,
    /// The last epoch's, or an external joiner's.
    pub(super) init_secret: Secret,
    pub(super) commit_secret: Secret,
    pub(super) psks: Psks,
    pub(super) reinit: Option<ReInit>,
    /// The context with the new epoch and tree, but the old transcript (check 88).
    pub(super) provisional: GroupContext,
}

/// The next epoch together with what only its Welcome needs.
#[derive(Debug)]
pub(super) struct Succession {
    pub(super) state: EpochState,
    pub(super) joiner_secret: JoinerSecret,
    pub(super) psk_secret: Secret,
}

impl PublicState {
    /// Runs the key schedule for a signed commit (RFC 9420 §8).
    pub(super) fn succeed(
        &self,
        crypto: &dyn Crypto,
        successor: Successor,
        commit: &AuthenticatedContent,
    ) -> Succession {
        let context = self.next_context(crypto, successor.provisional, commit);
        let (init_secret, commit_secret) = (&successor.init_secret, &successor.commit_secret);
        let joiner_secret = JoinerSecret::derive(crypto, init_secret, commit_secret, &context);
        let psk_secret = psk_secret(crypto, &successor.psks);
        let secrets = joiner_secret.epoch_secrets(crypto, &psk_secret, &context);
        let confirmed = context.confirmed_transcript_hash.as_slice();
        let tag = secrets.confirmation_tag(crypto, confirmed);
        let mut public = PublicState::new(crypto, context, tag, successor.tree);
        public.reinit = successor.reinit;
        let own = (successor.own, successor.private, successor.signature);
        Succession {
            state: EpochState::begin(public, secrets, own),
            joiner_secret,
            psk_secret,
        }
    }
}

impl EpochState {
    /// An epoch in which nothing has been sent yet.
    pub(super) fn begin(
        public: PublicState,
        mut secrets: EpochSecrets,
        (own, private, signature): (LeafIndex, PrivateKeys, SignatureKeyPair),
    ) -> Self {
        let encryption_secret = core::mem::take(&mut secrets.encryption_secret);
        let messages = SecretTree::new(encryption_secret, public.tree.height());
        let exports = ExporterTree::new(core::mem::take(&mut secrets.application_export_secret));
        Self {
            public,
            secrets,
            own,
            private,
            signature,
            messages,
            exports,
            reserved: Reservation::default(),
        }
    }

    /// Forgets every secret: this client is no longer a member (check 97).
    pub(super) fn forget(&mut self) {
        self.private = PrivateKeys::default();
        self.messages = SecretTree::default();
        self.exports = ExporterTree::default();
        self.signature.private = Secret::default();
        self.secrets = EpochSecrets::default();
    }
}

/// The checks of leaves that come in messages of a group. No clock is asked, so that a credential
/// that has expired meanwhile still counts (checks 10, 13, 14).
pub(super) fn leaf_check<'a>(
    crypto: &'a dyn Crypto,
    settings: &'a super::Settings,
    services: Services<'a>,
) -> LeafCheck<'a> {
    LeafCheck {
        crypto,
        auth: services.authentication,
        settings,
        at: None,
        records: services.records,
        components: services.components,
    }
}
