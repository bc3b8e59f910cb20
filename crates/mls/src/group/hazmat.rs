//! What [`crate::hazmat`] needs of a group's inner parts.

use super::epoch::Successor;
use super::public::PublicState;
use super::{EpochState, Group};
use crate::framing::AuthenticatedContent;
use crate::hazmat::Claim;
use crate::tree::{LeafIndex, PrivateKeys};
use folkmoot_crypto::{Crypto, Secret, SignatureKeyPair};

pub(crate) use super::join::{open_group_info, open_group_secrets};

impl Group {
    /// The suite and the current epoch, secrets included.
    pub(crate) fn hazmat(&self) -> (&'static dyn Crypto, &EpochState) {
        (self.crypto, &self.epoch)
    }
}

/// A claimed epoch, and what it follows.
pub(crate) struct Succeeding<'a> {
    pub(crate) interim_transcript_hash: &'a [u8],
    pub(crate) signature: SignatureKeyPair,
    pub(crate) own: LeafIndex,
    pub(crate) claim: Claim,
}

/// A claimed epoch with what its Welcome needs.
pub(crate) struct Succeeded {
    pub(crate) state: EpochState,
    pub(crate) joiner_secret: Secret,
    pub(crate) psk_secret: Secret,
}

/// Runs the key schedule for a commit that claims to lead to this epoch.
pub(crate) fn succeed(
    crypto: &dyn Crypto,
    succeeding: Succeeding<'_>,
    commit: &AuthenticatedContent,
) -> Succeeded {
    let claim = succeeding.claim;
    let before = PublicState {
        context: claim.context.clone(),
        interim_transcript_hash: succeeding.interim_transcript_hash.to_vec(),
        confirmation_tag: Vec::new(),
        tree: claim.tree.clone(),
        reinit: None,
    };
    let successor = Successor {
        tree: claim.tree,
        own: succeeding.own,
        private: PrivateKeys::default(),
        signature: succeeding.signature,
        init_secret: claim.init_secret,
        commit_secret: claim.commit_secret,
        psks: claim.psks,
        reinit: None,
        provisional: claim.context,
    };
    let succession = before.succeed(crypto, successor, commit);
    Succeeded {
        state: succession.state,
        joiner_secret: succession.joiner_secret.0,
        psk_secret: succession.psk_secret,
    }
}
