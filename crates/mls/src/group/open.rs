//! Opening a PublicMessage: by whom it says it is, and by whose key it has to be signed (RFC 9420
//! §6.1, §6.2).

use super::components;
use super::public::PublicState;
use crate::check::Check;
use crate::error::Error;
use crate::framing::{AuthenticatedContent, Content, FramedContent, PublicMessage, Sender};
use crate::leaf::LeafCheck;
use crate::records::Records;
use crate::wire::Proposal;
use folkmoot_crypto::Secret;

impl PublicState {
    /// Verifies a message of this epoch. Whoever has the membership key verifies the tag too.
    pub(super) fn open_public(
        &self,
        leaves: &LeafCheck<'_>,
        message: PublicMessage,
        membership_key: Option<&Secret>,
    ) -> Result<AuthenticatedContent, Error> {
        if message.content.group_id != self.context.group_id {
            return Err(Check::GroupIdAndEpoch.into());
        }
        let epoch = message.content.epoch;
        if epoch != self.context.epoch {
            return Err(Error::WrongEpoch {
                message: epoch,
                current: self.context.epoch,
            });
        }
        let content = message.unprotect(leaves.crypto, membership_key, &self.context)?;
        let key = self.signature_key(&content.content, leaves.records)?;
        let content = content.verify(leaves.crypto, &key, &self.context)?;
        components::safe_aad(&self.context, content.content.authenticated_data.as_slice())?;
        Ok(content)
    }

    /// The key that has to have signed this content (check 40): of an external commit, its path's leaf's
    /// (checks 99, 105).
    fn signature_key(
        &self,
        content: &FramedContent,
        records: &dyn Records,
    ) -> Result<Vec<u8>, Error> {
        match (content.sender, &content.content) {
            (Sender::Member(leaf), _) => {
                let leaf = self.tree.leaf(leaf, records)?;
                let leaf = leaf.ok_or(Check::SenderIsMember)?;
                Ok(leaf.content.signature_key.as_slice().to_vec())
            }
            (Sender::External(index), Content::Proposal(proposal))
                if proposal.may_be_external() =>
            {
                let senders = self.context.extensions.external_senders()?;
                let sender = senders.get(index as usize);
                let sender = sender.ok_or(Check::ExternalSenderKnown)?;
                Ok(sender.signature_key.as_slice().to_vec())
            }
            (Sender::External(_), _) => Err(Check::ExternalSenderContent.into()),
            (Sender::NewMemberProposal, Content::Proposal(Proposal::Add(key_package))) => {
                let leaf = &key_package.content.leaf_node.content;
                Ok(leaf.signature_key.as_slice().to_vec())
            }
            (Sender::NewMemberCommit, Content::Commit(commit)) => {
                let path = commit.path.as_ref().ok_or(Check::ExternalCommitPath)?;
                let leaf = &path.leaf_node.content;
                Ok(leaf.signature_key.as_slice().to_vec())
            }
            (Sender::NewMemberProposal | Sender::NewMemberCommit, _) => {
                Err(Check::NewMemberContent.into())
            }
        }
    }
}
