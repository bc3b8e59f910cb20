//! Messages of this member's own: application data and proposals.

use super::proposals::{CachedProposal, Listed};
use super::{Delta, EpochState, Group};
use crate::check::Check;
use crate::error::{Error, StateError};
use crate::framing::{
    AuthenticatedContent, Content, FramedContent, MessageBody, MlsMessage, PrivateMessage,
    PublicMessage, SealKey, Sender, SenderData, WireFormat,
};
use crate::key_package::{VerifiedKeyPackage, fresh_kem_key_pair};
use crate::leaf::{AuthenticationService, place};
use crate::schedule::RatchetKind;
use crate::tree::LeafIndex;
use crate::wire::{LeafNodeSource, Proposal};
use folkmoot_crypto::{Secret, random};
use rand_core::CryptoRng;
use tls_codec::VLBytes;

/// What a member wants to propose.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "made one at a time")]
pub enum ProposalIntent {
    /// Add a client.
    Add(VerifiedKeyPackage),
    /// Fresh keys for this member's leaf.
    Update,
    /// Remove a member, possibly this one.
    Remove(LeafIndex),
}

impl Group {
    /// Seals application data under a key that is never used again.
    pub fn seal(
        &mut self,
        data: &[u8],
        authenticated_data: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(MlsMessage, Delta), Error> {
        self.check_active()?;
        // Check 54: members agree on what is proposed before they go on talking.
        if self.has_proposals_to_commit() {
            return Err(StateError::ProposalsPending.into());
        }
        let content = self.frame(Content::Application(data.into()), authenticated_data);
        let signed = self.sign(WireFormat::PrivateMessage, content)?;
        let mut delta = Delta::default();
        let message = self.protect(signed, rng, &mut delta)?;
        self.changed();
        Ok((message, delta))
    }

    /// Makes a proposal; any other member may commit it.
    pub fn propose(
        &mut self,
        intent: ProposalIntent,
        authenticated_data: &[u8],
        auth: &dyn AuthenticationService,
        rng: &mut dyn CryptoRng,
    ) -> Result<(MlsMessage, Delta), Error> {
        self.check_active()?;
        let (proposal, own_leaf_private) = match intent {
            ProposalIntent::Add(package) => (Proposal::Add(Box::new(package.into_inner())), None),
            ProposalIntent::Remove(leaf) => (Proposal::Remove(leaf), None),
            ProposalIntent::Update => {
                let (proposal, private) = self.own_update(rng)?;
                (proposal, Some(private))
            }
        };
        let sender = self.epoch.own;
        let leaves = super::epoch::leaf_check(self.crypto, &self.settings, auth);
        self.epoch
            .check_proposal(Listed::new(sender, &proposal), &leaves)
            .map_err(refused)?;
        if self.proposals.len() >= self.settings.waiting_proposals {
            return Err(StateError::Refused(Check::WaitingProposals).into());
        }
        let content = self.frame(Content::Proposal(proposal.clone()), authenticated_data);
        let signed = self.sign(self.settings.handshakes, content)?;
        let reference = signed.proposal_reference(self.crypto);
        let mut delta = Delta::default();
        let message = self.protect(signed, rng, &mut delta)?;
        let cached = CachedProposal {
            reference,
            sender,
            proposal,
            own_leaf_private,
        };
        delta.put_proposal(self.proposals.len(), &cached);
        self.proposals.push(cached);
        self.changed();
        Ok((message, delta))
    }

    fn own_update(&self, rng: &mut dyn CryptoRng) -> Result<(Proposal, Secret), Error> {
        let keys = fresh_kem_key_pair(self.crypto, rng)?;
        let mut content = self.own_leaf_content()?;
        content.encryption_key = keys.public.into();
        content.source = LeafNodeSource::Update;
        let place = place(&self.epoch.context, self.epoch.own);
        let leaf = content.sign(self.crypto, &self.epoch.signature.private, Some(place))?;
        Ok((Proposal::Update(Box::new(leaf)), keys.private))
    }

    pub(super) fn own_leaf_content(&self) -> Result<crate::wire::LeafNodeContent, Error> {
        let leaf = self.epoch.tree.leaf(self.epoch.own);
        Ok(leaf
            .ok_or_else(|| super::epoch::damaged("own leaf is missing"))?
            .content
            .clone())
    }

    pub(super) fn frame(&self, content: Content, authenticated_data: &[u8]) -> FramedContent {
        FramedContent {
            group_id: self.group_id().clone(),
            epoch: self.epoch(),
            sender: Sender::Member(self.epoch.own),
            authenticated_data: VLBytes::from(authenticated_data),
            content,
        }
    }

    pub(super) fn sign(
        &self,
        wire_format: WireFormat,
        content: FramedContent,
    ) -> Result<AuthenticatedContent, Error> {
        let EpochState {
            context, signature, ..
        } = &self.epoch;
        AuthenticatedContent::sign(
            self.crypto,
            wire_format,
            content,
            &signature.private,
            context,
        )
    }

    /// Frames signed content as its wire format says; a private one uses up a key.
    pub(super) fn protect(
        &mut self,
        signed: AuthenticatedContent,
        rng: &mut dyn CryptoRng,
        delta: &mut Delta,
    ) -> Result<MlsMessage, Error> {
        let EpochState {
            context,
            secrets,
            messages,
            own,
            ..
        } = &self.epoch;
        if signed.wire_format == WireFormat::PublicMessage {
            let key = &secrets.membership_key;
            let message = PublicMessage::protect(self.crypto, signed, key, context);
            return Ok(MessageBody::Public(message).into());
        }
        let kind = match signed.content.content {
            Content::Application(_) => RatchetKind::Application,
            Content::Proposal(_) | Content::Commit(_) => RatchetKind::Handshake,
        };
        let (generation, keys, step) = messages
            .next_key(self.crypto, (*own, kind))?
            .ok_or(StateError::GenerationsExhausted)?;
        let sender = SenderData {
            leaf_index: *own,
            generation,
            reuse_guard: random(rng),
        };
        let sender_data_secret = &secrets.sender_data_secret;
        let seal = SealKey {
            keys,
            sender,
            sender_data_secret,
            padding: 0,
        };
        let message = PrivateMessage::protect(self.crypto, &signed, &seal)?;
        let epoch = context.epoch;
        self.take_step(epoch, step, delta);
        Ok(MessageBody::Private(message).into())
    }
}

/// A broken rule in what the caller asked for is the caller's fault, not a peer's.
pub(super) fn refused(error: Error) -> Error {
    match error {
        Error::Invalid(check) => StateError::Refused(check).into(),
        other => other,
    }
}
