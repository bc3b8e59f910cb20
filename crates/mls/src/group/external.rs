//! From outside: joining by a commit of one's own (RFC 9420 §12.4.3.2), and proposals of those who
//! are no members (§12.1.8).

use super::draft::Draft;
use super::epoch::leaf_check;
use super::list::Committer;
use super::proposals::{CachedProposal, Listed};
use super::public::PublicState;
use super::send::refused;
use super::waiting::Waiting;
use super::{Group, Settings};
use crate::check::Check;
use crate::error::Error;
use crate::framing::{
    AuthenticatedContent, Content, FramedContent, MessageBody, MlsMessage, PublicMessage, Sender,
    WireFormat,
};
use crate::grease;
use crate::key_package::Member;
use crate::leaf::LeafCheck;
use crate::records::Delta;
use crate::schedule::{Psks, fresh_psk_id};
use crate::services::Services;
use crate::tree::{LeafIndex, PrivateKeys};
use crate::wire::{
    AppDataUpdate, AppEphemeral, Epoch, GroupId, GroupInfo, KeyPackage, LeafNodeSource, Proposal,
    ProposalOrRef, ProposalType, Psk,
};
use folkmoot_crypto::{Crypto, Secret};
use rand_core::CryptoRng;
use std::collections::HashSet;
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
    /// Messages of members who want to leave, which came with the GroupInfo: the commit takes them out.
    /// Those that are not valid stay out of it.
    pub self_removals: &'a [MlsMessage],
    /// Changes of what the application's components keep in the group's extensions.
    pub app_data: Vec<AppDataUpdate>,
    /// What components say with the commit.
    pub ephemeral: Vec<AppEphemeral>,
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
        let index = public.tree.index();
        if !join.psks.iter().all(|psk| index.support_psk(psk)) {
            return Err(refused(Check::ProposalTypeSupported.into()));
        }
        let psks = psks(crypto, join.psks, services, rng)?;
        let leaving = self_removals(&public, join.self_removals, &leaves)?;
        let is_leaving = |leaf: &LeafIndex| {
            let mut senders = leaving.iter().map(|one| one.sender);
            senders.any(|sender| sender == Sender::Member(*leaf))
        };
        let replaces = join.replaces.filter(|leaf| !is_leaving(leaf));
        let components = (join.ephemeral, join.app_data);
        let list = proposals(kem_output, replaces, &psks, components);
        let by_value = list
            .iter()
            .map(|one| Listed::new(Sender::NewMemberCommit, one));
        let listed: Vec<_> = leaving.iter().map(Listed::from).chain(by_value).collect();
        let references = leaving.iter().map(|one| one.reference.clone());
        let references = references.map(ProposalOrRef::Reference);
        let mut provisional = public
            .apply_proposals(Committer::Joiner, &listed, &leaves)
            .map_err(refused)?;
        let place = provisional.tree.reserve(leaves.records)?;
        let source = LeafNodeSource::Commit(VLBytes::new(Vec::new()));
        let leaf = join.member.leaf_content(crypto.suite(), source)?;
        let supported = grease::without(leaf.capabilities.clone());
        let mut types = public.context.extensions.types();
        if !types.all(|t| supported.supports_extension(t)) {
            return Err(refused(Check::JoinerSupportsExtensions.into()));
        }
        let draft = Draft {
            crypto,
            public: &public,
            leaves: &leaves,
            committer: Committer::Joiner,
            place,
            entries: references
                .chain(list.iter().cloned().map(ProposalOrRef::Proposal))
                .collect(),
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

/// Proposals of members who want to leave, as valid as they can be without the membership key, one of each.
/// What is not valid stays out: whoever handed it out has no say in whether somebody joins.
fn self_removals(
    public: &PublicState,
    messages: &[MlsMessage],
    leaves: &LeafCheck<'_>,
) -> Result<Vec<CachedProposal>, Error> {
    let index = public.tree.index();
    if !index.support_proposal(ProposalType::SELF_REMOVE, &[]) {
        return Ok(Vec::new());
    }
    let mut leaving = Vec::new();
    let mut senders = HashSet::new();
    for message in messages {
        match self_removal(public, message, leaves) {
            Ok(cached) if senders.insert(cached.sender) => leaving.push(cached),
            Err(unread @ Error::Records(_)) => return Err(unread),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(leaving)
}

fn self_removal(
    public: &PublicState,
    message: &MlsMessage,
    leaves: &LeafCheck<'_>,
) -> Result<CachedProposal, Error> {
    let MessageBody::Public(message) = &message.body else {
        return Err(Check::SelfRemove.into());
    };
    let content = public.open_public(leaves, message.clone(), None)?;
    let Content::Proposal(proposal @ Proposal::SelfRemove) = &content.content.content else {
        return Err(Check::SelfRemove.into());
    };
    public.take_proposal(&content, proposal, &Waiting::default(), leaves)
}

fn proposals(
    kem_output: Vec<u8>,
    replaces: Option<LeafIndex>,
    psks: &Psks,
    (ephemeral, app_data): (Vec<AppEphemeral>, Vec<AppDataUpdate>),
) -> Vec<Proposal> {
    let psks = psks
        .iter()
        .map(|(id, _)| Proposal::PreSharedKey(id.clone()));
    core::iter::once(Proposal::ExternalInit(kem_output.into()))
        .chain(replaces.map(Proposal::Remove))
        .chain(psks)
        .chain(ephemeral.into_iter().map(Proposal::AppEphemeral))
        .chain(app_data.into_iter().map(Proposal::AppDataUpdate))
        .collect()
}

fn psks(
    crypto: &dyn Crypto,
    wanted: Vec<Psk>,
    services: Services<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<Psks, Error> {
    let mut find = |psk: Psk| {
        let held = services.psk(&psk);
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
    /// Authenticated with the proposal; in a group that has `safe_aad`, a [`crate::ByComponent`], if only an
    /// empty one.
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
