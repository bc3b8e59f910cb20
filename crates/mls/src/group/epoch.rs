//! One epoch as a value.

use crate::check::Check;
use crate::error::Error;
use crate::framing::{FramedContent, WireFormat};
use crate::leaf::LeafCheck;
use crate::schedule::{
    EpochSecrets, JoinerSecret, SecretTree, confirmed_transcript_hash, interim_transcript_hash,
};
use crate::tree::{LeafIndex, PrivateKeys, RatchetTree};
use crate::wire::{Epoch, Extensions, GroupContext};
use folkmoot_crypto::{Crypto, Secret, SignatureKeyPair};

/// Everything that a member holds of one epoch.
#[derive(Debug)]
pub(crate) struct EpochState {
    pub(crate) context: GroupContext,
    pub(crate) interim_transcript_hash: Vec<u8>,
    pub(crate) confirmation_tag: Vec<u8>,
    pub(crate) secrets: EpochSecrets,
    pub(crate) tree: RatchetTree,
    pub(crate) own: LeafIndex,
    pub(crate) private: PrivateKeys,
    pub(crate) signature: SignatureKeyPair,
    pub(crate) messages: SecretTree,
}

/// What is left of an epoch once the next has begun: enough to open late messages, no more.
#[derive(Debug)]
pub(crate) struct PastEpoch {
    pub(crate) context: GroupContext,
    pub(crate) sender_data_secret: Secret,
    /// For the members' signature keys and credentials as they were.
    pub(crate) tree: RatchetTree,
    pub(crate) messages: SecretTree,
}

impl From<EpochState> for PastEpoch {
    fn from(state: EpochState) -> Self {
        Self {
            context: state.context,
            sender_data_secret: state.secrets.sender_data_secret,
            tree: state.tree,
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
    pub(super) commit_secret: Secret,
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

impl EpochState {
    /// The next epoch's context as the path is sealed under it: all but the transcript hash.
    pub(super) fn provisional_context(
        &self,
        crypto: &dyn Crypto,
        tree: &RatchetTree,
        extensions: Extensions,
    ) -> Result<GroupContext, Check> {
        let epoch = self
            .context
            .epoch
            .0
            .checked_add(1)
            .ok_or(Check::EpochNumber)?;
        Ok(GroupContext {
            epoch: Epoch(epoch),
            tree_hash: tree.tree_hash(crypto).into(),
            extensions,
            ..self.context.clone()
        })
    }

    /// Runs the key schedule for the commit with this content and signature (RFC 9420 §8).
    pub(super) fn succeed(
        &self,
        crypto: &dyn Crypto,
        successor: Successor,
        wire_format: WireFormat,
        content: &FramedContent,
        signature: &[u8],
    ) -> Succession {
        let interim = &self.interim_transcript_hash;
        let confirmed = confirmed_transcript_hash(crypto, interim, wire_format, content, signature);
        let mut context = successor.provisional;
        context.confirmed_transcript_hash = confirmed.into();
        let init_secret = &self.secrets.init_secret;
        let joiner_secret =
            JoinerSecret::derive(crypto, init_secret, &successor.commit_secret, &context);
        let psk_secret = Secret::zero(crypto.hash_length());
        let secrets = joiner_secret.epoch_secrets(crypto, &psk_secret, &context);
        let confirmed = context.confirmed_transcript_hash.as_slice();
        let confirmation_tag = secrets.confirmation_tag(crypto, confirmed);
        let state = Self::begin(
            crypto,
            context,
            secrets,
            confirmation_tag,
            successor.tree,
            (successor.own, successor.private, successor.signature),
        );
        Succession {
            state,
            joiner_secret,
            psk_secret,
        }
    }

    /// An epoch in which nothing has been sent yet.
    pub(super) fn begin(
        crypto: &dyn Crypto,
        context: GroupContext,
        mut secrets: EpochSecrets,
        confirmation_tag: Vec<u8>,
        tree: RatchetTree,
        (own, private, signature): (LeafIndex, PrivateKeys, SignatureKeyPair),
    ) -> Self {
        let confirmed = context.confirmed_transcript_hash.as_slice();
        let interim_transcript_hash = interim_transcript_hash(crypto, confirmed, &confirmation_tag);
        let encryption_secret = core::mem::take(&mut secrets.encryption_secret);
        let messages = SecretTree::new(encryption_secret, tree.height());
        Self {
            context,
            interim_transcript_hash,
            confirmation_tag,
            secrets,
            tree,
            own,
            private,
            signature,
            messages,
        }
    }

    /// Forgets every secret: this client is no longer a member (check 97).
    pub(super) fn forget(&mut self) {
        self.private = PrivateKeys::default();
        self.messages = SecretTree::default();
        self.signature.private = Secret::default();
        self.secrets = EpochSecrets::default();
    }
}

/// The checks of leaves that come in messages of a group.
pub(super) fn leaf_check<'a>(
    crypto: &'a dyn Crypto,
    settings: &super::Settings,
    auth: &'a dyn crate::AuthenticationService,
) -> LeafCheck<'a> {
    LeafCheck {
        crypto,
        auth,
        maximum_lifetime: settings.maximum_lifetime,
        at: None,
    }
}

/// The error where a member's own leaf is not in its tree, which only damaged records can cause.
pub(super) fn damaged(what: &str) -> Error {
    Error::Records(crate::RecordsError(what.into()))
}
