//! Welcome and GroupInfo: what joiners get (RFC 9420 §12.4.3).

use super::Group;
use super::draft::Drafted;
use super::epoch::EpochState;
use super::public::GROUP_INFO_LABEL;
use crate::check::Check;
use crate::error::{Error, StateError, damaged, own_keys};
use crate::framing::{MAX_MESSAGE_LENGTH, MessageBody, MlsMessage};
use crate::grease;
use crate::labels::{encryption_info, sign_with_label};
use crate::parallel;
use crate::records::Records;
use crate::schedule::welcome_key_and_nonce;
use crate::tree::LeafIndex;
use crate::wire::{
    EncryptedGroupSecrets, ExtensionType, Extensions, GroupInfo, GroupInfoContent, GroupSecrets,
    KeyPackage, PathSecret, PreSharedKeyId, Welcome, encode, encode_any,
};
use folkmoot_crypto::{Crypto, Secret};
use rand_core::CryptoRng;
use tls_codec::{Size, VLByteSlice};

/// RFC 9420 §12.4.3.1.
pub(super) const WELCOME_LABEL: &str = "Welcome";

impl Group {
    /// Describes the current epoch for those who join by a commit of their own, with the external
    /// key, and with the ratchet tree if wanted (RFC 9420 §12.4.3.2).
    pub fn group_info(&self, with_tree: bool, records: &dyn Records) -> Result<MlsMessage, Error> {
        self.check_open()?;
        external_group_info(self.crypto, &self.epoch, with_tree, records)
    }

    /// The same for the epoch that the pending commit leads to; none without one, and where it ends the
    /// group by a ReInit, as nobody may join that epoch (RFC 9420 §11.2).
    pub fn pending_group_info(
        &self,
        with_tree: bool,
        records: &dyn Records,
    ) -> Result<Option<MlsMessage>, Error> {
        let pending = self.pending.as_ref();
        let Some(pending) = pending.filter(|pending| pending.next.public.reinit.is_none()) else {
            return Ok(None);
        };
        external_group_info(self.crypto, &pending.next, with_tree, records).map(Some)
    }

    /// One Welcome for all new members (check 123); what they share is computed once.
    pub(super) fn welcome(
        &self,
        drafted: &Drafted,
        psks: &[PreSharedKeyId],
        with_tree: bool,
        records: &dyn Records,
        rng: &mut dyn CryptoRng,
    ) -> Result<Option<MlsMessage>, Error> {
        let (provisional, succession) = (&drafted.provisional, &drafted.succession);
        if provisional.added.is_empty() {
            return Ok(None);
        }
        let crypto = self.crypto;
        let joiner_secret = &succession.joiner_secret;
        let welcome_secret = joiner_secret.welcome_secret(crypto, &succession.psk_secret);
        let (key, nonce) = welcome_key_and_nonce(crypto, &welcome_secret);
        let extensions = tree_extension(&succession.state, with_tree, records)?;
        let group_info = encode_any(&sign_group_info(crypto, &succession.state, extensions)?)?;
        let encrypted_group_info = crypto
            .aead_seal(&key, nonce.expose(), b"", &group_info)
            .map_err(own_keys)?;
        // All joiners get all names of keys, so that two moderate numbers make a large one.
        let named = psks.iter().map(Size::tls_serialized_len).sum::<usize>();
        if named.saturating_mul(provisional.added.len()) > MAX_MESSAGE_LENGTH {
            return Err(StateError::Refused(Check::MessageBound).into());
        }
        let info = encryption_info(crypto, WELCOME_LABEL, &encrypted_group_info);
        let path = drafted.path.as_ref();
        let seeded = provisional.added.iter();
        let seeded = seeded.map(|one| (one, crypto.hpke_seed(rng))).collect();
        let seal = |((leaf, key_package), seed): (&(LeafIndex, KeyPackage), _)| {
            let path_secret = path.and_then(|path| path.secret_for(*leaf)).cloned();
            let group_secrets = GroupSecrets {
                joiner_secret: joiner_secret.0.clone(),
                path_secret: path_secret.map(|path_secret| PathSecret { path_secret }),
                psks: psks.to_vec(),
            };
            let init_key = key_package.content.init_key.as_slice();
            let plaintext = Secret::from(encode(&group_secrets));
            let encrypted_group_secrets = crypto
                .hpke_seal_seeded(init_key, &info, b"", plaintext.expose(), seed)
                .map_err(|_| Check::KeysValidForSuite)?;
            Ok::<_, Check>(EncryptedGroupSecrets {
                new_member: key_package.reference(crypto),
                encrypted_group_secrets,
            })
        };
        let secrets = parallel::try_map(seeded, seal)?;
        let welcome = Welcome {
            cipher_suite: crypto.suite(),
            secrets,
            encrypted_group_info: encrypted_group_info.into(),
        };
        let message = MlsMessage::from(MessageBody::Welcome(welcome));
        message.bounded().map(Some)
    }
}

fn external_group_info(
    crypto: &dyn Crypto,
    state: &EpochState,
    with_tree: bool,
    records: &dyn Records,
) -> Result<MlsMessage, Error> {
    let keys = state.secrets.external_key_pair(crypto).map_err(own_keys)?;
    let external_pub = encode(&VLByteSlice(&keys.public));
    let extensions = tree_extension(state, with_tree, records)?;
    let extensions = extensions.with(ExtensionType::EXTERNAL_PUB, external_pub);
    let group_info = sign_group_info(crypto, state, extensions)?;
    MlsMessage::from(MessageBody::GroupInfo(group_info)).bounded()
}

fn tree_extension(
    state: &EpochState,
    with_tree: bool,
    records: &dyn Records,
) -> Result<Extensions, Error> {
    let own = state.public.tree.leaf(state.own, records)?;
    let own = own.ok_or_else(|| damaged("own leaf is missing"))?;
    let listed = own.content.extensions.types();
    // What this client mixes in everywhere (RFC 9420 §13.5).
    let extensions = listed
        .filter(|listed| grease::is_one(listed.0))
        .fold(Extensions::default(), |all, one| {
            all.with(one, grease::DATA)
        });
    if !with_tree {
        return Ok(extensions);
    }
    let tree = state.public.tree.to_extension(records)?;
    Ok(extensions.with(ExtensionType::RATCHET_TREE, tree))
}

fn sign_group_info(
    crypto: &dyn Crypto,
    state: &EpochState,
    extensions: Extensions,
) -> Result<GroupInfo, Error> {
    let content = GroupInfoContent {
        group_context: state.public.context.clone(),
        extensions,
        confirmation_tag: state.public.confirmation_tag.as_slice().into(),
        signer: state.own,
    };
    let private = &state.signature.private;
    let signed = encode_any(&content)?;
    let signature =
        sign_with_label(crypto, private, GROUP_INFO_LABEL, &signed).map_err(own_keys)?;
    Ok(GroupInfo {
        content,
        signature: signature.into(),
    })
}
