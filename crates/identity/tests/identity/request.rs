//! Certification requests.

use folkmoot_identity::{CertificateError, CertificateRequest, DeviceKey};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rcgen::{CertificateParams, DistinguishedName, KeyUsagePurpose, SanType};
use x509_cert::der::asn1::{BitString, ObjectIdentifier};
use x509_cert::der::{Decode, Encode};
use x509_cert::request::CertReq;

use crate::forge::{ALICE, Key, PHONE, World, uri};

fn forged(
    key: &impl rcgen::SigningKey,
    names: Vec<SanType>,
    usages: Vec<KeyUsagePurpose>,
) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = names;
    params.key_usages = usages;
    params.serialize_request(key).unwrap().der().to_vec()
}

fn names() -> Vec<SanType> {
    vec![uri(PHONE), uri(ALICE)]
}

#[test]
fn a_request_names_the_device_and_its_key() {
    let key = DeviceKey::generate(&mut ChaCha20Rng::seed_from_u64(1));
    let der = key.certificate_request(&PHONE.parse().unwrap()).unwrap();
    let request = CertificateRequest::verify(&der).unwrap();
    assert_eq!(request.device().to_string(), PHONE);
    assert_eq!(request.public_key(), key.public());
}

#[test]
fn a_request_whose_sender_lacks_the_key_is_refused() {
    struct Borrowed(Key, Key);
    impl rcgen::PublicKeyData for Borrowed {
        fn der_bytes(&self) -> &[u8] {
            self.0.der_bytes()
        }
        fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
            self.0.algorithm()
        }
    }
    impl rcgen::SigningKey for Borrowed {
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
            self.1.sign(message)
        }
    }
    let mut world = World::new();
    let borrowed = Borrowed(world.fresh_key(), world.fresh_key());
    let der = forged(&borrowed, names(), Vec::new());
    assert_eq!(
        CertificateRequest::verify(&der),
        Err(CertificateError::Signature)
    );
}

#[test]
fn a_request_for_other_names_or_more_than_names_is_refused() {
    let key = World::new().fresh_key();
    let verify = |names, usages| CertificateRequest::verify(&forged(&key, names, usages));
    assert!(verify(names(), Vec::new()).is_ok());
    let bob = uri("mimi://example.org/u/bob");
    for names in [
        vec![],
        vec![uri(PHONE)],
        vec![uri(PHONE), bob.clone()],
        vec![bob; 3],
    ] {
        assert_eq!(verify(names, Vec::new()), Err(CertificateError::Names));
    }
    let usages = vec![KeyUsagePurpose::KeyCertSign];
    assert_eq!(
        verify(names(), usages.clone()),
        Err(CertificateError::UnknownExtension)
    );
    assert_eq!(
        verify(Vec::new(), usages),
        Err(CertificateError::UnknownExtension)
    );
}

#[test]
fn names_outside_an_extension_request_are_no_names() {
    let key = World::new().fresh_key();
    let der = forged(&key, names(), Vec::new());
    let mut request = CertReq::from_der(&der).unwrap();
    let mut attribute = request.info.attributes.get(0).unwrap().clone();
    // RFC 2985 §5.4.1, where the extension request of §5.4.2 belongs.
    attribute.oid = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.7");
    request.info.attributes = vec![attribute].try_into().unwrap();
    let content = request.info.to_der().unwrap();
    let signature = rcgen::SigningKey::sign(&key, &content).unwrap();
    request.signature = BitString::from_bytes(&signature).unwrap();
    assert_eq!(
        CertificateRequest::verify(&request.to_der().unwrap()),
        Err(CertificateError::Names)
    );
}

#[test]
fn a_request_for_a_key_of_another_algorithm_is_refused() {
    let der = forged(&rcgen::KeyPair::generate().unwrap(), names(), Vec::new());
    assert_eq!(
        CertificateRequest::verify(&der),
        Err(CertificateError::Algorithm)
    );
}

#[test]
fn damaged_requests_are_refused() {
    let der = forged(&World::new().fresh_key(), names(), Vec::new());
    let malformed = Err(CertificateError::Malformed);
    assert_eq!(CertificateRequest::verify(&der[..der.len() - 1]), malformed);
    assert_eq!(
        CertificateRequest::verify(&[&der[..], &[0]].concat()),
        malformed
    );
    assert_eq!(CertificateRequest::verify(&[]), malformed);
    let oversized = vec![0; folkmoot_identity::MAX_CERTIFICATE + 1];
    assert_eq!(
        CertificateRequest::verify(&oversized),
        Err(CertificateError::TooLarge)
    );
    for index in 0..der.len() {
        let mut changed = der.clone();
        changed[index] ^= 1;
        assert!(
            CertificateRequest::verify(&changed).is_err(),
            "byte {index}"
        );
    }
}
