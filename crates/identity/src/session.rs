//! How a device proves itself to its provider: a signature over the provider's challenge.

use tls_codec::{Serialize, TlsSerialize, TlsSize, VLByteSlice};

use crate::name::ProviderDomain;

/// Keeps these signatures apart from all others that a device key makes.
const LABEL: &[u8] = b"Folkmoot 1.0 session";

/// What a device signs to open a session.
///
/// The domain is signed so that one provider cannot pass on another's challenge.
#[derive(Clone, Copy, Debug)]
pub struct SessionProof<'a> {
    /// The provider that asks.
    pub domain: &'a ProviderDomain,
    /// Its challenge, opaque to the device.
    pub challenge: &'a [u8],
}

#[derive(TlsSerialize, TlsSize)]
struct SignedContent<'a> {
    label: VLByteSlice<'a>,
    domain: &'a ProviderDomain,
    challenge: VLByteSlice<'a>,
}

impl SessionProof<'_> {
    pub(crate) fn signed_content(&self) -> Vec<u8> {
        SignedContent {
            label: VLByteSlice(LABEL),
            domain: self.domain,
            challenge: VLByteSlice(self.challenge),
        }
        .tls_serialize_detached()
        .expect("a challenge is shorter than 2^30 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_content_is_label_domain_challenge() {
        let domain = "a.b".parse().unwrap();
        let proof = SessionProof {
            domain: &domain,
            challenge: b"xy",
        };
        assert_eq!(
            proof.signed_content(),
            b"\x14Folkmoot 1.0 session\x03a.b\x02xy"
        );
    }
}
