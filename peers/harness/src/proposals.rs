//! Proposals: a member's own, and those that a request describes.

use crate::client::{now, verified};
use crate::clients::Clients;
use crate::failure::Failure;
use crate::proto::{
    AddProposalRequest, ExternalPskProposalRequest, GroupContextExtensionsProposalRequest,
    ProposalDescription, ProposalResponse, ReInitProposalRequest, RemoveProposalRequest,
    ResumptionPskProposalRequest, UpdateProposalRequest,
};
use crate::state::State;
use crate::wire;
use folkmoot_mls::{
    CommitIntent, Epoch, Extensions, GroupId, KeyPackage, ProposalIntent, ProtocolVersion, Psk,
    ReInit, ResumptionPskUsage,
};

impl Clients {
    pub(crate) fn add_proposal(
        &mut self,
        request: &AddProposalRequest,
    ) -> Result<ProposalResponse, Failure> {
        let added = wire::key_package(&request.key_package)?;
        self.propose(request.state_id, |state| {
            Ok(ProposalIntent::Add(verified(added, state.crypto()?)?))
        })
    }

    pub(crate) fn update_proposal(
        &mut self,
        request: &UpdateProposalRequest,
    ) -> Result<ProposalResponse, Failure> {
        self.propose(request.state_id, |_| Ok(ProposalIntent::Update))
    }

    pub(crate) fn remove_proposal(
        &mut self,
        request: &RemoveProposalRequest,
    ) -> Result<ProposalResponse, Failure> {
        self.propose(request.state_id, |state| {
            Ok(ProposalIntent::Remove(state.place_of(&request.removed_id)?))
        })
    }

    pub(crate) fn external_psk_proposal(
        &mut self,
        request: &ExternalPskProposalRequest,
    ) -> Result<ProposalResponse, Failure> {
        let psk = Psk::External(request.psk_id.as_slice().into());
        self.propose(request.state_id, |_| Ok(ProposalIntent::Psk(psk)))
    }

    pub(crate) fn resumption_psk_proposal(
        &mut self,
        request: &ResumptionPskProposalRequest,
    ) -> Result<ProposalResponse, Failure> {
        let epoch = Epoch(request.epoch_id);
        self.propose(request.state_id, |state| {
            let psk = resumption(state.group.group_id(), epoch);
            Ok(ProposalIntent::Psk(psk))
        })
    }

    pub(crate) fn group_context_extensions_proposal(
        &mut self,
        request: &GroupContextExtensionsProposalRequest,
    ) -> Result<ProposalResponse, Failure> {
        let extensions = wire::extensions(&request.extensions)?;
        self.propose(request.state_id, |_| {
            Ok(ProposalIntent::Extensions(extensions))
        })
    }

    pub(crate) fn re_init_proposal(
        &mut self,
        request: &ReInitProposalRequest,
    ) -> Result<ProposalResponse, Failure> {
        let extensions = wire::extensions(&request.extensions)?;
        let reinit = reinit(&request.group_id, request.cipher_suite, extensions)?;
        self.propose(request.state_id, |_| Ok(ProposalIntent::ReInit(reinit)))
    }

    pub(crate) fn propose(
        &mut self,
        id: u32,
        intent: impl FnOnce(&State) -> Result<ProposalIntent, Failure>,
    ) -> Result<ProposalResponse, Failure> {
        let state = self.state(id)?;
        let intent = intent(state)?;
        let proposal = state.propose(intent)?;
        Ok(ProposalResponse { proposal })
    }
}

/// A key of one of the group's own epochs (RFC 9420 §8.6).
pub(crate) fn resumption(group: &GroupId, epoch: Epoch) -> Psk {
    Psk::Resumption(ResumptionPskUsage::Application, group.clone(), epoch)
}

fn reinit(group_id: &[u8], suite: u32, extensions: Extensions) -> Result<ReInit, Failure> {
    Ok(ReInit {
        group_id: GroupId::new(group_id),
        version: ProtocolVersion::MLS_10,
        cipher_suite: wire::numbered(suite)?.suite(),
        extensions,
    })
}

/// A proposal as a request describes it, apart from any group.
#[allow(clippy::large_enum_variant, reason = "made one at a time")]
pub(crate) enum Described {
    Add(KeyPackage),
    /// The member of this identity.
    Remove(Vec<u8>),
    /// The external key of this id.
    ExternalPsk(Vec<u8>),
    /// The key of this epoch of the group.
    ResumptionPsk(Epoch),
    Extensions(Extensions),
    ReInit(ReInit),
}

impl TryFrom<&ProposalDescription> for Described {
    type Error = Failure;

    fn try_from(described: &ProposalDescription) -> Result<Self, Failure> {
        let extensions = wire::extensions(&described.extensions);
        Ok(match described.proposal_type.as_slice() {
            b"add" => Self::Add(wire::key_package(&described.key_package)?),
            b"remove" => Self::Remove(described.removed_id.clone()),
            b"externalPSK" => Self::ExternalPsk(described.psk_id.clone()),
            b"resumptionPSK" => Self::ResumptionPsk(Epoch(described.epoch_id)),
            b"groupContextExtensions" => Self::Extensions(extensions?),
            b"reinit" => {
                let (group, suite) = (&described.group_id, described.cipher_suite);
                Self::ReInit(reinit(group, suite, extensions?)?)
            }
            unknown => {
                let unknown = String::from_utf8_lossy(unknown);
                let message = format!("there is no proposal type {unknown:?}");
                return Err(Failure::Argument(message));
            }
        })
    }
}

/// What a commit lists by value.
pub(crate) fn intent(
    state: &State,
    by_value: &[ProposalDescription],
) -> Result<CommitIntent, Failure> {
    let mut intent = CommitIntent {
        at: Some(now()),
        ..CommitIntent::default()
    };
    for described in by_value {
        match Described::try_from(described)? {
            Described::Add(package) => intent.add.push(verified(package, state.crypto()?)?),
            Described::Remove(identity) => intent.remove.push(state.place_of(&identity)?),
            Described::ExternalPsk(id) => intent.psks.push(Psk::External(id.into())),
            Described::ResumptionPsk(epoch) => {
                intent.psks.push(resumption(state.group.group_id(), epoch));
            }
            Described::Extensions(extensions) => {
                if intent.extensions.replace(extensions).is_some() {
                    let twice = "a commit has one GroupContextExtensions (RFC 9420 §12.2)";
                    return Err(Failure::Argument(twice.to_owned()));
                }
            }
            Described::ReInit(reinit) => {
                if intent.reinit.replace(reinit).is_some() {
                    let twice = "a ReInit stands alone (RFC 9420 §12.2)";
                    return Err(Failure::Argument(twice.to_owned()));
                }
            }
        }
    }
    Ok(intent)
}
