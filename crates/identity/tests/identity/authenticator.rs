//! The engine's questions.

use folkmoot_identity::{CertificateError, Timestamp, X509Authenticator, issue_leaf_credential};
use folkmoot_mls::{AuthenticationService, Credential};
use tls_codec::VLBytes;

use crate::forge::{DAY, NOW, World, credential_of, days, request, set_validity};

/// Shows [`folkmoot_mls::Check::X509KeyMatches`].
#[test]
fn a_credential_is_valid_for_its_own_signature_key_only() {
    let mut world = World::new();
    let credential = world.credential();
    let other = world.fresh_key().0.public;
    let authenticator = X509Authenticator::new(world.anchors().clone());
    assert!(
        authenticator
            .validate(&credential, &world.leaf.public, Some(NOW))
            .is_ok()
    );
    let refusal = authenticator
        .validate(&credential, &other, Some(NOW))
        .unwrap_err();
    assert_eq!(refusal.0, CertificateError::WrongKey.to_string());
    assert!(
        authenticator
            .validate(&credential, &world.leaf.public[..31], Some(NOW))
            .is_err()
    );
}

#[test]
fn without_a_clock_an_expired_credential_is_as_valid_as_it_was() {
    let mut world = World::new();
    let credential = world.credential();
    let authenticator = X509Authenticator::new(world.anchors().clone());
    let key = &world.leaf.public;
    let late = Timestamp(NOW.0 + 2 * DAY);
    assert!(
        authenticator
            .validate(&credential, key, Some(late))
            .is_err()
    );
    assert!(authenticator.validate(&credential, key, None).is_ok());
}

/// What was found valid is not looked at again, but for the moment and the key.
#[test]
fn a_remembered_verdict_is_of_its_chain_its_key_and_its_time() {
    let mut world = World::new();
    let credential = world.credential();
    let key = world.leaf.public.clone();
    let authenticator = X509Authenticator::new(world.anchors().clone());
    authenticator
        .validate(&credential, &key, Some(NOW))
        .unwrap();
    authenticator.validate(&credential, &key, None).unwrap();
    let refusal = |credential: &Credential, key: &[u8], at| {
        let refused = authenticator.validate(credential, key, Some(Timestamp(at)));
        refused.unwrap_err().0
    };
    for (at, why) in [
        (NOW.0 - 301, "not valid before"),
        (NOW.0 + DAY + 1, "expired"),
    ] {
        let refused = refusal(&credential, &key, at);
        assert!(refused.contains(why), "{refused}");
    }
    let other = world.fresh_key().0.public;
    let refused = refusal(&credential, &other, NOW.0);
    assert_eq!(refused, CertificateError::WrongKey.to_string());
    let Credential::X509(mut chain) = credential else {
        panic!("not a chain")
    };
    // The signature's last byte.
    let mut end_entity = Vec::from(chain[0].as_slice());
    *end_entity.last_mut().unwrap() ^= 1;
    chain[0] = VLBytes::new(end_entity);
    let refused = refusal(&Credential::X509(chain), &key, NOW.0);
    assert_eq!(refused, CertificateError::Signature.to_string());
    // A device that is valid from later on than its end entity is good today, but by no clock.
    let device = world.forged_device(|params| set_validity(params, NOW.0 - 100, NOW.0 + DAY));
    let leaf = world.forged_leaf(|params| set_validity(params, NOW.0 - 200, NOW.0 + DAY));
    let credential = credential_of(&[&leaf, &device]);
    authenticator
        .validate(&credential, &key, Some(NOW))
        .unwrap();
    assert!(authenticator.validate(&credential, &key, None).is_err());
}

#[test]
fn one_device_is_one_client_whichever_its_keys() {
    let mut world = World::new();
    let phone = world.credential();
    let renewed_key = folkmoot_identity::DeviceKey::generate(&mut world.rng);
    let mut device = |name: &str, key: &folkmoot_identity::DeviceKey| {
        let name = name.parse().unwrap();
        let rng = &mut world.rng;
        let device = world
            .issuing
            .issue_device(&request(key, &name), days(10), rng)
            .unwrap();
        issue_leaf_credential(key, &device, &world.leaf.public, days(1), rng).unwrap()
    };
    let renewed = device("mimi://example.org/d/alice/phone", &renewed_key);
    let laptop = device("mimi://example.org/d/alice/laptop", &renewed_key);
    let authenticator = X509Authenticator::new(world.issuing.anchors().clone());
    assert!(authenticator.client(&phone).is_some());
    assert_eq!(authenticator.client(&phone), authenticator.client(&renewed));
    assert!(authenticator.succeeds(&phone, &renewed));
    assert_ne!(authenticator.client(&phone), authenticator.client(&laptop));
    assert!(!authenticator.succeeds(&phone, &laptop));
    let basic = Credential::Basic(VLBytes::new(b"alice".to_vec()));
    assert_eq!(authenticator.client(&basic), None);
    assert!(!authenticator.succeeds(&phone, &basic));
}
