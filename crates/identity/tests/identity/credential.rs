//! Leaf credentials: what validates, and each way in which one must not.

use folkmoot_identity::{
    CertificateError, IssueError, Timestamp, Validity, VerifiedCredential, issue_leaf_credential,
    named_device,
};
use folkmoot_mls::Credential;
use rand_chacha::ChaCha20Rng;
use rcgen::KeyUsagePurpose::{DigitalSignature, KeyAgreement, KeyCertSign};
use rcgen::{BasicConstraints, IsCa};
use tls_codec::{Size, VLBytes};

use crate::forge::{
    DAY, Key, NOW, World, certificates_of, credential_of, critical_extension, days, device_params,
    leaf_params, set_validity, sign, sign_as, uri,
};

fn refusal(world: &World, certificates: &[&[u8]]) -> CertificateError {
    let credential = credential_of(certificates);
    VerifiedCredential::verify(&credential, world.anchors(), Some(NOW)).unwrap_err()
}

#[test]
fn an_issued_credential_validates_and_names_its_device() {
    let mut world = World::new();
    let credential = world.credential();
    for at in [
        Some(NOW),
        Some(Timestamp(NOW.0 - 300)),
        Some(Timestamp(NOW.0 + DAY)),
        None,
    ] {
        let verified = VerifiedCredential::verify(&credential, world.anchors(), at).unwrap();
        assert_eq!(verified.device(), world.device.device());
        assert_eq!(verified.signature_key(), world.leaf.public);
        assert_eq!(verified.validity(), days(1));
    }
    assert_eq!(
        named_device(&credential).as_ref(),
        Ok(world.device.device())
    );
}

/// A large group's tree is mostly credentials, so that their size is worth a test.
#[test]
fn a_credential_with_short_names_takes_less_than_720_bytes() {
    let size = World::new().credential().tls_serialized_len();
    assert!(size < 720, "{size} bytes");
}

#[test]
fn the_forging_kit_is_sound_where_it_changes_nothing() {
    let world = World::new();
    let (leaf, device) = (world.forged_leaf(|_| ()), world.forged_device(|_| ()));
    let credential = credential_of(&[&leaf, &device]);
    assert!(VerifiedCredential::verify(&credential, world.anchors(), Some(NOW)).is_ok());
}

#[test]
fn an_expired_end_entity_is_refused() {
    let mut world = World::new();
    let credential = world.credential();
    let after = Timestamp(NOW.0 + DAY + 1);
    assert_eq!(
        VerifiedCredential::verify(&credential, world.anchors(), Some(after)),
        Err(CertificateError::Expired {
            not_after: Timestamp(NOW.0 + DAY)
        })
    );
}

#[test]
fn an_end_entity_that_is_not_yet_valid_is_refused() {
    let mut world = World::new();
    let credential = world.credential();
    let before = Timestamp(NOW.0 - 301);
    assert_eq!(
        VerifiedCredential::verify(&credential, world.anchors(), Some(before)),
        Err(CertificateError::NotYetValid {
            not_before: Timestamp(NOW.0 - 300)
        })
    );
}

#[test]
fn an_end_entity_does_not_outlive_its_device() {
    let world = World::new();
    let leaf = world.forged_leaf(|params| set_validity(params, NOW.0, NOW.0 + 20 * DAY));
    let credential = credential_of(&[&leaf, world.device.der()]);
    let after = Timestamp(NOW.0 + 10 * DAY + 1);
    assert_eq!(
        VerifiedCredential::verify(&credential, world.anchors(), Some(after)),
        Err(CertificateError::Expired {
            not_after: Timestamp(NOW.0 + 10 * DAY)
        })
    );
}

#[test]
fn a_device_does_not_outlive_its_issuing_ca() {
    let world = World::new();
    let long = |params: &mut _| set_validity(params, NOW.0, NOW.0 + 200 * DAY);
    let (leaf, device) = (world.forged_leaf(long), world.forged_device(long));
    let credential = credential_of(&[&leaf, &device]);
    let verify = |at| VerifiedCredential::verify(&credential, world.anchors(), Some(at));
    assert!(verify(Timestamp(NOW.0 + 100 * DAY)).is_ok());
    assert_eq!(
        verify(Timestamp(NOW.0 + 100 * DAY + 1)),
        Err(CertificateError::Expired {
            not_after: Timestamp(NOW.0 + 100 * DAY)
        })
    );
}

#[test]
fn without_a_clock_the_end_entitys_first_moment_decides() {
    let world = World::new();
    let early = world.forged_leaf(|params| set_validity(params, NOW.0 - 301, NOW.0 + DAY));
    assert_eq!(
        VerifiedCredential::verify(
            &credential_of(&[&early, world.device.der()]),
            world.anchors(),
            None
        ),
        Err(CertificateError::NotYetValid {
            not_before: Timestamp(NOW.0 - 300)
        })
    );
}

#[test]
fn a_credential_of_another_providers_domain_is_refused() {
    let world = World::new();
    let credential = World::seeded(2, "example.net").credential();
    let expected = CertificateError::WrongDomain {
        expected: "example.org".parse().unwrap(),
        found: "example.net".parse().unwrap(),
    };
    assert_eq!(
        VerifiedCredential::verify(&credential, world.anchors(), Some(NOW)),
        Err(expected.clone())
    );
    // Not even when our own issuing CA certifies it.
    let names = vec![
        uri("mimi://example.net/d/alice/phone"),
        uri("mimi://example.net/u/alice"),
    ];
    let leaf = world.forged_leaf(|params| params.subject_alt_names = names.clone());
    let device = world.forged_device(|params| params.subject_alt_names = names);
    assert_eq!(refusal(&world, &[&leaf, &device]), expected);
}

#[test]
fn another_provider_of_the_same_domain_is_no_issuer() {
    let world = World::new();
    let certificates = certificates_of(&World::seeded(2, "example.org").credential());
    let [leaf, device] = certificates.as_slice() else {
        panic!("two certificates")
    };
    assert_eq!(
        refusal(&world, &[leaf, device]),
        CertificateError::UnknownIssuer
    );
}

#[test]
fn an_impostor_in_the_issuers_name_is_refused() {
    let mut world = World::new();
    let impostor = world.fresh_key();
    let signer = world.device_signer();
    let issuer_name = world.issuing_key().name();
    let device = sign_as(&device_params(&signer), &signer, &impostor, issuer_name);
    let leaf = world.forged_leaf(|_| ());
    assert_eq!(
        refusal(&world, &[&leaf, &device]),
        CertificateError::Signature
    );

    let leaf = sign_as(
        &leaf_params(),
        &Key(world.leaf.clone()),
        &impostor,
        signer.name(),
    );
    assert_eq!(
        refusal(&world, &[&leaf, world.device.der()]),
        CertificateError::Signature
    );
}

#[test]
fn a_leaf_of_another_device_is_refused() {
    let mut world = World::new();
    let other = world.fresh_key();
    let leaf = sign(&leaf_params(), &Key(world.leaf.clone()), &other);
    assert_eq!(
        refusal(&world, &[&leaf, world.device.der()]),
        CertificateError::UnknownIssuer
    );
}

#[test]
fn a_device_certificate_is_no_end_entity() {
    let world = World::new();
    let device = world.device.der();
    assert_eq!(
        refusal(&world, &[device, device]),
        CertificateError::NotEndEntity
    );
}

#[test]
fn an_end_entity_is_no_authority() {
    let mut world = World::new();
    let first =
        world.forged_leaf(|params| params.distinguished_name = Key(world.leaf.clone()).name());
    let victim = world.fresh_key();
    let second = sign(&leaf_params(), &victim, &Key(world.leaf.clone()));
    assert_eq!(
        refusal(&world, &[&second, &first]),
        CertificateError::NotAuthority
    );
}

#[test]
fn a_device_that_allows_authorities_below_it_is_refused() {
    let world = World::new();
    let leaf = world.forged_leaf(|_| ());
    for is_ca in [
        IsCa::Ca(BasicConstraints::Constrained(1)),
        IsCa::Ca(BasicConstraints::Unconstrained),
    ] {
        let device = world.forged_device(|params| params.is_ca = is_ca);
        assert_eq!(
            refusal(&world, &[&leaf, &device]),
            CertificateError::PathLength
        );
    }
}

#[test]
fn a_path_with_a_further_authority_is_refused() {
    let mut world = World::new();
    let below = world.fresh_key();
    let below_device = sign(&device_params(&below), &below, &world.device_signer());
    let leaf = sign(&leaf_params(), &Key(world.leaf.clone()), &below);
    let long: [&[u8]; 3] = [&leaf, &below_device, world.device.der()];
    assert_eq!(refusal(&world, &long), CertificateError::Chain);
    assert_eq!(refusal(&world, &long[..2]), CertificateError::UnknownIssuer);
}

#[test]
fn a_credential_without_exactly_two_certificates_is_refused() {
    let world = World::new();
    let leaf = world.forged_leaf(|_| ());
    assert_eq!(refusal(&world, &[]), CertificateError::Chain);
    assert_eq!(refusal(&world, &[&leaf]), CertificateError::Chain);
    let basic = Credential::Basic(VLBytes::new(b"alice".to_vec()));
    let verdict = VerifiedCredential::verify(&basic, world.anchors(), Some(NOW));
    assert_eq!(verdict, Err(CertificateError::Chain));
}

#[test]
fn an_end_entity_with_other_names_than_its_device_is_refused() {
    let world = World::new();
    let names = vec![
        uri("mimi://example.org/d/bob/phone"),
        uri("mimi://example.org/u/bob"),
    ];
    let leaf = world.forged_leaf(|params| params.subject_alt_names = names);
    assert_eq!(
        refusal(&world, &[&leaf, world.device.der()]),
        CertificateError::NamesDiffer
    );
}

#[test]
fn names_of_another_shape_are_refused() {
    let world = World::new();
    let (phone, alice) = (uri(crate::forge::PHONE), uri(crate::forge::ALICE));
    for names in [
        vec![],
        vec![phone.clone()],
        vec![alice.clone(), phone.clone()],
        vec![phone.clone(), uri("mimi://example.org/u/bob")],
        vec![
            phone.clone(),
            alice.clone(),
            uri("mimi://example.org/u/bob"),
        ],
        vec![uri("https://example.org/d/alice/phone"), alice.clone()],
        vec![
            uri("mimi://example.org/d/Alice/phone"),
            uri("mimi://example.org/u/Alice"),
        ],
    ] {
        let leaf = world.forged_leaf(|params| params.subject_alt_names.clone_from(&names));
        let verdict = refusal(&world, &[&leaf, world.device.der()]);
        assert_eq!(verdict, CertificateError::Names, "{names:?}");
        let device = world.forged_device(|params| params.subject_alt_names = names);
        let leaf = world.forged_leaf(|_| ());
        assert_eq!(refusal(&world, &[&leaf, &device]), CertificateError::Names);
    }
}

#[test]
fn a_wrong_key_usage_is_refused() {
    let world = World::new();
    for usages in [
        vec![],
        vec![KeyAgreement],
        vec![DigitalSignature, KeyCertSign],
    ] {
        let leaf = world.forged_leaf(|params| params.key_usages.clone_from(&usages));
        let verdict = refusal(&world, &[&leaf, world.device.der()]);
        assert_eq!(verdict, CertificateError::KeyUsage, "{usages:?}");
        let device = world.forged_device(|params| params.key_usages = usages);
        let leaf = world.forged_leaf(|_| ());
        assert_eq!(
            refusal(&world, &[&leaf, &device]),
            CertificateError::KeyUsage
        );
    }
}

#[test]
fn an_unknown_critical_extension_is_refused_and_an_uncritical_one_is_not() {
    let world = World::new();
    let leaf = world.forged_leaf(|params| params.custom_extensions = vec![critical_extension()]);
    let verdict = refusal(&world, &[&leaf, world.device.der()]);
    assert_eq!(verdict, CertificateError::UnknownExtension);

    let leaf = world.forged_leaf(|params| {
        let mut extension = critical_extension();
        extension.set_criticality(false);
        params.custom_extensions = vec![extension];
    });
    let credential = credential_of(&[&leaf, world.device.der()]);
    assert!(VerifiedCredential::verify(&credential, world.anchors(), Some(NOW)).is_ok());
}

#[test]
fn a_key_of_another_algorithm_is_refused() {
    let world = World::new();
    let p256 = rcgen::KeyPair::generate().unwrap();
    let leaf = sign(&leaf_params(), &p256, &world.device_signer());
    assert_eq!(
        refusal(&world, &[&leaf, world.device.der()]),
        CertificateError::Algorithm
    );
}

#[test]
fn truncated_trailing_and_oversized_encodings_are_refused() {
    let mut world = World::new();
    let certificates = certificates_of(&world.credential());
    let [leaf, device] = certificates.as_slice() else {
        panic!("two certificates")
    };
    let truncated = |der: &[u8]| der[..der.len() - 1].to_vec();
    let trailing = |der: &[u8]| [der, &[0]].concat();
    for (leaf, device) in [
        (truncated(leaf), device.clone()),
        (trailing(leaf), device.clone()),
        (leaf.clone(), truncated(device)),
        (leaf.clone(), trailing(device)),
        (Vec::new(), device.clone()),
    ] {
        assert_eq!(
            refusal(&world, &[&leaf, &device]),
            CertificateError::Malformed
        );
    }
    let oversized = vec![0x30; folkmoot_identity::MAX_CERTIFICATE + 1];
    assert_eq!(
        refusal(&world, &[&oversized, device]),
        CertificateError::TooLarge
    );
}

#[test]
fn no_single_changed_byte_leaves_a_credential_valid() {
    let mut world = World::new();
    let certificates = certificates_of(&world.credential());
    for which in 0..2 {
        for index in 0..certificates[which].len() {
            let mut changed = certificates.clone();
            changed[which][index] ^= 1;
            let credential = credential_of(&[&changed[0], &changed[1]]);
            let verdict = VerifiedCredential::verify(&credential, world.anchors(), Some(NOW));
            assert!(verdict.is_err(), "certificate {which}, byte {index}");
        }
    }
}

#[test]
fn a_leaf_is_certified_by_the_devices_own_key_only() {
    let mut world = World::new();
    let other = folkmoot_identity::DeviceKey::generate(&mut world.rng);
    let issue = |key, leaf: &[u8], validity, rng: &mut ChaCha20Rng| {
        issue_leaf_credential(key, &world.device, leaf, validity, rng)
    };
    let leaf = &world.leaf.public;
    assert_eq!(
        issue(&other, leaf, days(1), &mut world.rng),
        Err(IssueError::WrongKey)
    );
    let late = Validity::new(Timestamp(NOW.0 + 11 * DAY), Timestamp(NOW.0 + 12 * DAY)).unwrap();
    let own = &world.device_key;
    assert_eq!(
        issue(own, leaf, late, &mut world.rng),
        Err(IssueError::Validity)
    );
    assert_eq!(
        issue(own, &leaf[1..], days(1), &mut world.rng),
        Err(IssueError::Certificate(CertificateError::Algorithm))
    );
}

#[test]
fn a_leafs_validity_is_cut_to_its_devices() {
    let mut world = World::new();
    let (key, device, leaf) = (&world.device_key, &world.device, &world.leaf.public);
    let credential = issue_leaf_credential(key, device, leaf, days(50), &mut world.rng).unwrap();
    let verified = VerifiedCredential::verify(&credential, world.anchors(), Some(NOW)).unwrap();
    assert_eq!(verified.validity().not_after(), Timestamp(NOW.0 + 10 * DAY));
}
