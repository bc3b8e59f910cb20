//! Labelled signing, encryption, hashing and derivation (RFC 9420 §5.1, §5.2, §8, §9).

use crate::wire::{ComponentId, encode};
use folkmoot_crypto::{Crypto, CryptoError, HpkeCiphertext, HpkeInfo, Secret};
use rand_core::CryptoRng;
use tls_codec::{TlsSerialize, TlsSize, VLByteSlice};

/// RFC 9420 §5.1.2: every label starts with the protocol's name (check 8).
const LABEL_PREFIX: &[u8] = b"MLS 1.0 ";

#[derive(TlsSerialize, TlsSize)]
struct Labelled<'a> {
    label: VLByteSlice<'a>,
    content: VLByteSlice<'a>,
}

#[derive(TlsSerialize, TlsSize)]
struct KdfLabel<'a> {
    length: u16,
    label: VLByteSlice<'a>,
    context: VLByteSlice<'a>,
}

/// draft-ietf-mls-extensions §4.1.
#[derive(TlsSerialize, TlsSize)]
struct ComponentOperationLabel<'a> {
    base_label: VLByteSlice<'a>,
    component: ComponentId,
    label: VLByteSlice<'a>,
}

impl ComponentId {
    /// A label of this component's own: what one does never passes for what another did.
    fn labels(self, label: &str) -> Vec<u8> {
        encode(&ComponentOperationLabel {
            base_label: VLByteSlice(b"MLS Component"),
            component: self,
            label: VLByteSlice(label.as_bytes()),
        })
    }
}

fn labelled(label: impl AsRef<[u8]>, content: &[u8]) -> Vec<u8> {
    let label = [LABEL_PREFIX, label.as_ref()].concat();
    encode(&Labelled {
        label: VLByteSlice(&label),
        content: VLByteSlice(content),
    })
}

/// `SignWithLabel` (RFC 9420 §5.1.2).
pub fn sign_with_label(
    crypto: &dyn Crypto,
    private: &Secret,
    label: &str,
    content: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    crypto.sign(private, &labelled(label, content))
}

/// `VerifyWithLabel` (RFC 9420 §5.1.2): by a key of the suite's scheme, under this label (checks 7, 8).
pub fn verify_with_label(
    crypto: &dyn Crypto,
    public: &[u8],
    label: &str,
    content: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    crypto.verify(public, &labelled(label, content), signature)
}

/// The context of `EncryptWithLabel` as HPKE's `info` has it (RFC 9420 §5.1.3).
pub(crate) fn encryption_context(label: &str, context: &[u8]) -> Vec<u8> {
    labelled(label, context)
}

/// The HPKE `info` of `EncryptWithLabel`, to be shared by all recipients of one content.
pub(crate) fn encryption_info(crypto: &dyn Crypto, label: &str, context: &[u8]) -> HpkeInfo {
    crypto.hpke_info(&labelled(label, context))
}

/// `EncryptWithLabel` (RFC 9420 §5.1.3).
pub fn encrypt_with_label(
    crypto: &dyn Crypto,
    public: &[u8],
    label: &str,
    context: &[u8],
    plaintext: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<HpkeCiphertext, CryptoError> {
    crypto.hpke_seal(
        public,
        &encryption_info(crypto, label, context),
        b"",
        plaintext,
        rng,
    )
}

/// `DecryptWithLabel` (RFC 9420 §5.1.3).
pub fn decrypt_with_label(
    crypto: &dyn Crypto,
    private: &Secret,
    label: &str,
    context: &[u8],
    ciphertext: &HpkeCiphertext,
) -> Result<Secret, CryptoError> {
    crypto.hpke_open(
        private,
        &encryption_info(crypto, label, context),
        b"",
        ciphertext,
    )
}

/// `SafeSignWithLabel` (draft-ietf-mls-extensions §4.3).
pub(crate) fn safe_sign_with_label(
    crypto: &dyn Crypto,
    private: &Secret,
    (component, label): (ComponentId, &str),
    content: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    crypto.sign(private, &labelled(component.labels(label), content))
}

/// `SafeVerifyWithLabel` (draft-ietf-mls-extensions §4.3).
pub fn safe_verify_with_label(
    crypto: &dyn Crypto,
    public: &[u8],
    (component, label): (ComponentId, &str),
    content: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let content = labelled(component.labels(label), content);
    crypto.verify(public, &content, signature)
}

/// `SafeEncryptWithLabel` (draft-ietf-mls-extensions §4.2).
pub fn safe_encrypt_with_label(
    crypto: &dyn Crypto,
    public: &[u8],
    (component, label): (ComponentId, &str),
    context: &[u8],
    plaintext: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<HpkeCiphertext, CryptoError> {
    let info = crypto.hpke_info(&labelled(component.labels(label), context));
    crypto.hpke_seal(public, &info, b"", plaintext, rng)
}

/// `SafeDecryptWithLabel` (draft-ietf-mls-extensions §4.2).
pub(crate) fn safe_decrypt_with_label(
    crypto: &dyn Crypto,
    private: &Secret,
    (component, label): (ComponentId, &str),
    context: &[u8],
    ciphertext: &HpkeCiphertext,
) -> Result<Secret, CryptoError> {
    let info = crypto.hpke_info(&labelled(component.labels(label), context));
    crypto.hpke_open(private, &info, b"", ciphertext)
}

/// `RefHash` (RFC 9420 §5.2).
pub fn reference_hash(crypto: &dyn Crypto, label: &str, value: &[u8]) -> Vec<u8> {
    let label = label.as_bytes();
    crypto.hash(&encode(&Labelled {
        label: VLByteSlice(label),
        content: VLByteSlice(value),
    }))
}

/// `ExpandWithLabel` (RFC 9420 §8); fails where `length` exceeds what the KDF gives.
pub fn expand_with_label(
    crypto: &dyn Crypto,
    secret: &Secret,
    label: &str,
    context: &[u8],
    length: u16,
) -> Result<Secret, CryptoError> {
    let label = [LABEL_PREFIX, label.as_bytes()].concat();
    let info = encode(&KdfLabel {
        length,
        label: VLByteSlice(&label),
        context: VLByteSlice(context),
    });
    crypto.expand(secret, &info, length.into())
}

/// `ExpandWithLabel` to one hash, which no KDF refuses.
pub(crate) fn expand_to_hash(
    crypto: &dyn Crypto,
    secret: &Secret,
    label: &str,
    context: &[u8],
) -> Secret {
    expand_short(crypto, secret, label, context, crypto.hash_length())
}

/// `DeriveSecret` (RFC 9420 §8).
pub fn derive_secret(crypto: &dyn Crypto, secret: &Secret, label: &str) -> Secret {
    expand_to_hash(crypto, secret, label, b"")
}

/// `DeriveTreeSecret` (RFC 9420 §9); `length` is that of a key, nonce or hash of the suite.
pub fn derive_tree_secret(
    crypto: &dyn Crypto,
    secret: &Secret,
    label: &str,
    generation: u32,
    length: usize,
) -> Secret {
    expand_short(crypto, secret, label, &generation.to_be_bytes(), length)
}

/// `ExpandWithLabel` to a key, nonce or hash of the suite.
pub(crate) fn expand_short(
    crypto: &dyn Crypto,
    secret: &Secret,
    label: &str,
    context: &[u8],
    length: usize,
) -> Secret {
    let length = u16::try_from(length).expect("keys, nonces and hashes are short");
    expand_with_label(crypto, secret, label, context, length)
        .expect("a KDF gives 255 times its hash length")
}
