//! Key packages: strict on the way in, once on the way out.

use folkmoot_crypto::suite_one;
use folkmoot_delivery::{Command, Reply};
use folkmoot_identity::{
    CLOCK_SKEW, CertificateRequest, DeviceCertificate, DeviceKey, DeviceName, IssuingAuthority,
    RootAuthority, Validity, issue_leaf_credential,
};
use folkmoot_mls::{Credential, KeyPackage, Lifetime, Member, MlsMessage};
use folkmoot_protocol::bounds::{KEY_PACKAGE_LIFETIME, KEY_PACKAGES_KEPT, KEY_PACKAGES_PER_UPLOAD};
use folkmoot_protocol::{
    ClaimKeyPackages, EntryKind, KeyPackageBytes, KeyPackagesAvailable, KeyPackagesUploaded,
    Problem, ProblemCode, Timestamp, UploadKeyPackages,
};

use crate::provider::{GROUP, NOW, Provider, code, private_message, rng};

const DAY: u64 = 24 * 3600;

pub(crate) struct Device {
    key: DeviceKey,
    certificate: DeviceCertificate,
}

impl Device {
    pub(crate) fn new(issuing: &IssuingAuthority, name: &str) -> Self {
        let key = DeviceKey::generate(&mut rng());
        let request = key.certificate_request(&name.parse().unwrap()).unwrap();
        let request = CertificateRequest::verify(&request).unwrap();
        let validity = Validity::from_now(NOW, DAY);
        let certificate = issuing
            .issue_device(&request, validity, &mut rng())
            .unwrap();
        Self { key, certificate }
    }

    pub(crate) fn name(&self) -> DeviceName {
        self.certificate.device().clone()
    }

    pub(crate) fn package(&self, not_before: u64, not_after: u64) -> KeyPackage {
        let signature = suite_one().generate_signature_key_pair(&mut rng()).unwrap();
        let validity = Validity::from_now(NOW, DAY);
        let credential = issue_leaf_credential(
            &self.key,
            &self.certificate,
            &signature.public,
            validity,
            &mut rng(),
        )
        .unwrap();
        let member = Member::new(credential, signature);
        let lifetime = Lifetime {
            not_before: Timestamp(not_before),
            not_after: Timestamp(not_after),
        };
        let (package, _) = KeyPackage::generate(suite_one(), member, lifetime, &mut rng()).unwrap();
        package
    }

    pub(crate) fn fresh(&self) -> KeyPackage {
        self.package(NOW.0 - 1, NOW.0 + DAY)
    }
}

pub(crate) fn issuing() -> IssuingAuthority {
    let validity = Validity::from_now(NOW, 10 * DAY);
    RootAuthority::create(&"example.org".parse().unwrap(), validity, &mut rng())
        .unwrap()
        .create_issuing(validity, &mut rng())
        .unwrap()
}

pub(crate) fn bytes(package: &KeyPackage) -> KeyPackageBytes {
    package.to_message().encode().try_into().unwrap()
}

pub(crate) fn upload(
    provider: &mut Provider,
    device: &DeviceName,
    packages: Vec<KeyPackageBytes>,
) -> Result<KeyPackagesUploaded, Problem> {
    let upload = UploadKeyPackages {
        packages: packages.try_into().unwrap(),
    };
    let command = provider
        .delivery
        .upload_key_packages(device.clone(), upload, provider.now)?;
    match provider.ask(command)? {
        Reply::Uploaded(uploaded) => Ok(uploaded),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn claim(
    provider: &mut Provider,
    device: &DeviceName,
) -> Result<Vec<(DeviceName, KeyPackageBytes)>, Problem> {
    let user = device.user().clone();
    match provider.ask(Command::ClaimKeyPackages(ClaimKeyPackages { user }))? {
        Reply::Claimed(claimed) => Ok(claimed
            .packages
            .into_iter()
            .map(|claimed| (claimed.device, claimed.package))
            .collect()),
        other => panic!("{other:?}"),
    }
}

fn available(provider: &mut Provider, device: &Device) -> u64 {
    let device = device.name();
    match provider.ask(Command::CountKeyPackages { device }) {
        Ok(Reply::Counted(KeyPackagesAvailable { available })) => available,
        other => panic!("{other:?}"),
    }
}

/// Shows [`folkmoot_mls::Check::KeyPackageUsedOnce`].
#[test]
fn each_package_is_claimed_once_and_one_of_each_device_at_a_time() {
    let (mut provider, issuing) = (Provider::new(), issuing());
    let phone = Device::new(&issuing, "mimi://example.org/d/alice/phone");
    let laptop = Device::new(&issuing, "mimi://example.org/d/alice/laptop");
    let bob = Device::new(&issuing, "mimi://example.org/d/bob/phone");
    let of_phone = [bytes(&phone.fresh()), bytes(&phone.fresh())];
    let of_laptop = bytes(&laptop.fresh());
    let uploaded = upload(&mut provider, &phone.name(), of_phone.to_vec()).unwrap();
    assert_eq!((uploaded.stored, uploaded.available), (2, 2));
    upload(&mut provider, &laptop.name(), vec![of_laptop.clone()]).unwrap();
    upload(&mut provider, &bob.name(), vec![bytes(&bob.fresh())]).unwrap();

    let first = claim(&mut provider, &phone.name()).unwrap();
    assert_eq!(first.len(), 2);
    assert!(first.contains(&(laptop.name(), of_laptop)));
    assert_eq!(available(&mut provider, &phone), 1);
    let second = claim(&mut provider, &phone.name()).unwrap();
    let mut handed_out: Vec<_> = [first, second].concat();
    handed_out.retain(|(device, _)| *device == phone.name());
    assert_eq!(handed_out.len(), 2);
    assert!(
        of_phone
            .iter()
            .all(|p| handed_out.iter().any(|(_, q)| p == q))
    );
    let none = claim(&mut provider, &phone.name());
    assert_eq!(code(none), ProblemCode::NoKeyPackages);
    assert_eq!(available(&mut provider, &bob), 1);
}

#[test]
fn a_claimed_package_is_not_taken_back() {
    let (mut provider, issuing) = (Provider::new(), issuing());
    let phone = Device::new(&issuing, "mimi://example.org/d/alice/phone");
    let package = bytes(&phone.fresh());
    let twice = vec![package.clone(), package.clone()];
    assert_eq!(
        upload(&mut provider, &phone.name(), twice).unwrap().stored,
        1
    );
    claim(&mut provider, &phone.name()).unwrap();
    let again = upload(&mut provider, &phone.name(), vec![package]).unwrap();
    assert_eq!((again.stored, again.available), (0, 0));
    assert!(claim(&mut provider, &phone.name()).is_err());
}

#[test]
fn an_expired_package_is_not_served_and_the_next_upload_drops_it() {
    let (mut provider, issuing) = (Provider::new(), issuing());
    let phone = Device::new(&issuing, "mimi://example.org/d/alice/phone");
    let package = bytes(&phone.package(NOW.0, NOW.0 + 10));
    upload(&mut provider, &phone.name(), vec![package]).unwrap();
    provider.now = Timestamp(NOW.0 + 9);
    assert_eq!(available(&mut provider, &phone), 1);
    provider.now = Timestamp(NOW.0 + 10);
    assert_eq!(available(&mut provider, &phone), 0);
    let none = claim(&mut provider, &phone.name());
    assert_eq!(code(none), ProblemCode::NoKeyPackages);
    let fresh = upload(&mut provider, &phone.name(), vec![bytes(&phone.fresh())]);
    assert_eq!(fresh.unwrap().available, 1);
}

#[test]
fn the_one_that_expires_first_goes_first() {
    let (mut provider, issuing) = (Provider::new(), issuing());
    let phone = Device::new(&issuing, "mimi://example.org/d/alice/phone");
    let late = bytes(&phone.package(NOW.0, NOW.0 + 20));
    let early = bytes(&phone.package(NOW.0, NOW.0 + 10));
    upload(&mut provider, &phone.name(), vec![late, early.clone()]).unwrap();
    assert_eq!(claim(&mut provider, &phone.name()).unwrap()[0].1, early);
}

#[test]
fn lifetimes_are_bounded_on_both_sides() {
    let (mut provider, issuing) = (Provider::new(), issuing());
    let phone = Device::new(&issuing, "mimi://example.org/d/alice/phone");
    let longest = NOW.0 + KEY_PACKAGE_LIFETIME;
    for (not_before, not_after, accepted) in [
        (NOW.0 + CLOCK_SKEW, longest, true),
        (NOW.0 + CLOCK_SKEW + 1, longest, false),
        (0, longest + 1, false),
        (0, u64::MAX, false),
        (0, NOW.0 + 1, true),
        (0, NOW.0, false),
        (u64::MAX, u64::MAX, false),
    ] {
        let package = bytes(&phone.package(not_before, not_after));
        let uploaded = upload(&mut provider, &phone.name(), vec![package]);
        assert_eq!(uploaded.is_ok(), accepted, "{not_before} {not_after}");
    }
}

#[test]
fn what_is_no_package_of_this_device_is_refused_with_the_whole_upload() {
    let (mut provider, issuing) = (Provider::new(), issuing());
    let phone = Device::new(&issuing, "mimi://example.org/d/alice/phone");
    let laptop = Device::new(&issuing, "mimi://example.org/d/alice/laptop");
    let good = phone.fresh();
    let message = good.to_message().encode();
    let changed = |change: fn(&mut KeyPackage)| {
        let mut package = good.clone();
        change(&mut package);
        bytes(&package)
    };
    let welcome = [&[0, 1, 0, 3][..], &message[4..]].concat();
    let other = private_message(&GROUP, 1, EntryKind::Application, b"another kind");
    assert!(MlsMessage::decode(&other).is_ok());
    let bad = [
        bytes(&laptop.fresh()),
        changed(|p| p.content.cipher_suite.0 = 0xfafa),
        changed(|p| {
            p.content.leaf_node.content.credential = Credential::Basic(b"alice".into());
        }),
        changed(|p| p.content.leaf_node.content.source = folkmoot_mls::LeafNodeSource::Update),
        message[..message.len() - 1].try_into().unwrap(),
        [&message[..], b"x"].concat().try_into().unwrap(),
        message[4..].try_into().unwrap(),
        welcome.try_into().unwrap(),
        other.try_into().unwrap(),
        KeyPackageBytes::default(),
    ];
    assert!(MlsMessage::decode(&message).is_ok());
    for (number, package) in bad.into_iter().enumerate() {
        let packages = vec![bytes(&good), package];
        let refused = upload(&mut provider, &phone.name(), packages);
        assert_eq!(code(refused), ProblemCode::Malformed, "{number}");
        assert_eq!(available(&mut provider, &phone), 0);
    }
}

#[test]
fn no_more_than_the_bound_is_kept() {
    let (mut provider, issuing) = (Provider::new(), issuing());
    let phone = Device::new(&issuing, "mimi://example.org/d/alice/phone");
    let template = phone.fresh();
    let mut serial = 0_u32;
    let mut packages = |count| {
        let numbered = |_| {
            serial += 1;
            let mut package = template.clone();
            package.signature = serial.to_be_bytes().as_slice().into();
            bytes(&package)
        };
        (0..count).map(numbered).collect::<Vec<_>>()
    };
    for _ in 0..KEY_PACKAGES_KEPT / KEY_PACKAGES_PER_UPLOAD as u64 {
        let packages = packages(KEY_PACKAGES_PER_UPLOAD);
        upload(&mut provider, &phone.name(), packages).unwrap();
    }
    assert_eq!(available(&mut provider, &phone), KEY_PACKAGES_KEPT);
    let refused = upload(&mut provider, &phone.name(), packages(1));
    assert_eq!(code(refused), ProblemCode::TooMany);
    claim(&mut provider, &phone.name()).unwrap();
    assert!(upload(&mut provider, &phone.name(), packages(1)).is_ok());
}
