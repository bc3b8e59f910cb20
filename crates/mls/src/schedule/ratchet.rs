//! One sender's symmetric ratchet (RFC 9420 §9.1).

use crate::labels::derive_tree_secret;
use folkmoot_crypto::{Crypto, Secret};
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize};

/// Which of a sender's two ratchets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RatchetKind {
    Handshake,
    Application,
}

impl RatchetKind {
    /// The label that starts the ratchet.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Application => "application",
        }
    }
}

/// A message's key and nonce, before the reuse guard.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct KeyAndNonce {
    pub(crate) key: Secret,
    pub(crate) nonce: Secret,
}

/// The secret of the next generation, from which all later ones follow and no earlier one.
#[derive(Clone, Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct RatchetState {
    pub(crate) generation: u32,
    pub(crate) secret: Secret,
}

impl RatchetState {
    /// The key of the current generation and the state after it; none where the generations end.
    pub(crate) fn step(&self, crypto: &dyn Crypto) -> Option<(KeyAndNonce, Self)> {
        let keys = KeyAndNonce {
            key: self.derive(crypto, "key", crypto.aead_key_length()),
            nonce: self.derive(crypto, "nonce", crypto.aead_nonce_length()),
        };
        Some((keys, self.next(crypto)?))
    }

    /// The state after the current generation, whose key is not asked for.
    pub(super) fn next(&self, crypto: &dyn Crypto) -> Option<Self> {
        let secret = self.derive(crypto, "secret", crypto.hash_length());
        let generation = self.generation.checked_add(1)?;
        Some(Self { generation, secret })
    }

    fn derive(&self, crypto: &dyn Crypto, label: &str, length: usize) -> Secret {
        derive_tree_secret(crypto, &self.secret, label, self.generation, length)
    }
}
