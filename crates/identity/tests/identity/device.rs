//! Device certificates on their own, and the proof that opens a session.

use folkmoot_identity::{CertificateError, DeviceCertificate, SessionProof, Timestamp};

use crate::forge::{DAY, NOW, World, critical_extension, set_validity};

fn refusal(world: &World, der: &[u8]) -> CertificateError {
    DeviceCertificate::verify(der, world.anchors(), NOW).unwrap_err()
}

#[test]
fn a_device_certificate_says_what_was_issued() {
    let world = World::new();
    let verified = DeviceCertificate::verify(world.device.der(), world.anchors(), NOW).unwrap();
    assert_eq!(verified, world.device);
    assert_eq!(verified.device().to_string(), crate::forge::PHONE);
    assert_eq!(verified.public_key(), world.device_key.public());
    assert_eq!(verified.validity(), crate::forge::days(10));
}

#[test]
fn a_device_certificate_is_valid_between_its_two_moments() {
    let world = World::new();
    let verify = |at| DeviceCertificate::verify(world.device.der(), world.anchors(), Timestamp(at));
    let (first, last) = (NOW.0 - 300, NOW.0 + 10 * DAY);
    assert!(verify(first).is_ok() && verify(last).is_ok());
    let not_before = Timestamp(first);
    assert_eq!(
        verify(first - 1),
        Err(CertificateError::NotYetValid { not_before })
    );
    let not_after = Timestamp(last);
    assert_eq!(
        verify(last + 1),
        Err(CertificateError::Expired { not_after })
    );
}

#[test]
fn a_device_certificate_is_not_valid_after_its_issuing_ca() {
    let world = World::new();
    let long = world.forged_device(|params| set_validity(params, NOW.0, NOW.0 + 200 * DAY));
    let at = Timestamp(NOW.0 + 101 * DAY);
    assert_eq!(
        DeviceCertificate::verify(&long, world.anchors(), at),
        Err(CertificateError::Expired {
            not_after: Timestamp(NOW.0 + 100 * DAY)
        })
    );
}

#[test]
fn certificates_that_no_issuing_ca_signed_are_refused() {
    let world = World::new();
    let other = World::seeded(2, "example.org");
    assert_eq!(
        refusal(&world, other.device.der()),
        CertificateError::UnknownIssuer
    );
    assert_eq!(
        refusal(&world, &world.forged_leaf(|_| ())),
        CertificateError::NotAuthority
    );
    assert_eq!(
        refusal(&world, world.issuing.der()),
        CertificateError::PathLength
    );
    let forged =
        world.forged_device(|params| params.custom_extensions = vec![critical_extension()]);
    assert_eq!(refusal(&world, &forged), CertificateError::UnknownExtension);
    for index in 0..world.device.der().len() {
        let mut changed = world.device.der().to_vec();
        changed[index] ^= 1;
        let verdict = DeviceCertificate::verify(&changed, world.anchors(), NOW);
        assert!(verdict.is_err(), "byte {index}");
    }
}

#[test]
fn a_session_proof_is_for_one_device_one_provider_and_one_challenge() {
    let mut world = World::new();
    let (domain, elsewhere) = (
        "example.org".parse().unwrap(),
        "example.net".parse().unwrap(),
    );
    let proof = SessionProof {
        domain: &domain,
        challenge: b"challenge",
    };
    let signature = world.device_key.sign_session(&proof);
    assert_eq!(world.device.verify_session(&proof, &signature), Ok(()));

    let refused = Err(CertificateError::Signature);
    let other_challenge = SessionProof {
        challenge: b"challengf",
        ..proof
    };
    assert_eq!(
        world.device.verify_session(&other_challenge, &signature),
        refused
    );
    let other_provider = SessionProof {
        domain: &elsewhere,
        ..proof
    };
    assert_eq!(
        world.device.verify_session(&other_provider, &signature),
        refused
    );
    assert_eq!(
        world.device.verify_session(&proof, &signature[1..]),
        refused
    );
    let other_key = folkmoot_identity::DeviceKey::generate(&mut world.rng);
    assert_eq!(
        world
            .device
            .verify_session(&proof, &other_key.sign_session(&proof)),
        refused
    );
}

#[test]
fn a_kept_certificate_reopens_whatever_its_authoritys_first_moment() {
    let world = World::new();
    let later = world.forged_device(|params| set_validity(params, NOW.0 + DAY, NOW.0 + 2 * DAY));
    let reopened = DeviceCertificate::reopen(&later, world.anchors()).unwrap();
    assert_eq!(reopened.device(), world.device.device());
    let other = World::seeded(2, "example.org");
    assert_eq!(
        DeviceCertificate::reopen(other.device.der(), world.anchors()),
        Err(CertificateError::UnknownIssuer)
    );
}
