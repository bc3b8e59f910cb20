//! A small provider that can also sign what an honest one would not.

use folkmoot_crypto::{Secret, SignatureKeyPair, sha256, suite_one};
use folkmoot_identity::{
    CertificateRequest, DeviceCertificate, DeviceKey, DeviceName, IssuingAuthority, RootAuthority,
    Timestamp, TrustAnchors, Validity, issue_leaf_credential,
};
use folkmoot_mls::Credential;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SanType, SignatureAlgorithm, date_time_ymd,
};
use tls_codec::{DeserializeBytes, VLBytes};

pub(crate) const NOW: Timestamp = Timestamp(1_750_000_000);
pub(crate) const DAY: u64 = 86_400;
pub(crate) const DOMAIN: &str = "example.org";
pub(crate) const PHONE: &str = "mimi://example.org/d/alice/phone";
pub(crate) const ALICE: &str = "mimi://example.org/u/alice";

/// Which certificates last how long: the root 400 days, issuing 100, devices 10, leaves 1.
pub(crate) struct World {
    pub(crate) rng: ChaCha20Rng,
    pub(crate) root: RootAuthority,
    pub(crate) issuing: IssuingAuthority,
    pub(crate) device_key: DeviceKey,
    pub(crate) device: DeviceCertificate,
    pub(crate) leaf: SignatureKeyPair,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::seeded(1, DOMAIN)
    }

    pub(crate) fn seeded(seed: u64, domain: &str) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let root = RootAuthority::create(&domain.parse().unwrap(), days(400), &mut rng).unwrap();
        let issuing = root.create_issuing(days(100), &mut rng).unwrap();
        let device_key = DeviceKey::generate(&mut rng);
        let name = format!("mimi://{domain}/d/alice/phone").parse().unwrap();
        let device = issuing
            .issue_device(&request(&device_key, &name), days(10), &mut rng)
            .unwrap();
        let leaf = suite_one().generate_signature_key_pair(&mut rng).unwrap();
        Self {
            rng,
            root,
            issuing,
            device_key,
            device,
            leaf,
        }
    }

    pub(crate) fn anchors(&self) -> &TrustAnchors {
        self.issuing.anchors()
    }

    pub(crate) fn credential(&mut self) -> Credential {
        let (key, certificate) = (&self.device_key, &self.device);
        issue_leaf_credential(key, certificate, &self.leaf.public, days(1), &mut self.rng).unwrap()
    }

    pub(crate) fn issuing_key(&self) -> Key {
        Key::stored(&self.issuing.key())
    }

    pub(crate) fn device_signer(&self) -> Key {
        Key::stored(&self.device_key.to_secret())
    }

    pub(crate) fn fresh_key(&mut self) -> Key {
        Key(suite_one()
            .generate_signature_key_pair(&mut self.rng)
            .unwrap())
    }

    /// A device certificate signed by the issuing CA, otherwise than an honest one would be.
    pub(crate) fn forged_device(&self, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = device_params(&self.device_signer());
        change(&mut params);
        sign(&params, &self.device_signer(), &self.issuing_key())
    }

    /// A leaf certificate signed by the device, otherwise than an honest one would be.
    pub(crate) fn forged_leaf(&self, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = leaf_params();
        change(&mut params);
        sign(&params, &Key(self.leaf.clone()), &self.device_signer())
    }
}

pub(crate) fn days(days: u64) -> Validity {
    Validity::from_now(NOW, days * DAY)
}

pub(crate) fn request(key: &DeviceKey, device: &DeviceName) -> CertificateRequest {
    CertificateRequest::verify(&key.certificate_request(device).unwrap()).unwrap()
}

pub(crate) fn credential_of(certificates: &[&[u8]]) -> Credential {
    Credential::X509(
        certificates
            .iter()
            .map(|der| VLBytes::new(der.to_vec()))
            .collect(),
    )
}

pub(crate) fn certificates_of(credential: &Credential) -> Vec<Vec<u8>> {
    match credential {
        Credential::X509(certificates) => certificates
            .iter()
            .map(|der| der.as_slice().to_vec())
            .collect(),
        Credential::Basic(_) => Vec::new(),
    }
}

/// A key that signs anything.
pub(crate) struct Key(pub(crate) SignatureKeyPair);

impl Key {
    fn stored(secret: &Secret) -> Self {
        Self(SignatureKeyPair::tls_deserialize_exact_bytes(secret.expose()).unwrap())
    }

    pub(crate) fn name(&self) -> DistinguishedName {
        let mut wide = [0; 16];
        wide[6..].copy_from_slice(&sha256(&self.0.public)[..10]);
        let hex = format!("{:020x}", u128::from_be_bytes(wide));
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, hex);
        name
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.0.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(suite_one().sign(&self.0.private, message).unwrap())
    }
}

pub(crate) fn sign(
    params: &CertificateParams,
    subject: &impl PublicKeyData,
    issuer: &Key,
) -> Vec<u8> {
    sign_as(params, subject, issuer, issuer.name())
}

/// Signs in the name of whoever is called `name`.
pub(crate) fn sign_as(
    params: &CertificateParams,
    subject: &impl PublicKeyData,
    issuer: &Key,
    name: DistinguishedName,
) -> Vec<u8> {
    let mut issuer_params = CertificateParams::default();
    issuer_params.distinguished_name = name;
    let issuer = Issuer::from_params(&issuer_params, issuer);
    params.signed_by(subject, &issuer).unwrap().der().to_vec()
}

pub(crate) fn device_params(key: &Key) -> CertificateParams {
    let mut params = valid_for(10);
    params.distinguished_name = key.name();
    params.subject_alt_names = vec![uri(PHONE), uri(ALICE)];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

pub(crate) fn leaf_params() -> CertificateParams {
    let mut params = valid_for(1);
    params.subject_alt_names = vec![uri(PHONE), uri(ALICE)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

pub(crate) fn provider_params(key: &Key, domain: &str, path_length: u8) -> CertificateParams {
    let mut params = valid_for(50);
    params.distinguished_name = key.name();
    params.subject_alt_names = vec![SanType::DnsName(domain.try_into().unwrap())];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

pub(crate) fn uri(uri: &str) -> SanType {
    SanType::URI(uri.try_into().unwrap())
}

pub(crate) fn critical_extension() -> CustomExtension {
    let mut extension =
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
    extension.set_criticality(true);
    extension
}

pub(crate) fn set_validity(params: &mut CertificateParams, not_before: u64, not_after: u64) {
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + std::time::Duration::from_secs(not_before);
    params.not_after = epoch + std::time::Duration::from_secs(not_after);
}

fn valid_for(days: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    set_validity(&mut params, NOW.0 - 300, NOW.0 + days * DAY);
    params
}
