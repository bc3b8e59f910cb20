//! A provider's authorities, kept and opened again.

use folkmoot_identity::{
    CertificateError, DeviceCertificate, DeviceKey, IssueError, IssuingAuthority, RootAuthority,
    Timestamp, Validity,
};

use crate::forge::{DAY, NOW, World, days, request};

#[test]
fn stored_authorities_go_on_issuing() {
    let mut world = World::new();
    let root = RootAuthority::open(&world.root.key(), world.root.der()).unwrap();
    let issuing = root.create_issuing(days(100), &mut world.rng).unwrap();
    let issuing = IssuingAuthority::open(&issuing.key(), issuing.der(), root.der()).unwrap();
    let key = DeviceKey::generate(&mut world.rng);
    let name = "mimi://example.org/d/bob/laptop".parse().unwrap();
    let device = issuing
        .issue_device(&request(&key, &name), days(10), &mut world.rng)
        .unwrap();
    let anchors = folkmoot_identity::TrustAnchors::new(
        "example.org".parse().unwrap(),
        world.root.der(),
        &[world.issuing.der().to_vec(), issuing.der().to_vec()],
    )
    .unwrap();
    assert_eq!(
        DeviceCertificate::verify(device.der(), &anchors, NOW),
        Ok(device)
    );
}

#[test]
fn a_key_and_a_certificate_that_do_not_belong_together_are_refused() {
    let world = World::new();
    let other = World::seeded(2, "example.org");
    let (root, issuing) = (&world.root, &world.issuing);
    assert_eq!(
        RootAuthority::open(&other.root.key(), root.der()).unwrap_err(),
        IssueError::WrongKey
    );
    assert_eq!(
        IssuingAuthority::open(&other.issuing.key(), issuing.der(), root.der()).unwrap_err(),
        IssueError::WrongKey
    );
    assert_eq!(
        IssuingAuthority::open(&issuing.key(), issuing.der(), other.root.der()).unwrap_err(),
        IssueError::Certificate(CertificateError::UnknownIssuer)
    );
}

#[test]
fn a_device_of_another_domain_is_not_certified() {
    let mut world = World::new();
    let name = "mimi://example.net/d/alice/phone".parse().unwrap();
    let request = request(&world.device_key, &name);
    let refusal = world
        .issuing
        .issue_device(&request, days(10), &mut world.rng)
        .unwrap_err();
    assert!(matches!(refusal, IssueError::WrongDomain { .. }));
}

#[test]
fn nothing_is_issued_beyond_the_issuers_validity() {
    let mut world = World::new();
    let name = crate::forge::PHONE.parse().unwrap();
    let request = request(&world.device_key, &name);
    let device = world
        .issuing
        .issue_device(&request, days(200), &mut world.rng)
        .unwrap();
    assert_eq!(device.validity().not_after(), Timestamp(NOW.0 + 100 * DAY));
    let late = Validity::new(Timestamp(NOW.0 + 101 * DAY), Timestamp(NOW.0 + 102 * DAY)).unwrap();
    let refusal = world
        .issuing
        .issue_device(&request, late, &mut world.rng)
        .unwrap_err();
    assert_eq!(refusal, IssueError::Validity);
    let issuing = world
        .root
        .create_issuing(days(1000), &mut world.rng)
        .unwrap();
    assert_eq!(issuing.validity().not_after(), Timestamp(NOW.0 + 400 * DAY));
}

#[test]
fn the_longest_names_fit_into_a_certificate() {
    let domain = "a.".repeat(126) + "b";
    let part = "p".repeat(64);
    let mut world = World::seeded(3, &domain);
    let name = format!("mimi://{domain}/d/{part}/{part}").parse().unwrap();
    let request = request(&world.device_key, &name);
    let device = world
        .issuing
        .issue_device(&request, days(10), &mut world.rng)
        .unwrap();
    assert_eq!(device.device(), &name);
}
