//! From outside: joining by a commit of one's own (RFC 9420 §12.4.3.2), and proposals of those who
//! are no members (§12.1.8).

use super::draft::Draft;
use super::epoch::leaf_check;
use super::list::Committer;
use super::proposals::Listed;
use super::public::PublicState;
use super::send::refused;
use super::{Group, Settings};
use crate::check::Check;
use crate::error::Error;
use crate::framing::{
    AuthenticatedContent, Content, FramedContent, MessageBody, MlsMessage, PublicMessage, Sender,
    WireFormat,
};
use crate::key_package::Member;
use crate::records::Delta;
use crate::schedule::{Psks, fresh_psk_id};
use crate::services::Services;
use crate::tree::{LeafIndex, PrivateKeys};
use crate::wire::{
    Epoch, GroupId, GroupInfo, KeyPackage, LeafNodeSource, Proposal, ProposalOrRef, Psk,
};
use folkmoot_crypto::{Crypto, Secret};
use rand_core::CryptoRng;
use tls_codec::VLBytes;

/// RFC 9420 §8.3.
const EXTERNAL_INIT_LABEL: &[u8] = b"MLS 1.0 external init secret";

/// How to join a group by a commit of one's own.
#[derive(Debug)]
pub struct ExternalJoin<'a> {
    /// Describes the group, and has the external key.
    pub group_info: &'a GroupInfo,
    /// The ratchet tree where the GroupInfo does not carry it.
    pub tree: Option<&'a [u8]>,
    /// Who joins.
    pub member: Member,
    /// The joiner's own earlier place, which the commit removes; without one, the client must not be
    /// in the group already (check 114).
    pub replaces: Option<LeafIndex>,
    /// Pre-shared keys to mix in.
    pub psks: Vec<Psk>,
    /// Authenticated with the commit, not encrypted.
    pub authenticated_data: &'a [u8],
}

impl Group {
    /// Joins by a commit. The group that comes with it exists once the commit is accepted: until
    /// then keep it apart, and drop it if another commit was first.
    pub fn join_by_commit<'a>(
        crypto: &'static dyn Crypto,
        join: ExternalJoin<'_>,
        settings: Settings,
        services: impl Into<Services<'a>>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, MlsMessage, Delta), Error> {
        let services = services.into();
        let leaves = leaf_check(crypto, &settings, services);
        let group_info = &join.group_info.content;
        let group_id = &group_info.group_context.group_id;
        if join.replaces.is_none() && services.holdings.has_group(group_id) {
            return Err(Check::GroupIdFree.into());
        }
        // Check 108: all that a joiner by Welcome verifies but for what takes the epoch's secrets.
        let maximum = settings.maximum_leaves;
        let public = PublicState::from_group_info(join.group_info, join.tree, maximum, &leaves)?;
        let external_pub = group_info.extensions.external_pub()?;
        let external_pub = external_pub.ok_or(Check::ExternalKeyGiven)?;
        let (kem_output, init_secret) = seal_init_secret(crypto, &external_pub, rng)?;
        let psks = psks(crypto, join.psks, services, rng)?;
        let list = proposals(kem_output, join.replaces, &psks);
        let listed: Vec<_> = list
            .iter()
            .map(|one| Listed::new(Sender::NewMemberCommit, one))
            .collect();
        let mut provisional = public
            .apply_proposals(Committer::Joiner, &listed, &leaves)
            .map_err(refused)?;
        let place = provisional.tree.reserve(leaves.records)?;
        let source = LeafNodeSource::Commit(VLBytes::new(Vec::new()));
        let leaf = join.member.leaf_content(crypto.suite(), source);
        let mut types = public.context.extensions.types();
        if !types.all(|t| leaf.capabilities.supports_extension(t)) {
            return Err(refused(Check::JoinerSupportsExtensions.into()));
        }
        let draft = Draft {
            crypto,
            public: &public,
            leaves: &leaves,
            committer: Committer::Joiner,
            place,
            entries: list.into_iter().map(ProposalOrRef::Proposal).collect(),
            provisional,
            leaf: Some(leaf),
            signature: join.member.signature.clone(),
            signing_key: &join.member.signature.private,
            private: PrivateKeys::default(),
            init_secret,
            psks,
            wire_format: WireFormat::PublicMessage,
            authenticated_data: join.authenticated_data,
        };
        let drafted = draft.finish(rng).map_err(refused)?;
        let epoch = drafted.succession.state;
        let commit = PublicMessage::untagged(drafted.signed);
        let (group, delta) = Self::begin(crypto, settings, epoch)?;
        Ok((group, MessageBody::Public(commit).into(), delta))
    }
}

fn proposals(kem_output: Vec<u8>, replaces: Option<LeafIndex>, psks: &Psks) -> Vec<Proposal> {
    let psks = psks
        .iter()
        .map(|(id, _)| Proposal::PreSharedKey(id.clone()));
    core::iter::once(Proposal::ExternalInit(kem_output.into()))
        .chain(replaces.map(Proposal::Remove))
        .chain(psks)
        .collect()
}

fn psks(
    crypto: &dyn Crypto,
    wanted: Vec<Psk>,
    services: Services<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<Psks, Error> {
    let mut find = |psk: Psk| {
        let held = match &psk {
            Psk::External(id) => services.holdings.external_psk(id.as_slice()),
            Psk::Resumption(_, group, epoch) => services.holdings.resumption_psk(group, *epoch),
        };
        let held = held.ok_or_else(|| refused(Check::PskAvailable.into()))?;
        Ok((fresh_psk_id(crypto, psk, rng), held))
    };
    wanted.into_iter().map(&mut find).collect()
}

/// A fresh init secret for the holders of the external key (RFC 9420 §8.3).
fn seal_init_secret(
    crypto: &dyn Crypto,
    external_pub: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<(Vec<u8>, Secret), Check> {
    let info = crypto.hpke_info(b"");
    let length = crypto.hash_length();
    crypto
        .hpke_setup_base_export(external_pub, &info, EXTERNAL_INIT_LABEL, length, rng)
        .map_err(|_| Check::KeysValidForSuite)
}

/// The joiner's init secret (check 107).
pub(super) fn open_init_secret(
    crypto: &dyn Crypto,
    external_private: &Secret,
    kem_output: &[u8],
) -> Result<Secret, Check> {
    let info = crypto.hpke_info(b"");
    let length = crypto.hash_length();
    crypto
        .hpke_open_export(
            external_private,
            kem_output,
            &info,
            EXTERNAL_INIT_LABEL,
            length,
        )
        .map_err(|_| Check::ExternalInitSecret)
}

/// A proposal of somebody who is no member of the group (RFC 9420 §12.1.8).
#[derive(Clone, Debug)]
pub struct OutsideProposal {
    /// The group.
    pub group_id: GroupId,
    /// Its current epoch.
    pub epoch: Epoch,
    /// Authenticated with the proposal.
    pub authenticated_data: Vec<u8>,
}

impl OutsideProposal {
    /// By one of the group's external senders, whose place in `external_senders` is `index`.
    pub fn by_external_sender(
        self,
        crypto: &dyn Crypto,
        index: u32,
        signature_private: &Secret,
        proposal: Proposal,
    ) -> Result<MlsMessage, Error> {
        if !proposal.may_be_external() {
            return Err(refused(Check::ExternalSenderContent.into()));
        }
        self.sign(crypto, Sender::External(index), signature_private, proposal)
    }

    /// By a client that proposes its own KeyPackage.
    pub fn by_new_member(
        self,
        crypto: &dyn Crypto,
        key_package: KeyPackage,
        signature_private: &Secret,
    ) -> Result<MlsMessage, Error> {
        let add = Proposal::Add(Box::new(key_package));
        self.sign(crypto, Sender::NewMemberProposal, signature_private, add)
    }

    /// A PublicMessage, the only form that is open to those without the group's keys (check 45).
    fn sign(
        self,
        crypto: &dyn Crypto,
        sender: Sender,
        private: &Secret,
        proposal: Proposal,
    ) -> Result<MlsMessage, Error> {
        let content = FramedContent {
            group_id: self.group_id,
            epoch: self.epoch,
            sender,
            authenticated_data: self.authenticated_data.into(),
            content: Content::Proposal(proposal),
        };
        let format = WireFormat::PublicMessage;
        let signed = AuthenticatedContent::sign(crypto, format, content, private, None)?;
        Ok(MessageBody::Public(PublicMessage::untagged(signed)).into())
    }
}
