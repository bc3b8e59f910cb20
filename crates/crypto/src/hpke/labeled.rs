//! `LabeledExtract` and `LabeledExpand` (RFC 9180 §4).

use crate::primitives::Kdf;
use crate::{CryptoError, Secret};

const VERSION: &[u8] = b"HPKE-v1";

/// A KDF whose outputs are bound to one KEM or one HPKE suite.
pub(super) struct Labeled<'a, const N: usize> {
    pub(super) kdf: &'a dyn Kdf,
    pub(super) suite_id: [u8; N],
}

impl<const N: usize> Labeled<'_, N> {
    pub(super) fn extract(&self, salt: &[u8], label: &[u8], ikm: &[u8]) -> Secret {
        // RFC 5869 §2.2 defines Extract as HMAC(salt, ikm).
        let parts = [VERSION, &self.suite_id, label, ikm];
        Secret::from(self.kdf.mac(salt, &parts))
    }

    pub(super) fn expand(
        &self,
        prk: &Secret,
        label: &[u8],
        [first, second]: [&[u8]; 2],
        length: usize,
    ) -> Result<Secret, CryptoError> {
        let prefix = u16::try_from(length)
            .map_err(|_| CryptoError::InvalidLength)?
            .to_be_bytes();
        let info = [&prefix, VERSION, &self.suite_id, label, first, second];
        self.kdf.expand(prk, &info, length)
    }
}
