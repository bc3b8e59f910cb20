//! Reading certificates: DER into the few facts that the profile knows.
//!
//! What `rustls-webpki` leaves open is decided here: key usage, the exact alternative names, the
//! exact path length, and one authority's signature on another (webpki validates end entities only).

use folkmoot_crypto::suite_one;
use folkmoot_mls::Timestamp;
use x509_cert::Certificate;
use x509_cert::der::asn1::{BitString, ObjectIdentifier};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::error::CertificateError;
use crate::name::{DeviceName, ProviderDomain};
use crate::validity::Validity;

/// Longest certificate or certification request that is read, in bytes. The longest names need
/// about half of it.
pub const MAX_CERTIFICATE: usize = 2048;

/// id-Ed25519 (RFC 8410 §3), for keys and signatures alike, without parameters.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A certificate as it was read. Nobody vouches for it yet.
#[derive(Clone, Debug)]
pub(crate) struct ParsedCertificate {
    signed_content: Vec<u8>,
    signature: Vec<u8>,
    issuer: Name,
    subject: Name,
    pub(crate) public_key: Vec<u8>,
    pub(crate) validity: Validity,
    basic_constraints: BasicConstraints,
    key_usage: KeyUsage,
    names: Vec<GeneralName>,
}

impl ParsedCertificate {
    pub(crate) fn decode(der: &[u8]) -> Result<Self, CertificateError> {
        let certificate: Certificate = decode_canonical(der)?;
        let content = certificate.tbs_certificate();
        let algorithms = [certificate.signature_algorithm(), content.signature()];
        algorithms.into_iter().try_for_each(check_ed25519)?;
        let extensions = content.extensions().map_or(&[][..], Vec::as_slice);
        if extensions
            .iter()
            .any(|extension| extension.critical && !is_known(extension))
        {
            return Err(CertificateError::UnknownExtension);
        }
        let not_before = content.validity().not_before.to_unix_duration().as_secs();
        let not_after = content.validity().not_after.to_unix_duration().as_secs();
        Ok(Self {
            signed_content: content.to_der().map_err(malformed)?,
            signature: octets(certificate.signature())?,
            issuer: content.issuer().clone(),
            subject: content.subject().clone(),
            public_key: ed25519_key(content.subject_public_key_info())?,
            validity: Validity::new(Timestamp(not_before), Timestamp(not_after))
                .ok_or(CertificateError::Validity)?,
            basic_constraints: extension(&certificate)?.unwrap_or(BasicConstraints {
                ca: false,
                path_len_constraint: None,
            }),
            key_usage: extension(&certificate)?.ok_or(CertificateError::KeyUsage)?,
            names: extension::<SubjectAltName>(&certificate)?
                .ok_or(CertificateError::Names)?
                .0,
        })
    }

    /// An authority with exactly so many authorities allowed below it, that signs certificates only.
    pub(crate) fn check_authority(&self, path_length: u8) -> Result<(), CertificateError> {
        if !self.basic_constraints.ca {
            return Err(CertificateError::NotAuthority);
        }
        if self.basic_constraints.path_len_constraint != Some(path_length) {
            return Err(CertificateError::PathLength);
        }
        if !self.key_usage.key_cert_sign() || self.key_usage.digital_signature() {
            return Err(CertificateError::KeyUsage);
        }
        Ok(())
    }

    /// An end entity that signs messages and no certificates.
    pub(crate) fn check_end_entity(&self) -> Result<(), CertificateError> {
        if self.basic_constraints.ca {
            return Err(CertificateError::NotEndEntity);
        }
        if !self.key_usage.digital_signature() || self.key_usage.key_cert_sign() {
            return Err(CertificateError::KeyUsage);
        }
        Ok(())
    }

    /// The provider's domain, the only name of a root or issuing CA.
    pub(crate) fn domain(&self) -> Result<ProviderDomain, CertificateError> {
        match self.names.as_slice() {
            [GeneralName::DnsName(name)] => {
                name.as_str().parse().map_err(|_| CertificateError::Names)
            }
            _ => Err(CertificateError::Names),
        }
    }

    /// The device, whose name and whose user's name are the only names, in this order.
    pub(crate) fn device(&self) -> Result<DeviceName, CertificateError> {
        device_in(&self.names)
    }

    pub(crate) fn has_issuer(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
    }

    /// Refuses what the key of `issuer` did not sign (RFC 5280 §6.1.3 (a)(1)).
    pub(crate) fn check_signature(&self, issuer: &Self) -> Result<(), CertificateError> {
        suite_one()
            .verify(&issuer.public_key, &self.signed_content, &self.signature)
            .map_err(|_| CertificateError::Signature)
    }

    /// Whether the subject is this common name alone.
    pub(crate) fn is_called(&self, common_name: &str) -> bool {
        let found = self.subject.common_name().ok().flatten();
        self.subject.len() == 1 && found.is_some_and(|found| found.value() == common_name)
    }
}

/// Decodes exactly one value. What is encoded anew must be what was read, so that a certificate has
/// one encoding only and the signed part may be taken from the decoded value.
pub(crate) fn decode_canonical<'a, T: Decode<'a, Error = x509_cert::der::Error> + Encode>(
    der: &'a [u8],
) -> Result<T, CertificateError> {
    if der.len() > MAX_CERTIFICATE {
        return Err(CertificateError::TooLarge);
    }
    let value = T::from_der(der).map_err(malformed)?;
    if value.to_der().map_err(malformed)? != der {
        return Err(CertificateError::Malformed);
    }
    Ok(value)
}

/// The one device that alternative names name, followed by its user.
pub(crate) fn device_in(names: &[GeneralName]) -> Result<DeviceName, CertificateError> {
    let [
        GeneralName::UniformResourceIdentifier(device),
        GeneralName::UniformResourceIdentifier(user),
    ] = names
    else {
        return Err(CertificateError::Names);
    };
    let device: DeviceName = device
        .as_str()
        .parse()
        .map_err(|_| CertificateError::Names)?;
    if device.user().to_string() != user.as_str() {
        return Err(CertificateError::Names);
    }
    Ok(device)
}

pub(crate) fn check_ed25519(algorithm: &AlgorithmIdentifierOwned) -> Result<(), CertificateError> {
    if algorithm.oid == ED25519 && algorithm.parameters.is_none() {
        Ok(())
    } else {
        Err(CertificateError::Algorithm)
    }
}

pub(crate) fn ed25519_key(key: &SubjectPublicKeyInfoOwned) -> Result<Vec<u8>, CertificateError> {
    check_ed25519(&key.algorithm)?;
    let key = octets(&key.subject_public_key)?;
    suite_one()
        .check_signature_public_key(&key)
        .map_err(|_| CertificateError::Algorithm)?;
    Ok(key)
}

pub(crate) fn octets(bits: &BitString) -> Result<Vec<u8>, CertificateError> {
    Ok(bits.as_bytes().ok_or(CertificateError::Malformed)?.to_vec())
}

pub(crate) fn malformed(_: x509_cert::der::Error) -> CertificateError {
    CertificateError::Malformed
}

fn is_known(extension: &Extension) -> bool {
    [BasicConstraints::OID, KeyUsage::OID, SubjectAltName::OID].contains(&extension.extn_id)
}

/// An extension that may appear once.
fn extension<'a, T>(certificate: &'a Certificate) -> Result<Option<T>, CertificateError>
where
    T: Decode<'a, Error = x509_cert::der::Error> + AssociatedOid,
{
    let found = certificate
        .tbs_certificate()
        .get_extension::<T>()
        .map_err(malformed)?;
    Ok(found.map(|(_critical, extension)| extension))
}
