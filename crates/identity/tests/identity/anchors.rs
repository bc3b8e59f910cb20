//! Trust anchors: issuing CAs are believed for their root's sake alone.

use folkmoot_identity::{
    CertificateError, DeviceCertificate, MAX_ISSUING, Timestamp, TrustAnchors, VerifiedCredential,
};
use rcgen::{IsCa, KeyUsagePurpose};

use crate::forge::{
    DAY, DOMAIN, Key, NOW, World, credential_of, critical_extension, provider_params, set_validity,
    sign, uri,
};

fn anchors(world: &World, issuing: &[Vec<u8>]) -> Result<TrustAnchors, CertificateError> {
    TrustAnchors::new(DOMAIN.parse().unwrap(), world.root.der(), issuing)
}

fn refusal(world: &World, issuing: Vec<u8>) -> CertificateError {
    anchors(world, &[issuing]).unwrap_err()
}

fn root_key(world: &World) -> Key {
    let secret = world.root.key();
    Key(tls_codec::DeserializeBytes::tls_deserialize_exact_bytes(secret.expose()).unwrap())
}

/// An issuing CA signed by the root, otherwise than an honest one would be.
fn forged(world: &mut World, change: impl FnOnce(&mut rcgen::CertificateParams)) -> Vec<u8> {
    let key = world.fresh_key();
    let mut params = provider_params(&key, DOMAIN, 1);
    change(&mut params);
    sign(&params, &key, &root_key(world))
}

#[test]
fn several_issuing_cas_of_one_root_are_trusted() {
    let mut world = World::new();
    let second = forged(&mut world, |_| ());
    let anchors = anchors(&world, &[second, world.issuing.der().to_vec()]).unwrap();
    assert_eq!(anchors.domain().as_str(), DOMAIN);
    let verified = DeviceCertificate::verify(world.device.der(), &anchors, NOW);
    assert_eq!(verified, Ok(world.device));
}

#[test]
fn a_ca_renewed_under_its_old_key_goes_on_after_the_old_certificate() {
    let world = World::new();
    let key = world.issuing_key();
    let short = sign(&provider_params(&key, DOMAIN, 1), &key, &root_key(&world));
    let long = |params: &mut _| set_validity(params, NOW.0, NOW.0 + 90 * DAY);
    let (leaf, device) = (world.forged_leaf(long), world.forged_device(long));
    let credential = credential_of(&[&leaf, &device]);
    let renewed = world.issuing.der().to_vec();
    let at = Timestamp(NOW.0 + 60 * DAY);
    for issuing in [[short.clone(), renewed.clone()], [renewed, short.clone()]] {
        let anchors = anchors(&world, &issuing).unwrap();
        assert!(VerifiedCredential::verify(&credential, &anchors, Some(at)).is_ok());
        assert!(DeviceCertificate::verify(&device, &anchors, at).is_ok());
    }
    let expired = Err(CertificateError::Expired {
        not_after: Timestamp(NOW.0 + 50 * DAY),
    });
    let anchors = anchors(&world, &[short]).unwrap();
    assert_eq!(
        VerifiedCredential::verify(&credential, &anchors, Some(at)),
        expired
    );
}

#[test]
fn an_issuing_ca_of_another_root_is_refused() {
    let world = World::new();
    let other = World::seeded(2, DOMAIN);
    let verdict = refusal(&world, other.issuing.der().to_vec());
    assert_eq!(verdict, CertificateError::UnknownIssuer);
}

#[test]
fn an_issuing_ca_that_the_root_did_not_sign_is_refused() {
    let mut world = World::new();
    let key = world.fresh_key();
    let impostor = world.fresh_key();
    let params = provider_params(&key, DOMAIN, 1);
    let der = crate::forge::sign_as(&params, &key, &impostor, root_key(&world).name());
    assert_eq!(refusal(&world, der), CertificateError::Signature);
}

#[test]
fn issuing_cas_for_another_domain_are_refused() {
    let mut world = World::new();
    let key = world.fresh_key();
    let der = sign(
        &provider_params(&key, "example.net", 1),
        &key,
        &root_key(&world),
    );
    let expected = CertificateError::WrongDomain {
        expected: DOMAIN.parse().unwrap(),
        found: "example.net".parse().unwrap(),
    };
    assert_eq!(refusal(&world, der), expected);
    let issuing = [world.issuing.der().to_vec()];
    let domain = "example.net".parse().unwrap();
    assert!(matches!(
        TrustAnchors::new(domain, world.root.der(), &issuing),
        Err(CertificateError::WrongDomain { .. })
    ));
}

#[test]
fn a_root_for_another_domain_is_refused() {
    let mut other = World::seeded(2, "example.net");
    let issuing = forged(&mut other, |_| ());
    let expected = CertificateError::WrongDomain {
        expected: DOMAIN.parse().unwrap(),
        found: "example.net".parse().unwrap(),
    };
    assert_eq!(refusal(&other, issuing), expected);
}

type Change = fn(&mut rcgen::CertificateParams);

#[test]
fn issuing_cas_outside_the_profile_are_refused() {
    let mut world = World::new();
    let cases: [(Change, CertificateError); 6] = [
        (
            |params| params.is_ca = IsCa::NoCa,
            CertificateError::NotAuthority,
        ),
        (|params| params.is_ca = ca(0), CertificateError::PathLength),
        (|params| params.is_ca = ca(2), CertificateError::PathLength),
        (
            |params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature],
            CertificateError::KeyUsage,
        ),
        (
            |params| {
                params
                    .subject_alt_names
                    .push(uri("mimi://example.org/u/alice"));
            },
            CertificateError::Names,
        ),
        (
            |params| params.custom_extensions = vec![critical_extension()],
            CertificateError::UnknownExtension,
        ),
    ];
    for (change, expected) in cases {
        let der = forged(&mut world, change);
        assert_eq!(refusal(&world, der), expected);
    }
}

fn ca(path_length: u8) -> IsCa {
    IsCa::Ca(rcgen::BasicConstraints::Constrained(path_length))
}

#[test]
fn an_issuing_ca_that_outlives_its_root_is_refused() {
    let mut world = World::new();
    let der = forged(&mut world, |params| {
        set_validity(params, NOW.0, NOW.0 + 401 * DAY);
    });
    assert_eq!(refusal(&world, der), CertificateError::Validity);
}

#[test]
fn no_issuing_ca_or_too_many_are_refused() {
    let world = World::new();
    let many = vec![world.issuing.der().to_vec(); MAX_ISSUING + 1];
    assert!(anchors(&world, &many[1..]).is_ok());
    assert_eq!(
        anchors(&world, &many).unwrap_err(),
        CertificateError::IssuingCount
    );
    assert_eq!(
        anchors(&world, &[]).unwrap_err(),
        CertificateError::IssuingCount
    );
}

#[test]
fn a_root_that_did_not_sign_itself_is_refused() {
    let mut world = World::new();
    let key = world.fresh_key();
    let params = provider_params(&key, DOMAIN, 2);
    let issuing = [world.issuing.der().to_vec()];
    let domain = || DOMAIN.parse().unwrap();
    let by_other = sign(&params, &key, &root_key(&world));
    assert_eq!(
        TrustAnchors::new(domain(), &by_other, &issuing).unwrap_err(),
        CertificateError::UnknownIssuer
    );
    let in_own_name = crate::forge::sign_as(&params, &key, &root_key(&world), key.name());
    assert_eq!(
        TrustAnchors::new(domain(), &in_own_name, &issuing).unwrap_err(),
        CertificateError::Signature
    );
    assert_eq!(
        TrustAnchors::new(domain(), world.issuing.der(), &issuing).unwrap_err(),
        CertificateError::PathLength
    );
}
