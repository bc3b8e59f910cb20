//! The key schedule (RFC 9420 §8).

use crate::labels::{derive_secret, expand_short, expand_to_hash, expand_with_label};
use crate::wire::{GroupContext, encode};
use folkmoot_crypto::{Crypto, CryptoError, KemKeyPair, Secret};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// The joiner secret of an epoch, from which a Welcome's receiver derives all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinerSecret(pub(crate) Secret);

impl JoinerSecret {
    /// From the previous epoch's init secret and the commit's secret.
    pub(crate) fn derive(
        crypto: &dyn Crypto,
        init_secret: &Secret,
        commit_secret: &Secret,
        context: &GroupContext,
    ) -> Self {
        let secret = crypto.extract(init_secret.expose(), commit_secret.expose());
        Self(expand_to_hash(crypto, &secret, "joiner", &encode(context)))
    }

    /// The secret that seals a Welcome's GroupInfo.
    pub(crate) fn welcome_secret(&self, crypto: &dyn Crypto, psk_secret: &Secret) -> Secret {
        derive_secret(crypto, &self.member_secret(crypto, psk_secret), "welcome")
    }

    /// All secrets of the epoch with this context.
    pub(crate) fn epoch_secrets(
        &self,
        crypto: &dyn Crypto,
        psk_secret: &Secret,
        context: &GroupContext,
    ) -> EpochSecrets {
        let member = self.member_secret(crypto, psk_secret);
        let epoch = expand_to_hash(crypto, &member, "epoch", &encode(context));
        EpochSecrets::derive(crypto, &epoch)
    }

    fn member_secret(&self, crypto: &dyn Crypto, psk_secret: &Secret) -> Secret {
        crypto.extract(self.0.expose(), psk_secret.expose())
    }
}

/// The secrets of one epoch that live as long as it does.
#[derive(Clone, Debug, Default, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct EpochSecrets {
    pub(crate) sender_data_secret: Secret,
    pub(crate) exporter_secret: Secret,
    pub(crate) external_secret: Secret,
    pub(crate) confirmation_key: Secret,
    pub(crate) membership_key: Secret,
    pub(crate) resumption_psk: Secret,
    pub(crate) epoch_authenticator: Secret,
    pub(crate) init_secret: Secret,
    /// Taken by the epoch's secret tree, and empty from then on.
    pub(crate) encryption_secret: Secret,
    /// Taken by the epoch's exporter tree, and empty from then on.
    pub(crate) application_export_secret: Secret,
}

impl EpochSecrets {
    /// From the epoch secret; at creation that one is random (RFC 9420 §11).
    pub(crate) fn derive(crypto: &dyn Crypto, epoch_secret: &Secret) -> Self {
        let derive = |label| derive_secret(crypto, epoch_secret, label);
        Self {
            sender_data_secret: derive("sender data"),
            exporter_secret: derive("exporter"),
            external_secret: derive("external"),
            confirmation_key: derive("confirm"),
            membership_key: derive("membership"),
            resumption_psk: derive("resumption"),
            epoch_authenticator: derive("authentication"),
            init_secret: derive("init"),
            encryption_secret: derive("encryption"),
            application_export_secret: derive("application_export"),
        }
    }

    /// The key pair that external joiners seal an init secret to (RFC 9420 §8.3).
    pub(crate) fn external_key_pair(&self, crypto: &dyn Crypto) -> Result<KemKeyPair, CryptoError> {
        crypto.derive_kem_key_pair(&self.external_secret)
    }

    /// The confirmation tag over a confirmed transcript hash (RFC 9420 §6.1).
    pub(crate) fn confirmation_tag(&self, crypto: &dyn Crypto, transcript_hash: &[u8]) -> Vec<u8> {
        crypto.mac(self.confirmation_key.expose(), transcript_hash)
    }

    /// `MLS-Exporter` (RFC 9420 §8.5).
    pub(crate) fn export(
        &self,
        crypto: &dyn Crypto,
        label: &str,
        context: &[u8],
        length: u16,
    ) -> Result<Secret, CryptoError> {
        let secret = derive_secret(crypto, &self.exporter_secret, label);
        expand_with_label(crypto, &secret, "exported", &crypto.hash(context), length)
    }
}

/// The key and nonce that seal a Welcome's GroupInfo (RFC 9420 §12.4.3.1).
pub(crate) fn welcome_key_and_nonce(
    crypto: &dyn Crypto,
    welcome_secret: &Secret,
) -> (Secret, Secret) {
    let expand = |label, length| expand_short(crypto, welcome_secret, label, b"", length);
    (
        expand("key", crypto.aead_key_length()),
        expand("nonce", crypto.aead_nonce_length()),
    )
}
