//! Making certificates and requests with `rcgen`, to the one profile that this crate reads back.

use std::fmt::Write;
use std::time::Duration;

use folkmoot_crypto::{random, sha256};
use rand_core::CryptoRng;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyIdMethod,
    KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, date_time_ymd,
};

use crate::error::IssueError;
use crate::key::KeyPair;
use crate::name::{DeviceName, ProviderDomain};
use crate::validity::Validity;

/// Length of serial numbers in bytes: 78 random bits, where 64 are asked for.
const SERIAL_NUMBER: usize = 10;
/// Length of an authority's name in bytes of the hash of its key; it appears twice in each
/// credential.
const AUTHORITY_NAME: usize = 10;

/// Length of an authority's key identifier in bytes.
const KEY_IDENTIFIER: usize = 20;

/// What a certificate is for.
pub(crate) enum Subject<'a> {
    /// A root or issuing CA of a provider with so many CAs below it.
    Provider {
        domain: &'a ProviderDomain,
        path_length: u8,
    },
    /// A device, which certifies its own leaf keys and nothing else.
    Device(&'a DeviceName),
    /// One leaf key of a device.
    Leaf(&'a DeviceName),
}

/// A certificate signed by the key that it is for.
pub(crate) fn self_signed(
    subject: &Subject<'_>,
    validity: Validity,
    key: &KeyPair,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, IssueError> {
    let params = params(subject, validity, key, rng)?;
    Ok(params.self_signed(key)?.der().to_vec())
}

/// A certificate for `subject_key`, signed by the authority whose key is `issuer`.
pub(crate) fn signed_by(
    subject: &Subject<'_>,
    validity: Validity,
    subject_key: &impl PublicKeyData,
    issuer: &KeyPair,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, IssueError> {
    let params = params(subject, validity, subject_key, rng)?;
    let mut issuer_params = CertificateParams::default();
    issuer_params.distinguished_name = common_name(&authority_name(issuer.public()));
    let issuer = Issuer::from_params(&issuer_params, issuer);
    Ok(params.signed_by(subject_key, &issuer)?.der().to_vec())
}

/// A PKCS#10 request (RFC 2986) with the device's names as its only extension.
pub(crate) fn request(key: &KeyPair, device: &DeviceName) -> Result<Vec<u8>, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = device_names(device)?;
    Ok(params.serialize_request(key)?.der().to_vec())
}

/// The common name of an authority follows from its key, so that no two authorities share a name
/// and a stored key is enough to sign in its certificate's name.
pub(crate) fn authority_name(public_key: &[u8]) -> String {
    sha256(public_key)[..AUTHORITY_NAME]
        .iter()
        .fold(String::new(), |mut name, byte| {
            write!(name, "{byte:02x}").expect("a String can be written to");
            name
        })
}

fn params(
    subject: &Subject<'_>,
    validity: Validity,
    key: &impl PublicKeyData,
    rng: &mut dyn CryptoRng,
) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    // These additions do not overflow: a `Validity` ends with the year 9999.
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(validity.not_before().0);
    params.not_after = epoch + Duration::from_secs(validity.not_after().0);
    params.serial_number = Some(serial_number(rng));
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_identifier(key));
    params.distinguished_name = common_name(&authority_name(key.der_bytes()));
    match subject {
        Subject::Provider {
            domain,
            path_length,
        } => {
            params.subject_alt_names = vec![SanType::DnsName(ia5(domain)?)];
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(*path_length));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        }
        Subject::Device(device) => {
            params.subject_alt_names = device_names(device)?;
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        }
        // Without a subject the alternative names are critical (RFC 5280 §4.2.1.6).
        Subject::Leaf(device) => {
            params.subject_alt_names = device_names(device)?;
            params.distinguished_name = DistinguishedName::new();
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        }
    }
    Ok(params)
}

/// RFC 7093 §2, method 1.
fn key_identifier(key: &impl PublicKeyData) -> Vec<u8> {
    sha256(&key.subject_public_key_info())[..KEY_IDENTIFIER].to_vec()
}

fn device_names(device: &DeviceName) -> Result<Vec<SanType>, IssueError> {
    Ok(vec![
        SanType::URI(ia5(device)?),
        SanType::URI(ia5(device.user())?),
    ])
}

fn ia5(name: &dyn std::fmt::Display) -> Result<Ia5String, IssueError> {
    Ok(Ia5String::try_from(name.to_string())?)
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Positive and of constant length: the first bit is 0 and the second is 1.
fn serial_number(rng: &mut dyn CryptoRng) -> SerialNumber {
    let mut serial = random::<SERIAL_NUMBER>(rng);
    serial[0] = 0x40 | (serial[0] & 0x3f);
    SerialNumber::from(serial.to_vec())
}
