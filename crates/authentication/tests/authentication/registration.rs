//! Who gets a certificate for which name.

use folkmoot_authentication::{Authentication, DEVICE_LIFETIME, Facts, SessionKey};
use folkmoot_identity::{RootAuthority, Validity};
use folkmoot_protocol::bounds::DEVICES_PER_USER;
use folkmoot_protocol::{ProblemCode, RegistrationPolicy, Timestamp};

use crate::provider::{DAY, LAPTOP, NOW, PHONE, Provider, registration};

#[test]
fn a_free_name_is_certified_for_the_key_that_asks() {
    let mut provider = Provider::new(RegistrationPolicy::Open);
    let key = provider.new_key();
    let certificate = provider.register(PHONE, &key, None).unwrap();
    let certificate = provider.verify(&certificate);
    assert_eq!(certificate.device().to_string(), PHONE);
    assert_eq!(certificate.public_key(), key.public());
    assert_eq!(
        certificate.validity().not_after(),
        Timestamp(NOW.0 + DEVICE_LIFETIME)
    );
}

#[test]
fn the_same_name_and_key_get_the_same_certificate_again() {
    let mut provider = Provider::new(RegistrationPolicy::Open);
    let key = provider.new_key();
    let first = provider.register(PHONE, &key, None).unwrap();
    provider.now = Timestamp(NOW.0 + DEVICE_LIFETIME / 2 - DAY);
    assert_eq!(provider.register(PHONE, &key, None), Ok(first));
    assert_eq!(provider.written, []);
}

#[test]
fn another_key_does_not_get_the_name() {
    let mut provider = Provider::new(RegistrationPolicy::Open);
    let (key, other) = (provider.new_key(), provider.new_key());
    let first = provider.register(PHONE, &key, None).unwrap();
    let refused = Err(ProblemCode::NameTaken);
    assert_eq!(provider.register(PHONE, &other, None), refused);
    let invite = provider.invite(Some("mimi://example.org/u/alice")).unwrap();
    assert_eq!(provider.register(PHONE, &other, Some(&invite)), refused);
    provider.now = Timestamp(NOW.0 + 2 * DEVICE_LIFETIME);
    assert_eq!(provider.register(PHONE, &other, None), refused);
    provider.now = NOW;
    assert_eq!(provider.register(PHONE, &key, None), Ok(first));
}

#[test]
fn a_certificate_is_renewed_once_half_of_it_is_over_even_after_its_end() {
    let mut provider = Provider::new(RegistrationPolicy::Open);
    let key = provider.new_key();
    let mut last = provider.register(PHONE, &key, None).unwrap();
    for later in [DEVICE_LIFETIME / 2, 2 * DEVICE_LIFETIME] {
        provider.now = Timestamp(NOW.0 + later);
        let renewed = provider.register(PHONE, &key, None).unwrap();
        assert_ne!(renewed, last);
        let verified = provider.verify(&renewed);
        assert_eq!(verified.public_key(), key.public());
        assert_eq!(
            verified.validity().not_after(),
            Timestamp(provider.now.0 + DEVICE_LIFETIME)
        );
        assert_eq!(provider.register(PHONE, &key, None), Ok(renewed.clone()));
        last = renewed;
    }
}

#[test]
fn a_certificate_of_a_replaced_ca_is_renewed_at_once() {
    let mut provider = Provider::new(RegistrationPolicy::Open);
    let key = provider.new_key();
    let old = provider.register(PHONE, &key, None).unwrap();
    let years = Validity::from_now(NOW, 365 * DAY);
    let rng = &mut provider.rng;
    let root = RootAuthority::create(&"example.org".parse().unwrap(), years, rng).unwrap();
    let issuing = root.create_issuing(years, rng).unwrap();
    let session_key = SessionKey::generate(rng);
    provider.service = Authentication::new(issuing, session_key, RegistrationPolicy::Open);
    let renewed = provider.register(PHONE, &key, None).unwrap();
    assert_ne!(renewed, old);
    assert_eq!(provider.verify(&renewed).public_key(), key.public());
}

#[test]
fn a_users_devices_are_bounded() {
    let mut provider = Provider::new(RegistrationPolicy::Open);
    let key = provider.new_key();
    provider.register(PHONE, &key, None).unwrap();
    for number in 1..=DEVICES_PER_USER {
        let invite = provider.invite(Some("mimi://example.org/u/alice")).unwrap();
        let name = format!("mimi://example.org/d/alice/{number}");
        let verdict = provider.register(&name, &key, Some(&invite)).map(|_| ());
        let expected = if number < DEVICES_PER_USER {
            Ok(())
        } else {
            Err(ProblemCode::TooMany)
        };
        assert_eq!(verdict, expected, "{number}");
    }
    assert!(
        provider
            .register("mimi://example.org/d/bob/phone", &key, None)
            .is_ok()
    );
}

#[test]
fn requests_that_contradict_themselves_are_refused() {
    let mut provider = Provider::new(RegistrationPolicy::Open);
    let key = provider.new_key();
    let malformed = |provider: &mut Provider, register| {
        let command = provider.service.register(register, NOW, &mut provider.rng);
        assert_eq!(command.unwrap_err().code, ProblemCode::Malformed);
    };
    malformed(
        &mut provider,
        registration("mimi://example.net/d/alice/phone", &key, None),
    );

    let mut other_name = registration(PHONE, &key, None);
    other_name.device = LAPTOP.parse().unwrap();
    malformed(&mut provider, other_name);

    let mut altered = registration(PHONE, &key, None);
    let mut request = altered.request.into_vec();
    *request.last_mut().unwrap() ^= 1;
    altered.request = request.try_into().unwrap();
    malformed(&mut provider, altered);
}

#[test]
fn facts_of_another_command_are_refused() {
    let mut provider = Provider::new(RegistrationPolicy::Open);
    let command = provider.service.invite(None, &mut provider.rng);
    let facts = Facts::Registration(Box::default());
    let decision = provider.service.decide(command, facts, NOW);
    assert_eq!(decision.reply.unwrap_err().code, ProblemCode::Internal);
    assert_eq!(decision.writes, []);
}
