//! Labelled operations and vector headers.

use super::{Hex, rng, run, run_suites};
use crate::labels::{
    decrypt_with_label, derive_secret, derive_tree_secret, encrypt_with_label, expand_with_label,
    reference_hash, sign_with_label, verify_with_label,
};
use crate::wire::decode;
use folkmoot_crypto::{Crypto, CryptoError, HpkeCiphertext};
use serde::Deserialize;
use tls_codec::{VLBytes, vlen};

/// Vectors up to this many bytes are decoded whole.
const WHOLE: usize = 1 << 16;

#[derive(Deserialize)]
struct CryptoBasics {
    ref_hash: RefHash,
    expand_with_label: ExpandWithLabel,
    derive_secret: DeriveSecret,
    derive_tree_secret: DeriveTreeSecret,
    sign_with_label: SignWithLabel,
    encrypt_with_label: EncryptWithLabel,
}

#[test]
fn crypto_basics() {
    run_suites("crypto-basics.json", |crypto, case: CryptoBasics| {
        case.ref_hash.check(crypto);
        case.expand_with_label.check(crypto);
        case.derive_secret.check(crypto);
        case.derive_tree_secret.check(crypto);
        case.sign_with_label.check(crypto);
        case.encrypt_with_label.check(crypto);
    });
}

#[derive(Deserialize)]
struct RefHash {
    label: String,
    value: Hex,
    out: Hex,
}

impl RefHash {
    fn check(&self, crypto: &dyn Crypto) {
        assert_eq!(reference_hash(crypto, &self.label, &self.value), self.out);
    }
}

#[derive(Deserialize)]
struct ExpandWithLabel {
    secret: Hex,
    label: String,
    context: Hex,
    length: u16,
    out: Hex,
}

impl ExpandWithLabel {
    fn check(&self, crypto: &dyn Crypto) {
        let secret = self.secret.secret();
        let out = expand_with_label(crypto, &secret, &self.label, &self.context, self.length);
        assert_eq!(out.unwrap(), self.out);
    }
}

#[derive(Deserialize)]
struct DeriveSecret {
    secret: Hex,
    label: String,
    out: Hex,
}

impl DeriveSecret {
    fn check(&self, crypto: &dyn Crypto) {
        let out = derive_secret(crypto, &self.secret.secret(), &self.label);
        assert_eq!(out, self.out);
    }
}

#[derive(Deserialize)]
struct DeriveTreeSecret {
    secret: Hex,
    label: String,
    generation: u32,
    length: usize,
    out: Hex,
}

impl DeriveTreeSecret {
    fn check(&self, crypto: &dyn Crypto) {
        let (secret, generation) = (self.secret.secret(), self.generation);
        let out = derive_tree_secret(crypto, &secret, &self.label, generation, self.length);
        assert_eq!(out, self.out);
    }
}

/// How two signatures of the file's first revision begin: they are of suites 5 and 7, and made with
/// SHA-256 where RFC 9420 §17.1 has SHA-512 and SHA-384. Later revisions have others.
const MADE_WITH_SHA_256: [[u8; 16]; 2] = [
    *b"\x30\x81\x88\x02\x42\x00\x90\x73\xc2\x2d\x3a\x6d\xbf\xc7\x0e\xb8",
    *b"\x30\x66\x02\x31\x00\xbb\xc9\xfc\xe5\xb2\x7c\xee\xea\x12\xc0\xb5",
];

#[derive(Deserialize)]
struct SignWithLabel {
    r#priv: Hex,
    r#pub: Hex,
    content: Hex,
    label: String,
    signature: Hex,
}

impl SignWithLabel {
    fn check(&self, crypto: &dyn Crypto) {
        let verify = |content: &[u8], signature: &[u8]| {
            verify_with_label(crypto, &self.r#pub, &self.label, content, signature)
        };
        let mut wrong = MADE_WITH_SHA_256.iter();
        let is_good = !wrong.any(|wrong| self.signature.starts_with(wrong));
        let expected = is_good.then_some(()).ok_or(CryptoError::InvalidSignature);
        assert_eq!(verify(&self.content, &self.signature), expected);
        let private = self.r#priv.secret();
        let own = sign_with_label(crypto, &private, &self.label, &self.content).unwrap();
        assert_eq!(verify(&self.content, &own), Ok(()));
        assert_eq!(
            verify(b"other content", &self.signature),
            Err(CryptoError::InvalidSignature)
        );
    }
}

#[derive(Deserialize)]
struct EncryptWithLabel {
    r#priv: Hex,
    r#pub: Hex,
    label: String,
    context: Hex,
    plaintext: Hex,
    kem_output: Hex,
    ciphertext: Hex,
}

impl EncryptWithLabel {
    fn check(&self, crypto: &dyn Crypto) {
        let private = self.r#priv.secret();
        let decrypt = |context: &[u8], sealed: &HpkeCiphertext| {
            decrypt_with_label(crypto, &private, &self.label, context, sealed)
        };
        let given = HpkeCiphertext {
            kem_output: self.kem_output.vl_bytes(),
            ciphertext: self.ciphertext.vl_bytes(),
        };
        assert_eq!(decrypt(&self.context, &given).unwrap(), self.plaintext);
        let own = encrypt_with_label(
            crypto,
            &self.r#pub,
            &self.label,
            &self.context,
            &self.plaintext,
            &mut rng(),
        )
        .unwrap();
        assert_eq!(decrypt(&self.context, &own).unwrap(), self.plaintext);
        assert_eq!(
            decrypt(b"other context", &own),
            Err(CryptoError::InvalidCiphertext)
        );
    }
}

#[derive(Deserialize)]
struct Header {
    vlbytes_header: Hex,
    length: usize,
}

#[test]
fn deserialization() {
    run("deserialization.json", |case: Header| {
        let header = &case.vlbytes_header;
        let (length, read) = vlen::read_length(&mut &header[..]).unwrap();
        assert_eq!((length, read), (case.length, header.len()));
        let mut written = Vec::new();
        vlen::write_length(&mut written, case.length).unwrap();
        assert_eq!(written, *header);
        if case.length <= WHOLE {
            let mut bytes = header.to_vec();
            bytes.resize(header.len() + case.length, 0);
            assert_eq!(decode::<VLBytes>(&bytes).unwrap().as_slice().len(), length);
            bytes.push(0);
            assert!(decode::<VLBytes>(&bytes).is_err(), "a byte too many");
        }
    });
}

#[test]
fn a_vector_header_that_is_not_the_shortest_is_refused() {
    // RFC 9420 §2.1.2: the shortest form only, and no fourth form.
    let long_forms: [&[u8]; 4] = [b"\x40\x00", b"\x80\x00\x00\x00", b"\x40\x01\x00", b"\xc0"];
    for bytes in long_forms {
        assert!(decode::<VLBytes>(bytes).is_err(), "{bytes:02x?}");
    }
}
