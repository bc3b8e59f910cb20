//! A commit in the making, by a member or by someone who joins by it (RFC 9420 §12.4.1).

use super::components;
use super::epoch::{Succession, Successor};
use super::list::{Committer, Provisional};
use super::public::PublicState;
use crate::check::Check;
use crate::error::Error;
use crate::framing::{AuthenticatedContent, Content, FramedContent, WireFormat};
use crate::leaf::LeafCheck;
use crate::schedule::Psks;
use crate::tree::{LeafIndex, NewPath, PathMaker, PrivateKeys};
use crate::wire::{Commit, LeafNodeContent, ProposalOrRef};
use folkmoot_crypto::{Crypto, Secret, SignatureKeyPair};
use rand_core::CryptoRng;
use tls_codec::VLBytes;

/// Everything that a commit is made of.
pub(super) struct Draft<'a> {
    pub(super) crypto: &'a dyn Crypto,
    pub(super) public: &'a PublicState,
    pub(super) leaves: &'a LeafCheck<'a>,
    pub(super) committer: Committer,
    /// The committer's place in the tree to come.
    pub(super) place: LeafIndex,
    pub(super) entries: Vec<ProposalOrRef>,
    /// What the entries do.
    pub(super) provisional: Provisional,
    /// The committer's new leaf, but for its key and parent hash, where the commit has a path.
    pub(super) leaf: Option<LeafNodeContent>,
    /// The committer's signature keys once the commit is accepted.
    pub(super) signature: SignatureKeyPair,
    /// The key that signs the message: of the leaf as it is, or of the joiner's new one.
    pub(super) signing_key: &'a Secret,
    /// The committer's private keys as they are.
    pub(super) private: PrivateKeys,
    pub(super) init_secret: Secret,
    pub(super) psks: Psks,
    pub(super) wire_format: WireFormat,
    pub(super) authenticated_data: &'a [u8],
}

/// A signed commit and the epoch that it leads to.
#[derive(Debug)]
pub(super) struct Drafted {
    /// Its confirmation tag is there.
    pub(super) signed: AuthenticatedContent,
    pub(super) succession: Succession,
    pub(super) path: Option<NewPath>,
    pub(super) provisional: Provisional,
}

impl Draft<'_> {
    pub(super) fn finish(mut self, rng: &mut dyn CryptoRng) -> Result<Drafted, Error> {
        let (crypto, public, records) = (self.crypto, self.public, self.leaves.records);
        let mut tree = self.provisional.tree.clone();
        let path = match self.leaf.take() {
            None => None,
            Some(leaf) => {
                let maker = PathMaker {
                    group_id: &public.context.group_id,
                    place: self.place,
                    client: self.leaves.auth.client(&leaf.credential),
                    leaf,
                    signature_private: &self.signature.private,
                };
                Some(tree.renew_path(crypto, maker, records, rng)?)
            }
        };
        self.provisional.tree = tree;
        self.check_own_part(path.is_some())?;
        let tree = self.provisional.tree.clone();
        let extensions = self.provisional.extensions.clone();
        let context = public.provisional_context(crypto, &tree, extensions)?;
        let added = self.provisional.added_leaves();
        let sealed = match &path {
            None => None,
            Some(path) => Some(path.seal(crypto, &tree, &context, &added, records, rng)?),
        };
        let commit = Commit {
            proposals: core::mem::take(&mut self.entries),
            path: sealed,
        };
        let mut signed = self.sign(commit)?;
        self.private.retain_valid(&public.tree, &tree, records)?;
        let mut commit_secret = Secret::zero(crypto.hash_length());
        if let Some(path) = &path {
            self.private
                .insert(self.place.into(), path.leaf_private.clone());
            for node in &path.secrets.nodes {
                self.private.insert(node.index, node.keys.private.clone());
            }
            commit_secret = path.secrets.commit_secret.clone();
        }
        let successor = Successor {
            tree,
            own: self.place,
            private: self.private,
            signature: self.signature,
            init_secret: self.init_secret,
            commit_secret,
            psks: self.psks,
            reinit: self.provisional.reinit.clone(),
            provisional: context,
        };
        let succession = public.succeed(crypto, successor, &signed);
        let tag = succession.state.public.confirmation_tag.as_slice();
        signed.auth.confirmation_tag = Some(tag.into());
        Ok(Drafted {
            signed,
            succession,
            path,
            provisional: self.provisional,
        })
    }

    /// What the others will verify of this committer's path and of the tree that results.
    fn check_own_part(&self, has_path: bool) -> Result<(), Error> {
        let tree = &self.provisional.tree;
        let ends = (self.committer, self.place);
        let records = self.leaves.records;
        let own = tree.leaf(self.place, records)?;
        let own = own.ok_or(Check::SenderIsMember)?;
        let known = self.public.tree.leaf(self.place, records)?;
        let known = known.filter(|before| {
            // The same client with other encryption keys has been verified before.
            before.identity() == own.identity()
        });
        if has_path && (known.is_none() || self.committer == Committer::Joiner) {
            self.public
                .check_path_leaf(&self.provisional, ends, own, self.leaves)?;
        }
        let path_leaf = has_path.then_some(self.place);
        self.public
            .check_tree(&self.provisional, path_leaf, self.leaves)
    }

    fn sign(&self, commit: Commit) -> Result<AuthenticatedContent, Error> {
        let context = &self.public.context;
        let authenticated = components::own_aad(context, self.authenticated_data)?;
        let content = FramedContent {
            group_id: context.group_id.clone(),
            epoch: context.epoch,
            sender: self.committer.sender(),
            authenticated_data: VLBytes::from(authenticated.as_ref()),
            content: Content::Commit(Box::new(commit)),
        };
        let key = self.signing_key;
        AuthenticatedContent::sign(self.crypto, self.wire_format, content, key, Some(context))
    }
}
