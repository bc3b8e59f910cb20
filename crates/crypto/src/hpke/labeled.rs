//! `LabeledExtract` and `LabeledExpand` (RFC 9180 §4), and `LabeledDerive` of the KDFs of one stage
//! (draft-ietf-hpke-hpke §4).

use crate::primitives::Kdf;
use crate::{CryptoError, Secret};
use shake::{ExtendableOutput, Shake256, Update, XofReader};

const VERSION: &[u8] = b"HPKE-v1";

/// RFC 9180 §4.1: `"KEM" || kem_id`.
pub(super) fn kem_suite_id(kem_id: u16) -> [u8; 5] {
    let [high, low] = kem_id.to_be_bytes();
    [b'K', b'E', b'M', high, low]
}

/// `SHAKE256.LabeledDerive` for a KEM, with an empty context (draft-ietf-hpke-pq §5).
pub(super) fn derive(kem_id: u16, ikm: &Secret, label: &[u8], length: u16) -> Secret {
    let label_length = u16::try_from(label.len()).expect("labels are short constants");
    let parts = [
        ikm.expose(),
        VERSION,
        &kem_suite_id(kem_id),
        &label_length.to_be_bytes(),
        label,
        &length.to_be_bytes(),
    ];
    shake256(&parts, length.into())
}

/// `SHAKE256` of the concatenated parts (FIPS 202 §6.2).
pub(super) fn shake256(parts: &[&[u8]], length: usize) -> Secret {
    let mut sponge = Shake256::default();
    for part in parts {
        sponge.update(part);
    }
    let mut output = vec![0; length];
    sponge.finalize_xof().read(&mut output);
    Secret::from(output)
}

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
