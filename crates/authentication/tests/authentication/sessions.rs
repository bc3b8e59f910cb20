//! Sessions: a challenge, the device key's answer, a token.

use folkmoot_authentication::{CHALLENGE_LIFETIME, DEVICE_LIFETIME, TOKEN_LIFETIME};
use folkmoot_identity::{
    CertificateRequest, DeviceKey, ProviderDomain, RootAuthority, SessionProof, Validity,
};
use folkmoot_protocol::{
    OpenSession, ProblemCode, RegistrationPolicy, Session, Signature, Timestamp,
};

use crate::provider::{NOW, PHONE, Provider, registration};

struct Device {
    key: DeviceKey,
    certificate: Vec<u8>,
}

fn provider_and_device() -> (Provider, Device) {
    let mut provider = Provider::new(RegistrationPolicy::Open);
    let key = provider.new_key();
    let certificate = provider.register(PHONE, &key, None).unwrap();
    (provider, Device { key, certificate })
}

impl Device {
    /// The answer to a challenge, as for `domain`.
    fn answer(&self, challenge: &[u8], domain: &str) -> OpenSession {
        let domain: ProviderDomain = domain.parse().unwrap();
        let signature = self.key.sign_session(&SessionProof {
            domain: &domain,
            challenge,
        });
        OpenSession {
            certificate: self.certificate.as_slice().try_into().unwrap(),
            challenge: challenge.try_into().unwrap(),
            signature: Signature(signature.try_into().unwrap()),
        }
    }
}

impl Provider {
    fn challenge(&mut self) -> Vec<u8> {
        self.service
            .challenge(self.now, &mut self.rng)
            .challenge
            .into_vec()
    }

    fn open(&self, open: &OpenSession) -> Result<Session, ProblemCode> {
        self.service
            .open_session(open, self.now)
            .map_err(|problem| problem.code)
    }
}

const REFUSED: Result<Session, ProblemCode> = Err(ProblemCode::Unauthorized);

#[test]
fn a_device_gets_a_token_that_names_it_for_an_hour() {
    let (mut provider, device) = provider_and_device();
    let open = device.answer(&provider.challenge(), "example.org");
    let session = provider.open(&open).unwrap();
    assert_eq!(session.expires, Timestamp(NOW.0 + TOKEN_LIFETIME));
    let verify = |at| provider.service.verify_token(&session.token, Timestamp(at));
    assert_eq!(verify(NOW.0).unwrap().to_string(), PHONE);
    assert!(verify(session.expires.0).is_ok());
    let late = verify(session.expires.0 + 1).unwrap_err();
    assert_eq!(late.code, ProblemCode::Unauthorized);
}

#[test]
fn a_token_ends_with_the_devices_certificate() {
    let (mut provider, device) = provider_and_device();
    let end = NOW.0 + DEVICE_LIFETIME;
    provider.now = Timestamp(end - 60);
    let open = device.answer(&provider.challenge(), "example.org");
    assert_eq!(provider.open(&open).unwrap().expires, Timestamp(end));
    provider.now = Timestamp(end + 1);
    let open = device.answer(&provider.challenge(), "example.org");
    assert_eq!(provider.open(&open), REFUSED);
}

#[test]
fn a_challenge_is_good_for_its_time_only() {
    let (mut provider, device) = provider_and_device();
    let open = device.answer(&provider.challenge(), "example.org");
    provider.now = Timestamp(NOW.0 + CHALLENGE_LIFETIME);
    assert!(provider.open(&open).is_ok());
    provider.now = Timestamp(NOW.0 + CHALLENGE_LIFETIME + 1);
    assert_eq!(provider.open(&open), REFUSED);
    provider.now = Timestamp(NOW.0 - 1);
    assert_eq!(provider.open(&open), REFUSED);
}

#[test]
fn challenges_differ_and_none_but_the_providers_own_is_accepted() {
    let (mut provider, device) = provider_and_device();
    let challenge = provider.challenge();
    assert_ne!(provider.challenge(), challenge);
    for index in 0..challenge.len() {
        let mut altered = challenge.clone();
        altered[index] ^= 1;
        assert_eq!(
            provider.open(&device.answer(&altered, "example.org")),
            REFUSED,
            "{index}"
        );
    }
    assert_eq!(
        provider.open(&device.answer(&challenge[1..], "example.org")),
        REFUSED
    );
    assert_eq!(provider.open(&device.answer(&[], "example.org")), REFUSED);
}

#[test]
fn an_answer_by_another_key_or_for_another_provider_is_refused() {
    let (mut provider, device) = provider_and_device();
    let challenge = provider.challenge();
    assert_eq!(
        provider.open(&device.answer(&challenge, "example.net")),
        REFUSED
    );
    let thief = Device {
        key: provider.new_key(),
        certificate: device.certificate.clone(),
    };
    assert_eq!(
        provider.open(&thief.answer(&challenge, "example.org")),
        REFUSED
    );
    let mut altered = device.answer(&challenge, "example.org");
    altered.signature.0[0] ^= 1;
    assert_eq!(provider.open(&altered), REFUSED);
}

#[test]
fn a_certificate_of_another_provider_is_refused() {
    let (mut provider, device) = provider_and_device();
    let (domain, years) = (
        "example.org".parse().unwrap(),
        Validity::from_now(NOW, 1 << 28),
    );
    let register = registration(PHONE, &device.key, None);
    let request = CertificateRequest::verify(&register.request).unwrap();
    let rng = &mut provider.rng;
    let root = RootAuthority::create(&domain, years, rng).unwrap();
    let issuing = root.create_issuing(years, rng).unwrap();
    let foreign = issuing.issue_device(&request, years, rng).unwrap();
    let device = Device {
        certificate: foreign.der().to_vec(),
        ..device
    };
    let open = device.answer(&provider.challenge(), "example.org");
    assert_eq!(provider.open(&open), REFUSED);
}
