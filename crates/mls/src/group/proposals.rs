//! Proposals one by one: whether each is valid by itself (RFC 9420 §12.1).

use super::components;
use super::public::PublicState;
use super::waiting::Waiting;
use crate::check::Check;
use crate::error::Error;
use crate::framing::{
    AuthenticatedContent, Content, MessageBody, MlsMessage, PublicMessage, Sender, WireFormat,
};
use crate::leaf::{Carrier, LeafCheck, place};
use crate::tree::LeafIndex;
use crate::wire::{
    Extensions, KeyPackage, LeafNode, PreSharedKeyId, Proposal, ProposalRef, ProposalType, Psk,
    ReInit, ResumptionPskUsage,
};
use folkmoot_crypto::{Secret, SignatureKeyPair};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// A proposal that arrived in this epoch and waits for a commit (check 56).
#[derive(Clone, Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct CachedProposal {
    pub(super) reference: ProposalRef,
    pub(super) sender: Sender,
    pub(super) proposal: Proposal,
    /// The private keys of the leaf, where it is this member's own Update.
    pub(super) own_update: Option<OwnUpdate>,
    /// The message that brought it, where it is a SelfRemove: joiners get it too.
    pub(super) message: Option<VLBytes>,
}

/// The message itself, where it is one that joiners need too.
pub(super) fn to_keep(message: &PublicMessage) -> Option<VLBytes> {
    let is_needed = message.content.content == Content::Proposal(Proposal::SelfRemove);
    is_needed.then(|| {
        let message = MlsMessage::from(MessageBody::Public(message.clone()));
        message.encode().into()
    })
}

/// The private keys of a leaf that this member proposed for itself.
#[derive(Clone, Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(super) struct OwnUpdate {
    pub(super) leaf_private: Secret,
    pub(super) signature: SignatureKeyPair,
}

/// A proposal in a commit's list, resolved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'a> {
    pub(super) sender: Sender,
    pub(super) proposal: &'a Proposal,
    /// Whether it was found valid by itself when it arrived in this epoch.
    pub(super) checked: bool,
    /// Whether the commit refers to it.
    pub(super) by_reference: bool,
}

impl<'a> Listed<'a> {
    pub(super) fn new(sender: Sender, proposal: &'a Proposal) -> Self {
        Self {
            sender,
            proposal,
            checked: false,
            by_reference: false,
        }
    }
}

impl<'a> From<&'a CachedProposal> for Listed<'a> {
    fn from(cached: &'a CachedProposal) -> Self {
        Self {
            sender: cached.sender,
            proposal: &cached.proposal,
            checked: true,
            by_reference: true,
        }
    }
}

impl PublicState {
    /// A proposal whose message is authentic, kept by its reference once it is valid (check 56).
    pub(super) fn take_proposal(
        &self,
        message: &AuthenticatedContent,
        proposal: &Proposal,
        waiting: &Waiting,
        leaves: &LeafCheck<'_>,
    ) -> Result<CachedProposal, Error> {
        let (sender, crypto) = (message.content.sender, leaves.crypto);
        let reference = message.proposal_reference(crypto);
        // A PublicMessage can come twice; its proposal counts once.
        if waiting.find(&reference).is_some() {
            return Err(Error::ProposalWaits);
        }
        self.check_proposal(Listed::new(sender, proposal), leaves)?;
        // Whoever joins by a commit has to be able to refer to it.
        if *proposal == Proposal::SelfRemove && message.wire_format != WireFormat::PublicMessage {
            return Err(Check::SelfRemove.into());
        }
        // Counted by sender, so that all members count alike and nobody takes another's room.
        if waiting.count_of(sender) >= leaves.settings.waiting_proposals {
            return Err(Check::WaitingProposals.into());
        }
        Ok(CachedProposal {
            reference,
            sender,
            proposal: proposal.clone(),
            own_update: None,
            message: None,
        })
    }

    /// Those of a list that were not found valid before; KeyPackages on all cores.
    pub(super) fn check_proposals(
        &self,
        list: &[Listed<'_>],
        leaves: &LeafCheck<'_>,
    ) -> Result<(), Error> {
        let mut packages = Vec::new();
        for listed in list.iter().filter(|listed| !listed.checked) {
            match listed.proposal {
                Proposal::Add(package) => packages.push(KeyPackage::clone(package)),
                _ => self.check_proposal(*listed, leaves)?,
            }
        }
        let LeafCheck {
            crypto,
            auth,
            settings,
            at,
            ..
        } = *leaves;
        KeyPackage::verify_all(packages, crypto, auth, settings, at)?;
        Ok(())
    }

    /// A proposal as it arrives: valid by itself in this epoch (checks 57–65).
    ///
    /// Whether leaves fit the group's extensions is asked of a whole list, which may change them.
    pub(super) fn check_proposal(
        &self,
        listed: Listed<'_>,
        leaves: &LeafCheck<'_>,
    ) -> Result<(), Error> {
        if let Sender::Member(sender) = listed.sender {
            self.check_sender_supports(sender, listed.proposal.proposal_type(), leaves)?;
        }
        match listed.proposal {
            Proposal::Add(key_package) => {
                KeyPackage::clone(key_package).verify_with(leaves)?;
                Ok(())
            }
            Proposal::Update(leaf) => self.check_update(listed.sender, leaf, leaves),
            Proposal::Remove(leaf) => match self.tree.leaf(*leaf, leaves.records)? {
                Some(_) => Ok(()),
                None => Err(Check::RemovedIsMember.into()),
            },
            Proposal::PreSharedKey(id) => Ok(check_psk(id, leaves.crypto.hash_length())?),
            Proposal::ReInit(reinit) => Ok(self.check_reinit(reinit)?),
            Proposal::ExternalInit(_) if listed.sender == Sender::NewMemberCommit => Ok(()),
            Proposal::ExternalInit(_) => Err(Check::ExternalInitPlace.into()),
            Proposal::SelfRemove if matches!(listed.sender, Sender::Member(_)) => Ok(()),
            Proposal::SelfRemove => Err(Check::SelfRemove.into()),
            Proposal::AppDataUpdate(update) => Ok(components::check_update(update, leaves)?),
            Proposal::AppEphemeral(said) => Ok(components::check_ephemeral(said, leaves)?),
            Proposal::GroupContextExtensions(extensions) => {
                check_extensions(extensions, &self.context.extensions, leaves)
            }
        }
    }

    /// Nobody proposes what they themselves do not list (check 65); of the others that is asked once it is
    /// known who stays.
    fn check_sender_supports(
        &self,
        sender: LeafIndex,
        listed: ProposalType,
        leaves: &LeafCheck<'_>,
    ) -> Result<(), Error> {
        if listed.is_default() {
            return Ok(());
        }
        let leaf = self.tree.leaf(sender, leaves.records)?;
        let leaf = leaf.ok_or(Check::SenderIsMember)?;
        let supports = leaf.content.capabilities.supports_proposal(listed);
        Ok(supports.then_some(()).ok_or(Check::ProposalTypeSupported)?)
    }

    fn check_update(
        &self,
        sender: Sender,
        leaf: &LeafNode,
        leaves: &LeafCheck<'_>,
    ) -> Result<(), Error> {
        let Sender::Member(sender) = sender else {
            return Err(Check::UpdateSender.into());
        };
        let before = self.tree.leaf(sender, leaves.records)?;
        let before = before.ok_or(Check::UpdateSender)?;
        let placed = Some(place(&self.context, sender));
        leaves.carried(leaf, Carrier::Update, placed, Some(before))?;
        if leaf.content.encryption_key == before.content.encryption_key {
            return Err(Check::EncryptionKeyNew.into());
        }
        check_succession(before, leaf, leaves)
    }

    /// Check 61.
    fn check_reinit(&self, reinit: &ReInit) -> Result<(), Check> {
        if reinit.version < self.context.version {
            return Err(Check::ReInitVersion);
        }
        Ok(())
    }
}

/// Check 60; the usages of successors and branches have no place in an ordinary commit.
fn check_psk(id: &PreSharedKeyId, hash_length: usize) -> Result<(), Check> {
    let ordinary = match &id.psk {
        Psk::External(_) | Psk::Application(..) => true,
        Psk::Resumption(usage, ..) => *usage == ResumptionPskUsage::Application,
    };
    if ordinary && id.psk_nonce.as_slice().len() == hash_length {
        Ok(())
    } else {
        Err(Check::PskProposal)
    }
}

/// What a group's extensions say can be read, and new external senders are vouched for (check 10).
pub(super) fn check_extensions(
    extensions: &Extensions,
    before: &Extensions,
    leaves: &LeafCheck<'_>,
) -> Result<(), Error> {
    components::check_bounds(extensions, leaves)?;
    let required = extensions.required_capabilities()?;
    leaves.check_length(required.extensions.len())?;
    leaves.check_length(required.proposals.len())?;
    leaves.check_length(required.credentials.len())?;
    let known = before.external_senders()?;
    let senders = extensions.external_senders()?;
    leaves.check_length(senders.len())?;
    for sender in senders {
        if !known.contains(&sender) {
            let key = sender.signature_key.as_slice();
            leaves.auth.validate(&sender.credential, key, leaves.at)?;
        }
    }
    Ok(())
}

/// A new credential of a member succeeds the old one (check 11).
pub(super) fn check_succession(
    before: &LeafNode,
    after: &LeafNode,
    leaves: &LeafCheck<'_>,
) -> Result<(), Error> {
    let (old, new) = (&before.content.credential, &after.content.credential);
    if old == new || leaves.auth.succeeds(old, new) {
        Ok(())
    } else {
        Err(Check::CredentialSuccession.into())
    }
}
