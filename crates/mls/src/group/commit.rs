//! Making a commit and its Welcome (RFC 9420 §12.4.1).

use super::epoch::{Succession, Successor, leaf_check};
use super::proposals::{Listed, Provisional};
use super::send::refused;
use super::{Delta, Group, PendingCommit};
use crate::check::Check;
use crate::error::{Error, StateError, own_keys};
use crate::framing::{Content, MessageBody, MlsMessage};
use crate::key_package::VerifiedKeyPackage;
use crate::labels::{encryption_info, sign_with_label};
use crate::leaf::{AuthenticationService, LeafCheck};
use crate::schedule::welcome_key_and_nonce;
use crate::tree::{LeafIndex, NewPath, PathMaker};
use crate::wire::{
    Commit, EncryptedGroupSecrets, ExtensionType, Extensions, GroupInfo, GroupInfoContent,
    GroupSecrets, PathSecret, Proposal, ProposalOrRef, Welcome, encode,
};
use folkmoot_crypto::Secret;
use rand_core::CryptoRng;

/// RFC 9420 §12.4.3.
pub(super) const GROUP_INFO_LABEL: &str = "GroupInfoTBS";
/// RFC 9420 §12.4.3.1.
pub(super) const WELCOME_LABEL: &str = "Welcome";

/// What a commit shall do, beside taking in the proposals that wait.
#[derive(Clone, Debug, Default)]
pub struct CommitIntent {
    /// Clients to add.
    pub add: Vec<VerifiedKeyPackage>,
    /// Members to remove.
    pub remove: Vec<LeafIndex>,
    /// Fresh keys for this member even where RFC 9420 does not require them.
    pub force_path: bool,
}

/// A commit to publish. It is pending until accepted or discarded.
#[derive(Clone, Debug)]
pub struct CommitBundle {
    /// For all members.
    pub commit: MlsMessage,
    /// For the new members, to be published only once the commit is accepted.
    pub welcome: Option<MlsMessage>,
    /// Where the new members are, in the order of the list.
    pub added: Vec<LeafIndex>,
}

impl Group {
    /// Makes a commit of the waiting proposals and the intent. The group stays in its epoch.
    ///
    /// Waiting proposals that contradict each other, or the intent, are left out: a removal goes
    /// before an update, the latest update before earlier ones (RFC 9420 §12.2).
    pub fn commit(
        &mut self,
        intent: CommitIntent,
        authenticated_data: &[u8],
        auth: &dyn AuthenticationService,
        rng: &mut dyn CryptoRng,
    ) -> Result<(CommitBundle, Delta), Error> {
        self.check_active()?;
        if self.pending.is_some() {
            return Err(StateError::CommitPending.into());
        }
        if let Some(nobody) = intent
            .remove
            .iter()
            .find(|leaf| self.member(**leaf).is_none())
        {
            return Err(StateError::NoSuchMember(nobody.0).into());
        }
        let leaves = leaf_check(self.crypto, &self.settings, auth);
        let by_value = by_value(intent.add, &intent.remove);
        let (proposals, mut provisional) = self.choose(&by_value, &leaves)?;
        let with_path = intent.force_path || provisional.path_required;
        let (path, successor) = self.make_path(&mut provisional, with_path, rng)?;
        let path_message = match &path {
            Some(path) => {
                let added = provisional.added_leaves();
                let context = &successor.provisional;
                Some(path.seal(self.crypto, &successor.tree, context, &added, rng)?)
            }
            None => None,
        };
        let commit = Commit {
            proposals,
            path: path_message,
        };
        let content = self.frame(Content::Commit(Box::new(commit)), authenticated_data);
        let mut signed = self.sign(self.settings.handshakes, content)?;
        let signature = signed.auth.signature.as_slice();
        let succession = self.epoch.succeed(
            self.crypto,
            successor,
            signed.wire_format,
            &signed.content,
            signature,
        );
        signed.auth.confirmation_tag = Some(succession.state.confirmation_tag.as_slice().into());
        let welcome = self.welcome(&provisional, &succession, path.as_ref(), rng)?;
        let mut delta = Delta::default();
        let commit = self.protect(signed, rng, &mut delta)?;
        let pending = PendingCommit {
            message: commit.clone(),
            next: Box::new(succession.state),
        };
        delta.put_pending(&self.epoch, &pending);
        self.pending = Some(pending);
        self.changed();
        let added = provisional.added_leaves();
        Ok((
            CommitBundle {
                commit,
                welcome,
                added,
            },
            delta,
        ))
    }

    /// The list: what waits and is valid together with the intent, then the intent.
    fn choose(
        &self,
        by_value: &[Proposal],
        leaves: &LeafCheck<'_>,
    ) -> Result<(Vec<ProposalOrRef>, Provisional), Error> {
        let committer = self.epoch.own;
        let mut entries: Vec<ProposalOrRef> = by_value
            .iter()
            .cloned()
            .map(ProposalOrRef::Proposal)
            .collect();
        let mut list: Vec<_> = by_value
            .iter()
            .map(|one| Listed::new(committer, one))
            .collect();
        let mut provisional = self
            .epoch
            .apply_proposals(committer, &list, leaves)
            .map_err(refused)?;
        let (removals, others): (Vec<_>, Vec<_>) = self
            .proposals
            .iter()
            .partition(|c| matches!(c.proposal, Proposal::Remove(_)));
        for cached in removals.into_iter().chain(others.into_iter().rev()) {
            list.push(Listed::from(cached));
            match self.epoch.apply_proposals(committer, &list, leaves) {
                Ok(with_it) => {
                    provisional = with_it;
                    entries.push(ProposalOrRef::Reference(cached.reference.clone()));
                }
                Err(_) => drop(list.pop()),
            }
        }
        Ok((entries, provisional))
    }

    /// Fresh keys where wanted, and the epoch to come but for its transcript.
    fn make_path(
        &self,
        provisional: &mut Provisional,
        with_path: bool,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Option<NewPath>, Successor), Error> {
        let (crypto, own) = (self.crypto, self.epoch.own);
        let mut tree = provisional.tree.clone();
        let path = if with_path {
            let maker = PathMaker {
                group_id: self.group_id(),
                place: own,
                leaf: self.own_leaf_content()?,
                signature_private: &self.epoch.signature.private,
            };
            Some(tree.renew_path(crypto, maker, rng)?)
        } else {
            None
        };
        let mut private = self.surviving_keys(&tree);
        let commit_secret = match &path {
            Some(path) => {
                private.insert(own.into(), path.leaf_private.clone());
                for node in &path.secrets.nodes {
                    private.insert(node.index, node.keys.private.clone());
                }
                path.secrets.commit_secret.clone()
            }
            None => Secret::zero(crypto.hash_length()),
        };
        let extensions = self.epoch.context.extensions.clone();
        let context = self.epoch.provisional_context(crypto, &tree, extensions)?;
        provisional.tree = tree.clone();
        let signature = self.epoch.signature.clone();
        let successor = Successor {
            tree,
            own,
            private,
            signature,
            commit_secret,
            provisional: context,
        };
        Ok((path, successor))
    }

    /// One Welcome for all new members (check 123); what they share is computed once.
    fn welcome(
        &self,
        provisional: &Provisional,
        succession: &Succession,
        path: Option<&NewPath>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Option<MlsMessage>, Error> {
        if provisional.added.is_empty() {
            return Ok(None);
        }
        let crypto = self.crypto;
        let joiner_secret = &succession.joiner_secret;
        let welcome_secret = joiner_secret.welcome_secret(crypto, &succession.psk_secret);
        let (key, nonce) = welcome_key_and_nonce(crypto, &welcome_secret);
        let group_info = encode(&self.group_info(succession)?);
        let encrypted_group_info = crypto
            .aead_seal(&key, nonce.expose(), b"", &group_info)
            .map_err(own_keys)?;
        let info = encryption_info(crypto, WELCOME_LABEL, &encrypted_group_info);
        let mut secrets = Vec::with_capacity(provisional.added.len());
        for (leaf, key_package) in &provisional.added {
            let path_secret = path.and_then(|path| path.secret_for(*leaf)).cloned();
            let group_secrets = GroupSecrets {
                joiner_secret: joiner_secret.0.clone(),
                path_secret: path_secret.map(|path_secret| PathSecret { path_secret }),
                psks: Vec::new(),
            };
            let init_key = key_package.content.init_key.as_slice();
            let plaintext = Secret::from(encode(&group_secrets));
            let encrypted_group_secrets = crypto
                .hpke_seal(init_key, &info, b"", plaintext.expose(), rng)
                .map_err(|_| Check::KeysValidForSuite)?;
            let new_member = key_package.reference(crypto);
            secrets.push(EncryptedGroupSecrets {
                new_member,
                encrypted_group_secrets,
            });
        }
        let encrypted_group_info = encrypted_group_info.into();
        let welcome = Welcome {
            cipher_suite: crypto.suite(),
            secrets,
            encrypted_group_info,
        };
        Ok(Some(MessageBody::Welcome(welcome).into()))
    }

    fn group_info(&self, succession: &Succession) -> Result<GroupInfo, Error> {
        let state = &succession.state;
        let tree = state.tree.to_extension();
        let content = GroupInfoContent {
            group_context: state.context.clone(),
            extensions: Extensions::default().with(ExtensionType::RATCHET_TREE, tree),
            confirmation_tag: state.confirmation_tag.as_slice().into(),
            signer: state.own,
        };
        let private = &state.signature.private;
        let signature = sign_with_label(self.crypto, private, GROUP_INFO_LABEL, &encode(&content))
            .map_err(own_keys)?;
        Ok(GroupInfo {
            content,
            signature: signature.into(),
        })
    }
}

fn by_value(add: Vec<VerifiedKeyPackage>, remove: &[LeafIndex]) -> Vec<Proposal> {
    let removals = remove.iter().map(|leaf| Proposal::Remove(*leaf));
    let additions = add
        .into_iter()
        .map(|package| Proposal::Add(Box::new(package.into_inner())));
    removals.chain(additions).collect()
}
