//! Messages of this member's own: application data and proposals.

use super::components;
use super::proposals::{OwnUpdate, to_keep};
use super::{EpochState, Group};
use crate::check::Check;
use crate::error::{Error, StateError, damaged};
use crate::framing::{
    AuthenticatedContent, Content, FramedContent, MessageBody, MlsMessage, PrivateMessage,
    PublicMessage, SealKey, Sender, SenderData, WireFormat,
};
use crate::key_package::{VerifiedKeyPackage, fresh_kem_key_pair};
use crate::leaf::{check_fits_group, place};
use crate::records::{Delta, Records};
use crate::schedule::{RatchetKind, fresh_psk_id};
use crate::services::Services;
use crate::tree::LeafIndex;
use crate::wire::{
    AppDataUpdate, AppEphemeral, Credential, Extensions, LeafNodeContent, LeafNodeSource, Proposal,
    Psk, ReInit,
};
use folkmoot_crypto::{SignatureKeyPair, random};
use rand_core::CryptoRng;
use tls_codec::VLBytes;

/// A credential with the key that it vouches for, to replace a member's own.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Binds the signature key to an identity.
    pub credential: Credential,
    /// The signature key pair.
    pub signature: SignatureKeyPair,
}

/// What a member wants to propose.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "made one at a time")]
pub enum ProposalIntent {
    /// Add a client.
    Add(VerifiedKeyPackage),
    /// Fresh keys for this member's leaf.
    Update,
    /// Fresh keys for this member's leaf, with another credential and signature key.
    Renew(Identity),
    /// Remove a member, possibly this one.
    Remove(LeafIndex),
    /// Mix a pre-shared key in.
    Psk(Psk),
    /// Replace all of the group's extensions.
    Extensions(Extensions),
    /// End the group for one with these parameters.
    ReInit(ReInit),
    /// Change what a component keeps in the group's extensions.
    AppData(AppDataUpdate),
    /// Let a component say something with the commit.
    Ephemeral(AppEphemeral),
    /// Leave the group: whoever commits next, members and joiners, has to take this member out. For groups
    /// whose members all list [`crate::ProposalType::SELF_REMOVE`]; once in an epoch, and again in the next one
    /// if it was left out.
    SelfRemove,
}

impl Group {
    /// Seals application data under a key that is never used again. Most deltas of it are empty: who
    /// seals often has keys reserved.
    pub fn seal(
        &mut self,
        data: &[u8],
        authenticated_data: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(MlsMessage, Delta), Error> {
        self.check_open()?;
        // Check 54: members agree on what is proposed before they go on talking.
        if self.has_proposals_to_commit() {
            return Err(StateError::ProposalsPending.into());
        }
        let context = self.context();
        components::check_framing(context, data).map_err(refused)?;
        let authenticated = components::own_aad(context, authenticated_data).map_err(refused)?;
        let content = self.frame(Content::Application(data.into()), &authenticated);
        let signed = self.sign(WireFormat::PrivateMessage, content)?;
        let mut delta = Delta::default();
        let message = self.protect(signed, rng, &mut delta)?;
        self.changed();
        Ok((message, delta))
    }

    /// Makes a proposal; any other member may commit it.
    pub fn propose<'a>(
        &mut self,
        intent: ProposalIntent,
        authenticated_data: &[u8],
        services: impl Into<Services<'a>>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(MlsMessage, Delta), Error> {
        self.check_open()?;
        let services = services.into();
        let (proposal, own_update) = self.proposal(intent, services.records, rng)?;
        self.check_own(&proposal, services).map_err(refused)?;
        let authenticated = components::own_aad(self.context(), authenticated_data);
        let authenticated = authenticated.map_err(refused)?;
        let content = self.frame(Content::Proposal(proposal.clone()), &authenticated);
        let format = match proposal {
            Proposal::SelfRemove => WireFormat::PublicMessage,
            _ => self.settings.handshakes,
        };
        let signed = self.sign(format, content)?;
        let leaves = super::epoch::leaf_check(self.crypto, &self.settings, services);
        let public = &self.epoch.public;
        let mut cached = public
            .take_proposal(&signed, &proposal, &self.proposals, &leaves)
            .map_err(refused)?;
        cached.own_update = own_update;
        let mut delta = Delta::default();
        let message = self.protect(signed, rng, &mut delta)?;
        if let MessageBody::Public(message) = &message.body {
            cached.message = to_keep(message);
        }
        delta.put_proposal(self.proposals.len(), &cached);
        self.proposals.push(cached);
        self.changed();
        Ok((message, delta))
    }

    fn proposal(
        &self,
        intent: ProposalIntent,
        records: &dyn Records,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Proposal, Option<OwnUpdate>), Error> {
        let proposal = match intent {
            ProposalIntent::Update => return self.own_update(None, records, rng),
            ProposalIntent::Renew(identity) => {
                return self.own_update(Some(identity), records, rng);
            }
            ProposalIntent::Add(package) => Proposal::Add(Box::new(package.into_inner())),
            ProposalIntent::Remove(leaf) => Proposal::Remove(leaf),
            ProposalIntent::Psk(psk) => Proposal::PreSharedKey(fresh_psk_id(self.crypto, psk, rng)),
            ProposalIntent::Extensions(extensions) => Proposal::GroupContextExtensions(extensions),
            ProposalIntent::ReInit(reinit) => Proposal::ReInit(reinit),
            ProposalIntent::AppData(update) => Proposal::AppDataUpdate(update),
            ProposalIntent::Ephemeral(said) => Proposal::AppEphemeral(said),
            ProposalIntent::SelfRemove => Proposal::SelfRemove,
        };
        Ok((proposal, None))
    }

    /// What receivers see only in a commit, this member sees before it proposes.
    fn check_own(&self, proposal: &Proposal, services: Services<'_>) -> Result<(), Error> {
        let EpochState { public, own, .. } = &self.epoch;
        let listed = proposal.proposal_type();
        if !listed.is_default() && !public.tree.index().support_proposal(listed, &[]) {
            return Err(Check::ProposalTypeSupported.into());
        }
        match proposal {
            Proposal::SelfRemove => {
                let mut waiting = self.proposals();
                let again = (Sender::Member(*own), proposal);
                if waiting.any(|waiting| waiting == again) {
                    return Err(Check::OneSelfRemove.into());
                }
                Ok(())
            }
            Proposal::Add(package) => check_fits_group(
                &package.content.leaf_node,
                &public.context,
                &public.context.extensions,
            ),
            Proposal::GroupContextExtensions(extensions)
                if !public.tree.index().support_extensions(extensions)? =>
            {
                Err(Check::NewExtensionsSupported.into())
            }
            Proposal::PreSharedKey(id) => {
                if !public.tree.index().support_psk(&id.psk) {
                    return Err(Check::ProposalTypeSupported.into());
                }
                self.psks(core::slice::from_ref(id), services)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn own_update(
        &self,
        identity: Option<Identity>,
        records: &dyn Records,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Proposal, Option<OwnUpdate>), Error> {
        let keys = fresh_kem_key_pair(self.crypto, rng)?;
        let (mut content, signature) = self.renewed_leaf(identity, records)?;
        content.encryption_key = keys.public.into();
        content.source = LeafNodeSource::Update;
        let place = place(&self.epoch.public.context, self.epoch.own);
        let leaf = content.sign(self.crypto, &signature.private, Some(place))?;
        let own_update = OwnUpdate {
            leaf_private: keys.private,
            signature,
        };
        Ok((Proposal::Update(Box::new(leaf)), Some(own_update)))
    }

    pub(super) fn own_leaf_content(&self, records: &dyn Records) -> Result<LeafNodeContent, Error> {
        let leaf = self.epoch.public.tree.leaf(self.epoch.own, records)?;
        let leaf = leaf.ok_or_else(|| damaged("own leaf is missing"))?;
        Ok(leaf.content.clone())
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
            public, signature, ..
        } = &self.epoch;
        AuthenticatedContent::sign(
            self.crypto,
            wire_format,
            content,
            &signature.private,
            Some(&public.context),
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
            public,
            secrets,
            messages,
            own,
            ..
        } = &self.epoch;
        if signed.wire_format == WireFormat::PublicMessage {
            let key = &secrets.membership_key;
            let message = PublicMessage::protect(self.crypto, signed, key, &public.context);
            return Ok(MessageBody::Public(message).into());
        }
        let kind = match signed.content.content {
            Content::Application(_) => RatchetKind::Application,
            Content::Proposal(_) | Content::Commit(_) => RatchetKind::Handshake,
        };
        let (generation, keys, step) = messages
            .next_key(self.crypto, (*own, kind))?
            .filter(|(generation, ..)| *generation < self.settings.messages_per_epoch)
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
            padding: self.settings.padding,
        };
        let message = PrivateMessage::protect(self.crypto, &signed, &seal)?;
        let epoch = public.context.epoch;
        match kind {
            RatchetKind::Handshake => self.take_step(epoch, step, delta),
            RatchetKind::Application => {
                if let Some(stored) = self.epoch.reserved.cover(self.crypto, &step) {
                    delta.put_step(epoch, &stored);
                }
                self.epoch.messages.apply(step);
            }
        }
        Ok(MessageBody::Private(message).into())
    }
}

/// A broken rule in what the caller asked for is the caller's fault, not a peer's.
pub(super) fn refused(error: Error) -> Error {
    match error {
        Error::Invalid(check) => StateError::Refused(check).into(),
        Error::Malformed(malformed) => StateError::Refused(malformed.check()).into(),
        other => other,
    }
}
