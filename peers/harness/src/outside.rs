//! Proposals of those who are no members (RFC 9420 §12.1.8).

use crate::client::{Names, Offer, rng, settings};
use crate::clients::Clients;
use crate::failure::Failure;
use crate::proposals::{Described, resumption};
use crate::proto::{
    AddExternalSignerRequest, CreateExternalSignerRequest, CreateExternalSignerResponse,
    ExternalSignerProposalRequest, NewMemberAddProposalRequest, NewMemberAddProposalResponse,
    ProposalResponse,
};
use crate::state::find;
use crate::wire;
use folkmoot_crypto::{Crypto, Secret, random_secret};
use folkmoot_mls::{
    Credential, ExternalSender, GroupInfo, LeafIndex, NoRecords, Observer, OutsideProposal,
    PreSharedKeyId, Proposal, ProposalIntent, Psk, WireFormat,
};
use tls_codec::{DeserializeBytes, Serialize};

/// Someone whom groups may name in `external_senders`.
pub(crate) struct Signer {
    crypto: &'static dyn Crypto,
    sender: ExternalSender,
    private: Secret,
}

impl Clients {
    pub(crate) fn new_member_add_proposal(
        &mut self,
        request: &NewMemberAddProposalRequest,
    ) -> Result<NewMemberAddProposalResponse, Failure> {
        let group_info = wire::group_info(&request.group_info)?;
        let crypto = wire::crypto(group_info.content.group_context.cipher_suite)?;
        let offer = Offer::new(crypto, &request.identity)?;
        let secrets = offer.secrets.clone();
        let proposal = to(&group_info).by_new_member(
            crypto,
            offer.key_package.clone(),
            &secrets.signature.private,
        )?;
        Ok(NewMemberAddProposalResponse {
            transaction_id: self.begin_transaction(offer)?,
            proposal: proposal.encode(),
            init_priv: secrets.init_private.expose().to_vec(),
            encryption_priv: secrets.leaf_private.expose().to_vec(),
            signature_priv: secrets.signature.private.expose().to_vec(),
        })
    }

    pub(crate) fn create_external_signer(
        &mut self,
        request: &CreateExternalSignerRequest,
    ) -> Result<CreateExternalSignerResponse, Failure> {
        let signer = Signer::new(wire::numbered(request.cipher_suite)?, &request.identity)?;
        let too_long = |_| Failure::Argument("the identity is too long".to_owned());
        let external_sender = signer.sender.tls_serialize_detached();
        let external_sender = external_sender.map_err(too_long)?;
        Ok(CreateExternalSignerResponse {
            signer_id: self.begin_signer(signer)?,
            external_sender,
        })
    }

    /// Proposes the group's extensions as they are, with one more external sender.
    pub(crate) fn add_external_signer(
        &mut self,
        request: &AddExternalSignerRequest,
    ) -> Result<ProposalResponse, Failure> {
        let sender = ExternalSender::tls_deserialize_exact_bytes(&request.external_sender)
            .map_err(|_| Failure::not("an ExternalSender"))?;
        self.propose(request.state_id, |state| {
            let extensions = state.group.extensions().clone();
            let mut senders = extensions.external_senders()?;
            senders.push(sender);
            Ok(ProposalIntent::Extensions(extensions.admitting(&senders)))
        })
    }

    pub(crate) fn external_signer_proposal(
        &mut self,
        request: &ExternalSignerProposalRequest,
    ) -> Result<ProposalResponse, Failure> {
        let signer = self.signer(request.signer_id)?;
        let group_info = wire::group_info(&request.group_info)?;
        let index = signer.place(&group_info, request.signer_index)?;
        let described = request.description.as_ref();
        let described = described.ok_or_else(|| Failure::not("a proposal's description"))?;
        let tree = wire::optional(&request.ratchet_tree);
        let proposal = proposal(described.try_into()?, signer.crypto, (&group_info, tree))?;
        let message =
            to(&group_info).by_external_sender(signer.crypto, index, &signer.private, proposal)?;
        Ok(ProposalResponse {
            proposal: message.encode(),
        })
    }
}

impl Signer {
    pub(crate) fn new(crypto: &'static dyn Crypto, identity: &[u8]) -> Result<Self, Failure> {
        let keys = crypto.generate_signature_key_pair(&mut rng())?;
        let sender = ExternalSender {
            signature_key: keys.public.into(),
            credential: Credential::Basic(identity.into()),
        };
        Ok(Self {
            crypto,
            sender,
            private: keys.private,
        })
    }

    /// Its place among the group's external senders: as requested, if it is there, or else the first. The Working
    /// Group's runner knows no places and always requests the first.
    fn place(&self, group_info: &GroupInfo, requested: u32) -> Result<u32, Failure> {
        let context = &group_info.content.group_context;
        if context.cipher_suite != self.crypto.suite() {
            let other = "the signer's key is of another cipher suite than the group's";
            return Err(Failure::Argument(other.to_owned()));
        }
        let senders = context.extensions.external_senders()?;
        let mut own = (0..).zip(&senders);
        let places = own.by_ref().filter(|(_, sender)| **sender == self.sender);
        let places: Vec<u32> = places.map(|(place, _)| place).collect();
        let place = places.iter().find(|place| **place == requested);
        let place = place.or(places.first()).copied();
        place.ok_or_else(|| {
            Failure::Argument("the group does not name the signer as external sender".to_owned())
        })
    }
}

fn to(group_info: &GroupInfo) -> OutsideProposal {
    let context = &group_info.content.group_context;
    OutsideProposal {
        group_id: context.group_id.clone(),
        epoch: context.epoch,
        authenticated_data: Vec::new(),
    }
}

fn proposal(
    described: Described,
    crypto: &dyn Crypto,
    (group_info, tree): (&GroupInfo, Option<&[u8]>),
) -> Result<Proposal, Failure> {
    let psk = |psk: Psk| {
        // RFC 9420 §8.4: as long as the KDF's output.
        let psk_nonce = random_secret(&mut rng(), crypto.hash_length());
        Proposal::PreSharedKey(PreSharedKeyId {
            psk,
            psk_nonce: psk_nonce.expose().into(),
        })
    };
    let group_id = &group_info.content.group_context.group_id;
    Ok(match described {
        Described::Add(package) => Proposal::Add(Box::new(package)),
        Described::Remove(identity) => Proposal::Remove(place_of(&identity, group_info, tree)?),
        Described::ExternalPsk(id) => psk(Psk::External(id.into())),
        Described::ResumptionPsk(epoch) => psk(resumption(group_id, epoch)),
        Described::Extensions(extensions) => Proposal::GroupContextExtensions(extensions),
        Described::ReInit(reinit) => Proposal::ReInit(reinit),
    })
}

/// Where a member of this identity stands, in a group that is seen from outside and verified.
pub(crate) fn place_of(
    identity: &[u8],
    group_info: &GroupInfo,
    tree: Option<&[u8]>,
) -> Result<LeafIndex, Failure> {
    let crypto = wire::crypto(group_info.content.group_context.cipher_suite)?;
    let settings = settings(WireFormat::PublicMessage);
    let (group, _delta) = Observer::begin(crypto, group_info.clone(), tree, settings, &Names)?;
    find(group.members(&NoRecords)?, identity)
}
